"""The page "Data quality": what was measured, what stands in for the rest, and who said so."""

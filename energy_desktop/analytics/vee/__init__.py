"""Validation, estimation and editing of energy: what is to be believed, and what stands in."""

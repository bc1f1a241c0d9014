"""Pure calculation, a package per question, each beside its naive rival."""

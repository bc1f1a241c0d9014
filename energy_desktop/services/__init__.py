"""A file per thing the user can ask for: load, compute, save."""

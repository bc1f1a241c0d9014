"""The settings page: what can be set, and what the program knows of itself."""

"""A file per screen."""

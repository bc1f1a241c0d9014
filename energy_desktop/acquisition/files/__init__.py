"""Readings from files: the London layouts and general CSV."""

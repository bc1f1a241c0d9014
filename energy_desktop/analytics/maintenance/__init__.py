"""Creeping power draw."""

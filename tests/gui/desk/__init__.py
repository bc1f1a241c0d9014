"""The commissioning desk, one part at a time."""

"""Reads electricity meters, keeps what they said, and says what it means."""

__version__ = "0.1.0"

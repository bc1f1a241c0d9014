"""Readings as sealed chunks, rollups and intervals."""

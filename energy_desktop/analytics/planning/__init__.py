"""Batteries and switchable loads against prices."""

"""Talks to meters: driver profiles, links, pollers, the simulator and files."""

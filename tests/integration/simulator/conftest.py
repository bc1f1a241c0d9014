"""The same site as in the unit tests, now behind a wire."""

from tests.unit.simulator.conftest import library, site

__all__ = ["library", "site"]

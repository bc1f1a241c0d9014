"""The site at a glance: what flows, what today costs, what is usual, and what is worth doing."""

from energy_desktop.services.overview.service import OverviewService

__all__ = ["OverviewService"]

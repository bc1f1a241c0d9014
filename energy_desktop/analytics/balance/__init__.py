"""Why a main meter and its sub-meters do not add up."""

from energy_desktop.analytics.balance.rest import Cause, Rest, explain

__all__ = ["Cause", "Rest", "explain"]

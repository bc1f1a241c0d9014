"""Why a main meter and its sub-meters do not add up, and what the weather has to do with it."""

from energy_desktop.analytics.balance.rest import explain, like_rest
from energy_desktop.analytics.balance.signature import TooFewDays, fit_signature
from energy_desktop.domain.balance import Cause, Rest

__all__ = ["Cause", "Rest", "TooFewDays", "explain", "fit_signature", "like_rest"]

"""Temperature as a driver of energy use."""

from energy_desktop.analytics.weather.degree_days import DegreeDays, degree_days

__all__ = ["DegreeDays", "degree_days"]

"""A sentence for the overview, with its figure and the way to the view that proves it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recommendation:
    """rank_units: yearly money in 1e-4 units that orders the list; 0 where money says nothing."""

    sentence: str
    figure: str
    view: str  # overview live history meters alarms billing maintenance forecast reports settings
    subject_id: str = ""
    rank_units: int = 0

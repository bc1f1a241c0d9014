"""What the window, the paper and the commands say of a fleet with the same words: how far its
groups, its forecasts and its bills are to be believed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from energy_desktop.domain import wording
from energy_desktop.domain.fleet import FleetSummary, Scores

NAIVE = "naive_"
"""How the name of a forecast begins that nobody had to learn."""

EXAMPLE_TARIFFS = (
    "The prices are round examples that come with the program, not those of anybody's contract; "
    "a run that is given a file of tariffs takes real ones."
)

NO_READINGS = "No reading of its files can be used."
LOOK_AT_QUALITY = "Its data quality names what is wrong with each file (fleet show --quality)."
NEWER_ON_SITE = (
    "The site has newer readings than this run; only replacing its results takes them (--replace)."
)

_MODELS = {
    "regression": "linear regression",
    "lightgbm": "LightGBM",
    "naive_yesterday": "as yesterday",
    "naive_last_week": "as a week ago",
    "naive_month_mean": "as the month's mean",
}
_HOUSEHOLDS_A_GROUP = 5


def groups_sentence(groups: int, stability: Mapping[int, float]) -> str:
    """How far `groups` segments are to be believed, and which number would be steadier; "" without
    groups. stability: as in FleetSummary.
    """
    if groups < 2:
        return ""
    if groups not in stability:
        return (
            f"How steady {groups} groups are cannot be said of so few households: it takes "
            f"{_HOUSEHOLDS_A_GROUP * groups}."
        )
    text = (
        f"With half of the fleet left out, {groups} groups stay "
        f"{wording.number(stability[groups], 2)} alike (1 the same)"
    )
    best = steadier(groups, stability)
    if best is None:
        return f"{text}; no other number does better."
    return f"{text}; {best} groups would stay {wording.number(stability[best], 2)} alike."


def steadier(groups: int, stability: Mapping[int, float]) -> int | None:
    """The number of groups that is more stable than `groups`, to two decimals; None: none is."""
    if groups not in stability:
        return None
    best = max(stability, key=lambda k: (stability[k], -k))
    return best if round(stability[best], 2) > round(stability[groups], 2) else None


def models_sentence(scores: Mapping[str, Scores]) -> str:
    """Which model a naive forecast beats by its mean error; "" when none does.

    scores: as in FleetSummary. To two decimals of a kWh, as the figures are shown.
    """
    off = {
        name: round(one.mae_kwh, 2) for name, one in scores.items() if math.isfinite(one.mae_kwh)
    }
    naive = min((name for name in off if name.startswith(NAIVE)), key=off.__getitem__, default=None)
    if naive is None:
        return ""
    beaten = [name for name in off if not name.startswith(NAIVE) and off[name] >= off[naive]]
    if not beaten:
        return ""
    said = " and ".join(f"{_MODELS.get(m, m)} ({wording.number(off[m], 2)} kWh)" for m in beaten)
    are = "is" if len(beaten) == 1 else "are"
    worse = "worse than" if all(off[m] > off[naive] for m in beaten) else "no better than"
    return (
        f"{said[0].upper()}{said[1:]} {are} {worse} the naive forecast "
        f"\u201c{_MODELS.get(naive, naive)}\u201d ({wording.number(off[naive], 2)} kWh) by mean "
        "error: take that one."
    )


def notes(summary: FleetSummary) -> tuple[str, ...]:
    """All that is to be known before the figures of a run are used, in sentences."""
    said = [
        models_sentence(summary.scores),
        groups_sentence(len(summary.segments), summary.stability),
        EXAMPLE_TARIFFS if summary.example_tariffs and summary.segments else "",
        NEWER_ON_SITE if summary.site_is_newer else "",
    ]
    return tuple(one for one in said if one)

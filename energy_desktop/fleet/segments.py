"""Households whose days look alike.

Grouped by the shape of the day (the mean of each hour over the mean hour), by the week-end
against the working day and by the level, so that a small and a large flat with the same evening
are told apart but not torn apart. How many groups the fleet supports is measured, not believed:
see kmeans.stability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain import wording
from energy_desktop.domain.fleet import Segment
from energy_desktop.fleet import kmeans
from energy_desktop.fleet.tariffs import Weeks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

LEAST_DAYS = 14.0
COUNTS = range(2, 9)
_HOURS = 24
_WEEKDAYS = 5 * 48
_LEVEL_WEIGHT = 0.5
_WEEKEND_WEIGHT = 0.15
_LEAST_KWH_PER_DAY = 0.05
_PARTS = {
    "night": slice(0, 6), "morning": slice(6, 10), "midday": slice(10, 16),
    "evening": slice(16, 24),
}  # fmt: skip
"""Hours of the day."""
_PLAINLY_FULLER = 0.1
"""Of the mean hour: by so much more in a part of the day, a group is told from others by it."""
_PLAINLY = 1.15
"""How many times more one group uses than the next, to be told from it by that."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """What households are grouped by.

    hour (n, 24): energy of the hour of the day over the mean hour. weekend (n,): a day at the
    week-end over a working day. kwh_per_day (n,). usable (n,): two weeks of readings in every
    hour, and some use.
    """

    hour: Floats
    weekend: Floats
    kwh_per_day: Floats
    night_share: Floats
    usable: Bools


def shapes(weeks: Weeks) -> Shapes:
    """Mean power in each hour of the day; hours without a reading make a household unusable."""
    n = len(weeks.names)
    by_hour = weeks.mwh.reshape(n, 7, _HOURS, 2).sum(axis=(1, 3)).astype(np.float64)
    covered = weeks.covered_min.reshape(n, 7, _HOURS, 2).sum(axis=(1, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        power = by_hour / covered
        mean = power.mean(axis=1)
        hour = power / mean[:, None]
        working = _mean_power(weeks, slice(0, _WEEKDAYS))
        weekend = _mean_power(weeks, slice(_WEEKDAYS, None)) / working
        per_day = weeks.kwh / weeks.days
        night = by_hour[:, :6].sum(axis=1) / by_hour.sum(axis=1)
    usable = (
        (weeks.days >= LEAST_DAYS)
        & np.isfinite(hour).all(axis=1)
        & np.isfinite(weekend)
        & (per_day >= _LEAST_KWH_PER_DAY)
    )
    return Shapes(hour, weekend, per_day, night, usable)


def _mean_power(weeks: Weeks, slots: slice) -> Floats:
    return np.asarray(weeks.mwh[:, slots].sum(axis=1) / weeks.covered_min[:, slots].sum(axis=1))


def matrix(of: Shapes) -> Floats:
    """Rows of the usable households: shape, weekend and level with weights, shape (m, 26)."""
    hour = of.hour[of.usable]
    level = np.log(of.kwh_per_day[of.usable])
    weekend = np.log(np.maximum(of.weekend[of.usable], 1e-3))
    # The whole shape weighs 1, whatever the number of its hours.
    hour = hour / max(float(np.sqrt(hour.var(axis=0).sum())), 1e-9)
    return np.column_stack(
        [
            hour,
            _WEEKEND_WEIGHT * weekend / max(float(weekend.std()), 1e-9),
            _LEVEL_WEIGHT * level / max(float(level.std()), 1e-9),
        ]
    )


def group(of: Shapes, k: int, *, seed: int) -> Ints:
    """Segment of each household, shape (n,): 0 is the largest group; -1: not usable."""
    labels = np.full(len(of.usable), -1, np.int64)
    if not of.usable.any():
        return labels
    x = matrix(of)
    found, _ = kmeans.fit(x, k, seed=seed).assign(x)
    size = np.bincount(found)
    rank = np.empty(len(size), np.int64)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
    labels[of.usable] = rank[found]
    return labels


def stabilities(of: Shapes, *, seed: int) -> dict[int, float]:
    """Stability of each number of groups that the fleet is large enough for."""
    usable = int(of.usable.sum())
    x = matrix(of) if usable else np.empty((0, 0))
    return {k: kmeans.stability(x, k, seed=seed) for k in COUNTS if usable >= 5 * k}


def describe(of: Shapes, labels: Ints, cost_per_year: Floats) -> tuple[Segment, ...]:
    """Each segment in figures and words; cost_per_year (n,) in currency units."""
    usable = np.flatnonzero(labels >= 0)
    if not usable.size:
        return ()
    low, high = np.quantile(of.kwh_per_day[usable], [1 / 3, 2 / 3])
    found = []
    for one in range(int(labels.max()) + 1):
        mine = np.flatnonzero(labels == one)
        if not mine.size:  # looked at for a time in which none of the group has data
            continue
        shape = of.hour[mine].mean(axis=0)
        level = float(of.kwh_per_day[mine].mean())
        weekend = float(np.median(of.weekend[mine]))
        found.append(
            Segment(
                segment=one + 1,
                words=words(shape, level, weekend, low=float(low), high=float(high)),
                households=len(mine),
                share_pct=100.0 * len(mine) / len(usable),
                kwh_per_day=level,
                night_share_pct=100.0 * float(of.night_share[mine].mean()),
                weekend_ratio=weekend,
                cost_per_year=float(cost_per_year[mine].mean()),
                shape=tuple(shape.tolist()),
            )
        )
    return told_apart(found)


def told_apart(found: Sequence[Segment]) -> tuple[Segment, ...]:
    """Segments with the same words get one more, or a figure, in which they differ."""
    alike: dict[str, list[Segment]] = {}
    for one in found:
        alike.setdefault(one.words, []).append(one)
    more = {
        one.segment: said
        for same in alike.values()
        if len(same) > 1
        for one, said in zip(same, _differences(same), strict=True)
    }
    return tuple(
        replace(one, words=f"{one.words}, {more[one.segment]}") if one.segment in more else one
        for one in found
    )


def _differences(same: Sequence[Segment]) -> Sequence[str]:
    """In what each of them differs most plainly from all the others."""

    def texts(say: Callable[[Segment], str]) -> list[str]:
        return [say(one) for one in same]

    level = sorted(one.kwh_per_day for one in same)
    apart = all(high >= _PLAINLY * low for low, high in pairwise(level))
    use = texts(lambda one: f"{wording.number(one.kwh_per_day)} kWh a day")
    ways = [_fuller(same)]
    ways += [use] if apart else []
    ways += [
        texts(lambda one: f"most at {int(np.argmax(one.shape)):02d}:00"),
        use,
        texts(lambda one: f"{wording.number(one.night_share_pct, 0)} % at night"),
        texts(lambda one: f"weekend {wording.number(one.weekend_ratio, 2)} of a working day"),
    ]
    return next(
        (said for said in ways if all(said) and len(set(said)) == len(said)),
        texts(lambda one: f"group {one.segment}"),
    )


def _fuller(same: Sequence[Segment]) -> list[str]:
    """In which part of the day each uses a larger share than the others do; "" where it is not
    plainly larger.
    """
    parts = np.array([[np.mean(one.shape[hours]) for hours in _PARTS.values()] for one in same])
    others = (parts.sum(axis=0) - parts) / (len(same) - 1)
    more = parts - others
    names = list(_PARTS)
    return [
        f"fuller {names[int(row.argmax())]}s" if row.max() >= _PLAINLY_FULLER else ""
        for row in more
    ]


def words(shape: Floats, kwh_per_day: float, weekend: float, *, low: float, high: float) -> str:
    """`low, strong evening peak, flat weekend`. low, high: thirds of the fleet's kWh a day."""
    level = "low" if kwh_per_day < low else "high" if kwh_per_day > high else "medium"
    if weekend > 1.08:
        end = "more at the weekend"
    elif weekend < 0.92:
        end = "less at the weekend"
    else:
        end = "flat weekend"
    return f"{level}, {_day_in_words(shape)}, {end}"


def _day_in_words(shape: Floats) -> str:
    parts = {name: float(shape[hours].max()) for name, hours in _PARTS.items()}
    top = max(parts, key=lambda name: parts[name])
    if parts[top] < 1.35:
        return "even through the day"
    if top in ("morning", "evening"):
        other = "evening" if top == "morning" else "morning"
        if parts[other] > 0.85 * parts[top]:
            return "morning and evening"
    strong = "strong " if parts[top] > 1.9 else ""
    return f"{strong}night use" if top == "night" else f"{strong}{top} peak"

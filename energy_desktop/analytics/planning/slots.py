"""Prices, load and solar power, each in its own steps, brought onto common slots.

The finest steps win: a slot begins wherever any of the series begins one, so that a mean power
or a price is never averaged away. A power series that covers a slot gives it its mean power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.contract import PriceSlot
from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.plan import PlanSlot

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StepSeries:
    """Mean power of consecutive steps. start_ms, end_ms, power_w: shape (n,), without gaps."""

    name: str
    start_ms: Int64s
    end_ms: Int64s
    power_w: Floats


def join_slots(
    prices: Sequence[PriceSlot],
    load: StepSeries | None = None,
    pv: StepSeries | None = None,
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> tuple[PlanSlot, ...]:
    """Common slots over the time that prices, load and solar power all cover.

    A series that is None counts as 0 W throughout. start_ms, end_ms cut the result.
    Raises NotEnoughData when a series has a gap, or the series have no time in common.
    """
    if not prices:
        raise NotEnoughData(where="Plan", what="there are no prices.", remedy="Give some.")
    price_start = np.array([slot.start_ms for slot in prices], dtype=np.int64)
    price_end = np.array([slot.end_ms for slot in prices], dtype=np.int64)
    _check_steps("prices", price_start, price_end)
    series = [one for one in (load, pv) if one is not None]
    for one in series:
        if len(one.start_ms) == 0:
            raise NotEnoughData(
                where="Plan", what=f"the {one.name} has no value.", remedy="Give some."
            )
        _check_steps(one.name, one.start_ms, one.end_ms)
    begins = [int(price_start[0]), *(int(one.start_ms[0]) for one in series)]
    ends = [int(price_end[-1]), *(int(one.end_ms[-1]) for one in series)]
    begin = max([*begins, *([] if start_ms is None else [start_ms])])
    end = min([*ends, *([] if end_ms is None else [end_ms])])
    if begin >= end:
        covers = ", ".join(
            f"{name} from {iso_utc(a)} to {iso_utc(b)}"
            for name, a, b in zip(
                ["prices", *(one.name for one in series)], begins, ends, strict=True
            )
        )
        raise NotEnoughData(
            where="Plan",
            what=f"the series have no time in common: {covers}.",
            remedy="Give prices, load and solar power for the same days.",
        )
    edges = np.unique(
        np.concatenate(
            [price_start, *(one.start_ms for one in series), np.array([begin, end], np.int64)]
        )
    )
    edges = edges[(edges >= begin) & (edges <= end)]
    starts, stops = edges[:-1], edges[1:]
    price_at = np.searchsorted(price_start, starts, side="right") - 1
    load_w = _power_at(load, starts)
    pv_w = _power_at(pv, starts)
    return tuple(
        PlanSlot(
            start_ms=int(starts[k]),
            end_ms=int(stops[k]),
            load_w=float(load_w[k]),
            pv_w=float(pv_w[k]),
            import_per_kwh=prices[price_at[k]].import_per_kwh,
            export_per_kwh=prices[price_at[k]].export_per_kwh,
        )
        for k in range(len(starts))
    )


def _power_at(series: StepSeries | None, starts: Int64s) -> Floats:
    if series is None:
        return np.zeros(len(starts))
    return series.power_w[np.searchsorted(series.start_ms, starts, side="right") - 1]


def _check_steps(name: str, start_ms: Int64s, end_ms: Int64s) -> None:
    broken = np.flatnonzero((start_ms[1:] != end_ms[:-1]) | (end_ms[1:] <= start_ms[1:]))
    if len(broken):
        k = int(broken[0])
        raise NotEnoughData(
            where=f"Plan, {name}",
            what=f"the step after {iso_utc(int(start_ms[k]))} ends {iso_utc(int(end_ms[k]))}, "
            f"the next begins {iso_utc(int(start_ms[k + 1]))}.",
            remedy="Give steps that follow each other, or plan up to the gap.",
        )

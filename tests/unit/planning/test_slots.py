"""Series of different steps meet on common slots, and nothing is invented between them."""

import numpy as np
import pytest

from energy_desktop.analytics.planning.slots import StepSeries, join_slots
from energy_desktop.domain.contract import PriceSlot
from energy_desktop.domain.errors import NotEnoughData

MINUTE_MS = 60_000


def prices(*minutes):
    slots, start = [], 0
    for k, length in enumerate(minutes):
        slots.append(PriceSlot(start, start + length * MINUTE_MS, k / 10, k / 20))
        start = slots[-1].end_ms
    return slots


def steps(name, powers, minutes=15, first_min=0):
    start = (np.arange(len(powers), dtype=np.int64) * minutes + first_min) * MINUTE_MS
    return StepSeries(name, start, start + minutes * MINUTE_MS, np.array(powers, dtype=float))


def test_the_finest_steps_win_and_every_slot_takes_what_covers_it():
    joined = join_slots(prices(60, 30, 30), steps("load", range(8)), steps("pv", [7, 8], 60))

    assert [(s.end_ms - s.start_ms) // MINUTE_MS for s in joined] == [15] * 8
    assert [s.load_w for s in joined] == list(range(8))
    assert [s.pv_w for s in joined] == [7] * 4 + [8] * 4
    assert [s.import_per_kwh for s in joined] == [0.0] * 4 + [0.1] * 2 + [0.2] * 2


def test_prices_alone_make_slots_without_load():
    joined = join_slots(prices(60, 15))

    assert [(s.load_w, s.pv_w) for s in joined] == [(0, 0)] * 2
    assert joined[1].export_per_kwh == 0.05


def test_only_the_common_time_is_planned():
    joined = join_slots(prices(60, 60, 60), steps("load", [5, 6], 60, first_min=60))

    assert (joined[0].start_ms, joined[-1].end_ms) == (60 * MINUTE_MS, 180 * MINUTE_MS)
    cut = join_slots(prices(60, 60), start_ms=30 * MINUTE_MS, end_ms=90 * MINUTE_MS)
    assert [(s.start_ms // MINUTE_MS, s.end_ms // MINUTE_MS) for s in cut] == [(30, 60), (60, 90)]


def test_a_gap_or_no_common_time_is_refused_in_words():
    gap = [*prices(60), PriceSlot(120 * MINUTE_MS, 180 * MINUTE_MS, 1, 1)]
    with pytest.raises(NotEnoughData, match="the next begins 1970-01-01T02:00:00Z"):
        join_slots(gap)
    with pytest.raises(NotEnoughData, match="no time in common"):
        join_slots(prices(60), steps("load", [5], 60, first_min=600))
    with pytest.raises(NotEnoughData, match="no prices"):
        join_slots([])

"""History of a period: one row of slots from which carpet, duration and totals follow."""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.clock import from_ms, local_day_bounds_ms, local_midnight_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import Intervals, Reconciliation
from energy_desktop.domain.errors import NotEnoughData, NotFound, WrongUse
from energy_desktop.domain.site import Meter, Site
from energy_desktop.services.history import HistoryService, Slots, day_carpet
from energy_desktop.services.local_days import day_edges, days_touched

BERLIN = ZoneInfo("Europe/Berlin")
HALF_HOUR_MS = 1_800_000
DAY_MS = 86_400_000
START = local_midnight_ms(date(2026, 3, 2), BERLIN)  # a Monday


class Books:
    """An imported meter: intervals of half an hour from START on, and nothing else."""

    def __init__(self, energy_wh):
        self.energy_wh = np.asarray(energy_wh, dtype=np.float64)

    # ConfigurationStore
    def load(self):
        return Configuration(site=Site("Works", "Europe/Berlin"), meters=(Meter("m", "Lathe"),))

    # History
    def extent(self, _):
        return START, START + self.energy_wh.size * HALF_HOUR_MS

    def quantities(self, _):
        return ()  # as the store says of a meter that was never polled

    def gaps(self, *_):
        return ()

    # Ledger
    def registers(self, _):
        return ("energy_import_wh",)

    def intervals(self, meter_id, start_ms, end_ms, *, register="energy_import_wh", step_s=None):
        first, last = -(-start_ms // HALF_HOUR_MS), end_ms // HALF_HOUR_MS
        starts = np.arange(first, last, dtype=np.int64) * HALF_HOUR_MS
        at = (starts - START) // HALF_HOUR_MS
        inside = (at >= 0) & (at < self.energy_wh.size)
        energy = np.full(starts.size, np.nan)
        energy[inside] = self.energy_wh[at[inside]]
        quality = np.where(np.isfinite(energy), 0, 5).astype(np.int8)
        return Intervals(meter_id, register, 1800, starts, energy, quality)

    def reconciliation(self, meter_id, start_ms, end_ms, *, register="energy_import_wh"):
        found = self.intervals(meter_id, start_ms, end_ms, register=register).energy_wh
        missing = int(np.isnan(found).sum())
        return Reconciliation(
            meter_id, register, None, None, None, round(float(np.nansum(found))), 0, missing
        )


def a_service(energy_wh, now_ms=START + 400 * DAY_MS):
    books = Books(energy_wh)
    return HistoryService(books, books, books, lambda: from_ms(now_ms))


def test_energy_of_half_hours_becomes_mean_power():
    service = a_service([500.0] * 48)

    look = service.look("m", "power_w", START, START + DAY_MS)

    assert set(look.slots.values) == {1000.0}
    assert look.facts.energy_wh == 24_000
    assert look.facts.load_factor_pct == pytest.approx(100.0)


def test_what_is_missing_is_counted_and_never_zero():
    energy = np.full(96, 100.0)
    energy[10:20] = np.nan
    service = a_service(energy)

    look = service.look("m", "power_w", START, START + 2 * DAY_MS)

    assert look.facts.completeness_pct == pytest.approx(100 * 86 / 96)
    assert look.facts.missing_s == 10 * 1800
    assert look.facts.lowest == 200.0
    assert np.isnan(look.carpet.values[0, 10:20]).all()
    assert look.duration.size == 86


def test_the_future_is_not_missing():
    now = START + DAY_MS // 2
    service = a_service([100.0] * 24, now_ms=now)

    look = service.look("m", "power_w", START, START + DAY_MS)

    assert look.facts.completeness_pct == 100.0
    assert look.carpet.day_slots == (24,)


def test_the_base_load_is_the_fifth_percentile_and_the_duration_falls():
    service = a_service(np.arange(1, 97, dtype=float))

    look = service.look("m", "power_w", START, START + 2 * DAY_MS)

    assert look.facts.base_load.power_w == pytest.approx(np.percentile(2.0 * np.arange(1, 97), 5))
    assert np.all(np.diff(look.duration) <= 0)


def test_a_day_stands_beside_its_own_weekday_only():
    monday, other = [100.0] * 48, [999.0] * 48
    service = a_service((monday + other * 6) * 4 + [150.0] * 48)
    fifth_monday = local_midnight_ms(date(2026, 3, 30), BERLIN)  # after the clock change

    day = service.day("m", "power_w", START + 21 * DAY_MS)
    late = service.day("m", "power_w", fifth_monday)

    assert day.like_days == 3
    assert set(day.typical) == {200.0}
    assert day.typical_total_wh == pytest.approx(4800.0)
    assert late.start_ms.size == 48


def test_few_like_days_are_no_usual():
    service = a_service([100.0] * 48 * 8)

    day = service.day("m", "power_w", START + 7 * DAY_MS)

    assert day.like_days == 1
    assert np.isnan(day.low).all()
    assert day.typical_total_wh is None


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_a_day_of_a_clock_change_has_its_own_number_of_slots(day, slots):
    start, end = local_day_bounds_ms(day, BERLIN)
    starts = np.arange(start, end, 900_000, dtype=np.int64)
    values = np.ones(starts.size)

    carpet = day_carpet(Slots(900, starts, values, values, values), BERLIN, end)

    assert carpet.day_slots == (slots,)
    assert carpet.values.shape == (1, slots)
    assert np.isfinite(carpet.values).all()


@given(st.integers(0, 400), st.integers(1, 90))
def test_the_days_that_are_touched_cover_the_period_without_a_hole(first, days):
    start = START + first * DAY_MS + 5_000_000
    end = start + days * DAY_MS

    edges = days_touched(start, end, BERLIN)

    assert edges[0] <= start < edges[1]
    assert edges[-2] < end <= edges[-1]
    assert set(np.diff(edges) // 3_600_000) <= {23, 24, 25}
    assert set(day_edges(start, end, BERLIN)) <= set(edges)


@pytest.mark.parametrize(
    ("meter", "quantity", "span", "error"),
    [
        ("nobody", "power_w", (0, DAY_MS), NotFound),
        ("m", "voltage_l1_v", (0, DAY_MS), NotFound),
        ("m", "power_w", (DAY_MS, 0), WrongUse),
        ("m", "power_w", (50 * DAY_MS, 60 * DAY_MS), NotEnoughData),
    ],
)
def test_what_cannot_be_shown_is_said(meter, quantity, span, error):
    service = a_service([100.0] * 48)

    with pytest.raises(error):
        service.look(meter, quantity, START + span[0], START + span[1])


def test_the_period_before_is_left_out_when_it_is_mostly_unknown():
    service = a_service([100.0] * 96)

    first = service.look("m", "power_w", START, START + DAY_MS)
    second = service.look("m", "power_w", START + DAY_MS, START + 2 * DAY_MS)

    assert first.facts.energy_before_wh is None
    assert first.duration_before.size == 0
    assert second.facts.energy_before_wh == pytest.approx(4800.0)

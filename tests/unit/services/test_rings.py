"""The rings hold the newest readings, in order, whatever was written before."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.snapshot import Layout, Snapshot
from energy_desktop.services.rings import _SLACK_ROWS, Intake, LiveRings

LAYOUT = Layout("two", ("power_w", "voltage_v"))


def a_reading(second: int, power_w: float = 1.0, meter_id: str = "m") -> Snapshot:
    return Snapshot(meter_id, second * 1000, LAYOUT, (power_w, 230.0))


@given(st.integers(min_value=0, max_value=900))
def test_the_window_holds_the_newest_readings_in_order(count: int):
    rings = LiveRings(meters_expected=10**9, seconds=300)

    for second in range(count):
        rings.put(a_reading(second, power_w=float(second)))
    times, values = rings.window("m", "power_w", 1e9)

    kept = min(count, 300)
    assert times.tolist() == [float(s) for s in range(count - kept, count)]
    assert values.tolist() == times.tolist()


def test_the_window_is_cut_by_seconds_before_the_newest():
    rings = LiveRings()
    for second in range(100):
        rings.put(a_reading(second))

    times, _ = rings.window("m", "power_w", 10)

    assert (times[0], times[-1]) == (89.0, 99.0)


def test_what_was_never_read_is_empty_not_zero():
    rings = LiveRings()
    rings.put(a_reading(1))

    assert rings.window("m", "current_a", 60)[0].size == 0
    assert rings.window("other", "power_w", 60)[0].size == 0
    assert rings.last("other") is None


def test_not_available_stays_nan():
    rings = LiveRings()
    rings.put(a_reading(1, power_w=math.nan))

    assert np.isnan(rings.window("m", "power_w", 60)[1]).all()


def test_another_layout_begins_another_ring():
    rings = LiveRings()
    rings.put(a_reading(1))
    rings.put(Snapshot("m", 2000, Layout("one", ("power_w",)), (5.0,)))

    times, values = rings.window("m", "power_w", 60)

    assert (times.tolist(), values.tolist()) == ([2.0], [5.0])


def test_a_reader_keeps_away_from_the_row_that_is_being_overwritten():
    rings = LiveRings(meters_expected=10**9, seconds=300)
    for second in range(2000):
        rings.put(a_reading(second))

    times, _ = rings.window("m", "power_w", 1e9)

    assert times.size == rings._capacity - _SLACK_ROWS


def test_the_intake_hands_each_reading_to_every_sink():
    seen: list[tuple[str, int]] = []
    intake = Intake(
        lambda s: seen.append(("a", s.read_at_ms)), lambda s: seen.append(("b", s.read_at_ms))
    )

    intake.put(a_reading(7))

    assert seen == [("a", 7000), ("b", 7000)]


SLOW = Layout("three", ("power_w", "energy_import_wh", "voltage_v"))
FAST = Layout("three/fast", ("power_w", "voltage_v"), SLOW)


def alternating(seconds: int, every: int = 10) -> LiveRings:
    """Power and voltage each second, energy in each n-th reading."""
    rings = LiveRings()
    for second in range(seconds):
        if second % every == 0:
            values = (float(second), 1000.0 + second, 230.0)
            rings.put(Snapshot("m", second * 1000, SLOW, values))
        else:
            rings.put(Snapshot("m", second * 1000, FAST, (float(second), 230.0)))
    return rings


def test_partial_readings_leave_no_hole_in_any_curve():
    rings = alternating(35)

    power_times, power = rings.window("m", "power_w", 100)
    energy_times, energy = rings.window("m", "energy_import_wh", 100)

    assert power_times.tolist() == power.tolist() == [float(s) for s in range(35)]
    assert energy_times.tolist() == [0.0, 10.0, 20.0, 30.0]
    assert energy.tolist() == [1000.0, 1010.0, 1020.0, 1030.0]


def test_the_last_reading_keeps_what_the_newest_poll_did_not_read():
    last = alternating(35).last("m")

    assert last is not None
    assert (last.layout, last.read_at_ms) == (SLOW, 34_000)
    assert last.values == (34.0, 1030.0, 230.0)


def test_a_value_that_is_not_available_stays_so_until_it_is_read_again():
    rings = alternating(11)
    rings.put(Snapshot("m", 20_000, SLOW, (1.0, math.nan, 230.0)))
    rings.put(Snapshot("m", 21_000, FAST, (2.0, 230.0)))

    last = rings.last("m")

    assert last is not None and math.isnan(last.value("energy_import_wh"))


def test_an_edited_driver_begins_a_new_ring():
    rings = alternating(11)
    rings.put(Snapshot("m", 12_000, LAYOUT, (5.0, 231.0)))

    last = rings.last("m")

    assert last is not None and last.layout == LAYOUT
    assert rings.window("m", "energy_import_wh", 100)[0].size == 0

"""Meters that post: states by their interval, what is late, what comes twice."""

import asyncio

import pytest

from energy_desktop.acquisition.driver_profile import DriverProfile, Point
from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.links.http_push import HttpPushLink
from energy_desktop.acquisition.reading import Correction
from energy_desktop.acquisition.schedule import Slots
from energy_desktop.acquisition.tracking import MeterTrack
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.push import PushedReading
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState

T0 = 1_780_000_000_000
PERIOD_S = 0.1
DRIVER = DriverProfile(
    "sensor",
    points=(
        Point("energy_import_wh", "energy_consumed", 1000.0),
        Point("load_pct", "current_load"),
        Point("voltage_v", "voltage"),
    ),
    protocol="push",
)


class Ears:
    """Everything that a link tells."""

    def __init__(self) -> None:
        self.snapshots, self.statuses, self.events, self.gaps = [], {}, [], []
        self.now_ms = T0

    def put(self, snapshot) -> None:
        self.snapshots.append(snapshot)

    def outlets(self) -> Outlets:
        return Outlets(
            self, lambda: from_ms(self.now_ms), self.statuses, self.events.append, self.gaps.append
        )


def a_link(ears: Ears, correction=None) -> HttpPushLink:
    link = HttpPushLink(Link("http", LinkKind.HTTP_PUSH), ears.outlets())
    meter = Meter("m", "Roof", "sensor", "http", poll_interval_s=PERIOD_S, address="roof")
    track = MeterTrack(meter, "Roof", Slots(0.0, PERIOD_S))
    link.put(MeterOnLink(track, DRIVER, correction or Correction()))
    return link


def a_reading(at_ms=T0, **values) -> PushedReading:
    return PushedReading("m", at_ms, {"energy_consumed": 62.3, "current_load": 35.8, **values})


def run(scenario) -> Ears:
    ears = Ears()

    async def main() -> None:
        await scenario(ears)

    asyncio.run(main())
    return ears


def test_a_posted_reading_becomes_a_snapshot_in_our_names_and_units():
    async def scenario(ears):
        outcome = a_link(ears).arrive(a_reading(voltage=229.9))
        assert outcome.refused == "" and not outcome.duplicate

    (snapshot,) = run(scenario).snapshots

    assert snapshot.read_at_ms == T0 and not snapshot.late
    assert snapshot.value("energy_import_wh") == 62_300.0
    assert snapshot.value("load_pct") == 35.8
    assert snapshot.value("voltage_v") == 229.9


def test_what_was_not_sent_is_not_zero():
    ears = run(lambda ears: _arrive(ears, a_reading()))

    assert ears.snapshots[0].value("voltage_v") != ears.snapshots[0].value("voltage_v")


def test_an_inverted_meter_exports_what_its_sensor_calls_consumed():
    async def scenario(ears):
        a_link(ears, Correction(invert=True)).arrive(a_reading())

    (snapshot,) = run(scenario).snapshots

    assert snapshot.value("energy_export_wh") == 62_300.0
    assert "energy_import_wh" not in snapshot.layout.index


def test_a_value_beyond_its_range_is_set_aside_and_the_rest_is_kept():
    async def scenario(ears):
        outcome = a_link(ears).arrive(a_reading(voltage=-5.0))
        assert [r.quantity for r in outcome.set_aside] == ["voltage_v"]

    (snapshot,) = run(scenario).snapshots

    assert snapshot.rejected[0].value == -5.0
    assert snapshot.value("load_pct") == 35.8


def test_the_same_meter_and_time_is_handed_on_once():
    async def scenario(ears):
        link = a_link(ears)
        first, second = link.arrive(a_reading()), link.arrive(a_reading())
        assert (first.duplicate, second.duplicate) == (False, True)

    assert len(run(scenario).snapshots) == 1


def test_another_reading_of_the_same_time_is_refused_not_called_known():
    async def scenario(ears):
        link = a_link(ears)
        link.arrive(a_reading())
        other = link.arrive(a_reading(voltage=230.0))
        assert "with other values" in other.refused and not other.duplicate

    assert len(run(scenario).snapshots) == 1


def test_readings_without_a_time_of_their_own_that_come_together_are_both_kept():
    async def scenario(ears):
        link = a_link(ears)
        for volts in (230.0, 231.0, 230.0):
            values = {"energy_consumed": 1.0, "current_load": 2.0, "voltage": volts}
            link.arrive(PushedReading("m", T0, values, own_time=False))

    ears = run(scenario)

    assert [s.value("voltage_v") for s in ears.snapshots] == [230.0, 231.0]
    assert [s.read_at_ms for s in ears.snapshots] == [T0, T0 + 1]


def test_a_reading_of_the_past_is_stored_at_its_time_and_is_not_the_present():
    async def scenario(ears):
        link = a_link(ears)
        link.arrive(a_reading(T0))
        link.arrive(a_reading(T0 - 60_000))

    ears = run(scenario)

    assert [(s.read_at_ms, s.late) for s in ears.snapshots] == [(T0, False), (T0 - 60_000, True)]
    assert ears.statuses["m"].last_read_ms == T0


def test_buffered_readings_alone_do_not_make_a_silent_meter_good():
    async def scenario(ears):
        a_link(ears).arrive(a_reading(T0 - 60_000))
        assert ears.statuses["m"].state is LinkState.WAITING

    assert run(scenario).snapshots[0].late


def test_a_sensor_that_falls_silent_is_late_then_lost_then_back_with_its_gap():
    async def scenario(ears):
        link = a_link(ears)
        task = asyncio.create_task(link.run())
        link.arrive(a_reading(T0))
        await asyncio.sleep(1.9 * PERIOD_S)
        assert ears.statuses["m"].state is LinkState.LATE
        await asyncio.sleep(1.0 * PERIOD_S)
        assert ears.statuses["m"].state is LinkState.LOST
        assert "no reading came" in ears.statuses["m"].last_error
        ears.now_ms = T0 + 5_000
        link.arrive(a_reading(T0 + 5_000))
        assert ears.statuses["m"].state is LinkState.GOOD
        link.end()
        await task

    ears = run(scenario)

    states = [status.state.name for status in ears.events]
    assert states == ["GOOD", "LATE", "LOST", "GOOD"]
    (gap,) = ears.gaps
    assert (gap.start_ms, gap.end_ms) == (T0, T0 + 5_000)


def test_values_that_no_driver_knows_are_said_and_a_reading_of_only_such_is_refused():
    async def scenario(ears):
        link = a_link(ears)
        assert link.arrive(a_reading(humidity=40.0)).unused == ("humidity",)
        refused = link.arrive(PushedReading("m", T0 + 1, {"humidity": 40.0}))
        assert "none of its values" in refused.refused and "energy_consumed" in refused.remedy

    assert len(run(scenario).snapshots) == 1


@pytest.mark.parametrize("kwh", [0.1, 62.3, 75.5, 12345.678, 0.001])
def test_kilowatt_hours_become_watt_hours_without_a_tail(kwh):
    ears = run(lambda ears: _arrive(ears, a_reading(energy_consumed=kwh)))

    assert ears.snapshots[0].value("energy_import_wh") == float(f"{kwh * 1000:.12g}")


async def _arrive(ears: Ears, reading: PushedReading) -> None:
    a_link(ears).arrive(reading)

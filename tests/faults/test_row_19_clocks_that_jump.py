"""Row 19: the computer's clock jumps by an hour or a day; local days have 23 and 25 hours.

Polls follow the monotonic clock. What is stored is UTC as the clock showed it, so an hour that was
counted twice or never holds no energy twice and none below zero.
"""

import logging
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.app.clock_watch import ClockWatch
from energy_desktop.app.engine import Engine
from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.wiring import make_services
from energy_desktop.domain.clock import iso_utc, local_day_bounds_ms, parse_utc
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Snapshot
from energy_desktop.storage import open_store
from tests.faults.modbus_tcp_server import SDM120_VALUES, FaultyTcpServer, floats
from tests.faults.wire import tcp_link
from tests.integration.acquisition.fields import DRIVERS, PERIOD_S, Sink, a_meter, wait_until
from tests.support.store_builders import HOUR_MS, LAYOUT, T0, SetClock, a_configuration, a_site

pytestmark = pytest.mark.timed

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
JUMPS_S = [HOUR_S, -HOUR_S, -DAY_S]


class JumpingClock:
    """The system's clock, set off by `offset_s`."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_row_19_polls_keep_their_rhythm_when_the_clock_jumps(jump_s):
    clock, sink = JumpingClock(), Sink()
    with FaultyTcpServer(floats(SDM120_VALUES)) as server:
        field = Field(ProfileLibrary([DRIVERS]), sink, clock=clock)
        field.reconfigure(
            Configuration(links=(tcp_link(server.port, 0.5),), meters=(a_meter("m"),))
        )
        field.start()
        wait_until(lambda: len(sink.of("m")) >= 8)
        clock.offset_s = jump_s
        wait_until(lambda: len(sink.of("m")) >= 20)
        status = field.statuses()["m"]
        field.stop()
        asked = np.array(server.asked_at[::2])  # two blocks a poll

    offsets = (asked - asked[0] + PERIOD_S / 2) % PERIOD_S - PERIOD_S / 2
    assert np.abs(offsets).max() < PERIOD_S / 2 - 1e-3
    assert np.median(np.diff(asked)) == pytest.approx(PERIOD_S, abs=0.03)
    assert (status.skipped_slots, status.failures) == (0, 0)
    steps = np.diff([s.read_at_ms for s in sink.of("m")]) / 1000
    (jumped,) = steps[np.abs(steps) > 60]
    assert jumped == pytest.approx(jump_s + PERIOD_S, abs=0.5)


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_row_19_no_energy_is_negative_or_counted_twice_when_the_clock_jumps_and_is_put_right(
    tmp_path, jump_s
):
    register_wh, energy = 50_000, []

    def polled(times_ms):
        nonlocal register_wh
        for at_ms in times_ms:
            register_wh += 5
            energy.append(register_wh)
            store.writer.put(Snapshot("m", at_ms, LAYOUT, (1_800.0, 230.0, float(register_wh))))
        assert store.writer.flush()
        clock.now_ms = at_ms
        store.maintain(at_ms, seconds=5)

    start, jump_ms = T0 + 30 * HOUR_MS, jump_s * 1000
    clock = SetClock()
    with open_store(tmp_path / "e.db", engine_owner="test", clock=clock) as store:
        meter = Meter("m", "M", poll_interval_s=10.0, connection_limit_w=44_000.0)
        store.configuration.replace(a_configuration(meters=(meter,)))
        polled(range(start, start + 2 * HOUR_MS, 10_000))
        wrong = start + 2 * HOUR_MS + jump_ms
        polled(range(wrong, wrong + HOUR_MS // 2, 10_000))
        right = start + 2 * HOUR_MS + HOUR_MS // 2
        polled(range(right, right + 4 * HOUR_MS, 10_000))
        store.writer.upkeep(right + 6 * HOUR_MS)

        span = (T0, T0 + 4 * DAY_S * 1000)
        found = store.ledger.intervals("m", *span)
        series = store.history.raw("m", "energy_import_wh", *span)
        proof = store.ledger.reconciliation("m", *span)

    booked = found.energy_wh[~np.isnan(found.energy_wh)]
    assert (booked >= 0).all()
    assert booked.sum() <= energy[-1] - energy[0]
    assert booked.sum() >= 0.6 * (energy[-1] - energy[0])
    quarantined = (found.quality == IntervalQuality.QUARANTINED).sum()
    assert proof.discrepancy_wh == 0 or quarantined > 0
    assert (np.diff(series.time_ms) > 0).all()


@pytest.mark.parametrize(
    ("jump_s", "words"),
    [
        (HOUR_S, "set forward, or the computer slept, by 1 h"),
        (-HOUR_S, "set back by 1 h"),
        (-DAY_S, "set back by 1 d"),
    ],
)
def test_row_19_a_jump_is_logged_once_with_both_times(caplog, jump_s, words):
    clock = SetClock(parse_utc("2026-03-01T12:00:00"))
    monotonic_s = [100.0]
    watch = ClockWatch(clock, lambda: monotonic_s[0])

    def pass_time(seconds: float, set_by_s: float = 0.0) -> float:
        monotonic_s[0] += seconds
        clock.now_ms += round((seconds + set_by_s) * 1000)
        return watch.look()

    assert [pass_time(1.0) for _ in range(5)] == [0.0] * 5
    assert pass_time(1.0, jump_s) == pytest.approx(jump_s)
    assert [pass_time(1.0) for _ in range(5)] == [0.0] * 5

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert words in record.getMessage()
    assert "2026-03-01T12:00:06Z is followed by " in record.getMessage()
    assert iso_utc(parse_utc("2026-03-01T12:00:06") + jump_s * 1000) in record.getMessage()


def test_row_19_a_clock_that_is_slewed_is_no_jump(caplog):
    clock, monotonic_s = SetClock(), [0.0]
    watch = ClockWatch(clock, lambda: monotonic_s[0])

    for i in range(10_000):  # half a millisecond a second, the most a time service does
        monotonic_s[0] += 1.0
        clock.now_ms += 1_000 + i % 2
        assert watch.look() == 0.0

    assert caplog.records == []


def test_row_19_a_running_engine_tells_that_the_clock_was_set(tmp_path, caplog):
    clock = JumpingClock()
    engine = Engine(SiteFolder(tmp_path / "site"), clock=clock)
    try:
        engine.start()
        wait_until(lambda: engine.store_stats is not None)
        clock.offset_s = HOUR_S
        wait_until(lambda: "set forward" in caplog.text)
        wait_until(lambda: engine.store.clock_jumps.between(0, 1 << 42))
        (jump,) = engine.store.clock_jumps.between(0, 1 << 42)
        services = make_services(engine.store, engine.library, engine=engine)
        told = services.quality.clock_jumps(jump.before_ms - 1, jump.before_ms + 1)
        long_ago = services.quality.clock_jumps(0, jump.before_ms - DAY_S * 1000)
    finally:
        engine.stop()

    assert jump.by_s == pytest.approx(HOUR_S, abs=1.5)
    assert (told, long_ago) == ((jump,), ())


@pytest.mark.parametrize(
    ("day", "half_hours"),
    [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50), (date(2026, 6, 1), 48)],
)
def test_row_19_a_local_day_has_46_48_or_50_half_hours_and_each_is_booked(
    tmp_path, day, half_hours
):
    start_ms, end_ms = local_day_bounds_ms(day, ZoneInfo("Europe/Berlin"))
    clock = SetClock(end_ms)
    with open_store(tmp_path / "e.db", engine_owner="test", clock=clock) as store:
        store.configuration.replace(
            a_configuration(
                site=a_site(zone="Europe/Berlin"), meters=(Meter("m", "M", poll_interval_s=300.0),)
            )
        )
        for i, at_ms in enumerate(range(start_ms, end_ms + 1, 300_000)):
            store.writer.put(Snapshot("m", at_ms, LAYOUT, (1_200.0, 230.0, 1_000.0 + 100 * i)))
        assert store.writer.flush()
        store.writer.upkeep(end_ms + HOUR_MS)
        found = store.ledger.intervals("m", start_ms, end_ms, step_s=1_800)

    assert found.energy_wh.tolist() == [600.0] * half_hours

"""Rows 12 to 15: what a serial bus does to a reading, and what a dead unit costs its neighbours.

That no late or spoilt answer becomes a value is in test_no_wrong_value.py.
"""

import asyncio
import time
from random import Random

import pytest

from energy_desktop.acquisition.link_task import Outlets
from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.poller import LinkPoller
from energy_desktop.domain.bus import BusError, BusStatistics
from energy_desktop.domain.clock import system_clock
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import GapCause
from energy_desktop.domain.snapshot import LinkState
from tests.faults import rtu_slave as rtu
from tests.faults.modbus_tcp_server import SDM120_VALUES, floats
from tests.faults.rtu_slave import LoopSlave, PtyPort, RawSlave, good_answer
from tests.faults.test_no_wrong_value import any_request
from tests.faults.wire import REGISTERS, Tally, read, rtu_link
from tests.integration.acquisition.fields import Sink, Watched, a_meter, polling, wait_until

pytestmark = pytest.mark.timed

ANSWER_BITS = 8 * (5 + 2 * REGISTERS)


@pytest.fixture
def port(tmp_path):
    it = PtyPort(tmp_path)
    yield it
    it.pull()


@pytest.fixture
def slave(port):
    with RawSlave(port, floats(SDM120_VALUES)) as it:
        yield it


def bus_with(port: PtyPort, *units: int, period_s: float = 0.3, **link) -> Configuration:
    """Units on one line, two requests a poll."""
    meters = tuple(
        a_meter(f"m{unit}", unit, link_id="bus", poll_interval_s=period_s) for unit in units
    )
    return Configuration(links=(rtu_link(port.path, **link),), meters=meters)


def statistics(it: Watched) -> BusStatistics:
    (found,) = it.field.bus_statistics()
    return found


def errors(it: Watched, unit_id: int) -> dict[BusError, int]:
    return {e.error: e.times for e in statistics(it).errors if e.unit_id == unit_id}


def test_row_12_a_unit_that_is_always_late_is_lost_and_its_neighbours_are_right(port, slave):
    slave.late_units, slave.late_s = {2}, 0.13

    with polling(bus_with(port, 1, 2, timeout_s=0.1, guard_s=0.15)) as it:
        wait_until(lambda: it.state("m2") is LinkState.LOST)
        wait_until(lambda: len(it.sink.of("m1")) >= 4)

    assert it.sink.of("m2") == []
    assert {s.value("voltage_v") for s in it.sink.of("m1")} == {230.5}


def test_row_13_one_wrong_bit_in_10_000_costs_the_frames_it_is_in_and_no_more(tmp_path):
    reads, rate = 3_000, 1e-4

    async def one(number: int, total: Tally) -> None:
        random = Random(number)
        spoil = rtu.flipped_bits(random, rate)
        port = PtyPort(tmp_path, f"line{number}")
        with LoopSlave(port, lambda request: [(0.0, spoil(good_answer(request)))]):
            connection = connect_to(rtu_link(port.path, 0.02, 0.02))
            for _ in range(reads // 10):
                await read(connection, any_request(random), total)
            await connection.close()

    async def work() -> Tally:
        total = Tally()
        await asyncio.gather(*(one(number, total) for number in range(10)))
        return total

    tally = asyncio.run(work())

    assert tally.wrong == []
    assert tally.right / reads >= (1 - rate) ** ANSWER_BITS - 0.01


@pytest.mark.parametrize("spoil", [rtu.noise_before, rtu.noise_after], ids=["before", "after"])
def test_row_13_noise_beside_a_sound_answer_does_not_end_the_reading(port, slave, spoil):
    slave.spoil = spoil

    with polling(bus_with(port, 1, timeout_s=0.2, guard_s=0.05)) as it:
        wait_until(lambda: len(it.sink.of("m1")) >= 5, within_s=8.0)

    assert {s.value("power_w") for s in it.sink.of("m1")} == {950.0}


def test_row_13_an_adapter_that_echoes_is_read(port, slave):
    slave.echo = True

    with polling(bus_with(port, 1, timeout_s=0.2, guard_s=0.05)) as it:
        wait_until(lambda: len(it.sink.of("m1")) >= 5, within_s=8.0)

    assert {s.value("power_w") for s in it.sink.of("m1")} == {950.0}


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (rtu.broken_checksum, BusError.CHECKSUM),
        (rtu.truncated, BusError.SHORT_ANSWER),
        (rtu.other_unit, BusError.WRONG_UNIT),
        (rtu.other_function, BusError.WRONG_FUNCTION),
        (rtu.fewer_registers, BusError.SHORT_ANSWER),
        (rtu.more_registers, BusError.LONG_ANSWER),
        (lambda frame: b"", BusError.TIMEOUT),
    ],
    ids=["checksum", "truncated", "unit", "function", "fewer", "more", "silence"],
)
def test_row_13_what_spoilt_a_line_is_counted_by_unit_and_kind(port, slave, spoil, error):
    slave.spoil = lambda frame: spoil(frame) if frame[0] == 2 else frame

    with polling(bus_with(port, 1, 2, timeout_s=0.05, guard_s=0.05)) as it:
        wait_until(lambda: it.state("m2") is LinkState.LOST)
        wait_until(lambda: len(it.sink.of("m1")) >= 2)
        counted, of_neighbour = errors(it, 2), errors(it, 1)

    assert counted.get(error, 0) >= 3
    assert of_neighbour == {}
    assert it.sink.of("m2") == []


def test_row_14_a_second_master_is_suspected_and_no_value_is_his(port, slave):
    """He asks unit 1, whose answer has the length of ours, at times of his own."""
    random = Random(4)
    foreign = bytes([1, 4, 0, 100, 0, 79])

    with polling(bus_with(port, 1, period_s=0.1, timeout_s=0.1, guard_s=0.05)) as it:
        for _ in range(60):
            request = foreign + rtu.crc(foreign)
            slave.send(request)
            time.sleep(random.uniform(0.002, 0.01))
            slave.send(good_answer(request))
            time.sleep(random.uniform(0.01, 0.08))
        shared = statistics(it).shared

    assert shared
    assert len(it.sink.of("m1")) >= 5
    assert {s.value("voltage_v") for s in it.sink.of("m1")} == {230.5}


def test_row_15_a_pulled_adapter_is_used_again_within_ten_seconds(port, slave):
    with polling(bus_with(port, 1, 2, timeout_s=0.2, guard_s=0.05)) as it:
        wait_until(lambda: all(len(it.sink.of(m)) >= 2 for m in ("m1", "m2")))
        port.pull()
        wait_until(lambda: all(it.state(m) is LinkState.LOST for m in ("m1", "m2")))
        words = it.field.statuses()["m1"]
        time.sleep(4.0)
        port.plug()
        back_after_s = wait_until(
            lambda: all(it.state(m) is LinkState.GOOD for m in ("m1", "m2")), within_s=10.0
        )

    assert back_after_s <= 10.0
    assert str(port.path) in words.remedy
    assert {(gap.meter_id, gap.cause) for gap in it.gaps} == {
        ("m1", GapCause.COMMUNICATION),
        ("m2", GapCause.COMMUNICATION),
    }
    assert {s.value("voltage_v") for s in it.sink.snapshots} == {230.5}


def test_row_15_however_long_a_port_is_away_it_is_looked_for_every_few_seconds(tmp_path):
    """Ten seconds must do after a night, too: waits for a missing port do not grow to a minute."""
    gone = RequestFailed(FailureKind.NO_CONNECTION, "there is no such port.", "Plug it in.")

    async def longest_wait_s() -> float:
        link = rtu_link(tmp_path / "gone")
        outlets = Outlets(Sink(), system_clock, {}, lambda _: None, lambda _: None)
        poller = LinkPoller(link, connect_to(link), outlets)
        waits, now_s = [], 0.0
        for _ in range(50):
            retry_s = poller._reopening.failed(gone, now_s)
            waits.append(retry_s - now_s)
            now_s = retry_s
        return max(waits)

    assert 1.0 < asyncio.run(longest_wait_s()) <= 8.0


def test_a_dead_unit_costs_its_bus_300_ms_in_a_back_off_period_and_no_more(port, slave):
    """With the timeouts of a new link: 1 s and 0.3 s of guard."""
    period_s = 0.25
    with polling(
        bus_with(port, 1, 2, period_s=period_s, timeout_s=1.0, guard_s=0.3, baud_rate=19_200)
    ) as it:
        wait_until(lambda: all(len(it.sink.of(m)) >= 4 for m in ("m1", "m2")))
        slave.silent_units = {2}
        wait_until(lambda: it.state("m2") is LinkState.LOST, within_s=10.0)
        lost_at_s = time.monotonic()
        time.sleep(5.0)
        asked = [(at, unit) for at, unit in slave.requests if at > lost_at_s]

    probes = [at for at, unit in asked if unit == 2]
    assert 2 <= len(probes) <= 3  # after about 1 s, and 2 s more
    for probe in probes:
        next_at = min(at for at, unit in asked if unit == 1 and at > probe)
        assert next_at - probe <= 0.3
    assert it.field.statuses()["m1"].failures == 0


def test_registers_of_two_units_never_mix_on_a_line(tmp_path):
    """What unit and address hold is told apart to the register, at any length of a read."""
    random = Random(8)

    async def work() -> Tally:
        tally = Tally()
        port = PtyPort(tmp_path)
        with LoopSlave(port, lambda request: [(0.0, good_answer(request))]):
            connection = connect_to(rtu_link(port.path))
            for _ in range(300):
                request = ReadRequest(
                    random.randint(1, 247), random.choice((3, 4)), random.randint(0, 900),
                    random.randint(1, 100),
                )  # fmt: skip
                await read(connection, request, tally)
            await connection.close()
        return tally

    assert asyncio.run(work()).right == 300

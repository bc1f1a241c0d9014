"""Row 18: rollover, reset, exchange, NaN, sentinels, spikes, a wrong word order: wire to ledger.

Bytes as a meter would send them go through the driver, the decoding and the store; what is judged
is what history, ledger and quarantine then hold.
"""

import struct
from pathlib import Path

import numpy as np
import pytest

from energy_desktop.acquisition.profiles import load_profile
from energy_desktop.acquisition.reading import Reader
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Quality, Snapshot
from energy_desktop.storage import open_store
from tests.support.store_builders import HOUR_MS, T0, SetClock, a_configuration

QUARTER_MS = 900_000
MINUTES = 61

COUNTERS = """
id = "counters"
defaults = { function = 4, format = "FORMAT", word_order = "ABCD" }
unavailable = { uint16 = [0xFFFF], int16 = [0x8000], uint32 = [0xFFFFFFFF] }
[quantities]
energy_import_wh = { address = 0, scale = SCALE, counter = true }
"""
GAUGES = """
id = "gauges"
defaults = { function = 4, format = "float32", word_order = "ORDER" }
[quantities]
voltage_v = { address = 0 }
frequency_hz = { address = 2 }
power_w = { address = 4 }
energy_import_wh = { address = 6, scale = 1000, counter = true }
"""


class Bench:
    """A meter whose register bytes are given, polled once a minute into a store on a file."""

    def __init__(self, folder: Path, driver: str, **meter: object) -> None:
        path = folder / "driver.toml"
        path.write_text(driver, encoding="utf-8")
        self.reader = Reader(load_profile(path))
        self.clock = SetClock()
        self.store = open_store(folder / "energy.db", engine_owner="test", clock=self.clock)
        self.store.configuration.replace(
            a_configuration(meters=(Meter("m", "M", poll_interval_s=60.0, **meter),))
        )

    def poll(self, minute: float, payload: bytes) -> Snapshot:
        decoded = self.reader.decode([payload])
        at_ms = T0 + round(minute * 60_000)
        snapshot = Snapshot(
            "m", at_ms, self.reader.layout, decoded.values, decoded.quality, decoded.rejected
        )
        self.store.writer.put(snapshot)
        return snapshot

    def book(self) -> None:
        assert self.store.writer.flush()
        self.store.writer.upkeep(T0 + 3 * HOUR_MS)

    def intervals(self):
        return self.store.ledger.intervals("m", T0, T0 + 4 * QUARTER_MS)

    def proof(self):
        return self.store.ledger.reconciliation("m", T0, T0 + 4 * QUARTER_MS)

    def reasons(self) -> list[str]:
        return [e.reason for e in self.store.quarantine.entries(T0, T0 + 4 * HOUR_MS)]

    def kept(self, quantity: str) -> np.ndarray:
        return self.store.history.raw("m", quantity, T0, T0 + 4 * HOUR_MS).values


@pytest.fixture
def bench(tmp_path):
    made: list[Bench] = []

    def make(driver: str, **meter: object) -> Bench:
        made.append(Bench(tmp_path, driver, **meter))
        return made[-1]

    yield make
    for it in made:
        it.store.close()


def counters(value_format: str, scale: int) -> str:
    return COUNTERS.replace("FORMAT", value_format).replace("SCALE", str(scale))


@pytest.mark.parametrize(
    ("value_format", "code", "bits", "scale"),
    [("uint16", ">H", 16, 100), ("uint32", ">I", 32, 10)],
)
def test_row_18_a_counter_that_begins_again_goes_on_in_the_ledger(
    bench, value_format, code, bits, scale
):
    modulus = 2**bits
    it = bench(counters(value_format, scale), counter_modulus_wh=modulus * scale)
    for minute in range(MINUTES):
        it.poll(minute, struct.pack(code, (modulus - 50 + 2 * minute) % modulus))

    it.book()

    assert it.intervals().energy_wh.tolist() == [30.0 * scale] * 4
    assert it.proof().discrepancy_wh == 0
    assert it.reasons() == []


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (lambda minute: minute, "reset or exchange"),
        (lambda minute: 9_000_000 + minute, "more than the connection can carry"),
    ],
    ids=["reset", "exchange for a meter that shows more"],
)
def test_row_18_a_reset_or_an_exchange_is_asked_about_and_books_nothing(bench, after, reason):
    it = bench(counters("uint32", 10), connection_limit_w=44_000.0)
    for minute in range(MINUTES):
        raw = 500_000 + minute if minute < 20 else after(minute)
        it.poll(minute, struct.pack(">I", raw))

    it.book()

    found = it.intervals()
    assert found.quality.tolist()[1] == IntervalQuality.QUARANTINED
    assert np.nansum(found.energy_wh) == 3 * 150
    assert it.proof().missing_intervals == 1
    assert reason in it.reasons()[0]


def test_row_18_a_counter_that_spikes_to_a_billion_is_left_out_and_kept_for_review(bench):
    it = bench(counters("uint32", 10), connection_limit_w=44_000.0)
    for minute in range(MINUTES):
        it.poll(minute, struct.pack(">I", 100_000_000 if minute == 20 else 5_000 + minute))

    it.book()

    assert it.intervals().energy_wh.tolist() == [150.0] * 4
    assert it.proof().discrepancy_wh == 0
    assert it.reasons() == ["a value that did not last"]


@pytest.mark.parametrize(
    ("value_format", "payload"),
    [("uint16", b"\xff\xff"), ("int16", b"\x80\x00"), ("uint32", b"\xff\xff\xff\xff")],
)
def test_row_18_a_code_for_not_available_is_never_a_value(bench, value_format, payload):
    it = bench(counters(value_format, 10))

    snapshot = it.poll(0, payload)
    it.book()

    assert np.isnan(snapshot.values[0])
    assert np.isnan(it.kept("energy_import_wh")).all()
    assert it.reasons() == []


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_row_18_what_is_no_number_is_unknown_and_its_neighbours_are_kept(bench, odd):
    it = bench(GAUGES.replace("ORDER", "ABCD"))

    snapshot = it.poll(0, struct.pack(">4f", 230.5, odd, 950.0, 12.5))
    it.book()

    assert snapshot.quality is Quality.PARTIAL
    assert it.kept("voltage_v").tolist() == [230.5]
    assert it.kept("power_w").tolist() == [950.0]
    assert np.isnan(it.kept("frequency_hz")).all()


def test_row_18_a_power_of_a_billion_kilowatts_goes_into_quarantine(bench):
    it = bench(GAUGES.replace("ORDER", "ABCD"))
    spike_w = 1e12

    it.poll(0, struct.pack(">4f", 230.5, 50.0, 950.0, 12.5))
    it.poll(1, struct.pack(">4f", 230.5, 50.0, spike_w, 12.5))
    it.book()

    kept = it.kept("power_w")
    assert kept[0] == 950.0 and np.isnan(kept[1])
    (entry,) = it.store.quarantine.entries(T0, T0 + HOUR_MS)
    assert (entry.quantity, entry.value) == ("power_w", pytest.approx(spike_w))
    assert "outside" in entry.reason


@pytest.mark.parametrize("order", ["CDAB", "BADC", "DCBA"])
def test_row_18_of_a_driver_with_the_wrong_word_order_nothing_is_kept(bench, order):
    it = bench(GAUGES.replace("ORDER", order))
    payload = struct.pack(">4f", 230.1, 50.02, 1234.5, 98.7654)

    snapshot = it.poll(0, payload)
    it.book()

    assert snapshot.quality is Quality.PARTIAL
    for quantity in ("voltage_v", "frequency_hz", "power_w"):
        assert np.isnan(it.kept(quantity)).all()
    assert {e.quantity for e in it.store.quarantine.entries(T0, T0 + HOUR_MS)} >= {"voltage_v"}

"""A desk in memory: a bus with a meter, its registers, frames and judgements."""

from dataclasses import dataclass, field
from pathlib import Path

from energy_desktop.domain.bus import BusError, BusStatistics, Frame, UnitStatistics
from energy_desktop.domain.commissioning import (
    DeviceIdentity,
    DriverFit,
    FaultKind,
    InspectedRegister,
    Judgement,
    Reading,
    ScanHit,
    Verdict,
)
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.driver import TestReading as TrialReading
from tests.gui.fakes import NOW

NOW_MS = NOW.timestamp() * 1000
NAN = float("nan")


def a_register(address, raw, values, label):
    """values: in ABCD, CDAB, BADC, DCBA; the first is what it reads as."""
    orders = ("ABCD", "CDAB", "BADC", "DCBA")
    readings = [
        Reading("float32", order, value, text, label if order == "ABCD" else "")
        for order, (value, text) in zip(orders, values, strict=True)
    ]
    whole = int.from_bytes(bytes.fromhex(raw)[:2])
    readings.append(Reading("uint16", "ABCD", float(whole), f"{whole:,}"))
    return InspectedRegister(address, f"3{address + 1:04d}", bytes.fromhex(raw), tuple(readings))


REGISTERS = (
    a_register(
        0,
        "43674A3D",
        [(231.29, "231.29"), (3e6, "3e6"), (9e23, "9e23"), (0.05, "0.05")],
        "Voltage L1",
    ),
    a_register(
        2,
        "43679EB8",
        [(231.62, "231.62"), (-2e-20, "−2e-20"), (9e23, "9e23"), (-8e-5, "−8e-5")],
        "Voltage L2",
    ),
    a_register(
        4,
        "7FC00000",
        [(NAN, "NaN"), (5e-41, "5e-41"), (-3.98, "−3.98"), (7e-41, "7e-41")],
        "not available",
    ),
    a_register(
        6,
        "42127AE1",
        [(36.62, "36.62"), (6e35, "6e35"), (6e-28, "6e-28"), (-3e20, "−3e20")],
        "Current L1",
    ),
    a_register(
        12,
        "45F4B99A",
        [(7831.2, "7,831.20"), (-3e-4, "−3e-4"), (-6e31, "−6e31"), (-8e-23, "−8e-23")],
        "Active power L1",
    ),
    a_register(
        70,
        "4247F1AA",
        [(49.99, "49.99"), (-2e30, "−2e30"), (49834.94, "49,834.94"), (-4e-13, "−4e-13")],
        "Frequency",
    ),
)


@dataclass(frozen=True)
class Range:
    rows: tuple[InspectedRegister, ...] = REGISTERS
    best_order: str = "ABCD"
    best_format: str = "float32"
    sentence: str = "ABCD is the only order in which all 5 readings are plausible."
    round_trip_ms: float = 52.0


JUDGEMENTS = (
    Judgement(FaultKind.NONE, Verdict.GOOD, "Voltages 231.3, 231.6, 230.9 V", "within 200 to 260"),
    Judgement(FaultKind.NONE, Verdict.GOOD, "Frequency 49.99 Hz", "within 49 to 51"),
    Judgement(
        FaultKind.REVERSED_CT,
        Verdict.FAULT,
        "L2 reads −7.4 kW",
        "its current flows backwards",
        "CT on L2 reversed: swap k and l",
        ("l2",),
    ),
    Judgement(FaultKind.NONE, Verdict.GOOD, "P = U · I · cos φ within 0.6 %", "L1 and L3"),
    Judgement(
        FaultKind.NONE, Verdict.UNSURE, "Energy counter", "it has not moved yet", "wait 60 s"
    ),
)


def frames(count=8, start=1):
    """Requests and answers in turn; every eighth is a timeout."""
    made = []
    for number in range(start, start + count):
        time_ms = NOW_MS + 60.0 * number
        unit = 5 + number // 2 % 3
        if number % 8 == 6:
            made.append(
                Frame(number, time_ms, False, b"", "no answer in 1.0 s", None, 7, BusError.TIMEOUT)
            )
        elif number % 2:
            made.append(
                Frame(
                    number, time_ms, True, bytes([unit, 4, 0, 0, 0, 0x50, 0xF1, 0x90]),
                    "read 80 from 0", None, unit,
                )
            )  # fmt: skip
        else:
            data = bytes([unit, 4, 160]) + bytes(range(160)) + b"\x12\x34"
            made.append(Frame(number, time_ms, False, data, "165 bytes in 52 ms", 52.0, unit))
    return tuple(made)


@dataclass
class FakeDesk:
    link_id: str = "bus"
    judgements: tuple[Judgement, ...] = JUDGEMENTS
    found: tuple[ScanHit, ...] = ()
    failure: Exception | None = None
    shared: str = ""
    asked: list[tuple] = field(default_factory=list)
    log: tuple[Frame, ...] = field(default_factory=frames)
    pause: object = None

    def serial_ports(self):
        return ("/dev/ttyUSB0",)

    def inspect(self, link, unit_id, function, address, count):
        self.asked.append((link.link_id, unit_id, function, address, count))
        if self.failure is not None:
            raise self.failure
        return Range()

    def driver_line(self, row, reading, quantity):
        return f"{quantity} = {{ address = 0x{row.address:04X} }}"

    def check_meter(self, meter_id, progress):
        return self.judgements

    def frames(self, link_id, after=0):
        return tuple(f for f in self.log if f.number > after) if link_id == self.link_id else ()

    def bus_statistics(self):
        units = (UnitStatistics(12, 600, 0, 52.0), UnitStatistics(7, 60, 60, None))
        return (BusStatistics(self.link_id, 58.0, 61.0, units, (), self.shared),)

    def warning(self, link):
        return f"{link.address} is polled here." if link.link_id == self.link_id else ""

    def scan(self, plan, progress, on_hit):
        for done, hit in enumerate(self.found):
            progress(done / len(self.found), f"unit {hit.unit_id} of {hit.link.address}")
            on_hit(hit)
            if self.pause is not None:
                self.pause(progress)
        if self.failure is not None:
            raise self.failure
        return self.found

    def record(self, meter_id, progress):
        if self.failure is not None:
            raise self.failure
        return b"%PDF-1.7 " + meter_id.encode()


def a_hit(link, unit_id, driver_id="sdm"):
    return ScanHit(
        link,
        unit_id,
        "answers function 4",
        48.0,
        DeviceIdentity("Eastron", "SDM630", "1.2"),
        (DriverFit(driver_id, 0.92, ("voltage 231 V at 30001", "frequency 49.99 Hz at 30071")),),
    )


@dataclass(frozen=True)
class Check:
    problems: tuple[tuple[int, str], ...] = ()
    summary: str = "Yields 2 quantities: Active power, Voltage."


@dataclass
class FakeDrivers:
    """Drivers as text; a text with `scael` in it is wrong in that line."""

    texts: dict[str, str] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)
    exported: list[tuple[str, Path]] = field(default_factory=list)
    tested: list[tuple] = field(default_factory=list)
    failure: Exception | None = None

    def text(self, driver_id):
        return self.texts[driver_id]

    def copy(self, driver_id, new_id):
        return self.texts[driver_id].replace(f'"{driver_id}"', f'"{new_id}"')

    def check(self, text):
        rows = enumerate(text.split("\n"), start=1)
        return Check(tuple((n, "`scael` is no key.") for n, row in rows if "scael" in row))

    def test(self, text, link, unit_id, address=""):
        self.tested.append((text, link.link_id, unit_id, address))
        if self.failure is not None:
            raise self.failure
        return TrialReading({"power_w": 1_500.0, "voltage_v": 231.3}, (), 52.0, ())

    def save(self, text):
        if self.failure is not None:
            raise self.failure
        self.saved.append(text)
        driver_id = text.split('"')[1]
        self.texts[driver_id] = text
        return DriverInfo(driver_id, "?", ("?",), ("power_w",), "manual", own=True)

    def export(self, driver_id, path):
        self.exported.append((driver_id, path))

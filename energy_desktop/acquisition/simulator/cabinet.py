"""A cabinet as a technician finds it: nine meters, five of them with a fault made on purpose.

One reversed transformer, one pair of transformers on each other's phases, one meter that sends its
words the other way round, one that is dead and one with a register that stands still; beside them
healthy meters that look odd: a solar feed, a circuit without load, a motor of cos phi 0.5. Voltages
and currents are phasors of the moment, so that every register of a meter agrees with the others as
a real meter's do, faults included: what a meter counts is what it measures.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from energy_desktop.acquisition.driver_profile import DriverProfile
from energy_desktop.acquisition.simulator.noise import Floats, Ints, normal, pick, smooth
from energy_desktop.domain.commissioning import DeviceIdentity, FaultKind
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Role, Site

LINK_ID = "cabinet"
SEED = 7
_NOMINAL_V = 230.0
_NOMINAL_HZ = 50.0
_PHASES = ("l1", "l2", "l3")
_LINES = {"l1_l2": (0, 1), "l2_l3": (1, 2), "l3_l1": (2, 0)}


@dataclass(frozen=True)
class Circuit:
    """A meter and what it hangs on.

    amps, angles_deg: of the conductors L1 to L3; an angle beyond 90 feeds. conductor: on which
    conductor the transformer of each phase sits. reversed: phases whose transformer is turned.
    frozen: quantities that stand still. word_order: in which the meter really sends; empty: as its
    driver says. fault: what a check should find.
    """

    meter: Meter
    amps: tuple[float, float, float]
    angles_deg: tuple[float, float, float]
    conductor: tuple[int, int, int] = (0, 1, 2)
    reversed: tuple[int, ...] = ()
    frozen: tuple[str, ...] = ()
    word_order: str = ""
    dead: bool = False
    swing: float = 0.15
    fault: FaultKind = FaultKind.NONE


def _meter(unit_id: int, name: str, driver_id: str, role: Role = Role.LOAD) -> Meter:
    meter_id = name.lower().replace(" ", "-")
    return Meter(meter_id, name, driver_id, LINK_ID, unit_id, role=role)


CIRCUITS = (
    Circuit(
        _meter(1, "Incomer", "janitza_umg96", Role.GRID), (96.0, 88.0, 101.0), (18.0, 22.0, 15.0)
    ),
    Circuit(
        _meter(2, "Press 4", "eastron_sdm630"),
        (33.0, 32.0, 34.5),
        (27.0, 25.0, 29.0),
        reversed=(1,),
        fault=FaultKind.REVERSED_CT,
    ),
    Circuit(
        _meter(3, "Mill 1", "eastron_sdm630"),
        (21.0, 20.0, 22.0),
        (8.0, 5.0, 11.0),
        conductor=(2, 1, 0),
        fault=FaultKind.WRONG_PHASE,
    ),
    Circuit(
        _meter(4, "Lighting hall 2", "eastron_sdm630"),
        (9.0, 11.0, 8.5),
        (-9.0, -12.0, -6.0),
        word_order="CDAB",
        fault=FaultKind.WORD_ORDER,
    ),
    Circuit(
        _meter(5, "Compressor 3", "eastron_sdm630"),
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        dead=True,
        fault=FaultKind.DEAD,
    ),
    Circuit(
        _meter(6, "Compressor 2", "eastron_sdm630"),
        (27.0, 28.0, 26.0),
        (31.0, 33.0, 30.0),
        frozen=("current_l3_a",),
        swing=0.30,
        fault=FaultKind.FROZEN,
    ),
    Circuit(
        replace(_meter(7, "Roof solar", "eastron_sdm630", Role.SOLAR), invert=True),
        (28.0, 28.2, 27.9),
        (180.0, 180.5, 179.5),
        swing=0.08,
    ),
    Circuit(_meter(8, "Spare outlet", "eastron_sdm630"), (0.02, 0.0, 0.01), (0.0, 0.0, 0.0)),
    Circuit(_meter(9, "Ventilation", "abb_b23"), (11.5, 11.2, 11.8), (60.0, 59.0, 60.5)),
)


def cabinet_configuration(host: str, port: int) -> Configuration:
    """The cabinet as a site: one gateway with nine units."""
    return Configuration(
        site=Site("Cabinet", "Europe/Berlin"),
        links=(Link(LINK_ID, LinkKind.MODBUS_TCP, host=host, port=port, timeout_s=0.5),),
        meters=tuple(circuit.meter for circuit in CIRCUITS),
    )


def expected_faults() -> dict[str, FaultKind]:
    """What a check should find, by meter; NONE for the healthy ones."""
    return {circuit.meter.meter_id: circuit.fault for circuit in CIRCUITS}


@dataclass
class _Registers:
    """Energy since the cabinet was opened, up to `second` (exclusive)."""

    second: int
    import_wh: float
    export_wh: float
    reactive_import_varh: float = 0.0
    reactive_export_varh: float = 0.0


class VirtualCabinet:
    """Served as a virtual site is. Every method may be called from any thread.

    opened_ms: when its counters began to run; values are those of whole seconds.
    """

    version = 0

    def __init__(self, host: str, port: int, opened_ms: int, *, seed: int = SEED) -> None:
        self.configuration = cabinet_configuration(host, port)
        self._circuits = {circuit.meter.meter_id: circuit for circuit in CIRCUITS}
        self._seed = seed
        self._opened = opened_ms // 1000
        self._lock = threading.Lock()
        self._registers = {
            meter_id: _Registers(
                self._opened,
                round(pick(seed, f"import {meter_id}", 1e5, 9e6), -1),
                round(pick(seed, f"export {meter_id}", 0.0, 1e4), -1),
            )
            for meter_id in self._circuits
        }
        self._lost = {c.meter.meter_id for c in CIRCUITS if c.dead}

    @property
    def meter_ids(self) -> tuple[str, ...]:
        return tuple(self._circuits)

    def is_lost(self, meter_id: str) -> bool:
        return meter_id in self._lost

    def wire_profile(self, meter_id: str, profile: DriverProfile) -> DriverProfile:
        """How the meter really lays its values down; the driver may say otherwise."""
        order = self._circuits[meter_id].word_order
        if not order:
            return profile
        turned = tuple(replace(r, word_order=order) for r in profile.registers)
        return replace(profile, registers=turned)

    def identity(self, meter_id: str, profile: DriverProfile) -> DeviceIdentity | None:
        """What it says of itself: this make tells maker, model and revision."""
        if meter_id not in self._circuits or not profile.models:
            return None
        return DeviceIdentity(profile.manufacturer, profile.models[0], "1.0")

    def reading(self, meter_id: str, at_ms: int) -> "CabinetReading":
        """The meter at this second, not before the cabinet was opened. Counters only go forward:
        asked for the past they show what they showed last."""
        circuit = self._circuits[meter_id]
        second = max(at_ms // 1000, self._opened)
        shows = self._measured(circuit, np.array([second], np.int64))
        with self._lock:
            registers = self._counted(circuit, second)
        first = None
        if circuit.frozen:
            first = self._measured(circuit, np.array([self._opened], np.int64))
        return CabinetReading(shows, registers, circuit.frozen, first)

    def _counted(self, circuit: Circuit, second: int) -> _Registers:
        """Counters up to this second: the sum of what the meter measured in each second before."""
        held = self._registers[circuit.meter.meter_id]
        while held.second < second:
            end = min(second, held.second + 3600)
            shows = self._measured(circuit, np.arange(held.second, end, dtype=np.int64))
            power, reactive = shows.power.sum(axis=0), shows.reactive.sum(axis=0)
            held.import_wh += float(np.clip(power, 0.0, None).sum()) / 3600.0
            held.export_wh += float(np.clip(-power, 0.0, None).sum()) / 3600.0
            held.reactive_import_varh += float(np.clip(reactive, 0.0, None).sum()) / 3600.0
            held.reactive_export_varh += float(np.clip(-reactive, 0.0, None).sum()) / 3600.0
            held.second = end
        return replace(held)

    def _measured(self, circuit: Circuit, seconds: Ints) -> "Phasors":
        """What the meter's inputs carry: (3, n) voltages, currents and the angles between."""
        name, seed = circuit.meter.meter_id, self._seed
        at = seconds.astype(np.float64)
        common = 0.9 * smooth(seed, "cabinet minute", at / 90.0)
        volts = np.array(
            [
                _NOMINAL_V
                + common
                + offset
                + 0.12 * normal(seed, f"cabinet {phase}", seconds)
                + 0.3 * smooth(seed, f"cabinet slow {phase}", at / 13.0)
                for phase, offset in zip(_PHASES, (0.9, 0.2, -0.4), strict=True)
            ]
        )
        turn = pick(seed, f"swing {name}", 0.0, 2.0 * math.pi)
        load = 1.0 + circuit.swing * np.sin(2.0 * math.pi * at / 17.0 + turn)
        amps = np.array(
            [
                size * load * (1.0 + 0.01 * normal(seed, f"{name} {phase}", seconds))
                for size, phase in zip(circuit.amps, _PHASES, strict=True)
            ]
        )
        angles = np.zeros((3, seconds.size))
        for phase, conductor in enumerate(circuit.conductor):
            wander = 0.8 * smooth(seed, f"angle {name} {conductor}", at / 11.0)
            shift = 120.0 * (conductor - phase) + 180.0 * (phase in circuit.reversed)
            angles[phase] = circuit.angles_deg[conductor] + wander + shift
        hertz = _NOMINAL_HZ + 0.015 * smooth(seed, "cabinet frequency", at / 9.0)
        return Phasors(volts, amps[list(circuit.conductor)], np.radians(angles), hertz)


@dataclass(frozen=True)
class Phasors:
    """volts, amps (3, n): magnitudes; angles (3, n): between them, in radians; hertz (n,)."""

    volts: Floats
    amps: Floats
    angles: Floats
    hertz: Floats

    @property
    def apparent(self) -> Floats:
        return self.volts * self.amps

    @property
    def power(self) -> Floats:
        active: Floats = self.apparent * np.cos(self.angles)
        return active

    @property
    def reactive(self) -> Floats:
        reactive: Floats = self.apparent * np.sin(self.angles)
        return reactive


@dataclass(frozen=True)
class CabinetReading:
    """Every quantity of one meter at one second; arrays of length 1."""

    shows: Phasors
    registers: _Registers
    frozen: tuple[str, ...] = ()
    first: Phasors | None = None

    def value(self, quantity: str) -> Floats:
        """(1,) in the quantity's unit; NaN where the meter has no such quantity."""
        if quantity in self.frozen and self.first is not None:
            return np.array([_of(quantity, self.first, self.registers)])
        return np.array([_of(quantity, self.shows, self.registers)])


def _of(quantity: str, shows: Phasors, registers: _Registers) -> float:
    counted = _COUNTERS.get(quantity)
    if counted is not None:
        return float(counted(registers))
    for pair, (one, other) in _LINES.items():
        if quantity == f"voltage_{pair}_v":
            return _between(shows, one, other)
    for number, phase in enumerate(_PHASES):
        stem, found, unit = quantity.partition(f"_{phase}")
        if found:
            return _of_phase(f"{stem}{unit}", shows, number)
    return _of_all(quantity, shows)


def _of_phase(quantity: str, shows: Phasors, phase: int) -> float:
    known = {
        "voltage_v": shows.volts,
        "current_a": shows.amps,
        "power_w": shows.power,
        "reactive_power_var": shows.reactive,
        "apparent_power_va": shows.apparent,
        "power_factor": np.cos(shows.angles),
    }.get(quantity)
    if known is not None:
        return float(known[phase, 0])
    return 1.8 + 0.1 * phase if quantity == "thd_voltage_pct" else math.nan


def _of_all(quantity: str, shows: Phasors) -> float:
    power, reactive = float(shows.power.sum()), float(shows.reactive.sum())
    apparent = math.hypot(power, reactive)
    return {
        "power_w": power,
        "reactive_power_var": reactive,
        "apparent_power_va": apparent,
        "power_factor": power / apparent if apparent > 0.0 else 1.0,
        "phase_angle_deg": math.degrees(math.atan2(reactive, power)),
        "frequency_hz": float(shows.hertz[0]),
        "voltage_v": float(shows.volts.mean()),
        "voltage_ll_v": sum(_between(shows, *pair) for pair in _LINES.values()) / 3.0,
        "current_a": float(shows.amps.mean()),
        "thd_voltage_pct": 1.9,
    }.get(quantity, math.nan)


def _between(shows: Phasors, one: int, other: int) -> float:
    a, b = float(shows.volts[one, 0]), float(shows.volts[other, 0])
    return math.sqrt(a * a + b * b + a * b)


_COUNTERS: dict[str, Callable[[_Registers], float]] = {
    "energy_import_wh": lambda r: r.import_wh,
    "energy_export_wh": lambda r: r.export_wh,
    "energy_total_wh": lambda r: r.import_wh + r.export_wh,
    "reactive_energy_import_varh": lambda r: r.reactive_import_varh,
    "reactive_energy_export_varh": lambda r: r.reactive_export_varh,
    "reactive_energy_total_varh": lambda r: r.reactive_import_varh + r.reactive_export_varh,
}

"""Voltage and frequency of the mains, and every electrical quantity that follows from a power.

The quantities agree with each other: phases sum to the total, S^2 = P^2 + Q^2, I = S / U,
cos phi = P / S. A circuit is split over the phases in fixed shares, so the registers per phase
are shares of the register too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from energy_desktop.acquisition.simulator.noise import Floats, Ints, normal, smooth

PHASES = ("l1", "l2", "l3")

VOLTAGE_MODES = (
    "normal",
    "high_warning",
    "high_critical",
    "low_warning",
    "low_critical",
    "fluctuating",
)
"""In the order of the control register's values."""

_SHIFT = {
    "normal": 0.0,
    "high_warning": 0.078,
    "high_critical": 0.122,
    "low_warning": -0.082,
    "low_critical": -0.126,
    "fluctuating": 0.0,
}
_SHARE_OF_SHIFT = np.array([1.0, 0.60, 0.45])
"""A shifted neutral does not lift the three phases alike: one leads, the others follow."""


class Mains:
    """Voltage and frequency at given seconds. seconds (n,): UTC epoch, ascending."""

    def __init__(self, seconds: Ints, seed: int, nominal_v: float, nominal_hz: float) -> None:
        self._seconds = seconds
        self._seed = seed
        self._nominal_hz = nominal_hz
        self.nominal_v = nominal_v

    def voltage(self, mode: str) -> Floats:
        """(3, n): phase to neutral at the main switch in V."""
        normal_v = self._normal_voltage
        if mode == "normal":
            return normal_v
        shift = _SHIFT[mode] * self.nominal_v * _SHARE_OF_SHIFT[:, None]
        if mode == "fluctuating":
            beat = np.where((self._seconds // 4) % 2 == 0, 1.0, -1.0)
            size = 0.030 + 0.003 * normal(self._seed, "flicker", self._seconds // 4)
            shift = self.nominal_v * beat * size * _SHARE_OF_SHIFT[:, None]
        return normal_v + shift

    @cached_property
    def _normal_voltage(self) -> Floats:
        minutes = self._seconds / 60.0
        common = 1.1 * smooth(self._seed, "mains hour", minutes / 47.0)
        common += 0.35 * smooth(self._seed, "mains minute", minutes / 1.5)
        rows = [
            common
            + offset
            + 0.45 * smooth(self._seed, f"mains {phase}", minutes / 19.0)
            + 0.09 * normal(self._seed, f"mains {phase} second", self._seconds)
            for phase, offset in zip(PHASES, (1.1, 0.4, -0.2), strict=True)
        ]
        return self.nominal_v + np.array(rows)

    @cached_property
    def frequency(self) -> Floats:
        """(n,) in Hz."""
        seconds = self._seconds
        slow = 0.016 * smooth(self._seed, "frequency 4 min", seconds / 240.0)
        quick = 0.005 * smooth(self._seed, "frequency 9 s", seconds / 9.0)
        frequency: Floats = self._nominal_hz + slow + quick
        return frequency

    def distortion(self, phase: int) -> Floats:
        """(n,): voltage THD of a phase in %."""
        slow = smooth(self._seed, f"thd {phase}", self._seconds / 1700.0)
        return 1.9 + 0.12 * phase + 0.35 * slow


@dataclass(frozen=True)
class Wiring:
    """How a circuit hangs on the mains. shares: of the total per phase, sum 1; drop_v: of its
    cable. single_phase: index of the only phase, None for three."""

    shares: tuple[float, float, float]
    drop_v: float = 0.0
    single_phase: int | None = None


@dataclass
class Electrical:
    """Every quantity of one circuit at n moments; arrays (n,) unless they say (3, n).

    power_w, reactive_var: signed. in_wh, out_wh, var_h: the meter's registers.
    extra: quantities that only this circuit has (soc_pct).
    """

    wiring: Wiring
    mains: Mains
    mode: str
    power_w: Floats
    reactive_var: Floats
    in_wh: Floats
    out_wh: Floats
    var_h: Floats
    extra: dict[str, Floats] = field(default_factory=dict)

    def value(self, quantity: str) -> Floats:
        """(n,) in the quantity's unit; NaN where such a circuit has no such quantity."""
        if quantity in self.extra:
            return self.extra[quantity]
        total = _TOTALS.get(quantity)
        if total is not None:
            return total(self)
        for number, phase in enumerate(PHASES):
            stem, found, unit = quantity.partition(f"_{phase}")
            if found:
                return self._of_phase(f"{stem}{unit}", number)
        return self._unknown

    def _of_phase(self, quantity: str, phase: int) -> Floats:
        per_phase = _PER_PHASE.get(quantity)
        if per_phase is not None:
            of_phase: Floats = per_phase(self)[phase]
            return of_phase
        if quantity == "thd_voltage_pct":
            return self.mains.distortion(phase)
        register = _TOTALS.get(quantity) if quantity.endswith("h") else None
        return self._unknown if register is None else register(self) * self.wiring.shares[phase]

    @property
    def _unknown(self) -> Floats:
        return np.full(self.power_w.shape, np.nan)

    @cached_property
    def _shares(self) -> Floats:
        return np.array(self.wiring.shares)[:, None]

    @cached_property
    def phase_voltage(self) -> Floats:
        return self.mains.voltage(self.mode) - self.wiring.drop_v

    @cached_property
    def voltage(self) -> Floats:
        phase = self.wiring.single_phase
        mean: Floats = self.phase_voltage.mean(axis=0)
        return mean if phase is None else self.phase_voltage[phase]

    @cached_property
    def phase_power(self) -> Floats:
        return self._shares * self.power_w

    @cached_property
    def phase_reactive(self) -> Floats:
        return self._shares * self.reactive_var

    @cached_property
    def phase_apparent(self) -> Floats:
        return self._shares * self.apparent

    @cached_property
    def apparent(self) -> Floats:
        apparent: Floats = np.hypot(self.power_w, self.reactive_var)
        return apparent

    @cached_property
    def phase_current(self) -> Floats:
        return self.phase_apparent / self.phase_voltage

    @cached_property
    def current(self) -> Floats:
        """Of the only phase; the mean of three."""
        phase = self.wiring.single_phase
        mean: Floats = self.phase_current.mean(axis=0)
        return mean if phase is None else self.phase_current[phase]

    @cached_property
    def neutral_current(self) -> Floats:
        """Vector sum of phase currents 120 degrees apart (equal cos phi)."""
        a, b, c = self.phase_current
        current: Floats = np.sqrt(np.clip(a * a + b * b + c * c - a * b - b * c - c * a, 0.0, None))
        return current

    @cached_property
    def power_factor(self) -> Floats:
        """P / S, with the sign of P; 1 where nothing flows."""
        flows = self.apparent > 0.0
        return np.divide(self.power_w, self.apparent, out=np.ones_like(self.apparent), where=flows)

    @cached_property
    def phase_power_factor(self) -> Floats:
        return np.broadcast_to(self.power_factor, (3, self.power_factor.size))

    @cached_property
    def angle_deg(self) -> Floats:
        angle: Floats = np.degrees(np.arctan2(self.reactive_var, self.power_w))
        return angle

    def between_phases(self, first: int, second: int) -> Floats:
        """Voltage between two phases 120 degrees apart."""
        a, b = self.phase_voltage[first], self.phase_voltage[second]
        voltage: Floats = np.sqrt(a * a + b * b + a * b)
        return voltage


_PER_PHASE: dict[str, Callable[[Electrical], Floats]] = {
    "voltage_v": lambda e: e.phase_voltage,
    "current_a": lambda e: e.phase_current,
    "power_w": lambda e: e.phase_power,
    "reactive_power_var": lambda e: e.phase_reactive,
    "apparent_power_va": lambda e: e.phase_apparent,
    "power_factor": lambda e: e.phase_power_factor,
}

_TOTALS: dict[str, Callable[[Electrical], Floats]] = {
    "power_w": lambda e: e.power_w,
    "reactive_power_var": lambda e: e.reactive_var,
    "apparent_power_va": lambda e: e.apparent,
    "power_factor": lambda e: e.power_factor,
    "phase_angle_deg": lambda e: e.angle_deg,
    "frequency_hz": lambda e: e.mains.frequency,
    "voltage_v": lambda e: e.voltage,
    "voltage_ll_v": lambda e: (
        (e.between_phases(0, 1) + e.between_phases(1, 2) + e.between_phases(2, 0)) / 3.0
    ),
    "voltage_l1_l2_v": lambda e: e.between_phases(0, 1),
    "voltage_l2_l3_v": lambda e: e.between_phases(1, 2),
    "voltage_l3_l1_v": lambda e: e.between_phases(2, 0),
    "current_a": lambda e: e.current,
    "current_n_a": lambda e: e.neutral_current,
    "thd_voltage_pct": lambda e: e.mains.distortion(1),
    "energy_import_wh": lambda e: e.in_wh,
    "energy_export_wh": lambda e: e.out_wh,
    "energy_total_wh": lambda e: e.in_wh + e.out_wh,
    "reactive_energy_import_varh": lambda e: e.var_h,
    "reactive_energy_export_varh": lambda e: np.zeros_like(e.var_h),
    "reactive_energy_total_varh": lambda e: e.var_h,
}

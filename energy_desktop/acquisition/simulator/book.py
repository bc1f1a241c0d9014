"""The minute book: power of every circuit per minute, and energy registers that are its integral.

Power is the mean of a minute times a ripple that sums to zero over the minute's sixty seconds.
So the energy of a minute is known without looking at its seconds, and the register at any second
is a table entry plus a part of one minute: exact, never falling, and the same whether it is asked
for history or live. Only the grid connection changes its sign within a minute; its import and
export are summed from the seconds.

The book is written forward from the epoch of the site, a few days at once; a checkpoint a day is
kept (some hundred bytes), so that any later day is reached without the days before it.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from energy_desktop.acquisition.simulator.loads import Load
from energy_desktop.acquisition.simulator.moments import MINUTES_PER_DAY, moments
from energy_desktop.acquisition.simulator.noise import Floats, Ints, normal, uniform
from energy_desktop.domain.device import Battery

RIPPLES = 48
"""Ripple patterns per circuit; a hash of the minute picks one."""

BATTERY_MARGIN_W = 250.0
"""What the battery leaves to the grid, so that it never feeds its charge into it."""

PEAK_GUARD_W = 44_000.0
"""Above this the battery gives what it has; below it keeps a reserve for such moments."""

RESERVE_PCT = 35.0
NIGHT_CHARGE_PCT = 55.0
NIGHT_CHARGE_W = 7_000.0
_NIGHT_MINUTES = (60, 300)  # local clock, before working days

DAYS_AT_ONCE = 8


@dataclass(frozen=True)
class Circuit:
    """A row of the book. sign: +1 draws from the house, -1 feeds it (PV)."""

    name: str
    load: Load
    sign: int = 1


@dataclass(frozen=True)
class Rows:
    """Where the rows lie: circuits first, then battery (if any), then grid."""

    circuits: int
    battery: int | None
    grid: int

    @property
    def count(self) -> int:
        return self.grid + 1


@dataclass(frozen=True)
class Pages:
    """Consecutive minutes [start, start + n).

    power_w, tangent (rows, n): means of the minutes. in_wh, out_wh, var_h (rows, n + 1): registers
    since the epoch at the start of each minute: energy while power > 0, energy while < 0, reactive
    energy. soc_wh (n + 1): in the battery, at the start of each minute. pattern (n,): which ripple.
    night (n,): whether the battery may charge from the grid.
    """

    start: int
    power_w: Floats
    tangent: Floats
    in_wh: Floats
    out_wh: Floats
    var_h: Floats
    soc_wh: Floats
    pattern: Ints
    night: NDArray[np.bool_]

    @property
    def end(self) -> int:
        return self.start + self.pattern.size


@dataclass(frozen=True)
class _Checkpoint:
    in_wh: Floats
    out_wh: Floats
    var_h: Floats
    soc_wh: float


def battery_power(
    net_w: float, soc_wh: float, hours: float, battery: Battery, *, night: bool
) -> float:
    """The rule of the demo site: discharge (> 0) what the house draws, charge (< 0) what it has
    over, keep a reserve for peaks and fill that in the night before a working day.

    net_w: load less PV. hours: how long the answer must hold within the limits of the charge.
    """
    if net_w < 0.0:
        return limit_battery(net_w, soc_wh, hours, battery)
    if net_w > PEAK_GUARD_W:
        return limit_battery(net_w - PEAK_GUARD_W, soc_wh, hours, battery)
    if night:
        room = (battery.capacity_wh * NIGHT_CHARGE_PCT / 100.0 - soc_wh) / hours
        wanted = -min(NIGHT_CHARGE_W, room / battery.charge_efficiency)
        return limit_battery(wanted, soc_wh, hours, battery) if room > 0.0 else 0.0
    spare = (soc_wh - battery.capacity_wh * RESERVE_PCT / 100.0) / hours
    if spare <= 0.0 or net_w <= BATTERY_MARGIN_W:
        return 0.0
    wanted = min(net_w - BATTERY_MARGIN_W, spare * battery.discharge_efficiency)
    return limit_battery(wanted, soc_wh, hours, battery)


def limit_battery(wanted_w: float, soc_wh: float, hours: float, battery: Battery) -> float:
    """The nearest power that rating and charge allow for `hours`."""
    if wanted_w > 0.0:
        left = soc_wh - battery.capacity_wh * battery.soc_min_pct / 100.0
        return max(
            0.0, min(wanted_w, battery.discharge_w, left * battery.discharge_efficiency / hours)
        )
    room = battery.capacity_wh * battery.soc_max_pct / 100.0 - soc_wh
    return -max(0.0, min(-wanted_w, battery.charge_w, room / battery.charge_efficiency / hours))


def charge_after(soc_wh: float, power_w: float, hours: float, battery: Battery) -> float:
    """Stored energy after `hours` at a power of the AC side."""
    if power_w > 0.0:
        return soc_wh - power_w * hours / battery.discharge_efficiency
    return soc_wh - power_w * hours * battery.charge_efficiency


class MinuteBook:
    """Not safe for several threads at once: VirtualSite holds a lock around it."""

    def __init__(
        self,
        circuits: tuple[Circuit, ...],
        battery: Battery | None,
        *,
        zone: ZoneInfo,
        country: str,
        seed: int,
        epoch_day: int,
    ) -> None:
        """epoch_day: days since 1970 at which every register of the book is zero."""
        self.circuits = circuits
        self.battery = battery
        n = len(circuits)
        self.rows = Rows(n, None if battery is None else n, n + (battery is not None))
        self.epoch_day = epoch_day
        self._zone, self._country, self._seed = zone, country, seed
        self.signs = np.array([circuit.sign for circuit in circuits], float)
        self.idle_var = np.zeros(self.rows.count)
        self.idle_var[:n] = [circuit.load.idle_var for circuit in circuits]
        self.idle_var[self.rows.grid] = self.idle_var[:n].sum()
        self.ripple = _ripples(circuits, self.rows.count, seed)
        self.ripple_sum = np.zeros((self.rows.count, RIPPLES, 61))
        np.cumsum(self.ripple, axis=2, out=self.ripple_sum[:, :, 1:])
        self.ripple_sum[:, :, 60] = 0.0
        zeros = np.zeros(self.rows.count)
        start_wh = 0.0 if battery is None else battery.capacity_wh * battery.soc_min_pct / 100.0
        self._checkpoints = {epoch_day: _Checkpoint(zeros, zeros, zeros, start_wh)}
        self._kept: dict[int, Pages] = {}

    def day(self, utc_day: int) -> Pages:
        """One UTC day, kept until two others were asked for. Raises ValueError before the epoch."""
        pages = self._kept.get(utc_day)
        if pages is None:
            pages = self.pages(utc_day, 1)
            self._kept = dict(list(self._kept.items())[-1:]) | {utc_day: pages}
        return pages

    def pages(self, utc_day: int, days: int) -> Pages:
        """Some consecutive UTC days. Raises ValueError before the epoch."""
        if utc_day < self.epoch_day:
            raise ValueError(f"day {utc_day} lies before the site's first day {self.epoch_day}")
        known = max(day for day in self._checkpoints if day <= utc_day)
        while known < utc_day:
            step = min(DAYS_AT_ONCE, utc_day - known)
            self._write(known, step)
            known += step
        return self._write(utc_day, days)

    def _write(self, utc_day: int, days: int) -> Pages:
        opening = self._checkpoints[utc_day]
        start = utc_day * MINUTES_PER_DAY
        minute = np.arange(start, start + days * MINUTES_PER_DAY, dtype=np.int64)
        at = moments(minute, self._zone, self._country, self._seed)
        n, grid = self.rows.circuits, self.rows.grid
        power = np.zeros((self.rows.count, minute.size))
        tangent = np.zeros_like(power)
        for row, circuit in enumerate(self.circuits):
            power[row] = circuit.load.power_w(at)
            tangent[row] = circuit.load.tangent(at)
        net = self.signs @ power[:n]
        night = at.workday & (at.clock >= _NIGHT_MINUTES[0]) & (at.clock < _NIGHT_MINUTES[1])
        soc = np.full(minute.size + 1, opening.soc_wh)
        if self.battery is not None and self.rows.battery is not None:
            power[self.rows.battery], soc = _run_battery(net, night, opening.soc_wh, self.battery)
            net = net - power[self.rows.battery]
        power[grid] = net
        pattern = pattern_of(minute, self._seed)

        hourly = 1.0 / 60.0
        taken = np.clip(power, 0.0, None) * hourly
        given = np.clip(-power, 0.0, None) * hourly
        taken[grid], given[grid] = self._grid_energy(power, pattern)
        reactive = (power * tangent + self.idle_var[:, None]) * hourly
        reactive[grid] = reactive[:n].sum(axis=0)
        pages = Pages(
            start,
            power,
            tangent,
            _running_sum(opening.in_wh, taken),
            _running_sum(opening.out_wh, given),
            _running_sum(opening.var_h, reactive),
            soc,
            pattern,
            night,
        )
        for later in range(1, days + 1):
            at_minute = later * MINUTES_PER_DAY
            self._checkpoints.setdefault(
                utc_day + later,
                _Checkpoint(
                    pages.in_wh[:, at_minute].copy(),
                    pages.out_wh[:, at_minute].copy(),
                    pages.var_h[:, at_minute].copy(),
                    float(soc[at_minute]),
                ),
            )
        return pages

    def net(self, power: Floats) -> float:
        """Load less PV in W; power (rows,)."""
        return float(self.signs @ power[: self.rows.circuits])

    def grid_seconds(self, power: Floats, pattern: int) -> Floats:
        """(60,): power at the grid connection in each second of one minute; power (rows,)."""
        n = self.rows.circuits
        swing: Floats = (self.signs * power[:n]) @ self.ripple[:n, pattern]
        seconds: Floats = power[self.rows.grid] + swing
        return seconds

    def _grid_energy(self, power: Floats, pattern: Ints) -> tuple[Floats, Floats]:
        """Import and export of each minute in Wh, summed from the seconds."""
        n, grid = self.rows.circuits, self.rows.grid
        signed = self.signs[:, None] * power[:n]
        taken = np.empty(pattern.size)
        for number in range(RIPPLES):
            of_it = np.flatnonzero(pattern == number)
            seconds = signed[:, of_it].T @ self.ripple[:n, number] + power[grid, of_it, None]
            taken[of_it] = np.clip(seconds, 0.0, None).sum(axis=1) / 3600.0
        given = taken - power[grid] / 60.0
        return taken, np.clip(given, 0.0, None)


def pattern_of(minute: Ints, seed: int) -> Ints:
    return (uniform(seed, "ripple", minute) * RIPPLES).astype(np.int64)


def _running_sum(opening: Floats, steps: Floats) -> Floats:
    total = np.empty((steps.shape[0], steps.shape[1] + 1))
    total[:, 0] = opening
    np.cumsum(steps, axis=1, out=total[:, 1:])
    total[:, 1:] += opening[:, None]
    return total


def _run_battery(
    net: Floats, night: NDArray[np.bool_], soc_wh: float, battery: Battery
) -> tuple[Floats, Floats]:
    # The charge of a minute depends on the minute before: a plain loop over plain floats.
    power: list[float] = []
    charge = [soc_wh]
    hours = 1.0 / 60.0
    for net_w, at_night in zip(net.tolist(), night.tolist(), strict=True):
        now = battery_power(net_w, soc_wh, hours, battery, night=at_night)
        soc_wh = charge_after(soc_wh, now, hours, battery)
        power.append(now)
        charge.append(soc_wh)
    return np.array(power), np.array(charge)


def _ripples(circuits: tuple[Circuit, ...], rows: int, seed: int) -> NDArray[np.float64]:
    """(rows, RIPPLES, 60): relative, each pattern with mean 0 and above -0.9."""
    ripple = np.zeros((rows, RIPPLES, 60))
    for row, circuit in enumerate(circuits):
        index = np.arange(RIPPLES * 80, dtype=np.int64)
        white = normal(seed, f"ripple {circuit.name}", index).reshape(RIPPLES, 80)
        kernel = np.exp(-np.arange(20) / 4.0)
        slow = np.array([np.convolve(line, kernel / kernel.sum() * 2.6)[20:80] for line in white])
        pattern = circuit.load.ripple * slow
        if circuit.load.ripple >= 0.25:  # a machine that loads and unloads
            duty = 0.5 + 0.25 * uniform(seed, f"duty {circuit.name}", np.arange(RIPPLES))
            place = (np.arange(60)[None, :] / 30.0) % 1.0
            loaded = place < duty[:, None]
            pattern = 0.1 * pattern + circuit.load.ripple * np.where(loaded, 1.0, -1.0)
        pattern -= pattern.mean(axis=1, keepdims=True)
        worst = float(-pattern.min())
        ripple[row] = pattern * min(1.0, 0.9 / worst) if worst > 0.0 else pattern
    return ripple

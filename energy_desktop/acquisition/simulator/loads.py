"""Load models: mean power of each minute, for any minutes, in any order.

A model is a function of the minute alone (through `noise`), so the history of 90 days and the
answer of this second come from the same place and join without a step. What depends on its own
past, the battery, is in book.py.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import numpy as np

from energy_desktop.acquisition.simulator.moments import Moments
from energy_desktop.acquisition.simulator.noise import Floats, Ints, normal, smooth, uniform
from energy_desktop.domain.contract import WeeklyHours

MINUTES_PER_WEEK = 7 * 1440
FULL_CREEP = 0.30  # by then the machine would have stopped


def _day_of(utc_minute: int) -> int:
    return utc_minute // 1440 + date(1970, 1, 1).toordinal()


class Load(Protocol):
    """What every model has.

    tangent: reactive over active power; idle_var: reactive power that never goes away.
    ripple: relative swing within a minute. on_w: what it draws when a command turns it on.
    """

    @property
    def ripple(self) -> float: ...

    @property
    def idle_var(self) -> float: ...

    @property
    def on_w(self) -> float: ...

    def power_w(self, at: Moments) -> Floats:
        """(n,): mean active power of each minute in W, never negative."""
        ...

    def tangent(self, at: Moments) -> Floats: ...


@dataclass(frozen=True)
class _Steady:
    """The common part: constant reactive ratio."""

    seed: int
    name: str
    tan_phi: float = 0.2
    ripple: float = 0.03
    idle_var: float = 15.0
    on_w: float = 0.0

    def tangent(self, at: Moments) -> Floats:
        return np.full(at.utc_minute.shape, self.tan_phi)

    def _wander(self, at: Moments, minutes: float) -> Floats:
        return smooth(self.seed, f"{self.name} {minutes} min", at.utc_minute / minutes)

    def _daily(self, day: Ints, what: str) -> Floats:
        return uniform(self.seed, f"{self.name} {what}", day)


@dataclass(frozen=True)
class Lighting(_Steady):
    """Lights of one rented zone: staff by day, cleaners after the contract hours end.

    Cleaners stay 30 to 60 min. On a share `forgotten` of the evenings the light then burns on
    for more than three hours: what the waste analysis is there to find. A lighting day runs from
    05:00 to 05:00, so that an evening past midnight stays one evening.
    """

    hours: WeeklyHours = field(default_factory=lambda: WeeklyHours(((),) * 7))
    rated_w: float = 2000.0
    forgotten: float = 0.04
    tan_phi: float = 0.22
    ripple: float = 0.01

    DAY_STARTS = 300

    def power_w(self, at: Moments) -> Floats:
        night = at.clock < self.DAY_STARTS
        day = at.day - night
        clock = at.clock + 1440 * night
        opens = np.array([spans[0][0] if spans else -1 for spans in self.hours.days])
        closes = np.array([spans[-1][1] if spans else -1 for spans in self.hours.days])
        weekday = (day + 6) % 7
        begin, end = opens[weekday], closes[weekday]
        open_today = (begin >= 0) & ~np.isin(day, list(at.holidays))

        arrival = begin + 1 + 18 * self._daily(day, "arrival")
        leaving = end - 12 - 80 * self._daily(day, "leaving") ** 1.5
        staff = open_today & (clock >= arrival) & (clock < leaving)
        starts, stops = self.cleaning(day, end)
        cleaners = open_today & (clock >= starts) & (clock < stops)

        present = np.interp(
            (clock - arrival) / np.maximum(leaving - arrival, 1.0),
            [0.0, 0.08, 0.45, 0.55, 0.62, 0.85, 1.0],
            [0.55, 0.92, 1.0, 0.82, 1.0, 0.95, 0.7],
        )
        dimmed = 1.0 - 0.28 * np.clip(at.sun, 0.0, 1.0)
        lit = np.where(staff, present * dimmed, np.where(cleaners, 0.88, 0.0))
        steps = np.round(lit * 12) / 12  # circuits are switched, not faded
        warm = 1.0 + 0.006 * self._wander(at, 45.0)
        return (0.006 * self.rated_w + self.rated_w * steps) * warm

    def cleaning(self, day: Ints, end: Ints) -> tuple[Floats, Floats]:
        """Start and stop of the evening's cleaning in minutes of the lighting day's clock.

        day, end (n,): local day (ordinal) and the end of its contract hours. Equal: nobody came.
        """
        kind = self._daily(day, "kind of evening")
        length = 28.0 + 26.0 * self._daily(day, "cleaning length")
        length = np.where(kind < self.forgotten, 195.0 + 3.3 * length, length)
        late = (kind >= self.forgotten) & (kind < self.forgotten + 0.05)
        length = np.where(late, 50.0 + 2.0 * length, length)
        length = np.where(kind > 0.96, 0.0, length)
        starts = end + 1.0 + 5.0 * self._daily(day, "cleaning start")
        return starts, starts + length


@dataclass(frozen=True)
class Climate(_Steady):
    """Heat pump and ventilation: follows the outdoor temperature, set back out of hours."""

    rated_w: float = 24_000.0
    on_w: float = 6_000.0
    tan_phi: float = 0.33
    ripple: float = 0.05
    idle_var: float = 60.0

    def power_w(self, at: Moments) -> Floats:
        heating = 560.0 * np.clip(15.0 - at.temperature_c, 0.0, None)
        cooling = 720.0 * np.clip(at.temperature_c - 19.0, 0.0, None)
        running = np.interp(at.clock, [330, 360, 480, 540, 1170, 1230], [0, 1.25, 1.15, 1, 1, 0])
        running = np.where(at.workday, running, 0.0)
        share = 0.30 + 0.70 * np.minimum(running, 1.25)
        fans = 300.0 + 2100.0 * np.minimum(running, 1.0)
        restless = 1.0 + 0.07 * self._wander(at, 18.0) + 0.04 * self._wander(at, 5.0)
        return np.clip(((heating + cooling) * share + fans) * restless, 120.0, self.rated_w)


@dataclass(frozen=True)
class Compressor(_Steady):
    """Compressed air: working hours, 5 % noise from day to day, and a leak that grows.

    creep_from_minute: UTC minute since which the same work costs `creep_per_week` more. The noise
    of the days is counted from there too, so that the leak shows as clearly whenever the site is
    set up.
    """

    creep_from_minute: int = 0
    creep_per_week: float = 0.01
    tan_phi: float = 0.52
    ripple: float = 0.30
    idle_var: float = 120.0

    def creep(self, utc_minute: Ints) -> Floats:
        """Factor on the power, 1 before it began."""
        weeks = np.clip(utc_minute - self.creep_from_minute, 0, None) / MINUTES_PER_WEEK
        return 1.0 + np.minimum(self.creep_per_week * weeks, FULL_CREEP)

    def power_w(self, at: Moments) -> Floats:
        shift = np.interp(
            at.clock,
            [375, 400, 540, 545, 555, 560, 720, 725, 765, 770, 1000, 1035],
            [0, 1, 1, 0.6, 0.6, 1, 1, 0.45, 0.45, 1, 1, 0],
        )
        saturday = np.interp(at.clock, [420, 440, 720, 740], [0, 0.55, 0.55, 0])
        work = np.where(at.workday, shift, np.where(at.weekday == 5, saturday, 0.0))
        since = at.day - _day_of(self.creep_from_minute)
        of_day = 1.0 + 0.05 * normal(self.seed, f"{self.name} day", since)
        load = 420.0 + 8600.0 * work * (1.0 + 0.08 * self._wander(at, 11.0))
        return np.clip(load * of_day, 50.0, None) * self.creep(at.utc_minute)


@dataclass(frozen=True)
class Machines(_Steady):
    """Printing presses and cutters: shifts with breaks; now and then the compensation fails.

    first_minute: what the noise of the days is counted from.
    """

    first_minute: int = 0
    tan_phi: float = 0.38
    ripple: float = 0.14
    idle_var: float = 4.0

    def power_w(self, at: Moments) -> Floats:
        shift = np.interp(
            at.clock,
            [400, 430, 540, 542, 556, 560, 718, 724, 762, 770, 975, 1000],
            [0, 1, 1, 0.35, 0.35, 1, 1, 0.3, 0.3, 1, 1, 0],
        )
        saturday = np.interp(at.clock, [480, 500, 770, 790], [0, 0.6, 0.6, 0])
        work = np.where(at.workday, shift, np.where(at.weekday == 5, saturday, 0.0))
        since = at.day - _day_of(self.first_minute)
        of_day = 1.0 + 0.05 * normal(self.seed, f"{self.name} day", since)
        busy = np.clip(
            0.80 + 0.16 * self._wander(at, 23.0) + 0.08 * self._wander(at, 4.0), 0.2, 1.3
        )
        return 320.0 + 14_500.0 * work * busy * np.clip(of_day, 0.7, 1.3)

    def tangent(self, at: Moments) -> Floats:
        """A capacitor stage drops out on one afternoon in sixteen: cos phi 0.94 falls to 0.84."""
        failed = (self._daily(at.day, "capacitors") < 1 / 16) & (at.clock > 780)
        return np.where(failed, 0.64, self.tan_phi)


@dataclass(frozen=True)
class EvCharger(_Steady):
    """Two visits on a usual working day, seldom one on a Saturday."""

    rated_w: float = 11_000.0
    on_w: float = 11_000.0
    tan_phi: float = 0.05
    ripple: float = 0.006
    idle_var: float = 5.0

    def power_w(self, at: Moments) -> Floats:
        power = np.full(at.utc_minute.shape, 9.0)
        for visit, arrives, spread, chance in (("morning", 490, 60, 0.86), ("noon", 800, 110, 0.5)):
            arrival = arrives + spread * (self._daily(at.day, visit) - 0.5)
            lasts = 75.0 + 130.0 * self._daily(at.day, f"{visit} lasts")
            comes = np.where(at.workday, chance, np.where(at.weekday == 5, 0.2, 0.0))
            here = self._daily(at.day, f"{visit} comes") < comes
            since = at.clock - arrival
            tail = np.clip((lasts - since) / 22.0, 0.18, 1.0)  # the car tapers when nearly full
            charging = here & (since >= 0) & (since < lasts)
            power = np.where(charging, np.maximum(power, self.rated_w * tail), power)
        return power


@dataclass(frozen=True)
class Dishwasher(_Steady):
    """A canteen machine: heat, wash, heat, dry; after lunch and before closing."""

    tan_phi: float = 0.06
    ripple: float = 0.02
    idle_var: float = 2.0

    def power_w(self, at: Moments) -> Floats:
        power = np.full(at.utc_minute.shape, 2.2)
        for run, starts in (("lunch", 785.0), ("evening", 1035.0)):
            begin = starts + 40.0 * (self._daily(at.day, run) - 0.5)
            runs = at.workday & (self._daily(at.day, f"{run} runs") < 0.92)
            since = at.clock - begin
            phase = np.select(
                [since < 4, since < 19, since < 46, since < 58, since < 84],
                [60.0, 2050.0, 165.0, 1980.0, 38.0],
            )
            power = np.where(runs & (since >= 0) & (since < 84), phase, power)
        return power * (1.0 + 0.01 * self._wander(at, 9.0))


@dataclass(frozen=True)
class ServerRoom(_Steady):
    """Flat, a little more on hot days when the fans work harder."""

    tan_phi: float = 0.16
    ripple: float = 0.01
    idle_var: float = 30.0

    def power_w(self, at: Moments) -> Floats:
        fans = 4.0 * np.clip(at.temperature_c - 12.0, 0.0, 25.0)
        return 4150.0 * (1.0 + 0.012 * self._wander(at, 220.0)) + fans + 120.0 * at.occupancy


@dataclass(frozen=True)
class Sockets(_Steady):
    """Office sockets: screens and computers follow the people."""

    ripple: float = 0.05
    idle_var: float = 80.0

    def power_w(self, at: Moments) -> Floats:
        restless = 1.0 + 0.05 * self._wander(at, 14.0)
        return (870.0 + 7200.0 * at.occupancy) * restless


@dataclass(frozen=True)
class CommonParts(_Steady):
    """Lift, stairs and the car park, whose lights burn from dusk to dawn."""

    tan_phi: float = 0.3
    ripple: float = 0.10

    def power_w(self, at: Moments) -> Floats:
        dark = np.interp(at.bright, [0.0, 0.03], [1.0, 0.0])
        return (390.0 + 780.0 * dark + 650.0 * at.occupancy) * (1.0 + 0.05 * self._wander(at, 6.0))


@dataclass(frozen=True)
class NotMetered(_Steady):
    """What hangs on the main switch without a meter of its own."""

    tan_phi: float = 0.25
    ripple: float = 0.04

    def power_w(self, at: Moments) -> Floats:
        return (820.0 + 1500.0 * at.occupancy) * (1.0 + 0.08 * self._wander(at, 16.0))


@dataclass(frozen=True)
class Photovoltaics(_Steady):
    """A roof. Produces > 0; the inverter sleeps at night."""

    peak_w: float = 78_000.0
    tan_phi: float = 0.0
    ripple: float = 0.02
    idle_var: float = 0.0

    def power_w(self, at: Moments) -> Floats:
        warm = 1.0 - 0.0035 * (at.temperature_c + 22.0 * at.sun - 25.0)
        power = 0.84 * self.peak_w * at.sun * warm
        return np.where(power < 60.0, 0.0, np.minimum(power, 0.9 * self.peak_w))

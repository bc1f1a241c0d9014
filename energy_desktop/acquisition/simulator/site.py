"""The virtual site: what its meters would show at any moment, past or present.

Deterministic by seed, configuration and the date on which the site was set up (`anchor_ms`), so
the history made on the first start and every later answer are one curve; a restart days later
goes on where the registers would have been.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.acquisition.driver_profile import DriverProfile
from energy_desktop.acquisition.simulator import loads
from energy_desktop.acquisition.simulator.book import Circuit, MinuteBook, Pages
from energy_desktop.acquisition.simulator.live import (
    OFF,
    ON,
    SETPOINT,
    TIMETABLE,
    Command,
    LiveState,
)
from energy_desktop.acquisition.simulator.moments import MINUTES_PER_DAY
from energy_desktop.acquisition.simulator.noise import Floats, Ints, pick
from energy_desktop.acquisition.simulator.supply import (
    VOLTAGE_MODES,
    Electrical,
    Mains,
    Wiring,
)
from energy_desktop.domain.commissioning import DeviceIdentity
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.site import Meter, Role

SCENARIOS = (*VOLTAGE_MODES, "lost_meter")

RECORDED_DAYS = 120
"""The site exists for so many days before the day it was set up."""

CREEP_DAYS = 42
"""The compressor began to leak so long before the day the site was set up."""

SINGLE_PHASE_DRIVERS = frozenset({"eastron_sdm120", "eastron_sdm220", "eastron_sdm230"})

_REGISTER_START_WH = {
    Role.GRID: (90e6, 140e6),
    Role.SOLAR: (40e6, 60e6),
    Role.BATTERY: (4e6, 6e6),
    Role.LOAD: (2e6, 9e6),
    Role.OTHER: (2e6, 9e6),
}


@dataclass(frozen=True, slots=True)
class Switched:
    """A command in force, for showing."""

    meter_id: str
    value: int
    until_ms: int


class VirtualSite:
    """Every method may be called from any thread.

    configuration: which meters there are; their role and `equipment` choose the load model, the
    contract of their zone the hours of its lights. A meter with role GRID shows the sum.
    anchor_ms: when the site was set up; the same value must be given at every start.
    """

    def __init__(
        self,
        seed: int,
        configuration: Configuration,
        zone: ZoneInfo | None = None,
        *,
        anchor_ms: int,
    ) -> None:
        self.configuration = configuration
        self.anchor_ms = anchor_ms
        self.seed = seed
        self.zone = zone or ZoneInfo(configuration.site.zone)
        self._lock = threading.RLock()
        self._lost: set[str] = set()
        self._mode = "normal"
        self.version = 0
        """Grows with every command, so that a cached answer knows that it is old."""

        self._rows: dict[str, int] = {}
        self._wiring: dict[str, Wiring] = {}
        self._start_wh: dict[str, float] = {}
        circuits: list[Circuit] = []
        batteries = [m for m in configuration.meters if m.role is Role.BATTERY][:1]
        for meter in configuration.meters:
            if meter.role in (Role.LOAD, Role.SOLAR, Role.OTHER):
                self._rows[meter.meter_id] = len(circuits)
                sign = -1 if meter.role is Role.SOLAR else 1
                circuits.append(Circuit(meter.meter_id, self._model(meter), sign))
        circuits.append(Circuit("not metered", loads.NotMetered(seed, "not metered")))
        battery = None
        if batteries:
            battery_id = batteries[0].meter_id
            battery = next((b for b in configuration.batteries if b.meter_id == battery_id), None)
        self._book = MinuteBook(
            tuple(circuits),
            battery,
            zone=self.zone,
            country=configuration.site.country,
            seed=seed,
            epoch_day=anchor_ms // DAY_MS - RECORDED_DAYS,
        )
        if battery is not None and self._book.rows.battery is not None:
            self._rows[battery.meter_id] = self._book.rows.battery
        for meter in configuration.meters:
            if meter.role is Role.GRID:
                self._rows[meter.meter_id] = self._book.rows.grid
            self._wiring[meter.meter_id] = self._wire(meter)
            low, high = _REGISTER_START_WH[meter.role]
            self._start_wh[meter.meter_id] = round(
                pick(seed, f"register {meter.meter_id}", low, high), -2
            )
        self._live = LiveState(self._book)

    # --- what the meters show -------------------------------------------------------------

    @property
    def first_ms(self) -> int:
        """The first moment of the site."""
        return self._book.epoch_day * DAY_MS

    @property
    def meter_ids(self) -> tuple[str, ...]:
        """Meters that have something to show."""
        return tuple(m.meter_id for m in self.configuration.meters if m.meter_id in self._rows)

    def reading(self, meter_id: str, at_ms: int) -> Electrical:
        """One meter at this second, with every command in force; arrays of length 1.

        Time only goes forward for commands: an `at_ms` before the newest one asked for shows the
        registers of that newest one. Raises KeyError for a meter without a model.
        """
        with self._lock:
            second = max(at_ms // 1000, self._live.second)
            self._live.advance(second)
            pages = self._book.day(second // 60 // MINUTES_PER_DAY)
            seconds = np.array([second], np.int64)
            mains = self.mains(seconds)
            recorded = self._recorded(meter_id, pages, seconds, mains, self._mode)
            return self._with_commands(recorded, meter_id, pages, second)

    def wire_profile(self, meter_id: str, profile: DriverProfile) -> DriverProfile:  # noqa: ARG002
        """Its meters lay their values down as their drivers say."""
        return profile

    def identity(self, meter_id: str, profile: DriverProfile) -> DeviceIdentity | None:  # noqa: ARG002
        """Its meters do not know function 43/14, as most do not."""
        return None

    def mains(self, seconds: Ints) -> Mains:
        """Voltage and frequency, shared by all meters of the same seconds."""
        site = self.configuration.site
        return Mains(seconds, self.seed, site.nominal_voltage_v, site.nominal_frequency_hz)

    def pages(self, utc_day: int, days: int) -> Pages:
        """The minute book of whole UTC days. Raises ValueError before `first_ms`."""
        with self._lock:
            return self._book.pages(utc_day, days)

    def recorded(self, meter_id: str, pages: Pages, seconds: Ints, mains: Mains) -> Electrical:
        """A meter at past seconds (n,) inside `pages`, by timetable and at normal voltage."""
        return self._recorded(meter_id, pages, seconds, mains, "normal")

    def _recorded(
        self, meter_id: str, pages: Pages, seconds: Ints, mains: Mains, mode: str
    ) -> Electrical:
        row, book = self._rows[meter_id], self._book
        minute, second = np.divmod(seconds, 60)
        i = minute - pages.start
        pattern = pages.pattern[i]
        if row == book.rows.grid:
            power, reactive, taken, given, var_h = self._grid(pages, i, second, pattern)
        else:
            mean, tangent = pages.power_w[row, i], pages.tangent[row, i]
            power = mean * (1.0 + book.ripple[row, pattern, second])
            hours = (second + book.ripple_sum[row, pattern, second]) / 3600.0
            taken = pages.in_wh[row, i] + np.maximum(mean, 0.0) * hours
            given = pages.out_wh[row, i] + np.maximum(-mean, 0.0) * hours
            reactive = power * tangent + book.idle_var[row]
            var_h = pages.var_h[row, i] + mean * tangent * hours
            var_h = var_h + book.idle_var[row] * second / 3600.0
        start = self._start_wh[meter_id]
        shows = Electrical(
            wiring=self._wiring[meter_id],
            mains=mains,
            mode=mode,
            power_w=power,
            reactive_var=reactive,
            in_wh=start + taken,
            out_wh=(0.0 if row < book.rows.circuits else 0.3 * start) + given,
            var_h=0.3 * start + var_h,
        )
        if row == book.rows.battery:
            soc = pages.soc_wh[i] + (pages.soc_wh[i + 1] - pages.soc_wh[i]) * (second / 60.0)
            self._add_charge(shows, soc)
        return shows

    def _grid(
        self, pages: Pages, i: Ints, second: Ints, pattern: Ints
    ) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        book = self._book
        n, grid = book.rows.circuits, book.rows.grid
        mean, tangent = pages.power_w[:n, i], pages.tangent[:n, i]
        swing = mean * book.ripple[:n, pattern, second]
        power = pages.power_w[grid, i] + book.signs @ swing
        reactive = ((mean + swing) * tangent).sum(axis=0) + book.idle_var[grid]
        hours = (second + book.ripple_sum[:n, pattern, second]) / 3600.0
        var_h = pages.var_h[grid, i] + (mean * tangent * hours).sum(axis=0)
        var_h = var_h + book.idle_var[grid] * second / 3600.0
        taken, given = pages.in_wh[grid, i], pages.out_wh[grid, i]
        if second.any():
            taken, given = taken.copy(), given.copy()
            for minute in np.unique(i[second > 0]):
                here = np.flatnonzero((i == minute) & (second > 0))
                within = book.grid_seconds(pages.power_w[:, minute], int(pages.pattern[minute]))
                until = second[here] - 1
                taken[here] += np.cumsum(np.maximum(within, 0.0))[until] / 3600.0
                given[here] += np.cumsum(np.maximum(-within, 0.0))[until] / 3600.0
        return power, reactive, taken, given, var_h

    def _with_commands(
        self, shows: Electrical, meter_id: str, pages: Pages, second: int
    ) -> Electrical:
        live, book, row = self._live, self._book, self._rows[meter_id]
        shows.in_wh = shows.in_wh + live.in_wh[row]
        shows.out_wh = shows.out_wh + live.out_wh[row]
        shows.var_h = shows.var_h + live.var_h[row]
        if not live.deviates:
            return shows
        i, within = second // 60 - pages.start, second % 60
        pattern = int(pages.pattern[i])
        mean = live.power(second)
        n = book.rows.circuits
        powers = mean[:n] * (1.0 + book.ripple[:n, pattern, within])
        reactive = powers * pages.tangent[:n, i] + book.idle_var[:n]
        if row < n:
            shows.power_w, shows.reactive_var = powers[row : row + 1], reactive[row : row + 1]
        elif row == book.rows.grid:
            shows.power_w = book.grid_seconds(mean, pattern)[within : within + 1]
            shows.reactive_var = reactive.sum(keepdims=True)
        else:
            shows.power_w = mean[row : row + 1]
            self._add_charge(shows, np.array([live.charge(second)]))
        return shows

    def _add_charge(self, shows: Electrical, soc_wh: Floats) -> None:
        battery = self._book.battery
        assert battery is not None
        shows.extra["soc_pct"] = soc_wh / battery.capacity_wh * 100.0

    # --- commands ---------------------------------------------------------------------------

    def switch(self, meter_id: str, value: int, at_ms: int) -> None:
        """OFF, ON or TIMETABLE for what the meter feeds, from this second on, for 12 hours.

        Raises WrongUse for a meter that feeds nothing that can be switched, or another value.
        """
        if value not in (OFF, ON, TIMETABLE) or not self.can_switch(meter_id):
            raise WrongUse(
                where=f"Meter {meter_id!r} of the virtual site",
                what=f"cannot be switched to {value}.",
                remedy="0 is off, 1 on, 2 by timetable; loads and the battery can be switched.",
            )
        self._command(self._rows[meter_id], value, at_ms)

    def set_battery_power(self, power_w: float, at_ms: int) -> None:
        """Discharge (> 0) or charge (< 0) with this power as far as rating and charge allow."""
        row = self._book.rows.battery
        if row is None:
            raise WrongUse(where="The virtual site", what="has no battery.", remedy="Add one.")
        self._command(row, SETPOINT, at_ms, power_w)

    def _command(self, row: int, value: int, at_ms: int, setpoint_w: float = 0.0) -> None:
        with self._lock:
            second = max(at_ms // 1000, self._live.second)
            self._live.advance(second)
            self._live.command(row, value, second, setpoint_w)
            self.version += 1

    def can_switch(self, meter_id: str) -> bool:
        row = self._rows.get(meter_id)
        if row is None or row == self._book.rows.grid:
            return False
        return row == self._book.rows.battery or self._book.circuits[row].load.on_w > 0.0

    def switched(self, meter_id: str) -> int:
        """What the switch of the meter holds: OFF, ON, TIMETABLE or, for the battery, SETPOINT."""
        with self._lock:
            command = self._live.commands.get(self._rows.get(meter_id, -1))
            return TIMETABLE if command is None else command.value

    def battery_setpoint_w(self) -> float:
        """The power asked of the battery; 0 without such a command."""
        with self._lock:
            row = self._book.rows.battery
            command = None if row is None else self._live.commands.get(row)
            return 0.0 if command is None else command.setpoint_w

    def battery_soc_pct(self, at_ms: int) -> float:
        """NaN without a battery."""
        with self._lock:
            if self._book.battery is None:
                return float("nan")
            second = max(at_ms // 1000, self._live.second)
            self._live.advance(second)
            return self._live.charge(second) / self._book.battery.capacity_wh * 100.0

    @property
    def voltage_mode(self) -> str:
        return self._mode

    def set_voltage_mode(self, mode: str) -> None:
        """One of VOLTAGE_MODES. Raises WrongUse for another."""
        if mode not in VOLTAGE_MODES:
            raise WrongUse(
                where="Voltage of the virtual site",
                what=f"there is no mode {mode!r}.",
                remedy=f"There are {', '.join(VOLTAGE_MODES)}.",
            )
        with self._lock:
            self._mode = mode
            self.version += 1

    def set_lost(self, meter_id: str, lost: bool) -> None:
        """A lost meter does not answer any more."""
        with self._lock:
            (self._lost.add if lost else self._lost.discard)(meter_id)
            self.version += 1

    def is_lost(self, meter_id: str) -> bool:
        return meter_id in self._lost

    def apply_scenario(self, name: str) -> None:
        """One of SCENARIOS; "normal" ends the others. Raises WrongUse for another name."""
        if name not in SCENARIOS:
            raise WrongUse(
                where="--scenario",
                what=f"there is no scenario {name!r}.",
                remedy=f"There are {', '.join(SCENARIOS)}, and cabinet.",
            )
        self.set_voltage_mode("normal" if name == "lost_meter" else name)
        for meter_id in tuple(self._lost):
            self.set_lost(meter_id, False)
        if name == "lost_meter":
            loads_only = [m for m in self.configuration.meters if m.role is Role.LOAD]
            named = [m for m in loads_only if m.equipment == "hvac"] or loads_only
            if named:
                self.set_lost(named[0].meter_id, True)

    # --- what a restart must know -------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """For `restore`: plain values that JSON can hold. Meters and moments by name."""
        with self._lock:
            live, names = self._live, {row: name for name, row in self._rows.items()}
            return {
                "seed": self.seed,
                "anchor_ms": self.anchor_ms,
                "second": live.second,
                "last_command": live.last_command,
                "soc_wh": live.soc_wh,
                "offsets": {
                    name: [live.in_wh[row], live.out_wh[row], live.var_h[row]]
                    for row, name in names.items()
                    if live.in_wh[row] or live.out_wh[row] or live.var_h[row]
                },
                "commands": {
                    names[row]: [command.value, command.until, command.setpoint_w]
                    for row, command in live.commands.items()
                },
            }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`; what belongs to meters that are gone is dropped."""
        with self._lock:
            live = LiveState(self._book)
            live.second = int(state["second"])
            live.last_command = int(state["last_command"])
            live.soc_wh = None if state["soc_wh"] is None else float(state["soc_wh"])
            for name, (taken, given, reactive) in state["offsets"].items():
                if (row := self._rows.get(name)) is not None:
                    live.in_wh[row], live.out_wh[row] = float(taken), float(given)
                    live.var_h[row] = float(reactive)
            for name, (value, until, setpoint_w) in state["commands"].items():
                if (row := self._rows.get(name)) is not None:
                    live.commands[row] = Command(int(value), int(until), float(setpoint_w))
            self._live = live
            self.version += 1

    # --- models -------------------------------------------------------------------------------

    def _model(self, meter: Meter) -> loads.Load:
        seed, name = self.seed, meter.meter_id
        rated = {d.meter_id: d.rated_power_w for d in self.configuration.devices}.get(name)
        if meter.role is Role.SOLAR:
            return loads.Photovoltaics(seed, name)
        begin = (self.anchor_ms - CREEP_DAYS * DAY_MS) // 60_000
        match meter.equipment:
            case "lighting":
                watts = rated or 2000.0
                return loads.Lighting(
                    seed,
                    name,
                    hours=self._hours_of(meter.space_id),
                    rated_w=watts,
                    on_w=0.95 * watts,
                    forgotten=pick(seed, f"{name} forgotten", 0.02, 0.14),
                )
            case "hvac":
                return loads.Climate(seed, name)
            case "compressor":
                return loads.Compressor(seed, name, creep_from_minute=begin)
            case "machines":
                return loads.Machines(seed, name, first_minute=begin)
            case "ev_charger":
                return loads.EvCharger(seed, name)
            case "dishwasher":
                return loads.Dishwasher(seed, name, on_w=2000.0)
            case "server_room":
                return loads.ServerRoom(seed, name)
            case "sockets":
                return loads.Sockets(seed, name)
            case _:
                return loads.CommonParts(seed, name)

    def _hours_of(self, space_id: str | None) -> WeeklyHours:
        contracts = [c for c in self.configuration.contracts if space_id in c.space_ids]
        if contracts:
            return max(contracts, key=lambda c: c.valid_from).hours
        return WeeklyHours((*(((480, 1200),),) * 5, (), ()))

    def _wire(self, meter: Meter) -> Wiring:
        name = f"wiring {meter.meter_id}"
        drop = 0.0 if meter.role is Role.GRID else pick(self.seed, f"{name} drop", 0.2, 1.3)
        if meter.driver_id in SINGLE_PHASE_DRIVERS:
            phase = int(pick(self.seed, f"{name} phase", 0.0, 3.0))
            return Wiring((1.0, 0.0, 0.0), drop, phase)
        first = pick(self.seed, f"{name} l1", 0.315, 0.350)
        second = pick(self.seed, f"{name} l2", 0.315, 0.350)
        return Wiring((first, second, 1.0 - first - second), drop)


def save_state(site: VirtualSite, file: Path) -> None:
    """Whole or not at all: written beside and renamed."""
    beside = file.with_name(file.name + ".new")
    beside.write_text(json.dumps(site.state(), indent=1), encoding="utf-8")
    beside.replace(file)


def load_state(file: Path) -> dict[str, Any] | None:
    """None: there is none yet. Raises WrongUse for a file that is not such a state."""
    if not file.exists():
        return None
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        int(state["anchor_ms"]), int(state["seed"]), state["offsets"], state["commands"]
    except (ValueError, KeyError, TypeError) as error:
        raise WrongUse(
            where=str(file),
            what=f"is no state of the virtual site ({error}).",
            remedy="Delete it to set the site up anew.",
        ) from error
    return dict(state)

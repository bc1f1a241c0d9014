"""Switchable loads: what each draws, which pauses would save money, and the commands.

A command is a write with read-back; it is refused while the last one to the same device is fresh,
so that a relay is not hammered, and each is written to the log with who asked.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from enum import IntEnum
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.vee.measured import measured_wh
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.device import Device
from energy_desktop.domain.energy import DAY_MS, QUARTER_HOUR_MS
from energy_desktop.domain.errors import NotEnoughData, NotFound, UserFacingError, WrongUse
from energy_desktop.domain.plan import PlanSlot, ShedPlan
from energy_desktop.domain.ports import ConfigurationStore, FieldControl, History, Ledger, Rings
from energy_desktop.domain.site import Link
from energy_desktop.services.balance import site_balance
from energy_desktop.services.interval_steps import at_step
from energy_desktop.services.registers import positive_register

_LOG = logging.getLogger("energy_desktop.commands")
LEAST_BETWEEN_COMMANDS_MS = 10_000
_LEARN_DAYS = 28
_AHEAD_MS = DAY_MS
_FRESH_MS = 10_000


class Command(IntEnum):
    """What is written to a control register."""

    OFF = 0
    ON = 1
    TIMETABLE = 2


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device as it is now. power_w None: no fresh reading of its meter."""

    device: Device
    meter_name: str
    zone_name: str
    power_w: float | None
    switchable: bool
    why_not: str
    link: Link | None


@dataclass(frozen=True, slots=True)
class LoadsOutlook:
    """Devices, the pauses worth making in the next 24 h, and the prices they rest on."""

    devices: tuple[DeviceRow, ...]
    plan: ShedPlan
    slots: tuple[PlanSlot, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandResult:
    device_id: str
    asked: Command
    held: int
    at_ms: int

    @property
    def done(self) -> bool:
        return self.held == int(self.asked)


class LoadService:
    """`field` and `rings` None: no engine runs in this program, so nothing can be switched."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        history: History,
        ledger: Ledger,
        clock: Clock,
        field: FieldControl | None = None,
        rings: Rings | None = None,
    ) -> None:
        self._configuration = configuration
        self._history = history
        self._ledger = ledger
        self._clock = clock
        self._field = field
        self._rings = rings
        self._last_command_ms: dict[str, int] = {}
        self._lock = threading.Lock()

    def outlook(self, at_ms: int | None = None) -> LoadsOutlook:
        """Raises NotEnoughData when no price covers the coming hours."""
        from energy_desktop.analytics.planning.loads import plan_shedding, typical_powers

        configuration = self._configuration.load()
        now_ms = to_ms(self._clock()) if at_ms is None else at_ms
        origin_ms = now_ms - now_ms % QUARTER_HOUR_MS
        slots, notes = self._slots(configuration, origin_ms)
        usage = {}
        for device in configuration.devices:
            past = at_step(
                self._ledger,
                device.meter_id,
                origin_ms - _LEARN_DAYS * DAY_MS,
                origin_ms,
                register=positive_register(self._ledger, device.meter_id),
                step_s=900,
            )
            usage[device.device_id] = typical_powers(
                past.start_ms, measured_wh(past) * 4, slots, zone=configuration.site.zone
            )
        plan = plan_shedding(
            configuration.devices,
            usage,
            slots,
            currency=configuration.site.currency,
            zone=configuration.site.zone,
        )
        return LoadsOutlook(self.devices(), plan, slots, notes)

    def devices(self) -> tuple[DeviceRow, ...]:
        """The devices in shed order, those that are never shed last."""
        configuration = self._configuration.load()
        spaces = {s.space_id: s.name for s in configuration.spaces}
        now_ms = to_ms(self._clock())
        rows = []
        for device in configuration.devices:
            meter = configuration.meter(device.meter_id)
            link = None if meter is None else configuration.link(meter.link_id)
            power = None
            last = None if self._rings is None else self._rings.last(device.meter_id)
            if last is not None and now_ms - last.read_at_ms <= _FRESH_MS:
                value = last.value("power_w")
                power = value if value == value else None
            why_not = self._why_not(device, link)
            rows.append(
                DeviceRow(
                    device,
                    device.meter_id if meter is None else meter.name,
                    "" if meter is None else spaces.get(meter.space_id or "", ""),
                    power,
                    not why_not,
                    why_not,
                    link,
                )
            )
        return tuple(
            sorted(rows, key=lambda r: (r.device.shed_order or 10_000, r.device.device_id))
        )

    def command(self, device_id: str, command: Command, who: str) -> CommandResult:
        """Writes and reads back. Raises WrongUse (too soon, no switch) or what the wire raises."""
        row = next((r for r in self.devices() if r.device.device_id == device_id), None)
        if row is None:
            raise NotFound(
                where=f"Device {device_id}",
                what="The site has no such device.",
                remedy="Describe it in the site file.",
            )
        register, unit = row.device.control_register, row.device.control_unit_id
        if self._field is None or row.link is None or register is None or unit is None:
            raise WrongUse(
                where=row.device.name,
                what=row.why_not,
                remedy="Give it a control register in the site file.",
            )
        now_ms = to_ms(self._clock())
        with self._lock:
            since = now_ms - self._last_command_ms.get(device_id, -LEAST_BETWEEN_COMMANDS_MS)
            if since < LEAST_BETWEEN_COMMANDS_MS:
                left = (LEAST_BETWEEN_COMMANDS_MS - since + 999) // 1000
                raise WrongUse(
                    where=row.device.name,
                    what="The last command is too fresh.",
                    remedy=f"Try again in {left} s: relays wear.",
                )
            self._last_command_ms[device_id] = now_ms
        try:
            held = self._field.write_register(row.link, unit, register, int(command))
        except UserFacingError as error:
            _LOG.warning("%s asked %s for %s: %s", who, row.device.name, command.name, error)
            raise
        _LOG.info(
            "%s set %s to %s: unit %s, register %s now holds %s",
            who,
            row.device.name,
            command.name,
            unit,
            register,
            held,
        )
        return CommandResult(device_id, command, held, now_ms)

    def _why_not(self, device: Device, link: Link | None) -> str:
        if device.control_register is None or device.control_unit_id is None:
            return "It has no control register, so it is only watched."
        if link is None:
            return "Its meter has no link."
        if self._field is None:
            return "No engine runs in this program."
        return ""

    def _slots(
        self, configuration: Configuration, origin_ms: int
    ) -> tuple[tuple[PlanSlot, ...], tuple[str, ...]]:
        """Quarter hours for which a price is known, with the site's usual load and sun."""
        from energy_desktop.analytics.planning.loads import typical_powers

        end_ms = origin_ms + _AHEAD_MS
        prices = self._configuration.prices(origin_ms, end_ms)
        notes: list[str] = []
        site = configuration.site
        bare = []
        if not prices:
            notes.append("No market prices are stored: the site's fixed price holds all day.")
            bare = [
                PlanSlot(
                    at,
                    at + QUARTER_HOUR_MS,
                    0.0,
                    0.0,
                    float(site.price_import_per_kwh),
                    float(site.price_export_per_kwh),
                )
                for at in range(origin_ms, end_ms, QUARTER_HOUR_MS)
            ]
        for price in prices:
            start = max(price.start_ms, origin_ms)
            bare.extend(
                PlanSlot(
                    at,
                    min(at + QUARTER_HOUR_MS, price.end_ms),
                    0.0,
                    0.0,
                    price.import_per_kwh,
                    price.export_per_kwh,
                )
                for at in range(start, min(price.end_ms, end_ms), QUARTER_HOUR_MS)
            )
        if not bare:
            raise NotEnoughData(
                where="Loads",
                what="No price covers the coming hours.",
                remedy="Import prices for today.",
            )
        past = site_balance(
            configuration, self._ledger, origin_ms - _LEARN_DAYS * DAY_MS, origin_ms
        )
        load = typical_powers(past.start_ms, past.load_wh * 4, bare, zone=site.zone)
        sun = typical_powers(past.start_ms, past.solar_wh * 4, bare, zone=site.zone)
        slots = tuple(
            PlanSlot(
                slot.start_ms,
                slot.end_ms,
                float(max(0.0, load[i])),
                float(max(0.0, sun[i])),
                slot.import_per_kwh,
                slot.export_per_kwh,
            )
            for i, slot in enumerate(bare)
        )
        dearest = max(slots, key=lambda s: s.import_per_kwh)
        local = np.datetime64(dearest.start_ms, "ms").astype(object).replace(tzinfo=ZoneInfo("UTC"))
        notes.append(
            f"The dearest quarter hour begins {local.astimezone(ZoneInfo(site.zone)):%a %H:%M}: "
            f"{dearest.import_per_kwh:.4f} {site.currency} per kWh."
        )
        return slots, tuple(notes)

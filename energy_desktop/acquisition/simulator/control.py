"""The control unit of the virtual site: holding registers through which it is commanded.

One unit id for all of it, so that another process, or the window through
FieldControl.write_register, needs nothing but Modbus. Meters themselves stay read-only.

    register            holds
    0                   voltage, the index into VOLTAGE_MODES: 0 normal, 1 high warning,
                        2 high critical, 3 low warning, 4 low critical, 5 fluctuating
    10                  battery power asked for, int16 in units of 10 W, > 0 discharges
    11                  battery charge in 0.01 %, read only
    200 + unit id       switch of what that meter feeds: 0 off, 1 on, 2 by timetable
                        (the battery: 0 stands still, 1 or 2 self-consumption, 3 reads back a power)
    1000 + unit id      1: that meter is lost and answers no more
"""

import math

from energy_desktop.acquisition.simulator.site import VirtualSite
from energy_desktop.acquisition.simulator.supply import VOLTAGE_MODES
from energy_desktop.domain.errors import WrongUse

CONTROL_UNIT = 247
VOLTAGE_MODE_REGISTER = 0
BATTERY_POWER_REGISTER = 10
BATTERY_CHARGE_REGISTER = 11
SWITCH_REGISTERS = 200
LOST_REGISTERS = 1000
BATTERY_POWER_STEP_W = 10.0


class NoSuchRegister(Exception):
    """Modbus exception 2."""


class ReadOnlyRegister(Exception):
    """Modbus exception 2 as well: the address cannot be written."""


class NotAllowed(Exception):
    """Modbus exception 3."""


class ControlUnit:
    """Registers of the control unit. Safe from any thread."""

    def __init__(self, site: VirtualSite) -> None:
        self._site = site
        self._meter_of = {m.unit_id: m.meter_id for m in site.configuration.meters if m.driver_id}

    def read(self, address: int, at_ms: int) -> int:
        """0 to 65535. Raises NoSuchRegister."""
        site = self._site
        if address == VOLTAGE_MODE_REGISTER:
            return VOLTAGE_MODES.index(site.voltage_mode)
        if address == BATTERY_POWER_REGISTER:
            return round(site.battery_setpoint_w() / BATTERY_POWER_STEP_W) & 0xFFFF
        if address == BATTERY_CHARGE_REGISTER:
            charge = site.battery_soc_pct(at_ms)
            if math.isnan(charge):
                raise NoSuchRegister
            return round(charge * 100)
        kind, meter_id = self._addressed(address)
        return site.switched(meter_id) if kind == SWITCH_REGISTERS else site.is_lost(meter_id)

    def write(self, address: int, value: int, at_ms: int) -> None:
        """Raises NoSuchRegister, ReadOnlyRegister, or NotAllowed for a value out of range."""
        site = self._site
        try:
            if address == VOLTAGE_MODE_REGISTER:
                if value >= len(VOLTAGE_MODES):
                    raise NotAllowed
                site.set_voltage_mode(VOLTAGE_MODES[value])
            elif address == BATTERY_POWER_REGISTER:
                signed = value - 0x10000 if value & 0x8000 else value
                site.set_battery_power(signed * BATTERY_POWER_STEP_W, at_ms)
            elif address == BATTERY_CHARGE_REGISTER:
                raise ReadOnlyRegister
            else:
                kind, meter_id = self._addressed(address)
                if kind == SWITCH_REGISTERS:
                    site.switch(meter_id, value, at_ms)
                elif value in (0, 1):
                    site.set_lost(meter_id, value == 1)
                else:
                    raise NotAllowed
        except WrongUse as error:
            raise NotAllowed from error

    def _addressed(self, address: int) -> tuple[int, str]:
        for kind in (SWITCH_REGISTERS, LOST_REGISTERS):
            meter_id = self._meter_of.get(address - kind)
            if meter_id is not None and (kind == LOST_REGISTERS or self._site.can_switch(meter_id)):
                return kind, meter_id
        raise NoSuchRegister

"""The switches of the simulator: mains voltage and lost meters, over Modbus like any device."""

from __future__ import annotations

from energy_desktop.acquisition.simulator.control import (
    CONTROL_UNIT,
    LOST_REGISTERS,
    VOLTAGE_MODE_REGISTER,
)
from energy_desktop.acquisition.simulator.supply import VOLTAGE_MODES
from energy_desktop.domain.errors import NotFound
from energy_desktop.domain.ports import ConfigurationStore, FieldControl
from energy_desktop.domain.site import Link, Meter


class SimulationService:
    """Only on a demo site. Calls wait for the wire, so not for the GUI thread."""

    def __init__(self, configuration: ConfigurationStore, field: FieldControl) -> None:
        self._configuration = configuration
        self._field = field

    def voltage_modes(self) -> tuple[str, ...]:
        return tuple(VOLTAGE_MODES)

    def meters(self) -> tuple[Meter, ...]:
        return tuple(m for m in self._configuration.load().meters if m.link_id)

    def set_voltage(self, mode: str) -> str:
        """Gives back the mode that the simulator then reads back. Raises what the wire raises."""
        held = self._field.write_register(
            self._link(), CONTROL_UNIT, VOLTAGE_MODE_REGISTER, VOLTAGE_MODES.index(mode)
        )
        return VOLTAGE_MODES[held]

    def set_lost(self, meter_id: str, lost: bool) -> bool:
        meter = self._configuration.load().meter(meter_id)
        if meter is None:
            raise NotFound(
                where=f"Meter {meter_id}", what="The site has no such meter.", remedy="Choose one."
            )
        held = self._field.write_register(
            self._link(), CONTROL_UNIT, LOST_REGISTERS + meter.unit_id, int(lost)
        )
        return bool(held)

    def _link(self) -> Link:
        configuration = self._configuration.load()
        used = {m.link_id for m in configuration.meters if m.link_id}
        for link in configuration.links:
            if link.link_id in used:
                return link
        raise NotFound(
            where="Simulator", what="No link leads to it.", remedy="Open the demo site again."
        )

"""A command to a load, over the wire: the register holds it, and the meter's power follows."""

from datetime import timedelta

import pytest

from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.simulator import control
from energy_desktop.acquisition.simulator.demo import open_demo_site
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.errors import MeterUnreachable, NotFound, UserFacingError, WrongUse
from energy_desktop.services.loads import LEAST_BETWEEN_COMMANDS_MS, Command, LoadService
from energy_desktop.services.rings import LiveRings
from energy_desktop.services.simulation import SimulationService
from tests.integration.acquisition.fields import wait_until
from tests.unit.simulator.conftest import NOW_MS, library

__all__ = ["library"]

LIGHTS = "light-print-hall"  # burn on a Friday at noon


class HandClock:
    """Stands still until it is moved."""

    def __init__(self):
        self.now = from_ms(NOW_MS)

    def __call__(self):
        return self.now

    def pass_ms(self, ms):
        self.now += timedelta(milliseconds=ms)


class Stored:
    def __init__(self, configuration):
        self.configuration = configuration

    def load(self):
        return self.configuration


class Works:
    """The demo site behind a wire, its field thread, and the services on both."""

    def __init__(self, field, rings, stored, clock, server):
        self.field, self.rings, self.clock, self.server = field, rings, clock, server
        self.loads = LoadService(stored, None, None, clock, field, rings)
        self.simulation = SimulationService(stored, field)

    def row(self, device_id=LIGHTS):
        return next(r for r in self.loads.devices() if r.device.device_id == device_id)

    def power_w(self, device_id=LIGHTS):
        return self.row(device_id).power_w


@pytest.fixture
def works(library):
    clock = HandClock()
    site = open_demo_site(None, "127.0.0.1", 5020, NOW_MS)
    with SimulatorServer(site, library, "127.0.0.1", 0, clock=clock) as server:
        moved = open_demo_site(None, "127.0.0.1", server.port, NOW_MS).configuration
        rings = LiveRings()
        field = Field(library, rings, clock=clock)
        field.reconfigure(moved)
        field.start()
        try:
            yield Works(field, rings, Stored(moved), clock, server)
        finally:
            assert field.stop(timeout_s=5.0)


def test_a_load_that_is_switched_off_draws_nothing_more_and_comes_back(works):
    wait_until(lambda: (works.power_w() or 0.0) > 500.0)

    off = works.loads.command(LIGHTS, Command.OFF, "Kim")
    assert (off.done, off.held) == (True, 0)
    works.clock.pass_ms(LEAST_BETWEEN_COMMANDS_MS)
    wait_until(lambda: works.power_w() is not None and works.power_w() < 50.0)

    on = works.loads.command(LIGHTS, Command.ON, "Kim")
    assert (on.done, on.held) == (True, 1)
    works.clock.pass_ms(LEAST_BETWEEN_COMMANDS_MS)
    wait_until(lambda: (works.power_w() or 0.0) > 500.0)


def test_a_relay_is_not_hammered_but_another_may_be_switched(works):
    works.loads.command(LIGHTS, Command.OFF, "Kim")
    works.clock.pass_ms(LEAST_BETWEEN_COMMANDS_MS - 1)
    with pytest.raises(WrongUse, match="too fresh") as refused:
        works.loads.command(LIGHTS, Command.ON, "Kim")
    assert "in 1 s" in refused.value.remedy
    assert works.loads.command("hvac", Command.OFF, "Kim").done
    works.clock.pass_ms(1)
    assert works.loads.command(LIGHTS, Command.TIMETABLE, "Kim").held == 2


def test_each_command_is_logged_with_who_asked(works, caplog):
    with caplog.at_level("INFO", logger="energy_desktop.commands"):
        works.loads.command(LIGHTS, Command.OFF, "Kim Meyer")
    register = control.SWITCH_REGISTERS + 8
    assert f"register {register} now holds 0" in caplog.text
    assert "Kim Meyer" in caplog.text


def test_a_command_that_meets_no_answer_says_so(works):
    works.server.stop()
    with pytest.raises(UserFacingError) as failed:
        works.loads.command(LIGHTS, Command.OFF, "Kim")
    assert isinstance(failed.value, MeterUnreachable)
    assert failed.value.remedy


def test_without_an_engine_nothing_can_be_switched_and_it_is_said(works):
    loads = LoadService(Stored(works.loads._configuration.load()), None, None, works.clock)
    assert {r.switchable for r in loads.devices()} == {False}
    with pytest.raises(WrongUse, match="No engine runs"):
        loads.command(LIGHTS, Command.OFF, "Kim")


def test_an_unknown_load_is_not_found(works):
    with pytest.raises(NotFound, match="no such device"):
        works.loads.command("nowhere", Command.OFF, "Kim")


def test_every_voltage_level_reads_back_and_reaches_the_grid_meter(works):
    def volts():
        last = works.rings.last("grid")
        return 0.0 if last is None else last.value("voltage_l1_v")

    for mode in works.simulation.voltage_modes():
        assert works.simulation.set_voltage(mode) == mode
    works.simulation.set_voltage("high_critical")
    wait_until(lambda: volts() > 253.0)
    works.simulation.set_voltage("normal")
    wait_until(lambda: 220.0 < volts() < 240.0)


def test_a_lost_meter_reads_back_and_comes_back(works):
    assert works.simulation.set_lost(LIGHTS, True) is True
    assert works.simulation.set_lost(LIGHTS, False) is False
    with pytest.raises(NotFound):
        works.simulation.set_lost("nowhere", True)

"""A load that is switched through its register is seen to be off by its own meter."""

import time
from datetime import UTC, datetime

import pytest

from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.simulator.demo import open_demo_site
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.app.paths import drivers_folder
from energy_desktop.domain.clock import system_clock, to_ms
from energy_desktop.domain.errors import WrongUse
from energy_desktop.services.loads import Command, LoadService
from energy_desktop.services.rings import LiveRings
from energy_desktop.services.simulation import SimulationService

LAMP = "light-print-hall"


class Stored:
    """A configuration store that holds one value."""

    def __init__(self, configuration):
        self._configuration = configuration

    def load(self):
        return self._configuration


@pytest.fixture
def polled():
    library = ProfileLibrary([drivers_folder()])
    site = open_demo_site(None, "127.0.0.1", 0, to_ms(system_clock()))
    with SimulatorServer(site, library, "127.0.0.1", 0) as server:
        served = open_demo_site(None, "127.0.0.1", server.port, to_ms(system_clock()))
        configuration = served.configuration
        rings = LiveRings(len(configuration.meters))
        field = Field(library, rings)
        field.start()
        field.reconfigure(configuration)
        try:
            yield Stored(configuration), field, rings
        finally:
            field.stop(5.0)


def until(rule, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if rule():
            return True
        time.sleep(0.05)
    return False


def power(rings, meter_id):
    last = rings.last(meter_id)
    return float("nan") if last is None else last.value("power_w")


def test_a_command_is_read_back_and_followed_by_readings(polled):
    store, field, rings = polled
    now = [datetime.now(UTC)]
    loads = LoadService(store, None, None, lambda: now[0], field, rings)

    on = loads.command(LAMP, Command.ON, "tester")
    lit = until(lambda: power(rings, LAMP) > 500)
    with pytest.raises(WrongUse, match="too fresh"):
        loads.command(LAMP, Command.OFF, "tester")
    now[0] = datetime.fromtimestamp(now[0].timestamp() + 11, UTC)
    off = loads.command(LAMP, Command.OFF, "tester")

    assert on.done
    assert lit
    assert off.done
    assert until(lambda: power(rings, LAMP) < 50)


def test_the_simulator_raises_the_voltage_of_every_meter(polled):
    store, field, rings = polled
    simulation = SimulationService(store, field)
    until(lambda: rings.last("grid") is not None)
    before = rings.last("grid").value("voltage_l1_v")

    assert simulation.set_voltage("high_critical") == "high_critical"

    assert until(lambda: rings.last("grid").value("voltage_l1_v") > before + 15)


def test_a_lost_meter_answers_no_more_and_comes_back(polled):
    store, field, rings = polled
    simulation = SimulationService(store, field)
    until(lambda: rings.last(LAMP) is not None)

    assert simulation.set_lost(LAMP, True)
    time.sleep(0.5)
    silent = rings.last(LAMP).read_at_ms
    assert not until(lambda: rings.last(LAMP).read_at_ms > silent, seconds=2.5)

    assert not simulation.set_lost(LAMP, False)
    field.try_now(LAMP)
    assert until(lambda: rings.last(LAMP).read_at_ms > silent)

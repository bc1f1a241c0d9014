"""Polls of parts and of devices that describe themselves, from the field down to the wire."""

import itertools
import struct

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.trial import poll_meter
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Site
from energy_desktop.domain.snapshot import LinkState
from tests.integration.acquisition.fields import DRIVERS, a_meter, polling, tcp, wait_until
from tests.integration.sunspec.devices import a_common, a_model, chain
from tests.support.register_server import serving_registers, words_of

SLOW_ENERGY = """\
id = "slow_energy"
[quantities]
power_w          = { address = 0 }
energy_import_wh = { address = 2, scale = 1000, every = 4 }
"""


def a_site(port: int, **meter: object) -> Configuration:
    return Configuration(
        Site("Test", "UTC"), links=(tcp(port, timeout_s=1.0),), meters=(a_meter("m", **meter),)
    )


def test_a_sunspec_meter_is_polled_like_any_other():
    inverter = a_model(103, W=500, W_SF=0)
    meter = a_model(203, W=-321, W_SF=0, TotWhImp=1000, TotWh_SF=0)
    with serving_registers(chain(a_common(), inverter, meter)) as server:
        site = a_site(server.port, driver_id="sunspec", address="meter")
        with polling(site) as watched:
            wait_until(lambda: len(watched.sink.of("m")) >= 3)
        contacts = sum(asked == (3, 40_000, 2) for asked in server.asked)

    newest = watched.sink.of("m")[-1]
    assert newest.value("power_w") == -321.0
    assert newest.value("energy_import_wh") == 1000.0
    assert contacts == 1


def test_an_exchanged_device_costs_a_poll_and_is_then_read_by_its_own_map():
    with serving_registers(chain(a_common(), a_model(203, W=100, W_SF=0))) as server:
        with polling(a_site(server.port, driver_id="sunspec")) as watched:
            wait_until(lambda: len(watched.sink.of("m")) >= 2)
            server.registers = chain(a_common(), a_model(103, W=777, W_SF=0, WH=5, WH_SF=0))
            seen = len(watched.sink.of("m"))
            wait_until(lambda: len(watched.sink.of("m")) > seen + 2, within_s=10)
        powers = {snapshot.value("power_w") for snapshot in watched.sink.of("m")}

    assert powers == {100.0, 777.0}
    assert watched.sink.of("m")[-1].value("energy_import_wh") == 5.0


def test_a_device_that_is_no_sunspec_device_is_told_as_misconfigured():
    with (
        serving_registers(words_of(bytes(200), 0)) as server,
        polling(a_site(server.port, driver_id="sunspec")) as watched,
    ):
        wait_until(lambda: watched.state("m") is LinkState.MISCONFIGURED)
        status = watched.field.statuses()["m"]

    assert "no marker" in status.last_error
    assert watched.sink.of("m") == []


def test_a_single_trial_finds_the_device_too():
    with serving_registers(chain(a_common(), a_model(203, W=55, W_SF=0))) as server:
        profile = ProfileLibrary([DRIVERS]).get("sunspec")
        (snapshot,) = poll_meter(profile, tcp(server.port, timeout_s=1.0), 1)

    assert snapshot.value("power_w") == 55.0


def test_slow_registers_are_asked_in_each_nth_poll_only(tmp_path):
    (tmp_path / "slow_energy.toml").write_text(SLOW_ENERGY)
    registers = words_of(struct.pack(">ff", 1500.0, 12.5), 0)
    with serving_registers(registers) as server:
        with polling(a_site(server.port, driver_id="slow_energy"), tmp_path) as watched:
            wait_until(lambda: len(watched.sink.of("m")) >= 9)
        asked = [(address, count) for _, address, count in server.asked[:9]]

    whole, part = (0, 4), (0, 2)
    assert asked == [whole, part, part, part, whole, part, part, part, whole]
    kinds = [snapshot.layout.quantities for snapshot in watched.sink.of("m")[:5]]
    assert [len(names) for names in kinds] == [2, 1, 1, 1, 2]


def test_a_poll_that_failed_is_asked_again_with_the_same_registers(tmp_path):
    (tmp_path / "slow_energy.toml").write_text(SLOW_ENERGY)
    registers = words_of(struct.pack(">ff", 1500.0, 12.5), 0)
    with (
        serving_registers({}) as server,
        polling(a_site(server.port, driver_id="slow_energy"), tmp_path) as watched,
    ):
        wait_until(lambda: watched.field.statuses()["m"].failures >= 1)
        server.registers = registers
        watched.field.try_now("m")
        wait_until(lambda: len(watched.sink.of("m")) >= 2, within_s=10)

    first, second = itertools.islice(watched.sink.of("m"), 2)
    assert first.value("energy_import_wh") == 12_500.0
    assert second.layout.quantities == ("power_w",)

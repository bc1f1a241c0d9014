"""SunSpec devices on a real connection: found, walked, and read as pysunspec2 reads them."""

import asyncio
import math
import warnings
from pathlib import Path

import pytest
import sunspec2.file.client
import sunspec2.modbus.client

from energy_desktop.acquisition.driver_profile import DriverProfile
from energy_desktop.acquisition.links.checked import ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.modbus_tcp import ModbusTcpConnection
from energy_desktop.acquisition.meter_clock import shown_ms
from energy_desktop.acquisition.profiles import load_profile
from energy_desktop.acquisition.reading import Decoded, DeviceChanged, Reader
from energy_desktop.acquisition.sunspec import discover, needs_contact, resolve
from energy_desktop.acquisition.sunspec.mapping import quantities_of, scale_of
from energy_desktop.acquisition.sunspec.models import (
    INVERTERS,
    METERS,
    STORAGES,
    definition,
)
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.domain.snapshot import Quality
from tests.integration.sunspec.devices import (
    a_common,
    a_full_model,
    a_model,
    chain,
    points_of,
)
from tests.support.register_server import RegisterServer, serving_registers, words_of
from tests.support.shared_data import shared_data

DRIVER = Path(__file__).resolve().parents[3] / "drivers" / "sunspec.toml"
MODELS = (*INVERTERS, *METERS, *STORAGES)


def on_the_wire(server: RegisterServer, work):
    """What `work(connection)` gives on a connection of our own to the server."""

    async def run():
        link = Link("device", LinkKind.MODBUS_TCP, "127.0.0.1", server.port, timeout_s=2.0)
        connection = ModbusTcpConnection(link)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


async def contact(connection, address: str = "") -> DriverProfile:
    return await resolve(load_profile(DRIVER), connection, 1, address)


async def read_once(connection, profile: DriverProfile) -> Decoded:
    reader = Reader(profile)
    answers = [
        await connection.read(ReadRequest(1, b.function, b.address, b.count)) for b in reader.blocks
    ]
    return reader.decode(answers)


def values_on(server: RegisterServer, address: str = "") -> dict[str, float]:
    async def work(connection):
        profile = await contact(connection, address)
        decoded = await read_once(connection, profile)
        return dict(zip(profile.layout.quantities, decoded.values, strict=True))

    return on_the_wire(server, work)


def refused_on(server: RegisterServer, address: str = "") -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        on_the_wire(server, lambda connection: contact(connection, address))
    return caught.value


def as_pysunspec2_reads(server: RegisterServer, model_id: int) -> dict[str, float | None]:
    device = sunspec2.modbus.client.SunSpecModbusClientDeviceTCP(
        slave_id=1, ipaddr="127.0.0.1", ipport=server.port, timeout=2
    )
    device.scan()
    try:
        (model,) = device.models[model_id]
        return {name: point.cvalue for name, point in model.points.items()}
    finally:
        device.close()


@pytest.mark.parametrize("model_id", MODELS)
def test_a_full_model_reads_as_pysunspec2_reads_it(model_id):
    with serving_registers(chain(a_common(), a_full_model(model_id, seed=3))) as server:
        read = values_on(server)
        theirs = as_pysunspec2_reads(server, model_id)

    model = definition(model_id)
    expected = {
        quantity: theirs[point] * scale_of(model.points[point], quantity)
        for point, quantity in quantities_of(model_id).items()
        if point in model.points
    }
    assert read.keys() == expected.keys()
    for quantity, value in expected.items():
        assert read[quantity] == pytest.approx(value, rel=1e-6), quantity


@pytest.mark.parametrize("model_id", MODELS)
def test_the_definitions_are_those_that_were_published(model_id):
    offset = 0
    for point in points_of(model_id):
        ours = definition(model_id).points[point["name"]]
        assert (ours.offset, ours.size) == (offset, point["size"])
        offset += point["size"]


@pytest.mark.parametrize("base", [0, 40_000, 50_000])
def test_a_device_is_found_at_each_place_where_the_marker_may_be(base):
    meter = a_model(203, W=-1234, W_SF=0, TotWhImp=5000, TotWhExp=77, TotWh_SF=0)
    with serving_registers(chain(a_common(), meter, base=base)) as server:
        device = on_the_wire(server, lambda c: discover(reader_on(c)))
        read = values_on(server)

    assert (device.base, device.manufacturer, device.model) == (base, "Maker", "Model 7")
    assert device.serial_number == "SN-42"
    assert read["power_w"] == -1234.0
    assert (read["energy_import_wh"], read["energy_export_wh"]) == (5000.0, 77.0)


def reader_on(connection):
    async def read(address: int, count: int) -> bytes:
        return await connection.read(ReadRequest(1, 3, address, count))

    return read


def test_an_inverter_counts_its_yield_in_the_import_register_and_knows_its_battery():
    inverter = a_model(103, W=500, W_SF=1, WH=123456, WH_SF=1, PF=-985, PF_SF=-1, Hz=5001, Hz_SF=-2)
    battery = a_model(802, SoC=553, SoC_SF=-1, W=-300, W_SF=0, V=480, V_SF=0)
    with serving_registers(chain(a_common(), inverter, battery)) as server:
        read = values_on(server)
        stored = values_on(server, "storage")

    assert read["power_w"] == 5000.0
    assert read["energy_import_wh"] == 1234560.0
    assert read["power_factor"] == pytest.approx(-0.985)
    assert read["frequency_hz"] == 50.01
    assert read["soc_pct"] == 55.3
    assert "power_dc_w" not in read  # the battery's is not the inverter's
    assert (stored["power_dc_w"], stored["voltage_dc_v"]) == (-300.0, 480.0)


def test_the_meter_behind_an_inverter_is_chosen_by_its_part():
    inverter = a_model(103, W=500, W_SF=0)
    meters = [a_model(203, W=w, W_SF=0) for w in (111, 222)]
    registers = chain(a_common(), inverter, a_common(), meters[0], a_common(), meters[1])
    with serving_registers(registers) as server:
        powers = [values_on(server, part)["power_w"] for part in ("", "meter", "Meter 2")]
        failure = refused_on(server, "meter 3")

    assert powers == [500.0, 111.0, 222.0]
    assert failure.kind is FailureKind.REFUSED
    assert "inverter, meter, meter 2" in failure.remedy


def test_what_the_device_does_not_implement_is_no_quantity():
    meter = a_model(203, W=100, W_SF=0, PhVphA=2301, V_SF=-1, TotWhImp=9, TotWh_SF=0, Hz=50)
    with serving_registers(chain(a_common(), meter)) as server:
        read = values_on(server)

    assert read["voltage_l1_v"] == 230.1
    assert "voltage_l2_v" not in read
    assert "frequency_hz" not in read  # a value without its scale factor says nothing


def test_a_value_that_is_not_implemented_for_now_is_not_available_and_never_a_number():
    awake = a_model(103, W=100, W_SF=0, PhVphA=2300, V_SF=-1, WH=50, WH_SF=0)
    asleep = a_model(103, WH=0, WH_SF=0, W_SF=0, V_SF=-1)
    registers = chain(a_common(), awake)
    with serving_registers(registers) as server:

        async def work(connection):
            profile = await contact(connection)
            before = await read_once(connection, profile)
            server.registers = chain(a_common(), asleep)
            return profile, before, await read_once(connection, profile)

        profile, before, after = on_the_wire(server, work)

    assert before.quality is Quality.GOOD
    assert after.quality is Quality.PARTIAL
    assert all(math.isnan(value) for value in after.values)
    assert set(profile.layout.quantities) == {"power_w", "voltage_l1_v", "energy_import_wh"}


def test_a_scale_factor_that_changes_is_followed_at_once():
    small = a_model(203, W=1234, W_SF=0)
    large = a_model(203, W=1234, W_SF=2)
    with serving_registers(chain(a_common(), small)) as server:

        async def work(connection):
            profile = await contact(connection)
            first = await read_once(connection, profile)
            server.registers = chain(a_common(), large)
            second = await read_once(connection, profile)
            at = profile.layout.index["power_w"]
            return first.values[at], second.values[at]

        assert on_the_wire(server, work) == (1234.0, 123400.0)


def test_a_device_found_asleep_keeps_every_point_of_its_models():
    with serving_registers(chain(a_common(), a_model(113))) as server:
        read = values_on(server)

    assert read.keys() == set(quantities_of(113).values())
    assert all(math.isnan(value) for value in read.values())


def test_an_exchanged_device_is_noticed_before_its_registers_are_believed():
    with serving_registers(chain(a_common(), a_model(203, W=100, W_SF=0))) as server:

        async def work(connection):
            profile = await contact(connection)
            server.registers = chain(a_common(), a_model(103, W=100, W_SF=0), bytes(400))
            await read_once(connection, profile)

        with pytest.raises(DeviceChanged):
            on_the_wire(server, work)


def test_a_device_without_the_marker_is_refused_in_words():
    with serving_registers(words_of(bytes(400), 0)) as server:
        failure = refused_on(server)

    assert failure.kind is FailureKind.REFUSED
    assert "no marker at address 40000, 0, 50000" in failure.what


def test_a_device_that_measures_nothing_says_which_models_it_has():
    path = shared_data("sunspec-models") / "device_example_inverter_123.json"
    device = sunspec2.file.client.FileClientDevice(str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its file open
        device.scan()
    models = [model.get_mb() for model in device.model_list]
    with serving_registers(chain(*models)) as server:
        failure = refused_on(server)
        found = on_the_wire(server, lambda c: discover(reader_on(c)))

    assert "none of its models measures (models: 1, 129)" in failure.what
    assert (found.manufacturer, found.model) == ("Device Manufacturer", "Inverter 123")
    assert found.serial_number == "9999abcd"


def test_a_chain_that_lies_about_a_length_is_refused():
    for broken in (b"\x00\x67\x00\x00", b"\x00\x67\xff\xf0"):
        with serving_registers(chain(a_common(), broken, bytes(200))) as server:
            failure = refused_on(server)
        assert "cannot be followed: model 103" in failure.what


def test_a_chain_without_end_costs_a_bounded_number_of_requests():
    with serving_registers(chain(*[b"\x27\x10\x00\x01\x00\x00"] * 200)) as server:
        failure = refused_on(server)
        asked = len(server.asked)

    assert "does not end within 100 models" in failure.what
    assert asked <= 110


def test_a_chain_that_breaks_off_after_a_meter_is_taken_as_it_is():
    meter = a_model(203, W=42, W_SF=0)
    with serving_registers(chain(a_common(), meter, end=b"")) as server:
        assert values_on(server)["power_w"] == 42.0


def test_no_request_is_longer_than_a_device_may_be_asked():
    with serving_registers(chain(a_common(), a_full_model(701, seed=1))) as server:
        values_on(server)
        longest = max(count for _, _, count in server.asked)

    assert longest <= 125


def test_a_driver_with_registers_needs_no_contact():
    profile = load_profile(DRIVER.with_name("eastron_sdm120.toml"))

    assert not needs_contact(profile)
    assert asyncio.run(resolve(profile, None, 1)) is profile


def test_the_drivers_list_of_points_is_what_the_models_give():
    listed = set(load_profile(DRIVER).layout.quantities)
    given = {
        quantity
        for model_id in MODELS
        for point, quantity in quantities_of(model_id).items()
        if point in definition(model_id).points
    }

    assert listed == given


def test_the_clock_of_an_inverter_is_where_its_status_model_has_it():
    inverter = a_model(103, W=500, W_SF=1, WH=123456, WH_SF=1)
    told_s = 826_448_887  # since 2000
    with serving_registers(chain(a_common(), inverter, a_model(122, Tms=told_s))) as server:

        async def work(connection):
            profile = await contact(connection)
            clock = profile.clock
            raw = await connection.read(ReadRequest(1, clock.function, clock.address, clock.count))
            return shown_ms(raw, clock, None, 0)

        shown = on_the_wire(server, work)

    assert shown == 1000 * (told_s + 946_684_800)

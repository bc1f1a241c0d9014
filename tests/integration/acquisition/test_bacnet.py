"""BACnet/IP against a device of bacpypes3 on the loopback, in a thread of its own."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest

from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.domain.snapshot import LinkState

pytest.importorskip("bacpypes3", reason="the optional package bacpypes3 is not installed")

DRIVER = """
id = "hall"
protocol = "bacnet"
manufacturer = "Test"
models = ["Test"]
source = "test"
[quantities]
voltage_v = { reference = "analog-input,1" }
power_w = { reference = "analog-input,2" }
current_a = { reference = "analog-input,3" }
temperature_c = { reference = "analog-input,4" }
energy_import_wh = { reference = "analog-value,1", scale = 1000 }
"""
INSTANCE = 1234


class Device:
    """A device whose values are set from the test's thread."""

    def __init__(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        from bacpypes3.app import Application
        from bacpypes3.basetypes import EngineeringUnits, StatusFlags
        from bacpypes3.local.analog import AnalogInputObject, AnalogValueObject
        from bacpypes3.local.device import DeviceObject
        from bacpypes3.local.networkport import NetworkPortObject

        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()

        def analog(kind, name, value, units):
            return kind(
                objectIdentifier=name,
                objectName=f"{name[0]}-{name[1]}",
                presentValue=value,
                units=EngineeringUnits(units),
                statusFlags=StatusFlags([]),
                outOfService=False,
                eventState="normal",
            )

        self.objects = {
            "voltage": analog(AnalogInputObject, ("analog-input", 1), 230.5, "volts"),
            "power": analog(AnalogInputObject, ("analog-input", 2), 4.25, "kilowatts"),
            "current": analog(AnalogInputObject, ("analog-input", 3), 50.0, "hertz"),
            "energy": analog(AnalogValueObject, ("analog-value", 1), 12.5, "megawatts"),
        }
        self._application = Application.from_object_list(
            [
                DeviceObject(
                    objectIdentifier=("device", INSTANCE), objectName="hall", vendorIdentifier=999
                ),
                NetworkPortObject(
                    f"127.0.0.1/24:{self.port}",
                    objectIdentifier=("network-port", 1),
                    objectName="port",
                ),
                *self.objects.values(),
            ]
        )
        self._ready.set()
        await self._ending.wait()
        self._application.close()

    def change(self, name: str, **properties) -> None:
        done = threading.Event()

        def apply() -> None:
            for key, value in properties.items():
                setattr(self.objects[name], key, value)
            done.set()

        self._loop.call_soon_threadsafe(apply)
        assert done.wait(5)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(10)


def _typed(properties: dict[str, object]) -> dict[str, object]:
    from bacpypes3.basetypes import EventState, Reliability

    kinds = {"reliability": Reliability, "eventState": EventState, "outOfService": bool}
    return {name: kinds[name](value) for name, value in properties.items()}


@pytest.mark.parametrize(
    ("flags", "value"),
    [
        (None, 5.0),
        ([0, 0, 0, 0], 5.0),
        ([1, 0, 0, 0], 5.0),
        ([0, 1, 0, 0], None),
        ([0, 0, 1, 0], None),
        ([0, 0, 0, 1], None),
    ],
)
def test_a_value_counts_unless_its_flags_say_fault_overridden_or_out_of_service(flags, value):
    from energy_desktop.acquisition.links.bacnet import _number

    assert _number(5.0, flags) == value


class Listener:
    def __init__(self, device: Device, folder: Path, address="", driver=DRIVER) -> None:
        (folder / "hall.toml").write_text(driver)
        self.snapshots = []
        self.field = Field(ProfileLibrary([folder]), self)
        link = Link("b", LinkKind.BACNET, host="127.0.0.1", port=device.port, timeout_s=0.3)
        meter = Meter("m", "Hall", "hall", "b", poll_interval_s=0.2, address=address)
        self.field.reconfigure(Configuration(site=Site("S", "UTC"), links=(link,), meters=(meter,)))
        self.field.start()

    def put(self, snapshot) -> None:
        self.snapshots.append(snapshot)

    def wait(self, condition, seconds=8.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.field.statuses()["m"]
            time.sleep(0.01)

    def next(self):
        seen = len(self.snapshots)
        self.wait(lambda: len(self.snapshots) >= seen + 2)
        return self.snapshots[-1]


@pytest.fixture
def device():
    made = Device()
    yield made
    made.stop()


@pytest.fixture
def listening(device, tmp_path):
    made = Listener(device, tmp_path)
    yield made
    made.field.stop()


def test_present_values_are_read_in_the_units_that_the_device_states(listening):
    snapshot = listening.next()

    assert snapshot.value("voltage_v") == 230.5
    assert snapshot.value("power_w") == 4_250.0  # it says kilowatts
    assert snapshot.value("energy_import_wh") == 12_500.0  # the driver's own scale is a decision
    assert listening.field.statuses()["m"].state is LinkState.GOOD


def test_a_value_of_another_unit_or_of_no_object_is_not_available(listening):
    snapshot = listening.next()

    assert snapshot.value("current_a") != snapshot.value("current_a")  # it is in hertz
    assert snapshot.value("temperature_c") != snapshot.value("temperature_c")


@pytest.mark.parametrize(
    "properties", [{"reliability": "over-range"}, {"outOfService": True}], ids=["fault", "service"]
)
def test_what_the_device_does_not_trust_is_not_available(device, listening, properties):
    device.change("voltage", **_typed(properties))

    snapshot = listening.next()

    assert snapshot.value("voltage_v") != snapshot.value("voltage_v")
    assert snapshot.value("power_w") == 4_250.0


def test_an_alarm_of_the_device_does_not_take_its_value_away(device, listening):
    device.change("voltage", **_typed({"eventState": "high-limit"}))

    assert listening.next().value("voltage_v") == 230.5


def test_a_device_that_falls_silent_is_lost_and_its_neighbours_wait_no_longer(device, listening):
    listening.next()

    device.stop()

    listening.wait(lambda: listening.field.statuses()["m"].state is LinkState.LOST)
    status = listening.field.statuses()["m"]
    assert "no answer" in status.last_error and "UDP" in status.remedy


def test_the_instance_is_checked_where_it_is_given(device, tmp_path):
    right = Listener(device, tmp_path, address=str(INSTANCE))
    try:
        assert right.next().value("voltage_v") == 230.5
    finally:
        right.field.stop()
    wrong = Listener(device, tmp_path, address="77")
    try:
        wrong.wait(lambda: wrong.field.statuses()["m"].state is LinkState.MISCONFIGURED)
        status = wrong.field.statuses()["m"]
    finally:
        wrong.field.stop()

    assert "is not number 77" in status.last_error and wrong.snapshots == []


def test_without_the_package_it_is_said_in_words(device, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    without = Listener(device, tmp_path)
    try:
        status = without.field.statuses()["m"]
    finally:
        without.field.stop()

    assert status.state is LinkState.MISCONFIGURED
    assert "not installed" in status.last_error and "energy-desktop[bacnet]" in status.remedy

"""The virtual meters on real wires, read by a client that is not ours."""

import os
import pty
import select
import socket
import struct
import termios
import threading
import time
import tty
from datetime import UTC, datetime

import pytest
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from energy_desktop.acquisition.decode import decode
from energy_desktop.acquisition.planner import plan_blocks
from energy_desktop.acquisition.simulator import control
from energy_desktop.acquisition.simulator.live import OFF, ON, TIMETABLE
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.acquisition.simulator.wire import as_shown
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.errors import UserFacingError
from tests.unit.simulator.conftest import NOW_MS


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> datetime:
        return from_ms(self.now_ms).astimezone(UTC)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def server(site, library, clock):
    with SimulatorServer(site, library, "127.0.0.1", 0, clock=clock) as running:
        yield running


@pytest.fixture
def client(server):
    client = ModbusTcpClient("127.0.0.1", port=server.port, timeout=3.0, retries=0)
    assert client.connect()
    yield client
    client.close()


def read(client, function, address, count, unit):
    ask = client.read_holding_registers if function == 3 else client.read_input_registers
    return ask(address, count=count, device_id=unit)


def read_all(client, profile, unit):
    values = {}
    for block in plan_blocks(profile):
        answer = read(client, block.function, block.address, block.count, unit)
        assert not answer.isError(), (profile.driver_id, str(block), answer)
        for register in block.registers:
            start = register.address - block.address
            values[register.quantity] = decode(
                register, answer.registers[start : start + register.count]
            )
    return values


def test_every_meter_decodes_through_its_driver_to_what_the_site_shows(
    client, site, library, clock
):
    for meter in site.configuration.meters:
        profile = library.get(meter.driver_id)

        values = read_all(client, profile, meter.unit_id)

        reading = site.reading(meter.meter_id, clock.now_ms)
        for register in profile.registers:
            true = reading.value(register.quantity)
            expected = float(as_shown(register, true)[0])
            assert values[register.quantity] == expected, (meter.meter_id, register.quantity)
            assert values[register.quantity] == pytest.approx(
                float(true[0]), rel=1e-6, abs=max(abs(register.scale), 0.001)
            )


def test_readings_move_with_the_clock_and_stand_still_within_a_second(client, library, clock):
    profile = library.get("eastron_sdm630")
    first = read_all(client, profile, 6)
    clock.now_ms += 300
    same = read_all(client, profile, 6)
    clock.now_ms += 600_000

    later = read_all(client, profile, 6)

    assert same == first
    assert later["energy_import_wh"] > first["energy_import_wh"]
    assert later["voltage_l1_v"] != first["voltage_l1_v"]


@pytest.mark.parametrize("meter_id", ["light-1-east", "hvac", "ev-charger", "battery"])
def test_a_switch_over_modbus_changes_the_reading(client, site, library, clock, meter_id):
    meter = site.configuration.meter(meter_id)
    profile = library.get(meter.driver_id)
    device = next(d for d in site.configuration.devices if d.meter_id == meter_id)
    register, unit = device.control_register, device.control_unit_id

    def power():
        return read_all(client, profile, meter.unit_id)["power_w"]

    assert not client.write_register(register, OFF, device_id=unit).isError()
    off = power()
    held = client.read_holding_registers(register, count=1, device_id=unit).registers
    assert not client.write_register(register, ON, device_id=unit).isError()
    on = power()

    assert off == 0.0
    assert held == [OFF]
    if meter_id != "battery":
        assert on > 1000
    client.write_register(register, TIMETABLE, device_id=unit)


def test_the_battery_takes_a_power_and_tells_its_charge(client, site, library, clock):
    unit = control.CONTROL_UNIT
    client.write_register(control.BATTERY_POWER_REGISTER, -500 & 0xFFFF, device_id=unit)
    clock.now_ms += 60_000

    values = read_all(client, library.get("virtual_battery"), 3)
    charge = client.read_holding_registers(
        control.BATTERY_CHARGE_REGISTER, count=1, device_id=unit
    ).registers[0]

    assert values["power_w"] == -5000.0
    assert charge / 100 == pytest.approx(values["soc_pct"], abs=0.01)


def test_the_voltage_switch_lifts_the_voltage_of_the_first_phase(client, library, clock):
    profile = library.get("siemens_pac2200")
    mode = control.VOLTAGE_MODE_REGISTER
    unit = control.CONTROL_UNIT
    normal = read_all(client, profile, 1)["voltage_l1_v"]

    client.write_register(mode, 2, device_id=unit)

    assert read_all(client, profile, 1)["voltage_l1_v"] > 253.0 > 1.06 * 230 > normal
    assert client.write_register(mode, 6, device_id=unit).exception_code == 3


def test_a_lost_meter_is_silent_and_its_neighbours_answer(client, site, library):
    lost = control.LOST_REGISTERS + 5
    client.write_register(lost, 1, device_id=control.CONTROL_UNIT)

    with pytest.raises(ModbusIOException):
        read_all(client, library.get("schneider_iem3155"), 5)
    client.connect()
    assert read_all(client, library.get("eastron_sdm630"), 6)["frequency_hz"] > 49

    client.write_register(lost, 0, device_id=control.CONTROL_UNIT)
    assert read_all(client, library.get("schneider_iem3155"), 5)["frequency_hz"] > 49


def test_what_is_not_there_is_refused_as_the_standard_says(client):
    assert read(client, 4, 5000, 2, 10).exception_code == 2  # beside every register
    assert read(client, 3, 0, 2, 10).exception_code == 1  # an SDM120 has input registers only
    assert client.write_register(12, 1, device_id=10).exception_code == 1  # read-only
    assert client.write_registers(12, [1, 2], device_id=10).exception_code == 1
    assert read(client, 4, 0, 2, 99).exception_code == 0x0B  # no such unit
    unit = control.CONTROL_UNIT
    assert client.write_register(201, 0, device_id=unit).exception_code == 2  # the grid itself
    assert client.write_register(204, 7, device_id=unit).exception_code == 3
    charge = control.BATTERY_CHARGE_REGISTER
    assert client.write_register(charge, 1, device_id=unit).exception_code == 2


def test_gaps_between_registers_read_as_zero(client):
    answer = read(client, 4, 0, 8, 10)  # SDM120: voltage at 0, current at 6

    assert answer.registers[2:6] == [0, 0, 0, 0]


def test_pieces_and_several_requests_at_once_are_answered_in_order(server):
    request = struct.pack(">HHHBBHH", 7, 0, 6, 10, 4, 0, 2)
    second = struct.pack(">HHHBBHH", 8, 0, 6, 11, 4, 0, 2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as wire:
        wire.sendall(request[:5])
        time.sleep(0.05)
        wire.sendall(request[5:] + second)
        got = b""
        while len(got) < 26:
            got += wire.recv(100)

    assert struct.unpack_from(">HHHBBB", got) == (7, 0, 7, 10, 4, 4)
    assert struct.unpack_from(">HHHBBB", got, 13) == (8, 0, 7, 11, 4, 4)


def test_what_is_not_modbus_ends_the_connection(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as wire:
        wire.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert wire.recv(100) == b""


def test_a_taken_port_is_told_in_words(server, site, library):
    second = SimulatorServer(site, library, "127.0.0.1", server.port)

    with pytest.raises(UserFacingError, match="cannot listen"):
        second.start()


def test_stop_ends_every_thread_and_keeps_the_state(site, library, clock, tmp_path):
    before = threading.active_count()
    file = tmp_path / "simulator.json"
    server = SimulatorServer(site, library, clock=clock, state_file=file)
    server.start()
    site.switch("hvac", OFF, clock.now_ms)

    server.stop()
    server.stop()

    assert threading.active_count() == before
    assert '"hvac"' in file.read_text()


@pytest.fixture
def serial_pair():
    """Two pty devices joined by a pump thread: (device of the slave, device of the master)."""
    pairs = [pty.openpty() for _ in range(2)]
    for outer, inner in pairs:
        tty.setraw(outer)
        tty.setraw(inner)
    one, other = (outer for outer, _ in pairs)
    done = threading.Event()

    def pump():
        while not done.is_set():
            for source in select.select([one, other], [], [], 0.05)[0]:
                os.write(other if source == one else one, os.read(source, 4096))

    pump_thread = threading.Thread(target=pump)
    pump_thread.start()
    yield os.ttyname(pairs[0][1]), os.ttyname(pairs[1][1])
    done.set()
    pump_thread.join()
    for pair in pairs:
        for end in pair:
            os.close(end)


def test_the_same_meters_answer_on_a_serial_line(site, library, clock, serial_pair):
    slave, master = serial_pair
    with SimulatorServer(
        site, library, "127.0.0.1", 0, rtu_device=slave, rtu_baud_rate=19200, clock=clock
    ):
        client = ModbusSerialClient(master, baudrate=19200, timeout=3.0, retries=0)
        assert client.connect()
        try:
            for meter in site.configuration.meters:
                profile = library.get(meter.driver_id)
                values = read_all(client, profile, meter.unit_id)
                reading = site.reading(meter.meter_id, clock.now_ms)
                for register in profile.registers:
                    expected = as_shown(register, reading.value(register.quantity))
                    assert values[register.quantity] == float(expected[0])
            with pytest.raises(ModbusIOException):
                read(client, 4, 0, 2, 99)  # no slave of that address: silence
            client.connect()
            site.set_lost("dishwasher", True)
            with pytest.raises(ModbusIOException):
                read(client, 4, 0, 2, 14)
        finally:
            client.close()


def test_a_missing_serial_device_is_told_in_words(site, library, tmp_path):
    server = SimulatorServer(site, library, rtu_device=str(tmp_path / "none"))

    with pytest.raises(UserFacingError, match="serial device"):
        server.start()


def test_a_serial_device_that_refuses_its_settings_is_told_in_one_sentence(
    site, library, monkeypatch
):
    far, near = pty.openpty()

    def refuse(*_arguments):
        raise termios.error(22, "Invalid argument")

    monkeypatch.setattr(termios, "tcsetattr", refuse)
    server = SimulatorServer(site, library, port=0, rtu_device=os.ttyname(near), rtu_parity="E")
    try:
        with pytest.raises(UserFacingError, match="parity E: Invalid argument"):
            server.start()
    finally:
        os.close(far)
        os.close(near)

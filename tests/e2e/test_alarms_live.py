"""The switches of the simulator are seen by the program that polls it, and become alarms."""

import shutil
import signal
import subprocess
import sys
import time

import pytest
from pymodbus.client import ModbusTcpClient

from energy_desktop.acquisition.simulator.control import (
    CONTROL_UNIT,
    LOST_REGISTERS,
    VOLTAGE_MODE_REGISTER,
)
from tests.e2e.conftest import ROOT, Program

HIGH_CRITICAL, NORMAL = 2, 0


@pytest.fixture(scope="module")
def serving(demo, tmp_path_factory):
    """A copy of the demo site while `serve` polls it, and a Modbus client of its simulator.

    One for all tests: each switches back what it switched.
    """
    folder = tmp_path_factory.mktemp("serving") / "site"
    shutil.copytree(demo.site, folder)
    program = Program(folder)
    child = subprocess.Popen(
        [sys.executable, "-m", "energy_desktop", "serve", "--site", str(program.site)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert child.stdout.readline().startswith("Polling")
        port = int(program.json("meters")["meters"][0]["link"].rpartition(":")[2])
        client = ModbusTcpClient("127.0.0.1", port=port)
        assert client.connect()
        yield program, client
        client.close()
    finally:
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert "Stopped cleanly" in out


def wait_for(met, limit_s: float = 45.0):
    """The first true answer of `met`, asked again and again for a while."""
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        answer = met()
        if answer:
            return answer
        time.sleep(0.5)
    pytest.fail(f"it did not happen within {limit_s:.0f} s")


def current(program: Program, word: str) -> list[dict]:
    return [a for a in program.json("alarms")["current"] if word in a["name"].lower()]


def test_high_voltage_becomes_an_alarm_with_its_response_and_returns(serving):
    program, client = serving

    client.write_register(VOLTAGE_MODE_REGISTER, HIGH_CRITICAL, device_id=CONTROL_UNIT)
    raised = wait_for(lambda: current(program, "voltage"))
    client.write_register(VOLTAGE_MODE_REGISTER, NORMAL, device_id=CONTROL_UNIT)
    returned = wait_for(
        lambda: [a for a in current(program, "voltage") if a["state"].startswith("returned")]
    )

    assert raised[0]["response"]
    assert raised[0]["priority"] in (1, 2)
    assert returned[0]["returned_utc"] > returned[0]["raised_utc"]


def test_a_lost_meter_is_seen_and_its_neighbours_go_on(serving):
    program, client = serving
    before = {m["meter"]: m["last_utc"] for m in program.json("meters")["meters"]}

    lost = LOST_REGISTERS + 5  # unit 5 is the heat pump
    client.write_register(lost, 1, device_id=CONTROL_UNIT)

    def only_it_is_lost() -> bool:
        meters = {m["meter"]: m for m in program.json("meters")["meters"]}
        others = [m for name, m in meters.items() if name != "hvac"]
        return meters["hvac"]["state"] == "lost" and all(m["state"] == "good" for m in others)

    wait_for(only_it_is_lost)
    after = {m["meter"]: m["last_utc"] for m in program.json("meters")["meters"]}
    assert all(after[name] > before[name] for name in after if name != "hvac")
    client.write_register(lost, 0, device_id=CONTROL_UNIT)


def test_a_meter_applied_from_outside_is_polled_by_the_running_program(serving, tmp_path):
    program, client = serving
    file = tmp_path / "more.toml"
    file.write_text(
        '[[links]]\nid = "second"\nkind = "modbus_tcp"\nhost = "127.0.0.1"\n'
        f"port = {client.comm_params.port}\n\n"
        '[[meters]]\nid = "extra"\nname = "Extra"\ndriver = "eastron_sdm120"\n'
        'link = "second"\nunit = 10\n',
        encoding="utf-8",
    )

    program("apply", file)

    def is_read() -> bool:
        meters = {m["meter"]: m for m in program.json("meters")["meters"]}
        return meters["extra"]["state"] == "good"

    wait_for(is_read)

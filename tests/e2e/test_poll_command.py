"""`energy-desktop poll` reads the simulator, and servers and lines that we did not write."""

import contextlib
import json
import math
import shutil
import subprocess
import sys
import threading
import time

import pytest

from tests.e2e.conftest import ROOT
from tests.support.meter_server import ENERGY_KWH, POWER_W, VOLTAGE_V, serving_meters


def test_a_foreign_server_is_read_rightly(program):
    with serving_meters(units=1, connections=1) as (port,):
        out = program(
            "poll", "--driver", "eastron_sdm120", "--tcp", f"127.0.0.1:{port}", "--unit", 1,
            "--count", 3, "--interval-s", 0.2, "--json",
        )  # fmt: skip

    readings = [json.loads(line) for line in out.splitlines()]
    assert len(readings) == 3
    for reading in readings:
        assert reading["quality"] == "good"
        values = reading["values"]
        assert math.isclose(values["voltage_v"], VOLTAGE_V, rel_tol=1e-6)
        assert math.isclose(values["power_w"], POWER_W, rel_tol=1e-6)
        assert math.isclose(values["energy_import_wh"], ENERGY_KWH * 1000, rel_tol=1e-6)
    stamps = [reading["read_at_utc"] for reading in readings]
    assert stamps == sorted(stamps)


@contextlib.contextmanager
def simulating(*words):
    """`energy-desktop simulate` until the test is done; gives what it said of itself."""
    child = subprocess.Popen(
        [sys.executable, "-m", "energy_desktop", "simulate", *words, "--for", "60", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        line = child.stdout.readline()
        assert line, child.stderr.read()
        yield json.loads(line)
    finally:
        child.terminate()
        child.wait(20)
        child.stdout.close()
        child.stderr.close()


def test_every_simulated_meter_is_read_through_its_own_driver(program):
    with simulating("--tcp", "127.0.0.1:0") as said:
        readings = {}
        for unit in said["units"]:
            out = program(
                "poll", "--driver", unit["driver"], "--unit", unit["unit"],
                "--tcp", f"127.0.0.1:{said['port']}", "--json",
            )  # fmt: skip
            readings[unit["meter"]] = json.loads(out)["values"]

    assert len(readings) >= 15
    for meter, values in readings.items():
        volts = [v for name, v in values.items() if name in ("voltage_v", "voltage_l1_v")]
        assert all(207 < v < 253 for v in volts), meter
        assert values.get("power_w") is not None, meter


def test_a_scenario_is_seen_on_the_wire(program):
    with simulating("--tcp", "127.0.0.1:0", "--scenario", "high_critical") as said:
        grid = next(u for u in said["units"] if u["meter"] == "grid")
        out = program(
            "poll", "--driver", grid["driver"], "--unit", grid["unit"],
            "--tcp", f"127.0.0.1:{said['port']}", "--json",
        )  # fmt: skip

    assert json.loads(out)["values"]["voltage_l1_v"] > 253


@pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed")
def test_a_serial_line_is_read_over_a_socat_pair(program, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    socat = subprocess.Popen(
        ["socat", f"pty,raw,echo=0,link={ours}", f"pty,raw,echo=0,link={theirs}"]
    )
    try:
        ends = time.monotonic() + 10
        while not (ours.exists() and theirs.exists()) and time.monotonic() < ends:
            threading.Event().wait(0.02)
        with simulating("--rtu", str(theirs)) as said:
            meter = next(u for u in said["units"] if u["driver"] == "eastron_sdm120")
            out = program(
                "poll", "--driver", meter["driver"], "--unit", meter["unit"], "--rtu", ours,
                "--baud", 9600, "--count", 2, "--interval-s", 0.5, "--json",
            )  # fmt: skip
    finally:
        socat.terminate()
        socat.wait(10)

    readings = [json.loads(line) for line in out.splitlines()]
    assert len(readings) == 2
    assert all(207 < r["values"]["voltage_v"] < 253 for r in readings)


def test_a_silent_address_is_told_in_one_sentence(program):
    ended = program.ended(
        "poll", "--driver", "eastron_sdm120", "--tcp", "127.0.0.1:1", "--unit", 1, "--json"
    )

    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1

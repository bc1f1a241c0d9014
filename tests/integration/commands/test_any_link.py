"""`poll`, `check` and `inspect` over every kind of link, by its settings and from a site file."""

import contextlib
import json
import time

import pytest
from typer.testing import CliRunner

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.simulator.cabinet import VirtualCabinet
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import drivers_folder
from energy_desktop.domain.clock import system_clock, to_ms
from tests.faults.rtu_slave import PtyPort
from tests.integration.telegrams.slaves import (
    D0Slave,
    MbusSlaves,
    PtyWire,
    Sender,
    TcpWire,
    running,
)
from tests.support import telegrams as build
from tests.support.mqtt_broker import Publisher, a_broker


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)


def values(answer):
    assert answer.exit_code == 0, answer.stderr
    return [json.loads(line)["values"] for line in answer.stdout.splitlines()]


@pytest.fixture
def server():
    wire = TcpWire()
    yield wire
    wire.close()


@pytest.fixture
def nowhere(tmp_path):
    """A site folder with nothing in it; it stays so."""
    folder = tmp_path / "none"
    folder.mkdir()
    yield folder
    assert not list(folder.iterdir())


def p1_of(number):
    return build.p1(f"1-0:1.8.0({number:06d}.000*kWh)", "1-0:32.7.0(230.1*V)")


def test_a_p1_port_is_listened_to(tmp_path, nowhere):
    port = PtyPort(tmp_path)
    with contextlib.ExitStack() as after:
        after.callback(port.pull)
        after.enter_context(running(Sender(PtyWire(port), p1_of).step))

        read = values(
            run("poll", "--kind", "p1", "--at", port.path, "--driver", "dsmr_p1", "--count", 2,
                "--interval-s", 0.2, "--site", nowhere, "--json")
        )  # fmt: skip

    assert [v["voltage_l1_v"] for v in read] == [230.1, 230.1]
    assert read[0]["energy_import_wh"] < read[1]["energy_import_wh"]


def test_a_d0_meter_behind_a_serial_server_is_asked(server, nowhere):
    readout = build.d0("0.0.0(1234567)", "1.8.0(00012.5*kWh)")
    with running(D0Slave(server, lambda: readout, "A").step):
        (read,) = values(
            run("poll", "--kind", "d0", "--at", f"127.0.0.1:{server.port}", "--set", "mode=A",
                "--driver", "obis_meter", "--site", nowhere, "--json")
        )  # fmt: skip

    assert read["energy_import_wh"] == 12_500.0


def test_an_mbus_meter_is_told_apart_by_its_secondary_address(server, nowhere):
    slaves = MbusSlaves(server)
    record = b"\x04\x03" + (777).to_bytes(4, "little")
    slaves.telegrams = {7: [build.mbus(record, address=7, identity="12345678")]}
    slaves.secondary = {bytes.fromhex("78563412") + b"\x42\x04\x01\x02": 7}
    with running(slaves.step):
        (read,) = values(
            run("poll", "--kind", "mbus", "--at", f"127.0.0.1:{server.port}", "--address",
                "12345678", "--driver", "mbus_electricity", "--site", nowhere, "--json")
        )  # fmt: skip

    assert read["energy_import_wh"] == 777.0


def test_a_meter_that_is_asked_and_silent_is_told_at_once_in_words(server, nowhere):
    slave = D0Slave(server, lambda: b"")
    slave.silent = True
    with running(slave.step):
        answer = run(
            "poll", "--kind", "d0", "--at", f"127.0.0.1:{server.port}", "--driver", "obis_meter",
            "--timeout-s", 0.1, "--site", nowhere,
        )  # fmt: skip

    assert answer.exit_code == 3
    assert "no answer" in answer.stderr.lower()


def test_a_broker_wants_its_password_and_it_is_asked_for(nowhere):
    with a_broker(users={"reader": "s3cret"}) as broker:
        plug = Publisher(broker.port, "reader", "s3cret")
        body = json.dumps({"ENERGY": {"Power": 1500.0, "Total": 12.5}})

        def step():
            plug.send("tele/plug/SENSOR", body)
            time.sleep(0.1)

        with running(step):
            (read,) = values(
                run("poll", "--kind", "mqtt", "--at", f"127.0.0.1:{broker.port}", "--set",
                    "username=reader", "--address", "plug", "--driver", "tasmota_energy",
                    "--ask-password", "--site", nowhere, "--json", stdin="s3cret\n")
            )  # fmt: skip
        plug.close()

    assert (read["power_w"], read["energy_import_wh"]) == (1500.0, 12_500.0)


# --- a site file that is not applied


@pytest.fixture(scope="module")
def cabinet():
    made = VirtualCabinet("127.0.0.1", 0, to_ms(system_clock()))
    with SimulatorServer(made, ProfileLibrary([drivers_folder()])) as serving:
        yield serving.port


@pytest.fixture
def file(cabinet, tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(
        f"""
[site]
name = "Works"
zone = "Europe/Berlin"
[[links]]
id = "gate"
kind = "modbus_tcp"
host = "127.0.0.1"
port = {cabinet}
[[meters]]
id = "press"
name = "Press"
driver = "eastron_sdm630"
link = "gate"
unit = 2
ct_ratio = 2.0
""",
        encoding="utf-8",
    )
    return path


def test_a_meter_of_a_site_file_is_read_with_its_transformers(file, cabinet, nowhere):
    (of_file,) = values(run("poll", "press", "--file", file, "--site", nowhere, "--json"))
    (bare,) = values(
        run("poll", "--tcp", f"127.0.0.1:{cabinet}", "--driver", "eastron_sdm630", "--unit", 2,
            "--site", nowhere, "--json")
    )  # fmt: skip

    assert of_file["voltage_l1_v"] == pytest.approx(bare["voltage_l1_v"], rel=0.05)
    assert of_file["current_l1_a"] == pytest.approx(2 * bare["current_l1_a"], rel=0.2)


def test_a_link_of_a_site_file_is_inspected_by_the_numbers_of_the_manual(file, nowhere):
    answer = run(
        "inspect", "--link", "gate", "--file", file, "--unit", 4, "--start", "3x0001",
        "--count", 12, "--site", nowhere, "--json",
    )  # fmt: skip

    document = json.loads(answer.stdout)
    assert (document["best_order"], document["best_format"]) == ("CDAB", "float32")
    assert (document["registers"][0]["address"], document["registers"][0]["manual"]) == (0, "30001")


def test_the_number_of_the_manual_chooses_the_function(file, nowhere):
    asked = ("inspect", "press", "--file", file, "--count", 2, "--site", nowhere, "--json")

    holding = run(*asked, "--start", "4x0001")
    mistaken = run(*asked, "--start", "4x0001", "--function", 4)

    assert "30001" not in holding.stdout
    assert mistaken.exit_code == 2
    assert "belongs to another function" in mistaken.stderr


def test_the_meters_of_a_site_file_are_checked_before_it_is_applied(file, nowhere):
    answer = run("check", "--file", file, "--polls", 2, "--site", nowhere, "--json")

    (meter,) = json.loads(answer.stdout)["meters"]
    assert meter["meter"] == "press"
    assert meter["faults"] == ["reversed current transformer"]


def test_a_meter_that_speaks_by_itself_is_checked(server, nowhere):
    def sml_of(number):
        return build.sml(
            build.sml_value("1-0:1.8.0*255", build.unsigned(1000 + number, 4)),
            build.sml_value("1-0:16.7.0*255", build.signed(250, 2), unit=27),
            *(
                build.sml_value(f"1-0:{code}.7.0*255", build.unsigned(230, 2), unit=35)
                for code in (32, 52, 72)
            ),
        )

    with running(Sender(server, sml_of).step):
        answer = run(
            "check", "--kind", "sml", "--at", f"127.0.0.1:{server.port}", "--driver", "sml_meter",
            "--polls", 3, "--interval-s", 0.2, "--site", nowhere, "--json",
        )  # fmt: skip

    assert answer.exit_code == 0, answer.stderr
    (meter,) = json.loads(answer.stdout)["meters"]
    assert meter["polls"] == 3
    assert meter["faults"] == []
    assert ("voltage", "good") in {(j["fault"], j["verdict"]) for j in meter["judgements"]}


def test_what_has_no_registers_says_so(server, nowhere):
    answer = run(
        "inspect", "--kind", "sml", "--at", f"127.0.0.1:{server.port}", "--start", 0,
        "--site", nowhere,
    )  # fmt: skip

    assert answer.exit_code == 2
    assert "SML (optical head) has no registers" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("poll", "--driver", "sml_meter", "--kind", "sml"), "not clear where"),
        (("poll", "--driver", "x", "--tcp", "h:1", "--rtu", "/dev/x"), "not clear where"),
        (("poll", "--driver", "dsmr_p1", "--kind", "sml", "--at", "h:1", "--set", "a=b"), "data_b"),
        (("poll", "--driver", "x", "--kind", "d0", "--at", "h:1", "--set", "mode=Z"), "A, C, D"),
        (("poll", "--driver", "x", "--kind", "http_push", "--at", "h:1"), "leads nowhere"),
        (("poll", "hall", "--driver", "x"), "which meter"),
        (("scan", "--kind", "p1", "--tcp", "h:1"), "modbus_rtu_tcp"),
        (("scan", "--link", "gate", "--tcp", "h:1"), "not clear what"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(arguments, said, nowhere):
    answer = run(*arguments, "--site", nowhere)

    assert answer.exit_code == 2
    assert said in answer.stderr


def test_an_unknown_meter_or_link_is_told_with_those_that_there_are(file, nowhere):
    meter = run("poll", "mill", "--file", file, "--site", nowhere)
    link = run("scan", "--link", "bus", "--file", file, "--site", nowhere)

    assert "It has: press." in meter.stderr
    assert "It has: gate." in link.stderr

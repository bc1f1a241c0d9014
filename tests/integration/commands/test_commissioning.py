"""The desk without a window, on a cabinet of nine meters served on loopback: five have a fault."""

import io
import json
from pathlib import Path

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.simulator.cabinet import (
    CIRCUITS,
    VirtualCabinet,
    expected_faults,
)
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.app.commands.root import app
from energy_desktop.domain.clock import system_clock, to_ms
from energy_desktop.domain.commissioning import FaultKind

DRIVERS = Path(__file__).resolve().parents[3] / "drivers"


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def port():
    cabinet = VirtualCabinet("127.0.0.1", 0, to_ms(system_clock()))
    with SimulatorServer(cabinet, ProfileLibrary([DRIVERS])) as server:
        yield server.port


@pytest.fixture(scope="module")
def site(port, tmp_path_factory):
    """The cabinet as a site, brought in as a technician would: by a list."""
    folder = tmp_path_factory.mktemp("cabinet")
    lines = ["id;name;driver;host;port;unit;role;invert"]
    for circuit in CIRCUITS:
        m = circuit.meter
        inverted = "yes" if m.invert else "no"
        lines.append(
            f"{m.meter_id};{m.name};{m.driver_id};127.0.0.1;{port};{m.unit_id};"
            f"{m.role.value};{inverted}"
        )
    (folder / "cabinet.csv").write_text("\n".join(lines), encoding="utf-8")
    stored = run("meters-import", folder / "cabinet.csv", "--site", folder, "--json")
    assert json.loads(stored.stdout)["stored"] == len(CIRCUITS)
    return folder


def test_all_five_faults_of_the_cabinet_are_named_and_nothing_else_is_accused(site):
    answer = run("check", "--site", site, "--polls", "10", "--json")

    assert answer.exit_code == 0, answer.stderr
    found = {m["meter"]: m for m in json.loads(answer.stdout)["meters"]}
    named = {meter_id: entry["faults"] for meter_id, entry in found.items()}
    assert named == {
        meter_id: [] if kind is FaultKind.NONE else [kind.value]
        for meter_id, kind in expected_faults().items()
    }
    fault = {m: entry["judgements"][0] for m, entry in found.items() if entry["faults"]}
    assert fault["press-4"]["phases"] == ["L2"]
    assert fault["mill-1"]["phases"] == ["L1", "L3"]
    assert fault["compressor-2"]["phases"] == ["L3"]
    assert "CDAB" in fault["lighting-hall-2"]["title"]
    assert "unit 5" in fault["compressor-3"]["title"]


def test_a_scan_finds_whoever_answers_and_the_driver_that_fits(port, tmp_path):
    answer = run(
        "scan", "--tcp", f"127.0.0.1:{port}", "--units", "1-5,9", "--pause-s", "0", "--json",
        "--site", tmp_path,
    )  # fmt: skip

    hits = json.loads(answer.stdout)["hits"]
    assert [(hit["unit"], hit["fits"][0]["driver"]) for hit in hits] == [
        (1, "janitza_umg96"),
        (2, "eastron_sdm630"),
        (3, "eastron_sdm630"),
        (4, "eastron_sdm630"),
        (9, "abb_b23"),
    ]
    assert [hit["fits"][0]["word_order"] for hit in hits] == [None, None, None, "CDAB", None]
    assert hits[0]["identity"]["vendor"] == "Janitza"
    assert not list(tmp_path.glob("*.sqlite"))


def test_the_inspector_names_the_order_in_which_the_device_really_sends(port, tmp_path):
    answer = run(
        "inspect", "--tcp", f"127.0.0.1:{port}", "--unit", 4, "--start", "0x0000", "--count", 12,
        "--json", "--site", tmp_path,
    )  # fmt: skip

    document = json.loads(answer.stdout)
    assert (document["best_order"], document["best_format"]) == ("CDAB", "float32")
    assert document["registers"][0]["manual"] == "30001"


def test_a_meter_without_a_site_is_checked_by_its_driver(port, tmp_path):
    answer = run(
        "check", "--tcp", f"127.0.0.1:{port}", "--driver", "eastron_sdm630", "--unit", 2,
        "--role", "load", "--polls", 1, "--site", tmp_path,
    )  # fmt: skip

    assert "CT on L2 reversed" in answer.stdout
    assert ": 1 fault, " in answer.stdout.splitlines()[0]
    assert answer.stdout.splitlines()[0].endswith(" open")


def test_the_record_of_a_meter_is_a_pdf_that_says_what_was_found(site):
    run("check", "mill-1", "--polls", 2, "--pdf", site / "mill.pdf", "--site", site)

    text = "".join(
        page.extract_text()
        for page in PdfReader(io.BytesIO((site / "mill.pdf").read_bytes())).pages
    )
    assert "Commissioning record" in text
    assert "current and voltage of different phases" in text
    assert "Eastron SDM630-Modbus" in text
    assert "30001" in text


def test_the_frames_of_a_link_are_told_with_their_meaning(site, port):
    answer = run("frames", f"127-0-0-1-{port}", "--for", "1.5", "--site", site, "--json")

    told = [json.loads(line) for line in answer.stdout.splitlines()]
    assert any(frame["sent"] and frame["meaning"].startswith("read ") for frame in told)
    assert any(not frame["sent"] and "bytes" in frame["meaning"] for frame in told)


def test_the_frames_end_with_how_full_the_bus_was_and_what_went_wrong_on_it(site, port):
    link = f"127-0-0-1-{port}"

    told = run("frames", link, "--for", "2.5", "--site", site).stdout

    ending = told[told.rindex(f"{link}: ") :]
    assert "% of it used" in ending
    assert "unit 5: " in ending and "no answer" in ending


def test_a_link_without_meters_is_said_to_have_none(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(
        '[site]\nname = "S"\nzone = "UTC"\n'
        '[[links]]\nid = "lone"\nkind = "modbus_tcp"\nhost = "127.0.0.1"\nport = 1\n'
    )
    run("apply", file, "--site", tmp_path / "s")

    answer = run("frames", "lone", "--for", "0.1", "--site", tmp_path / "s")

    assert answer.exit_code == 3
    assert "No meter of the site is read over it" in answer.stderr


def test_a_meter_that_could_not_be_judged_is_not_called_faultless(port, tmp_path):
    answer = run(
        "check", "--tcp", f"127.0.0.1:{port}", "--driver", "eastron_sdm630", "--unit", 9,
        "--polls", 1, "--site", tmp_path,
    )  # fmt: skip

    assert "not judged" in answer.stdout and "no fault" not in answer.stdout


def test_a_driver_of_another_protocol_is_not_polled_over_modbus(port, tmp_path):
    answer = run(
        "poll", "--tcp", f"127.0.0.1:{port}", "--driver", "dsmr_p1", "--unit", 1,
        "--site", tmp_path,
    )  # fmt: skip

    assert answer.exit_code == 2
    assert "speaks obis" in answer.stderr


def test_a_list_with_a_mistake_stores_nothing(site):
    bad = site / "bad.csv"
    bad.write_text("id;name;driver;host;unit\nx;X;nobody;10.0.0.1;1\ny;Y;abb_b23;10.0.0.1;2\n")

    answer = run("meters-import", bad, "--site", site, "--json")

    assert answer.exit_code == 3
    assert json.loads(answer.stdout)["stored"] == 0
    assert "row 2" in answer.stderr
    listed = json.loads(run("meters", "--site", site, "--json").stdout)
    assert "y" not in json.dumps([m.get("id", m.get("meter")) for m in listed["meters"]])


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("scan", "--tcp", "127.0.0.1:1", "--units", "0-300"),
        ("inspect", "--unit", "1", "--start", "here", "--tcp", "127.0.0.1:1"),
        ("check", "--tcp", "127.0.0.1:1"),
        ("check", "meter", "--tcp", "127.0.0.1:1", "--driver", "abb_b23"),
    ],
)
def test_what_cannot_be_meant_is_refused_as_wrong_use(arguments, tmp_path):
    assert run(*arguments, "--site", tmp_path).exit_code == 2

"""`drivers` lists, shows, copies, checks and makes drivers, for people and for scripts."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app

LIST = """\
Register;Bezeichnung;Datentyp;Faktor;Einheit
30001;Spannung L1;UINT16;0,1;V
30013;Wirkleistung gesamt;INT32;;W
30073;Wirkarbeit Bezug;UINT32;0,1;kWh
30090;Seriennummer;STRING;;
"""


@pytest.fixture
def run(tmp_path):
    def run(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["--site", str(tmp_path), *words])
        assert result.exit_code == code, result.output
        return result.stdout

    return run


def test_the_list_says_what_each_driver_yields_and_writes(run):
    text = run("drivers")
    listed = {d["driver_id"]: d for d in json.loads(run("drivers", "--json"))["drivers"]}

    assert len(listed) >= 30
    assert "voltage, current" in text and "charging_current_a" in text
    assert listed["sunspec"]["protocol"] == "sunspec"
    assert "power_w" in listed["eastron_sdm120"]["quantities"]


def test_one_driver_is_shown_with_both_numberings_and_its_doubts(run):
    text = run("drivers", "show", "eastron_sdm120")
    document = json.loads(run("drivers", "show", "keba_p30", "--json"))

    assert "30013" in text and "0x000C" in text
    assert "doubt" in text and "sign" in text
    assert document["controls"][0]["high"] == 32
    assert {r["every"] for r in document["registers"]} == {1, 10}


def test_a_copy_lies_in_the_sites_folder_and_is_listed_as_its_own(run, tmp_path):
    made = json.loads(run("drivers", "copy", "eastron_sdm120", "my_meter", "--json"))

    assert Path(made["file"]).is_relative_to(tmp_path)
    listed = json.loads(run("drivers", "--json"))["drivers"]
    assert next(d for d in listed if d["driver_id"] == "my_meter")["own"]


def test_a_file_is_checked_with_its_line(run, tmp_path):
    good = tmp_path / "good.toml"
    good.write_text('id = "good"\n[quantities]\npower_w = { address = 1 }\n')
    bad = tmp_path / "bad.toml"
    bad.write_text('id = "bad"\n[quantities]\npower_w = { adress = 1 }\n')

    assert "good, 1 registers of good" in run("drivers", "--check", str(good))
    result = CliRunner().invoke(app, ["drivers", "--check", str(bad)])

    assert result.exit_code != 0
    assert "line 3" in result.stderr and "did you mean 'address'" in result.stderr


def test_a_makers_list_becomes_a_driver(run, tmp_path):
    path = tmp_path / "liste.csv"
    path.write_text(LIST, encoding="utf-8")

    understood = json.loads(run("drivers", "from-list", str(path), "--id", "x", "--dry-run",
                                "--json"))  # fmt: skip
    text = run("drivers", "from-list", str(path), "--id", "new_meter")
    shown = json.loads(run("drivers", "show", "new_meter", "--json"))

    assert understood["numbering"] == "manual" and understood["file"] == ""
    assert [r["number"] for r in understood["left_out"]] == [5]
    assert "Seriennummer: the type 'STRING' is no number" in text
    registers = {r["quantity"]: r for r in shown["registers"]}
    assert registers["power_w"]["address"] == 12
    assert registers["energy_import_wh"]["scale"] == 100.0
    assert {r["function"] for r in shown["registers"]} == {4}


def test_an_id_that_is_taken_is_refused(run, tmp_path):
    path = tmp_path / "liste.csv"
    path.write_text(LIST, encoding="utf-8")

    result = CliRunner().invoke(
        app, ["--site", str(tmp_path), "drivers", "from-list", str(path), "--id", "abb_b23"]
    )

    assert result.exit_code != 0
    assert "There is a driver of this id" in result.stderr


def test_a_driver_of_the_site_is_made_anew_when_asked_and_a_shipped_one_never(run, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("Address;Name;Type;Unit\n0;Voltage L1;FLOAT32;V\n", encoding="utf-8")
    made = ("drivers", "from-list", str(path), "--id", "new_meter")
    run(*made)

    again = CliRunner().invoke(app, ["--site", str(tmp_path), *made])
    run(*made, "--word-order", "CDAB", "--function", "4", "--replace")
    shipped = CliRunner().invoke(
        app, ["--site", str(tmp_path), *made[:3], "--id", "abb_b23", "--replace"]
    )

    assert again.exit_code != 0 and "--replace" in again.stderr
    assert shipped.exit_code != 0 and "There is a driver of this id" in shipped.stderr
    shown = json.loads(run("drivers", "show", "new_meter", "--json"))
    assert [(r["word_order"], r["function"]) for r in shown["registers"]] == [("CDAB", 4)]
    assert any("function 4 is taken" in doubt for doubt in shown["driver"]["doubts"])

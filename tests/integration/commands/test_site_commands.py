"""apply, meters and drivers: the site is described in a file, and told again as JSON."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.storage import open_store
from tests.integration.commands import billed_site as billed

SITE = """\
[site]
name = "Works"
zone = "Europe/Berlin"

[[links]]
id = "gate"
kind = "modbus_tcp"
host = "127.0.0.1"
port = 1502

[[meters]]
id = "lathe"
name = "Lathe"
driver = "eastron_sdm120"
link = "gate"
unit = 7
"""
DRIVERS = Path(__file__).resolve().parents[3] / "drivers"


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


def test_applying_twice_changes_nothing(file, tmp_path):
    first = json.loads(run("apply", file, "--site", tmp_path / "s", "--json").stdout)
    again = json.loads(run("apply", file, "--site", tmp_path / "s", "--json").stdout)

    assert first["added"]["meters"] == 1
    assert not any(again["added"].values())
    assert not any(again["changed"].values())


def test_one_mistake_leaves_the_whole_site_as_it_was(file, tmp_path):
    site = tmp_path / "s"
    assert run("apply", file, "--site", site).exit_code == 0
    file.write_text(SITE.replace('"Lathe"', '"Mill"').replace("unit = 7", "unit = 700"))

    result = run("apply", file, "--site", site, "--json")

    assert result.exit_code == 3
    assert result.stdout == ""
    line = 1 + SITE.splitlines().index("unit = 7")
    assert f"line {line}" in result.stderr
    named = json.loads(run("meters", "--site", site, "--json").stdout)["meters"]
    assert [m["name"] for m in named] == ["Lathe"]


def test_meters_are_told_with_link_and_state(file, tmp_path):
    run("apply", file, "--site", tmp_path / "s")

    found = json.loads(run("meters", "--site", tmp_path / "s", "--json").stdout)

    (meter,) = found["meters"]
    assert meter["meter"] == "lathe"
    assert meter["driver"] == "eastron_sdm120"
    assert meter["link"] == "127.0.0.1:1502"
    assert meter["state"] == "never read"
    assert meter["last_utc"] is None


def test_drivers_are_told_with_what_they_yield():
    result = run("drivers", "--json")

    assert result.exit_code == 0
    assert "eastron_sdm120" in result.stdout
    json.loads(result.stdout)


def test_a_sound_driver_file_passes_its_check():
    assert run("drivers", "--check", DRIVERS / "eastron_sdm120.toml").exit_code == 0


def test_a_faulty_driver_file_is_named_with_its_line(tmp_path):
    text = (DRIVERS / "eastron_sdm120.toml").read_text().splitlines()
    at = next(i for i, line in enumerate(text) if line.startswith("power_w"))
    text[at] = text[at].replace("power_w", "powr_w", 1)
    broken = tmp_path / "broken.toml"
    broken.write_text("\n".join(text))

    result = run("drivers", "--check", broken)

    assert result.exit_code == 3
    assert f"line {at + 1}" in result.stderr
    assert "powr_w" in result.stderr


def test_a_site_folder_that_is_not_there_is_refused_and_not_made(tmp_path):
    nowhere = tmp_path / "stie"

    result = CliRunner().invoke(app, ["meters", "--site", str(nowhere), "--json"])

    assert result.exit_code == 3
    assert "There is no such folder." in result.stderr
    assert not nowhere.exists()


def test_a_file_that_is_no_backup_is_refused_by_its_own_name(file, tmp_path):
    site, other = tmp_path / "s", tmp_path / "notes.txt"
    assert run("apply", file, "--site", site).exit_code == 0
    other.write_text("no store at all")

    result = run("restore", other, "--site", site)

    assert result.exit_code == 3
    assert f"{other}: it is no backup of a store" in result.stderr
    assert not list(site.glob("*before-restore*"))


def test_applying_another_ratio_asks_for_the_past_and_does_as_told(tmp_path):
    site = billed.make(tmp_path / "s").root
    file = tmp_path / "site.toml"
    meter = (
        '[[meters]]\nid = "light-meyer"\nname = "Lights"\nspace = "zone-meyer"\nct_ratio = 2.0\n'
    )
    file.write_text(meter, encoding="utf-8")

    asked = run("apply", file, "--site", site)
    told = run("apply", file, "--past", "recalculate", "--site", site)

    assert asked.exit_code == 2
    assert "multiplied by 2 from now on, not by 1" in asked.stderr
    assert "--past recalculate" in asked.stderr
    assert told.exit_code == 0, told.stderr
    assert run("apply", file, "--past", "perhaps", "--site", site).exit_code == 2
    with open_store(SiteFolder(site).database) as store:
        (edit,) = store.editing.edits("light-meyer", 0, 1 << 42)
        assert store.configuration.load().meter("light-meyer").ct_ratio == 2.0
    assert edit.after_wh == 2 * edit.before_wh

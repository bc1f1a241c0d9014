"""Export of a polled meter: a gauge has mean and extremes, a counter its register readings."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.domain.snapshot import Layout, Snapshot
from energy_desktop.storage import open_store

FIRST = datetime(2026, 5, 4, 22, tzinfo=UTC)  # midnight in Berlin
LAYOUT = Layout("two", ("power_w", "energy_import_wh"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two local days of a meter at 1 kW by day and 2 kW in the second one, read each 5 min."""
    folder = SiteFolder(tmp_path_factory.mktemp("polled") / "site")
    folder.make()
    store = open_store(folder.database, engine_owner="test")
    try:
        store.configuration.replace(
            Configuration(
                site=Site("Works", "Europe/Berlin"),
                links=(Link("l", LinkKind.MODBUS_TCP, host="127.0.0.1"),),
                meters=(Meter("m", "Mill", "eastron_sdm120", "l", poll_interval_s=300.0),),
            )
        )
        store.start()
        energy = 5_000.0
        for step in range(2 * 288):
            power = 1_200.0 if step < 288 else 2_400.0
            at = round((FIRST + timedelta(minutes=5 * step)).timestamp() * 1000)
            store.writer.put(Snapshot("m", at, LAYOUT, (power, energy)))
            energy += power / 12
        store.writer.flush()
        store.writer.close_quarters()
        store.writer.upkeep(at)
    finally:
        store.close()
    return folder.root


def asked_for(site, out, *, start, end, resolution):
    asked = ["--meter", "m", "--quantity", "power_w", "--resolution", resolution]
    span = ["--from", start, "--to", end, "--out", str(out), "--site", str(site), "--json"]
    return CliRunner().invoke(app, ["export", *asked, *span])


def exported(site, out, quantity, resolution):
    span = ["--from", "2026-05-04T22:00:00Z", "--to", "2026-05-06T22:00:00Z"]
    asked = ["--meter", "m", "--quantity", quantity, "--resolution", resolution]
    result = CliRunner().invoke(
        app, ["export", *asked, *span, "--out", str(out), "--site", str(site), "--json"]
    )
    assert result.exit_code == 0, result.stderr
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert json.loads(result.stdout)["rows"] == len(rows)
    return rows


def test_local_days_of_a_gauge_have_mean_and_extremes(site, tmp_path):
    rows = exported(site, tmp_path / "days.csv", "power_w", "day")

    assert [r["time_utc"] for r in rows] == ["2026-05-04T22:00:00Z", "2026-05-05T22:00:00Z"]
    assert [float(r["power_w"]) for r in rows] == [1_200.0, 2_400.0]
    assert [float(r["power_w_max"]) for r in rows] == [1_200.0, 2_400.0]
    assert [int(r["readings"]) for r in rows] == [288, 288]


def test_steps_of_a_counter_are_register_readings(site, tmp_path):
    rows = exported(site, tmp_path / "hours.csv", "energy_import_wh", "hour")

    assert len(rows) == 48
    assert float(rows[0]["energy_import_wh_first"]) == 5_000.0
    assert float(rows[0]["energy_import_wh_last"]) == 5_000.0 + 11 * 100


@pytest.mark.parametrize(("resolution", "count"), [("raw", 576), ("1min", 576), ("15min", 192)])
def test_finer_steps_hold_every_reading(site, tmp_path, resolution, count):
    rows = exported(site, tmp_path / "fine.csv", "power_w", resolution)

    assert len(rows) == count
    assert {float(r["power_w"]) for r in rows} == {1_200.0, 2_400.0}


@pytest.mark.parametrize(("resolution", "count"), [("15min", 192), ("hour", 48), ("day", 2)])
def test_energy_of_the_steps_of_a_counter_sums_to_its_register(site, tmp_path, resolution, count):
    rows = exported(site, tmp_path / "steps.csv", "energy_import_wh", resolution)

    assert len(rows) == count
    energy = sum(float(r["energy_wh"]) for r in rows if r["energy_wh"])
    # The last step of at most an hour has no reading at its end yet.
    last = float(rows[-1]["energy_import_wh_last"]) - 5_000.0
    assert energy == pytest.approx(last, abs=2_400)
    assert float(rows[0]["energy_wh"]) == {"15min": 300, "hour": 1_200, "day": 28_800}[resolution]


def test_days_that_are_not_wholly_asked_for_are_left_out_and_said(site, tmp_path):
    out = tmp_path / "days.csv"
    result = asked_for(
        site, out, start="2026-05-04T12:00:00Z", end="2026-05-06T12:00:00Z", resolution="day"
    )

    assert result.exit_code == 0, result.stderr
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["time_utc"] for r in rows] == ["2026-05-04T22:00:00Z"]
    (note,) = json.loads(result.stdout)["notes"]
    assert "2026-05-04T12:00:00Z to 2026-05-04T22:00:00Z" in note
    assert "2026-05-05T22:00:00Z to 2026-05-06T12:00:00Z" in note


def test_a_period_without_a_whole_day_is_refused_in_words(site, tmp_path):
    span = {"start": "2026-05-05T00:00:00Z", "end": "2026-05-06T00:00:00Z"}

    result = asked_for(site, tmp_path / "days.csv", **span, resolution="day")

    assert result.exit_code == 2
    assert "No whole day of Europe/Berlin" in result.stderr


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("obstacle", ["a file as folder", "a folder as file"])
def test_a_file_that_cannot_be_written_is_said_in_one_sentence(site, tmp_path, ending, obstacle):
    out = tmp_path / f"taken.{ending}"
    out.mkdir() if obstacle == "a folder as file" else out.write_text("")
    if obstacle == "a file as folder":
        out = out / f"x.{ending}"
    span = {"start": "2026-05-05T00:00:00Z", "end": "2026-05-05T02:00:00Z"}

    result = asked_for(site, out, **span, resolution="hour")

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(list(tmp_path.iterdir())) == 1

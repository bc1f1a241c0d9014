"""A site's own meters join a fleet run: as they are, once, and without a trace in the folder."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.window_processes import WindowProcesses
from energy_desktop.app.wiring import open_site
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import JobCancelled
from energy_desktop.domain.file_lock import try_lock
from energy_desktop.domain.fleet import FleetOptions
from energy_desktop.domain.site import Meter
from tests.support.fleet_files import LONDON, london_rows, write_csv

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 5


def run(*arguments):
    return CliRunner().invoke(app, ["fleet", *map(str, arguments)])


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def use(site, energy_wh, *, first_day=0, days=DAYS):
    """Meters of the site: id -> Wh of each half hour."""
    opened = open_site(SiteFolder(site))
    configuration = opened.store.configuration
    meters = tuple(Meter(name, name) for name in energy_wh)
    configuration.replace(replace(configuration.load(), meters=meters))
    start = int(START.timestamp() * 1000) + first_day * 86_400_000
    at = start + 1_800_000 * np.arange(48 * days, dtype=np.int64)
    for name, wh in energy_wh.items():
        raw = np.full(len(at), IntervalQuality.RAW, np.int8)
        opened.store.ledger.add_intervals(
            Intervals(name, "energy_import_wh", 1800, at, np.full(len(at), wh), raw)
        )
    opened.close()


@pytest.fixture
def place(tmp_path):
    rows = london_rows("MAC1", [0.1] * 48 * DAYS, start=START)
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)
    return tmp_path


def with_site(place, *more, out="out"):
    return run("run", place / "in", "--out", place / out, "--with-site", "--site", place / "site",
               "--json", *more)  # fmt: skip


def kwh_per_day(place, out="out"):
    page = document(run("show", place / out, "--households", "--json"))
    return {row["household"]: round(row["kwh_per_day"], 3) for row in page["households"]}


def test_what_is_said_about_the_folders_files_does_not_hold_for_the_site(tmp_path):
    rows = [f"H1;{d:02d}.01.2026 {h:02d}:00;0,2" for d in range(1, 6) for h in range(1, 24)]
    write_csv(tmp_path / "in" / "a.csv", "wer;wann;usage", rows)
    use(tmp_path / "site", {"Roof": 100.0})

    said = document(with_site(tmp_path, "--household-column", "wer", "--time-column", "wann",
                              "--value-column", "usage", "--unit", "kWh", "--step-min", 60,
                              "--stamp", "end"))  # fmt: skip

    assert said["broken_files"] == []
    assert kwh_per_day(tmp_path)["Roof"] == pytest.approx(4.8)
    days = document(run("show", tmp_path / "out", "--household", "Roof", "--json"))
    assert (days["first_day"], days["last_day"]) == ("2026-01-01", "2026-01-05")


def test_meters_whose_names_are_alike_all_join(place):
    use(place / "site", {"A 1": 100.0, "A_1": 200.0, "A/1": 300.0, 'A "1", new': 400.0})

    document(with_site(place))

    assert kwh_per_day(place) == {
        "MAC1": 4.8, "A 1": 4.8, "A_1": 9.6, "A/1": 14.4, 'A "1", new': 19.2,
    }  # fmt: skip


def test_a_household_that_was_added_to_the_site_is_read_once_and_that_is_said(place):
    odd = london_rows("MAC2", [0.1234567] * 48 * DAYS, start=START)
    write_csv(place / "in" / "b.csv", LONDON, odd)
    document(run("run", place / "in", "--out", place / "first", "--json"))
    document(run("add", place / "first", "MAC2", "--site", place / "site", "--json"))

    said = document(with_site(place))
    text = run("show", place / "out").stdout

    assert said["dropped"] == {}
    assert said["households"] == 2
    assert [one["name"] for one in said["broken_files"]] == ["Meter MAC2 of the site"]
    assert "Meter MAC2 of the site: The folder has a household of this name" in text


def test_they_join_a_run_that_is_made_in_a_process_of_its_own(place):
    use(place / "site", {"Roof": 100.0})
    processes = WindowProcesses()
    opened = open_site(SiteFolder(place / "site"))
    fleet = opened.services.fleet
    fleet.processes = processes.fleet
    try:
        planned = fleet.plan(place / "in", place / "out", with_site=True)
        said = fleet.run(place / "in", place / "out", with_site=True)
        done = fleet.plan(place / "in", place / "out", with_site=True)
        alone = fleet.plan(place / "in", place / "out")
        asked = fleet.was_asked(place / "out")
    finally:
        opened.close()
        processes.close()

    assert said.households == 2
    assert (planned.state, done.state, alone.state) == ("new", "done", "replaces")
    assert asked.with_site


def test_nothing_is_written_into_the_folder_and_a_run_without_the_site_is_without_it(place):
    use(place / "site", {"Roof": 100.0})
    document(with_site(place))
    left = sorted(p.name for p in (place / "in").rglob("*"))

    without = document(run("run", place / "in", "--out", place / "alone", "--json"))

    assert left == ["a.csv"]
    assert without["households"] == 1


def test_energy_that_came_since_does_not_undo_a_run(place):
    use(place / "site", {"Roof": 100.0})
    first = document(with_site(place))
    use(place / "site", {"Roof": 100.0}, first_day=DAYS, days=2)

    answer = with_site(place)
    again = document(answer)
    anew = with_site(place, "--replace")

    newer = (
        "The site has newer readings than this run; only replacing its results takes them "
        "(--replace)."
    )
    assert again == {**first, "notes": [*first["notes"], newer]}
    assert newer in answer.stderr.splitlines()
    assert document(anew)["rows_used"] == first["rows_used"] + 2 * 48
    assert document(anew)["notes"] == first["notes"]
    assert newer not in anew.stderr


def test_readings_that_are_the_same_or_never_join_are_not_newer(place):
    use(place / "site", {"Roof": 100.0, "Cellar": 50.0, "MAC1": 20.0})
    first = document(with_site(place))
    use(place / "site", {"Cellar": 50.0, "MAC1": 20.0, "Roof": 100.0})
    use(place / "site", {"MAC1": 20.0}, first_day=DAYS, days=2)
    opened = open_site(SiteFolder(place / "site"))
    configuration = opened.store.configuration
    meters = tuple(Meter(name, name) for name in ("MAC1", "Cellar", "Roof"))
    configuration.replace(replace(configuration.load(), meters=meters))
    opened.close()

    again = with_site(place)

    assert document(again) == first
    assert "newer" not in again.stderr


def test_a_meter_that_had_too_few_readings_and_now_has_some_is_newer(place):
    use(place / "site", {"Roof": 100.0})
    opened = open_site(SiteFolder(place / "site"))
    configuration = opened.store.configuration
    meters = (Meter("Roof", "Roof"), Meter("Young", "Young"))
    configuration.replace(replace(configuration.load(), meters=meters))
    opened.close()
    document(with_site(place))
    at = int(START.timestamp() * 1000) + 1_800_000 * np.arange(48, dtype=np.int64)
    opened = open_site(SiteFolder(place / "site"))
    raw = np.full(48, IntervalQuality.RAW, np.int8)
    opened.store.ledger.add_intervals(
        Intervals("Young", "energy_import_wh", 1800, at, np.full(48, 7.0), raw)
    )
    opened.close()

    again = with_site(place)

    assert "The site has newer readings than this run" in again.stderr


@pytest.mark.parametrize("moment", ["reading files, 2 of 2", "cleaning"])
def test_a_run_that_goes_on_keeps_the_readings_that_joined(place, moment):
    use(place / "site", {"Roof": 100.0})

    def stop(_fraction, doing):
        if doing.startswith(moment):
            raise JobCancelled(where=doing, what="It was stopped.", remedy="")

    opened = open_site(SiteFolder(place / "site"))
    fleet = opened.services.fleet
    with pytest.raises(JobCancelled):
        fleet.run(
            place / "in", place / "out", fleet.in_site_currency(FleetOptions()), with_site=True,
            progress=stop,
        )  # fmt: skip
    opened.close()
    use(place / "site", {"Roof": 100.0}, first_day=DAYS, days=2)

    said = document(with_site(place))

    assert said["rows_used"] == 2 * 48 * DAYS
    assert said["households"] == 2


def test_what_a_killed_run_left_of_the_site_goes_with_the_next_and_nothing_else(place, monkeypatch):
    temporary = place / "tmp"
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    use(place / "site", {"Roof": 100.0})
    names = ("energy-desktop-joining-left", "energy-desktop-joining-held",
             "energy-desktop-joining-mine", "energy-desktop-notes")  # fmt: skip
    for name in names:
        (temporary / name).mkdir(parents=True)
        (temporary / name / "0001-Roof.csv").write_text("household\n")
        if not name.endswith("mine"):
            (temporary / name / "in-use").touch()
        os.utime(temporary / name, (0, 0))

    with (temporary / names[1] / "in-use").open("r+b") as held:
        assert try_lock(held)
        document(with_site(place))

    assert {p.name for p in temporary.iterdir()} == set(names[1:])


def test_other_meters_of_the_site_are_another_run(place):
    use(place / "site", {"Roof": 100.0})
    document(with_site(place))
    use(place / "site", {"Roof": 100.0, "Cellar": 50.0})

    refused = with_site(place)

    assert refused.exit_code == 2
    assert "it differs in the meters of the site." in refused.stderr


def test_a_meter_with_one_reading_is_left_out_and_that_is_said(place):
    use(place / "site", {"Roof": 100.0})
    opened = open_site(SiteFolder(place / "site"))
    configuration = opened.store.configuration
    found = configuration.load()
    configuration.replace(replace(found, meters=(*found.meters, Meter("Young", "Young"))))
    opened.store.ledger.add_intervals(
        Intervals("Young", "energy_import_wh", 1800, np.array([1_767_225_600_000]),
                  np.array([10.0]), np.full(1, IntervalQuality.RAW, np.int8))
    )  # fmt: skip
    opened.close()

    said = document(with_site(place))

    assert said["households"] == 2
    assert [(one["name"], one["why"]) for one in said["broken_files"]] == [
        ("Meter Young of the site", "It has too few readings yet.")
    ]


def test_a_site_without_energy_is_said_before_anything_is_made(place):
    refused = with_site(place)

    assert refused.exit_code == 3
    assert not (place / "out").exists()

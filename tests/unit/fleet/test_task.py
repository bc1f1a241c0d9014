"""What a run is asked, and in what it differs from the one that is there."""

import os
from dataclasses import replace
from decimal import Decimal

import pytest

from energy_desktop.domain.errors import ConfirmationNeeded, DataFileError
from energy_desktop.domain.fleet import FLAT, FileColumns, FleetOptions, SiteMeters
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.task import run_task

USUAL = FleetOptions()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,time,kwh\n")
    return tmp_path / "in"


def difference(folder, then, now):
    """The words between `differs in` and the full stop."""
    out = folder.parent / "out"
    Manifest.begin(out, then.key, then.about)
    known = Manifest.read(out)
    assert now.state(known) == "replaces"
    with pytest.raises(ConfirmationNeeded) as refused:
        now.refuse_to_replace(known)
    return refused.value.what.partition("differs in ")[2].rstrip(".")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"zone": "Europe/London"}, "its zone"),
        ({"columns": FileColumns(unit="Wh")}, "how columns are read"),
        ({"tariff_a": replace(FLAT, standing_per_day=Decimal(1))}, "its tariffs"),
        ({"tariff_a": replace(FLAT, name="A"), "tariff_b": replace(FLAT, name="B")}, "its tariffs"),
        ({"currency": "GBP", "segments": 5, "seed": 8},
         "its currency, its number of groups and its seed"),
    ],
)  # fmt: skip
def test_options_that_differ_are_named(folder, options, words):
    then = run_task(folder, folder.parent / "out", USUAL, "duckdb")
    now = run_task(folder, folder.parent / "out", replace(USUAL, **options), "duckdb")

    assert difference(folder, then, now) == words


def test_files_that_differ_or_have_changed_are_named(folder):
    out = folder.parent / "out"
    then = run_task(folder, out, USUAL, "duckdb")
    os.utime(folder / "a.csv", ns=(1, 1))
    changed = run_task(folder, out, USUAL, "duckdb")
    (folder / "b.csv").write_text("id,time,kwh\n")
    more = run_task(folder, out, USUAL, "spark")

    assert difference(folder, then, changed) == "files that have changed since"
    assert difference(folder, then, more) == "its files and its engine"


def test_of_a_site_its_meters_count_and_not_their_readings(folder):
    out = folder.parent / "out"
    readings = folder.parent / "roof.csv"
    alone = run_task(folder, out, USUAL, "duckdb")
    roof = run_task(folder, out, USUAL, "duckdb", SiteMeters("Mews", ("Roof",), {"Roof": readings}))
    asked = run_task(folder, out, USUAL, "duckdb", SiteMeters("Mews", ("Roof",), {}))
    both = run_task(folder, out, USUAL, "duckdb", SiteMeters("Mews", ("Cellar", "Roof"), {}))
    other = run_task(folder, out, USUAL, "duckdb", SiteMeters("Mill", ("Roof",), {}))

    assert roof.key == asked.key
    assert difference(folder, alone, roof) == "the site that joins and the meters of the site"
    assert difference(folder, roof, both) == "the meters of the site"
    assert difference(folder, roof, other) == "the site that joins"


def test_what_joined_is_none_of_the_folders_files(folder):
    out = folder.parent / "out"
    site = SiteMeters("Mews", ("Roof",), {})
    then = run_task(folder, out, USUAL, "duckdb", site)
    now = run_task(folder, out, replace(USUAL, seed=9), "duckdb", site)
    known = Manifest.begin(out, then.key, then.about)
    known.join(["site/0001-Roof.csv"], [])

    with pytest.raises(ConfirmationNeeded, match=r"differs in its seed\."):
        now.refuse_to_replace(Manifest.read(out))


def test_an_empty_folder_is_a_task_with_a_site_alone(folder):
    (folder / "a.csv").unlink()
    site = SiteMeters("Mews", ("Roof",), {})

    assert run_task(folder, folder.parent / "out", USUAL, "duckdb", site).paths == ()
    with pytest.raises(DataFileError, match="No file of readings"):
        run_task(folder, folder.parent / "out", USUAL, "duckdb")


def test_results_below_the_folder_are_no_readings(folder):
    (folder / "out" / "site").mkdir(parents=True)
    (folder / "out" / "site" / "0001-Roof.csv").write_text("x")

    assert run_task(folder, folder / "out", USUAL, "duckdb").paths == (folder / "a.csv",)

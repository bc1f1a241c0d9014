"""`fleet show` says what is known and no more: of a run that is under way, of a list that goes on,
of a year, and of what two tariffs would change.
"""

import json
import re
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.domain.errors import JobCancelled
from energy_desktop.services.fleet import FleetService
from tests.support.fleet_files import LONDON, a_fleet, london_rows, write_csv


def run(*arguments):
    return CliRunner().invoke(app, ["fleet", *map(str, arguments)])


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shown")
    a_fleet(folder / "in", households=18, days=45)
    rows = london_rows("CALM", [0.2] * 48 * 20, start=datetime(2013, 1, 1, tzinfo=UTC))
    rows += [rows[0]] * 30
    write_csv(folder / "in" / "calm.csv", LONDON, rows)
    FleetService().run(folder / "in", folder / "out")
    return folder / "out"


def stopped_at(moment, folder):
    """A run that was cancelled when it said so."""

    def stop(_fraction, doing):
        if doing.startswith(moment):
            raise JobCancelled(where="Fleet run", what="cancelled", remedy="")

    a_fleet(folder / "in", households=4, days=40)
    with pytest.raises(JobCancelled):
        FleetService().run(folder / "in", folder / "out", progress=stop)
    return folder / "out"


@pytest.mark.parametrize(
    ("moment", "known"),
    [("reading files", False), ("cleaning", False), ("looking for what is strange", True)],
)
def test_what_a_run_does_not_know_yet_is_no_zero(tmp_path, moment, known):
    out = stopped_at(moment, tmp_path)

    said = document(run("show", out, "--json"))
    words = run("show", out).stdout

    assert said["finished"] is False
    assert (said["households"], said["household_days"]) == ((4, 160) if known else (None, None))
    assert said["first_day"] == ("2013-01-01" if known else None)
    assert said["anomalies"] is None
    assert said["anomaly_methods"]["profile"] == {}
    assert said["tariffs"] is None
    assert said["peak_mb"] is None or said["peak_mb"] > 50
    assert words.startswith("This run is not finished; run it again to go on where it stopped.")
    assert not re.search(r"\b0 (households|household-days|MB|stretches)\b|  to :", words)
    assert "Strange" not in words
    assert ("4 households, 2013-01-01 to 2013-02-09" in words) is known


@pytest.mark.parametrize("listed", [("--households",), ("--anomalies",), ("--year", 2013)])
def test_a_list_that_is_not_made_yet_is_refused(tmp_path, listed):
    out = stopped_at("looking for what is strange", tmp_path)

    said = run("show", out, *listed)

    assert said.exit_code == 3
    assert said.stdout == ""
    assert "not finished" in said.stderr
    assert "goes on where it stopped" in said.stderr


def test_data_quality_is_shown_so_far(tmp_path, fleet):
    out = stopped_at("cleaning", tmp_path)

    said = document(run("show", out, "--quality", "--json"))

    assert said["finished"] is False
    assert [one["rows_read"] for one in said["files"]] == [4 * 40 * 48]
    assert run("show", out, "--quality").stdout.startswith("This run is not finished")
    assert document(run("show", fleet, "--quality", "--json"))["finished"] is True
    assert "not finished" not in run("show", fleet, "--quality").stdout


def test_both_tariffs_are_compared_with_the_figures_of_the_window(fleet):
    priced = FleetService().tariffs(fleet, limit=None)

    said = document(run("show", fleet, "--json"))["tariffs"]
    words = run("show", fleet).stdout

    rows = priced.rows.rows
    assert said["total_a"] == f"{sum(row.bill_a_units for row in rows) / 10_000:.2f}"
    assert said["total_b"] == f"{sum(row.bill_b_units for row in rows) / 10_000:.2f}"
    assert said["winners"] == sum(row.change_units < 0 for row in rows)
    assert said["losers"] == sum(row.change_units > 0 for row in rows)
    assert said["winners"] + said["losers"] + said["unchanged"] == 19
    assert (said["name_a"], said["name_b"], said["currency"]) == ("Flat", "Time of use", "EUR")
    assert said["response"] == priced.response is not None
    assert said["example_prices"] is True
    assert f"{float(said['total_a']):,.2f} EUR under Flat (A)" in words
    assert f"{float(said['total_b']):,.2f} EUR under Time of use (B)" in words
    assert f"{said['losers']} more, {said['unchanged']} the same. {priced.response}" in words


def test_a_year_compares_the_tariffs_over_that_year(tmp_path):
    start = datetime(2012, 12, 22, tzinfo=UTC)
    rows = [row for k in range(3) for row in london_rows(f"M{k}", [0.1] * 48 * 25, start=start)]
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)
    document(run("run", tmp_path / "in", "--out", tmp_path / "out", "--json"))

    one = document(run("show", tmp_path / "out", "--year", 2013, "--json"))

    assert one["households_by_tariff"] == {"Std": 3}
    assert one["tariffs"]["total_a"] == f"{3 * 15 * 4.8 * 0.25:.2f}"
    assert one["tariffs"]["response"] is None
    words = run("show", tmp_path / "out", "--year", 2013).stdout
    assert "54.00 EUR under Flat (A)" in words
    assert "Too few households on each tariff" in words


@pytest.mark.parametrize("what", ["--households", "--anomalies", "--quality"])
def test_a_list_that_goes_on_says_so_and_how(fleet, what):
    total = {"--households": 19, "--quality": 30}.get(what) or FleetService().anomalies(fleet).total

    cut = run("show", fleet, what, "--limit", 2).stdout
    last = run("show", fleet, what, "--limit", 2, "--offset", total - 2).stdout
    whole = run("show", fleet, what, "--limit", 1000).stdout
    beyond = run("show", fleet, what, "--offset", total).stdout

    assert f"These are 1 to 2 of {total}" in cut
    assert "--limit shows more, --offset 2 goes on." in cut
    assert f"These are {total - 1} to {total} of {total}" in last
    assert "These are" not in whole
    assert f"There is nothing after --offset {total}: the list has {total}" in beyond


@pytest.mark.parametrize(
    "both", [("--households", "--anomalies"), ("--quality", "--household", "CALM")]
)
def test_one_list_is_shown_at_a_time(fleet, both):
    said = run("show", fleet, *both)

    assert said.exit_code == 2
    assert said.stdout == ""
    assert f"One list is shown at a time. Say {'--households' if len(both) == 2 else '--quality'}" \
        in said.stderr  # fmt: skip


def test_a_run_of_one_year_says_that_the_whole_is_that_year(fleet):
    said = run("show", fleet, "--year", 2013)

    assert said.exit_code == 3
    assert "It has one year only, 2013: leave the year out." in said.stderr


def test_a_household_with_nothing_strange_is_not_marked(fleet):
    strange = {one.household for one in FleetService().anomalies(fleet, limit=None).rows}
    calm = next(row.household for row in FleetService().households(fleet).rows
                if row.household not in strange)  # fmt: skip

    marked = run("mark", fleet, calm)
    undone = run("mark", fleet, calm, "--undo")

    for said in (marked, undone):
        assert said.exit_code == 3
        assert said.stdout == ""
        assert "Nothing strange was found in it, so there is nothing to mark." in said.stderr
    assert not (fleet / "seen.json").exists()

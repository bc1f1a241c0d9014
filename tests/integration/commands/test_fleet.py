"""The fleet from the command line: one JSON document, lists, exports, and the way to a site."""

import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.wiring import open_site
from energy_desktop.domain import fleet_wording
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.site import Meter
from tests.integration.commands import billed_site
from tests.support.fleet_files import LONDON, a_fleet, london_rows, write_csv
from tests.support.postgres_server import own_server
from tests.support.shared_data import shared_data

SCORES = {"r2_pooled", "r2_within_median", "mae_kwh", "rmse_kwh"}


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def document(result):
    """The one JSON document on stdout; anything else there fails."""
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fleet")
    a_fleet(folder / "in", households=10, days=50)
    (folder / "in" / "broken.csv").write_text("no,idea\n1,2\n")
    said = document(run("fleet", "run", folder / "in", "--out", folder / "out", "--json"))
    return folder, said


def test_a_run_answers_with_its_document(fleet):
    _, said = fleet

    assert said["rows_read"] == said["rows_used"] == 10 * 50 * 48
    assert said["dropped"] == {}
    assert said["refusals"] == []
    assert (said["households"], said["household_days"]) == (10, 500)
    assert set(said["seconds"]) == {
        "ingest", "daily", "features", "regression", "lightgbm", "anomalies", "segments", "tariffs",
    }  # fmt: skip
    assert said["peak_mb"] > 50
    assert set(said["regression"]) == set(said["lightgbm"]) == SCORES
    assert isinstance(said["anomalies"], int)
    assert sum(one["households"] for one in said["segments"]) == 10
    assert [one["name"].rsplit("/", 1)[1] for one in said["broken_files"]] == ["broken.csv"]


def test_show_says_the_same_again_and_in_words(fleet):
    folder, said = fleet

    assert document(run("fleet", "show", folder / "out", "--json")) == said
    words = run("fleet", "show", folder / "out").stdout
    assert "24,000 rows of 10 households" in words
    assert "R2 within a household" in words
    assert "Left out whole: broken.csv: no column is known as its time" in words


def test_what_the_figures_rest_on_is_said_with_them(fleet, tmp_path):
    folder, said = fleet
    out = folder / "out"
    words = run("fleet", "show", out).stdout

    assert fleet_wording.EXAMPLE_TARIFFS in said["notes"]
    for note in said["notes"]:
        assert note in words
    one = run("fleet", "show", out, "--household", "MAC000004").stdout
    assert fleet_wording.EXAMPLE_TARIFFS in one
    assert fleet_wording.EXAMPLE_TARIFFS in run("fleet", "show", out, "--households").stdout
    assert run("fleet", "report", out, "--to", tmp_path / "fleet.pdf").exit_code == 0
    pages = PdfReader(tmp_path / "fleet.pdf").pages
    paper = " ".join(" ".join(page.extract_text() for page in pages).split())
    for note in said["notes"]:
        assert note in paper


def test_lists_and_one_household(fleet):
    folder, _ = fleet

    page = document(
        run("fleet", "show", folder / "out", "--households", "--limit", 3, "--offset", 2, "--json")
    )
    one = document(run("fleet", "show", folder / "out", "--household", "MAC000004", "--json"))
    nobody = run("fleet", "show", folder / "out", "--household", "X")

    assert page["total"] == 10
    assert [row["household"] for row in page["households"]] == [
        "MAC000002", "MAC000003", "MAC000004"]  # fmt: skip
    assert one["household"] == "MAC000004"
    assert len(one["kwh"]) == 50
    assert nobody.exit_code == 3
    assert "The fleet has no such household." in nobody.stderr


def test_the_original_file_by_command(tmp_path):
    source = shared_data("london-halfhourly/MAC000002_original_columns_reconstructed.csv.gz")

    said = document(run("fleet", "run", source, "--out", tmp_path / "out", "--json"))

    assert (said["rows_read"], said["rows_used"]) == (24_158, 24_140)
    assert said["dropped"] == {"null": 1, "duplicate": 17}
    listed = document(run("fleet", "show", tmp_path / "out", "--quality", "--json"))
    null = [row for row in listed["rows"] if row["reason"] == "null"]
    assert [row["time"] for row in null] == ["2012-12-19 12:37:27.0000000"]
    assert listed["rows_total"] == 18


def test_own_tariffs_price_the_fleet(fleet, tmp_path):
    folder, _ = fleet
    (tmp_path / "tariffs.toml").write_text(
        'currency = "GBP"\n[a]\nname = "Standard"\nstanding_per_day = "1.00"\n'
        '[a.rates]\nall = { price = "0" }\n'
        '[b]\nname = "Night"\n[b.rates]\n'
        'night = { price = "0", from = "00:00", to = "07:00" }\nday = { price = "0.5" }\n'
    )

    said = document(run("fleet", "run", folder / "in", "--out", tmp_path / "out", "--tariffs",
                        tmp_path / "tariffs.toml", "--json"))  # fmt: skip
    rows = document(run("fleet", "show", tmp_path / "out", "--households", "--json"))["households"]

    assert said["currency"] == "GBP"
    assert fleet_wording.EXAMPLE_TARIFFS not in said["notes"]
    assert rows[0]["cost_a_per_year"] == pytest.approx(365.25)
    assert rows[0]["cost_b_per_year"] > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[a.rates]\nx = { price = "1" }\n', "no tariff [b]"),
        ('[a.rates]\nx = { price = "1" }\n[b.rates]\ny = { price = 0.5 }\n', "0.5 is no price"),
        ('[a.rates]\nx = { price = "1" }\n[b.rates]\ny = { price = "1", from = "16:10" }\n',
         "not on a half hour"),
        ('[a.rates]\nx = { price = "1" }\n[b.rates]\ny = { price = "1", days = "Foo" }\n',
         "are no days"),
    ],
)  # fmt: skip
def test_a_tariff_file_that_is_wrong_is_refused_in_words(fleet, tmp_path, text, said):
    folder, _ = fleet
    (tmp_path / "tariffs.toml").write_text(text)

    result = run("fleet", "run", folder / "in", "--out", tmp_path / "out", "--tariffs",
                 tmp_path / "tariffs.toml")  # fmt: skip

    assert result.exit_code == 3
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "nowhere", "--out", "x"), 3, "There is no such folder."),
        (("show", "nowhere"), 3, "There is no fleet run in this folder."),
        (("run", ".", "--out", "x", "--zone", "Mars/Olympus"), 2, "There is no such zone."),
        (("run", ".", "--out", "x", "--master", "local[2]"), 2, "Only Spark has a master."),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)

    result = run("fleet", *arguments)

    assert result.exit_code == code
    assert said in result.stderr


def test_a_household_becomes_a_meter_that_is_forecast_like_one(fleet, tmp_path):
    folder, _ = fleet
    site = tmp_path / "site"

    said = document(run("fleet", "add", folder / "out", "MAC000003", "--site", site, "--json"))

    assert said == {"meter": "MAC000003"}
    forecast = document(run("forecast", "--meter", "MAC000003", "--site", site, "--json"))
    assert len(forecast["points"]) == 48
    again = run("fleet", "add", folder / "out", "MAC000003", "--site", site)
    assert again.exit_code == 0


def test_a_household_that_was_added_is_billed_like_any_meter(fleet, tmp_path):
    folder, _ = fleet
    site = tmp_path / "site"
    document(run("fleet", "add", folder / "out", "MAC000003", "--site", site, "--json"))
    opened = open_site(SiteFolder(site))
    found = opened.store.configuration.load()
    pattern = billed_site.a_configuration()
    opened.store.configuration.replace(
        replace(
            pattern,
            site=replace(pattern.site, zone="UTC"),
            meters=(replace(found.meters[0], space_id="zone-meyer"),),
            tariffs=(replace(pattern.tariffs[0], valid_from=date(2013, 1, 1)),),
            contracts=(replace(pattern.contracts[0], valid_from=date(2013, 1, 1)),),
        )
    )
    opened.close()

    bill = document(run("bill", "--client", "meyer", "--month", "2013-01", "--site", site,
                        "--out", tmp_path / "papers", "--json"))  # fmt: skip

    outside: dict[date, int] = {}
    with (folder / "in" / "fleet.csv").open() as file:
        for household, _tariff, stamp, kwh in list(csv.reader(file))[1:]:
            at = datetime.fromisoformat(stamp[:19])
            office = at.weekday() < 5 and 8 <= at.hour < 20
            if household == "MAC000003" and (at.year, at.month) == (2013, 1) and not office:
                outside[at.date()] = outside.get(at.date(), 0) + round(1000 * float(kwh))
    assert len(outside) == 31
    assert {date.fromisoformat(x["day"]): x["energy_wh"] for x in bill["lines"]} == outside


def test_what_the_manual_says_that_billing_a_household_needs_is_enough(fleet, tmp_path):
    folder, _ = fleet
    site = tmp_path / "site"
    manual = (Path(__file__).parents[3] / "docs" / "fleet.md").read_text(encoding="utf-8")
    part = manual.partition("## A household that is billed")[2].partition("\n## ")[0]
    lines = [line[4:] for line in part.splitlines() if line.startswith("    ")]
    (tmp_path / "site.toml").write_text("\n".join(lines), encoding="utf-8")
    document(run("fleet", "add", folder / "out", "MAC000003", "--site", site, "--json"))

    document(run("apply", tmp_path / "site.toml", "--site", site, "--json"))
    bill = document(run("bill", "--client", "meyer", "--month", "2013-01", "--site", site,
                        "--out", tmp_path / "papers", "--json"))  # fmt: skip

    assert bill["blockers"] == []
    assert len(bill["lines"]) == 31


def test_the_meters_of_a_site_join_a_run(fleet, tmp_path):
    folder, _ = fleet
    site = tmp_path / "site"
    document(run("fleet", "add", folder / "out", "MAC000003", "--site", site, "--json"))
    pounds = tmp_path / "site.toml"
    pounds.write_text('[site]\nname = "Mews"\nzone = "Europe/London"\ncurrency = "GBP"\n')
    document(run("apply", pounds, "--site", site, "--json"))
    write_csv(tmp_path / "in" / "other.csv", LONDON, london_rows(
        "OTHER", [0.1] * 48 * 40, start=datetime(2013, 1, 1, tzinfo=UTC)))  # fmt: skip

    said = document(run("fleet", "run", tmp_path / "in", "--out", tmp_path / "out", "--with-site",
                        "--site", site, "--json"))  # fmt: skip

    households = document(run("fleet", "show", tmp_path / "out", "--households", "--json"))
    assert [row["household"] for row in households["households"]] == ["MAC000003", "OTHER"]
    assert said["currency"] == "GBP"
    assert said["rows_used"] == 50 * 48 + 40 * 48
    again = document(run("fleet", "run", tmp_path / "in", "--out", tmp_path / "out", "--with-site",
                         "--site", site, "--json"))  # fmt: skip
    assert again["seconds"] == said["seconds"]  # nothing had to be done again


def test_results_go_into_a_database(fleet):
    folder, _ = fleet
    import psycopg

    server = own_server()
    try:
        export = ("fleet", "export", folder / "out", "--format", "postgresql", "--to", server.url)
        done = document(run(*export, "--table", "households", "--table", "days", "--json"))
        again = document(run(*export, "--table", "households", "--json"))
        with psycopg.connect(server.url) as connection:
            kept = connection.execute("SELECT count(*), sum(energy_wh) FROM fleet_days").fetchone()
            homes = connection.execute("SELECT count(*) FROM fleet_households").fetchone()
    finally:
        server.remove()
    gone = run("fleet", "export", folder / "out", "--format", "postgresql", "--to", server.url)

    assert [one["rows"] for one in done["exported"]] == [10, 500]
    assert again["exported"][0]["rows"] == homes[0] == 10
    assert kept[0] == 500
    assert kept[1] > 0
    assert gone.exit_code == 3
    assert "No table was written or changed there" in gone.stderr


def test_what_is_strange_is_marked_as_seen_by_command(fleet):
    folder, _ = fleet
    out = folder / "out"
    strange = document(run("fleet", "show", out, "--anomalies", "--json"))["anomalies"]
    first = strange[0]["household"]

    said = document(run("fleet", "mark", out, first, "--json"))

    assert said["household"] == first
    assert said["seen"]["who"]
    rows = document(run("fleet", "show", out, "--anomalies", "--json"))["anomalies"]
    assert rows[0]["seen"] == said["seen"]
    left = document(run("fleet", "show", out, "--anomalies", "--unseen", "--json"))
    assert left["total"] == len(strange) - 1
    assert "Seen." in run("fleet", "show", out, "--anomalies").stdout
    undone = document(run("fleet", "mark", out, first, "--undo", "--json"))
    assert undone == {"household": first, "seen": None}
    again = document(run("fleet", "show", out, "--anomalies", "--unseen", "--json"))
    assert again["total"] == len(strange)
    assert run("fleet", "mark", out, "nobody").exit_code == 3
    assert run("fleet", "show", out, "--unseen").exit_code == 2


def test_one_year_is_shown_alone(tmp_path):
    rows = [
        row
        for k in range(12)
        for row in london_rows(
            f"MAC{k}", [0.1 * (k + 1)] * 48 * 35 + [0.05 * (k + 1)] * 48 * 30,
            start=datetime(2012, 11, 27, tzinfo=UTC))
    ]  # fmt: skip
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)
    document(run("fleet", "run", tmp_path / "in", "--out", tmp_path / "out", "--json"))

    one = document(run("fleet", "show", tmp_path / "out", "--year", 2013, "--json"))

    assert (one["year"], one["households"]) == (2013, 12)
    assert one["kwh_per_day"] == pytest.approx(0.05 * 6.5 * 48)
    page = document(
        run("fleet", "show", tmp_path / "out", "--households", "--year", 2012, "--json")
    )
    assert page["households"][0]["kwh_per_day"] == pytest.approx(4.8)
    assert page["households"][0]["last_day"] == "2012-12-31"
    assert "2013: 12 households" in run("fleet", "show", tmp_path / "out", "--year", 2013).stdout
    never = run("fleet", "show", tmp_path / "out", "--year", 2015)
    assert never.exit_code == 3
    assert "It can be for: 2012, 2013" in never.stderr
    assert run("fleet", "show", tmp_path / "out", "--quality", "--year", 2013).exit_code == 2


def test_a_row_that_other_files_repeat_is_shown_with_both_files(tmp_path):
    start = datetime(2013, 1, 1, tzinfo=UTC)
    good = london_rows("MAC1", [0.1 + 0.001 * (k % 7) for k in range(48 * 3)], start=start)
    other_value = good[5].replace(" 0.105 ", " 0.9 ")
    write_csv(tmp_path / "in" / "a.csv", LONDON, [*good, good[9]])
    write_csv(tmp_path / "in" / "b.csv", LONDON, [good[3], other_value])
    write_csv(tmp_path / "in" / "c.csv", LONDON, [good[3]])
    document(run("fleet", "run", tmp_path / "in", "--out", tmp_path / "out", "--json"))

    said = document(run("fleet", "show", tmp_path / "out", "--quality", "--json"))

    def short(path):
        return path.rsplit("/", 1)[-1]

    found = {(short(r["file"]), r["time"][11:16], r["reason"], short(r["other"]))
             for r in said["rows"]}  # fmt: skip
    assert found == {
        ("a.csv", "04:30", "duplicate", ""),  # twice in one file
        ("a.csv", "02:30", "conflict", "b.csv"),
        ("b.csv", "02:30", "conflict", "a.csv"),
        ("b.csv", "01:30", "duplicate", "a.csv"),
        ("c.csv", "01:30", "duplicate", "a.csv"),
    }
    assert {short(f["name"]): (f["rows_read"], f["rows_used"]) for f in said["files"]} == {
        "a.csv": (145, 143),
        "b.csv": (2, 0),
        "c.csv": (1, 0),
    }
    text = run("fleet", "show", tmp_path / "out", "--quality").stdout
    assert "an exact repeat, also in a.csv" in text
    document(run("fleet", "export", tmp_path / "out", "--format", "csv", "--to", tmp_path / "ex",
                 "--table", "dropped", "--table", "clean", "--json"))  # fmt: skip
    with (tmp_path / "ex" / "dropped.csv").open() as file:
        exported = {(short(r["file"]), r["time"][11:16], r["reason"], short(r["other"]))
                    for r in csv.DictReader(file)}  # fmt: skip
    assert exported == found
    with (tmp_path / "ex" / "clean.csv").open() as file:
        assert {row["file"] for row in csv.DictReader(file)} == {str(tmp_path / "in" / "a.csv")}


def test_a_fleet_too_young_for_a_forecast_is_told_why_once(tmp_path):
    rows = london_rows("MAC1", [0.1] * 48 * 3, start=datetime(2013, 1, 1, tzinfo=UTC))
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)

    said = document(run("fleet", "run", tmp_path / "in", "--out", tmp_path / "out", "--json"))
    words = run("fleet", "show", tmp_path / "out").stdout

    (why, _residual) = said["refusals"]
    assert "too few to learn from" in why
    assert words.count(why) == 1


def test_what_a_run_would_read_and_need_is_told_without_doing_it(fleet, tmp_path):
    folder, _ = fleet

    said = document(run("fleet", "run", folder / "in", "--out", tmp_path / "o", "--plan", "--json"))

    assert (said["files"], said["state"]) == (2, "new")
    assert 0.9 < said["rows"] / (10 * 50 * 48) < 1.1
    assert [one["name"].rsplit("/", 1)[1] for one in said["refused"]] == ["broken.csv"]
    assert not (tmp_path / "o").exists()
    words = run("fleet", "run", folder / "in", "--out", folder / "out", "--plan").stdout
    assert "1 with a row a reading, 30 min, kWh" in words
    assert "It is done already" in words


@pytest.mark.parametrize(("step_s", "written"), [(300, 900), (600, 1800), (900, 900)])
def test_the_meters_of_a_site_join_with_the_quality_of_each_value(tmp_path, step_s, written):
    n = 40 * 86_400 // step_s
    start = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    energy = np.full(n, 10.0)
    quality = np.full(n, IntervalQuality.RAW, np.int8)
    per = written // step_s
    quality[4 * per] = IntervalQuality.ESTIMATED  # of the fifth step that is written
    quality[5 * per] = IntervalQuality.EDITED
    energy[6 * per], quality[6 * per] = np.nan, IntervalQuality.MISSING
    site = open_site(SiteFolder(tmp_path / "site"))
    configuration = site.store.configuration
    configuration.replace(replace(configuration.load(), meters=(Meter("m1", "Roof"),)))
    at = start + 1000 * step_s * np.arange(n, dtype=np.int64)
    site.store.ledger.add_intervals(
        Intervals("m1", "energy_import_wh", step_s, at, energy, quality)
    )
    site.close()
    (tmp_path / "in").mkdir()

    said = document(run("fleet", "run", tmp_path / "in", "--out", tmp_path / "out", "--with-site",
                        "--site", tmp_path / "site", "--json"))  # fmt: skip

    with (tmp_path / "out" / "site" / "0001-m1.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list((tmp_path / "in").iterdir()) == []
    assert [row["quality"] for row in rows[:7]] == [
        "raw", "raw", "raw", "raw", "estimated", "edited", "raw"]  # fmt: skip
    assert {row["energy_wh"] for row in rows} == {f"{10.0 * per:.3f}"}
    assert rows[6]["start_utc"] == iso_utc(start + 1000 * 7 * written)  # one is missing
    assert said["rows_used"] == len(rows) == n // per - 1

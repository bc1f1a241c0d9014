"""Readings come in from files and go out to files, and the numbers stay the same."""

import csv
import gzip
import json
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.domain.clock import iso_utc, local_midnight_ms
from tests.support.shared_data import shared_data

ENDS_EARLY = {
    "MAC000016": (721, "2013-01-16"),
    "MAC000050": (None, "2013-04-17"),
    "MAC000080": (None, "2013-05-29"),
    "MAC000008": (None, "2013-10-30"),
}


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def document(result):
    """The one JSON document on stdout; anything else there fails."""
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def lines_of(path):
    with gzip.open(path, "rt") as file:
        return [line.split(",") for line in file.read().splitlines()[1:]]


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def london(tmp_path_factory):
    """The site with every household, and what the first import said."""
    folder = shared_data("london-halfhourly")
    files = sorted(folder.glob("MAC??????.csv.gz"))
    site = tmp_path_factory.mktemp("london") / "site"
    return site, files, document(run("import", *files, "--site", site, "--json"))


def test_every_household_keeps_every_row(london):
    _, files, found = london

    assert len(files) == 50
    for path, result in zip(files, found["results"], strict=True):
        assert result["file"] == str(path)
        assert result["meter"] == path.name[:9]
        assert result["rows_read"] == result["stored"] == len(lines_of(path))
        assert result["duplicates"] == 0
        assert result["rejected"] == []


def test_households_that_stop_early_end_where_they_stop(london):
    by_meter = {r["meter"]: r for r in london[2]["results"]}

    for meter, (rows, last_day) in ENDS_EARLY.items():
        assert by_meter[meter]["last_utc"].startswith(last_day)
        if rows is not None:
            assert by_meter[meter]["stored"] == rows


def test_a_household_of_zeros_is_zeros_and_not_unknown(london, tmp_path):
    site, files, _ = london
    out = tmp_path / "zeros.csv"
    year = ["--from", "2013-01-01T00:00:00Z", "--to", "2014-01-01T00:00:00Z"]
    asked = ["--meter", "MAC000004", "--quantity", "energy_import_wh", *year]

    made = document(run("export", *asked, "--out", out, "--site", site, "--json"))

    rows = rows_of(out)
    assert made["rows"] == len(rows) == 17_519
    assert sum(float(r["energy_wh"]) == 0 for r in rows) == 13_442
    original = sum(round(float(line[2]) * 1000) for line in lines_of(files[1]))
    assert files[1].name.startswith("MAC000004")
    assert sum(float(r["energy_wh"]) for r in rows) == pytest.approx(original)
    assert original == pytest.approx(618_000, abs=1_000)


def test_importing_twice_stores_nothing_twice(london):
    site, files, first = london

    again = document(run("import", *files[:3], "--site", site, "--json"))["results"]

    assert [r["stored"] for r in again] == [0, 0, 0]
    assert [r["duplicates"] for r in again] == [r["stored"] for r in first["results"][:3]]


@pytest.mark.parametrize("layout", ["datastore_layout", "original_columns_reconstructed"])
def test_both_original_layouts_are_read_with_their_traits(tmp_path, layout):
    path = shared_data("london-halfhourly") / f"MAC000002_{layout}.csv.gz"

    (result,) = document(run("import", path, "--site", tmp_path / "site", "--json"))["results"]

    assert result["meter"] == "MAC000002"
    assert result["rows_read"] == 24_158
    assert result["duplicates"] == 17
    assert len(result["rejected"]) == 1
    assert "Null" in result["rejected"][0]["reason"]
    assert result["stored"] == 24_158 - 17 - 1


def test_days_are_the_local_days_of_the_site(london, tmp_path):
    site, files, _ = london
    zone = "Europe/London"
    settings = tmp_path / "site.toml"
    settings.write_text(f'[site]\nname = "London"\nzone = "{zone}"\n')
    assert run("apply", settings, "--site", site).exit_code == 0
    out = tmp_path / "days.csv"
    # The day of the spring change has 23 hours: 46 half hours.
    midnights = [local_midnight_ms(date(2013, 3, d), ZoneInfo(zone)) for d in (30, 31)]
    asked = ["--meter", "MAC000002", "--quantity", "energy_import_wh", "--resolution", "day"]
    span = ["--from", iso_utc(midnights[0]), "--to", "2013-04-02T23:00:00Z"]

    document(run("export", *asked, *span, "--out", out, "--site", site, "--json"))

    rows = rows_of(out)
    assert [r["time_utc"] for r in rows] == [
        "2013-03-30T00:00:00Z",
        "2013-03-31T00:00:00Z",
        "2013-03-31T23:00:00Z",
        "2013-04-01T23:00:00Z",
    ]
    wanted = [
        round(float(line[2]) * 1000)
        for line in lines_of(files[0])
        if "2013-03-31 00:00:00" <= line[1] < "2013-03-31 23:00:00"
    ]
    assert len(wanted) == 46
    assert float(rows[1]["energy_wh"]) == pytest.approx(sum(wanted))


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_each_kind_of_file_holds_the_same_hours(london, tmp_path, ending):
    out = tmp_path / f"hours.{ending}"
    asked = ["--meter", "MAC000002", "--quantity", "energy_import_wh", "--resolution", "hour"]
    span = ["--from", "2013-06-01T00:00:00Z", "--to", "2013-06-02T00:00:00Z"]

    made = document(run("export", *asked, *span, "--out", out, "--site", london[0], "--json"))

    assert made["rows"] == 24
    assert made["columns"][0] == "time_utc"
    assert out.stat().st_size > 500
    if ending == "parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(out)
        assert table.column_names == made["columns"]
        assert table["energy_wh"].null_count == 0
        assert np.all(table["energy_wh"].to_numpy() >= 0)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"--resolution": "15min"}, 3, "multiple of 1800"),
        ({"--quantity": "enrgy"}, 2, "no quantity"),
        ({"--meter": "nobody"}, 3, "no such meter"),
        ({"--out": "x.doc"}, 2, ".parquet"),
        ({"--from": "2019-01-01", "--to": "2019-01-02"}, 3, "Nothing is stored"),
        ({"--from": "2013-02-02", "--to": "2013-02-01"}, 2, "empty"),
        ({"--from": "yesterday"}, 2, "no time"),
    ],
)
def test_what_cannot_be_exported_is_said_and_leaves_no_file(london, tmp_path, change, code, says):
    asked = {
        "--meter": "MAC000002",
        "--quantity": "energy_import_wh",
        "--from": "2013-02-01",
        "--to": "2013-02-03",
        "--out": "x.csv",
        **change,
    }
    asked["--out"] = str(tmp_path / asked["--out"])

    result = run("export", *[p for pair in asked.items() for p in pair], "--site", london[0])

    assert result.exit_code == code, result.stderr
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_general_csv_names_its_columns(tmp_path):
    path = tmp_path / "mine.csv"
    rows = ["when;used", "2026-01-01 00:00;1,5", "2026-01-01 00:15;oops"]
    rows += [f"2026-01-01 {minute // 60:02}:{minute % 60:02};2" for minute in range(30, 120, 15)]
    path.write_text("\n".join(rows) + "\n")
    asked = ["--meter", "mine", "--time-column", "when", "--value-column", "used"]
    more = ["--unit", "kWh", "--decimal", ",", "--zone", "UTC"]

    result = document(
        run("import", path, *asked, *more, "--format", "csv", "--site", tmp_path / "s", "--json")
    )["results"][0]

    assert (result["stored"], result["gaps"]) == (7, 1)
    assert [r["line"] for r in result["rejected"]] == [3]


def test_without_a_period_an_imported_meter_is_judged_by_the_days_that_it_has(tmp_path):
    """Its last interval ends at midnight: the day that begins then is no day without readings."""
    path, site = tmp_path / "mine.csv", tmp_path / "site"
    stamps = [
        f"2026-01-0{1 + q // 96}T{q % 96 // 4:02}:{15 * (q % 4):02}:00Z,{100 + q % 7}"
        for q in range(192)
    ]
    path.write_text("\n".join(["time,energy_wh", *stamps]) + "\n")
    document(run("import", path, "--zone", "UTC", "--site", site, "--json"))

    found = document(run("validate", "--meter", "mine", "--site", site, "--json"))

    assert [d["day"] for d in found["days"]] == ["2026-01-01", "2026-01-02"]
    assert (found["intervals"], found["sufficiency"]["days"]) == (192, 2)
    assert [d["missing_intervals"] for d in found["days"]] == [0, 0]


def test_a_file_that_is_not_there_fails_in_words(tmp_path):
    result = run("import", tmp_path / "none.csv", "--site", tmp_path / "site")

    assert result.exit_code in (2, 3)
    assert "none.csv" in result.stderr


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_hour_that_is_not_fully_known_is_a_row_without_energy(tmp_path, ending):
    path, out, site = tmp_path / "mine.csv", tmp_path / f"hours.{ending}", tmp_path / "site"
    stamps = [f"2026-01-01T{q // 4:02}:{15 * (q % 4):02}:00Z,100" for q in range(16) if q != 6]
    path.write_text("\n".join(["time,energy_wh", *stamps]) + "\n")
    document(run("import", path, "--site", site, "--json"))
    asked = ["--meter", "mine", "--quantity", "energy_import_wh", "--resolution", "hour"]
    span = ["--from", "2025-12-31T00:00:00Z", "--to", "2026-01-02T00:00:00Z"]

    made = document(run("export", *asked, *span, "--out", out, "--site", site, "--json"))

    assert made["rows"] == 4
    if ending == "csv":
        rows = rows_of(out)
        assert [r["energy_wh"] for r in rows] == ["400.0", "", "400.0", "400.0"]
        assert rows[1]["quality"] == "missing"
    else:
        import pyarrow.parquet as pq

        assert pq.read_table(out)["energy_wh"].to_pylist() == [400, None, 400, 400]


def test_a_temperature_becomes_degree_days_and_never_energy(tmp_path):
    rows = [f"2026-03-{1 + k // 24:02d} {k % 24:02d}:00:00,5.0" for k in range(240)]
    path = tmp_path / "weather.csv"
    path.write_text("\n".join(["time_utc,temperature_c", *rows]) + "\n")
    site = tmp_path / "site"

    (result,) = document(run("import", path, "--site", site, "--json"))["results"]
    days = document(
        run("degree-days", "--from", "2026-03-01T00:00:00Z", "--to", "2026-03-10T00:00:00Z",
            "--site", site, "--json")
    )  # fmt: skip
    refused = run("import", path, "--unit", "Wh", "--site", site)

    assert (result["quantity"], result["stored"]) == ("temperature_c", 240)
    assert (days["days_known"], days["heating_kd"]) == (9, 90.0)
    assert refused.exit_code == 3
    assert "names degrees, and Wh is no unit of that" in refused.stderr
    gaps = document(run("gaps", "--meter", "weather", "--site", site, "--json"))
    assert gaps["gaps"] == []

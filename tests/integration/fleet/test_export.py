"""What other programs get: energies in Wh, dates as dates, and nothing that a reader stumbles at.

The fleet here has a household that uses nothing, households that are named like formulas, and rows
that no file should have. Files are read back as a spreadsheet or a document store reads them;
tables are asked on a real PostgreSQL server.
"""

import csv
import errno
import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.domain.errors import DataFileError, StoreError, WrongUse
from energy_desktop.domain.jobs import JobCancelled
from energy_desktop.fleet.parquet import remove
from energy_desktop.services.fleet import FleetService
from tests.support.fleet_files import LONDON, a_fleet, london_rows, write_csv
from tests.support.postgres_server import clear, own_server

START = datetime(2013, 1, 1, tzinfo=UTC)
FORMULA = "=cmd|' /C calc'!A1"
NOT_OF_YOUNG = ("regression", "lightgbm", "hybrid", "dropped")
COLUMNS = (
    "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns "
    "WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
)
NAMES = (FORMULA, "@SUM(1)", "+1+1", "-2", "plain")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fleet")
    a_fleet(folder / "in", households=8, days=40)
    used = [0.1 + 0.01 * (k % 7) for k in range(48 * 20)]
    rows = [row for name in NAMES for row in london_rows(name, used, start=START)]
    rows += london_rows("EMPTY", [0.0] * 48 * 20, start=START)
    rows += london_rows("BELOW", [-5.0], start=START)
    rows += london_rows("N\0L", [0.1] * 48 * 3, start=START)
    write_csv(folder / "in" / "odd.csv", LONDON, rows)
    FleetService().run(folder / "in", folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def young(tmp_path_factory):
    """A run of three sound days: no row is left out, and nothing can be learnt from it."""
    folder = tmp_path_factory.mktemp("young")
    rows = london_rows("MAC1", [0.1 + 0.01 * (k % 7) for k in range(48 * 3)], start=START)
    write_csv(folder / "in" / "a.csv", LONDON, rows)
    FleetService().run(folder / "in", folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def server():
    made = own_server()
    yield made
    made.remove()


@pytest.fixture
def database(server):
    clear(server.url)
    return server.url


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_lines(path):
    def no_constant(name):
        raise AssertionError(f"{name} is no JSON")

    return [
        json.loads(line, parse_constant=no_constant)
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def header(path):
    return path.read_text(encoding="utf-8").splitlines()[0]


def files_below(folder):
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def exported(out, export_format, target, *more):
    said = ["fleet", "export", out, "--format", export_format, "--to", target, *more]
    return CliRunner().invoke(app, [str(one) for one in said])


def tables_of(url):
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return {name for (name,) in asked(url, query)}


def asked(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(("export_format", "read"), [("csv", read_csv), ("jsonl", read_lines)])
def test_every_result_but_the_readings_becomes_a_file(out, tmp_path, export_format, read):
    done = FleetService().export(out, str(tmp_path / "ex"), export_format)

    assert {one.table for one in done.tables} == {
        "households", "days", "week", "anomalies", "hybrid", "lightgbm", "regression", "trends",
        "dropped",
    }  # fmt: skip
    assert {p.name for p in (tmp_path / "ex").iterdir()} == {
        f"{one.table}.{export_format}" for one in done.tables
    }
    for one in done.tables:
        assert len(read(tmp_path / "ex" / f"{one.table}.{export_format}")) == one.rows


def test_energies_leave_in_wh_and_times_as_dates_and_moments(out, tmp_path):
    FleetService().export(out, str(tmp_path), "jsonl", tables=("days", "clean", "households"))

    days = [row for row in read_lines(tmp_path / "days.jsonl") if row["household"] == "plain"]
    days.sort(key=lambda row: row["day"])
    (first, *_), n = days, len(days)
    assert n == 20
    assert first["day"] == "2013-01-01"
    expected_wh = [1000 * (0.1 + 0.01 * (k % 7)) for k in range(48)]
    assert first["energy_wh"] == pytest.approx(sum(expected_wh))
    assert first["max_power_w"] == pytest.approx(2 * max(expected_wh))
    assert first["peak_energy_wh"] == pytest.approx(sum(expected_wh[32:40]))  # 16:00 to 20:00
    assert first["off_peak_energy_wh"] == pytest.approx(sum(expected_wh[:12]))
    readings = [r for r in read_lines(tmp_path / "clean.jsonl") if r["household"] == "plain"]
    readings.sort(key=lambda row: row["start_utc"])  # they stand in the order of being read
    assert readings[1]["start_utc"] == "2013-01-01T00:30:00Z"
    assert readings[1]["energy_wh"] == pytest.approx(110.0)
    home = next(r for r in read_lines(tmp_path / "households.jsonl") if r["household"] == "plain")
    assert (home["first_day"], home["last_day"]) == ("2013-01-01", "2013-01-20")
    assert home["bill_a"] == pytest.approx(0.25 * home["kwh"], abs=5e-5)
    assert home["currency"] == "EUR"
    for row in (first, readings[0], home):
        assert not {"mwh", "peak_mwh", "top_mw", "local_day", "t_min", "bill_a_units"} & set(row)


def test_a_share_of_nothing_is_no_value(out, tmp_path):
    FleetService().export(out, str(tmp_path), "jsonl", tables=("households",))
    FleetService().export(out, str(tmp_path), "csv", tables=("households",))

    row = next(r for r in read_lines(tmp_path / "households.jsonl") if r["household"] == "EMPTY")
    assert (row["kwh"], row["night_share"], row["peak_share"]) == (0.0, None, None)
    cells = next(r for r in read_csv(tmp_path / "households.csv") if r["household"] == "EMPTY")
    assert (cells["kwh"], cells["night_share"], cells["peak_share"]) == ("0.0", "", "")


def test_a_spreadsheet_runs_nothing_and_numbers_stay_numbers(out, tmp_path):
    FleetService().export(out, str(tmp_path), "csv", tables=("households", "dropped"))

    names = {row["household"] for row in read_csv(tmp_path / "households.csv")}
    assert {f"'{FORMULA}", "'@SUM(1)", "'+1+1", "-2", "plain"} <= names
    below = next(r for r in read_csv(tmp_path / "dropped.csv") if r["household"] == "BELOW")
    assert float(below["value"]) == -5.0
    FleetService().export(out, str(tmp_path), "jsonl", tables=("households",))
    literal = {row["household"] for row in read_lines(tmp_path / "households.jsonl")}
    assert set(NAMES) <= literal


def test_a_file_of_before_stays_when_the_new_one_cannot_be_written(out, tmp_path):
    (tmp_path / "days.csv").mkdir()

    with pytest.raises(StoreError, match=r"days\.csv: It cannot be written"):
        FleetService().export(out, str(tmp_path), "csv", tables=("days",))

    assert [p.name for p in tmp_path.iterdir()] == ["days.csv"]


def test_a_result_that_is_damaged_is_named_and_nothing_is_written(out, tmp_path):
    copy = Path(shutil.copytree(out, tmp_path / "run"))
    (copy / "trends.parquet").write_bytes(b"no parquet")
    [days] = (copy / "days").glob("*.parquet")
    days.write_bytes(days.read_bytes()[:-50])

    with pytest.raises(StoreError, match=r"days: This result cannot be read.*part-0000\.parquet"):
        FleetService().export(copy, str(tmp_path / "ex"), "csv")
    with pytest.raises(StoreError, match=r"trends\.parquet: This result cannot be read"):
        FleetService().export(copy, str(tmp_path / "ex"), "csv", tables=("week", "trends"))

    assert files_below(tmp_path / "ex") == []


@pytest.mark.parametrize(
    "lost",
    ["days/part-0000.parquet", "households.parquet", "dropped/ingest-0.parquet", "anomalies"],
)
def test_a_run_with_a_part_missing_is_not_exported(out, tmp_path, lost):
    copy = Path(shutil.copytree(out, tmp_path / "run"))
    remove(copy / lost)

    said = exported(copy, "csv", tmp_path / "ex")
    whole = exported(copy, "csv", tmp_path / "ex", "--table", "week")

    assert said.exit_code == 3
    assert f"Missing among these results: {lost}" in said.stderr
    assert "--replace" in said.stderr
    assert whole.exit_code == 0  # of this one nothing is missing
    assert files_below(tmp_path / "ex") == ["week.csv"]


@pytest.mark.parametrize("tables", [(), ("--table", "days")])
def test_a_run_that_is_not_finished_is_not_exported(out, tmp_path, database, tables):
    copy = Path(shutil.copytree(out, tmp_path / "run"))
    state = json.loads((copy / "fleet.json").read_text())
    del state["finished"]
    (copy / "fleet.json").write_text(json.dumps(state))

    said = exported(copy, "csv", tmp_path / "ex", *tables)
    in_base = exported(copy, "postgresql", database, *tables)

    for one in (said, in_base):
        assert one.exit_code == 3
        assert "This run is not finished." in one.stderr
        assert "it goes on where it stopped" in one.stderr
    assert files_below(tmp_path / "ex") == []
    assert tables_of(database) == set()


def test_results_that_are_replaced_meanwhile_are_not_exported(out, tmp_path, database):
    copy = Path(shutil.copytree(out, tmp_path / "run"))

    def replaced(_fraction, doing):
        if "trends" in doing:
            state = json.loads((copy / "fleet.json").read_text())
            state["seconds"]["ingest"] += 1.0
            (copy / "fleet.json").write_text(json.dumps(state))

    for target, kind in ((str(tmp_path / "ex"), "csv"), (database, "postgresql")):
        with pytest.raises(DataFileError, match="were replaced while they were read"):
            FleetService().export(
                copy, target, kind, tables=("households", "trends"), progress=replaced
            )

    assert files_below(tmp_path / "ex") == []
    assert tables_of(database) == set()


def test_one_file_that_cannot_be_put_in_place_leaves_all_as_they_were(out, tmp_path, monkeypatch):
    for name in ("households.csv", "trends.csv"):
        (tmp_path / name).write_text("of before")
    replace = Path.replace

    def held(self, target):
        if self.name == ".trends.csv.part":
            raise PermissionError(errno.EACCES, "Permission denied")
        return replace(self, target)

    with monkeypatch.context() as patched, pytest.raises(StoreError, match=r"trends\.csv"):
        patched.setattr(Path, "replace", held)
        FleetService().export(out, str(tmp_path), "csv", tables=("week", "households", "trends"))

    assert files_below(tmp_path) == ["households.csv", "trends.csv"]
    assert {p.read_text() for p in tmp_path.iterdir()} == {"of before"}


def test_what_a_run_has_not_takes_the_place_of_what_the_one_before_had(
    out, young, tmp_path, database
):
    FleetService().export(out, str(tmp_path), "csv")
    FleetService().export(out, str(tmp_path), "jsonl")
    FleetService().export(out, database, "postgresql")
    before = [column for column, *_ in asked(database, COLUMNS)]
    heads = {name: header(tmp_path / f"{name}.csv") for name in NOT_OF_YOUNG}

    done = FleetService().export(young, str(tmp_path), "csv")
    FleetService().export(young, str(tmp_path), "jsonl")
    FleetService().export(young, database, "postgresql")

    for name in NOT_OF_YOUNG:
        assert header(tmp_path / f"{name}.csv") == heads[name]
        assert read_csv(tmp_path / f"{name}.csv") == []
        assert read_lines(tmp_path / f"{name}.jsonl") == []
        assert asked(database, f"SELECT count(*) FROM fleet_{name}") == [(0,)]
    assert [column for column, *_ in asked(database, COLUMNS)] == before
    why = {one.table: one.note for one in done.tables}
    assert "too few to learn from" in why["lightgbm"]
    assert why["dropped"] == why["households"] == ""


def test_tables_of_an_earlier_export_are_named(out, tmp_path, database):
    exported(out, "csv", tmp_path)
    exported(out, "postgresql", database)

    of_files = exported(out, "csv", tmp_path, "--table", "households", "--json")
    of_tables = exported(out, "postgresql", database, *(
        word for name in ("week", "days", "trends", "dropped", "hybrid", "lightgbm", "regression",
                          "anomalies") for word in ("--table", name)))  # fmt: skip
    alone = exported(out, "csv", tmp_path / "new", "--table", "households", "--json")

    [note] = json.loads(of_files.stdout)["notes"]
    assert "days.csv, week.csv" in note
    assert "of an earlier export" in note
    assert "households" not in note
    assert "fleet_households there is of an earlier export; it stays" in of_tables.stdout
    assert json.loads(alone.stdout)["notes"] == []


def test_segments_leave_with_their_words(out, tmp_path):
    FleetService().export(out, str(tmp_path), "csv", tables=("households",))

    words = {one.segment: one.words for one in FleetService().segments(out).rows}
    rows = read_csv(tmp_path / "households.csv")
    assert {row["segment"] for row in rows} > {"0", "1"}
    for row in rows:
        assert row["segment_words"] == words.get(int(row["segment"]), "")


def test_rows_left_out_leave_in_one_order_however_they_are_stored(out, tmp_path):
    copy = Path(shutil.copytree(out, tmp_path / "run"))
    [part] = (copy / "dropped").glob("daily-*.parquet")
    stored = pq.read_table(part)
    assert stored.num_rows > 2
    pq.write_table(stored.take(list(range(stored.num_rows))[::-1]), part)

    for run, name in ((out, "a"), (copy, "b")):
        FleetService().export(run, str(tmp_path / name), "jsonl", tables=("dropped",))

    assert read_lines(tmp_path / "a" / "dropped.jsonl") == read_lines(
        tmp_path / "b" / "dropped.jsonl")  # fmt: skip
    assert FleetService().dropped(out).rows == FleetService().dropped(copy).rows


def test_a_target_that_the_format_does_not_go_into_is_said(out, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")

    into_results = exported(out, "csv", out / "exports")
    into_a_file = exported(out, "csv", tmp_path / "notes.txt")
    no_address = exported(out, "postgresql", tmp_path)

    assert [one.exit_code for one in (into_results, into_a_file, no_address)] == [2, 2, 2]
    assert "folder of the results, where only runs write" in into_results.stderr
    assert not (out / "exports").exists()
    assert "This is a file" in into_a_file.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert "postgresql://user@host/base" in no_address.stderr


def test_the_address_of_a_database_is_no_folder(out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(WrongUse, match="Say --format postgresql"):
        FleetService().export(out, "postgresql://user:word@127.0.0.1/x", "csv")

    assert not list(tmp_path.iterdir())


def test_tables_have_types_keys_and_indexes(out, database):
    FleetService().export(out, database, "postgresql")

    types = dict(asked(database,
        "SELECT table_name || '.' || column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'public'"))  # fmt: skip
    assert types["fleet_days.day"] == types["fleet_households.first_day"] == "date"
    assert types["fleet_anomalies.start_utc"] == "timestamp with time zone"
    assert types["fleet_days.energy_wh"] == "double precision"
    assert types["fleet_households.bill_a"] == "numeric"
    indexes = {row[0].split("USING btree ")[1] + " " + row[1] for row in asked(
        database, "SELECT indexdef, tablename FROM pg_indexes WHERE schemaname = 'public' "
        "AND indexdef LIKE 'CREATE UNIQUE%'")}  # fmt: skip
    assert indexes == {
        "(household) fleet_households", "(household, day) fleet_days",
        "(household, slot) fleet_week", "(household, day) fleet_lightgbm",
        "(household, day) fleet_regression", "(day) fleet_trends",
    }  # fmt: skip
    (plain,) = asked(database, "SELECT d.day, d.energy_wh, h.currency, h.bill_a FROM fleet_days d "
                     "JOIN fleet_households h USING (household) WHERE household = 'plain' "
                     "ORDER BY day LIMIT 1")  # fmt: skip
    assert plain[:3] == (date(2013, 1, 1), pytest.approx(6210.0), "EUR")
    assert isinstance(plain[3], Decimal)
    (empty,) = asked(database, "SELECT count(*), count(night_share), count(*) FILTER "
                     "(WHERE night_share = 'NaN') FROM fleet_households "
                     "WHERE household = 'EMPTY'")  # fmt: skip
    assert empty == (1, 0, 0)


def test_all_tables_are_written_or_none(out, database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE fleet_households (note text)")
        connection.execute("INSERT INTO fleet_households VALUES ('of before')")
        connection.execute("CREATE TABLE fleet_trends (note text)")
        connection.execute("CREATE VIEW looks AS SELECT * FROM fleet_trends")

    with pytest.raises(StoreError, match="Drop the views that stand on these tables"):
        FleetService().export(out, database, "postgresql", tables=("households", "trends"))

    assert asked(database, "SELECT note FROM fleet_households") == [("of before",)]
    tables = asked(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    assert tables == [(2,)]


def test_a_cancelled_export_leaves_the_database_as_it_was(out, database):
    def cancel(fraction, doing):
        if "trends" in doing:
            raise JobCancelled(where="Fleet export", what="cancelled", remedy="")

    with pytest.raises(JobCancelled):
        FleetService().export(
            out, database, "postgresql", tables=("households", "trends"), progress=cancel
        )

    assert asked(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_what_postgresql_cannot_hold_is_replaced_and_told(out, database):
    said = CliRunner().invoke(
        app, ["fleet", "export", str(out), "--format", "postgresql", "--to", database]
    )

    assert said.exit_code == 0, said.stderr
    told = [line for line in said.stdout.splitlines() if "NUL" in line]
    assert told
    assert all("in a text, which PostgreSQL cannot hold: \u2400 stands" in line for line in told)
    texts = asked(database, "SELECT to_jsonb(t)::text FROM fleet_dropped t UNION ALL "
                  "SELECT to_jsonb(h)::text FROM fleet_households h")  # fmt: skip
    assert any("N\u2400L" in text for (text,) in texts)


def test_who_may_not_make_tables_is_told_what_to_do(out, database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
    url = database.replace("tester@", "reader@")
    if url == database:
        pytest.skip("the server is not the tests' own: its users are unknown")

    with pytest.raises(StoreError, match="GRANT USAGE, CREATE ON SCHEMA"):
        FleetService().export(out, url, "postgresql", tables=("trends",))

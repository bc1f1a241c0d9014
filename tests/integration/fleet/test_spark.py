"""DuckDB and a real Spark, from the same files: counts and flags to the bit, floats to 1e-9."""

import gzip
import math
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.fleet import FleetOptions
from energy_desktop.fleet import memory
from energy_desktop.fleet.workplace import STAGES, stored
from tests.support.fleet_files import (
    LONDON,
    RESULT_KEYS,
    STRANGE_NAMES,
    a_fleet,
    a_run,
    assert_same_rows,
    broken_files,
    duckdb_engine,
    london_rows,
    no_file_beyond,
    rows_by_name,
    used,
    write_csv,
)

# Starting Spark and compiling its first queries takes a minute where others compute beside it.
pytestmark = pytest.mark.timeout(400)

_SMALL = {
    # For some thousand rows, compiling a query takes longer than running it.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    if shutil.which("java") is None:
        pytest.skip("no Java on this machine: Spark cannot be started")
    pytest.importorskip("pyspark", reason="the extra fleet-spark is not installed")
    from energy_desktop.fleet.spark import SparkEngine

    engine = SparkEngine(
        tmp_path_factory.mktemp("spark"), master="local[2]", memory_mb=1000, settings=_SMALL
    )
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="module")
def both(tmp_path_factory, spark):
    """The same run on both engines. A file with every fault is among the files."""
    folder = tmp_path_factory.mktemp("fleet")
    a_fleet(folder / "in", households=8, days=70)
    write_csv(
        folder / "in" / "faults.csv",
        "household;time;kWh;tariff",
        [
            *(f"h1;{day:02d}.03.2013 {hour:02d}:00;{hour // 10},{hour % 10};ToU"
              for day in range(1, 29) for hour in range(24)),
            "h1;01.03.2013 00:00;0,0;ToU",  # a repeat
            "h1;01.03.2013 05:00;9,9;ToU",  # another value for a time
            "h1;01.03.2013 05:00",
            "h1;01.03.2013 05:00;1;ToU;more",
            "h1;29.03.2013 00:13;1;ToU",
            "h1;29.03.2013 00:00;Null;ToU",
            "h1;29.03.2013 01:00;1d;ToU",
            "h1;29.03.2013 02:00;-1;ToU",
            "h1;32.03.2013 02:00;1;ToU",
            ";29.03.2013 02:00;1;ToU",
        ],
    )  # fmt: skip
    _write_slips(folder / "in")
    _write_line_ends(folder / "in")
    for k, name in enumerate(STRANGE_NAMES):
        rows = london_rows(f"M{k}", [0.1] * (k + 1), start=datetime(2013, 3, 1, tzinfo=UTC))
        write_csv(folder / "in" / name, LONDON, rows)
    day = [f"0.{k:03d}" for k in range(48)]
    write_csv(
        folder / "in" / "wide.csv",
        ",".join(["LCLid", "day", *(f"hh_{k}" for k in range(48))]),
        [
            *(",".join(["WIDE", f"2013-03-{n:02d}", *day[:47], f"0.{n}"]) for n in range(1, 29)),
            ",".join(["WIDE", "2013-03-29", *day[:30], *["", "Null", "-1"], *day[33:]]),
            ",".join(["WIDE", "2013-03-30", *day[:40]]),
            ",".join(["WIDE", "2013-03-31", *day, "0.1"]),
            ",".join(["WIDE", "2013-02-30", *day]),
        ],
    )
    values = [0.1 + 0.001 * (k % 17) for k in range(60_000)]
    rows = london_rows("CUT", values, start=datetime(2010, 1, 1, tzinfo=UTC))
    packed = gzip.compress("\n".join([LONDON, *rows]).encode())
    (folder / "in" / "torn.csv.gz").write_bytes(packed[: len(packed) - 20_000])
    hours = [f"H{n // 24 % 2},2013-03-{1 + n // 24:02d}T{n % 24:02d}" for n in range(96)]
    write_csv(folder / "in" / "half_off.csv", "household,time,kwh", [
        *(f"{hour}:30Z,0.5" for hour in hours[:12]),
        *(f"{hour}:30:00Z,0.5" for hour in hours[12:24]),
        *(f"{hour}:00+05:30,0.5" for hour in hours[24:36]),
        *(f"{hour}:00:00+0530,0.5" for hour in hours[36:48]),
        *(f"{hour}:00:00,0.5" for hour in hours[48:72]),
        *(f"{hour}:15:00Z,0.5" for hour in hours[72:]),
    ])  # fmt: skip
    write_csv(folder / "in" / "quarters.csv", "household,time,kwh", [
        f"H0,2013-03-01T{n // 4:02d}:{15 * (n % 4):02d}:00Z,0.1" for n in range(96)
    ])  # fmt: skip
    ends = ("22:00", "23:00", "24:00", "24:30", "23:59:60", "24:00:00")
    nights = [f"N,2013-03-01 {time},0.1" for time in ends]
    write_csv(folder / "in" / "midnight.csv", "household,time,kwh", nights)
    digits = [f"D,Std,2013-03-01 00:00:00.0000000, {one}.123 " for one in "1\u0661\uff11"]
    write_csv(folder / "in" / "digits.csv", LONDON, digits)
    options = FleetOptions(zone="Asia/Kolkata")
    with duckdb_engine(folder / "scratch") as engine:
        ours = a_run(folder / "in", folder / "o[u]*" / "{duckdb,x}?", engine, options)
        ours.run()
    theirs = a_run(folder / "in", folder / "o[u]*" / "{spark,x}?", spark, options)
    theirs.run()
    print(theirs.manifest.seconds)
    return ours, theirs


def _write_slips(folder):
    """A file in quotation marks with marks too many or too few, and one that is not UTF-8 where
    its head has been left behind.
    """
    times = [
        f"2013-03-{1 + n // 48:02d} {n // 2 % 24:02d}:{n % 2 * 30:02d},0.{n:03d}"
        for n in range(480)
    ]
    rows = [
        ",".join(['"q, ""1"""', *(f'"{field}"' for field in time.split(","))]) for time in times
    ]
    rows[100] = rows[100].replace('"q', "q", 1)
    rows[200] = rows[200].replace('"q', '""q', 1)
    rows[300] = 'q,2013-03-20 00:00,"0.5'
    rows[301] = "q,2013-03-20 00:30,0.5"
    rows[302] = '"q","2013-03-20\x1f01:00",0.5'
    rows[303] = "  "
    write_csv(folder / "marks.csv", '"household","time","kwh"', rows)
    padded = [f"u,{time},{'x' * 300}" for time in times]
    late = write_csv(folder / "not_utf8.csv", "household,time,kwh,note", padded)
    with late.open("ab") as file:
        file.write(b"Zo\xeb,2013-03-20 00:00,0.5,\n")
        file.write(b"u,2013-03-20 00:0\xff,0.5,\n")
        file.write(b"u,2013-03-20 00:30,0.5\xff,\n")
        file.write(b"u,2013-03-20 01:00,0.5,\xff\n")  # where nobody reads it
        file.write("Zo\u00eb\ufffd,2013-03-20 00:00,0.5,\n".encode())
        file.write(b"\0u,2013-03-20 02:00,0.5,\n")


def _write_line_ends(folder):
    """Files whose lines end in each of the three ways, in two of them, and one with a blank line
    above its header: engines left to themselves count the last two differently.
    """
    rows = [f"e,2013-03-{1 + n // 24:02d} {n % 24:02d}:00,0.5" for n in range(48)]
    header = "household,time,kwh"
    for name, end in (("lf", "\n"), ("cr", "\r"), ("crlf", "\r\n")):
        write_csv(folder / f"{name}.csv", header, [name + row for row in rows], end=end)
    write_csv(folder / "lone_cr.csv", header, [*rows[:10], rows[10] + "\r" + rows[11], *rows[12:]])
    write_csv(folder / "blank.csv", "\n" + header, rows)


def _counts_by_name(run):
    counted = {}
    for chunk in run.manifest.done("ingest").values():
        counted |= {run.manifest.about["files"][int(k)]: n for k, n in chunk["files"].items()}
    return {path.rsplit("/", 1)[1]: counts for path, counts in counted.items()}


def test_lines_may_end_in_any_one_way_and_what_is_not_plain_is_left_out_by_name(both):
    for run in both:
        by_name = _counts_by_name(run)
        for name in ("lf.csv", "cr.csv", "crlf.csv"):
            assert by_name[name] == {"used": 48, "dropped": {}}
        refused = {path.rsplit("/", 1)[1]: why for path, why in run.manifest.facts["unknown_files"]}
        assert "lines end in different ways (CR and LF)" in refused["lone_cr.csv"]
        assert "a blank line stands above its header" in refused["blank.csv"]
        assert not {"lone_cr.csv", "blank.csv"} & set(by_name)


def test_an_hour_may_begin_by_a_clock_that_stands_half_an_hour_off(both):
    for run in both:
        counts = _counts_by_name(run)["half_off.csv"]

        assert counts == {"used": 72, "dropped": {"off_grid": 24}}


def test_of_two_steps_the_finer_is_taken_and_a_name_that_is_no_text_is_left_out(both):
    for run in both:
        names = [path.rsplit("/", 1)[1] for path in run.manifest.about["files"]]
        (dropped,) = [part["dropped"] for part in run.manifest.done("daily").values()]
        by_name = {names[int(k)]: reasons for k, reasons in dropped.items()}

        # Hours of H0 from 00:30 UTC on, of which its quarters cover all but the last half.
        assert by_name["half_off.csv"] == {"other_step": 24}
        assert by_name["not_utf8.csv"] == {"wrong_columns": 1}  # NUL in the name of its household


def test_a_day_ends_at_its_hour_24_and_digits_are_those_of_this_script(both):
    for run in both:
        by_name = _counts_by_name(run)

        assert by_name["midnight.csv"] == {"used": 4, "dropped": {"bad_time": 2}}
        assert by_name["digits.csv"] == {"used": 1, "dropped": {"not_a_number": 2}}


def test_a_name_is_never_a_pattern(both):
    for run in both:
        by_name = rows_by_name(run, Path(run.manifest.about["folder"]))
        for k, name in enumerate(STRANGE_NAMES):
            assert by_name[name] == {"used": k + 1, "dropped": {}}
        households = set(stored([run.out / "clean"])["household"].to_pylist())
        assert {f"M{k}" for k in range(len(STRANGE_NAMES))} <= households


def test_a_slip_costs_its_own_row_and_no_other(both):
    for run in both:
        by_name = _counts_by_name(run)

        assert by_name["marks.csv"] == {"used": 475, "dropped": {"wrong_columns": 4}}
        assert by_name["not_utf8.csv"] == {"used": 483, "dropped": {"wrong_columns": 3}}


def test_every_count_is_the_same(both):
    ours, theirs = both

    for run in both:
        (torn,) = [file for one in run.manifest.done("ingest").values() for file in one["broken"]]
        assert torn[0].endswith("torn.csv.gz")
        assert "end of" in torn[1]  # each engine in its own words
    read = [
        [(chunk, one["files"]) for chunk, one in run.manifest.done("ingest").items()]
        for run in both
    ]
    assert read[0] == read[1]
    for stage in ("daily", "tariffs", "anomalies"):
        assert ours.manifest.done(stage) == theirs.manifest.done(stage), stage
    dropped = _counts_by_name(ours)["faults.csv"]["dropped"]
    assert set(dropped) == {
        "wrong_columns", "off_grid", "null", "not_a_number", "out_of_range", "bad_time",
        "no_household",
    }  # fmt: skip


@pytest.mark.parametrize("result", list(RESULT_KEYS))
def test_every_row_is_the_same(both, result):
    ours, theirs = both

    assert stored([ours.out / result]).num_rows > 0 or result == "hybrid"
    assert_same_rows(ours.out, theirs.out, result)


def test_the_rows_left_out_are_the_same_ones(both):
    ours, theirs = (
        sorted(
            # Where columns are missing, only Spark tries to say whose row it is.
            (row["file"], row["reason"], "" if row["text"] else row["household"] or "")
            for row in stored([run.out / "dropped"]).to_pylist()
        )
        for run in both
    )

    assert ours == theirs
    # Of the readings in rows, of those in a row a day, of the slips, of hours
    # off the grid, of hours beside quarter hours, of times and values that are none, a repeat.
    assert len(ours) == 11 + 53 + 8 + 24 + 24 + 4 + 1


def test_scores_and_segments_are_the_same(both):
    ours, theirs = both

    for stage in ("regression", "lightgbm"):
        a = ours.manifest.done(stage)["all"]["scores"]
        b = theirs.manifest.done(stage)["all"]["scores"]
        for name, scores in a.items():
            for key, value in scores.items():
                assert math.isclose(value, b[name][key], rel_tol=1e-9), (stage, name, key)
    a, b = (run.manifest.done("segments")["all"] for run in both)
    assert a["labels"] == b["labels"]
    assert set(STAGES) == set(ours.manifest.seconds)


def test_a_full_disk_is_no_broken_file_for_spark_either(tmp_path, spark):
    values = np.round(np.random.default_rng(1).gamma(2.0, 0.1, 60_000), 3).tolist()
    rows = london_rows("LARGE", values, start=datetime(2010, 1, 1, tzinfo=UTC))
    write_csv(tmp_path / "in" / "large.csv", LONDON, rows)
    run = a_run(tmp_path / "in", tmp_path / "out", spark)

    virtual_machine = spark.session.sparkContext._gateway.proc.pid
    with no_file_beyond(50_000, virtual_machine), pytest.raises(UserFacingError) as full:
        run.stage("ingest")
    assert run.manifest.done("ingest") == {}
    run.stage("ingest")

    assert "The disk is full" in full.value.what
    assert (used(run), broken_files(run)) == (60_000, [])


def test_the_memory_of_the_virtual_machine_is_counted(both, spark):
    assert both
    if memory.peak_of_mb(os.getpid()) == 0.0:
        pytest.skip("this system does not show what other processes hold")
    assert spark.memory_mb() > memory.peak_mb() + 200

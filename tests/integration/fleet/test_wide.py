"""Files with a row a day: each column of a step is a reading, and is used or counted as one."""

import gzip
import itertools
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FileColumns, FleetOptions
from energy_desktop.fleet import layout
from energy_desktop.fleet.workplace import stored
from tests.support.fleet_files import (
    LONDON,
    a_run,
    cleaned,
    dropped_counts,
    duckdb_engine,
    london_rows,
    used,
    write_csv,
)

HH = [f"hh_{k}" for k in range(48)]
BLOCK = ",".join(["LCLid", "day", *HH])
START = datetime(2013, 3, 1, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path):
    with duckdb_engine(tmp_path / "scratch") as one:
        yield one


def _readings(run):
    table = stored([run.out / "clean"]).select(["household", "t_min", "mwh", "step_min"])
    return sorted(tuple(row.values()) for row in table.to_pylist())


def _block_rows(household, values, first=1):
    days = np.array(values).reshape(-1, 48)
    return [
        ",".join([household, f"2013-03-{first + d:02d}", *(f"{v:g}" for v in day)])
        for d, day in enumerate(days)
    ]


def test_a_row_a_day_gives_the_readings_of_a_row_a_reading(tmp_path, engine):
    values = {
        name: np.round(np.random.default_rng(k).gamma(2.0, 0.1, 48 * 3), 3).tolist()
        for k, name in enumerate(("MAC000002", "MAC000005"))
    }
    wide = [row for name, of in values.items() for row in _block_rows(name, of)]
    long = [row for name, of in values.items() for row in london_rows(name, of, start=START)]
    write_csv(tmp_path / "wide" / "block_0.csv", BLOCK, wide)
    write_csv(tmp_path / "long" / "a.csv", LONDON, long)

    one = cleaned(a_run(tmp_path / "wide", tmp_path / "a", engine))
    other = cleaned(a_run(tmp_path / "long", tmp_path / "b", engine))

    assert _readings(one) == _readings(other)
    assert len(_readings(one)) == used(one) == 2 * 3 * 48
    assert dropped_counts(one) == {}


def test_a_step_that_is_no_reading_is_counted_and_listed_with_its_time(tmp_path, engine):
    day = ["0.1"] * 48
    day[3], day[7], day[9] = "", "Null", "-1"
    rows = [
        ",".join(["MAC1", "2013-03-01", *day]),
        ",".join(["MAC1", "2013-03-02", *day[:40]]),  # cut: a row of too few columns
        ",".join(["MAC1", "2013-03-01", *["", *["0.1"] * 47]]),  # the first day again
        ",".join(["MAC1", "2013-02-30", *["0.1"] * 48]),
    ]
    packed = gzip.compress("\r\n".join([BLOCK, *rows, ""]).encode())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "block_0.csv.gz").write_bytes(packed)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert dropped_counts(run) == {
        "null": 3,
        "out_of_range": 1,
        "wrong_columns": 1,
        "bad_time": 48,
        "duplicate": 44,
    }
    assert len(_readings(run)) == 48
    listed = stored([run.out / "dropped"]).to_pylist()
    assert {row["time"][:16] for row in listed if row["reason"] == "null"} == {
        "2013-03-01 00:00",
        "2013-03-01 01:30",
        "2013-03-01 03:30",
    }
    assert [row["line"] for row in listed if row["reason"] == "wrong_columns"] == [3]


@pytest.mark.parametrize(
    ("columns", "step_min", "first_start"),
    [
        ([f"h{k}" for k in range(1, 25)], 60, 0),
        ([f"kWh_{k}" for k in range(96)], 15, 0),
        ([f"{m // 60:02d}:{m % 60:02d}" for m in range(0, 1440, 30)], 30, 0),
        ([f"{m // 60:02d}:{m % 60:02d}" for m in range(30, 1441, 30)], 30, 0),
        ([*(f"{m // 60}:{m % 60:02d}" for m in range(30, 1440, 30)), "0:00"], 30, 0),
    ],
)
def test_columns_are_counted_through_the_day_or_named_by_the_clock(
    tmp_path, engine, columns, step_min, first_start
):
    n = len(columns)
    header = ";".join(["meter", "date", *columns])
    row = ";".join(["m1", "31.03.2013", *(f"{k},5" for k in range(n))])
    write_csv(tmp_path / "in" / "a.csv", header, [row])
    options = FleetOptions(columns=FileColumns(unit="Wh"))

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine, options))

    day = int(datetime(2013, 3, 31, tzinfo=UTC).timestamp()) // 60
    assert _readings(run) == [
        ("m1", day + first_start + step_min * k, 1000 * k + 500, step_min) for k in range(n)
    ]


def test_on_a_local_clock_the_hour_that_is_not_there_is_never_a_reading(tmp_path, engine):
    values = ["1"] * 48
    values[4] = values[5] = ""  # 02:00 to 03:00 of the spring change
    write_csv(
        tmp_path / "in" / "a.csv",
        ",".join(["meter", "day", *HH]),
        [",".join(["m1", "2013-03-31", *values]), ",".join(["m2", "2013-03-31", *["1"] * 48])],
    )
    options = FleetOptions(zone="Europe/Berlin", columns=FileColumns(unit="kWh"))

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine, options))

    found = _readings(run)
    starts = [t for name, t, *_ in found if name == "m1"]
    assert len(starts) == 46
    assert all(b - a == 30 for a, b in itertools.pairwise(starts))
    assert dropped_counts(run) == {"null": 2, "bad_time": 2}


@pytest.mark.parametrize(
    ("header", "row", "asked", "said"),
    [
        (["meter", "day", *HH], ["m", "2013-03-01", *["1"] * 48], FileColumns(), "--unit"),
        (["meter", *HH], ["m", *["1"] * 48], FileColumns(unit="kWh"), "known as its time"),
        (BLOCK.split(","), ["m", "2013-03-01 00:00", *["1"] * 48], FileColumns(), "is no day"),
        (BLOCK.split(","), ["m", "2013-03-01", *["1"] * 48], FileColumns(step_min=60),
         "48 columns of a day are 30 min each"),
        (["meter", "day", *HH[:47]], ["m", "2013-03-01", *["1"] * 47], FileColumns(unit="kWh"),
         "known as its time"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_in_words(tmp_path, header, row, asked, said):
    file = write_csv(tmp_path / "a.csv", ",".join(header), [",".join(row)])

    with pytest.raises(DataFileError, match=said):
        layout.recognise(file, asked)


@given(st.sampled_from([24, 48, 96]), st.sampled_from(["h", "hh_", "v"]), st.integers(0, 1))
def test_the_steps_of_a_day_follow_each_other_without_a_gap(count, prefix, first):
    names = ["meter", "day", *(f"{prefix}{k}" for k in range(first, first + count))]

    cells = layout.cells_of(names)

    assert list(cells) == list(range(2, 2 + count))
    assert list(cells.values()) == list(range(0, 1440, 1440 // count))


def test_a_row_a_day_counts_as_many_readings_as_it_holds(tmp_path):
    wide = write_csv(tmp_path / "a.csv", BLOCK, _block_rows("MAC1", [0.123] * 48 * 20))
    long = write_csv(tmp_path / "b.csv", LONDON, london_rows("MAC1", [0.123] * 960, start=START))

    about = [layout.unpacked_bytes(f, layout.recognise(f, FileColumns())) for f in (wide, long)]

    assert 0.7 < about[0] / about[1] < 1.4

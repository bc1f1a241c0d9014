"""What becomes of the rows of a file: each is a reading, or is counted with its reason."""

import gzip
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy_desktop.analytics.anomaly.profile import find_anomalies
from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import FileColumns, FleetOptions
from energy_desktop.fleet import anomalies, days, readings
from energy_desktop.fleet.head import rows_about
from energy_desktop.fleet.layout import SourceFile, recognise
from energy_desktop.fleet.results import FleetResults
from energy_desktop.fleet.workplace import stored
from tests.support.fleet_files import (
    LONDON,
    STRANGE_NAMES,
    a_run,
    cleaned,
    dropped_counts,
    duckdb_engine,
    london_rows,
    rows_by_name,
    used,
    write_csv,
)
from tests.support.shared_data import shared_data

MIDNIGHT = datetime(2013, 3, 1, tzinfo=UTC)
_ROW = "a,2020-01-01 02:00,1\n"
_HOURS = "id,time,kwh\na,2020-01-01 00:00,1\na,2020-01-01 01:00,1\n"


@pytest.fixture
def engine(tmp_path):
    with duckdb_engine(tmp_path / "scratch") as one:
        yield one


def _readings(run):
    table = stored([run.out / "clean"])
    return table.sort_by([("household", "ascending"), ("t_min", "ascending")]).to_pylist()


def _days(run):
    return stored([run.out / "days"]).to_pylist()


def test_the_original_file_gives_the_counts_of_its_description(tmp_path, engine):
    source = shared_data("london-halfhourly/MAC000002_original_columns_reconstructed.csv.gz")

    run = cleaned(a_run(source, tmp_path / "out", engine))

    assert used(run) + 1 == 24_158
    assert dropped_counts(run) == {"null": 1, "duplicate": 17}
    readings = _readings(run)
    assert len(readings) == 24_140
    first, last = readings[0]["t_min"], readings[-1]["t_min"]
    # The README counts 51 missing half hours: it takes the row with Null for one that is there.
    assert (last - first) // 30 + 1 - len(readings) == 52
    assert sum(row["mwh"] == 0 for row in readings[:21]) == 21


def test_fifty_households_keep_every_row(tmp_path, engine):
    folder = shared_data("london-halfhourly")
    (tmp_path / "in").mkdir()
    for file in folder.glob("MAC??????.csv.gz"):
        (tmp_path / "in" / file.name).symlink_to(file)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    rows = dict.fromkeys(("MAC000016", "MAC000004", "MAC000002"), 0)
    for row in stored([run.out / "clean"]).group_by("household").aggregate(
        [("t_min", "count")]
    ).to_pylist():  # fmt: skip
        rows[row["household"]] = row["t_min_count"]
    assert len(rows) == 50
    assert rows["MAC000016"] == 721
    assert rows["MAC000004"] == 17_519
    assert dropped_counts(run) == {}
    assert used(run) == sum(rows.values())


def test_each_row_that_is_not_used_is_counted_by_reason_and_listed(tmp_path, engine):
    good = london_rows("MAC1", [0.1, 0.2, 0.3, 0.4], start=MIDNIGHT)
    bad = [
        "MAC1,Std,2013-03-01 02:00:00.0000000",
        "MAC1,Std,2013-03-01 02:00:00.0000000, 0.1 ,more",
        ",Std,2013-03-01 02:30:00.0000000, 0.1 ",
        "MAC1,Std,2013-03-01 12:37:27.0000000,Null",
        "MAC1,Std,2013-03-01 03:00:00.0000000, 0.5d ",
        "MAC1,Std,2013-02-30 03:30:00.0000000, 0.1 ",
        "MAC1,Std,2013-03-01 04:10:00.0000000, 0.1 ",
        "MAC1,Std,2013-03-01 04:30:00.5000000, 0.1 ",
        "MAC1,Std,2013-03-01 05:00:00.0000000, -0.1 ",
        "MAC1,Std,2013-03-01 05:30:00.0000000, 1000000 ",
    ]
    repeat = london_rows("MAC1", [0.1], start=MIDNIGHT)
    other_value = london_rows("MAC1", [0.9], start=MIDNIGHT + timedelta(minutes=30))
    write_csv(tmp_path / "in" / "a.csv", LONDON, good + bad + repeat + other_value, end="\r\n")

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert dropped_counts(run) == {
        "wrong_columns": 2,
        "no_household": 1,
        "null": 1,
        "not_a_number": 1,
        "bad_time": 1,
        "off_grid": 2,
        "out_of_range": 2,
        "duplicate": 1,
        "conflict": 2,
    }
    assert [(row["t_min"] % 1440, row["mwh"]) for row in _readings(run)] == [
        (0, 100_000),
        (60, 300_000),
        (90, 400_000),
    ]
    listed = stored([run.out / "dropped"]).to_pylist()
    assert {row["time"] for row in listed} >= {"2013-03-01 12:37:27.0000000"}
    assert {row["line"] for row in listed if row["reason"] == "wrong_columns"} == {6, 7}


def test_a_repeat_in_another_file_is_a_repeat(tmp_path, engine):
    rows = london_rows("MAC1", [0.1, 0.2], start=MIDNIGHT)
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)
    write_csv(tmp_path / "in" / "b.csv", "LCLid,tstp,energy(kWh/hh)", [
        "MAC1,2013-03-01 00:30:00.0000000, 0.2 "])  # fmt: skip

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert run.manifest.done("daily")["0"]["dropped"] == {"1": {"duplicate": 1}}
    assert len(_readings(run)) == 2


def test_a_repeat_is_listed_by_the_clock_of_its_file_with_its_offset(tmp_path, engine):
    repeats = {
        "london.csv": (LONDON, london_rows("L", [0.1], start=datetime(2013, 7, 1, tzinfo=UTC))),
        "local.csv": ("household,time,kWh", ["C,2013-07-01 00:30,0.1", "C,2013-01-01 00:30,0.1"]),
    }
    for name, (header, rows) in repeats.items():
        write_csv(tmp_path / "in" / name, header, [*rows, *rows])
    half_hours = FleetOptions(zone="Europe/London", columns=FileColumns(step_min=30))
    ends = replace(half_hours, columns=FileColumns(step_min=30, stamp_end=True))

    runs = [
        cleaned(a_run(tmp_path / "in", tmp_path / name, engine, options))
        for name, options in (("starts", half_hours), ("ends", ends))
    ]

    for run in runs:
        listed = stored([run.out / "dropped"]).to_pylist()
        assert {row["reason"] for row in listed} == {"duplicate"}
        assert sorted(row["time"] for row in listed) == [
            "2013-01-01 00:30+00:00",  # as it is written
            "2013-07-01 00:00+00:00",  # London writes UTC
            "2013-07-01 00:30+01:00",
        ]


def test_each_file_answers_for_its_own_rows(tmp_path, engine):
    rows = london_rows("MAC1", [0.1, 0.2], start=MIDNIGHT)
    write_csv(tmp_path / "in" / "a.csv", LONDON, [*rows, rows[0]])
    write_csv(tmp_path / "in" / "b.csv", LONDON, [rows[0], rows[0], rows[1].replace("0.2", "0.3")])

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert run.manifest.done("daily")["0"]["dropped"] == {
        "0": {"duplicate": 1, "conflict": 1},
        "1": {"duplicate": 2, "conflict": 1},
    }
    assert [row["mwh"] for row in _readings(run)] == [100_000]
    listed = stored([run.out / "dropped"]).to_pylist()
    assert Counter((row["file"], row["reason"]) for row in listed) == {
        (0, "duplicate"): 1,
        (0, "conflict"): 1,
        (1, "duplicate"): 2,
        (1, "conflict"): 1,
    }


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-3, 400), st.sampled_from([15, 30, 60])),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_day_is_crowded_exactly_when_a_quarter_hour_of_it_is_there_twice(engine, rows):
    told = [(f"H{house}", 15 * k // step * step, step) for house, k, step in rows]
    table = engine.small(
        "rows_seen",
        pa.table(
            {
                "household": [name for name, _, _ in told],
                "t_min": pa.array([minute for _, minute, _ in told], pa.int64()),
                "said": pa.nulls(len(rows), pa.string()),
                "step_min": pa.array([step for _, _, step in told], pa.int16()),
            }
        ),
    )

    found = engine.fetch(days.seen(table)).to_pylist()

    quarters = Counter((name, at) for name, start, step in told
                       for at in range(start, start + step, 15))  # fmt: skip
    crowded = {(name, minute // 1440) for (name, minute), n in quarters.items() if n > 1}
    assert {(row["household"], row["utc_day"]) for row in found if row["repeated"]} == crowded
    assert len(found) == len({(name, minute // 1440) for name, minute, _ in told})


def test_of_two_files_of_a_household_in_different_steps_the_finer_is_taken(tmp_path, engine):
    quarters = [f"h1,{MIDNIGHT + timedelta(minutes=15 * k):%Y-%m-%d %H:%M},0.1" for k in range(288)]
    halves = [f"h1,{MIDNIGHT + timedelta(minutes=30 * k):%Y-%m-%d %H:%M},0.2" for k in range(192)]
    write_csv(tmp_path / "in" / "a.csv", "id,time,kwh", halves)
    write_csv(tmp_path / "in" / "b.csv", "id,time,kwh", quarters)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    # Three days are there in both, the fourth in half hours alone.
    assert dropped_counts(run) == {"other_step": 144}
    assert Counter(row["step_min"] for row in _readings(run)) == {15: 288, 30: 48}
    assert {(row["covered_min"], row["mwh"]) for row in _days(run)} == {(1440, 9_600_000)}
    (listed,) = {(row["file"], row["reason"]) for row in
                 stored([run.out / "dropped"]).to_pylist()}  # fmt: skip
    assert listed == (0, "other_step")
    assert FleetResults(run.out).summary().rows_used == 288 + 48


def test_a_meter_may_change_its_step_in_the_midst_of_a_day(tmp_path, engine):
    hours = [f"h1,2013-03-01 {k:02d}:00,0.4" for k in range(13)]
    quarters = [f"h1,2013-03-01 {13 + k // 4}:{15 * (k % 4):02d},0.1" for k in range(44)]
    write_csv(tmp_path / "in" / "a.csv", "id,time,kwh", hours)
    write_csv(tmp_path / "in" / "b.csv", "id,time,kwh", quarters)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert dropped_counts(run) == {}
    ((covered, mwh),) = [(row["covered_min"], row["mwh"]) for row in _days(run)]
    assert (covered, mwh) == (1440, 13 * 400_000 + 44 * 100_000)


def test_hours_that_reach_into_each_other_contradict_each_other(tmp_path, engine):
    by_utc = [f"h1,2013-03-02T{k:02d}:00Z,0.5" for k in range(3)]
    by_clock = [f"h1,2013-03-02T{k:02d}:00+05:30,0.5" for k in range(7, 9)]  # 01:30 and 02:30 UTC
    write_csv(tmp_path / "in" / "a.csv", "id,time,kwh", by_utc)
    write_csv(tmp_path / "in" / "b.csv", "id,time,kwh", by_clock)
    options = FleetOptions(columns=FileColumns(step_min=60))

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine, options))

    assert dropped_counts(run) == {"conflict": 4}
    assert [row["t_min"] % 1440 for row in _readings(run)] == [0]


@pytest.mark.parametrize("control", ["\0", "\x01", "\x1b", "\t"])
def test_a_household_whose_name_is_no_text_is_left_out_row_by_row(tmp_path, engine, control):
    good = london_rows("MAC1", [0.1] * 2_000, start=MIDNIGHT)  # more than is looked at first
    bad = [row.replace("MAC1", f"MA{control}C") for row in good[:5]]
    write_csv(tmp_path / "in" / "a.csv", LONDON, [*good, *bad])

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert dropped_counts(run) == {"wrong_columns": 5}
    assert {row["household"] for row in _readings(run)} == {"MAC1"}
    assert stored([run.out / "meters"])["household"].to_pylist() == ["MAC1"]
    assert run.manifest.done("daily")["0"]["households"] == 1
    listed = stored([run.out / "dropped"]).to_pylist()
    assert {row["household"] for row in listed} == {f"MA{control}C"}
    assert {row["value"] for row in listed} == {"0.1 kWh"}


def test_a_time_before_any_calendar_is_counted_and_not_lost_on_the_way(tmp_path, engine):
    old = london_rows("MAC1", [0.1], start=datetime(1960, 3, 1, tzinfo=UTC))
    now = london_rows("MAC1", [0.1] * 48, start=MIDNIGHT)
    write_csv(tmp_path / "in" / "a.csv", LONDON, old + now)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert dropped_counts(run) == {"bad_time": 1}
    assert sum(row["mwh"] for row in _days(run)) == 48 * 100_000


def test_a_day_counts_when_at_most_an_hour_of_it_is_missing(tmp_path, engine):
    values = [0.1] * 48
    two_missing = london_rows("MAC1", values[:46], start=MIDNIGHT)
    three_missing = london_rows("MAC2", values[:45], start=MIDNIGHT)
    write_csv(tmp_path / "in" / "a.csv", LONDON, two_missing + three_missing)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert {row["household"]: row["complete"] for row in _days(run)} == {
        "MAC1": True,
        "MAC2": False,
    }


@pytest.mark.parametrize(
    ("day", "half_hours", "minutes"), [("2013-03-31", 46, 1380), ("2013-10-27", 50, 1500)]
)
def test_the_days_of_a_clock_change_have_their_own_length(
    tmp_path, engine, day, half_hours, minutes
):
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    start -= timedelta(hours=1) if minutes == 1500 else timedelta(0)
    write_csv(
        tmp_path / "in" / "a.csv",
        LONDON,
        london_rows("MAC1", [0.1] * (half_hours - 2), start=start),
    )

    run = cleaned(
        a_run(tmp_path / "in", tmp_path / "out", engine, FleetOptions(zone="Europe/London"))
    )

    (row,) = _days(run)
    assert (row["minutes"], row["covered_min"], row["complete"]) == (minutes, minutes - 60, True)


def test_local_stamps_that_happened_twice_are_left_out_and_those_that_never_were_too(
    tmp_path, engine
):
    rows = [
        "h1;31.03.2013 00:30;0,1",
        "h1;31.03.2013 01:30;0,1",  # skipped by the clock
        "h1;31.03.2013 02:00;0,1",
        "h1;27.10.2013 00:30;0,1",
        "h1;27.10.2013 01:00;0,1",  # shown twice
        "h1;27.10.2013 02:00;0,1",
    ]
    write_csv(tmp_path / "in" / "a.csv", "household;time;kWh", rows)

    run = cleaned(
        a_run(
            tmp_path / "in",
            tmp_path / "out",
            engine,
            FleetOptions(zone="Europe/London", columns=FileColumns(step_min=30)),
        )
    )

    assert dropped_counts(run) == {"bad_time": 1, "ambiguous_time": 1}
    clock = [datetime.fromtimestamp(60 * row["t_min"], UTC) for row in _readings(run)]
    assert [f"{at:%m-%d %H:%M}" for at in clock] == [
        "03-31 00:30",
        "03-31 01:00",
        "10-26 23:30",
        "10-27 02:00",
    ]


@pytest.mark.parametrize("written", ["local", "offset", "utc"])
@pytest.mark.parametrize(
    ("zone", "step_min"),
    [("Asia/Kolkata", 60), ("Asia/Kathmandu", 30), ("Australia/Adelaide", 60),
     ("America/St_Johns", 60), ("Europe/Berlin", 60)],
)  # fmt: skip
def test_a_step_may_begin_by_any_clock_that_stands_half_or_a_quarter_of_an_hour_off(
    tmp_path, engine, zone, step_min, written
):
    place = ZoneInfo(zone)
    first = datetime(2013, 1, 1, tzinfo=place).astimezone(UTC)
    until = datetime(2014, 1, 1, tzinfo=place).astimezone(UTC)
    moments = [first + timedelta(minutes=step_min * k) for k in
               range(round((until - first).total_seconds() / 60 / step_min))]  # fmt: skip
    stamps = [at.isoformat() if written == "utc" else at.astimezone(place).isoformat()
              for at in moments]  # fmt: skip
    if written == "local":
        stamps = [stamp[:19] for stamp in stamps]
    rows = [f"h1,{stamp},{0.1 + 0.01 * (k % 7)}" for k, stamp in enumerate(stamps)]
    rows.insert(500, rows[500].replace(":00", ":07", 1))
    write_csv(tmp_path / "in" / "a.csv", "household,time,kWh", rows)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine, FleetOptions(zone=zone)))
    run.stage("features")

    # Without an offset, the hour that the clock shows twice cannot be told.
    again = sum(n for n in Counter(stamps).values() if n > 1)
    told = {"ambiguous_time": again} if again else {}
    assert dropped_counts(run) == {"off_grid": 1} | told
    assert used(run) == len(moments) - again
    by_day = _days(run)
    assert len(by_day) == 365
    assert sum(not row["complete"] for row in by_day) == (1 if again else 0)
    assert stored([run.out / "features"]).num_rows > 300
    judged = anomalies.hour_rule(find_anomalies)(
        anomalies.HourTask(run.place.part("clean", 0), zone)
    )
    assert (judged.judged, judged.too_short) == (1, 0)


def test_hour_24_is_the_midnight_after(tmp_path, engine):
    rows = [f"a,2020-02-28 {k:02d}:00,{k}" for k in range(1, 25)]
    write_csv(tmp_path / "in" / "a.csv", "id,time,kwh", rows)
    ends = FleetOptions(columns=FileColumns(stamp_end=True))

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine, ends))

    assert dropped_counts(run) == {}
    (day,) = _days(run)
    assert (day["covered_min"], day["mwh"]) == (1440, 300 * 1_000_000)


def test_no_clock_makes_a_grid_of_minutes(tmp_path, engine):
    rows = ["a,2020-01-01T00:00+00:00,1", "a,2020-01-01T02:00+01:00,1",
            "a,2020-01-01T02:00+00:07,1", "a,2020-01-01T02:30+00:00,1"]  # fmt: skip
    write_csv(tmp_path / "in" / "a.csv", "id,time,kwh", rows)
    hours = FleetOptions(columns=FileColumns(step_min=60))

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine, hours))

    assert dropped_counts(run) == {"off_grid": 2}


@pytest.mark.parametrize(
    ("header", "rows", "step_min", "mwh"),
    [
        ("meter_id,start_utc,energy_wh", ["a,2020-01-01T00:00Z,250.5", "a,2020-01-01T00:15Z,1"],
         15, 250_500),
        ("meter,timestamp,power_w", ["a,2020-01-01 00:00+00:00,1000", "a,2020-01-01 01:00+00:00,0"],
         60, 1_000_000),
        ("id,time,kw", ["a,2020-01-01 00:00,2", "a,2020-01-01 00:30,2"], 30, 1_000_000),
        ('"id","time","kwh"', ['"a","2020-01-01T01:00:00+01:00","1.5"',
         '"a","2020-01-01T01:30:00+0100","2"'], 30, 1_500_000),
    ],
)  # fmt: skip
def test_files_with_named_columns_are_read_in_their_unit_and_step(
    tmp_path, engine, header, rows, step_min, mwh
):
    write_csv(tmp_path / "in" / "a.csv", header, rows)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    first = _readings(run)[0]
    assert dropped_counts(run) == {}
    assert (first["household"], first["step_min"], first["mwh"]) == ("a", step_min, mwh)
    assert first["t_min"] * 60 == datetime(2020, 1, 1, tzinfo=UTC).timestamp()


def test_a_stamp_at_the_end_of_its_step_begins_a_step_earlier(tmp_path, engine):
    write_csv(
        tmp_path / "in" / "house.csv",
        "time,kwh",
        ["2020-01-01 01:00,1", "2020-01-01 02:00,1"],
    )
    options = FleetOptions(columns=FileColumns(stamp_end=True))

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine, options))

    first = _readings(run)[0]
    assert first["t_min"] * 60 == datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    assert first["household"] == "house"  # named after its file


def test_broken_files_are_named_and_the_others_are_read(tmp_path, engine):
    rows = london_rows("MAC1", [0.1 + 0.001 * (k % 17) for k in range(60_000)], start=MIDNIGHT)
    good = write_csv(tmp_path / "in" / "a.csv", LONDON, rows[:10])
    packed = gzip.compress("\n".join([LONDON, *rows]).encode())
    (tmp_path / "in" / "b.csv.gz").write_bytes(packed[: len(packed) - 20_000])
    (tmp_path / "in" / "c.csv").write_text("what,is,this\n1,2,3\n")
    (tmp_path / "in" / "d.csv").write_bytes(b"\x00\xff\x00\xff")

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    left_out = [file for chunk in run.manifest.done("ingest").values() for file in chunk["broken"]]
    assert [name.rsplit("/", 1)[1] for name, _ in left_out] == ["b.csv.gz"]
    unknown = run.manifest.facts["unknown_files"]
    assert [name.rsplit("/", 1)[1] for name, _ in unknown] == ["c.csv", "d.csv"]
    assert "no column is known as its time" in unknown[0][1]
    assert len(_readings(run)) == 10
    assert good.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,time,kwh\n" + "Zo\xeb,2020-01-01 00:30,1\n" * 5_000, "it is not UTF-8 text"),
        ("id,time,kwh\na,2020-01-01 00:30,1\n".encode("utf-16"), "not UTF-8 text but UTF-16"),
        ("id,time,kwh\na,13/01/2020 00:30,1\n", "'13/01/2020 00:30', which is no known time"),
        ("\n" + _HOURS, "a blank line stands above its header"),
        ("\ufeff  \r\n".encode() + _HOURS.encode(), "a blank line stands above its header"),
        ("Export of meters\n" + _HOURS, "no header stands on top: 'Export of meters'"),
        ("Meters, all, of them\n2020\n" + _HOURS, "no header stands on top: 'Meters, all, of"),
        ("Title\nwho;Zeit;much\na;2020-01-01 00:00;1\n", "no header stands on top: 'Title'"),
        ("who;Zeit;much\na;2020-01-01 00:00;1\n", "no column is known as its time"),
        (_HOURS + _ROW + "\r" + _ROW, r"lines end in different ways \(CR and LF\)"),
        (_HOURS + 5_000 * _ROW + _ROW.replace("\n", "\r\n"), r"different ways \(CR LF and LF\)"),
    ],
)
def test_a_file_says_what_keeps_it_from_being_read(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))

    with pytest.raises(DataFileError, match=said):
        recognise(path, FileColumns())


def test_a_title_is_told_from_a_header_by_the_column_that_is_asked_for(tmp_path):
    rows = [f"2020-01-01 0{k}:00,time,1" for k in range(3)]
    path = write_csv(tmp_path / "a.csv", "Zeit,who,kwh", rows)
    asked = FileColumns(time="Zeit", household="who")

    assert recognise(path, asked).step_min == 60
    write_csv(path, "my meters, all of them", path.read_text().splitlines())
    with pytest.raises(DataFileError, match=r"'my meters, all of them'\. Take the lines above"):
        recognise(path, asked)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lines_end_alike_wherever_the_look_at_the_head_and_at_the_tail_ends(tmp_path, end):
    for shift in range(len(_ROW) + 1):
        path = tmp_path / f"{shift}.csv"
        text = _HOURS + "b" * shift + 10_000 * _ROW
        path.write_bytes(text.replace("\n", end).encode())

        assert recognise(path, FileColumns()).step_min == 60
        assert rows_about(path) == pytest.approx(10_003, rel=0.01)


def test_utf8_is_known_when_the_look_at_its_head_ends_within_a_character(tmp_path):
    for shift in range(2):
        path = tmp_path / f"{shift}.csv"
        head = "id,time,kwh,note\n" + "".join(f"a,2020-01-01 0{k}:00,1,x\n" for k in range(2))
        path.write_text(head + "a" * shift + "\u00e9" * 65_536, encoding="utf-8")

        assert recognise(path, FileColumns()).step_min == 60


def test_a_lone_quotation_mark_does_not_swallow_the_rows_below(tmp_path, engine):
    rows = london_rows("MAC1", [0.1] * 2_000, start=MIDNIGHT)
    rows[10] = '"' + rows[10]
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert used(run) + sum(dropped_counts(run).values()) == 2_000
    assert len([row for row in _readings(run) if row["household"] == "MAC1"]) == 1_999


def test_a_slip_in_a_file_of_quotation_marks_costs_its_own_row(tmp_path, engine):
    rows = [
        '"' + row.replace(",", '","') + '"'
        for row in london_rows("MAC1", [0.1] * 10_000, start=MIDNIGHT)
    ]
    for k in (300, 8_000):
        rows[k] = '"' + rows[k]
    rows[9_000] = rows[9_000].replace('"', "")
    rows[9_001] = '"MAC, ""1""' + rows[9_001].removeprefix('"MAC1')
    write_csv(tmp_path / "in" / "a.csv", '"' + LONDON.replace(",", '","') + '"', rows)

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert dropped_counts(run) == {"wrong_columns": 2}
    assert used(run) == 9_998
    lines = {row["text"] for row in stored([run.out / "dropped"]).to_pylist()}
    assert lines == {rows[300], rows[8_000]}
    assert {row["household"] for row in _readings(run)} == {"MAC1", 'MAC, "1"'}


def test_a_file_may_have_a_number_beyond_sixteen_bits(tmp_path, engine):
    path = write_csv(tmp_path / "a.csv", LONDON, london_rows("MAC1", [0.1, 0.2], start=MIDNIGHT))
    late = SourceFile(40_000, path, recognise(path, FileColumns()), 100)

    rows = readings.readings(engine.text([late]), late.layout, "UTC", 1, engine)
    plain, crowded = days.told_apart(rows, days.seen(rows))

    assert engine.fetch(plain)["file"].to_pylist() == [40_000, 40_000]
    assert engine.fetch(days.clean(days.once(plain)))["file"].to_pylist() == [40_000, 40_000]
    assert engine.fetch(crowded).num_rows == 0


def test_blank_lines_are_no_rows(tmp_path, engine):
    rows = london_rows("MAC1", [0.1] * 96, start=MIDNIGHT)
    write_csv(tmp_path / "in" / "a.csv", LONDON, [*rows[:48], "", "  ", "\t", *rows[48:]])

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    assert (used(run), dropped_counts(run)) == (96, {})


def test_more_than_any_meter_uses_is_out_of_range_and_does_not_stop_the_run(tmp_path, engine):
    register = [50_000.0 + k for k in range(48 * 60)]  # a register, taken for energy
    largest = [10_000.0] * (48 * 60)
    write_csv(tmp_path / "in" / "a.csv", LONDON, london_rows("MAC1", register, start=MIDNIGHT))
    write_csv(tmp_path / "in" / "b.csv", LONDON, london_rows("MAC2", largest, start=MIDNIGHT))

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))
    run.stage("features")

    assert dropped_counts(run) == {"out_of_range": 48 * 60}
    assert stored([run.out / "features"])["std_28"].to_pylist() == [0.0] * 54


def test_a_value_column_without_a_unit_is_refused_until_somebody_says_it(tmp_path, engine):
    write_csv(tmp_path / "in" / "a.csv", "building_id,timestamp,meter_reading",
              ["1,2016-01-01 00:00:00,12.5", "1,2016-01-01 01:00:00,12"])  # fmt: skip
    told = FleetOptions(columns=FileColumns(unit="kWh"))

    with pytest.raises(DataFileError, match="does not say its unit"):
        a_run(tmp_path / "in", tmp_path / "none", engine).stage("ingest")
    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine, told))

    assert [row["mwh"] for row in _readings(run)] == [12_500_000, 12_000_000]


def test_a_name_is_never_a_pattern(tmp_path, engine):
    for k, name in enumerate(STRANGE_NAMES):
        write_csv(
            tmp_path / "in" / name, LONDON, london_rows(f"M{k}", [0.1] * (k + 1), start=MIDNIGHT)
        )

    run = a_run(tmp_path / "in", tmp_path / "o[u]*" / "{a,b}?", engine)
    run.run()

    by_name = rows_by_name(run, tmp_path / "in")
    assert by_name == {name: {"used": k + 1, "dropped": {}} for k, name in enumerate(STRANGE_NAMES)}
    assert {row["household"] for row in _readings(run)} == {f"M{k}" for k in range(len(by_name))}
    assert FleetResults(run.out).summary().rows_used == sum(range(len(by_name) + 1))


def test_a_row_that_cannot_be_split_is_listed_with_a_file_of_any_name(tmp_path, engine):
    names = ["m[1].csv", "b\\[1].csv", "m1.csv"]
    for k, name in enumerate(names):
        rows = london_rows(f"M{k}", [0.1, 0.2], start=MIDNIGHT)
        write_csv(tmp_path / "in" / name, LONDON, [*rows, "short" + "," * k])

    run = a_run(tmp_path / "in", tmp_path / "out", engine)
    run.stage("ingest")

    said = {row["file"]: (row["line"], row["text"]) for row in
            stored([run.out / "dropped"]).to_pylist()}  # fmt: skip
    index = {path.rsplit("/", 1)[1]: k for k, path in enumerate(run.manifest.about["files"])}
    assert said == {index[name]: (4, "short" + "," * k) for k, name in enumerate(names)}


@pytest.mark.parametrize("column", ["energy_wh", "kwh", "energy(kWh/hh)", "power_kw"])
def test_a_unit_that_the_name_of_the_column_says_is_not_said_otherwise(tmp_path, column):
    path = write_csv(tmp_path / "a.csv", f"id,time,{column}",
                     ["1,2016-01-01 00:00,12.5", "1,2016-01-01 01:00,12"])  # fmt: skip
    own = recognise(path, FileColumns()).unit
    other = "W" if own != "W" else "Wh"

    assert recognise(path, FileColumns(unit=own)).unit == own
    with pytest.raises(DataFileError, match=rf"says {own} by its name, not {other}.*--unit"):
        recognise(path, FileColumns(unit=other))


def test_a_folder_of_something_else_is_not_written_into(tmp_path, engine):
    write_csv(tmp_path / "in" / "a.csv", LONDON, london_rows("MAC1", [0.1], start=MIDNIGHT))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")

    with pytest.raises(DataFileError, match="no fleet run"):
        a_run(tmp_path / "in", tmp_path / "out", engine)


def test_a_household_is_read_in_the_order_of_time(tmp_path, engine):
    later = london_rows("MAC2", [0.1] * 5, start=MIDNIGHT)
    earlier = london_rows("MAC1", [0.2] * 5, start=MIDNIGHT)
    write_csv(tmp_path / "in" / "a.csv", LONDON, later[::-1] + earlier + earlier[2:3])

    run = cleaned(a_run(tmp_path / "in", tmp_path / "out", engine))

    for household in ("MAC1", "MAC2"):
        start_ms, energy_wh, step_s = FleetResults(run.out).readings(household)
        assert np.diff(start_ms).tolist() == [1_800_000] * 4
        assert (len(energy_wh), step_s) == (5, 1800)

"""Any CSV with a named time and value column, in the units, zones and marks that loggers use."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.files import counter
from energy_desktop.acquisition.files.general_csv import CsvLayout, parse_csv
from energy_desktop.acquisition.files.reading import parse_file, sniff_format
from energy_desktop.acquisition.files.series import Rows
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import DataFileError


def a_csv(tmp_path, *lines, name="attic.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def hours(*values, first="2026-03-01T00:00:00"):
    begin = datetime.fromisoformat(first)
    return [f"{(begin + timedelta(hours=k)).isoformat()},{value}" for k, value in enumerate(values)]


def test_a_header_that_says_time_zone_and_unit_needs_no_word_more(tmp_path):
    path = a_csv(tmp_path, "start_utc,energy_wh", *hours(100, 250, 0))

    series = parse_file(path)[0]

    assert sniff_format(path) == "csv"
    assert series.meter_id == "attic"
    assert series.step_s == 3600
    assert list(series.energy_wh) == [100, 250, 0]
    assert iso_utc(series.first_ms) == "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("name", "wh"),
    [
        ("energy_wh", 2),
        ("Energy (kWh)", 2000),
        ("energy[MWh]", 2_000_000),
        ("power_w", 2),
        ("P kW", 2000),
        ("energy(kWh/h)", 2000),
    ],
)
def test_the_unit_is_taken_from_the_name(tmp_path, name, wh):
    path = a_csv(tmp_path, f"start_utc,{name}", *hours(2, 2, 2))

    assert list(parse_csv(path)[0].energy_wh) == [wh] * 3


def test_mean_power_becomes_the_energy_of_its_step(tmp_path):
    rows = [f"2026-03-01T00:{minute:02d}:00Z,1.2" for minute in (0, 15, 30, 45)]

    assert list(parse_csv(a_csv(tmp_path, "time,power_kw", *rows))[0].energy_wh) == [300] * 4


def test_decimal_comma_semicolon_and_dotted_dates_are_seen(tmp_path):
    path = a_csv(
        tmp_path,
        "Zeitstempel;Verbrauch kWh",
        "01.03.2026 00:00;1,5",
        "01.03.2026 00:15;2",
        "01.03.2026 00:30;0,25",
    )

    series = parse_csv(path, CsvLayout(zone="Europe/Berlin"))[0]

    assert list(series.energy_wh) == [1500, 2000, 250]
    assert iso_utc(series.first_ms) == "2026-02-28T23:00:00Z"


def test_a_stamp_at_the_end_of_its_interval_is_moved_to_the_start(tmp_path):
    path = a_csv(tmp_path, "time_utc,wh", *hours(1, 2, 3, first="2026-03-01T01:00:00"))

    series = parse_csv(path, CsvLayout(stamp="end"))[0]

    assert iso_utc(series.first_ms) == "2026-03-01T00:00:00Z"


def test_the_hour_that_the_clock_shows_twice_is_two_hours(tmp_path):
    stamps = ["00:00", "01:00", "02:00", "02:00", "03:00"]
    rows = [f"2026-10-25 {stamp},{k}" for k, stamp in enumerate(stamps)]

    series = parse_csv(a_csv(tmp_path, "time,wh", *rows), CsvLayout(zone="Europe/Berlin"))[0]

    assert list(series.energy_wh) == [0, 1, 2, 3, 4]
    assert np.all(np.diff(series.start_ms) == 3_600_000)
    assert series.duplicates == 0


def test_an_hour_that_the_clock_skips_is_rejected(tmp_path):
    rows = [f"2026-03-29 {hour:02d}:00,{hour}" for hour in range(6)]

    series = parse_csv(a_csv(tmp_path, "time,wh", *rows), CsvLayout(zone="Europe/Berlin"))[0]

    assert series.rejected == ((4, "'2026-03-29 02:00' is skipped by the clock of that zone"),)
    assert series.gaps == 0


@given(first_hour=st.integers(0, 24 * 3652), count=st.integers(3, 300))
def test_local_stamps_of_a_whole_stretch_are_its_utc_steps(tmp_path_factory, first_hour, count):
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    begin = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=first_hour)
    moments = [begin + timedelta(minutes=15 * k) for k in range(count)]
    rows = [f"{moment.astimezone(zone):%Y-%m-%d %H:%M},1" for moment in moments]
    # A stretch that begins inside the doubled hour cannot be told from its first pass.
    if begin.astimezone(zone).fold:
        return
    path = a_csv(tmp_path_factory.mktemp("csv"), "time,wh", *rows)

    series = parse_csv(path, CsvLayout(zone="Europe/Berlin"))[0]

    assert list(series.start_ms) == [round(moment.timestamp() * 1000) for moment in moments]


def test_stamps_with_an_offset_need_no_zone(tmp_path):
    rows = [f"2026-03-01T0{hour}:00:00+02:00,1" for hour in range(3)]

    assert iso_utc(parse_csv(a_csv(tmp_path, "time,wh", *rows))[0].first_ms) == (
        "2026-02-28T22:00:00Z"
    )


def test_a_column_that_never_falls_is_a_register(tmp_path):
    values = [1000 + 7 * k for k in range(60)]
    path = a_csv(tmp_path, "time_utc,reading_kwh", *hours(*values))

    series = parse_csv(path)[0]

    assert list(series.energy_wh) == [7000] * 59
    assert "counter" in series.notes[0]
    assert parse_csv(path, CsvLayout(values="per_step"))[0].energy_wh[0] == 1_000_000


REGISTER_BY_STEPS = [1_000 + 100 * k for k in range(60)]


@pytest.mark.parametrize("at", [20, 57])
@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("lie", [-900, -3_000, 5_000, 5_000_000])
def test_a_reading_that_did_not_last_is_never_consumption(tmp_path, at, length, lie):
    read = list(REGISTER_BY_STEPS)
    for k in range(at, at + length):
        read[k] = max(read[k] + lie, 0)
    path = a_csv(tmp_path, "time_utc,register_wh", *hours(*read))

    series = parse_csv(path, CsvLayout(values="register"))[0]

    assert set(series.energy_wh) == {100}
    assert len(series.energy_wh) == 59  # the register before and after it knows their energy
    assert np.count_nonzero(series.quality == IntervalQuality.ESTIMATED) == length + 1
    assert [line for line, _ in series.rejected] == [at + 2 + k for k in range(length)]


@pytest.mark.parametrize("name", ["register_wh", "energy_wh"])
@pytest.mark.parametrize("fall", ["dip", "exchange"])
def test_a_long_register_is_known_though_it_falls_once(tmp_path, name, fall):
    read = [1_000 + 100 * k for k in range(200)]
    read = [*read[:90], *([0] if fall == "dip" else []), *read[90:]]
    if fall == "exchange":
        read[120:] = [value - 12_950 for value in read[120:]]
    path = a_csv(tmp_path, f"time_utc,{name}", *hours(*read))

    series = parse_file(path)[0]

    known = series.quality == IntervalQuality.RAW
    assert set(series.energy_wh[known]) == {100}
    assert set(series.energy_wh[~known]) == ({50} if fall == "dip" else set())
    assert len(series.rejected) == 1
    assert "read as a counter" in series.notes[0]


def test_a_register_books_nothing_across_a_gap_or_a_fall(tmp_path):
    path = a_csv(
        tmp_path, "time_utc,wh", *hours(10, 20, 5, 8), *hours(30, 31, first="2026-03-01T08:00:00")
    )

    series = parse_csv(path, CsvLayout(values="register"))[0]

    assert list(series.energy_wh) == [10, 3, 1]
    assert series.rejected == (
        (4, "the register falls from 20 to 5 Wh"),
        (6, "the register returns from 8 to 30 Wh over a hole after it fell: nothing is booked"),
    )


def test_over_a_hole_the_register_is_spread_to_the_wh_and_marked(tmp_path):
    path = a_csv(
        tmp_path, "time_utc,wh", *hours(10, 20), *hours(27, 31, first="2026-03-01T04:00:00")
    )

    series = parse_csv(path, CsvLayout(values="register"))[0]

    assert list(series.energy_wh) == [10, 2, 3, 2, 4]  # 22.33 and 24.67 at the boundaries
    assert list(series.quality) == [0, 2, 2, 2, 0]
    assert list(series.shown.closing_wh) == [20, 22, 25, 27, 31]
    assert "the 0.007 kWh that the register counted there are spread" in series.notes[-1]


@given(
    rises=st.lists(st.integers(0, 3_000), min_size=2, max_size=40),
    lost=st.sets(st.integers(1, 38)),
)
def test_what_is_booked_over_holes_is_what_the_register_counted(rises, lost):
    value = np.cumsum(rises).astype(np.float64)
    there = np.array([k not in lost or k == len(value) - 1 for k in range(len(value))])
    at = np.flatnonzero(there)
    rows = Rows(at + 2, at * 900_000, value[there])

    made = counter.counted(rows, 900, "Wh")

    if len(made.left_out) == 0:
        assert made.energy_wh.sum() == value[-1] - value[0]
        assert list(made.start_ms) == [k * 900_000 for k in range(len(value) - 1)]
    assert (made.energy_wh >= 0).all()
    assert np.array_equal(made.shown.closing_wh - made.shown.opening_wh, made.energy_wh)


def test_a_slow_spike_that_falls_back_books_nothing(tmp_path):
    read = [value + (900_000 if 20 <= k < 40 else 0) for k, value in enumerate(REGISTER_BY_STEPS)]
    path = a_csv(tmp_path, "time_utc,register_wh", *hours(*read))

    series = parse_csv(path, CsvLayout(values="register"))[0]

    assert set(series.energy_wh) == {100}
    assert [line for line, _ in series.rejected] == [22, 42]
    assert "far more than ever" in series.rejected[0].reason
    assert set(series.shown.segment) == {0, 1, 2}


def test_a_rise_that_lasts_is_booked_in_one_step_and_named(tmp_path):
    read = [value + (900_000 if k >= 20 else 0) for k, value in enumerate(REGISTER_BY_STEPS)]
    path = a_csv(tmp_path, "time_utc,register_wh", *hours(*read))

    series = parse_csv(path, CsvLayout(values="register"))[0]

    assert series.rejected == ()
    assert "line 22: 900.100 kWh" in series.notes[-1]


@pytest.mark.parametrize(("stamp", "remarks"), [("start", 1), ("end", 0)])
def test_times_that_look_like_the_ends_of_intervals_are_remarked(tmp_path, stamp, remarks):
    clock = [f"01.03.2026 {k // 4:02d}:{k % 4 * 15:02d};{k}" for k in range(1, 96)]
    path = a_csv(tmp_path, "Zeit;kWh", *clock, "02.03.2026 00:00;5")

    series = parse_csv(path, CsvLayout(zone="Europe/Berlin", values="per_step", stamp=stamp))[0]

    assert sum("--stamp end" in note for note in series.notes) == remarks


def test_a_meter_column_makes_a_series_each(tmp_path):
    rows = [f"2026-03-01T0{k // 2}:00:00Z,m{k % 2},{k}" for k in range(6)]

    one, two = parse_csv(a_csv(tmp_path, "time,meter,energy_wh", *rows))

    assert (one.meter_id, list(one.energy_wh)) == ("m0", [0, 2, 4])
    assert (two.meter_id, list(two.energy_wh)) == ("m1", [1, 3, 5])


def test_quoted_fields_may_hold_the_delimiter(tmp_path):
    path = a_csv(
        tmp_path,
        'time,note,"energy_kwh"',
        '2026-03-01T00:00:00Z,"a, b","1.5"',
        '2026-03-01T01:00:00Z,"",2',
    )

    assert list(parse_csv(path)[0].energy_wh) == [1500, 2000]


def test_rows_off_the_commonest_grid_are_rejected(tmp_path):
    path = a_csv(tmp_path, "time_utc,wh", *hours(1, 2, 3, 4), "2026-03-01T04:07:00,9")

    series = parse_csv(path)[0]

    assert series.rejected == ((6, "2026-03-01T04:07:00Z is off the 3600 s grid"),)


def test_parts_of_a_wh_are_rounded_and_counted(tmp_path):
    series = parse_csv(a_csv(tmp_path, "time_utc,wh", *hours(1.4, 2, 2.6)))[0]

    assert list(series.energy_wh) == [1, 2, 3]
    assert series.rounded == 2


@pytest.mark.parametrize(
    ("lines", "layout", "said"),
    [
        (["time,value", *hours(1, 2)], {}, "'value' does not say its unit"),
        (["time,wh", *hours(1, 2)], {}, "line 2: .* no offset.*Say the zone"),
        (["a,b", "1,2"], {}, "no column is plainly the time.*a, b"),
        (["time,a_wh,b_wh", "1,2,3"], {}, "several columns could be the value"),
        (["time_utc,wh", *hours(1, 2)], {"value_column": "kwh"}, "no column 'kwh'"),
        (["time,wh", *hours(1, 2)], {"zone": "Mars/Base"}, "'Mars/Base' is no time zone"),
        (["time_utc,wh"], {}, "no row under the header"),
        (["time_utc,wh", *hours(1)], {}, "1 usable rows do not tell the step"),
        (["time_utc,w", *hours(1, 2)], {"values": "register"}, "cannot be in W"),
        (
            ["time_utc,wh", "2026-01-01T00:00:00,1", "2026-01-01T00:00:00.500,2"],
            {},
            "no even step",
        ),
    ],
)
def test_what_is_not_said_is_asked_for(tmp_path, lines, layout, said):
    with pytest.raises(DataFileError, match=rf"(?s)attic\.csv.*{said}"):
        parse_csv(a_csv(tmp_path, *lines), CsvLayout(**layout))


def test_a_named_format_reads_american_dates(tmp_path):
    path = a_csv(tmp_path, "time_utc,wh", "1/2/2026 0:00,5", "1/2/2026 1:00,6")

    series = parse_csv(path, CsvLayout(time_format="%m/%d/%Y %H:%M"))[0]

    assert iso_utc(series.first_ms) == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    "name",
    ["register_kwh", "Meter reading kWh", "energyTotal_kWh", "Zählerstand [kWh]", "Stand_kwh"],
)
def test_a_short_register_is_known_by_its_name(tmp_path, name):
    rows = ["2026-03-01T00:00:00Z;100", "2026-03-01T01:00:00Z;101", "2026-03-01T02:00:00Z;102.5"]

    series = parse_csv(a_csv(tmp_path, f"time;{name}", *rows))[0]

    assert list(series.energy_wh) == [1000, 1500]
    assert "counter" in series.notes[0]


@pytest.mark.parametrize(
    ("name", "values", "note"),
    [
        ("register_kwh", (100, 101, 99), "but its values fall"),
        ("kwh", (1, 2, 3), "never fall"),
        ("standby_kwh", (1, 2, 3), "never fall"),
        ("kwh", (1, 3, 2), None),
        ("kwh", (2, 2, 2), None),
        ("meter_kw", (1, 2, 3), None),
    ],
)
def test_what_is_read_as_consumption_though_it_may_be_a_register_is_said(
    tmp_path, name, values, note
):
    series = parse_csv(a_csv(tmp_path, f"time_utc,{name}", *hours(*values)))[0]

    assert list(series.energy_wh) == [1000 * value for value in values]
    assert [note in one for one in series.notes] == ([] if note is None else [True])


def test_where_no_time_can_be_read_the_first_one_and_its_line_are_named(tmp_path):
    rows = ["01/02/2025 00:00,1", "01/02/2025 01:00,2"]

    with pytest.raises(DataFileError, match=r"2 cannot be used.*Line 2: .*01/02/2025 00:00"):
        parse_csv(a_csv(tmp_path, "time,kwh", *rows), CsvLayout(zone="UTC"))


def test_the_step_is_that_of_all_stamps_though_every_other_value_is_bad(tmp_path):
    path = a_csv(tmp_path, "time_utc,wh", *hours(5, "x", 6, "x", 7, "x", 3, 4))

    series = parse_csv(path)[0]

    assert series.step_s == 3600
    assert series.gaps == 3


@pytest.mark.parametrize(
    ("texts", "wh"),
    [
        (("1.234,25", "7,5", "1.234.567"), [1_234_250, 7_500, 1_234_567_000]),
        (("1,234.25", "7.5", "1,234,567"), [1_234_250, 7_500, 1_234_567_000]),
    ],
)
def test_groups_of_thousands_are_read(tmp_path, texts, wh):
    rows = [f"2026-03-01T0{k}:00:00Z;{text}" for k, text in enumerate(reversed(texts))]

    series = parse_csv(a_csv(tmp_path, "time;kwh", *rows))[0]

    assert list(series.energy_wh) == wh[::-1]


@pytest.mark.parametrize(
    ("text", "decimal"), [("1.234", ","), ("1,234", "."), ("12.34,5", ","), ("1,23.5", ".")]
)
def test_a_separator_that_may_be_either_is_not_guessed(tmp_path, text, decimal):
    rows = [f"2026-03-01T0{k}:00:00Z;{one}" for k, one in enumerate([text, "2", "1"])]

    series = parse_csv(a_csv(tmp_path, "time;kwh", *rows), CsvLayout(decimal=decimal))[0]

    assert list(series.energy_wh) == [2000, 1000]
    assert "is no number" in series.rejected[0].reason


def test_the_midnight_after_the_last_day_of_all_is_no_time(tmp_path):
    rows = [*hours(100, 250), "9999-12-31 24:00,1"]

    (series,) = parse_csv(a_csv(tmp_path, "start_utc,energy_wh", *rows))

    assert [(r.line, r.reason) for r in series.rejected] == [(4, "'9999-12-31 24:00' is no time")]


def test_a_header_of_a_thousand_names_is_not_listed_whole(tmp_path):
    names = ",".join(f"column {k}" for k in range(1000))

    with pytest.raises(DataFileError, match="and 980 more") as refused:
        parse_csv(a_csv(tmp_path, names, "1,2"))

    assert len(str(refused.value)) < 1000

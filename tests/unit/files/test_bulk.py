"""Reading in bulk and row by row give the same, whatever the zone and wherever a block ends."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.acquisition.files import general_csv, text
from energy_desktop.acquisition.files.columns import to_utc_ms
from energy_desktop.acquisition.files.general_csv import parse_csv
from energy_desktop.acquisition.files.layout import CsvLayout
from energy_desktop.acquisition.files.series import whole_wh
from energy_desktop.acquisition.files.time_formats import sniff_time_format

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
FORMATS = (None, "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M")
STEPS_MIN = (5, 10, 15, 30, 60)


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a.meter_id, a.step_s, a.rows_read) == (b.meter_id, b.step_s, b.rows_read)
        assert (a.duplicates, a.rejected, a.gaps) == (b.duplicates, b.rejected, b.gaps)
        assert a.start_ms.tolist() == b.start_ms.tolist()
        assert a.energy_wh.tolist() == b.energy_wh.tolist()
        assert a.lines.tolist() == b.lines.tolist()


@settings(max_examples=60)
@given(
    first=st.integers(0, 2 * 366 * 24 * 12),
    count=st.integers(3, 400),
    step=st.sampled_from(STEPS_MIN),
    zone=st.sampled_from(ZONES),
    time_format=st.sampled_from(FORMATS),
    stamp=st.sampled_from(("start", "end")),
    block=st.sampled_from((97, 1000, 1 << 20)),
)
def test_local_stamps_of_any_stretch_are_its_utc_steps(
    tmp_path_factory, first, count, step, zone, time_format, stamp, block
):
    begin = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=first // step * step)
    moments = [begin + timedelta(minutes=step * k) for k in range(count)]
    local = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    if local[0].fold:
        return  # a stretch that begins inside the doubled hour cannot be told from its first pass
    rows = [f"{at.strftime(time_format or '%Y-%m-%d %H:%M')};{k % 7}" for k, at in enumerate(local)]
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_text("\n".join(["when;wh", *rows]) + "\n")
    layout = CsvLayout(time_column="when", zone=zone, time_format=time_format, stamp=stamp,
                       step_s=step * 60)  # fmt: skip

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "BLOCK_BYTES", block)
        bulk = parse_csv(path, layout)
        patch.setattr(general_csv, "read_bulk", lambda *_: None)
        by_row = parse_csv(path, layout)

    same(bulk, by_row)
    shift = timedelta(minutes=step if stamp == "end" else 0)
    assert bulk[0].start_ms.tolist() == [round((m - shift).timestamp() * 1000) for m in moments]


@settings(max_examples=60)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(("2026-01-01 00:00", "2026-01-01 01:00", "2026-01-01 02:00", "x", "")),
            st.sampled_from(("a", "b", "", " a", "7.0")),
            st.sampled_from(
                ("1", "2.5", "?", "", "nan", "inf", "-3", "1e3", "1_0", "0x1", "1,5", " 4 ")
            ),
        ),
        min_size=3,
        max_size=40,
    ),
    newline=st.sampled_from(("\n", "\r\n")),
)
def test_whatever_stands_in_a_table_both_ways_say_the_same(tmp_path_factory, rows, newline):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    lines = ["time_utc;meter;wh", *(";".join(row) for row in rows)]
    path.write_bytes((newline.join(lines) + newline).encode())
    layout = CsvLayout(decimal=".", step_s=3600)

    bulk = parse_csv(path, layout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(general_csv, "read_bulk", lambda *_: None)
        by_row = parse_csv(path, layout)

    same(bulk, by_row)


def test_the_doubled_hour_is_told_apart_where_a_block_ends_inside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 40)
    stamps = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    path = tmp_path / "a.csv"
    path.write_text("time,wh\n" + "".join(f"2026-10-25 {at},1\n" for at in stamps))

    (series,) = parse_csv(path, CsvLayout(zone="Europe/Berlin"))

    assert np.diff(series.start_ms).tolist() == [1_800_000] * 5


def test_a_file_that_runs_backwards_has_its_doubled_hour_too(tmp_path):
    stamps = ["03:00", "02:00", "02:00", "01:00"]
    path = tmp_path / "a.csv"
    path.write_text("time,wh\n" + "".join(f"2026-10-25 {at},{k}\n" for k, at in enumerate(stamps)))

    (series,) = parse_csv(path, CsvLayout(zone="Europe/Berlin"))

    assert series.energy_wh.tolist() == [3, 2, 1, 0]
    assert np.diff(series.start_ms).tolist() == [3_600_000] * 3


def test_a_clock_on_standard_time_has_every_hour_of_both_changes():
    hours = np.arange(24 * 366, dtype=np.int64) * 3_600_000 + 1_767_225_600_000

    utc, absent = to_utc_ms(hours, ZoneInfo("Europe/Berlin"), summer_time=False)

    assert not absent.any()
    assert np.all(hours - utc == 3_600_000)


def test_24_00_ends_its_day(tmp_path):
    path = tmp_path / "a.csv"
    rows = ["31.12.2025 23:30;1", "31.12.2025 23:45;2", "31.12.2025 24:00;3", "01.01.2026 00:15;4"]
    path.write_text("\n".join(["Zeit;kWh", *rows]) + "\n")

    (series,) = parse_csv(path, CsvLayout(zone="UTC", stamp="end"))

    assert series.energy_wh.tolist() == [1000, 2000, 3000, 4000]
    assert series.gaps == 0


@given(
    wh=st.lists(st.floats(0, 5000, allow_nan=False), min_size=1, max_size=500),
    step=st.sampled_from((60, 300, 900)),
)
def test_whole_wh_keep_the_energy_of_each_day(wh, step):
    energy = np.round(np.array(wh), 6)
    starts = 1_767_225_600_000 + np.arange(len(wh), dtype=np.int64) * step * 1000

    whole = whole_wh(starts, energy)

    assert np.all(whole == np.rint(whole)) and np.all(whole >= 0)
    for day in np.unique(starts // 86_400_000):
        mine = starts // 86_400_000 == day
        assert abs(whole[mine].sum() - energy[mine].sum()) <= max(0.51, 0.0101 * mine.sum())


@pytest.mark.parametrize(
    ("texts", "time_format", "doubtful"),
    [
        (["2026-01-31 10:00"], None, False),
        (["31.01.2026 10:00"], None, False),
        (["31/01/2026 10:00", "01/02/2026 10:15"], "%d/%m/%Y %H:%M", False),
        (["01/31/2026 10:00:00"], "%m/%d/%Y %H:%M:%S", False),
        (["01/02/2026 23:00", "02/02/2026 00:00"], "%d/%m/%Y %H:%M", False),
        (["01/02/2026 23:00", "01/03/2026 00:00"], "%m/%d/%Y %H:%M", False),
        (["01/02/2026 10:00", "01/02/2026 11:00"], "%d/%m/%Y %H:%M", True),
        (["1/31/2026 1:00 PM"], "%m/%d/%Y %I:%M %p", False),
        (["2026/01/31 10:00"], "%Y/%m/%d %H:%M", False),
    ],
)
def test_the_order_of_day_and_month_is_told_by_the_texts_or_asked_for(texts, time_format, doubtful):
    found = sniff_time_format(texts)

    assert (found.time_format, found.doubtful) == (time_format, doubtful)

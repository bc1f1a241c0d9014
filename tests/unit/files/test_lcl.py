"""The London layouts, with every trait that the data's README names."""

import gzip
import time

import numpy as np
import pytest

from energy_desktop.acquisition.files.reading import parse_file, parse_files, sniff_format
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError, WrongUse
from tests.support.shared_data import shared_data

SHORT = "LCLid,tstp,energy(kWh/hh)"
DATASTORE = "LCLid,DateTime,KWH/hh (per half hour) "
ORIGINAL = "LCLid,stdorToU,DateTime,KWH/hh (per half hour) ,Acorn,Acorn_grouped"

HOUSEHOLDS = [f"MAC0000{k:02d}" for k in range(2, 96, 2)]
HOUSEHOLDS += ["MAC000122", "MAC000124", "MAC000126"]
ROWS_SAID = {"MAC000004": 17_519, "MAC000016": 721}
LAST_SAID = {"MAC000016": "2013-01-16", "MAC000050": "2013-04-17", "MAC000080": "2013-05-29"}


def written(tmp_path, text, name="lcl.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_all_fifty_households_import_without_a_loss():
    folder = shared_data("london-halfhourly")
    paths = [folder / f"{name}.csv.gz" for name in HOUSEHOLDS]

    parsed = {path.name[:9]: series for path, series in parse_files(paths)}

    assert len(parsed) == 50
    for name, series in parsed.items():
        assert series.meter_id == name
        assert series.step_s == 1800
        assert series.duplicates == 0
        assert series.rejected == ()
        assert series.rows_read == len(series.start_ms) == len(series.energy_wh)
        assert iso_utc(series.first_ms) == "2013-01-01T00:00:00Z"
        assert series.rows_read == ROWS_SAID.get(name, series.rows_read)
        assert iso_utc(series.last_ms).startswith(LAST_SAID.get(name, "2013"))
    full = [s for s in parsed.values() if iso_utc(s.last_ms) == "2013-12-31T23:30:00Z"]
    assert all(s.rows_read + s.gaps == 17_520 for s in full)
    assert sum(1 for s in full if s.gaps <= 9) > len(full) * 0.8


def test_the_household_of_zeros_keeps_its_zeros():
    series = parse_file(shared_data("london-halfhourly") / "MAC000004.csv.gz")[0]

    assert series.rows_read == 17_519
    assert int(np.count_nonzero(series.energy_wh == 0)) == 13_442
    assert series.energy_wh.sum() / 1000 == pytest.approx(618, abs=1)


@pytest.mark.parametrize("layout", ["datastore_layout", "original_columns_reconstructed"])
def test_the_original_download_has_its_seventeen_repeats_and_its_null(layout):
    series = parse_file(shared_data("london-halfhourly") / f"MAC000002_{layout}.csv.gz")[0]

    assert series.meter_id == "MAC000002"
    assert series.rows_read == 24_158
    assert series.duplicates == 17
    assert len(series.rejected) == 1
    line, reason = series.rejected[0]
    assert line == 3242
    assert "'Null' is no number" in reason
    assert "2012-12-19T12:37:27Z is off the half-hour grid" in reason
    assert len(series.start_ms) == 24_158 - 17 - 1
    # 24,192 half hours from the first to the last. The README counts 51 missing, taking the row
    # `Null` at 12:37:27 for one that is there; on the half-hour grid 52 are.
    assert series.gaps == 24_192 - 24_140 == 52
    assert iso_utc(series.first_ms) == "2012-10-12T00:30:00Z"
    assert iso_utc(series.last_ms) == "2014-02-28T00:00:00Z"
    assert not series.energy_wh[:21].any()
    assert series.energy_wh[21] > 0


def test_a_year_is_read_in_a_fifth_of_a_second():
    path = shared_data("london-halfhourly") / "MAC000002.csv.gz"
    parse_file(path)

    begun = time.process_time()
    parse_file(path)

    assert time.process_time() - begun < 0.2


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (SHORT, "MAC1,2013-01-01 00:{m}:00, {v} "),
        (DATASTORE, "MAC1,2013-01-01 00:{m}:00.0000000, {v} "),
        (DATASTORE.strip(), "MAC1,2013-01-01 00:{m}:00.0000000,{v}"),
        (ORIGINAL, "MAC1,Std,2013-01-01 00:{m}:00.0000000, {v} ,ACORN-A,Affluent"),
        (
            "LCLid,stdorToU,DateTime,KWH/hh (per half hour) ",
            "MAC1,ToU,2013-01-01 00:{m}:00.0000000, {v} ",
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_layout_line_end_and_packing_reads_alike(tmp_path, header, row, end, packed):
    lines = [header, row.format(m="00", v="0.219"), row.format(m="30", v="0")]
    data = (end.join(lines) + end).encode()
    path = written(tmp_path, gzip.compress(data) if packed else data)

    series = parse_file(path)[0]

    assert sniff_format(path) == "lcl"
    assert list(series.energy_wh) == [219.0, 0.0]
    assert [iso_utc(int(ms)) for ms in series.start_ms] == [
        "2013-01-01T00:00:00Z",
        "2013-01-01T00:30:00Z",
    ]


def test_several_households_in_a_file_are_kept_apart(tmp_path):
    rows = [
        "MAC1,2013-01-01 00:00:00,0.1",
        "MAC2,2013-01-01 00:00:00,0.2",
        "MAC1,2013-01-01 00:30:00,0.3",
        "MAC2,2013-01-01 00:30:00,Null",
    ]
    path = written(tmp_path, "\n".join([SHORT, *rows]))

    first, second = parse_file(path)

    assert (first.meter_id, list(first.energy_wh)) == ("MAC1", [100.0, 300.0])
    assert (second.meter_id, list(second.energy_wh)) == ("MAC2", [200.0])
    assert second.rejected == ((5, "'Null' is no number"),)
    assert (first.rows_read, second.rows_read) == (2, 2)
    with pytest.raises(WrongUse, match="2 meters"):
        parse_file(path, meter_id="attic")


def test_a_single_household_takes_the_name_it_is_given(tmp_path):
    path = written(tmp_path, f"{SHORT}\nMAC1,2013-01-01 00:00:00,0.1\n")

    assert parse_file(path, meter_id="attic")[0].meter_id == "attic"


def test_two_values_for_one_time_are_never_merged_silently(tmp_path):
    rows = [
        "MAC1,2013-01-01 00:00:00,0.1",
        "MAC1,2013-01-01 00:00:00, 0.100 ",
        "",
        "MAC1,2013-01-01 00:00:00,0.7",
    ]
    series = parse_file(written(tmp_path, "\n".join([SHORT, *rows])))[0]

    assert list(series.energy_wh) == [100.0]
    assert series.duplicates == 1
    assert series.rejected[0].line == 5
    assert "700 here and 100 in line 2; the first is kept" in series.rejected[0].reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("MAC1,2013-01-01 01:00:00,", "the value is missing"),
        ("MAC1,2013-01-01 01:00:00,  ", "the value is missing"),
        ("MAC1,2013-01-01 01:00:00,nan", "'nan' is no number"),
        ("MAC1,2013-01-01 01:00:00,inf", "'inf' is no number"),
        ("MAC1,2013-01-01 01:00:00,1_000", "'1_000' is no number"),
        ("MAC1,2013-01-01 01:00:00,-0.2", "-0.2 kWh is below zero"),
        ("MAC1,2013-01-01 01:00:00,1e300", "more than any meter counts"),
        ("MAC1,2013-01-01 01:10:00,0.2", "2013-01-01T01:10:00Z is off the half-hour grid"),
        ("MAC1,2013-01-01 01:00:00.5,0.2", "off the half-hour grid"),
        ("MAC1,2013-02-30 01:00:00,0.2", "'2013-02-30 01:00:00' is no time"),
        ("MAC1,NaT,0.2", "'NaT' is no time"),
        ("MAC1,2013,0.2", "'2013' is no time"),
        ("MAC1,0.2", "2 fields, the header has 3"),
        (",2013-01-01 01:00:00,0.2", "no household"),
    ],
)
def test_an_unusable_row_is_named_with_line_and_reason(tmp_path, row, reason):
    rows = ["MAC1,2013-01-01 00:00:00,0.1", "", row, "MAC1,2013-01-01 02:00:00,0.3"]

    series = parse_file(written(tmp_path, "\n".join([SHORT, *rows])))

    assert len(series) == 1
    assert series[0].rejected[0].line == 4
    assert reason in series[0].rejected[0].reason
    assert list(series[0].energy_wh) == [100.0, 300.0]
    assert series[0].rows_read == 3
    assert series[0].gaps == 3


def test_stamps_that_mark_the_end_are_moved_to_the_start(tmp_path):
    from energy_desktop.acquisition.files.lcl import parse_lcl

    path = written(tmp_path, f"{SHORT}\nMAC1,2013-01-01 00:30:00,0.1\n")

    assert iso_utc(parse_lcl(path, stamp="end")[0].first_ms) == "2013-01-01T00:00:00Z"


def test_a_file_of_rejects_only_yields_an_empty_series(tmp_path):
    series = parse_file(written(tmp_path, f"{SHORT}\nMAC1,2013-01-01 00:30:00,Null\n"))[0]

    assert (len(series.start_ms), series.gaps, series.first_ms, series.last_ms) == (
        0,
        0,
        None,
        None,
    )


def test_other_columns_are_refused_as_london(tmp_path):
    with pytest.raises(DataFileError, match="none of the London half-hourly layouts"):
        parse_file(written(tmp_path, "a,b\n1,2\n"), "lcl")

"""The published data sets, held against what their READMEs say, and the days of a clock change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.acquisition.files.guess import look, read_sample
from energy_desktop.acquisition.files.layout import CsvLayout
from energy_desktop.acquisition.files.reading import parse_file
from energy_desktop.domain.clock import iso_utc
from tests.support.shared_data import shared_data


def one(path, **more):
    (series,) = parse_file(path, **more)
    return series


def on_local_day(series, zone, year, month, day):
    """How many intervals of the series begin on a local day."""
    midnight = datetime(year, month, day, tzinfo=ZoneInfo(zone))
    first = midnight.timestamp() * 1000
    last = (midnight + timedelta(days=1)).timestamp() * 1000
    return int(np.count_nonzero((series.start_ms >= first) & (series.start_ms < last)))


@pytest.mark.parametrize(("year", "rows"), [(2007, 525_600), (2008, 527_040)])
def test_every_minute_of_the_household_is_there(year, rows):
    series = one(shared_data("household-minute") / f"household_power_{year}.csv.gz")

    assert series.step_s == 60
    assert series.rows_read == len(series.start_ms) == rows
    assert (series.gaps, series.duplicates, series.rejected) == (0, 0, ())
    # 31 December 23:00 UTC is midnight of standard time in France.
    assert iso_utc(series.first_ms) == f"{year - 1}-12-31T23:00:00Z"


def test_minutes_keep_their_energy_though_each_is_whole_wh():
    path = shared_data("household-minute") / "household_power_2007.csv.gz"
    import gzip

    with gzip.open(path, "rt") as file:
        next(file)
        kw = np.array([float(line.split(",")[1]) for line in file])

    series = one(path)

    assert series.energy_wh.sum() == pytest.approx(kw.sum() * 1000 / 60, abs=0.5 * 366)
    assert np.all(np.abs(series.energy_wh - kw * 1000 / 60) < 1.01)


def test_the_original_layout_of_the_household_has_its_hole():
    folder = shared_data("household-minute")

    series = one(folder / "household_power_consumption_2007-04_uci_layout.txt.gz")

    assert series.rows_read == 87_840
    assert len(series.rejected) == series.gaps == 3_723
    assert {reason for _, reason in series.rejected} == {"the value is missing"}
    assert len(series.start_ms) == 87_840 - 3_723
    filled = one(folder / "household_power_2007.csv.gz")
    at = (series.start_ms - filled.start_ms[0]) // 60_000
    assert np.all(np.abs(series.energy_wh - filled.energy_wh[at]) <= 1)
    hole = np.flatnonzero(np.diff(series.start_ms) > 60_000)
    assert iso_utc(int(series.start_ms[hole[0]]) + 60_000) == "2007-04-27T23:21:00Z"


def test_the_day_of_the_clock_change_has_all_its_minutes():
    series = one(shared_data("household-minute") / "household_power_2007.csv.gz")

    assert on_local_day(series, "Europe/Paris", 2007, 3, 25) == 23 * 60
    assert on_local_day(series, "Europe/Paris", 2007, 10, 28) == 25 * 60
    assert on_local_day(series, "Europe/Paris", 2007, 7, 1) == 24 * 60


def test_midnight_of_the_steel_plant_is_the_end_of_its_day():
    series = one(shared_data("industry-15min-steel") / "steel_2018_01_08.csv.gz")

    assert series.rows_read == len(series.start_ms) == 23_328
    assert (series.step_s, series.gaps, series.duplicates) == (900, 0, 0)
    assert iso_utc(series.first_ms) == "2017-12-31T15:00:00Z"  # midnight in Seoul
    assert iso_utc(series.last_ms) == "2018-08-31T14:45:00Z"
    assert list(series.energy_wh[:3]) == [3170, 4000, 3240]
    # Line 97 is `01-01-2018 00:00`: the last quarter of the first day.
    assert series.lines[95] == 97
    # Seoul has no summer time, nor has the plant: 96 quarters on any day.
    assert on_local_day(series, "Asia/Seoul", 2018, 3, 25) == 96


def test_the_building_of_the_genome_project_is_whole():
    path = shared_data("building-hourly") / "bdg2_building_1.csv.gz"

    series = one(path, site_zone="America/New_York")

    assert series.rows_read == len(series.start_ms) == 6_553
    assert (series.step_s, series.gaps, series.duplicates, series.rejected) == (3600, 0, 0, ())
    assert iso_utc(series.first_ms) == "2016-01-01T05:00:00Z"
    assert on_local_day(series, "America/New_York", 2016, 3, 13) == 23


@pytest.mark.parametrize(
    ("building", "rows", "stored", "median_kwh"),
    [
        ("118", 8784, 8784, 303.0),
        ("254", 8784, 8784, 331.9),
        ("439", 8784, 8784, 107.0),
        ("685", 8755, 8755, 309.2),
        ("685_with_missing", 8784, 8755, 309.2),
        ("1147", 8784, 8784, 325.9),
    ],
)
def test_the_labelled_buildings_have_their_rows(building, rows, stored, median_kwh):
    folder = shared_data("building-anomalies-labelled")

    series = one(folder / f"lead_building_{building}.csv.gz", site_zone="America/New_York")

    assert series.meter_id == building.split("_")[0]
    assert series.rows_read == rows
    assert len(series.start_ms) == stored
    assert len(series.rejected) == rows - stored
    assert series.gaps == 8784 - stored
    assert float(np.median(series.energy_wh)) / 1000 == pytest.approx(median_kwh, abs=0.06)
    assert on_local_day(series, "America/New_York", 2016, 11, 6) == 25
    assert on_local_day(series, "America/New_York", 2016, 3, 13) == 23


def test_both_clock_changes_of_london_have_their_half_hours():
    series = one(shared_data("london-halfhourly") / "MAC000018.csv.gz")

    assert series.rows_read == 17_520
    assert on_local_day(series, "UTC", 2013, 3, 31) == 48
    assert on_local_day(series, "Europe/London", 2013, 3, 31) == 46
    assert on_local_day(series, "Europe/London", 2013, 10, 27) == 50


def test_a_utc_file_does_not_jump_where_its_state_changes_the_clock():
    path = shared_data("load-halfhourly-victoria") / "vic_electricity_2012_2013.csv.gz"
    found = look(path)

    from dataclasses import replace

    series = one(path, layout=replace(found.layout, value_column="Demand", unit="MW"))

    assert series.rows_read == len(series.start_ms) == 35_088
    assert (series.step_s, series.gaps) == (1800, 0)
    assert on_local_day(series, "Australia/Melbourne", 2012, 10, 7) == 46
    assert on_local_day(series, "Australia/Melbourne", 2013, 4, 7) == 50


def test_offsets_in_the_stamps_need_no_zone():
    path = shared_data("pv-production") / "serf_east_1min_ac_power.csv.gz"
    found = look(path)

    assert found.layout.zone == "UTC"
    assert "unit" in found.unsaid
    assert found.layout.time_column == "measured_on"


@pytest.mark.parametrize(
    ("folder", "name", "title"),
    [
        ("household-minute", "household_power_2007.csv.gz", "UCI household, one minute"),
        ("industry-15min-steel", "steel_2018_01_08.csv.gz", "UCI steel industry, 15 minutes"),
        ("london-halfhourly", "MAC000018.csv.gz", "London households, half-hourly"),
        (
            "building-anomalies-labelled",
            "lead_building_118.csv.gz",
            "LEAD labelled buildings, hourly",
        ),
        (
            "building-hourly",
            "bdg2_building_1.csv.gz",
            "Building Data Genome 2, one building, hourly",
        ),
    ],
)
def test_a_published_set_is_known_by_its_header(folder, name, title):
    assert look(shared_data(folder) / name).title == title


def test_a_sample_is_read_as_the_whole_file_will_be():
    path = shared_data("industry-15min-steel") / "steel_2018_01_08.csv.gz"
    found = look(path)

    rows = read_sample(found, found.layout)

    series = one(path)
    assert [row.start_ms for row in rows] == series.start_ms[: len(rows)].tolist()
    assert [row.value for row in rows] == series.energy_wh[: len(rows)].tolist()
    assert datetime.fromtimestamp(rows[0].start_ms / 1000, UTC).hour == 15


def test_the_temperatures_of_the_known_results_are_read_in_celsius():
    (found,) = parse_file(shared_data("meter-known-results") / "il-tempF.csv.gz")

    assert found.quantity == "temperature_c"
    assert (len(found.values), found.step_s, found.rejected) == (19_417, 3600, ())
    assert found.values[0] == pytest.approx((21.01 - 32) / 1.8, abs=1e-5)


def test_the_temperature_beside_a_demand_is_read_by_its_name_and_unit():
    path = shared_data("load-halfhourly-victoria") / "vic_electricity_2012_2013.csv.gz"

    (found,) = parse_file(path, layout=CsvLayout(value_column="Temperature", unit="C"))

    assert (found.quantity, len(found.values), found.gaps) == ("temperature_c", 35_088, 0)
    assert found.values[:2].tolist() == [21.4, 21.05]

"""The small tables of local days say what the time zone database says."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.fleet import clock

ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
MINUTES = st.integers(946_684_800 // 60, 2_208_988_800 // 60)  # 2000 to 2040


def _row(table, key, value):
    first = table[key][0].as_py()
    found = {name: table[name][value - first].as_py() for name in table.column_names}
    assert found[key] == value
    return found


@pytest.mark.parametrize("zone", ZONES)
@settings(deadline=None)  # the table of a zone is made once, at the first call
@given(minute=MINUTES)
def test_utc_becomes_the_local_clock(zone, minute):
    row = _row(clock.utc_days(zone), "utc_day", minute // 1440)

    ahead = row["before_min"] if minute < row["switch_min"] else row["after_min"]

    local = datetime.fromtimestamp(60 * minute, UTC).astimezone(ZoneInfo(zone))
    assert ahead * 60 == local.utcoffset().total_seconds()


@pytest.mark.parametrize("zone", ZONES)
@settings(deadline=None)  # the table of a zone is made once, at the first call
@given(minute=MINUTES)
def test_the_local_clock_becomes_utc_where_it_says_one_time(zone, minute):
    row = _row(clock.local_days(zone), "local_day", minute // 1440)
    naive = datetime.fromtimestamp(60 * minute, UTC).replace(tzinfo=None)
    first, second = (naive.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))

    if first.utcoffset() != second.utcoffset():
        assert row["from_min"] <= minute < row["until_min"]
        assert bool(row["twice"]) == (first.utcoffset() > second.utcoffset())
    else:
        ahead = row["before_min"] if minute < row["from_min"] else row["after_min"]
        assert not row["from_min"] <= minute < row["until_min"]
        assert ahead * 60 == first.utcoffset().total_seconds()


def test_days_are_as_long_as_they_are():
    table = clock.calendar("Europe/London")

    lengths = {clock.day_of(d): m for d, m in zip(
        table["local_day"].to_pylist(), table["minutes"].to_pylist(), strict=True)}  # fmt: skip
    in_2013 = {str(day): m for day, m in lengths.items() if day.year == 2013 and m != 1440}
    assert in_2013 == {"2013-03-31": 1380, "2013-10-27": 1500}


@pytest.mark.parametrize("zone", (*ZONES, "Asia/Kathmandu", "UTC"))
@settings(deadline=None)  # the table of a zone is made once, at the first call
@given(minutes=st.lists(MINUTES, max_size=9))
def test_a_stamp_says_the_local_clock_and_its_offset(zone, minutes):
    told = clock.stamps(np.array(minutes, np.int64), zone).to_pylist()

    local = [datetime.fromtimestamp(60 * at, UTC).astimezone(ZoneInfo(zone)) for at in minutes]
    assert told == [at.isoformat(" ", "minutes") for at in local]


@pytest.mark.parametrize(
    ("zone", "edge"), [("Asia/Kolkata", 30), ("Asia/Kathmandu", 15), ("UTC", 30)]
)
def test_a_half_hour_of_any_clock_begins_at_an_edge(zone, edge):
    place = ZoneInfo(zone)

    begins = datetime(2013, 3, 1, 8, 30, tzinfo=place).timestamp() / 60

    assert clock.edge_min(zone) == edge
    assert begins % edge == 0

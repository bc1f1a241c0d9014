"""Stamps without an offset on the days of a clock change, as loggers write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from energy_desktop.acquisition.files.general_csv import CsvLayout, parse_csv

CHANGES = {
    "Europe/Berlin": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "Europe/London": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)),
    # Its clock moves by half an hour.
    "Australia/Lord_Howe": (
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2026, 4, 4, 15, tzinfo=UTC),
    ),
}


def start_plus_step(start: datetime, zone: ZoneInfo, step: timedelta) -> datetime:
    """The clock at the start of an interval and its length: it may end at a time no clock shows."""
    return start.astimezone(zone).replace(tzinfo=None) + step


def clock_at_the_end(start: datetime, zone: ZoneInfo, step: timedelta) -> datetime:
    return (start + step).astimezone(zone).replace(tzinfo=None)


def clock_at_the_start(start: datetime, zone: ZoneInfo, step: timedelta) -> datetime:
    return start.astimezone(zone).replace(tzinfo=None)


def around(change: datetime, step: timedelta, hours: int = 30) -> list[datetime]:
    first = change.replace(minute=0) - timedelta(hours=hours)
    return [first + k * step for k in range(int(timedelta(hours=2 * hours) / step))]


@pytest.mark.parametrize(
    ("zone", "step_min"),
    [
        *((zone, step) for zone in CHANGES for step in (15, 30)),
        # An hour of Lord Howe begins at half past in UTC for half the year.
        *((zone, 60) for zone in CHANGES if zone != "Australia/Lord_Howe"),
    ],
)
@pytest.mark.parametrize("season", ["spring", "autumn"])
@pytest.mark.parametrize("written", [start_plus_step, clock_at_the_end, clock_at_the_start])
@pytest.mark.parametrize("backwards", [False, True])
def test_no_interval_is_lost_doubled_or_moved(tmp_path, zone, season, step_min, written, backwards):
    step = timedelta(minutes=step_min)
    starts = around(CHANGES[zone][season == "autumn"], step)
    values = [1 + k * 7 % 11 for k in range(len(starts))]
    rows = [
        f"{written(start, ZoneInfo(zone), step):%Y-%m-%d %H:%M},{value}"
        for start, value in zip(starts, values, strict=True)
    ]
    path = tmp_path / "m.csv"
    path.write_text("\n".join(["time,energy_wh", *(rows[::-1] if backwards else rows)]) + "\n")

    stamp = "start" if written is clock_at_the_start else "end"
    (series,) = parse_csv(path, CsvLayout(zone=zone, stamp=stamp))

    assert series.start_ms.tolist() == [int(start.timestamp() * 1000) for start in starts]
    assert series.energy_wh.tolist() == values
    assert (series.gaps, series.duplicates, series.rejected) == (0, 0, ())


def test_what_is_in_doubt_is_read_as_the_start_plus_the_step(tmp_path):
    """Of a file that lacks every row that would tell the two ways apart."""
    kept = [f"2026-03-29 {at},1" for at in ("00:30", "01:00", "01:30", "02:00", "03:30", "04:00")]
    path = tmp_path / "m.csv"
    path.write_text("\n".join(["time,energy_wh", *kept]) + "\n")

    (series,) = parse_csv(path, CsvLayout(zone="Europe/Berlin", stamp="end"))

    first = int(datetime(2026, 3, 28, 23, tzinfo=UTC).timestamp() * 1000)
    assert series.start_ms.tolist() == [first + k * 1_800_000 for k in range(6)]
    assert series.rejected == ()


def test_stamps_with_their_offset_are_taken_at_their_word(tmp_path):
    rows = ["2026-10-25T02:00+02:00,1", "2026-10-25T02:00+01:00,2", "2026-10-25T03:00+01:00,3"]
    path = tmp_path / "m.csv"
    path.write_text("\n".join(["time,energy_wh", *rows]) + "\n")

    (series,) = parse_csv(path, CsvLayout(zone="Europe/Berlin", stamp="end"))

    first = int(datetime(2026, 10, 24, 23, tzinfo=UTC).timestamp() * 1000)
    assert series.start_ms.tolist() == [first + k * 3_600_000 for k in range(3)]

"""What a meter's own clock says, and what the log says of it."""

import logging
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.meter_clock import ClockRegister, local_ms, shown_ms
from energy_desktop.acquisition.profile_file import parse_profile, problems_of
from energy_desktop.acquisition.schedule import Slots
from energy_desktop.acquisition.tracking import MeterTrack
from energy_desktop.domain.clock import parse_utc, to_ms
from energy_desktop.domain.site import Meter

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = parse_utc("2026-03-10T09:08:07")
WHERE = "Lathe (SDM120, COM4, unit 7)"


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


@pytest.mark.parametrize(
    ("value_format", "raw"),
    [
        ("unix32", (NOW_MS // 1000).to_bytes(4, "big")),
        ("sunspec32", (NOW_MS // 1000 - 946_684_800).to_bytes(4, "big")),
        ("datetime4", words(26, 3 << 8 | 10, 10 << 8 | 8, 7_000)),  # 10:08:07 in Berlin
        ("datetime4", words(26, 3 << 8 | 3 << 5 | 10, 1 << 15 | 10 << 8 | 8, 7_000)),
        ("fields6", words(2026, 3, 10, 10, 8, 7)),
        ("fields6", words(26, 3, 10, 10, 8, 7)),
    ],
)
def test_a_clock_is_read_in_each_format(value_format, raw):
    clock = ClockRegister(0, value_format=value_format)

    assert shown_ms(raw, clock, BERLIN, NOW_MS) == NOW_MS


@pytest.mark.parametrize(
    ("value_format", "raw"),
    [
        ("unix32", words(0, 0)),
        ("sunspec32", words(0xFFFF, 0xFFFF)),
        ("fields6", words(0, 0, 0, 0, 0, 0)),
        ("fields6", words(2026, 2, 30, 0, 0, 0)),
        ("datetime4", words(26, 3 << 8 | 10, 10 << 8 | 8, 60_000)),
        ("unix32", words(1)),
    ],
)
def test_a_clock_that_is_not_set_tells_nothing(value_format, raw):
    clock = ClockRegister(0, value_format=value_format)

    assert shown_ms(raw, clock, BERLIN, NOW_MS) is None


def test_the_words_of_a_clock_may_be_turned():
    high, low = divmod(NOW_MS // 1000, 1 << 16)

    clock = ClockRegister(0, word_order="CDAB")

    assert shown_ms(words(low, high), clock, None, NOW_MS) == NOW_MS


@given(st.integers(parse_utc("2020-01-01") // 1000, parse_utc("2030-01-01") // 1000))
def test_a_local_clock_that_is_right_is_never_found_wrong(second):
    now = datetime.fromtimestamp(second, UTC)
    wall = now.astimezone(BERLIN).replace(tzinfo=None)

    assert local_ms(wall, BERLIN, to_ms(now)) == to_ms(now)


def test_a_local_clock_says_nothing_where_the_zone_is_not_known():
    assert local_ms(datetime.fromisoformat("2026-03-10T10:00"), None, NOW_MS) is None


def test_a_wrong_clock_is_told_once_and_once_when_it_is_right_again(caplog):
    caplog.set_level(logging.INFO)
    track = MeterTrack(Meter("m1", "Lathe"), WHERE, Slots(0.0, 1.0))

    for ahead_s in (2, 59, 75, 80, 58, 50, 61, 44, 3):
        track.clock_showed(NOW_MS + ahead_s * 1000, NOW_MS)

    said = [(r.levelname, r.getMessage()) for r in caplog.records]
    assert said == [
        (
            "WARNING",
            f"{WHERE}: its own clock is 1 min 15 s ahead. Readings carry the time of this "
            "computer; set the meter's clock.",
        ),
        ("INFO", f"{WHERE}: its own clock is right again."),
    ]


def test_the_difference_stands_in_the_status_and_stays_through_a_failure():
    track = MeterTrack(Meter("m1", "Lathe"), WHERE, Slots(0.0, 1.0))
    track.clock_showed(NOW_MS - 3_600_000, NOW_MS)

    track.answered(0.0, NOW_MS, 1.0, 0)

    assert track.status.clock_ahead_s == -3_600.0


DRIVER = """
id = "own"
clock = { address = 0x0734, format = "datetime4" }
[quantities]
power_w = { address = 0 }
"""


def test_a_driver_declares_where_the_clock_stands():
    profile = parse_profile(DRIVER, "own.toml")

    assert profile.clock == ClockRegister(0x0734, 3, "datetime4")
    assert profile.layout.quantities == ("power_w",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('clock = { address = 1, format = "bcd" }', "is none of unix32"),
        ('clock = { format = "unix32" }', "no address"),
        ("clock = { address = 65535 }", "65534"),
        ("clock = { address = 1, function = 6 }", "3 reads holding"),
        ('clock = { address = 1, word_order = "BADC" }', "big or as little"),
        ("clock = { adress = 1 }", "adress"),
    ],
)
def test_a_mistake_in_the_clock_is_named_with_its_line(line, words):
    text = DRIVER.replace('clock = { address = 0x0734, format = "datetime4" }', line)

    ((number, what), *_) = problems_of(text, "own.toml")

    assert (number, words in what) == (3, True), what

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain import wording
from energy_desktop.domain.clock import parse_utc

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234.5, 1, "1,234.5"),
        (-1234.5, 1, "\u22121,234.5"),
        (0.125, 2, "0.13"),
        (-0.04, 1, "0.0"),  # no minus before nothing
        (None, 1, "\u2013"),
        (float("nan"), 1, "\u2013"),
        (Decimal("0.30"), 4, "0.3000"),
        (12.0, 0, "12"),
        (999_999_999_999_999.0, 0, "999,999,999,999,999"),
        (-3.4028235e38, 2, "\u22123.4e+38"),  # turned words of a float
        (Decimal(10) ** 40, 2, "1.0e+40"),
    ],
)
def test_a_number_is_written_one_way(value, decimals, text):
    assert wording.number(value, decimals) == text


@given(st.floats() | st.decimals(allow_nan=False), st.integers(0, 4))
def test_whatever_was_measured_can_be_written(value, decimals):
    assert 1 <= len(wording.number(value, decimals)) <= 26


def test_each_kind_has_its_decimals():
    assert wording.money(12_345_600) == "1,234.56"
    assert wording.unit_price(Decimal("0.3")) == "0.3000"
    assert wording.kwh(41_250) == "41.3"
    assert wording.kw(None) == "\u2013"
    assert wording.percent(99.95) == "100.0 %"


@given(st.integers(-(10**12), 10**12))
def test_money_is_written_without_loss_to_the_cent(cents):
    text = wording.money(cents * 100).replace(",", "").replace("\u2212", "-")

    assert Decimal(text) * 100 == cents


@pytest.mark.parametrize(
    ("utc", "text"),
    [
        ("2026-10-25T00:30:00Z", "25 Oct 2026 02:30 (UTC+02:00)"),
        ("2026-10-25T01:30:00Z", "25 Oct 2026 02:30 (UTC+01:00)"),
    ],
)
def test_the_ambiguous_hour_is_told_apart_by_its_offset(utc, text):
    assert wording.stamp(parse_utc(utc), BERLIN) == text


def test_an_offset_west_of_greenwich_has_a_true_minus():
    assert wording.offset(parse_utc("2026-01-01T00:00:00Z"), ZoneInfo("America/New_York")) == (
        "UTC\u221205:00"
    )


def test_durations_days_and_counts_read_as_words():
    assert [wording.hours(m) for m in (40, 111, 26 * 60)] == ["40 min", "1 h 51", "26 h"]
    assert wording.day(date(2026, 3, 29)) == "Sun 29 Mar 2026"
    assert wording.month("2026-03") == "March 2026"
    assert wording.count(1, "interval") == "1 interval"
    assert wording.count(1_200, "interval") == "1,200 intervals"

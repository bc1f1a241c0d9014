"""The one formatter: units, minus signs, unknown values, times over a change of the clock."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats

NOW = datetime(2025, 10, 14, 12, 37, 12, tzinfo=UTC)
NBSP = "\u00a0"


def a_formats(**other):
    return Formats("Europe/Berlin", clock=lambda: NOW, **other)


def ms(*parts):
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("watts", "text"),
    [
        (0.0, "0.0 kW"),
        (730.4, "730 W"),
        (999.4, "999 W"),
        (999.6, "1.0 kW"),
        (52_400, "52.4 kW"),
        (-52_400, "−52.4 kW"),
        (999_940, "999.9 kW"),
        (1_250_000, "1.25 MW"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_power_is_in_w_under_a_thousand_then_kw_then_mw(watts, text):
    assert a_formats().power(watts).replace(NBSP, " ") == text


@pytest.mark.parametrize(
    ("wh", "text"),
    [(62_000, "62.0 kWh"), (10_000_000, "10,000.0 kWh"), (85_100_000, "85.1 MWh"), (0, "0.0 kWh")],
)
def test_energy_is_in_kwh_up_to_ten_thousand_of_them(wh, text):
    assert a_formats().energy(wh).replace(NBSP, " ") == text


def test_a_column_keeps_one_unit_for_all_its_rows():
    scale = a_formats().scale("W", [120.0, 52_400.0, None])

    assert scale.header("Power") == "Power, kW"
    assert [scale.text(v) for v in (120.0, 52_400.0, None)] == ["0.1", "52.4", "–"]


def test_a_value_that_rounds_to_zero_has_no_minus():
    assert a_formats().number(-0.04, 1) == "0.0"
    assert a_formats().percent(-0.2, signed=True) == f"0{NBSP}%"


@pytest.mark.parametrize(
    ("units", "text"),
    [(4_762_000, "€ 476.20"), (-184_000, "− € 18.40"), (0, "€ 0.00"), (None, "–")],
)
def test_money_has_two_decimals_and_its_sign_in_front(units, text):
    assert a_formats().money(units).replace(NBSP, " ") == text


@given(st.integers(-(10**12), 10**12))
def test_no_cent_is_lost_between_units_and_text(cents):
    text = a_formats().amount(cents * 100)
    digits = text.replace("−", "-").replace(",", "")
    assert Decimal(digits) * 100 == cents


@given(st.floats(-1e9, 1e9))
def test_no_number_is_written_with_a_hyphen(value):
    formats = a_formats()
    for text in (formats.power(value), formats.energy(value), formats.number(value, 2)):
        assert "-" not in text


def test_another_locale_has_its_own_signs_and_months():
    german = a_formats(locale="de")

    assert german.energy(12_345_678).replace(NBSP, " ") == "12,3 MWh"
    assert german.number(1234.5, 1) == "1.234,5"
    assert german.day(ms(2025, 10, 14, 10)).startswith("Di")


def test_a_moment_is_as_short_as_it_may_be():
    formats = a_formats()

    assert formats.moment(ms(2025, 10, 14, 12, 33, 8)) == "14:33:08"
    assert formats.moment(ms(2025, 10, 13, 10, 30)) == "13 Oct 12:30"
    assert formats.moment(ms(2024, 10, 13, 10, 30)) == "13 Oct 2024"


def test_the_hour_that_happens_twice_names_its_zone():
    formats = a_formats()

    assert formats.clock_time(ms(2025, 10, 26, 0, 30)) == "02:30 CEST"
    assert formats.clock_time(ms(2025, 10, 26, 1, 30)) == "02:30 CET"
    assert formats.clock_time(ms(2025, 10, 26, 2, 30)) == "03:30"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12, "12 s"), (240, "4 min"), (6660, "1 h 51"), (3600, "1 h"), (26 * 3600, "26 h")],
)
def test_durations_have_one_or_two_parts(seconds, text):
    assert a_formats().duration(seconds) == text


def test_a_period_of_whole_days_ends_with_its_last_day():
    formats = a_formats()
    start, end = ms(2025, 7, 14, 22), ms(2025, 10, 13, 22)

    assert formats.period(start, end) == "15 Jul to 13 Oct 2025"
    assert formats.period(ms(2025, 10, 12, 22), end) == "13 Oct 2025"
    assert formats.period(ms(2025, 10, 13, 8), ms(2025, 10, 13, 14)) == "13 Oct 10:00 to 16:00"


def test_quantities_use_the_units_of_the_one_table():
    formats = a_formats()

    assert formats.quantity("voltage_l1_v", 231.29).replace(NBSP, " ") == "231.3 V"
    assert formats.quantity("frequency_hz", 49.987).replace(NBSP, " ") == "49.99 Hz"
    assert formats.quantity("power_factor", 0.834) == "0.83"


def test_no_number_of_the_window_is_grouped_past_the_locale_of_the_reader():
    """ "2,005" is two and a bit where the comma is the decimal sign."""
    folder = Path(theme.__file__).parent
    grouped = re.compile(r":,(\.\d+f)?\}")

    found = [
        f"{file.relative_to(folder)}: {line.strip()}"
        for file in sorted(folder.rglob("*.py"))
        if file.name != "formatting.py"
        for line in file.read_text(encoding="utf-8").splitlines()
        if grouped.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("text", "english", "german"),
    [
        ("146,912.940", "146912.940", "146912.940"),
        ("146.912,940", "146912.940", "146912.940"),
        ("146 912,94", "146912.94", "146912.94"),
        ("1,234", "1234", "1.234"),
        ("1.234", "1.234", "1234"),
        ("1.234.567", "1234567", "1234567"),
        ("0.125", "0.125", "0.125"),
        ("90.5", "90.5", "90.5"),
        ("1,0", "1.0", "1.0"),
        ("\u22124,5", "-4.5", "-4.5"),
        ("12,34.5", None, None),
        ("1.2.3", None, None),
        ("1e9", None, None),
        ("about 5", None, None),
        ("", None, None),
    ],
)
def test_a_typed_number_is_read_as_its_reader_writes_it(text, english, german):
    read = [a_formats(locale=name).read_number(text) for name in ("en", "de")]

    assert read == [None if wanted is None else Decimal(wanted) for wanted in (english, german)]


@given(st.decimals(min_value=0, max_value=10**12, places=3), st.sampled_from(["en", "de", "fr"]))
def test_what_is_shown_is_read_back(value, locale):
    formats = a_formats(locale=locale)

    assert formats.read_number(formats.number(value, 3)) == value


@pytest.mark.parametrize(
    ("sentence", "german"),
    [
        ("Each tenth of it less is worth 1,735 EUR a year.", "worth 1.735 EUR a year."),
        ("8.0 kW run day and night, 33 % of the mean.", "8,0 kW run day and night, 33 % of"),
        ("the highest 15 min were 69.2 kW on 31 Aug", "were 69,2 kW on 31 Aug"),
        ("1,234,567.8 kWh at 10.20.4.30, port 502", "1.234.567,8 kWh at 10.20.4.30, port 502"),
        ("Board 1.2 and Pump 3,4 on 127.0.0.1:15020", "Board 1.2 and Pump 3,4 on 127.0.0.1:15020"),
        ("energy_desktop 0.9.0 of 12 Oct", "energy_desktop 0.9.0 of 12 Oct"),
    ],
)
def test_quantities_in_sentences_have_the_signs_of_the_reader(sentence, german):
    assert a_formats().told(sentence) == sentence
    assert german in a_formats(locale="de").told(sentence)

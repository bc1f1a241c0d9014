"""Prices and powers of slots: mixed steps are read, anything doubtful ends with file and line."""

import pytest

from energy_desktop.acquisition.files.power_csv import read_powers
from energy_desktop.acquisition.files.prices import read_prices
from energy_desktop.domain.errors import DataFileError

MINUTE_MS = 60_000


def a_csv(tmp_path, *lines):
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_steps_of_15_30_and_60_minutes_mix_and_the_last_is_as_long_as_the_one_before(tmp_path):
    path = a_csv(
        tmp_path,
        "start_utc,price_per_kwh,export_price_per_kwh",
        "2025-09-30T22:00:00Z,0.10,0.05",
        "2025-09-30T23:00:00Z,0.20,-0.01",
        "2025-09-30T23:30:00Z,0.30,0.07",
        "2025-09-30T23:45:00Z,0.40,0.08",
    )

    slots = read_prices(path)

    assert [(slot.end_ms - slot.start_ms) // MINUTE_MS for slot in slots] == [60, 30, 15, 15]
    assert [slot.import_per_kwh for slot in slots] == [0.10, 0.20, 0.30, 0.40]
    assert slots[1].export_per_kwh == -0.01


def test_one_price_holds_both_ways(tmp_path):
    path = a_csv(
        tmp_path, "start_utc,price_per_kwh", "2026-01-01 00:00,0.1", "2026-01-01 01:00,-0.2"
    )

    assert [(s.import_per_kwh, s.export_per_kwh) for s in read_prices(path)] == [
        (0.1, 0.1),
        (-0.2, -0.2),
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["2026-01-01T00:00:00Z,0.1", "2026-01-01T00:00:00Z,0.1"], "line 3: .*a second time"),
        (["2026-01-01T01:00:00Z,0.1", "2026-01-01T00:00:00Z,0.1"], "line 3: .*is before"),
        (["2026-01-01T00:00:00Z,0.1", "2026-01-01T02:00:00Z,0.1"], "line 3: .*120 min after"),
        (["2026-01-01T00:00:00Z,0.1", "2026-01-01T01:00:00Z,nan"], "line 3: .*'nan'.*no number"),
        (["2026-01-01T00:00:00Z,0.1", "2026-01-01T01:00:00Z,"], "line 3: .*no number"),
        (["yesterday,0.1", "2026-01-01T01:00:00Z,1"], "line 2: .*'yesterday'.*no time"),
        (["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z,1"], "line 2: 1 fields"),
        (["2026-01-01T00:00:00Z,0.1"], "1 rows; the step needs two"),
    ],
)
def test_a_doubtful_row_ends_the_reading_with_its_line(tmp_path, rows, said):
    with pytest.raises(DataFileError, match=rf"prices\.csv.*{said}"):
        read_prices(a_csv(tmp_path, "start_utc,price_per_kwh", *rows))


def test_a_missing_column_is_named(tmp_path):
    path = a_csv(tmp_path, "time,price", "2026-01-01T00:00:00Z,1", "2026-01-01T01:00:00Z,1")

    with pytest.raises(DataFileError, match="no column start_utc"):
        read_prices(path)
    with pytest.raises(DataFileError, match="no column start_utc"):
        read_powers(path, "load_w")


def test_powers_keep_small_negative_values(tmp_path):
    path = a_csv(
        tmp_path, "start_utc,pv_w", "2026-01-01T00:00:00Z,-2.5", "2026-01-01T00:15:00Z,1000"
    )

    powers = read_powers(path, "pv_w")

    assert list(powers.power_w) == [-2.5, 1000.0]
    assert list(powers.end_ms - powers.start_ms) == [15 * MINUTE_MS] * 2

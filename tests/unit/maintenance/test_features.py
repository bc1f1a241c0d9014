from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.analytics.maintenance.features import daily_features, local_days_ms
from energy_desktop.domain.clock import parse_utc
from energy_desktop.domain.energy import Buckets, IntervalQuality, Intervals

BERLIN = "Europe/Berlin"
START = parse_utc("2026-03-27T23:00:00Z")  # local midnight; the clock changes on the 29th


def minutes_of(power_w: np.ndarray) -> Buckets:
    start = START + np.arange(len(power_w), dtype=np.int64) * 60_000
    count = np.full(len(power_w), 60)
    return Buckets(
        "m", "power_w", start, start + 60_000, count, power_w, power_w, power_w, power_w, power_w
    )


def test_the_short_day_of_spring_has_23_hours():
    features = daily_features(minutes_of(np.full(1440 + 1380, 1000.0)), BERLIN)

    assert features.energy_wh.tolist() == pytest.approx([24_000, 23_000])
    assert features.running_hours.tolist() == pytest.approx([24, 23])
    assert features.usable.all()


def test_running_hours_count_only_what_stands_clear_of_standby():
    power = np.full(1440, 20.0)
    power[480:960] = 3_000.0

    features = daily_features(minutes_of(power), BERLIN)

    assert features.running_hours[0] == pytest.approx(8)


def test_a_day_with_an_hour_and_a_half_missing_is_not_usable():
    power = np.full(1440, 1000.0)
    power[:90] = np.nan

    features = daily_features(minutes_of(power), BERLIN)

    assert not features.usable[0]
    assert features.energy_wh[0] == pytest.approx(22_500)


@pytest.mark.parametrize("quality", [IntervalQuality.ESTIMATED, IntervalQuality.QUARANTINED])
def test_one_interval_that_was_not_measured_keeps_the_day_out(quality):
    start = START + np.arange(96, dtype=np.int64) * 900_000
    qualities = np.zeros(96, np.int8)
    qualities[5] = quality
    ledger = Intervals("m", "energy_import_wh", 900, start, np.full(96, 260.0), qualities)

    features = daily_features(minutes_of(np.full(1440, 1000.0)), BERLIN, ledger=ledger)

    assert not features.usable[0]


def test_energy_comes_from_the_register_where_there_is_one():
    start = START + np.arange(96, dtype=np.int64) * 900_000
    ledger = Intervals(
        "m", "energy_import_wh", 900, start, np.full(96, 260.0), np.zeros(96, np.int8)
    )

    features = daily_features(minutes_of(np.full(1440, 1000.0)), BERLIN, ledger=ledger)

    assert features.energy_wh[0] == pytest.approx(96 * 260)
    assert features.usable[0]


def test_nothing_measured_gives_no_days():
    features = daily_features(minutes_of(np.empty(0)), BERLIN)

    assert len(features.day_ms) == 0
    assert len(local_days_ms(5, 5, ZoneInfo(BERLIN))) == 0

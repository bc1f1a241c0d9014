"""Each rule finds what it is for, and leaves alone what only looks like it."""

import numpy as np
import pytest

from energy_desktop.analytics.vee.rules import failed_rules, runs_of
from energy_desktop.analytics.vee.sufficiency import sufficiency
from energy_desktop.domain.energy import DAY_MS, IntervalQuality, Intervals

QUARTER = 900_000
DAYS = np.arange(0, 15, dtype=np.int64) * DAY_MS


def an_energy(days=2, seed=1):
    """500 Wh a quarter hour by day and 100 at night, with noise."""
    rng = np.random.default_rng(seed)
    hour = np.arange(days * 96) // 4 % 24
    base = np.where((hour >= 7) & (hour < 18), 500.0, 100.0)
    return np.rint(base + rng.normal(0, 15, len(base)))


def rules(energy, **more):
    starts = np.arange(len(energy), dtype=np.int64) * QUARTER
    return failed_rules(starts, energy, 900, DAYS, **more)


def failing(energy, **more):
    return {i: name for i, name in enumerate(rules(energy, **more)) if name}


def test_ordinary_days_fail_nothing():
    assert failing(an_energy(14), limit_w=44_000, past_peak_wh=560.0) == {}


@pytest.mark.parametrize(
    ("value", "rule"), [(np.nan, "gap"), (-1.0, "low limit"), (11_001.0, "high limit")]
)
def test_a_value_out_of_its_bounds_is_named(value, rule):
    energy = an_energy()
    energy[50] = value

    assert failing(energy, limit_w=44_000) == {50: rule}


def test_more_than_half_as_much_again_as_ever_before_is_a_peak():
    energy = an_energy()
    energy[50] = 900.0

    assert failing(energy, past_peak_wh=590.0) == {50: "historical peak"}
    assert failing(energy, past_peak_wh=610.0) == {}


def test_one_value_towering_over_its_day_is_a_spike_unless_the_meter_was_that_high_before():
    energy = an_energy()
    energy[50] = 1_700.0

    assert failing(energy) == {50: "spike"}
    assert failing(energy, past_peak_wh=1_800.0) == {}


def test_two_spikes_do_not_hide_each_other_but_a_kettle_every_day_is_no_spike():
    energy = an_energy(6)
    energy[50], energy[150] = 1_700.0, 2_400.0
    kettle = an_energy(6)
    kettle[50::96] = 1_700.0
    kettle[50 + 3 * 96] = 2_000.0

    assert failing(energy) == {50: "spike", 150: "spike"}
    assert failing(kettle) == {}


def test_two_high_quarter_hours_are_a_machine_and_no_spike():
    energy = an_energy()
    energy[50:53] = 1_700.0

    assert failing(energy) == {}


def test_the_same_value_for_hours_is_frozen_where_the_meter_counts_finely():
    energy = an_energy()
    energy[30:60] = 512.0

    assert set(failing(energy)) == set(range(30, 60))
    assert set(failing(energy).values()) == {"frozen value"}


def test_a_meter_that_counts_in_coarse_steps_may_repeat_itself():
    energy = 100.0 * np.rint(an_energy() / 100.0)

    assert failing(energy) == {}


def test_a_register_that_stands_while_power_is_told_is_frozen_and_one_at_rest_is_not():
    energy = an_energy()
    energy[30:50] = 0.0
    power = np.where(energy > 0, energy * 4, 2_000.0)

    assert set(failing(energy, power_w=power)) == set(range(30, 50))
    assert failing(energy, power_w=energy * 4) == {}


def test_runs_of_one_rule_are_told_as_one():
    assert runs_of(("", "gap", "gap", "spike", "", "gap")) == [
        ("gap", 1, 3),
        ("spike", 3, 4),
        ("gap", 5, 6),
    ]


def a_year(days=365, quality=IntervalQuality.RAW, values=None):
    energy = np.random.default_rng(2).integers(1, 5_000, days * 24).astype(float)
    if values is not None:
        energy[:] = values
    starts = np.arange(len(energy), dtype=np.int64) * 3_600_000
    edges = np.arange(days + 1, dtype=np.int64) * DAY_MS
    ledger = Intervals(
        "m", "energy_import_wh", 3600, starts, energy, np.full(len(energy), quality, np.int8)
    )
    return ledger, edges


def test_a_measured_year_is_enough():
    found = sufficiency(*a_year())

    assert found.enough
    assert (found.days, found.good_days, found.measured_pct) == (365, 365, 100.0)


@pytest.mark.parametrize(
    ("year", "word"),
    [
        (a_year(days=200), "329 to 366"),
        (a_year(quality=IntervalQuality.ESTIMATED), "0 of 365 days"),
        (a_year(quality=IntervalQuality.EDITED), "0 of 365 days"),
        (a_year(values=417.0), "distinct"),
    ],
)
def test_a_year_that_proves_nothing_says_why(year, word):
    found = sufficiency(*year)

    assert not found.enough
    assert any(word in sentence for sentence in found.problems)

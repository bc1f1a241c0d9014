"""A known total is spread to the watt-hour, whatever the shape; nothing becomes negative."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.analytics.vee.exact import apportion, scaled, whole

WEIGHTS = st.lists(
    st.floats(min_value=0, max_value=1e12, allow_nan=False) | st.just(float("nan")),
    min_size=1,
    max_size=400,
)
ENERGIES = st.lists(st.integers(0, 10**9), min_size=1, max_size=400)


@given(st.integers(0, 10**13), WEIGHTS)
def test_the_parts_of_a_total_sum_to_it_and_none_is_negative(total, shape):
    parts = apportion(total, np.array(shape))

    assert int(parts.sum()) == total
    assert (parts >= 0).all()
    assert len(parts) == len(shape)


@given(st.integers(1, 10**12), WEIGHTS)
def test_a_negative_total_is_the_mirror_of_a_positive_one(total, shape):
    up, down = apportion(total, np.array(shape)), apportion(-total, np.array(shape))

    assert int(down.sum()) == -total
    assert (np.abs(up + down) <= 1).all()


@given(st.integers(0, 10**9), ENERGIES)
def test_each_part_is_within_a_watt_hour_of_its_share(total, shape):
    weights = np.array(shape, float)

    parts = apportion(total, weights)

    share = weights / weights.sum() if weights.sum() else np.full(len(weights), 1 / len(weights))
    assert (np.abs(parts - share * total) <= 1 + 1e-6 * total / 1e6).all()


@given(ENERGIES)
def test_a_shape_of_whole_watt_hours_with_its_own_sum_stays_as_it_is(energies):
    values = np.array(energies, np.int64)

    assert (apportion(int(values.sum()), values.astype(float)) == values).all() or not values.sum()
    assert (scaled(values, Decimal(1)) == values).all()


@given(ENERGIES, st.decimals(0, 1000, places=4, allow_nan=False))
def test_scaling_rounds_the_sum_once(energies, factor):
    values = np.array(energies, np.int64)

    after = scaled(values, factor)

    assert int(after.sum()) == int(
        (Decimal(sum(energies)) * factor).quantize(Decimal(1), ROUND_HALF_UP)
    )
    assert (after >= 0).all()


@given(st.lists(st.floats(0, 1e6, allow_nan=False), max_size=200))
def test_fractions_of_imported_energy_round_to_their_sum(energies):
    parts = whole(np.array(energies, float))

    assert int(parts.sum()) == round(float(np.sum(energies)))
    assert (parts >= 0).all()


def test_no_shape_at_all_is_spread_evenly():
    parts = apportion(10, np.zeros(4))

    assert parts.tolist() == [2, 3, 3, 2]

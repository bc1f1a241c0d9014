"""Thinning a curve loses no peak and joins no gap."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from energy_desktop.ui.widgets.decimate import break_at_gaps, decimate

VALUES = hnp.arrays(
    np.float64,
    st.integers(1, 3000),
    elements=st.floats(-1e6, 1e6, allow_nan=False) | st.just(float("nan")),
)


@settings(max_examples=60)
@given(VALUES, st.integers(1, 200))
def test_the_lowest_and_highest_value_survive(y, columns):
    x = np.arange(len(y), dtype=float)

    _, thin = decimate(x, y, 0.0, float(len(y)), columns)

    assert len(thin) <= 2 * columns + 4
    if np.isfinite(y).any():
        assert np.nanmin(thin) == np.nanmin(y)
        assert np.nanmax(thin) == np.nanmax(y)
    else:
        assert not np.isfinite(thin).any()


@settings(max_examples=60)
@given(VALUES, st.integers(1, 200))
def test_times_stay_in_order_and_every_value_was_measured(y, columns):
    x = np.arange(len(y), dtype=float)

    thin_x, thin_y = decimate(x, y, 0.0, float(len(y)), columns)

    assert (np.diff(thin_x) >= 0).all()
    assert set(thin_y[np.isfinite(thin_y)]) <= set(y[np.isfinite(y)])


def test_each_pixel_column_keeps_its_own_extremes():
    x = np.arange(86_400.0)
    y = np.sin(x / 500)
    y[40_000] = 50.0  # one second of a day

    _, thin = decimate(x, y, 0.0, 86_400.0, 1000)

    assert thin.max() == 50.0


def test_a_gap_wider_than_a_column_stays_a_gap():
    x = np.arange(86_400.0)
    y = np.ones(86_400)
    y[40_000:50_000] = np.nan

    thin_x, thin_y = decimate(x, y, 0.0, 86_400.0, 1000)

    inside = (thin_x > 40_200) & (thin_x < 49_800)
    assert inside.any() and np.isnan(thin_y[inside]).all()


def test_a_zoom_keeps_the_neighbours_outside_the_window():
    x = np.arange(1000.0)

    thin_x, _ = decimate(x, x, 100.5, 200.5, 500)

    assert thin_x[0] == 100.0 and thin_x[-1] == 201.0


def test_readings_far_apart_are_not_joined():
    x, y = break_at_gaps(np.array([0.0, 1, 2, 60, 61]), np.arange(5.0), 3.0)

    assert np.isnan(y).sum() == 1 and np.isnan(y[3])
    assert (np.diff(x) >= 0).all()

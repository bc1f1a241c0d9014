import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.analytics.maintenance import cusum


def test_siegmund_agrees_with_the_published_run_lengths():
    # Montgomery, tabular CUSUM with k = 0.5: 168 and 465 in control, 38.0 and 10.4 at h = 5.
    # The published figures are for two sides; one side takes twice as long in control.
    assert cusum.average_run_length(4.0, 0.5) == pytest.approx(2 * 168, rel=0.03)
    assert cusum.average_run_length(5.0, 0.5) == pytest.approx(2 * 465, rel=0.03)
    assert cusum.average_run_length(5.0, 0.5, shift=0.5) == pytest.approx(38.0, rel=0.03)
    assert cusum.average_run_length(5.0, 0.5, shift=1.0) == pytest.approx(10.4, rel=0.03)


def test_the_bare_threshold_gives_a_little_more_than_one_false_alarm_a_year():
    # On known, independent noise; learning, correlation and standing alarms take it to one.
    h = cusum.threshold(100_000, 1)
    z = np.random.default_rng(1).standard_normal((400, 730))
    height = np.zeros(400)
    alarms = 0
    for day in range(730):
        height = np.maximum(0, height + z[:, day] - cusum.REFERENCE)
        alarms += int((height > h).sum())
        height[height > h] = 0

    assert 1.0 <= alarms / 800 <= 1.7


def test_fewer_days_to_learn_from_raise_the_threshold():
    heights = [cusum.threshold(days, 3) for days in (21, 28, 42, 90, 1000)]

    assert heights == sorted(heights, reverse=True)


@given(st.lists(st.floats(-10, 10) | st.just(float("nan")), max_size=60))
def test_the_path_never_falls_below_zero_and_days_without_verdict_hold_it(values):
    path = cusum.accumulate(np.array(values, float))

    assert np.all(path >= 0)
    for i, value in enumerate(values):
        if np.isnan(value):
            assert path[i] == (path[i - 1] if i else 0)


@given(st.integers(3, 60), st.integers(5, 40), st.booleans())
def test_a_clean_bend_is_dated_to_the_day(before, after, ramp):
    change = np.arange(1, after + 1) * 0.01 if ramp else np.full(after, 0.1)

    assert cusum.bend(np.concatenate([np.zeros(before), change]), 0.001) == before


def test_a_baseline_of_more_days_promises_a_slower_creep():
    slopes = [cusum.detectable_slope(days, 3) for days in (21, 42, 365)]

    assert slopes == sorted(slopes, reverse=True)
    assert 0 < slopes[-1] < 0.05

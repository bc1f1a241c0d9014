"""Each cause of an unexplained rest is named from the mark that it leaves, and only that one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.analytics.balance import Cause, explain

HOURS = 24 * 14


def loads(seed=1, count=3):
    """Sub-meters with a day shape of their own; Wh per hour, (count, n)."""
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS) % 24
    shapes = []
    for i in range(count):
        peak = 8 + 3 * i
        shape = 2_000 * (i + 1) + 6_000 * np.exp(-(((hour - peak) / 3.0) ** 2))
        shapes.append(np.rint(shape * rng.uniform(0.8, 1.2, HOURS)))
    return np.array(shapes)


def test_meters_that_add_up_close_the_balance():
    subs = loads()

    found = explain(subs.sum(axis=0), subs)

    assert found.cause is Cause.CLOSED
    assert found.total_wh == 0


def test_a_circuit_without_a_meter_is_a_missing_meter_with_its_base():
    subs = loads()
    unmetered = 1_500 + 4_000 * (np.arange(HOURS) % 24 > 18)

    found = explain(subs.sum(axis=0) + unmetered, subs)

    assert found.cause is Cause.MISSING_METER
    assert found.total_wh == pytest.approx(unmetered.sum())
    assert "1.5 kWh a step of it at all times" in found.sentence


@pytest.mark.parametrize("factor", [1 / 1_000, 1_000])
def test_a_sub_meter_in_other_units_is_named(factor):
    subs = loads()
    slipped = subs.copy()
    slipped[1] *= factor

    found = explain(subs.sum(axis=0), slipped, names=("A", "Press", "C"))

    assert found.cause is Cause.UNIT_SLIP
    assert found.suspect == 1
    assert found.sentence.startswith("Press counts")


def test_a_meter_counted_twice_is_the_one_like_the_excess():
    subs = loads()
    twice = np.vstack([subs, subs[2]])

    found = explain(subs.sum(axis=0), twice, names=("A", "B", "C", "C again"))

    assert found.cause is Cause.OVERCOUNTED
    assert found.suspect in (2, 3)


def test_clocks_that_disagree_leave_a_rest_that_follows_the_change():
    subs = loads()
    late = np.empty_like(subs)
    late[:, 0], late[:, 1:] = subs[:, 0], 0.7 * subs[:, 1:] + 0.3 * subs[:, :-1]

    found = explain(subs.sum(axis=0), late)

    assert found.cause is Cause.TIME_SKEW


def test_coarse_counters_leave_a_rest_of_their_step():
    subs = loads()
    coarse = np.diff(np.floor(np.cumsum(subs, axis=1) / 1_000) * 1_000, axis=1, prepend=0)

    found = explain(subs.sum(axis=0), coarse, resolution_wh=1_000)

    assert found.cause is Cause.RESOLUTION


def test_losses_grow_with_the_load():
    subs = loads()
    total = subs.sum(axis=0)

    found = explain(total + 3e-6 * total**2, subs)

    assert found.cause is Cause.LOSS
    assert 0.005 < found.share < 0.06


def test_too_few_common_hours_are_left_open():
    subs = loads()
    subs[0, 20:] = np.nan

    found = explain(loads().sum(axis=0), subs)

    assert found.cause is Cause.OPEN
    assert found.steps == 20
    assert np.isnan(found.rest_wh[20:]).all()


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 6), st.floats(0.0, 0.004))
def test_healthy_meters_are_never_accused(seed, count, noise):
    subs = loads(seed, count)
    rng = np.random.default_rng(seed)
    main = subs.sum(axis=0) * rng.normal(1.0, noise, HOURS)

    found = explain(main, subs)

    assert found.cause in (Cause.CLOSED, Cause.RESOLUTION)
    assert found.suspect is None

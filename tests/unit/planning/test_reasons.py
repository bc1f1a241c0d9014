"""A reason is printed only where its figures are true."""

import re

import pytest
from hypothesis import given, settings

from energy_desktop.analytics.planning.dispatch import plan
from tests.unit.planning.builders import a_battery, a_request, requests, slots_of

FIGURE = re.compile(r"(-?\d+\.\d) EUR/MWh")


def reason_of(made, index):
    return made.points[index].idle_reason


def test_a_full_battery_says_for_which_dearer_hour_it_is_kept():
    slots = slots_of([0.05, 0.20, 0.40], load_w=3_000.0)

    made = plan(a_request(slots, battery=a_battery(charge_w=9_000.0)), made_at_ms=0, currency="EUR")

    assert reason_of(made, 1) == (
        "Full (90 %), kept for 02:00: a kWh brings 400.0 EUR/MWh then, 200.0 EUR/MWh now."
    )


def test_an_empty_battery_says_which_cheaper_hour_it_waits_for():
    slots = slots_of([0.40, 0.30, 0.05], load_w=5_000.0)

    made = plan(a_request(slots, battery=a_battery(charge_w=9_000.0)), made_at_ms=0, currency="EUR")

    assert reason_of(made, 1) == (
        "Empty (10 %), waits for 02:00: a kWh costs 50.0 EUR/MWh then, 300.0 EUR/MWh now."
    )


def test_a_spread_below_losses_and_wear_is_named_with_both_figures():
    slots = slots_of([0.200, 0.241, 0.210])

    made = plan(
        a_request(slots, battery=a_battery(wear_per_kwh=0.0354)), made_at_ms=0, currency="EUR"
    )

    assert reason_of(made, 0) == (
        "Holds 50 %: the best spread ahead of 41.0 EUR/MWh "
        "does not pay losses and wear of 57.0 EUR/MWh."
    )


def test_the_hour_is_told_on_the_readers_clock():
    slots = slots_of([0.05, 0.20, 0.40], load_w=3_000.0)

    made = plan(
        a_request(slots, battery=a_battery(charge_w=9_000.0)), made_at_ms=0, zone="Asia/Kolkata"
    )

    assert "kept for 07:30" in reason_of(made, 1)


def test_a_battery_without_power_says_so():
    idle = a_battery(charge_w=0.0, discharge_w=0.0)

    made = plan(a_request(slots_of([0.1, 0.5]), battery=idle), made_at_ms=0, currency="EUR")

    assert {point.idle_reason for point in made.points} == {"It may neither charge nor discharge."}


@settings(max_examples=150)
@given(requests(least=2, most=10))
def test_every_idle_slot_has_a_reason_whose_figures_hold(request_):
    made = plan(request_, made_at_ms=0, currency="EUR")

    for point in made.points:
        idle = point.charge_w == 0 and point.discharge_w == 0
        assert bool(point.idle_reason) == idle
        figures = [float(text) for text in FIGURE.findall(point.idle_reason)]
        if "then as now" in point.idle_reason:
            assert len(figures) == 1
        elif "kept for" in point.idle_reason and figures:
            assert figures[0] >= figures[1]
        elif re.search("waits for|does not pay|not more than its wear", point.idle_reason):
            assert figures[0] <= figures[1]
        elif "is worth" in point.idle_reason:
            worth, costs, brings = figures
            assert costs >= worth - 0.1
            assert brings <= worth + 0.1
        if "Full" in point.idle_reason:
            assert point.soc_pct == pytest.approx(request_.battery.soc_max_pct, abs=0.01)
        if "Empty" in point.idle_reason:
            assert point.soc_pct == pytest.approx(request_.battery.soc_min_pct, abs=0.01)


def test_equal_prices_are_said_once_and_an_unknown_currency_is_not_invented():
    slots = slots_of([0.30, 0.30, 0.40, 0.40], load_w=3_000.0)

    made = plan(a_request(slots, battery=a_battery(charge_w=9_000.0)), made_at_ms=0, currency="")

    assert reason_of(made, 0) == (
        "Holds 50 %, waits for 01:00: a kWh costs 300.0 per MWh then as now."
    )

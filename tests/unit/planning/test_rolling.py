"""The plan as it is lived: nothing is known before its time, and knowing more pays."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from energy_desktop.analytics.planning.rolling import (
    _follow,
    day_ahead_market,
    mean_of_week,
    replay,
    same_time_last_week,
    same_time_yesterday,
)
from energy_desktop.domain.clock import to_ms
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from tests.unit.planning.builders import a_battery, slots_of

DAY_MS = 86_400_000
MARKET = day_ahead_market("UTC")


def some_days(days, *, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    hour = np.arange(days * 24) % 24
    price = 0.20 + 0.12 * np.sin((hour - 14) / 24 * 2 * np.pi) + rng.normal(0, 0.02, len(hour))
    load = 600 + 900 * (hour >= 17) + rng.exponential(noise or 1e-9, len(hour))
    sun = np.maximum(0, 3_000 * np.sin((hour - 6) / 12 * np.pi)) * (hour > 6) * (hour < 18)
    return slots_of(price.tolist(), (price - 0.1).tolist(), load_w=load.tolist(), pv_w=sun.tolist())


def test_days_that_repeat_are_foreseen_almost_perfectly():
    lived = replay(a_battery(), some_days(6), first=48, prices_known_until_ms=MARKET)

    assert lived.share > 0.97
    assert lived.solves == 4 * 24


def test_what_is_lived_is_never_better_than_perfect_foresight_and_ends_as_it_must():
    lived = replay(a_battery(), some_days(6, noise=500.0), first=48, prices_known_until_ms=MARKET)

    assert lived.perfect_foresight <= lived.cost <= lived.without_battery
    assert lived.share_of(lived.self_consumption) < lived.share < 1
    assert lived.soc_pct[-1] >= 50 - 1e-6
    assert all(10 - 1e-6 <= soc <= 90 + 1e-6 for soc in lived.soc_pct)


def test_nothing_after_the_origin_changes_what_was_done_before_it():
    slots = some_days(6, noise=500.0)
    # Load and sun change from noon of day 5 on, prices from the day after: not yet published.
    cut, unpublished = 4 * 24 + 12, 5 * 24
    changed = tuple(
        slot
        if k < cut
        else replace(
            slot,
            load_w=9_000.0,
            pv_w=0.0,
            import_per_kwh=slot.import_per_kwh + (1.0 if k >= unpublished else 0.0),
        )
        for k, slot in enumerate(slots)
    )

    one = replay(a_battery(), slots, first=48, prices_known_until_ms=MARKET)
    other = replay(a_battery(), changed, first=48, prices_known_until_ms=MARKET)

    assert one.soc_pct[: cut - 48] == other.soc_pct[: cut - 48]
    assert one.soc_pct != other.soc_pct


def test_a_forecast_is_handed_the_past_and_nothing_more():
    slots, seen = some_days(4, noise=500.0), []

    def spying(past, steps, steps_per_day):
        seen.append(past.copy())
        return same_time_yesterday(past, steps, steps_per_day)

    replay(a_battery(), slots, first=48, prices_known_until_ms=MARKET, load_forecast=spying)

    loads = [slot.load_w for slot in slots]
    assert [list(past) for past in seen] == [loads[:origin] for origin in range(48, 96)]


def test_a_dear_tomorrow_is_not_acted_on_before_it_is_published():
    # Mornings are a little cheaper, too little to pay the losses unless tomorrow is dear.
    ordinary = [0.19] * 12 + [0.20] * 12
    slots = slots_of(ordinary * 3 + [1.00] * 24)

    lived = replay(a_battery(), slots, first=48, prices_known_until_ms=MARKET)

    assert lived.soc_pct[:13] == pytest.approx([50.0] * 13)
    assert lived.soc_pct[23] == pytest.approx(90.0)


def test_solving_every_hour_beats_solving_once_a_day():
    slots = some_days(8, noise=700.0)

    hourly = replay(a_battery(), slots, first=48, prices_known_until_ms=MARKET)
    daily = replay(a_battery(), slots, first=48, prices_known_until_ms=MARKET, resolve_h=24)

    assert hourly.cost < daily.cost


def test_the_peak_of_the_past_and_a_quantile_are_handed_on():
    slots = some_days(6, noise=900.0)
    battery = a_battery(demand_charge_per_kw=4.0)

    def high(past, steps, steps_per_day):
        return same_time_last_week(past, steps, steps_per_day) + 1_500.0

    plain = replay(battery, slots, first=48, prices_known_until_ms=MARKET)
    careful = replay(
        battery, slots, first=48, prices_known_until_ms=MARKET, peak_load_forecast=high
    )

    assert plain.perfect_foresight <= min(plain.cost, careful.cost)
    assert careful.cost != plain.cost


def test_tomorrows_prices_are_known_from_the_afternoon_on():
    known = day_ahead_market("Europe/Berlin")
    noon = to_ms(datetime(2026, 6, 1, 10, 59, tzinfo=UTC))

    assert known(noon) == to_ms(datetime(2026, 6, 1, 22, tzinfo=UTC))
    assert known(noon + 60_000) == to_ms(datetime(2026, 6, 2, 22, tzinfo=UTC))


def test_naive_forecasts_repeat_the_day_the_week_or_the_mean():
    past = np.arange(16.0)

    assert list(same_time_yesterday(past, 6, 4)) == [12, 13, 14, 15, 12, 13]
    assert list(same_time_last_week(past, 2, 2)) == [2, 3]
    assert list(same_time_last_week(past[:4], 2, 2)) == [2, 3]
    assert list(mean_of_week(past[:8], 5, 4)) == [2, 3, 4, 5, 2]
    assert list(mean_of_week(np.arange(100.0), 2, 10)) == [60, 61]


# Buying costs 0.30, selling brings 0.10; a stored kWh is worth 0.20 where nothing else is said.
@pytest.mark.parametrize(
    ("meant", "hoped", "real", "power"),
    [
        ({"discharge_kw": 1.0}, 1.0, 3.0, -3.0),  # worth less than what it saves: serves the load
        ({"discharge_kw": 1.0}, 1.0, 9.0, -5.0),  # as far as the battery goes
        ({"discharge_kw": 1.0}, 1.0, -2.0, 2.0),  # surplus came: it is kept
        ({"discharge_kw": 5.0}, 1.0, 1.0, -5.0),  # meant to sell
        ({"charge_kw": 2.0}, -2.0, -3.0, 3.0),  # the whole surplus is kept
        (
            {"charge_kw": 2.0},
            -2.0,
            1.0,
            -1.0,
        ),  # no surplus came: nothing is bought, the load served
        ({"charge_kw": 5.0}, 1.0, 3.0, 5.0),  # meant to buy
        ({}, 1.0, 3.0, -3.0),
        ({"stored_value": 0.40}, 1.0, 3.0, 0.0),  # a stored kWh is worth more later
        ({"stored_value": 0.05}, -1.0, -3.0, 0.0),  # and less than exporting brings
        ({"stored_value": 0.30, "discharge_kw": 1.0}, 4.0, 3.0, -1.0),  # all the same: as planned
        ({"stored_value": 0.30, "discharge_kw": 1.0}, 1.0, 3.0, -3.0),  # as meant: no import
        ({"stored_value": 0.10, "charge_kw": 1.0}, -4.0, -3.0, 1.0),
        ({"stored_value": 0.10, "charge_kw": 4.0}, -4.0, -3.0, 3.0),
    ],
)
def test_what_a_plan_meant_is_kept_not_its_watts(meant, hoped, real, power):
    battery = SimpleNamespace(
        charge_kw=5.0, discharge_kw=5.0, wear=0.0, charge_efficiency=1.0, discharge_efficiency=1.0
    )
    planned = {"charge_kw": 0.0, "discharge_kw": 0.0, "stored_value": 0.20, **meant}

    moved = _follow(
        hoped_net_kw=hoped, net_kw=real, buy=0.30, sell=0.10, problem=battery, **planned
    )

    assert moved == power


def test_a_replay_without_a_past_or_with_uneven_slots_is_refused():
    with pytest.raises(NotEnoughData, match="a day of past"):
        replay(a_battery(), some_days(2), first=3, prices_known_until_ms=MARKET)
    with pytest.raises(WrongUse, match="differ in length"):
        replay(
            a_battery(),
            slots_of([0.1] * 4, minutes=[15, 60, 15, 15]),
            first=2,
            prices_known_until_ms=MARKET,
        )

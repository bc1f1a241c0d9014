from datetime import datetime

import numpy as np
import pytest

from energy_desktop.analytics.billing.calendar import billing_calendar
from energy_desktop.analytics.billing.naive import naive_out_of_hours
from energy_desktop.domain.clock import to_ms
from energy_desktop.domain.energy import IntervalQuality

from .builders import EVERY_DAY, ZONE, a_client, a_contract, a_site, intervals
from .test_draft import a_draft, a_meter_month


def a_calendar(*meters, month="2026-03", **changes):
    values = {
        "site": a_site(),
        "client": a_client(),
        "contracts": [a_contract()],
        "meters": meters or [a_meter_month(intervals(month))],
        "month": month,
    }
    return billing_calendar(**(values | changes))


@pytest.mark.parametrize(
    ("month", "day", "slots"), [("2026-03", 29, 92), ("2026-10", 25, 100), ("2026-03", 1, 96)]
)
def test_a_local_day_has_the_slots_that_it_really_has(month, day, slots):
    calendar = a_calendar(month=month)

    assert len(calendar.days[day - 1].outside_wh) == slots
    assert calendar.days[day - 1].minute_of_day[0] == 0


def test_the_repeated_hour_appears_twice_on_the_wall_clock():
    day = a_calendar(month="2026-10").days[24]

    assert day.minute_of_day.count(150) == 2


def test_calendar_and_invoice_agree():
    meters = [a_meter_month(intervals(meter_id="a")), a_meter_month(intervals(meter_id="b"))]

    calendar, invoice = a_calendar(*meters), a_draft(*meters)

    assert (calendar.inside_wh, calendar.outside_wh) == (invoice.inside_wh, invoice.outside_wh)
    assert sum(d.total_outside_wh for d in calendar.days) == invoice.outside_wh
    assert {d.day: d.total_outside_wh for d in calendar.days if d.total_outside_wh} == {
        x.day: x.energy_wh for x in invoice.lines
    }


def test_unknown_is_not_zero_in_the_calendar():
    values = intervals()
    values.energy_wh[5] = np.nan
    values.quality[5] = IntervalQuality.MISSING

    day = a_calendar(a_meter_month(values)).days[0]

    assert day.outside_wh[5] is None
    assert day.missing_slots == 1


def minutes_of(start, days):
    first = to_ms(datetime.fromisoformat(start).replace(tzinfo=ZONE))
    return first + np.arange(days * 1440, dtype=np.int64) * 60_000


def test_the_rival_agrees_where_nothing_is_difficult():
    time_ms = minutes_of("2026-03-02", 1)

    naive = naive_out_of_hours(time_ms, np.full(1440, 600.0), hours=EVERY_DAY, zone=ZONE)

    assert naive == pytest.approx(600 * 12, abs=11)  # the last sample holds for no time


def test_the_rival_bills_contract_hours_after_a_clock_change():
    time_ms = minutes_of("2026-03-28", 3)  # the 29th has 23 hours
    local = [datetime.fromtimestamp(t / 1000, ZONE) for t in time_ms.tolist()]
    lit = np.array([600.0 if 8 <= t.hour < 20 else 0.0 for t in local])

    # 08:00 to 09:00 of the 29th and 30th, by a clock that was asked once.
    assert naive_out_of_hours(time_ms, lit, hours=EVERY_DAY, zone=ZONE) == 2 * 600


def test_the_rival_invents_energy_across_a_gap():
    time_ms = minutes_of("2026-03-02", 1)
    lit = np.full(1440, 600.0)
    lit[20 * 60 + 30 :] = 0.0
    kept = np.r_[0 : 20 * 60 + 10, 23 * 60 : 1440]  # lost from 20:10 to 23:00

    whole = naive_out_of_hours(time_ms, lit, hours=EVERY_DAY, zone=ZONE)
    with_gap = naive_out_of_hours(time_ms[kept], lit[kept], hours=EVERY_DAY, zone=ZONE)

    assert whole == 600 * 8.5
    assert with_gap == 600 * 11


def test_the_rival_of_nothing_is_nothing():
    empty = np.empty(0)

    assert naive_out_of_hours(empty.astype(np.int64), empty, hours=EVERY_DAY, zone=ZONE) == 0

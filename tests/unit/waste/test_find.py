from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.analytics.waste.find import ZoneLighting, find_waste, zone_lighting
from energy_desktop.domain.clock import local_midnight_ms, to_ms
from energy_desktop.domain.contract import ContractVersion, WeeklyHours
from energy_desktop.domain.energy import Buckets
from energy_desktop.domain.site import Site, Space, SpaceKind
from energy_desktop.domain.waste import EveningVerdict

ZONE = ZoneInfo("Europe/Berlin")
SITE = Site(name="Lindenhof", zone="Europe/Berlin")
WEEKDAYS = WeeklyHours((((480, 1200),),) * 5 + ((),) * 2)
STANDBY_W, LIT_W = 20.0, 620.0


def at(text):
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZONE))


def a_contract(**changes):
    values = {
        "contract_id": "c",
        "version": 1,
        "client_id": "meyer",
        "valid_from": date(2020, 1, 1),
        "hours": WEEKDAYS,
        "tariff_id": "t",
        "space_ids": ("z",),
    }
    return ContractVersion(**(values | changes))


def power(start, end, lit, *, step_s=60, standby=STANDBY_W, level=LIT_W):
    """Lit on working days from 08:00 to 20:00, and in the spans given as local (from, to)."""
    time_ms = np.arange(at(start), at(end), step_s * 1000, dtype=np.int64)
    values = np.full(time_ms.shape, standby)
    for i, epoch_ms in enumerate(time_ms.tolist()):
        wall = datetime.fromtimestamp(epoch_ms / 1000, ZONE)
        if wall.weekday() < 5 and 8 <= wall.hour < 20:
            values[i] = level
    for begin, finish in lit:
        values[(time_ms >= at(begin)) & (time_ms < at(finish))] = level
    return time_ms, values


def a_zone(time_ms, power_w, **changes):
    values = {
        "space_id": "z",
        "space_name": "Zone 1",
        "meter_ids": ("light-1",),
        "contracts": (a_contract(),),
        "time_ms": time_ms,
        "power_w": power_w,
        "price_per_kwh": Decimal("0.3000"),
    }
    return ZoneLighting(**(values | changes))


def waste(zone, start, end, until="2030-01-01"):
    return find_waste(
        site=SITE, zones=[zone], start_ms=at(start), end_ms=at(end), until_ms=at(until), holidays={}
    )


def the_evening(report, day):
    return next(e for e in report.evenings if e.evening == date.fromisoformat(day))


@pytest.mark.parametrize(
    ("lit_until", "minutes", "verdict"),
    [
        ("2026-03-03T20:00", 0, EveningVerdict.EXPECTED),
        ("2026-03-03T20:45", 45, EveningVerdict.EXPECTED),
        ("2026-03-03T21:00", 60, EveningVerdict.EXPECTED),
        ("2026-03-03T22:30", 150, EveningVerdict.LONG),
        ("2026-03-03T23:00", 180, EveningVerdict.LONG),
        ("2026-03-03T23:01", 181, EveningVerdict.FLAGGED),
        ("2026-03-04T01:30", 330, EveningVerdict.FLAGGED),
    ],
)
def test_an_evening_is_judged_by_how_long_it_is_lit(lit_until, minutes, verdict):
    zone = a_zone(*power("2026-03-02", "2026-03-06", [("2026-03-03T20:00", lit_until)]))

    evening = the_evening(waste(zone, "2026-03-02", "2026-03-05"), "2026-03-03")

    assert (evening.lit_minutes, evening.verdict) == (minutes, verdict)


def test_only_what_cleaning_does_not_explain_is_excess_and_standby_is_none_of_it():
    zone = a_zone(*power("2026-03-02", "2026-03-06", [("2026-03-03T20:00", "2026-03-04T02:00")]))

    report = waste(zone, "2026-03-02", "2026-03-05")

    evening = the_evening(report, "2026-03-03")
    assert evening.excess_wh == 600 * 5
    assert evening.energy_wh == 620 * 6
    assert evening.excess_cost_units == 9_000  # 3 kWh at 0.30
    assert report.zones[0].excess_wh == 600 * 5
    assert report.zones[0].naive_wh == 3 * 12 * 20 + 600 * 6
    assert report.zones[0].yearly_saving_units == 9_000 * 365 // 3 // 100 * 100
    assert report.data_completeness_pct == 100.0


def test_an_evening_that_crosses_midnight_belongs_to_the_day_it_began():
    zone = a_zone(*power("2026-03-02", "2026-03-06", [("2026-03-04T00:10", "2026-03-04T04:10")]))

    report = waste(zone, "2026-03-02", "2026-03-05")

    assert the_evening(report, "2026-03-03").verdict is EveningVerdict.FLAGGED
    assert the_evening(report, "2026-03-03").lit_from_ms == at("2026-03-04T00:10")
    assert the_evening(report, "2026-03-03").lit_until_ms == at("2026-03-04T04:10")
    assert the_evening(report, "2026-03-04").lit_minutes == 0


@pytest.mark.parametrize(
    ("start", "end", "evening", "lit", "minutes"),
    [  # 22:00 to 04:00 on the clock on the wall
        ("2026-03-23", "2026-03-31", "2026-03-28", "2026-03-29", 5 * 60),
        ("2026-10-19", "2026-10-27", "2026-10-24", "2026-10-25", 7 * 60),
    ],
)
def test_a_night_with_a_clock_change_has_its_real_length(start, end, evening, lit, minutes):
    every_day = a_contract(hours=WeeklyHours((((480, 1200),),) * 7))
    time_ms, power_w = power(start, end, [(f"{evening}T22:00", f"{lit}T04:00")])
    zone = a_zone(time_ms, power_w, contracts=(every_day,))

    found = the_evening(waste(zone, start, end), evening)

    assert found.lit_minutes == minutes
    assert found.contract_end_ms == at(f"{evening}T20:00")


def test_a_weekend_is_evenings_of_its_own_where_nobody_cleans():
    zone = a_zone(
        *power(
            "2026-03-02",
            "2026-03-10",
            [("2026-03-06T20:00", "2026-03-06T20:50"), ("2026-03-07T14:00", "2026-03-07T14:50")],
        )
    )

    report = waste(zone, "2026-03-02", "2026-03-09")

    assert the_evening(report, "2026-03-06").verdict is EveningVerdict.EXPECTED
    saturday = the_evening(report, "2026-03-07")
    assert (saturday.expected_minutes, saturday.verdict) == (15, EveningVerdict.LONG)
    assert [e.evening.isoformat() for e in report.evenings] == [
        f"2026-03-0{d}" for d in range(2, 9)
    ]


def test_unknown_is_not_dark():
    time_ms, power_w = power("2026-03-02", "2026-03-06", [])
    power_w[(time_ms >= at("2026-03-03T21:00")) & (time_ms < at("2026-03-04T01:00"))] = np.nan

    report = waste(a_zone(time_ms, power_w), "2026-03-02", "2026-03-05")

    assert the_evening(report, "2026-03-03").verdict is EveningVerdict.NO_DATA
    assert report.zones[0].evenings == 2
    assert report.data_completeness_pct == pytest.approx(100 * (1 - 4 / 36))


def test_what_is_known_to_be_too_long_is_flagged_although_some_is_missing():
    time_ms, power_w = power("2026-03-02", "2026-03-06", [("2026-03-03T20:00", "2026-03-04T00:00")])
    power_w[(time_ms >= at("2026-03-04T00:00")) & (time_ms < at("2026-03-04T04:00"))] = np.nan

    evening = the_evening(waste(a_zone(time_ms, power_w), "2026-03-02", "2026-03-05"), "2026-03-03")

    assert evening.verdict is EveningVerdict.FLAGGED
    assert evening.estimated


def test_a_running_evening_is_not_judged_yet():
    zone = a_zone(*power("2026-03-02", "2026-03-06", []))

    report = waste(zone, "2026-03-02", "2026-03-06", until="2026-03-05T22:00")

    assert [e.evening.day for e in report.evenings] == [2, 3, 4]


def test_dim_cleaning_light_is_still_light_and_a_single_minute_is_none():
    time_ms, power_w = power("2026-03-02", "2026-03-06", [])
    power_w[(time_ms >= at("2026-03-03T20:30")) & (time_ms < at("2026-03-03T21:00"))] = 220.0
    power_w[time_ms == at("2026-03-04T20:30")] = 900.0

    report = waste(a_zone(time_ms, power_w), "2026-03-02", "2026-03-05")

    assert the_evening(report, "2026-03-03").lit_minutes == 30
    assert the_evening(report, "2026-03-04").lit_minutes == 0


def test_a_constant_draw_is_only_judged_when_the_lamps_are_known():
    time_ms, power_w = power("2026-03-02", "2026-03-06", [], standby=600.0, level=600.0)

    unknown = waste(a_zone(time_ms, power_w), "2026-03-02", "2026-03-05")
    always_on = waste(a_zone(time_ms, power_w, rated_w=700.0), "2026-03-02", "2026-03-05")

    assert {e.verdict for e in unknown.evenings} == {EveningVerdict.NO_DATA}
    assert {e.verdict for e in always_on.evenings} == {EveningVerdict.FLAGGED}
    assert always_on.evenings[0].excess_wh == 600 * 11


def test_a_zone_that_nobody_uses_wastes_nothing():
    time_ms, power_w = power("2026-03-02", "2026-03-06", [], standby=3.0, level=3.0)

    report = waste(a_zone(time_ms, power_w), "2026-03-02", "2026-03-05")

    assert {e.verdict for e in report.evenings} == {EveningVerdict.EXPECTED}
    assert report.zones[0].excess_wh == 0


def test_quarter_hours_serve_where_minutes_are_gone():
    time_ms, power_w = power(
        "2026-03-02", "2026-03-06", [("2026-03-03T20:00", "2026-03-04T00:00")], step_s=900
    )

    report = waste(a_zone(time_ms, power_w, step_s=900), "2026-03-02", "2026-03-05")

    assert the_evening(report, "2026-03-03").lit_minutes == 240


def test_a_contract_change_moves_the_evening_from_its_day_on():
    contracts = (
        a_contract(),
        a_contract(
            version=2,
            valid_from=date(2026, 3, 4),
            hours=WeeklyHours((((480, 1320),),) * 5 + ((),) * 2),
        ),
    )
    lit = [("2026-03-03T20:00", "2026-03-03T22:00"), ("2026-03-04T20:00", "2026-03-04T22:00")]
    zone = a_zone(*power("2026-03-02", "2026-03-06", lit), contracts=contracts)

    report = waste(zone, "2026-03-02", "2026-03-05")

    assert the_evening(report, "2026-03-03").verdict is EveningVerdict.LONG
    assert the_evening(report, "2026-03-04").lit_minutes == 0


def test_meters_of_a_zone_are_added_and_unknown_where_one_is():
    starts = np.array([0, 60_000, 120_000], dtype=np.int64)

    def a_bucket(meter_id, mean, n):
        mean = np.array(mean, dtype=float)
        return Buckets(
            meter_id, "power_w", starts, starts + 60_000, np.array(n), mean, mean, mean, mean, mean
        )

    zone = zone_lighting(
        Space("z", "Zone 1", SpaceKind.ZONE),
        [a_bucket("a", [1, 2, 3], [60, 60, 60]), a_bucket("b", [10, 20, 30], [60, 0, 60])],
        contracts=[a_contract()],
        price_per_kwh=Decimal("0.30"),
    )

    assert zone.meter_ids == ("a", "b")
    np.testing.assert_array_equal(zone.power_w, [11, np.nan, 33])


def test_light_switched_on_before_opening_is_no_cleaning_of_the_evening_before():
    lit = [
        ("2026-03-03T20:00", "2026-03-03T20:50"),
        ("2026-03-04T06:30", "2026-03-04T08:00"),
    ]
    zone = a_zone(*power("2026-03-02", "2026-03-06", lit))

    report = waste(zone, "2026-03-02", "2026-03-05")

    evening = the_evening(report, "2026-03-03")
    assert (evening.lit_minutes, evening.verdict) == (50, EveningVerdict.EXPECTED)
    assert evening.lit_until_ms == at("2026-03-03T20:50")
    assert evening.excess_wh == 0
    assert evening.energy_wh == round(620 * 140 / 60)
    assert report.zones[0].naive_wh == 3 * 12 * 20 + 600 * 140 // 60


def test_light_of_the_morning_alone_is_neither_first_nor_last_light_of_the_evening():
    zone = a_zone(*power("2026-03-02", "2026-03-06", [("2026-03-04T04:00", "2026-03-04T08:00")]))

    evening = the_evening(waste(zone, "2026-03-02", "2026-03-05"), "2026-03-03")

    assert (evening.lit_minutes, evening.lit_from_ms, evening.lit_until_ms) == (0, None, None)
    assert evening.verdict is EveningVerdict.EXPECTED
    assert evening.energy_wh == 620 * 4


@pytest.mark.parametrize("begins", ["2026-03-03T20:00", "2026-03-04T03:58"])
def test_light_that_burns_through_the_night_is_the_evenings_to_its_end(begins):
    zone = a_zone(*power("2026-03-02", "2026-03-06", [(begins, "2026-03-04T08:00")]))

    evening = the_evening(waste(zone, "2026-03-02", "2026-03-05"), "2026-03-03")

    assert evening.lit_until_ms == at("2026-03-04T08:00")
    assert evening.lit_minutes == (at("2026-03-04T08:00") - at(begins)) // 60_000


def test_a_gap_in_the_readings_does_not_switch_light_off():
    time_ms, power_w = power("2026-03-02", "2026-03-06", [("2026-03-04T02:00", "2026-03-04T06:00")])
    power_w[(time_ms >= at("2026-03-04T03:50")) & (time_ms < at("2026-03-04T04:10"))] = np.nan

    evening = the_evening(waste(a_zone(time_ms, power_w), "2026-03-02", "2026-03-05"), "2026-03-03")

    assert evening.lit_minutes == 220
    assert evening.lit_until_ms == at("2026-03-04T06:00")


def test_before_a_free_day_there_is_no_opening_that_light_could_belong_to():
    zone = a_zone(*power("2026-03-02", "2026-03-10", [("2026-03-08T05:00", "2026-03-08T09:00")]))

    report = waste(zone, "2026-03-02", "2026-03-09")

    assert the_evening(report, "2026-03-07").verdict is EveningVerdict.FLAGGED


def test_a_date_that_the_clocks_left_out_has_no_evening():
    """Samoa went from Thursday 29 to Saturday 31 December 2011: Thursday's evening meets it."""
    samoa = ZoneInfo("Pacific/Apia")
    start, after = (local_midnight_ms(date(*day), samoa) for day in [(2011, 12, 28), (2012, 1, 1)])
    minutes = np.arange(start, after + 86_400_000, 60_000, dtype=np.int64)

    report = find_waste(
        site=Site(name="Apia", zone="Pacific/Apia"),
        zones=[a_zone(minutes, np.full(minutes.shape, STANDBY_W), rated_w=LIT_W)],
        start_ms=start,
        end_ms=after,
        until_ms=after + 86_400_000,
        holidays={},
    )

    assert [evening.evening.day for evening in report.evenings] == [28, 29, 31]

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.analytics.billing.draft import draft_invoice
from energy_desktop.analytics.billing.hours import public_holidays
from energy_desktop.analytics.billing.split import MeterMonth, whole_wh
from energy_desktop.domain.clock import to_ms
from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.invoice_json import content_sha256
from energy_desktop.domain.site import Space, SpaceKind

from .builders import (
    EVERY_DAY,
    OFFICE_HOURS,
    ZONE,
    a_client,
    a_contract,
    a_meter,
    a_site,
    a_tariff,
    intervals,
    reconciliation,
)

LATER_MS = to_ms(datetime(2030, 1, 1, tzinfo=ZONE))


def a_meter_month(values=None, meter=None, **recon):
    values = values if values is not None else intervals()
    meter = meter if meter is not None else a_meter(values.meter_id)
    return MeterMonth(meter, values, reconciliation(values, **recon))


def a_draft(*meters, **changes):
    values = {
        "site": a_site(),
        "client": a_client(),
        "contracts": [a_contract()],
        "tariffs": [a_tariff()],
        "meters": meters or [a_meter_month()],
        "month": "2026-03",
        "now_ms": LATER_MS,
    }
    return draft_invoice(**(values | changes))


def at(text):
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZONE))


def energy_at(month, entries, **more):
    """Intervals of 0 Wh but for {local time: Wh}."""
    values = intervals(month, 0.0, **more)
    for text, energy in entries.items():
        values.energy_wh[np.searchsorted(values.start_ms, at(text))] = energy
    return values


def test_a_quarter_hour_belongs_to_the_state_at_its_start():
    values = energy_at(
        "2026-03",
        {
            "2026-03-02T07:45": 1_000,
            "2026-03-02T08:00": 10_000,
            "2026-03-02T19:45": 100_000,
            "2026-03-02T20:00": 1_000_000,
        },
    )

    invoice = a_draft(a_meter_month(values))

    assert invoice.outside_wh == 1_001_000
    assert invoice.inside_wh == 110_000
    assert [line.day for line in invoice.lines] == [date(2026, 3, 2)]
    assert invoice.lines[0].first_start_ms == at("2026-03-02T07:45")
    assert invoice.lines[0].last_end_ms == at("2026-03-02T20:15")
    assert invoice.blockers == ()


def test_days_without_contract_hours_are_wholly_outside():
    values = energy_at("2026-03", {"2026-03-07T12:00": 500, "2026-03-06T12:00": 300})

    invoice = a_draft(a_meter_month(values))

    assert (invoice.outside_wh, invoice.inside_wh) == (500, 300)


def test_each_line_is_rounded_once_and_tax_comes_on_the_net():
    values = energy_at("2026-03", {"2026-03-07T12:00": 333, "2026-03-08T12:00": 333})

    invoice = a_draft(a_meter_month(values), tariffs=[a_tariff("0.3820", tax_pct=Decimal(19))])

    assert [line.amount_units for line in invoice.lines] == [1300, 1300]  # 0.127206 -> 0.13
    assert invoice.net_units == 2600
    assert invoice.tax_units == 500  # 19 % of 0.26 = 0.0494 -> 0.05
    assert invoice.total_units == 3100


@pytest.mark.parametrize(
    ("month", "quarters"), [("2026-03", 31 * 96 - 4), ("2026-10", 31 * 96 + 4), ("2026-04", 2880)]
)
def test_months_with_a_clock_change_are_billed_by_their_real_length(month, quarters):
    values = intervals(month, 100.0)
    inside = 12 * 4 * 31 if month != "2026-04" else 12 * 4 * 30

    invoice = a_draft(a_meter_month(values), month=month, contracts=[a_contract(hours=EVERY_DAY)])

    assert len(values.start_ms) == quarters
    assert invoice.inside_wh == inside * 100
    assert invoice.outside_wh == (quarters - inside) * 100
    assert invoice.blockers == ()


def test_the_repeated_hour_of_autumn_is_inside_both_times_it_passes():
    night = WeeklyHours((((120, 180),),) * 7)  # 02:00 to 03:00

    autumn = a_draft(
        a_meter_month(intervals("2026-10", 100.0)),
        month="2026-10",
        contracts=[a_contract(hours=night)],
    )
    spring = a_draft(
        a_meter_month(intervals("2026-03", 100.0)), contracts=[a_contract(hours=night)]
    )

    assert autumn.inside_wh == (30 * 4 + 8) * 100
    assert spring.inside_wh == 30 * 4 * 100


def test_an_interval_that_straddles_the_end_of_contract_counts_inside_and_is_noted():
    until_2015 = WeeklyHours((((480, 1215),),) * 7)
    values = energy_at("2026-03", {"2026-03-02T20:00": 700, "2026-03-02T20:30": 50}, step_s=1800)

    invoice = a_draft(a_meter_month(values), contracts=[a_contract(hours=until_2015)])

    assert (invoice.inside_wh, invoice.outside_wh) == (700, 50)
    assert any("31 intervals of 30 min partly inside" in note for note in invoice.notes)
    assert invoice.blockers == ()


def test_a_price_change_in_the_month_prices_each_day_at_its_own_version():
    tariffs = [
        a_tariff("0.30"),
        a_tariff("0.40", version=2, valid_from=date(2026, 3, 8)),
    ]
    values = energy_at("2026-03", {"2026-03-07T12:00": 10_000, "2026-03-08T12:00": 10_000})

    invoice = a_draft(a_meter_month(values), tariffs=tariffs)

    assert [(x.tariff_version, x.amount_units) for x in invoice.lines] == [(1, 30_000), (2, 40_000)]
    assert [t.version for t in invoice.tariff_versions] == [1, 2]
    assert any("0.4000 instead of 0.3000 EUR" in note for note in invoice.notes)


def test_a_contract_change_in_the_month_judges_each_day_by_its_own_hours():
    longer = WeeklyHours((((480, 1320),),) * 7)
    contracts = [
        a_contract(hours=EVERY_DAY),
        a_contract(version=2, valid_from=date(2026, 3, 16), hours=longer),
    ]
    values = energy_at("2026-03", {"2026-03-15T21:00": 100, "2026-03-16T21:00": 100})

    invoice = a_draft(a_meter_month(values), contracts=contracts)

    assert [line.day for line in invoice.lines] == [date(2026, 3, 15)]
    assert [v.version for v in invoice.contract_versions] == [1, 2]
    assert any("version 2 holds from Mon 16 Mar 2026" in note for note in invoice.notes)


def test_versions_and_prices_of_other_months_stay_off_the_paper():
    contracts = [
        a_contract(),
        a_contract(version=2, valid_from=date(2026, 1, 1)),
        a_contract(version=3, valid_from=date(2026, 4, 1)),
    ]
    tariffs = [a_tariff(), a_tariff(version=2, valid_from=date(2026, 4, 1))]

    invoice = a_draft(contracts=contracts, tariffs=tariffs)

    assert [v.version for v in invoice.contract_versions] == [2]
    assert [t.version for t in invoice.tariff_versions] == [1]


def test_a_client_who_moves_in_on_the_tenth_is_billed_from_the_tenth():
    values = intervals()
    values = type(values)(
        meter_id=values.meter_id,
        register=values.register,
        step_s=900,
        start_ms=values.start_ms[values.start_ms >= at("2026-03-10")],
        energy_wh=values.energy_wh[values.start_ms >= at("2026-03-10")],
        quality=values.quality[values.start_ms >= at("2026-03-10")],
    )

    invoice = a_draft(a_meter_month(values), contracts=[a_contract(valid_from=date(2026, 3, 10))])

    assert invoice.period_start_ms == at("2026-03-10")
    assert invoice.lines[0].day == date(2026, 3, 10)
    assert invoice.blockers == ()
    assert any("a part of the month: 10 Mar 2026 00:00" in note for note in invoice.notes)


def test_a_hole_between_two_contracts_blocks_and_is_not_billed():
    contracts = [
        a_contract(valid_to=date(2026, 3, 10)),
        a_contract(contract_id="c-new", valid_from=date(2026, 3, 13)),
    ]

    invoice = a_draft(contracts=contracts)

    assert any("no contract holds on 10 Mar to 12 Mar" in b for b in invoice.blockers)
    assert not {date(2026, 3, d) for d in (10, 11, 12)} & {x.day for x in invoice.lines}
    assert invoice.inside_wh + invoice.outside_wh == 100 * (31 * 96 - 4)


def test_a_holiday_is_outside_only_when_the_contract_says_so():
    site = a_site(country="DE", subdivision="BE")
    values = energy_at("2026-05", {"2026-05-01T12:00": 900})
    away = WeeklyHours(OFFICE_HOURS.days, on_holidays=False)

    kept = a_draft(a_meter_month(values), month="2026-05", site=site)
    left_out = a_draft(
        a_meter_month(values), month="2026-05", site=site, contracts=[a_contract(hours=away)]
    )

    assert (kept.outside_wh, left_out.outside_wh) == (0, 900)
    assert any("1 May" in note for note in left_out.notes)


def test_an_unknown_country_is_refused_in_words():
    with pytest.raises(WrongUse, match="ISO 3166"):
        public_holidays(a_site(country="XX"), date(2026, 1, 1), date(2026, 1, 31))


def test_a_sum_that_misses_the_register_blocks_and_says_by_how_much():
    invoice = a_draft(a_meter_month(off_by_wh=1_234))

    assert any("1,234 Wh less than its register difference" in b for b in invoice.blockers)


def test_a_sum_that_misses_the_register_by_what_was_corrected_is_billed_and_said():
    month = a_meter_month(off_by_wh=1_234)
    proof = replace(month.reconciliation, correction_wh=-1_234)

    explained = a_draft(replace(month, reconciliation=proof))
    partly = a_draft(replace(month, reconciliation=replace(proof, correction_wh=-1_000)))

    assert not explained.blockers
    assert any("register difference, by corrections" in note for note in explained.notes)
    assert any("1,234 Wh less" in b for b in partly.blockers)


def test_energy_that_was_entered_for_a_time_before_the_register_is_billed_and_said():
    month = a_meter_month(off_by_wh=-400)
    proof = replace(month.reconciliation, unregistered_wh=400)

    invoice = a_draft(replace(month, reconciliation=proof))

    assert not invoice.blockers
    assert any("400 Wh lie in a time that its register did not see" in n for n in invoice.notes)


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        (IntervalQuality.MISSING, "4 intervals (1 h) missing"),
        (IntervalQuality.QUARANTINED, "4 intervals (1 h) quarantined"),
    ],
)
def test_unknown_energy_blocks_and_is_in_no_total(quality, words):
    values = intervals()
    values.quality[100:104] = quality
    values.energy_wh[100:104] = np.nan

    invoice = a_draft(a_meter_month(values))

    assert any(words in b for b in invoice.blockers)
    assert invoice.inside_wh + invoice.outside_wh == 100 * (len(values.start_ms) - 4)


def test_intervals_that_the_ledger_left_out_are_missing_too():
    whole = intervals()
    short = type(whole)(
        whole.meter_id,
        whole.register,
        900,
        whole.start_ms[4:],
        whole.energy_wh[4:],
        whole.quality[4:],
    )

    invoice = a_draft(a_meter_month(short))

    assert any("4 intervals (1 h) missing" in b for b in invoice.blockers)


def test_what_has_not_happened_yet_is_not_missing_but_blocks_as_a_running_month():
    values = intervals()
    future = values.start_ms >= at("2026-03-14T12:00")
    values.energy_wh[future] = np.nan
    values.quality[future] = IntervalQuality.MISSING

    invoice = a_draft(a_meter_month(values), now_ms=at("2026-03-14T12:05"))

    assert len(invoice.blockers) == 1
    assert invoice.blockers[0].startswith("The billed period is not over before 1 Apr 2026 00:00")


def test_a_day_without_a_price_blocks():
    invoice = a_draft(tariffs=[a_tariff(valid_from=date(2026, 3, 3))])

    assert any("has no price on 1 Mar to 2 Mar" in b for b in invoice.blockers)


def test_two_tax_rates_in_one_month_block():
    tariffs = [a_tariff(), a_tariff(version=2, valid_from=date(2026, 3, 8), tax_pct=Decimal(16))]

    assert any("tax rate changes" in b for b in a_draft(tariffs=tariffs).blockers)


def test_a_rented_space_without_a_meter_blocks_by_its_name():
    invoice = a_draft(
        contracts=[a_contract(space_ids=("zone-a", "zone-b"))],
        spaces=[Space("zone-b", "Workshop", SpaceKind.ZONE)],
    )

    assert "Workshop is rented but has no meter." in invoice.blockers


def test_a_meter_of_another_space_blocks():
    invoice = a_draft(a_meter_month(), a_meter_month(meter=a_meter("x", space_id="elsewhere")))

    assert any("measures no space that the client rents" in b for b in invoice.blockers)


def test_a_meter_without_mid_mark_is_noted_and_does_not_block():
    invoice = a_draft(a_meter_month(meter=a_meter(mid_approved=False)))

    assert any("not marked as MID-approved" in note for note in invoice.notes)
    assert invoice.blockers == ()


def test_the_estimated_share_is_stated_and_marked_on_its_line():
    values = energy_at("2026-03", {"2026-03-07T12:00": 300, "2026-03-08T12:00": 700})
    values.quality[np.searchsorted(values.start_ms, at("2026-03-07T12:00"))] = (
        IntervalQuality.ESTIMATED
    )

    invoice = a_draft(a_meter_month(values))

    assert [line.estimated_wh for line in invoice.lines] == [300, 0]
    assert "0.3 of 1.0 kWh billed (30.0 %) are estimated." in invoice.notes


def test_imported_intervals_without_a_register_are_billed_and_it_is_noted():
    invoice = a_draft(a_meter_month(register=False))

    assert invoice.blockers == ()
    assert any("no register readings" in note for note in invoice.notes)


def test_a_client_without_a_contract_in_the_month_is_refused():
    with pytest.raises(NotFound, match="no contract holds in March 2026"):
        a_draft(contracts=[a_contract(valid_from=date(2026, 4, 1))])


def test_a_month_that_is_none_is_refused():
    with pytest.raises(WrongUse, match="2026-03"):
        a_draft(month="2026-13")


def test_a_quiet_month_makes_no_bill():
    assert any(
        "there is no bill" in b for b in a_draft(a_meter_month(intervals("2026-03", 0.0))).blockers
    )


def test_intervals_that_do_not_fit_local_days_block():
    site = a_site(zone="Asia/Kathmandu")  # UTC+5:45
    values = intervals("2026-03", 100.0, step_s=3600)  # on Berlin's grid

    invoice = a_draft(a_meter_month(values), site=site)

    assert any("not on the 1 h grid" in b for b in invoice.blockers)


def test_the_hash_is_over_the_content():
    invoice = a_draft()

    assert invoice.content_sha256 == content_sha256(invoice)
    assert invoice.content_sha256 != a_draft(tariffs=[a_tariff("0.3821")]).content_sha256


spans = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda s: s[0] < s[1])
weeks = st.lists(st.one_of(st.just(()), spans.map(lambda s: (s,))), min_size=7, max_size=7).map(
    lambda days: WeeklyHours(tuple(days))
)
prices = st.integers(0, 20_000).map(lambda n: Decimal(n) / 10_000)
energies = st.one_of(st.integers(0, 5_000), st.none())


@settings(max_examples=40)
@given(
    month=st.sampled_from(["2026-03", "2026-10", "2026-02", "2024-02"]),
    hours=weeks,
    first_price=prices,
    second_price=prices,
    change_day=st.integers(2, 28),
    tax=st.integers(0, 2500).map(lambda n: Decimal(n) / 100),
    sample=st.lists(energies, min_size=1, max_size=40),
    step_s=st.sampled_from([900, 1800, 3600]),
)
def test_any_month_adds_up_to_the_register_and_to_the_cent(
    month, hours, first_price, second_price, change_day, tax, sample, step_s
):
    cells = [float("nan") if e is None else float(e) for e in sample]
    values = intervals(month, 0.0, step_s=step_s)
    values.energy_wh[:] = np.resize(cells, values.energy_wh.shape)
    values.quality[np.isnan(values.energy_wh)] = IntervalQuality.MISSING
    change = date(int(month[:4]), int(month[5:]), change_day)
    tariffs = [
        a_tariff(first_price, tax_pct=tax),
        a_tariff(second_price, version=2, valid_from=change, tax_pct=tax),
    ]

    data = a_meter_month(values)
    invoice = a_draft(
        data, month=month, tariffs=tariffs, contracts=[a_contract(hours=hours)], holidays={}
    )

    # Energy: exactly the register, however the hours fall.
    assert invoice.inside_wh + invoice.outside_wh == data.reconciliation.register_difference_wh
    assert sum(x.energy_wh for x in invoice.lines) == invoice.outside_wh
    assert sum(x.energy_wh for x in invoice.evidence) == invoice.outside_wh
    # Money: recomputed with fractions, from the evidence alone.
    by_day: dict[date, int] = {}
    for e in invoice.evidence:
        day = datetime.fromtimestamp(e.start_ms / 1000, ZONE).date()
        by_day[day] = by_day.get(day, 0) + e.energy_wh
    expected = {}
    for day, energy in by_day.items():
        price = Fraction(second_price if day >= change else first_price)
        expected[day] = int(Fraction(energy, 1000) * price * 100 + Fraction(1, 2)) * 100
    assert {x.day: x.amount_units for x in invoice.lines} == expected
    assert invoice.net_units == sum(expected.values())
    assert (
        invoice.tax_units
        == int(Fraction(invoice.net_units, 100) * Fraction(tax) / 100 + Fraction(1, 2)) * 100
    )
    assert invoice.total_units == invoice.net_units + invoice.tax_units
    # Each billed interval lies outside in every one of its minutes, by the clock on the wall.
    for e in invoice.evidence[::7]:
        for minute in range(0, step_s // 60, 5):
            wall = datetime.fromtimestamp(e.start_ms / 1000 + 60 * minute, ZONE)
            assert not hours.contains(wall.weekday(), wall.hour * 60 + wall.minute)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_fractions_of_wh_never_add_up_to_a_difference(energies):
    whole = whole_wh(np.array(energies))

    assert abs(int(whole.sum()) - sum(energies)) <= 0.5 + 1e-6 * sum(energies)
    assert np.all(np.abs(whole - np.array(energies)) <= 1.0 + 1e-6)


def test_whole_wh_stay_as_they_are_and_unknown_counts_as_nothing():
    assert whole_wh(np.array([1.0, np.nan, 3.0])).tolist() == [1, 0, 3]


def test_a_month_of_three_meters_is_drafted_in_well_under_a_second():
    import time

    meters = [a_meter_month(intervals(meter_id=f"m{i}")) for i in range(3)]
    begin = time.process_time()
    a_draft(*meters)

    assert timedelta(seconds=time.process_time() - begin) < timedelta(seconds=1)

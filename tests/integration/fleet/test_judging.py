"""Strange days and hours, segments and bills."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc
import pytest

from bench.fleet_labelled import evaluate
from energy_desktop.analytics.anomaly.profile import find_anomalies
from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.fleet import FLAT, TIME_OF_USE, FleetOptions, FleetTariff, Rate
from energy_desktop.fleet.workplace import stored
from energy_desktop.services.fleet import FleetService
from tests.support.fleet_files import LONDON, a_fleet, london_rows, write_csv
from tests.support.shared_data import shared_data

START = datetime(2013, 1, 1, tzinfo=UTC)
STUCK_DAY, BURST_DAY = 40, 55


@pytest.fixture(scope="module")
def service():
    return FleetService()


@pytest.fixture(scope="module")
def out(tmp_path_factory, service):
    """A fleet with a meter that stood still for two days and one that burst."""
    folder = tmp_path_factory.mktemp("fleet")
    a_fleet(folder / "in", households=14, days=60)
    rng = np.random.default_rng(5)
    calm = np.round(0.2 + 0.1 * np.sin(np.arange(48 * 60) / 7) + rng.normal(0, 0.01, 48 * 60), 3)
    stuck, burst = calm.copy(), calm.copy()
    stuck[48 * STUCK_DAY : 48 * (STUCK_DAY + 2)] = 0.211
    burst[48 * BURST_DAY + 20 : 48 * BURST_DAY + 40] = 5.0 + 0.1 * np.arange(20)
    write_csv(folder / "in" / "stuck.csv", LONDON, london_rows("STUCK", stuck, start=START))
    write_csv(folder / "in" / "burst.csv", LONDON, london_rows("BURST", burst, start=START))
    service.run(folder / "in", folder / "out")
    return folder / "out"


def _ms(days, hours=0):
    return int((START + timedelta(days=days, hours=hours)).timestamp() * 1000)


def test_the_rule_says_which_meter_stood_still_and_which_one_burst(out, service):
    found = service.anomalies(out).rows

    kinds = {one.household: one for one in found}
    stuck, burst = kinds["STUCK"], kinds["BURST"]
    assert (stuck.kind, stuck.start_ms, stuck.end_ms) == (
        "flat",
        _ms(STUCK_DAY),
        _ms(STUCK_DAY + 2),
    )
    assert "same value for 48 h from 00:00 on Sun 10 Feb 2013" in stuck.reason
    assert stuck.score == pytest.approx(2.0)
    assert (burst.kind, burst.start_ms) == ("high", _ms(BURST_DAY, 10))
    assert burst.new
    assert not stuck.new
    assert burst.score == pytest.approx((burst.actual_kwh - burst.expected_kwh) / burst.kwh_per_day)
    assert len(burst.last_days_kwh) == 7


def test_a_fleet_and_a_single_meter_are_judged_alike(out, service):
    from energy_desktop.fleet.results import FleetResults

    start_ms, energy_wh, step_s = FleetResults(out).readings("BURST")

    alone = find_anomalies(np.array(start_ms), np.array(energy_wh), "UTC", step_s=step_s)

    assert [(one.start_ms, one.end_ms, one.reason) for one in alone] == sorted(
        (one.start_ms, one.end_ms, one.reason) for one in service.household(out, "BURST").anomalies
    )


def test_the_reference_wants_a_day_far_from_its_kind_and_from_its_forecast(out, service):
    found = service.anomalies(out, method="kmeans_residual").rows

    methods = service.summary(out).anomaly_methods["kmeans_residual"]
    assert methods["both"] <= min(methods["kmeans"], methods["residual"]) <= methods["either"]
    (burst,) = [one for one in found if one.household == "BURST"]
    assert burst.start_ms == _ms(BURST_DAY)
    assert "than the regression expected" in burst.reason


def test_both_methods_on_hours_that_people_labelled(tmp_path):
    worth = evaluate(shared_data("building-anomalies-labelled"), tmp_path)

    for (method, unit), one in worth.items():
        print(f"{method:16} {unit:6} precision {one.precision:.2f} recall {one.recall:.2f} "
              f"F1 {one.f1:.2f} ({one.flagged} flagged, {one.labelled} labelled)")  # fmt: skip
    assert worth["profile", "hours"].f1 > 0.65
    assert worth["kmeans_residual", "hours"].f1 < 0.2
    assert worth["profile", "hours"].precision > worth["kmeans_residual", "hours"].precision


def test_each_household_has_a_segment_with_its_size_words_and_money(out, service):
    segments = service.segments(out).rows

    households = service.households(out, limit=None).rows
    for one in segments:
        mine = [row for row in households if row.segment == one.segment]
        assert len(mine) == one.households
        assert one.kwh_per_day == pytest.approx(np.mean([row.kwh_per_day for row in mine]))
        assert one.cost_per_year == pytest.approx(np.mean([row.cost_a_per_year for row in mine]))
        assert np.mean(one.shape) == pytest.approx(1.0)
        assert one.words.split(", ")[0] in ("low", "medium", "high")
    assert sum(one.share_pct for one in segments) == pytest.approx(100.0)
    assert [one.households for one in segments] == sorted(
        (one.households for one in segments), reverse=True
    )
    assert set(service.stability(out)) == {2, 3}  # five households a group at least


def test_bills_are_the_readings_at_their_prices_to_the_unit(out, service):
    view = service.household(out, "STUCK")
    from energy_desktop.fleet.results import FleetResults

    start_ms, energy_wh, _ = FleetResults(out).readings("STUCK")

    a = b = Decimal(0)
    for start, energy in zip(start_ms, energy_wh, strict=True):
        at = datetime.fromtimestamp(start / 1000, UTC)
        kwh = Decimal(round(energy * 1000)) / 1_000_000
        minute = 60 * at.hour + at.minute
        a += kwh * FLAT.rate_at(at.weekday(), minute).price_per_kwh
        b += kwh * TIME_OF_USE.rate_at(at.weekday(), minute).price_per_kwh
    assert abs(Decimal(view.bill_a_units) / 10_000 - a) <= Decimal("0.00005")
    assert abs(Decimal(view.bill_b_units) / 10_000 - b) <= Decimal("0.00005")


@pytest.mark.parametrize(
    ("zone", "step_min"),
    [("Asia/Kolkata", 60), ("Asia/Kathmandu", 30), ("Australia/Adelaide", 60), ("UTC", 60)],
)
def test_a_reading_over_a_change_of_rate_is_billed_by_the_minute(tmp_path, service, zone, step_min):
    """Steps by UTC, on a clock whose half hours begin within them."""
    place = ZoneInfo(zone)
    stamps = [START + timedelta(minutes=step_min * k) for k in range(120 * 1440 // step_min)]
    mwh = [100_001 + 7 * (k * k % 1013) for k in range(len(stamps))]
    write_csv(
        tmp_path / "in" / "a.csv",
        "household,time,kwh",
        [f"a,{at.isoformat()},{one / 1e6:.6f}" for at, one in zip(stamps, mwh, strict=True)],
    )
    evening = ((16 * 60 + 30, 20 * 60 + 30),)
    peak = Rate("peak", Decimal("0.40"), WeeklyHours((evening,) * 7))
    tariff = FleetTariff("Half past", (peak, Rate("other", Decimal("0.10"))))

    service.run(tmp_path / "in", tmp_path / "out", FleetOptions(zone=zone, tariff_b=tariff))

    exact, at_peak = Fraction(), Fraction()
    for begin, one in zip(stamps, mwh, strict=True):
        for quarter in range(step_min // 15):
            local = (begin + timedelta(minutes=15 * quarter)).astimezone(place)
            rate = tariff.rate_at(local.weekday(), 60 * local.hour + local.minute)
            share = Fraction(15 * one, step_min * 1_000_000)
            exact += share * Fraction(rate.price_per_kwh)
            at_peak += share if rate is peak else 0
    view = service.household(tmp_path / "out", "a")
    assert view.bill_b_units == pytest.approx(float(10_000 * exact), abs=1)
    assert view.row.peak_share_pct == pytest.approx(float(100 * at_peak / sum(mwh) * 1_000_000))
    days = stored([tmp_path / "out" / "days"])
    assert pc.sum(days["mwh"]).as_py() == sum(mwh)
    assert pc.sum(days["peak_mwh"]).as_py() == pytest.approx(float(1_000_000 * at_peak), abs=3_000)
    assert pc.max(days["top_mw"]).as_py() == max(mwh) * 60 // step_min


def test_who_wins_and_who_loses(out, service):
    said = service.tariffs(out, limit=None)

    changes = [row.change_units for row in said.rows.rows]
    assert changes == sorted(changes)
    assert said.winners == sum(change < 0 for change in changes)
    assert said.losers == sum(change > 0 for change in changes)
    assert said.total_b_units - said.total_a_units == sum(changes)
    assert said.response is not None
    assert said.rows.total == 16


def test_lists_come_in_pages(out, service):
    whole = service.households(out, limit=None, order="use").rows

    pages = [service.households(out, offset=k, limit=5, order="use") for k in range(0, 16, 5)]

    assert tuple(row for page in pages for row in page.rows) == whole
    assert {page.total for page in pages} == {16}
    assert [row.household for row in service.households(out, search="stu").rows] == ["STUCK"]
    assert {row.tariff for row in service.households(out, tariff="ToU").rows} == {"ToU"}


def test_a_household_has_its_own_page(out, service):
    view = service.household(out, "STUCK")

    assert (view.day[0], view.day[-1], len(view.day)) == (date(2013, 1, 1), date(2013, 3, 1), 60)
    assert view.kwh[STUCK_DAY] == pytest.approx(48 * 0.211)
    assert view.forecast.day == date(2013, 3, 2)
    assert len(view.week_kw) == 336
    with pytest.raises(NotFound):
        service.household(out, "nobody")


def test_the_fleet_adds_up(out, service):
    overview = service.overview(out)

    trends = service.trends(out).rows
    days = [service.household(out, row.household) for row in service.households(out).rows]
    assert sum(day.kwh for day in trends) == pytest.approx(
        sum(kwh for view in days for kwh in view.kwh if kwh is not None)
    )
    assert overview.tariffs == {"Std": 11, "ToU": 5}
    assert overview.households_with_anomalies >= 2
    assert service.forecasts(out).total == 16


def test_a_table_that_is_not_there_is_refused(out, service, tmp_path):
    with pytest.raises(WrongUse, match="It has: "):
        service.export(out, str(tmp_path), "csv", tables=("nonsense",))


def test_a_tariff_needs_exactly_one_rate_for_all_other_hours():
    with pytest.raises(ValueError, match="one rate for all other hours"):
        FleetTariff("x", (Rate("a", Decimal(1)), Rate("b", Decimal(2))))

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.anomaly_bench import BUILDINGS, f1, labelled
from energy_desktop.analytics.anomaly import profile
from energy_desktop.analytics.anomaly.findings import to_findings
from energy_desktop.domain.clock import from_ms, parse_utc
from energy_desktop.domain.energy import HOUR_MS
from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.finding import AnomalyKind, FindingState
from tests.support.shared_data import shared_data

BERLIN = "Europe/Berlin"
START = parse_utc("2026-02-01T23:00:00Z")  # Monday midnight in Berlin; the clock changes in March

LEFT_ON = 30_000.0 + 200.0 * np.array([-3, -1, 2, 3, -2, 1])


def an_office(weeks: int = 12, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Hours of an office that works 8 to 18 on weekdays by the local clock."""
    start = START + np.arange(weeks * 168, dtype=np.int64) * HOUR_MS
    local = [from_ms(int(s)).astimezone(ZoneInfo(BERLIN)) for s in start]
    busy = np.array([t.weekday() < 5 and 8 <= t.hour < 18 for t in local])
    noise = np.random.default_rng(seed).normal(1.0, 0.04, len(start))
    return start, np.where(busy, 40_000.0, 6_000.0) * noise


def at(text: str) -> int:
    return (parse_utc(text) - START) // HOUR_MS


def test_an_ordinary_office_is_left_alone_across_the_clock_change():
    assert profile.find_anomalies(*an_office(), BERLIN) == ()


def test_a_night_left_on_is_told_in_words():
    start, energy = an_office()
    begin = at("2026-03-10T21:00:00Z")
    energy[begin : begin + 6] = LEFT_ON

    (found,) = profile.find_anomalies(start, energy, BERLIN)

    assert found.kind is AnomalyKind.HIGH
    assert found.start_ms == start[begin]
    assert found.end_ms == start[begin + 6]
    assert found.actual_wh == pytest.approx(180_000)
    assert found.expected_wh == pytest.approx(36_000, rel=0.1)
    assert found.reason.startswith(
        "More than usual for 6 h from 22:00 on Tue 10 Mar 2026: 180.0 kWh"
    )


def test_an_hour_that_is_merely_odd_is_left_alone():
    start, energy = an_office()
    energy[at("2026-03-10T21:00:00Z")] = 30_000.0

    assert profile.find_anomalies(start, energy, BERLIN) == ()


def test_a_dead_supply_and_a_stuck_meter_are_told_apart():
    start, energy = an_office()
    zero, flat = at("2026-02-25T01:00:00Z"), at("2026-04-01T08:00:00Z")
    energy[zero : zero + 5] = 0.0
    energy[flat : flat + 6] = energy[flat]

    found = profile.find_anomalies(start, energy, BERLIN)

    assert [(a.kind, (a.end_ms - a.start_ms) // HOUR_MS) for a in found] == [
        (AnomalyKind.ZERO, 5),
        (AnomalyKind.FLAT, 6),
    ]


def test_zeros_with_nothing_but_missing_hours_between_are_one_event():
    start, energy = an_office()
    begin = at("2026-02-25T07:00:00Z")
    energy[begin : begin + 10] = 0.0
    energy[begin + 4 : begin + 6] = np.nan

    (found,) = profile.find_anomalies(start, energy, BERLIN)

    assert (found.start_ms, found.end_ms) == (start[begin], start[begin + 10])
    assert found.expected_wh == pytest.approx(8 * 40_000, rel=0.1)  # of the hours that are known
    assert found.reason == (
        "Nothing at all from 08:00 on Wed 25 Feb 2026 until 18:00 (10 h, 2 h of it without a "
        "reading): supply off or meter lost."
    )


def test_zeros_with_next_to_nothing_between_are_one_event_that_says_how_much_it_was():
    start, energy = an_office()
    begin = at("2026-02-25T07:00:00Z")
    energy[begin : begin + 10] = 0.0
    energy[begin + 4] = 60.0

    (found,) = profile.find_anomalies(start, energy, BERLIN)

    assert (found.start_ms, found.end_ms) == (start[begin], start[begin + 10])
    assert found.actual_wh == 60.0
    assert found.reason.startswith(
        "Next to nothing from 08:00 on Wed 25 Feb 2026 until 18:00 (10 h), 0.1 kWh in all:"
    )
    assert "supply off" not in found.reason


def test_zeros_with_use_between_stay_two_events():
    start, energy = an_office()
    begin = at("2026-02-25T07:00:00Z")
    energy[begin : begin + 10] = 0.0
    energy[begin + 4] = 20_000.0

    found = profile.find_anomalies(start, energy, BERLIN)

    zeros = [a for a in found if a.kind is AnomalyKind.ZERO]
    assert [(a.end_ms - a.start_ms) // HOUR_MS for a in zeros] == [4, 5]
    assert all(a.reason.startswith("Nothing at all for") for a in zeros)


def test_a_machine_that_is_off_every_night_has_no_zero_alarms():
    start, energy = an_office()
    energy[energy < 10_000] = 0.0

    assert profile.find_anomalies(start, energy, BERLIN) == ()


def test_a_season_of_nights_without_setback_is_seen_though_its_neighbours_look_the_same():
    start, energy = an_office(40)
    for week in range(18, 26):
        for day in range(5):
            evening = (week * 7 + day) * 24 + 19
            energy[evening : evening + 11] = 39_000.0 + 100.0 * np.arange(11)

    found = profile.find_anomalies(start, energy, BERLIN)

    through = [a for a in found if a.kind is AnomalyKind.NO_SETBACK]
    assert len(through) >= 15
    assert "ran through" in through[0].reason.lower()


def test_missing_hours_are_unknown_and_never_strange():
    start, energy = an_office()
    gap = at("2026-03-03T05:00:00Z")
    energy[gap : gap + 30] = np.nan
    without = np.r_[0:gap, gap + 30 : len(start)]

    assert profile.find_anomalies(start, energy, BERLIN) == ()
    assert profile.find_anomalies(start[without], energy[without], BERLIN) == ()


def test_quarter_hours_are_summed_to_hours():
    start, energy = an_office()
    begin = at("2026-03-10T21:00:00Z")
    energy[begin : begin + 6] = LEFT_ON
    fine = (start[:, None] + np.arange(4) * 900_000).ravel()

    (found,) = profile.find_anomalies(fine, np.repeat(energy / 4, 4), BERLIN, step_s=900)

    assert found.start_ms == start[begin]
    assert found.actual_wh == pytest.approx(180_000)


def test_two_weeks_are_too_few():
    start, energy = an_office(2)

    with pytest.raises(NotEnoughData, match="14 days"):
        profile.find_anomalies(start, energy, BERLIN)


@given(st.integers(0, 500), st.floats(1e-3, 1e6))
def test_the_unit_of_energy_does_not_matter(seed, factor):
    start, energy = an_office(4, seed)
    energy[300:306] *= 4.0

    one = profile.find_anomalies(start, energy, "UTC")
    other = profile.find_anomalies(start, energy * factor, "UTC")

    assert [(a.kind, a.start_ms) for a in one] == [(a.kind, a.start_ms) for a in other]


@pytest.mark.parametrize(
    ("zone", "step_s", "said"),
    [("Asia/Kolkata", 3600, "02:30"), ("Asia/Kathmandu", 3600, "02:45"), (BERLIN, 900, "22:00")],
)
def test_a_stretch_begins_and_ends_with_its_readings_on_a_clock_half_an_hour_off(
    zone, step_s, said
):
    start, energy = an_office()
    begin = at("2026-03-10T21:00:00Z")
    energy[begin : begin + 6] = LEFT_ON
    each = 3600 // step_s
    fine = start[0] + np.arange(each * len(start), dtype=np.int64) * (1000 * step_s)

    found = profile.find_anomalies(fine, np.repeat(energy / each, each), zone, step_s=step_s)

    high = [one for one in found if one.kind is AnomalyKind.HIGH]
    assert [(one.start_ms, one.end_ms) for one in high] == [(start[begin], start[begin + 6])]
    assert f" from {said} on " in high[0].reason


@pytest.mark.parametrize("zone", [BERLIN, "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
def test_offsets_agree_with_the_zone_at_every_hour(zone):
    moments = START + np.arange(0, 24 * 400, dtype=np.int64) * HOUR_MS

    offsets = profile.utc_offset_ms(moments, zone)

    place = ZoneInfo(zone)
    truth = [from_ms(int(m)).astimezone(place).utcoffset().total_seconds() for m in moments]
    assert (offsets / 1000).tolist() == truth


def test_a_judged_anomaly_keeps_its_judgement():
    from dataclasses import replace
    from decimal import Decimal

    start, energy = an_office()
    begin = at("2026-03-10T21:00:00Z")
    energy[begin : begin + 6] = LEFT_ON
    anomalies = profile.find_anomalies(start, energy, BERLIN)
    (fresh,) = to_findings("m", "Office", anomalies, zone=BERLIN, price_per_kwh=Decimal("0.25"))
    dismissed = replace(fresh, state=FindingState.DISMISSED, note="party")

    (again,) = to_findings(
        "m", "Office", anomalies, zone=BERLIN, price_per_kwh=Decimal("0.25"),
        judged={fresh.finding_id: dismissed},
    )  # fmt: skip

    assert fresh.finding_id == "m:high:2026-03-10"
    assert fresh.excess_cost_units == pytest.approx(36 * 2500 * 4, rel=0.05)
    assert again == dismissed


def test_labelled_buildings_are_matched_far_better_than_by_three_sigma():
    folder = shared_data("building-anomalies-labelled")
    data = [labelled(folder / f"lead_building_{name}.csv.gz") for name in BUILDINGS]
    truth = np.concatenate([label for _, _, label in data])

    ours = np.concatenate([profile.flags(start, energy, "UTC") for start, energy, _ in data])
    naive = np.concatenate([profile.naive_flags(start, energy, "UTC") for start, energy, _ in data])

    assert f1(ours, truth) >= 0.65
    assert f1(naive, truth) < 0.5 * f1(ours, truth)


@pytest.mark.parametrize(
    ("actual_wh", "expected_wh", "told"),
    [
        (180_000, 36_000, ("180.0", "36.0")),
        (1_040, 960, ("1.04", "0.96")),
        (1_002, 998, ("1.002", "0.998")),
    ],
)
def test_two_energies_that_differ_are_written_so_that_it_shows(actual_wh, expected_wh, told):
    assert profile._told_apart(actual_wh, expected_wh) == told

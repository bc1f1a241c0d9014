import math

import numpy as np
import pytest

from energy_desktop.analytics.maintenance.watch import naive_alarms
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.finding import FindingState, WatchState

from .machines import Machine, day_of, judged


def test_false_alarms_come_about_once_a_year():
    rng = np.random.default_rng(11)
    years = 300

    alarms = sum(len(Machine(rng, 42 + 365).watched().findings) for _ in range(years))

    assert 0.5 <= alarms / years <= 1.5


def test_one_percent_a_week_at_five_percent_noise_is_found_in_about_a_month_and_dated():
    rng = np.random.default_rng(12)
    begins = 55
    delays, dating = [], []

    for _ in range(150):
        machine = Machine(rng, begins + 140).creep(begins)
        true_finds = [
            f for f in machine.watched().findings if day_of(machine, f.found_at_ms) > begins
        ]
        delays.append(
            day_of(machine, true_finds[0].found_at_ms) - begins if true_finds else math.inf
        )
        if true_finds:
            dating.append(abs(day_of(machine, true_finds[0].start_ms) - begins))

    assert np.median(delays) <= 35
    assert np.percentile(delays, 95) <= 84
    assert np.median(dating) <= 14


def test_the_naive_rival_never_sees_a_creep_of_one_percent_a_week():
    machine = Machine(3, 200, deviation=0.01).creep(50)
    machine.hours[:] = 10.0
    machine.energy = 50_000 * (1 + 0.01 * np.maximum(0, np.arange(200) - 50) / 7)

    watched = machine.watched()

    assert watched.naive_alarms == 0
    assert len(watched.findings) == 1


def test_a_finding_says_since_when_how_much_and_what_it_cost():
    machine = Machine(4, 120, deviation=0.01).step(80, share=0.10)

    watched = machine.watched()

    (finding,) = watched.findings
    assert abs(day_of(machine, finding.start_ms) - 80) <= 1
    assert finding.change_pct == pytest.approx(10, abs=1)
    true_excess = machine.energy[80:].sum() * (1 - 1 / 1.1)
    assert finding.excess_wh == pytest.approx(true_excess, rel=0.1)
    assert finding.excess_cost_units == pytest.approx(finding.excess_wh / 1000 * 2500, abs=51)
    assert "more than its baseline, since 21 Mar 2026" in finding.sentence
    assert finding.causes
    assert watched.cusum[-1] > watched.threshold > 0


def test_a_finding_keeps_its_identity_as_days_go_by():
    machine = Machine(5, 200).creep(60)
    first_seen = next(n for n in range(70, 200) if _cut(machine, n).watched().findings)

    ids = {_cut(machine, n).watched().findings[0].finding_id for n in range(first_seen, 200, 7)}

    assert len(ids) == 1


def _cut(machine: Machine, days: int) -> Machine:
    part = Machine(0, days)
    part.day_ms, part.energy = machine.day_ms[:days], machine.energy[:days]
    part.hours, part.usable = machine.hours[:days], machine.usable[:days]
    return part


def test_longer_running_is_not_a_fault():
    machine = Machine(6, 150, deviation=0.02)
    machine.hours[90:] += 3.0
    machine.energy[90:] += 15_000.0

    assert machine.watched().findings == ()


def test_outdoor_temperature_explains_what_it_explains():
    rng = np.random.default_rng(7)
    temperature = 12 + 10 * np.sin(np.arange(300) / 300 * 4 * np.pi) + rng.normal(0, 4, 300)
    machine = Machine(7, 300, deviation=0.03)
    machine.hours[:] = 24.0
    machine.energy = (
        60_000 * (1 + 0.03 * np.maximum(0, temperature - 18)) * (1 + rng.normal(0, 0.03, 300))
    )

    with_it = machine.watched(temperature_c=temperature)
    without = machine.watched()

    assert with_it.findings == ()
    assert "temperature" in with_it.baseline_sentence
    assert without.noise_pct > with_it.noise_pct
    assert "no outdoor temperature" in without.baseline_sentence


def test_days_that_are_not_usable_are_neither_learnt_from_nor_judged():
    machine = Machine(8, 100, deviation=0.01)
    clean = machine.watched()
    bad = slice(10, 20)
    machine.usable[bad] = False
    machine.energy[bad] *= 5.0
    machine.usable[70:80] = False
    machine.energy[70:80] *= 5.0

    watched = machine.watched()

    assert watched.findings == ()
    assert all(math.isnan(x) for x in watched.excess_pct[70:80])
    assert watched.noise_pct == pytest.approx(clean.noise_pct, rel=0.4)
    assert watched.cusum[79] == watched.cusum[70]


def test_learning_counts_its_days():
    watched = Machine(9, 9).watched()

    assert watched.state is WatchState.LEARNING
    assert watched.state_sentence == "Learning, 9 of 21 days."
    assert watched.learned_days == 9
    assert math.isnan(watched.detectable_pct_in_12_weeks)


def test_a_noisy_machine_says_which_change_would_be_found():
    watched = Machine(10, 200, deviation=0.25).watched()

    assert watched.state is WatchState.UNSUITABLE
    assert watched.detectable_pct_in_12_weeks > 12
    assert f"{watched.detectable_pct_in_12_weeks:.0f} % within 12 weeks" in watched.state_sentence


@pytest.mark.parametrize("deviation", [0.03, 0.08])
def test_the_promised_change_is_found_nine_times_in_ten(deviation: float):
    rng = np.random.default_rng(13)
    found = 0
    for _ in range(80):
        machine = Machine(rng, 50 + 84, deviation)
        promised = _cut(machine, 50).watched().detectable_pct_in_12_weeks
        machine.creep(50, promised / 100 / 12)
        found += any(f.found_at_ms > machine.moment(50) for f in machine.watched().findings)

    assert found / 80 >= 0.85


def test_a_change_below_the_class_of_the_meter_is_not_claimed():
    machine = Machine(14, 200, deviation=0.002).step(80, share=0.008)

    assert machine.watched(meter_class_pct=1.0).findings == ()
    assert len(machine.watched(meter_class_pct=0.5).findings) == 1


def test_a_silent_meter_pauses_the_watch():
    machine = Machine(15, 90)

    watched = machine.watched(now_ms=machine.moment(90) + 6 * DAY_MS)

    assert watched.state is WatchState.PAUSED
    assert "no readings since" in watched.state_sentence
    assert machine.watched(lost=True).state_sentence == "Paused: meter lost."


def test_a_repair_that_helped_is_seen_and_closes_the_finding():
    machine = Machine(16, 150, deviation=0.03).step(60, 110, share=0.12)
    (open_finding,) = _cut(machine, 110).watched().findings
    repaired = judged(open_finding, FindingState.REPAIRED, machine.moment(110))

    watched = machine.watched(judged=[repaired])

    assert watched.repair is not None
    assert watched.repair.helped is True
    assert watched.repair.before_pct == pytest.approx(12, abs=3)
    assert watched.repair.after_pct == pytest.approx(0, abs=3)
    assert "The repair helped" in watched.repair.sentence
    (finding,) = watched.findings
    assert finding.end_ms == machine.moment(110)
    assert finding.state is FindingState.REPAIRED
    assert finding.finding_id == open_finding.finding_id


def test_a_repair_that_did_not_help_is_said_and_found_again():
    machine = Machine(17, 150, deviation=0.03).step(60, share=0.12)
    (open_finding,) = _cut(machine, 100).watched().findings
    repaired = judged(open_finding, FindingState.REPAIRED, machine.moment(100))

    watched = machine.watched(judged=[repaired])

    assert watched.repair is not None
    assert watched.repair.helped is False
    assert len(watched.findings) == 2
    assert watched.findings[1].state is FindingState.OPEN
    assert watched.findings[1].start_ms >= machine.moment(100)


def test_a_repair_needs_a_week_before_a_verdict():
    machine = Machine(18, 104, deviation=0.03).step(60, 100, share=0.12)
    (open_finding,) = _cut(machine, 100).watched().findings

    watched = machine.watched(
        judged=[judged(open_finding, FindingState.REPAIRED, machine.moment(100))]
    )

    assert watched.repair is not None
    assert watched.repair.helped is None
    assert watched.repair.sentence == "Too early to say: 4 of 7 days since the repair."


def test_a_dismissed_finding_becomes_the_new_normal():
    machine = Machine(19, 200, deviation=0.03).step(60, share=0.12)
    (open_finding,) = _cut(machine, 90).watched().findings
    dismissed = judged(open_finding, FindingState.DISMISSED, machine.moment(90))

    soon = _cut(machine, 100).watched(judged=[dismissed])
    later = machine.watched(judged=[dismissed])

    assert soon.state is WatchState.LEARNING
    assert soon.state_sentence == "Learning, 10 of 21 days."
    assert [f.state for f in later.findings] == [FindingState.DISMISSED]
    assert later.state is WatchState.WATCHING
    assert abs(np.nanmean(later.excess_pct[130:])) < 2


def test_a_burst_that_passes_is_closed_with_its_end():
    machine = Machine(20, 200, deviation=0.02).step(80, 110, share=0.15)

    finding = machine.watched().findings[0]

    assert finding.end_ms is not None
    assert 108 <= day_of(machine, finding.end_ms) <= 112
    assert finding.change_pct == pytest.approx(15, abs=2)
    assert "Back at its baseline" in finding.sentence


def test_a_machine_that_never_ran_is_not_watched():
    machine = Machine(21, 60)
    machine.energy[:] = 0.0

    watched = machine.watched()

    assert watched.state is WatchState.UNSUITABLE
    assert watched.findings == ()


def test_no_days_at_all_is_learning():
    watched = Machine(22, 0).watched()

    assert watched.state is WatchState.LEARNING


def _through_autumn(seed: int) -> Machine:
    machine = Machine(seed, 120, deviation=0.02)
    machine.hours[:] = 24.0
    machine.energy = 50_000 * (1 + 0.005 * np.arange(120))
    return machine


@pytest.mark.parametrize(
    ("equipment", "word"),
    [("hvac", "weather"), ("lighting", "daylight"), ("tenant", "Neither running hours")],
)
def test_what_the_season_moves_is_not_accused(equipment, word):
    machine = _through_autumn(30)

    watched = machine.watched(equipment=equipment)

    assert watched.state is WatchState.UNSUITABLE
    assert word in watched.state_sentence
    assert watched.findings == ()


def test_what_the_season_does_not_move_is():
    assert _through_autumn(30).watched(equipment="server_room").findings


def test_a_few_quiet_days_do_not_hide_a_creep():
    machine = Machine(31, 160, deviation=0.02).creep(60)
    machine.energy[120:130] /= 1 + 0.01 * (np.arange(120, 130) - 60) / 7

    (finding,) = machine.watched().findings

    assert finding.end_ms is None


def test_the_naive_rival_counts_onsets_and_bears_missing_days():
    flat = np.full(60, 100.0)
    flat[30:] = 120.0
    flat[[5, 33]] = np.nan

    assert naive_alarms(flat) == 1
    assert naive_alarms(flat[:10]) == 0


def test_the_naive_rival_cries_wolf_far_more_often():
    rng = np.random.default_rng(32)

    alarms = [Machine(rng, 407).watched().naive_alarms for _ in range(30)]

    assert np.mean(alarms) > 5

"""The maintenance page alone: values in, sentences and judgements out."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.finding import (
    EquipmentWatch,
    Finding,
    FindingKind,
    FindingState,
    RepairCheck,
    WatchState,
)
from energy_desktop.domain.waste import EveningUse, EveningVerdict, WasteReport, ZoneWaste
from energy_desktop.services.maintenance import EquipmentReport
from energy_desktop.ui.views.maintenance_view import MaintenanceView
from energy_desktop.ui.views.maintenance_words import excess_now_pct, state_words, weekly_excess_pct

DAY_MS = 86_400_000
START_MS = 1_754_000_000_000 // DAY_MS * DAY_MS


def a_finding(**changes) -> Finding:
    values = {
        "finding_id": "m:creep:1",
        "meter_id": "m",
        "meter_name": "Compressor",
        "kind": FindingKind.CREEP,
        "start_ms": START_MS + 20 * DAY_MS,
        "end_ms": None,
        "found_at_ms": START_MS + 30 * DAY_MS,
        "change_pct": 12.4,
        "excess_wh": 90_000,
        "excess_cost_units": 225_000,
        "sentence": "Compressor uses 12.4 % more than its baseline.",
        "causes": ("leaking compressed air",),
    }
    return Finding(**(values | changes))


def a_watch(**changes) -> EquipmentWatch:
    days = 40
    excess = np.where(np.arange(days) < 20, 0.0, 12.0)
    values = {
        "meter_id": "m",
        "meter_name": "Compressor",
        "equipment": "compressor",
        "state": WatchState.WATCHING,
        "state_sentence": "Steady.",
        "learned_days": 21,
        "needed_days": 21,
        "baseline_sentence": "Learnt on 21 days.",
        "noise_pct": 4.6,
        "detectable_pct_in_12_weeks": 3.0,
        "meter_class_pct": 1.0,
        "day_ms": tuple(START_MS + i * DAY_MS for i in range(days)),
        "actual_wh": tuple(100_000 * (1 + excess / 100)),
        "expected_wh": (100_000.0,) * days,
        "excess_pct": tuple(excess),
        "cusum": tuple(np.maximum(0.0, np.arange(days) - 20.0)),
        "threshold": 6.0,
        "findings": (),
        "naive_alarms": 3,
    }
    return EquipmentWatch(**(values | changes))


class FakeMaintenance:
    def __init__(self, *reports: EquipmentReport) -> None:
        self.made = reports
        self.judged: list[tuple] = []
        self.statuses = None
        self.refuses = False

    def reports(self, progress, statuses=None):
        progress(0.5, "Watching")
        self.statuses = statuses
        return self.made

    def judge(self, finding, state, who, note, at_ms=None):
        if self.refuses:
            raise WrongUse(where="x", what="No.", remedy="Write why.")
        self.judged.append((finding.finding_id, state, who, note, at_ms))
        return replace(finding, state=state)


class FakeWaste:
    def month(self, month):
        self.asked = month
        return a_month()


class FakeMeters:
    def statuses(self):
        return {"m": "the live state"}


def a_month() -> WasteReport:
    zone = ZoneWaste("z1", "East", ("light",), 2, 1, 9_000, 5_000, 12_500, 150_000, 11_000)
    evenings = tuple(
        EveningUse(
            "z1", "East", "light", date(2025, 9, 1 + i), START_MS, START_MS, START_MS + DAY_MS // 4,
            minutes, 60, 4_000, 2_000, 5_000, verdict,
        )
        for i, (minutes, verdict) in enumerate(
            [(45, EveningVerdict.EXPECTED), (300, EveningVerdict.FLAGGED)]
        )
    )  # fmt: skip
    return WasteReport(START_MS, START_MS + DAY_MS, "EUR", (zone,), evenings, 99.5)


@pytest.fixture
def make(qtbot, context):
    def made(*reports: EquipmentReport) -> MaintenanceView:
        view = MaintenanceView(
            context, FakeMaintenance(*reports), FakeWaste(), FakeMeters(), who="Kim"
        )
        qtbot.addWidget(view)
        view.resize(1166, 640)
        return view

    return made


def shown(view: MaintenanceView, qtbot) -> MaintenanceView:
    with qtbot.waitExposed(view):
        view.show()
    view.shown()
    qtbot.waitUntil(lambda: not view.jobs.running(), timeout=5000)
    return view


def test_the_answer_names_the_machine_that_creeps(make, qtbot):
    creeping = EquipmentReport(a_watch(findings=(a_finding(),)), ())
    steady = EquipmentReport(a_watch(meter_id="s", meter_name="Server room"), ())
    view = make(creeping, steady)

    shown(view, qtbot)

    assert view.answer.startswith("Compressor uses 12.4")
    assert view._equipment.statuses == {"m": "the live state"}


def test_what_is_not_judged_shows_no_excess(context):
    learning = a_watch(state=WatchState.LEARNING, learned_days=9)
    lost = a_watch(state=WatchState.PAUSED)

    assert excess_now_pct(learning) is None
    assert state_words(EquipmentReport(learning, ()), context.formats) == "Learning, 9 of 21 days"
    assert state_words(EquipmentReport(lost, ()), context.formats) == "Paused: meter lost"


def test_days_without_a_verdict_are_in_no_mean():
    actual = [100_000.0] * 40
    actual[-1] = 2_000.0  # the present day, hardly begun
    excess = [0.0] * 39 + [float("nan")]

    means = weekly_excess_pct(a_watch(actual_wh=tuple(actual), excess_pct=tuple(excess)))

    assert means[-1] == pytest.approx(0.0)
    assert np.isnan(means[0])


def test_no_fault_is_not_said_without_a_reason(make, qtbot):
    view = shown(make(EquipmentReport(a_watch(findings=(a_finding(),)), ())), qtbot)

    view.finding.dismiss.click()
    assert not view.finding.send.isEnabled()
    view.finding.note.setText("second shift since October")
    view.finding.send.click()
    qtbot.waitUntil(lambda: not view.jobs.running(), timeout=5000)

    ((_, state, who, note, at_ms),) = view._equipment.judged
    assert (state, who, note) == (FindingState.DISMISSED, "Kim", "second shift since October")
    assert at_ms is None


def test_a_repair_is_asked_who_and_when(make, qtbot):
    view = shown(make(EquipmentReport(a_watch(findings=(a_finding(),)), ())), qtbot)

    view.finding.repaired.click()
    view.finding.who.setText("")
    assert not view.finding.send.isEnabled()
    view.finding.who.setText("Mara")
    view.finding.day.setDate(view.finding.day.date().addDays(-2))
    view.finding.send.click()
    qtbot.waitUntil(lambda: not view.jobs.running(), timeout=5000)

    ((_, state, who, _, at_ms),) = view._equipment.judged
    assert (state, who) == (FindingState.REPAIRED, "Mara")
    # Counted from the end of that day: 12 Oct in Berlin ends at 22:00 UTC.
    assert view.formats.local(at_ms).date() == date(2025, 10, 12)


def test_a_refused_judgement_is_told_in_its_place(make, qtbot):
    view = shown(make(EquipmentReport(a_watch(findings=(a_finding(),)), ())), qtbot)
    view._equipment.refuses = True

    view.finding.confirm.click()
    qtbot.waitUntil(lambda: view.refused.isVisible(), timeout=5000)

    assert "Write why." in view.refused.accessibleName()


def test_a_repair_says_whether_it_helped(make, qtbot):
    repaired = a_finding(state=FindingState.REPAIRED, state_by="Mara", state_at_ms=START_MS)
    check = RepairCheck(START_MS, 20, 12.0, 0.4, True, "The repair helped: 12 % before, 0.4 after.")
    view = make(EquipmentReport(a_watch(findings=(repaired,), repair=check), ()))

    shown(view, qtbot)

    assert "The repair helped" in view.finding.repair.text()
    assert "Mara" in view.finding.repair.text()
    assert not view.finding.confirm.isVisible()


def test_a_site_without_machines_says_what_to_do(make, qtbot):
    view = shown(make(), qtbot)

    assert view.list_panel.state == "empty"
    assert view.answer == "No machine is watched yet."


def test_lighting_names_flagged_evenings_and_money(make, qtbot):
    view = shown(make(), qtbot)

    view.part.set_value("lighting")
    view._show_part()
    qtbot.waitUntil(lambda: not view.jobs.running(), timeout=5000)

    assert view._lighting.asked == "2025-09"  # the last complete month
    assert view.answer.startswith("1 evening burnt")
    assert "15.00" in view.answer
    assert "1 of 2 evenings over 3 h" in view.light.chart.accessibleDescription()


def test_advice_about_a_zone_opens_its_evenings(make, qtbot):
    view = make(EquipmentReport(a_watch(findings=(a_finding(),)), ()))
    view.navigation.choose(item_id="z1")

    shown(view, qtbot)

    assert view.part.value == "lighting"
    assert view.light.zones.chosen_row().space_id == "z1"


def test_an_item_of_another_page_changes_nothing_here(make, qtbot):
    view = make(EquipmentReport(a_watch(findings=(a_finding(),)), ()))
    view.navigation.choose(item_id="2026-0007")

    shown(view, qtbot)

    assert view.part.value == "equipment"

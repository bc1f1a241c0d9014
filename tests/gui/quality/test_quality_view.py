"""The page "Data quality": doubts with their cause, a preview before each deed, a reason."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

from energy_desktop.domain.clock import ClockJump
from energy_desktop.domain.editing import EditMethod
from energy_desktop.domain.energy import GapCause, IntervalQuality
from energy_desktop.domain.errors import StoreError, WrongUse
from energy_desktop.domain.validation import RuleFailure, ValidationRule
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.views.quality.correction import ESTIMATE
from energy_desktop.ui.views.quality.exchange_dialog import ExchangeDialog
from energy_desktop.ui.views.quality.page import CORRECT, DEEDS, INVOICES, SUMS, QualityView
from energy_desktop.ui.views.quality.parts import QualityServices
from energy_desktop.ui.views.quality.picture import Window, picture
from energy_desktop.ui.views.quality.picture_panel import PicturePanel
from energy_desktop.ui.widgets.question import Question
from tests.gui.quality import fakes
from tests.gui.quality.fakes import (
    DAY,
    DAY_START,
    QUARTER,
    FakeEditing,
    FakeExchanges,
    FakeQuality,
    a_check,
    a_gap,
    a_look,
    a_preview,
    a_row,
    an_edit,
    an_event,
)


@pytest.fixture
def make(qtbot, context):
    def build(quality=None, editing=None, exchanges=None, corrections=lambda: (), **more):
        services = QualityServices(
            quality or FakeQuality(),
            corrections,
            editing if editing is not None else FakeEditing(),
            exchanges if exchanges is not None else FakeExchanges(),
        )
        if more.get("read_only"):
            services = QualityServices(services.quality, corrections)
        view = QualityView(context, services)
        qtbot.addWidget(view)
        view.resize(1166, 640)
        view.show()
        view.shown()
        settle(qtbot, context)
        return view

    return build


def settle(qtbot, context):
    def idle():
        qtbot.wait(1)
        return not context.jobs.running()

    for _ in range(3):  # an answer may ask again
        qtbot.waitUntil(idle, timeout=5_000)


def test_the_page_answers_which_gaps_are_open(make):
    view = make()

    assert view.answer == "1 gap open at 1 of 1 meters; the registers know 4.0\u00a0kWh of them."
    assert [r.meter.name for r in view.meters.table.rows_model.rows] == [
        "<b>Lights</b> of hall 2",
        "Press",
    ]
    (doubt,) = view.doubts.table.rows_model.rows
    assert (doubt.cause, doubt.detail, doubt.is_open) == ("Power", "no voltage", True)
    assert view.picture.day_sum.full_text() == (
        "Sun 12 Oct: intervals 48.000\u00a0kWh, register 48.000\u00a0kWh: equal."
    )
    assert view.correction.span == (doubt.start_ms, doubt.end_ms)
    assert view.picture.told.text() == (
        "Power: no voltage. The register counted 4.000\u00a0kWh. Nothing done yet."
    )


def test_nothing_is_applied_without_a_preview_and_a_reason(qtbot, context, make):
    editing = FakeEditing()
    view = make(editing=editing)
    panel = view.correction

    panel.reason.setText("the fuse was out")
    assert not panel.apply_button.isEnabled()
    panel.preview()
    settle(qtbot, context)
    assert panel.apply_button.isEnabled()
    panel.reason.setText("   ")
    assert not panel.apply_button.isEnabled()

    panel.reason.setText("the fuse was out")
    qtbot.mouseClick(panel.apply_button, Qt.MouseButton.LeftButton)
    settle(qtbot, context)

    assert editing.applied == [(editing.a_preview, "the fuse was out")]
    assert panel.reason.text() == ""
    assert "Correction 7" in panel.preview_panel.hint.text()
    assert len(view._services.quality.looked) == 2  # everything was read again


def test_a_changed_entry_takes_the_preview_back(qtbot, context, make):
    view = make()
    panel = view.correction
    panel.choose_method(EditMethod.SET.value)
    panel.preview()
    settle(qtbot, context)
    assert any(s.name == "After the correction" for s in view.picture.chart.data.steps)

    panel.value.setValue(0.75)

    assert not panel.apply_button.isEnabled()
    assert not any(s.name == "After the correction" for s in view.picture.chart.data.steps)


@pytest.mark.parametrize(
    ("method", "enter", "given"),
    [
        (EditMethod.SET, lambda p: p.value.setValue(1.234), {"value_wh": 1_234}),
        (EditMethod.SCALE, lambda p: p.factor.setValue(1.5), {"factor": 1.5}),
        (EditMethod.LINE, lambda p: p.keep.setChecked(False), {"keep_total": False}),
        (EditMethod.LIKE_DAYS, lambda _: None, {"keep_total": True, "total_wh": None}),
        (EditMethod.SPREAD, lambda _: None, {"total_wh": None}),
    ],
)
def test_each_method_is_given_what_was_entered(qtbot, context, make, method, enter, given):
    editing = FakeEditing()
    view = make(editing=editing)

    view.correction.choose_method(method.value)
    enter(view.correction)
    view.correction.preview()
    settle(qtbot, context)

    *_, start, end, asked, parameters = editing.asked[-1]
    assert (start, end, asked) == (*view.correction.span, method)
    for name, value in given.items():
        assert getattr(parameters, name) == value


def test_a_known_total_and_a_like_day_are_given_exactly(qtbot, context, make):
    editing = FakeEditing()
    view = make(editing=editing)
    panel = view.correction

    panel.choose_method(EditMethod.SPREAD.value)
    panel.whose.setCurrentIndex(1)
    panel.shape.setCurrentIndex(2)
    panel._on_method()
    panel.total.setValue(12.345)
    panel.preview()
    settle(qtbot, context)

    parameters = editing.asked[-1][-1]
    assert parameters.total_wh == 12_345
    assert parameters.source_day.isoformat() == "2025-10-05"  # the same weekday before


def test_estimating_all_gaps_shows_what_it_would_do_first(qtbot, context, make):
    editing = FakeEditing()
    view = make(editing=editing)

    view.estimate_all()
    settle(qtbot, context)

    assert editing.asked == [("estimate", "m", DAY_START, DAY_START + DAY, fakes.REGISTER)]
    assert editing.applied == []
    assert view.correction.method.currentData() == ESTIMATE
    assert view.correction.preview_panel.table.rows_model.rowCount() == 8


def test_a_refusal_is_told_in_the_place_of_the_preview(qtbot, context, make):
    editing = FakeEditing()
    editing.fails = fakes.NOTHING_TO_FILL
    view = make(editing=editing)

    view.estimate_all()
    settle(qtbot, context)

    told = view.correction.preview_panel
    assert told.stack.currentIndex() == 1
    assert "There is no gap to fill." in told.error.accessibleName()
    assert not view.correction.apply_button.isEnabled()


def test_a_preview_shows_totals_warnings_and_each_value(qtbot, context, make):
    preview = a_preview(warnings=("3 measured intervals would be replaced.",), measured=3)
    view = make(editing=FakeEditing(preview))

    view.correction.preview()
    settle(qtbot, context)

    told = view.correction.preview_panel
    assert told.warnings.text() == "Mind: 3 measured intervals would be replaced."
    model = told.table.rows_model
    assert [model.cell(0, c).plain for c in range(3)] == ["Sun 12 Oct 05:00", "missing", "0.500"]


def test_a_correction_is_undone_with_a_reason_only(qtbot, context, make):
    editing = FakeEditing()
    undone = an_edit(2, undone_by=3)
    view = make(FakeQuality(a_look(edits=[an_edit(), undone])), editing)
    view.show_side(DEEDS)

    view.deeds.table.choose("edit 2")
    assert view.deeds.undo_button.isHidden()
    view.deeds.table.choose("edit 1")
    assert not view.deeds.undo_button.isHidden()
    assert not view.deeds.undo_button.isEnabled()
    view.deeds.reason.setText("it was another meter")
    qtbot.mouseClick(view.deeds.undo_button, Qt.MouseButton.LeftButton)
    settle(qtbot, context)

    assert editing.undone == [(1, "it was another meter")]
    assert view.deeds.reason.text() == ""


def test_the_list_says_who_when_why_and_how(make):
    view = make(FakeQuality(a_look(edits=[an_edit()], events=[an_event()])))
    view.show_side(DEEDS)

    model = view.deeds.table.rows_model
    told = [model.cell(r, c).plain for r in range(2) for c in range(5)]
    assert "the fuse was out" in told
    assert any("kim" in t for t in told)
    assert any("each interval set to 700 Wh" in t for t in told)
    assert any("Meter exchanged" in t for t in told)
    assert "0.000 to 5.600, 8 intervals" in told
    view.deeds.table.choose("edit 1")
    sentence = view.picture.told.text()
    assert "each interval set to 700 Wh. The fuse was out. By kim, " in sentence
    view.deeds.table.choose("event 3")
    assert "serial N-2. Protocol 14. By kim, " in view.picture.told.text()


def test_an_exchange_is_removed_only_after_a_question(qtbot, context, make):
    exchanges = FakeExchanges()
    view = make(FakeQuality(a_look(events=[an_event()])), exchanges=exchanges)
    view.show_side(DEEDS)
    view.deeds.table.choose("event 3")

    view.exchanges._on_answered(an_event(), False)
    assert exchanges.removed == []
    view.exchanges._on_answered(an_event(), True)
    settle(qtbot, context)

    assert exchanges.removed == [(3, "m")]


def test_another_page_can_ask_for_the_exchange_of_a_meter(qtbot, context, make):
    view = make()
    view.hidden()

    context.navigation.go("quality", meter_id="m", item_id="exchange")
    view.shown()
    settle(qtbot, context)

    dialog = view.findChild(ExchangeDialog)
    assert dialog.isVisible()
    assert context.navigation.subject.item_id == ""
    dialog.reject()


def test_a_span_drawn_in_the_chart_lies_on_the_grid(make):
    view = make()

    view.picture._on_selected(DAY_START / 1000 + 100, DAY_START / 1000 + 2_000)

    assert view.correction.span == (DAY_START, DAY_START + 3 * QUARTER)


def test_a_span_that_is_typed_is_seen_in_the_chart(make):
    view = make()
    start = DAY_START + 8 * QUARTER

    view.correction.start.set_ms(start)
    view.correction._on_span()

    shades = [r for r in view.picture.chart.data.regions if r.kind == "shade"]
    assert [r.start for r in shades] == [start / 1000]


def test_who_may_not_change_sees_all_but_the_deeds(make):
    view = make(read_only=True)

    assert view.page_actions == ()
    assert view.correction is None
    assert view.pages.widget(0).state == "empty"
    assert view.doubts.table.rows_model.rowCount() == 1


def test_a_failing_store_is_told_in_its_panel(qtbot, context, make):
    quality = FakeQuality()
    quality.fails = StoreError(where="site.sqlite", what="It is locked.", remedy="Close the other.")
    view = make(quality)

    assert view.meters.state == "error"
    quality.fails = None
    view.reload()
    settle(qtbot, context)
    assert view.meters.state == "body"


def test_an_empty_site_leads_to_its_meters(make):
    view = make(FakeQuality(rows=()))

    assert view.meters.state == view.doubts.state == view.picture.state == "empty"
    assert view.answer == "No energy is stored for this period."


def test_a_complete_meter_says_so(make):
    view = make(FakeQuality(a_look(), (a_row(gaps=0, measured=96),)))

    assert view.answer == "No gap is open at 1 meter."
    assert view.correction.span == (DAY_START, DAY_START + DAY)


# ---------------------------------------------------------------- picture


def formats(context):
    return context.formats


def drawn(context, look, preview=None):
    window = Window(look.start_ms, look.end_ms)
    return picture(context.formats, look, words.doubts(look), window, None, preview)


def test_raw_validated_and_edited_stand_side_by_side(context):
    look = a_look([a_gap(done="set by hand")], edited=range(20, 28))

    data = drawn(context, look)

    by_name = {s.name: s.y for s in data.steps}
    assert np.isnan(by_name["Raw"][20:28]).all()
    assert np.isnan(by_name["Validated"][20:28]).all()
    assert by_name["Edited"][20:28].tolist() == [700.0] * 8
    assert [(p.name, p.x.tolist()) for p in data.points] == [
        ("Edited", [(DAY_START + 20 * QUARTER + QUARTER / 2) / 1000])
    ]
    assert data.regions == ()  # nothing is without a value
    assert "8 edited" in data.description


def test_what_is_not_plausible_is_a_hollow_triangle_and_the_gap_is_hatched(context):
    look = a_look([a_gap(cause=GapCause.QUARANTINED, known_wh=None)])

    data = drawn(context, look)

    (mark,) = data.points
    assert (mark.shape, len(mark.x)) == ("hollow", 8)
    (region,) = data.regions
    assert (region.kind, region.text) == ("gap", "Quarantined")
    assert region.start == (DAY_START + 20 * QUARTER) / 1000


def test_a_value_that_failed_a_rule_is_marked_where_it_stands(context):
    start = DAY_START + 4 * QUARTER
    failure = RuleFailure(
        ValidationRule.SPIKE, start, start + QUARTER, 1, 500, "12 Oct 01:00: towers over its day."
    )

    data = drawn(context, a_look(failures=(failure,)))

    (mark,) = data.points
    assert (mark.x.tolist(), mark.y.tolist()) == ([(start + QUARTER / 2) / 1000], [500.0])


def test_a_year_is_drawn_by_days_whose_sums_are_those_of_the_intervals(context):
    look = a_look([a_gap()], days=(a_check(),))
    window = Window(DAY_START - 60 * DAY, DAY_START + DAY)

    data = picture(context.formats, look, words.doubts(look), window, None, a_preview())

    by_name = {s.name: s.y.tolist() for s in data.steps}
    assert by_name["Validated"] == [88 * 500.0]
    assert by_name["After the correction"] == [96 * 500.0]


# ---------------------------------------------------------------- words


def test_a_sum_that_is_off_says_by_how_much_and_to_which_side(context):
    told = words.sum_sentence(context.formats, a_check(off=-250, missing=2))

    assert told == (
        "Sun 12 Oct: intervals 47.750\u00a0kWh, register 48.000\u00a0kWh: "
        "0.250\u00a0kWh less than the register; 2 intervals open."
    )
    assert words.sum_state(context.formats, a_check())[1] is False
    no_register = words.sum_state(context.formats, a_check(register=None))
    assert no_register == ("no register to hold it against", False)


def test_a_measured_value_that_was_replaced_is_no_gap_of_communication(context):
    look = a_look(
        [a_gap(cause=GapCause.COMMUNICATION, detail="", done="set by hand")], edits=[an_edit()]
    )
    series = look.report.series
    series.raw_wh[:] = 500.0
    series.quality[20:28] = IntervalQuality.EDITED

    (doubt,) = words.doubts(look)

    assert (doubt.cause, doubt.is_open) == ("Measured, replaced", False)


def test_a_long_gap_that_is_only_spread_evenly_is_still_open():
    spread = a_gap(done="spread evenly from the register")
    short = a_gap(count=4, done="spread evenly from the register")

    assert words.doubts(a_look([spread]))[0].is_open
    assert not words.doubts(a_look([short]))[0].is_open
    assert not words.doubts(a_look([spread], edits=[an_edit()]))[0].is_open
    assert words.doubts(a_look([spread], edits=[an_edit(undone_by=2)]))[0].is_open


def test_every_side_below_the_chart_can_be_shown(make):
    view = make()

    for i, side in enumerate((CORRECT, DEEDS, SUMS, INVOICES)):
        view.show_side(side)
        assert view.pages.currentIndex() == i
    assert view.sums.table.rows_model.rowCount() == 2


def test_undoing_that_is_refused_says_what_stands_on_it(qtbot, context, make):
    editing = FakeEditing()

    def refuse(edit_id, reason):
        raise WrongUse(
            where="Correction 1", what="correction 2 was made on top.", remedy="Undo it."
        )

    editing.undo = refuse
    view = make(FakeQuality(a_look(edits=[an_edit()])), editing)

    view.undo(1, "why")
    settle(qtbot, context)

    notice = view.notices.itemAt(0).widget()
    assert "correction 2 was made on top." in notice.accessibleName()


@pytest.mark.parametrize("stands_by_it", [True, False])
def test_an_exchange_that_is_held_back_waits_for_a_word(qtbot, context, make, stands_by_it):
    event, exchanges = an_event(), FakeExchanges()
    view = make(
        FakeQuality(a_look(events=[event], held=frozenset({event.event_id}))), None, exchanges
    )
    view.show_side(DEEDS)
    (deed,) = view.deeds.table.rows_model.rows

    view.deeds.table.choose(deed.key)

    assert view.deeds._state(deed).chip.text == "Held back"
    assert "nothing is booked" in view.deeds.told.text()
    qtbot.mouseClick(view.deeds.confirm_button, Qt.MouseButton.LeftButton)
    (question,) = view.findChildren(Question)
    assert exchanges.confirmed == []
    (question.do_button if stands_by_it else question.leave_button).click()
    settle(qtbot, context)
    assert exchanges.confirmed == ([(event.event_id, "m")] if stands_by_it else [])


def test_an_exchange_in_force_asks_for_no_word(make):
    view = make(FakeQuality(a_look(events=[an_event()])))
    view.show_side(DEEDS)
    (deed,) = view.deeds.table.rows_model.rows

    view.deeds.table.choose(deed.key)

    assert view.deeds._state(deed).chip.text == "In force"
    assert not view.deeds.confirm_button.isVisible()


def test_a_clock_that_was_set_in_the_period_is_told_above_the_page(make):
    quality = FakeQuality()
    quality.jumps = (ClockJump(DAY_START, DAY_START - 3_600_000), ClockJump(0, 30_000))

    told, silent = make(quality), make()

    assert not silent.clock_notice.isVisible()
    assert told.clock_notice.isVisible()
    said = told.clock_notice.accessibleName()
    assert "The clock of this computer was set back by 1 h." in said
    assert "It was set 2 times in this period." in said


def test_before_a_meter_is_chosen_no_empty_chooser_stands_at_its_picture(qtbot, context):
    panel = PicturePanel(context.formats)
    qtbot.addWidget(panel)

    panel.show()

    assert not panel.register.isVisible()

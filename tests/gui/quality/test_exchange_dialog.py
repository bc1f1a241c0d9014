"""An exchange fits the readings around it, or the dialog says beside the field why it does not."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel

from energy_desktop.domain.editing import RegisterEventKind
from energy_desktop.domain.errors import ConfirmationNeeded, WrongUse
from energy_desktop.domain.site import Meter
from energy_desktop.services.exchanges import ReadingsAround
from energy_desktop.ui.views.quality.exchange_checks import Told, Verdict, checks
from energy_desktop.ui.views.quality.exchange_dialog import ExchangeDialog, ExchangeServices
from energy_desktop.ui.widgets.question import Question
from tests.gui.quality.fakes import (
    DAY_START,
    HOUR,
    LIGHTS,
    REGISTER,
    FakeExchanges,
    FakeQuality,
)

WHEN = DAY_START + 5 * HOUR


@pytest.fixture
def make(qtbot, context):
    def build(exchanges=None, meter=LIGHTS, quality=None):
        services = ExchangeServices(exchanges or FakeExchanges(), quality or FakeQuality())
        made = ExchangeDialog(None, context, services, meter, (REGISTER,), REGISTER, WHEN)
        made.results = []
        made.entered.connect(made.results.append)
        qtbot.addWidget(made)
        made.show()
        qtbot.waitUntil(lambda: not context.jobs.running(), timeout=5_000)
        qtbot.wait(1)
        return made

    return build


def settle(qtbot, context):
    qtbot.waitUntil(lambda: not context.jobs.running(), timeout=5_000)
    qtbot.wait(1)


def told(old=None, new=None, at_ms=WHEN):
    return Told(at_ms, old, new)


def judged(context, entry, meter=LIGHTS, around=None):
    around = around or FakeExchanges().readings
    return checks(context.formats, entry, around, meter, DAY_START + 10 * HOUR)


def test_readings_that_fit_say_what_flowed(context):
    found = judged(context, told(90_500, 1_000))

    assert {c.verdict for c in found.values()} == {Verdict.FITS}
    assert "0.500\u00a0kWh more until the exchange" in found["old_end"].text
    assert "Across the exchange 1.500\u00a0kWh would be booked in 2 h" in found["across"].text


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (told(89_999, 1_000), "old_end"),
        (told(90_500, 2_001), "new_start"),
        (told(905_000, 1_000), "across"),  # a digit too many: 408 kW over an 11 kW connection
        (told(90_500, 1_000, DAY_START + 11 * HOUR), "at"),
    ],
)
def test_a_reading_that_cannot_be_is_told_at_its_field(context, entry, field):
    found = judged(context, entry)

    assert [k for k, c in found.items() if c.verdict is Verdict.WRONG] == [field]


def test_where_nothing_is_stored_nothing_is_claimed(context):
    found = judged(context, told(90_500, 1_000), around=ReadingsAround(None, None))

    assert found["old_end"].verdict is found["new_start"].verdict is Verdict.UNKNOWN
    assert found["across"].text == ""


def test_both_readings_are_needed_to_enter(qtbot, context, make):
    exchanges = FakeExchanges()
    dialog = make(exchanges)

    dialog.old_end.setText("90.5")
    assert not dialog.enter_button.isEnabled()
    dialog.new_start.setText("2.5")  # more than the first reading
    assert not dialog.enter_button.isEnabled()
    assert dialog.form.errors["new_start"].isVisibleTo(dialog)
    dialog.new_start.setText("1,0")
    assert dialog.enter_button.isEnabled()
    dialog.serial.setText(" N-2 ")
    dialog.note.setPlainText("protocol 14")
    dialog.enter()
    settle(qtbot, context)

    (entry,) = exchanges.entered
    assert (entry.old_end_wh, entry.new_start_wh, entry.at_ms) == (90_500, 1_000, WHEN)
    assert (entry.serial_number, entry.note, entry.ct_ratio) == ("N-2", "protocol 14", None)
    assert len(dialog.results) == 1


def test_what_is_no_reading_is_said_at_its_field(qtbot, context, make):
    dialog = make(FakeExchanges())
    dialog.new_start.setText("1.0")

    dialog.old_end.setText("90.5.1")

    assert not dialog.enter_button.isEnabled()
    assert dialog.form.errors["old_end"].isVisibleTo(dialog)
    assert "no reading" in dialog.form.errors["old_end"].text()
    dialog.old_end.setText("90.5")
    assert not dialog.form.errors["old_end"].isVisibleTo(dialog)


def test_what_the_display_shows_is_multiplied_by_the_ratios(qtbot, context, make):
    exchanges = FakeExchanges()
    dialog = make(exchanges, Meter("m", "Lights", ct_ratio=20.0, vt_ratio=1.0))

    dialog.old_end.setText("4.525")
    dialog.new_start.setText("0.05")
    dialog.ratio.setValue(30.0)
    dialog.enter()
    settle(qtbot, context)

    (entry,) = exchanges.entered
    assert (entry.old_end_wh, entry.new_start_wh, entry.ct_ratio) == (90_500, 1_500, 30.0)


def test_a_reset_asks_for_no_new_meter(qtbot, context, make):
    exchanges = FakeExchanges()
    dialog = make(exchanges)

    dialog.kind.setCurrentIndex(1)
    dialog._on_kind()
    dialog.old_end.setText("90.5")
    dialog.new_start.setText("0")
    assert not dialog.form.is_row_shown("serial")
    dialog.enter()
    settle(qtbot, context)

    (entry,) = exchanges.entered
    assert (entry.kind, entry.serial_number) == (RegisterEventKind.RESET, None)


def test_a_photo_is_kept_with_the_exchange_and_not_before(qtbot, context, make):
    quality, exchanges = FakeQuality(), FakeExchanges()
    dialog = make(exchanges, quality=quality)

    dialog.take_photo(Path("/pictures/protocol.jpg"))
    assert quality.kept == []
    dialog.old_end.setText("90.5")
    dialog.new_start.setText("1")
    dialog.enter()
    settle(qtbot, context)

    assert quality.kept == [(Path("/pictures/protocol.jpg"), "m")]
    assert exchanges.entered[0].photo == "photos/m-1.jpg"


def test_a_refusal_keeps_the_dialog_and_what_was_entered(qtbot, context, make):
    exchanges = FakeExchanges()
    exchanges.fails = WrongUse(
        where="Exchange of Lights", what="There is one at this time.", remedy="Remove it first."
    )
    dialog = make(exchanges)
    dialog.old_end.setText("90.5")
    dialog.new_start.setText("1")

    dialog.enter()
    settle(qtbot, context)

    assert dialog.isVisible()
    assert "There is one at this time." in dialog.wrong.accessibleName()
    assert dialog.old_end.text() == "90.5"
    assert dialog.enter_button.isEnabled()


def doubted():
    return ConfirmationNeeded(
        where="Exchange of Lights",
        what="Its old end reading would book 6,300.000 kWh in 15 min (25,200.0 kW).",
        remedy="Check both readings. If they are right, confirm them (--confirm).",
    )


@pytest.mark.parametrize("stands_by_it", [True, False])
def test_far_too_much_is_asked_about_with_the_figure(qtbot, context, make, stands_by_it):
    exchanges = FakeExchanges()
    exchanges.fails = doubted()
    dialog = make(exchanges)
    dialog.old_end.setText("90.5")
    dialog.new_start.setText("1")

    dialog.enter()
    settle(qtbot, context)
    (question,) = dialog.findChildren(Question)
    assert question.leave_button.hasFocus() or question.leave_button.isDefault()
    texts = " ".join(label.text() for label in question.findChildren(QLabel))
    assert "6,300.000 kWh" in texts
    assert "--confirm" not in texts + dialog.wrong.accessibleName()
    (question.do_button if stands_by_it else question.leave_button).click()
    settle(qtbot, context)

    assert [e.confirmed for e in exchanges.entered] == ([True] if stands_by_it else [])
    assert len(dialog.results) == (1 if stands_by_it else 0)

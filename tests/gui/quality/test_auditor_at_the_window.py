"""What an auditor does in the window to break the book, on a real store: a digit too many in an
exchange, energy of a time before the first reading, a correction on a correction."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.app.paths import SiteFolder, drivers_folder
from energy_desktop.app.wiring import make_services
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.editing import EditMethod, RegisterEvent, RegisterEventKind
from energy_desktop.storage import open_store
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner
from energy_desktop.ui.views.base import NavigationContext, ViewContext
from energy_desktop.ui.views.quality.exchange_dialog import ExchangeDialog
from energy_desktop.ui.views.quality.page import DEEDS, QualityView
from energy_desktop.ui.views.quality.parts import QualityServices
from energy_desktop.ui.views.quality.period import MONTH
from energy_desktop.ui.widgets.question import Question
from tests.gui.quality.test_a_year_repaired import click, settle
from tests.support import quality_year as year
from tests.support.quality_year import METER, REGISTER, at

JUNE = (at("2026-06-01 00:00"), at("2026-07-01 00:00"))


@pytest.fixture
def world(tmp_path):
    """June 2026; on the 16th the meter was exchanged. Nobody said what its connection carries."""
    folder = SiteFolder(tmp_path / "site")
    folder.make()
    with open_store(folder.store, engine_owner="test", clock=year.a_clock()) as store:
        truth = year.fill(store, date(2026, 6, 1), date(2026, 7, 1))
        configuration = store.configuration.load()
        meters = tuple(replace(m, connection_limit_w=None) for m in configuration.meters)
        store.configuration.replace(replace(configuration, meters=meters))
        services = make_services(
            store, ProfileLibrary([drivers_folder()]), clock=year.a_clock(), folder=folder
        )
        yield store, services, truth


@pytest.fixture
def window(qtbot, world):
    _, services, _ = world
    context = ViewContext(
        Formats("Europe/Berlin", clock=lambda: from_ms(year.NOW)), JobRunner(), NavigationContext()
    )
    view = QualityView(
        context,
        QualityServices(
            services.quality, services.billing.corrections, services.editing, services.exchanges
        ),
    )
    qtbot.addWidget(view)
    view.resize(1166, 640)
    view.show()
    view.period.show_moment(JUNE[0] + 1, MONTH)
    view.shown()
    settle(qtbot, view)
    yield view
    context.jobs.close()


def the_dialog(qtbot, view, truth, *, old_end_times=1):
    view.meters.table.choose(METER)
    view._on_meter(METER)
    settle(qtbot, view)
    view.open_exchange()
    settle(qtbot, view)
    dialog = view.findChild(ExchangeDialog)
    dialog.at.set_ms(year.EXCHANGED)
    dialog.ask()
    settle(qtbot, view)
    old_end = int(truth.odometer_wh[METER][(year.EXCHANGED - JUNE[0]) // year.STEP_MS])
    dialog.old_end.setText(f"{old_end * old_end_times / 1000:.3f}")
    dialog.new_start.setText("1.250")
    return dialog


def june_wh(store):
    return store.ledger.reconciliation(METER, *JUNE, register=REGISTER).interval_sum_wh


def test_a_digit_too_many_is_asked_about_and_can_be_checked_or_stood_by(qtbot, world, window):
    store, _, truth = world
    before = june_wh(store)
    dialog = the_dialog(qtbot, window, truth, old_end_times=10)

    click(qtbot, window, dialog.enter_button)
    question = dialog.findChild(Question)
    told = " ".join(label.text() for label in question.findChildren(QLabel))
    question.leave_button.click()
    settle(qtbot, window)

    assert "old end reading would book" in told and "kW are believed" in told
    assert june_wh(store) == before
    assert store.exchanges.events(METER) == ()
    assert dialog.isVisible()
    old_end = int(truth.odometer_wh[METER][(year.EXCHANGED - JUNE[0]) // year.STEP_MS])
    dialog.old_end.setText(f"{old_end / 1000:.3f}")  # checked against the protocol
    click(qtbot, window, dialog.enter_button)
    assert june_wh(store) == truth.energy(METER, *JUNE)
    (event,) = store.exchanges.events(METER)
    assert event.confirmed


def test_what_is_held_back_is_seen_in_the_list_and_booked_at_a_word(qtbot, world, window):
    """It came to be held by a reading after it, or by another program."""
    store, _, truth = world
    old_end = int(truth.odometer_wh[METER][(year.EXCHANGED - JUNE[0]) // year.STEP_MS])
    entry = the_dialog(qtbot, window, truth)
    entry.reject()
    event = store.exchanges.add_event(_event(old_end + 40_000))
    assert june_wh(store) < truth.energy(METER, *JUNE)

    window.reload()
    settle(qtbot, window)
    window.show_side(DEEDS)
    window.deeds.table.choose(f"event {event.event_id}")
    click(qtbot, window, window.deeds.confirm_button)
    window.findChild(Question).do_button.click()
    settle(qtbot, window)

    assert june_wh(store) == truth.energy(METER, *JUNE) + 40_000
    assert not window.deeds.confirm_button.isVisible()


def _event(old_end_wh):
    return RegisterEvent(
        0, METER, REGISTER, year.EXCHANGED, RegisterEventKind.EXCHANGE, old_end_wh,
        year.NEW_START_WH, by="kim",
    )  # fmt: skip


def test_energy_before_the_first_reading_is_entered_told_and_undone(qtbot, world, window):
    store, _, _ = world
    window._on_meter(METER)
    settle(qtbot, window)
    span = (at("2026-05-20 00:00"), at("2026-05-21 00:00"))
    panel = window.correction

    panel.set_span(*span)
    panel.choose_method(EditMethod.SPREAD.value)
    panel.whose.setCurrentIndex(1)
    panel.shape.setCurrentIndex(1)
    panel._on_method()
    panel.total.setValue(24.0)
    click(qtbot, window, panel.preview_button)
    assert "before the first reading of the register" in panel.preview_panel.warnings.text()
    panel.reason.setText("read on the old display")
    click(qtbot, window, panel.apply_button)

    kept = store.ledger.intervals(METER, *span)
    assert kept.energy_wh.tolist() == [250.0] * 96
    gaps = store.editing.gaps(METER, REGISTER, at("2026-05-01 00:00"), JUNE[0])
    assert gaps == ()
    window.period.show_moment(span[0] + 1, MONTH)
    window._on_period()
    settle(qtbot, window)
    window.show_side(DEEDS)
    (deed,) = window.deeds.table.rows_model.rows
    window.deeds.table.choose(deed.key)
    window.deeds.reason.setText("it was another meter's")
    click(qtbot, window, window.deeds.undo_button)
    assert np.isnan(store.ledger.intervals(METER, *span).energy_wh).all()


def test_a_correction_under_another_one_is_undone_after_it(qtbot, world, window):
    store, _, truth = world
    window._on_meter(METER)
    settle(qtbot, window)
    span = (at("2026-06-10 08:00"), at("2026-06-10 12:00"))
    before = store.ledger.intervals(METER, *span)
    for factor in (1.5, 2.0):
        window.choose_span(*span)
        window.correction.choose_method(EditMethod.SCALE.value)
        window.correction.factor.setValue(factor)
        click(qtbot, window, window.correction.preview_button)
        window.correction.reason.setText(f"times {factor:g}")
        click(qtbot, window, window.correction.apply_button)
    window.show_side(DEEDS)
    later, first = window.deeds.table.rows_model.rows

    for deed, works in ((first, False), (later, True), (first, True)):
        window.deeds.table.choose(deed.key)
        window.deeds.reason.setText("not so")
        click(qtbot, window, window.deeds.undo_button)
        listed = {d.key: d for d in window.deeds.table.rows_model.rows}
        assert (listed[deed.key].edit.undone_by is not None) == works

    after = store.ledger.intervals(METER, *span)
    assert np.array_equal(after.energy_wh, before.energy_wh)
    assert np.array_equal(after.quality, before.quality)
    assert truth.energy(METER, *span) == before.energy_wh.sum()

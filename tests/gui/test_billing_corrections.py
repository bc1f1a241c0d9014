"""Issued invoices that the readings no longer bear out, on the billing page of a real site."""

import csv
import functools
from datetime import UTC, datetime

import pytest

from energy_desktop.app.wiring import open_site
from energy_desktop.domain.editing import EditMethod, EditParameters
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner
from energy_desktop.ui.views.base import NavigationContext, ViewContext
from energy_desktop.ui.views.billing_view import CORRECTIONS, BillingView
from tests.integration.commands import billed_site

NOW = datetime(2025, 4, 3, 10, tzinfo=UTC)
SATURDAY_MS = round(datetime(2025, 3, 29, 20, tzinfo=UTC).timestamp() * 1000)  # 21:00 in Berlin
CHANGED_WH = -4 * 15 * 17  # an hour of the evening lamps


@pytest.fixture
def place(tmp_path):
    """The month of `meyer` is issued; then an hour of it was found to be a test of the lamps."""
    opened = open_site(billed_site.make(tmp_path / "site"), clock=lambda: NOW)
    services = opened.services
    services.billing.issue("meyer", "2025-03")
    preview = services.editing.preview(
        "light-meyer",
        "energy_import_wh",
        SATURDAY_MS,
        SATURDAY_MS + 3_600_000,
        EditMethod.SET,
        EditParameters(value_wh=0),
    )
    services.editing.apply(preview, "A test of the lamps")
    yield opened
    opened.close()


@pytest.fixture
def view(qtbot, place):
    formats = Formats("Europe/Berlin", clock=lambda: NOW)
    context = ViewContext(formats, JobRunner(), NavigationContext())
    services = place.services
    made = BillingView(context, services.billing, proofs=services.correction_papers)

    def settle():
        qtbot.waitUntil(lambda: not context.jobs.running(), timeout=20_000)
        qtbot.wait(20)

    made.settle = settle
    qtbot.addWidget(made, before_close_func=lambda _: settle())
    made.resize(1166, 640)
    made.show()
    made.shown()
    settle()
    yield made
    settle()
    context.jobs.close()


def test_what_is_wrong_stands_in_the_answer_the_list_and_the_invoice(view, qtbot):
    assert view.answer.endswith("1 issued invoice is to be corrected.")
    assert "To be corrected 1" in dict(view.lists._choices).values()
    row = next(i for i, r in enumerate(view.invoices.rows_model.rows) if r.number == "2025-0001")
    # The list follows the answer as soon as the window has a moment.
    chip = functools.partial(view.invoices.rows_model.cell, row, 1)
    qtbot.waitUntil(lambda: chip().chip.text == "Correct it", timeout=5_000)

    view.show_list(CORRECTIONS)
    view.corrections.table.choose("2025-0001")
    view.settle()

    table = view.corrections.table.rows_model
    cells = [table.cell(0, c) for c in range(table.columnCount())]
    assert cells[0].second.startswith("Meyer GmbH")
    assert cells[1].text == "4 intervals"
    assert cells[2].text == "\u22121.020"
    assert view.draft_panel.accessibleName() == "Invoice 2025-0001"
    told = view.draft_panel.blockers.text()
    assert "is to be corrected" in told
    assert "Meyer GmbH is owed" in told
    assert told.endswith("send a correction with the proof, and book it with 2025-0001.")


def test_the_proof_names_each_interval_before_and_after(view, tmp_path):
    row = view._corrections[0]

    view.save_proof(row, tmp_path / "proof.csv")
    view.settle()
    view.save_proof(row, tmp_path / "proof.pdf")
    view.settle()

    with (tmp_path / "proof-intervals.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [r["Begins"][11:] for r in rows] == [
        "21:00+01:00", "21:15+01:00", "21:30+01:00", "21:45+01:00",
    ]  # fmt: skip
    assert {(r["Billed, kWh"], r["To bill now, kWh"], r["Difference, kWh"]) for r in rows} == {
        ("0.255", "0", "-0.255")
    }
    with (tmp_path / "proof.csv").open(encoding="utf-8-sig") as file:
        sums = {r[""]: r["Difference"] for r in csv.DictReader(file)}
    assert float(sums["Outside contract hours, kWh"]) == CHANGED_WH / 1000
    assert float(sums["Total, EUR"]) < 0
    assert (tmp_path / "proof.pdf").read_bytes().startswith(b"%PDF")
    assert "proof.pdf" in view.answer


def test_the_readings_that_changed_are_one_click_away(view):
    asked = []
    view.navigation.requested.connect(lambda page, _: asked.append(page))
    view.show_list(CORRECTIONS)
    view.corrections.table.choose("2025-0001")
    view.settle()

    view.corrections.readings_button.click()

    subject = view.navigation.subject
    assert asked == ["quality"]
    assert subject.meter_id == "light-meyer"
    assert (subject.start_ms, subject.end_ms) == (SATURDAY_MS, SATURDAY_MS + 3_600_000)


def test_once_the_readings_are_put_back_nothing_is_wrong(view, place):
    (edit,) = place.services.editing.edits("light-meyer", SATURDAY_MS, SATURDAY_MS + 1)
    place.services.editing.undo(edit.edit_id, "It was the client after all")

    view.reload()
    view.settle()

    assert "corrected" not in view.answer
    assert view.corrections.table.rows_model.rowCount() == 0
    assert not view.draft_panel.blockers.isVisible()

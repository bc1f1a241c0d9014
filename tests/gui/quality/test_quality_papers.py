"""What the page "Data quality" shows, as files, from a real site."""

import csv
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtWidgets import QFileDialog

from energy_desktop.app.wiring import open_site
from energy_desktop.domain.editing import EditMethod, EditParameters
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner
from energy_desktop.ui.views.base import NavigationContext, ViewContext
from energy_desktop.ui.views.quality.page import QualityView
from energy_desktop.ui.views.quality.parts import QualityServices
from tests.integration.commands import billed_site

NOW = datetime(2025, 4, 3, 10, tzinfo=UTC)
SILENT = range(601, 690)  # minutes of the first day, between 10:00 and 11:30


@pytest.fixture
def view(qtbot, tmp_path):
    site = billed_site.make(tmp_path / "site", without_minutes=SILENT)
    place = open_site(site, clock=lambda: NOW)
    formats = Formats("Europe/Berlin", clock=lambda: NOW)
    context = ViewContext(formats, JobRunner(), NavigationContext())
    services = place.services
    made = QualityView(
        context,
        QualityServices(
            services.quality,
            services.billing.corrections,
            services.editing,
            services.exchanges,
            papers=services.quality_papers,
        ),
    )

    def settle():
        qtbot.waitUntil(lambda: not context.jobs.running(), timeout=20_000)
        qtbot.wait(20)

    made.settle = settle
    qtbot.addWidget(made, before_close_func=lambda _: settle())
    made.shown()
    made.period.step(-1)  # March
    settle()
    made.meters.meter_chosen.emit("light-zwei")
    settle()
    yield made
    settle()
    context.jobs.close()
    place.close()


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_meter_its_gaps_and_its_sums_are_in_the_tables(view, tmp_path):
    view.export_to(tmp_path / "quality.csv")
    view.settle()

    meters = {r["Meter"]: r for r in rows_of(tmp_path / "quality.csv")}
    assert set(meters) == {"Lights meyer", "Lights zwei"}
    assert float(meters["Lights meyer"]["Measured, %"]) == 100
    assert int(meters["Lights zwei"]["Estimated"]) == 6
    (gap,) = rows_of(tmp_path / "quality-gaps.csv")
    began = datetime.fromisoformat(gap["Begins"])
    assert began == datetime(2025, 3, 27, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    assert float(gap["Register knows, kWh"]) == pytest.approx(6 * 15 * 9 / 1000)
    sums = rows_of(tmp_path / "quality-sums.csv")
    month = next(r for r in sums if r[""] == "month")
    days = [r for r in sums if r[""] == "day" and float(r["Intervals, kWh"])]
    assert sum(float(r["Intervals, kWh"]) for r in days) == pytest.approx(
        float(month["Intervals, kWh"])
    )
    assert {float(r["Difference, kWh"]) for r in days} == {0.0}


def test_a_correction_is_on_paper_with_who_and_why(view, tmp_path):
    look = view._look
    gap = look.gaps[0]
    editing = view._services.editing
    preview = editing.preview(
        "light-zwei", look.register, gap.start_ms, gap.end_ms, EditMethod.SET,
        EditParameters(value_wh=100),
    )  # fmt: skip
    editing.apply(preview, "Read from the paper log")
    view.reload()
    view.settle()

    view.export_to(tmp_path / "q.csv")
    view.settle()

    (made,) = rows_of(tmp_path / "q-corrections.csv")
    assert made["Why"] == "Read from the paper log"
    assert float(made["After, kWh"]) == 0.6
    assert made["By"]
    for name in ("q.pdf", "q.xlsx"):
        view.export_to(tmp_path / name)
        view.settle()
        assert (tmp_path / name).stat().st_size > 1_000


def test_a_file_that_cannot_be_written_is_told(view, tmp_path):
    view.export_to(tmp_path / "quality.odt")
    view.settle()

    told = view.notices.itemAt(0).widget().accessibleName()
    assert "quality.odt" in told
    assert "End the name in .csv, .xlsx or .pdf" in told


def test_both_shortcuts_ask_where(view, qtbot):
    for ask, ending in ((view.export, "csv"), (view.print_pdf, "pdf")):
        ask()
        (dialog,) = [d for d in view.findChildren(QFileDialog) if d.isVisible()]
        assert dialog.defaultSuffix() == ending
        dialog.reject()
        qtbot.wait(20)

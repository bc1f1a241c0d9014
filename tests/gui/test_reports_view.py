"""The reports page alone: the month as a value, files made and found again."""

from pathlib import Path

import pytest

from energy_desktop.domain.errors import NotEnoughData, UserFacingError
from energy_desktop.services.reports import ReportFile, ReportShelf
from energy_desktop.ui.views.reports_view import ALL_KINDS, ReportsView
from tests.unit.reports.builders import a_report


class FakeReports:
    def __init__(self, report, months=("2026-04", "2026-03")) -> None:
        self.report = report
        self.months = months
        self.files: tuple[ReportFile, ...] = ()
        self.kept: list[frozenset[str]] = []
        self.copied: list[Path] = []
        self.refuses: UserFacingError | None = None

    def shelf(self):
        complete = self.months[1] if len(self.months) > 1 else ""
        return ReportShelf(self.months, complete, self.files, Path("papers"))

    def month(self, month, progress):
        progress(0.5, "Adding up")
        if self.refuses:
            raise self.refuses
        self.asked = month
        return self.report

    def keep(self, report, kinds):
        if self.refuses:
            raise self.refuses
        self.kept.append(kinds)
        path = Path("papers") / "energy-report-2026-03.pdf"
        self.files = (ReportFile(path, "pdf", 3, 1_775_000_000_000, "ab" * 32),)
        return (path,)

    def copy(self, file, target):
        self.copied.append(target)
        return target


@pytest.fixture
def make(qtbot, context):
    def made(reports, **more):
        view = ReportsView(context, reports, **more)
        qtbot.addWidget(view)
        view.resize(1166, 640)
        view.show()
        view.shown()
        settle(view, qtbot)
        return view

    return made


def settle(view, qtbot):
    qtbot.waitUntil(lambda: not view.jobs.running(), timeout=5000)


def test_the_newest_complete_month_is_shown_first(make):
    report = a_report()

    view = make(FakeReports(report))

    assert view._reports.asked == "2026-03"
    assert view.answer.startswith("March 2026: ")
    assert view.formats.money(report.cost_units) in view.answer
    facts = {name: value for name, value, _ in view.trust._shown}
    assert facts["Clients with an invoice"].endswith(f" of {len(report.clients)}")
    assert facts["Data completeness"] == view.formats.percent(report.completeness_pct, 1)
    assert facts["Estimated, of the grid import"] == view.formats.percent(report.estimated_pct, 1)


def test_making_a_report_keeps_it_and_lists_it_with_its_hash(make, qtbot):
    view = make(FakeReports(a_report()))

    view.make_all.click()
    qtbot.waitUntil(lambda: view.notice.isVisible(), timeout=5000)
    settle(view, qtbot)

    assert view._reports.kept == [ALL_KINDS]
    assert "energy-report-2026-03.pdf" in view.notice.accessibleName()
    view.files.choose(str(view._reports.files[0].path))
    assert view.files.chosen_row().sha256 == "ab" * 32
    assert view.make_all.isEnabled()


def test_a_full_disk_is_told_and_can_be_tried_again(make, qtbot):
    view = make(FakeReports(a_report()))
    view._reports.refuses = UserFacingError(where="papers", what="disk full.", remedy="Make room.")

    view.make_pdf.click()
    qtbot.waitUntil(lambda: view.notice.isVisible(), timeout=5000)

    assert "disk full" in view.notice.accessibleName()
    assert view.make_pdf.isEnabled()


def test_an_empty_month_is_refused_in_its_panel(make):
    reports = FakeReports(a_report())
    reports.refuses = NotEnoughData(where="Report", what="Nothing was read.", remedy="Choose.")

    view = make(reports)

    assert view.preview.state == "error"
    assert not view.make_all.isEnabled()


def test_a_site_without_readings_offers_the_next_step(make):
    view = make(FakeReports(a_report(), months=()))

    assert view.preview.state == "empty"
    assert view.answer == "There is nothing to report yet."


def test_a_copy_goes_where_the_person_says(make, qtbot):
    reports = FakeReports(a_report())
    reports.keep(None, ALL_KINDS)
    view = make(reports, ask_path=lambda _, name: f"elsewhere/{name}")

    view.files.choose(str(reports.files[0].path))
    view._save_copy()
    settle(view, qtbot)

    assert reports.copied == [Path("elsewhere/energy-report-2026-03.pdf")]

"""The energy report of a month: what will be in it, and the files that were made of it.

The preview is the very value that PDF, CSV and Excel are written from, so what is read here is
what is sent.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.monthly_report import MeterEnergy, MonthlyReport
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.services.reports import ReportFile, ReportShelf
from energy_desktop.ui.formatting import UNKNOWN
from energy_desktop.ui.views.base import BaseView, ViewContext
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import Bars, ChartData, Region
from energy_desktop.ui.widgets.marks import FactList, Figure, FigureRow, Legend
from energy_desktop.ui.widgets.paint import Chip, label
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

ALL_KINDS = frozenset({"pdf", "csv", "xlsx"})
_KIND_WORDS = {"pdf": "PDF", "csv": "CSV", "xlsx": "Excel"}
_DAY_S = 86_400.0
_HASH_SHOWN = 12


class Reports(Protocol):
    """What the page asks of services.reports."""

    def shelf(self) -> ReportShelf: ...

    def month(self, month: str, progress: ProgressSink) -> MonthlyReport: ...

    def keep(self, report: MonthlyReport, kinds: frozenset[str]) -> tuple[Path, ...]: ...

    def copy(self, file: ReportFile, target: Path) -> Path: ...


class ReportsView(BaseView):
    """ask_path: where to save a copy, empty for nowhere. open_file: shows a file."""

    view_id = "reports"
    title = "Reports"
    follows_energy = True

    def __init__(
        self,
        context: ViewContext,
        reports: Reports,
        ask_path: Callable[[QWidget, str], str] | None = None,
        open_file: Callable[[Path], object] | None = None,
    ) -> None:
        super().__init__(context)
        self._reports = reports
        self._ask_path = ask_path or _ask_path
        self._open_file = open_file or _open_file
        self._report: MonthlyReport | None = None
        formats = self.formats
        self.month = QComboBox()
        self.month.setAccessibleName("Month of the report")
        self.month.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.month.activated.connect(lambda _: self._load_month())
        self.make_all = button(
            "Make report", lambda: self._make(ALL_KINDS), icon="file-chart-outline", kind="primary"
        )
        self.make_pdf = button("PDF", lambda: self._make(frozenset({"pdf"})))
        self.make_csv = button("CSV", lambda: self._make(frozenset({"csv"})))
        self.make_xlsx = button("Excel", lambda: self._make(frozenset({"xlsx"})))
        self._makers = (self.make_all, self.make_pdf, self.make_csv, self.make_xlsx)
        for one, words in zip(self._makers[1:], ("PDF", "CSV files", "Excel book"), strict=True):
            one.setAccessibleName(f"Make the {words} alone")
        top = QHBoxLayout()
        top.addWidget(self.month)
        for one in self._makers:
            one.setEnabled(False)
            top.addWidget(one)
        top.addStretch(1)
        top.addWidget(
            button("Invoices are in Billing", lambda: self.navigation.go("billing"), kind="link")
        )
        self.body.addLayout(top)
        self.notice = InlineNotice("", tone=0)
        self.notice.hide()
        self.body.addWidget(self.notice)

        self.preview = Panel("What is in it", "by day, kWh")
        self.figures = FigureRow()
        self.chart = Chart(formats, formats.scale("Wh"), name="Energy by day")
        self.legend = Legend()
        self.preview.add_header_widget(self.legend)
        self.preview.body.addWidget(self.figures)
        self.preview.body.addWidget(self.chart, 1)

        self.advice_panel = Panel("What the report advises")
        self.advice = label("", wrap=True)
        self.advice_panel.body.addWidget(self.advice)
        self.advice_panel.body.addStretch(1)

        energy = formats.scale("Wh")
        self.meters_panel = Panel("Meters", "intervals held against the register")
        self.meters: Table[MeterEnergy] = Table(
            [
                Column("Meter", lambda m: m.meter_name, stretch=3),
                Column(
                    energy.header("Energy"),
                    lambda m: energy.text(m.imported_wh),
                    width=96,
                    number=True,
                    sort_key=lambda m: m.imported_wh or 0,
                ),
                Column("Off by, Wh", self._off_by, width=82, number=True),
                Column(
                    "Complete",
                    lambda m: Cell(
                        formats.percent(m.completeness_pct, 1),
                        token="p2" if m.completeness_pct < 95 else "text",
                    ),
                    width=78,
                    number=True,
                    sort_key=lambda m: m.completeness_pct,
                ),
            ],
            key=lambda m: m.meter_id,
            name="Meters in the report",
        )
        self.meters.opened.connect(lambda m: self.navigation.go("history", meter_id=m.meter_id))
        self.meters_panel.set_content(self.meters)

        self.trust_panel = Panel("What it rests on")
        self.trust = FactList()
        self.notes = label("", "caption", wrap=True)
        self.trust_panel.body.addWidget(self.trust)
        self.trust_panel.body.addWidget(self.notes)
        self.trust_panel.body.addStretch(1)

        self.files_panel = Panel("Made before")
        self.files: Table[ReportFile] = Table(
            [
                Column("File", lambda f: Cell(f.path.name), stretch=4, elide_middle=True),
                Column("Kind", lambda f: Cell(chip=Chip(_KIND_WORDS[f.kind])), width=64),
                Column("Made", lambda f: formats.moment(f.made_at_ms), width=96, number=True),
                Column(
                    "SHA-256",
                    lambda f: Cell(f.sha256[:_HASH_SHOWN], mono=True, spoken=f.sha256),
                    width=110,
                ),
            ],
            key=lambda f: str(f.path),
            name="Reports made before",
        )
        self.files.opened.connect(lambda f: self._open_file(f.path))
        self.files_panel.add_header_widget(button("Open", self._open_chosen, kind="link"))
        self.files_panel.add_header_widget(button("Save a copy", self._save_copy, kind="link"))
        self.files_panel.set_content(self.files)

        whole = QHBoxLayout()
        whole.setSpacing(8)
        left, right = QVBoxLayout(), QVBoxLayout()
        for column in (left, right):
            column.setSpacing(8)
        left.addWidget(self.preview, 5)
        left.addWidget(self.advice_panel, 3)
        right.addWidget(self.trust_panel, 2)
        right.addWidget(self.meters_panel, 4)
        right.addWidget(self.files_panel, 3)
        whole.addLayout(left, 6)
        whole.addLayout(right, 5)
        self.body.addLayout(whole, 1)

    # -------------------------------------------------------- loading

    def reload(self) -> None:
        self._report = None  # read again with the shelf: what is made is what is seen
        self._enable(False)
        self._load_shelf()

    def _load_shelf(self) -> None:
        self.load(self._reports.shelf, self.show_shelf, panel=self.files_panel, title="Reports")

    def show_shelf(self, shelf: ReportShelf) -> None:
        """Months to choose from, and the papers made before."""
        chosen = self.chosen_month() or shelf.complete_month
        self.month.clear()
        for month in shelf.months:
            year, number = month.split("-")
            self.month.addItem(f"{calendar.month_name[int(number)]} {year}", month)
        self.month.setCurrentIndex(max(0, self.month.findData(chosen)))
        where = "" if shelf.folder is None else str(shelf.folder)
        self.files_panel.set_subtitle(where)
        self.files.show_rows(shelf.files, empty="No report was made yet.")
        if not shelf.months:
            why = "Nothing was read yet. A report needs a grid meter and its first readings."
            steps = [("Open Meters", lambda: self.navigation.go("meters"))]
            self.preview.show_empty(why, icon="file-chart-outline", buttons=steps)
            for panel in (self.advice_panel, self.meters_panel, self.trust_panel):
                panel.show_empty("Nothing to show yet.")
            self.set_answer("There is nothing to report yet.")
            return
        if self._report is None or self._report.month != self.chosen_month():
            self._load_month()

    def chosen_month(self) -> str:
        return str(self.month.currentData() or "")

    def _load_month(self) -> None:
        month = self.chosen_month()
        self._enable(False)
        self.notice.hide()
        self.load_long(
            lambda progress: self._reports.month(month, progress),
            self.show_report,
            panels=(self.preview, self.advice_panel, self.meters_panel, self.trust_panel),
            title="Report of the month",
        )

    # -------------------------------------------------------- showing

    def show_report(self, report: MonthlyReport) -> None:
        """The month as it will be written."""
        self._report = report
        self._enable(True)
        formats = self.formats
        energy = formats.scale("Wh", [report.import_wh, report.consumption_wh])
        peak = report.peak
        self.figures.show_figures(
            [
                Figure(
                    "Grid import",
                    energy.text(report.import_wh),
                    energy.unit,
                    formats.money(report.cost_units),
                    estimated=report.estimated_wh > 0,
                ),
                Figure(
                    "Consumption",
                    energy.text(report.consumption_wh),
                    energy.unit,
                    f"base load {formats.power(report.base_load_w)}",
                ),
                Figure(
                    "Peak demand",
                    formats.scale("W").text(peak.power_w if peak else None),
                    formats.scale("W").unit,
                    formats.moment(peak.block_start_ms) if peak else "no block",
                ),
                Figure(
                    "Solar",
                    energy.text(report.pv_wh),
                    energy.unit,
                    f"{formats.percent(report.self_consumption_pct)} used here",
                ),
            ]
        )
        self.chart.show_data(self._day_chart(report))
        self.legend.show_entries(self.chart.legend_entries())
        self.meters.show_rows(report.meters)
        self.advice.setText(
            "\n\n".join(
                f"{n}. {self.formats.told(r.sentence)}"
                for n, r in enumerate(report.recommendations, 1)
            )
            or "Nothing stands out in this month."
        )
        self.trust.show_facts(self._facts(report))
        self.notes.setText(" ".join(report.notes))
        self.notes.setVisible(bool(report.notes))
        self.set_answer(self._sentence(report))

    def _sentence(self, report: MonthlyReport) -> str:
        formats = self.formats
        name = self.month.currentText() or report.month
        if report.import_wh is None:
            return f"{name}: the grid meter gave no energy."
        text = f"{name}: {formats.energy(report.import_wh)} from the grid"
        if report.cost_units is not None:
            text += f" for {formats.money(report.cost_units)}"
        running = report.made_at_ms < report.period_end_ms
        if running:
            return f"{text} so far, the month is not over."
        before = report.previous_import_wh
        if before:
            change = 100 * (report.import_wh / before - 1)
            word = "more" if change >= 0 else "less"
            text += f", {formats.percent(abs(change), 1)} {word} than the month before"
        return text + "."

    def _facts(self, report: MonthlyReport) -> list[tuple[str, str]]:
        formats = self.formats
        invoices = [c.invoice_number for c in report.clients if c.invoice_number]
        off_by = [m.reconciliation.discrepancy_wh for m in report.meters if m.reconciliation]
        held = [abs(v) for v in off_by if v is not None]
        worst = formats.number(max(held)) + " Wh at most" if held else "no register to hold against"
        return [
            ("Period", formats.period(report.period_start_ms, report.period_end_ms)),
            ("Data completeness", formats.percent(report.completeness_pct, 1)),
            ("Estimated, of the grid import", formats.percent(report.estimated_pct, 1)),
            ("Intervals against registers, off by", worst),
            ("Clients with an invoice", f"{len(invoices)} of {len(report.clients)}"),
            ("Findings of maintenance", f"{len(report.findings)}"),
            ("Simulated data", "yes" if report.simulated else "no"),
        ]

    def _day_chart(self, report: MonthlyReport) -> ChartData:
        zone = self.formats.zone
        left = np.array([local_midnight_ms(d.day, zone) / 1000 for d in report.days])
        bought = np.array([_known(d.import_wh) for d in report.days])
        used = np.array([_known(d.consumption_wh) for d in report.days])
        gaps = tuple(
            Region(at, at + _DAY_S, "gap")
            for at, day in zip(left.tolist(), report.days, strict=True)
            if not day.complete
        )
        top = max(
            (d for d in report.days if d.consumption_wh is not None),
            key=lambda d: d.consumption_wh or 0,
            default=None,
        )
        words = (
            "No day with data."
            if top is None
            else f"Most on {self.formats.day(top.day)}: {self.formats.energy(top.consumption_wh)}."
        )
        return ChartData(
            bars=(
                Bars("consumption", left + 0.08 * _DAY_S, used, 0.84 * _DAY_S, "load", alpha=90),
                Bars("from the grid", left + 0.24 * _DAY_S, bought, 0.52 * _DAY_S, "grid_import"),
            ),
            regions=gaps,
            y_zero=True,
            description=words,
        )

    def _off_by(self, meter: MeterEnergy) -> Cell:
        held = meter.reconciliation
        off_by = None if held is None else held.discrepancy_wh
        if off_by is None:
            return Cell(UNKNOWN, token="text2", spoken="no register")
        return Cell(self.formats.number(off_by), token="p2" if off_by else "text")

    # -------------------------------------------------------- making

    def _enable(self, enabled: bool) -> None:
        for one in self._makers:
            one.setEnabled(enabled)

    def _make(self, kinds: frozenset[str]) -> None:
        report = self._report
        if report is None:
            return
        self._enable(False)
        self.load(
            lambda: self._reports.keep(report, kinds),
            self._made,
            panel=self.files_panel,
            key="make",
            on_error=self._refused,
            title=f"Report {report.month}",
        )

    def _made(self, paths: tuple[Path, ...]) -> None:
        self._enable(True)
        count = f"{len(paths)} files" if len(paths) > 1 else paths[0].name
        self.notice.set_text(f"Made {count}.", f"In {paths[0].parent}")
        self.notice.show()
        self._load_shelf()

    def _refused(self, error: UserFacingError) -> None:
        self._enable(True)
        self.notice.set_text(f"{error.where}: {error.what}", error.remedy)
        self.notice.show()

    def _open_chosen(self) -> None:
        chosen = self.files.chosen_row()
        if chosen is not None:
            self._open_file(chosen.path)

    def _save_copy(self) -> None:
        chosen = self.files.chosen_row()
        if chosen is None:
            return
        target = self._ask_path(self, chosen.path.name)
        if target:
            self.load(
                lambda: self._reports.copy(chosen, Path(target)),
                self._copied,
                key="copy",
                on_error=self._refused,
                title="Saving a copy",
            )

    def _copied(self, path: Path) -> None:
        self.notice.set_text(f"Saved {path.name}.", f"In {path.parent}")
        self.notice.show()

    def export(self) -> None:
        self._make(frozenset({"csv", "xlsx"}))

    def print_pdf(self) -> None:
        self._make(frozenset({"pdf"}))


def _known(energy_wh: int | None) -> float:
    return float("nan") if energy_wh is None else float(energy_wh)


def _ask_path(parent: QWidget, name: str) -> str:
    path, _ = QFileDialog.getSaveFileName(parent, "Save a copy", name)
    return path


def _open_file(path: Path) -> bool:
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

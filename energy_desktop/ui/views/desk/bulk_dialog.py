"""A list of meters to commission in one go: every row is checked, then all or none is applied."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.commissioning import BulkPlan, BulkRow
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.views.desk.choose_file import choose_files, choose_target
from energy_desktop.ui.views.desk.ports import BulkLists
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table


class BulkDialog(QDialog):
    """`applied` tells how many meters were added or changed."""

    applied = Signal(int)

    def __init__(self, parent: QWidget | None, context: ViewContext, lists: BulkLists) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Meters from a list")
        self.resize(980, 560)
        self._context = context
        self._lists = lists
        self._plan: BulkPlan | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        self.answer = paint.label("Choose a CSV or Excel file with one meter a row.", "step")
        self.answer.setWordWrap(True)
        column.addWidget(self.answer)
        self.panel = Panel()
        self.table: Table[BulkRow] = Table(
            [
                Column("Line", lambda r: str(r.number), width=46, number=True),
                Column("Meter", self._meter_cell, stretch=3),
                Column("Link", self._link_cell, stretch=3),
                Column("Unit", self._unit_cell, width=50, number=True),
                Column("Driver", lambda r: "" if r.meter is None else r.meter.driver_id, stretch=3),
                Column("Can be applied", self._verdict_cell, stretch=6),
            ],
            key=lambda r: r.number,
            two_lines=True,
            name="Rows of the list",
        )
        self.panel.set_content(self.table)
        self.panel.show_empty(
            "Columns: id, name, driver, link or address, unit, and more if wanted. "
            "Nothing is stored before you apply the list.",
            icon="table-large",
            buttons=[("Choose a file", self.choose), ("Save an example", self.save_example)],
        )
        column.addWidget(self.panel, 1)
        row = QHBoxLayout()
        row.addWidget(button("Choose a file", self.choose, icon="file-outline"))
        row.addStretch(1)
        row.addWidget(button("Leave without applying", self.reject))
        self.apply_button = button("Apply the list", self.apply, kind="primary")
        self.apply_button.setEnabled(False)
        row.addWidget(self.apply_button)
        column.addLayout(row)

    def choose(self) -> None:
        choose_files(
            self,
            "Meters from a list",
            ["Lists (*.csv *.xlsx *.txt)", "All files (*)"],
            lambda paths: self.read(paths[0]),
        )

    def save_example(self) -> None:
        choose_target(
            self, "Save an example list", "meters.csv", "Lists (*.csv)", self.write_example
        )

    def write_example(self, path: Path) -> None:
        self._context.jobs.start(
            partial(self._lists.template, path),
            lambda written: self.answer.setText(f"Fill in {written.name}, then choose it."),
            self._on_failed,
            title="Save an example list",
            guard=self,
        )

    def read(self, path: Path) -> None:
        self._plan = None
        self.apply_button.setEnabled(False)
        self.answer.setText(f"Reading {path.name}.")
        self._context.jobs.start(
            partial(self._lists.read, path),
            self.show_plan,
            self._on_failed,
            title=f"Read {path.name}",
            guard=self,
        )

    def show_plan(self, plan: BulkPlan) -> None:
        """Rows with an error first; the list can be applied only when there is none."""
        self._plan = plan
        wrong = plan.errors
        self.panel.show_body()
        good = [r for r in plan.rows if r.error is None]
        self.table.show_rows([*wrong, *good], empty="The file has no row.")
        if wrong:
            self.answer.setText(
                f"{len(wrong)} of {words.count(len(plan.rows), 'row')} of {plan.source} cannot be "
                "applied. Mend the file and choose it again; nothing was stored."
            )
        else:
            self.answer.setText(f"{words.count(len(good), 'meter')} of {plan.source} can be added.")
        self.apply_button.setText(f"Apply {words.count(len(good), 'meter')}")
        self.apply_button.setEnabled(bool(good) and not wrong)

    def apply(self) -> None:
        plan = self._plan
        if plan is None or plan.errors:
            return
        self.apply_button.setEnabled(False)
        self._context.jobs.start(
            partial(self._lists.apply, plan),
            self._on_applied,
            self._on_failed,
            title="Apply the list",
            guard=self,
        )

    def _on_applied(self, number: int) -> None:
        self.applied.emit(number)
        self.accept()

    def _on_failed(self, error: UserFacingError) -> None:
        self.answer.setText("Nothing was stored.")
        self.panel.show_error(error, self.choose)

    # -------------------------------------------------------- cells

    @staticmethod
    def _meter_cell(row: BulkRow) -> Cell:
        if row.meter is None:
            return Cell("–", token="text3")
        return Cell(row.meter.name, row.meter.meter_id)

    @staticmethod
    def _link_cell(row: BulkRow) -> Cell:
        if row.link is None:
            return Cell("–", token="text3")
        return Cell(row.link.address, row.link.link_id)

    @staticmethod
    def _unit_cell(row: BulkRow) -> Cell:
        return Cell("" if row.meter is None else row.meter.address or str(row.meter.unit_id))

    @staticmethod
    def _verdict_cell(row: BulkRow) -> Cell:
        if row.error is None:
            return Cell("yes", icon="check")
        return Cell(row.error.what, row.error.remedy, bold=True, icon="alert-outline",
                    icon_token="p2")  # fmt: skip

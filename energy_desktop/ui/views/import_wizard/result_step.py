"""What an import gave, file by file, with the reason of every line that was rejected."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.services.importing import ImportResult
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_LINES_SHOWN = 500


class ResultStep(QWidget):
    """`undo_wanted`: what was replaced is to be taken back."""

    undo_wanted = Signal()

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        self.sentence = paint.label("", "step", wrap=True)
        row.addWidget(self.sentence, 1)
        self.undo_button = button(
            "Take back what was replaced", self.undo_wanted.emit, icon="undo-variant"
        )
        row.addWidget(self.undo_button)
        column.addLayout(row)

        def number(count: int) -> str:
            return formats.count(count)

        self.table: Table[ImportResult] = Table(
            [
                Column("File", lambda r: Cell(r.file.name, r.meter_id), stretch=2),
                Column("Rows", lambda r: number(r.rows_read), width=74, number=True),
                Column("Stored", lambda r: number(r.stored), width=74, number=True),
                Column("Replaced", lambda r: number(r.replaced), width=78, number=True),
                Column("Duplicates", lambda r: number(r.duplicates), width=88, number=True),
                Column("Left", lambda r: number(r.left), width=64, number=True),
                Column("Rejected", lambda r: number(len(r.rejected)), width=80, number=True),
                Column("Gaps", lambda r: number(r.gaps), width=60, number=True),
                Column("From", lambda r: formats.moment(r.first_ms), width=100),
                Column("To", lambda r: formats.moment(r.last_ms), width=100),
            ],
            key=lambda r: (r.file, r.meter_id),
            two_lines=True,
            name="Imported files",
        )
        column.addWidget(self.table, 3)
        self.rejected_caption = paint.label("Rejected lines", "title")
        column.addWidget(self.rejected_caption)
        self.rejected_lines: Table[tuple[str, str]] = Table(
            [
                Column("Line", lambda r: r[0]),
                Column("Reason", lambda r: r[1], stretch=2),
            ],
            key=lambda r: r[0],
            name="Rejected lines",
        )
        column.addWidget(self.rejected_lines, 2)

    def show_results(self, results: tuple[ImportResult, ...]) -> None:
        self.sentence.setText(import_sentence(self._formats, results))
        self.undo_button.setVisible(any(r.edits for r in results))
        self.table.show_rows(results)
        lines = [
            (f"{r.file.name}, line {line}", reason) for r in results for line, reason in r.rejected
        ]
        self.rejected_lines.show_rows(lines[:_LINES_SHOWN])
        more = f": the first {_LINES_SHOWN} of {self._formats.count(len(lines))}"
        self.rejected_caption.setText(
            "Rejected lines" + (more if len(lines) > _LINES_SHOWN else "")
        )
        for widget in (self.rejected_caption, self.rejected_lines):
            widget.setVisible(bool(lines))

    def show_undone(self, corrections: int) -> None:
        self.undo_button.hide()
        self.sentence.setText(
            f"What was replaced stands again as before ({corrections} corrections undone); "
            "what was new stays."
        )


def import_sentence(formats: Formats, results: tuple[ImportResult, ...]) -> str:
    """`17,519 of 17,520 rows stored; 1 rejected.`"""
    rows, stored = sum(r.rows_read for r in results), sum(r.stored for r in results)
    duplicates = sum(r.duplicates for r in results)
    rejected = sum(len(r.rejected) for r in results)
    replaced, left = sum(r.replaced for r in results), sum(r.left for r in results)
    parts = [f"{formats.count(stored)} of {formats.count(rows)} rows stored"]
    if replaced:
        parts.append(f"{formats.count(replaced)} of them replaced something")
    if duplicates:
        parts.append(f"{formats.count(duplicates)} were there already or repeated")
    if left:
        parts.append(f"{formats.count(left)} differ and were left")
    if rejected:
        parts.append(f"{formats.count(rejected)} rejected")
    return "; ".join(parts) + "."

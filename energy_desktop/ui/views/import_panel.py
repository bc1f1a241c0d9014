"""What an import of files gave, row by row, with the lines that were rejected."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.services.importing import ImportResult
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_LINES_SHOWN = 500


class ImportResultDialog(QDialog):
    """Opened when an import has ended; it only shows."""

    def __init__(
        self, parent: QWidget, formats: Formats, results: tuple[ImportResult, ...]
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Imported readings")
        self.resize(900, 480)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addWidget(paint.label(import_sentence(formats, results), "step", wrap=True))

        def number(count: int) -> str:
            return formats.count(count)

        self.table: Table[ImportResult] = Table(
            [
                Column("File", lambda r: Cell(r.file.name, r.meter_id), stretch=2),
                Column("Rows", lambda r: number(r.rows_read), width=74, number=True),
                Column("Stored", lambda r: number(r.stored), width=74, number=True),
                Column("Duplicates", lambda r: number(r.duplicates), width=88, number=True),
                Column("Rejected", lambda r: number(len(r.rejected)), width=80, number=True),
                Column("Gaps", lambda r: number(r.gaps), width=60, number=True),
                Column("From", lambda r: formats.moment(r.first_ms), width=100),
                Column("To", lambda r: formats.moment(r.last_ms), width=100),
            ],
            key=lambda r: (r.file, r.meter_id),
            two_lines=True,
            name="Imported files",
        )
        self.table.show_rows(results)
        column.addWidget(self.table, 3)
        lines = [
            (f"{r.file.name}, line {line}", reason) for r in results for line, reason in r.rejected
        ]
        if lines:
            column.addWidget(paint.label("Rejected lines", "title"))
            self.rejected_lines: Table[tuple[str, str]] = Table(
                [
                    Column("Line", lambda r: r[0]),
                    Column("Reason", lambda r: r[1], stretch=2),
                ],
                key=lambda r: r[0],
                name="Rejected lines",
            )
            self.rejected_lines.show_rows(lines[:_LINES_SHOWN])
            column.addWidget(self.rejected_lines, 2)
        row = QHBoxLayout()
        row.addStretch(1)
        close = button("Close", self.accept, kind="primary")
        close.setDefault(True)
        row.addWidget(close)
        column.addLayout(row)


def import_sentence(formats: Formats, results: tuple[ImportResult, ...]) -> str:
    """`17,519 of 17,520 rows stored; 1 rejected.`"""
    rows, stored = sum(r.rows_read for r in results), sum(r.stored for r in results)
    duplicates = sum(r.duplicates for r in results)
    rejected = sum(len(r.rejected) for r in results)
    parts = [f"{formats.count(stored)} of {formats.count(rows)} rows stored"]
    if duplicates:
        parts.append(f"{formats.count(duplicates)} were there already or repeated")
    if rejected:
        parts.append(f"{formats.count(rejected)} rejected")
    return "; ".join(parts) + "."

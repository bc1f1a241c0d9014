"""What a correction would do: a sentence, its sums, what to mind, and each value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from energy_desktop.domain.editing import EditPreview
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.ui.formatting import UNKNOWN, Formats
from energy_desktop.ui.views.desk.scrolling import scrolling
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import FactList
from energy_desktop.ui.widgets.panel import InlineNotice
from energy_desktop.ui.widgets.table import Cell, Column, Table

_QUALITY_WORDS = {
    IntervalQuality.RAW: "measured",
    IntervalQuality.VALIDATED: "measured",
    IntervalQuality.ESTIMATED: "estimated",
    IntervalQuality.EDITED: "edited",
    IntervalQuality.QUARANTINED: "quarantined",
    IntervalQuality.MISSING: "missing",
}


@dataclass(frozen=True, slots=True)
class _Change:
    start_ms: int
    before_wh: float | None
    was: str
    after_wh: int


class PreviewPanel(QWidget):
    """Shows one EditPreview, a hint or an error."""

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.stack = QStackedWidget()
        column.addWidget(self.stack)
        self.hint = paint.label("", "answer", wrap=True)
        self.stack.addWidget(scrolling(self.hint))
        self.error = InlineNotice("", "", tone=2)
        self.stack.addWidget(scrolling(self.error))
        shown = QWidget()
        body = QVBoxLayout(shown)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(6)
        self.totals = FactList()
        body.addWidget(self.totals)
        told = QWidget()
        column_of_words = QVBoxLayout(told)
        column_of_words.setContentsMargins(0, 0, 0, 0)
        column_of_words.setSpacing(4)
        self.warnings = paint.label("", "strong", wrap=True)
        self.sentence = paint.label("", "label", wrap=True)
        column_of_words.addWidget(self.warnings)
        column_of_words.addWidget(self.sentence)
        body.addWidget(scrolling(told), 2)
        self.table: Table[_Change] = Table(
            [
                Column("Interval", lambda c: self._when(c.start_ms), stretch=1),
                Column("Before, kWh", self._before, width=96, number=True),
                Column(
                    "After, kWh",
                    lambda c: Cell(words.kwh(formats, c.after_wh), bold=True),
                    width=92,
                    number=True,
                ),
            ],
            key=lambda c: c.start_ms,
            name="Values before and after the correction",
        )
        body.addWidget(self.table, 3)
        self.stack.addWidget(shown)

    def show_nothing(self, hint: str) -> None:
        self.hint.setText(hint)
        self.stack.setCurrentIndex(0)

    def show_error(self, error: UserFacingError) -> None:
        self.error.set_text(error.what, f"{error.where}. {error.remedy}")
        self.stack.setCurrentIndex(1)

    def show_preview(self, preview: EditPreview) -> None:
        formats = self._formats
        self.sentence.setText(preview.sentence)
        before = words.with_kwh(formats, preview.total_before_wh)
        if preview.total_before_wh is None:
            known = preview.before_wh[np.isfinite(preview.before_wh)]
            before = "not all known"
            if len(known):
                before = f"{words.with_kwh(formats, float(known.sum()))} and unknown ones"
        facts: list[tuple[str, str] | tuple[str, str, bool]] = [
            ("Before", before),
            ("After", words.with_kwh(formats, preview.total_after_wh), True),
            (
                "The register says of the span",
                "not known"
                if preview.register_wh is None
                else words.with_kwh(formats, preview.register_wh),
            ),
        ]
        if preview.measured:
            facts.append(("Measured values replaced", formats.count(preview.measured)))
        self.totals.show_facts(facts)
        self.warnings.setText("\n".join(f"Mind: {w}" for w in preview.warnings))
        self.warnings.setVisible(bool(preview.warnings))
        self.table.show_rows(
            [
                _Change(start, None if b != b else b, _QUALITY_WORDS[IntervalQuality(q)], after)
                for start, b, q, after in zip(
                    preview.start_ms.tolist(),
                    preview.before_wh.tolist(),
                    preview.before_quality.tolist(),
                    preview.after_wh.tolist(),
                    strict=True,
                )
            ]
        )
        self.stack.setCurrentIndex(2)

    def _when(self, start_ms: int) -> str:
        return f"{self._formats.day(start_ms)} {self._formats.clock_time(start_ms)}"

    def _before(self, change: _Change) -> Cell:
        if change.before_wh is None:
            return Cell(UNKNOWN, spoken=change.was)
        estimated = change.was == "estimated"
        return Cell(
            words.kwh(self._formats, change.before_wh),
            icon="approximately-equal"
            if estimated
            else "pencil-outline"
            if change.was == "edited"
            else "",
            spoken=f"{words.kwh(self._formats, change.before_wh)}, {change.was}",
        )

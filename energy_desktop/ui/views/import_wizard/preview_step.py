"""What an import would change, counted by kind, and how the days compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from energy_desktop.domain.quantities import quantity
from energy_desktop.services.importing import Change, ImportRules, SeriesPreview
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import Bars, ChartData, Line
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.panel import InlineNotice, Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table

_DAY_S = 86_400.0
_NOTES_SHOWN = 4
_DIFFER = (Change.ESTIMATED, Change.MEASURED, Change.EDITED, Change.COVERED, Change.KNOWN)


class PreviewStep(QWidget):
    """`rules_changed`: what may be replaced is another choice."""

    rules_changed = Signal()

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self._previews: tuple[SeriesPreview, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.sentence = paint.label("", "step", wrap=True)
        column.addWidget(self.sentence)
        self.notice = InlineNotice("", "", tone=2, icon="alert-outline")
        self.notice.hide()
        column.addWidget(self.notice)
        self.table: Table[SeriesPreview] = Table(
            [
                Column("Meter", self._meter_cell, stretch=4),
                self._number("New", Change.NEW),
                self._number("As stored", Change.EQUAL),
                self._number("Fills", Change.FILLS),
                self._number("Estimates", Change.ESTIMATED),
                self._number("Measured, differs", Change.MEASURED),
                self._number("Corrected, differs", Change.EDITED),
                self._number("Not yet due", Change.LATER),
                Column("Rejected", lambda p: formats.count(len(p.rejected)), width=74, number=True),
                Column("Gaps", lambda p: formats.count(p.gaps), width=60, number=True),
            ],
            key=lambda p: (p.series.path, p.series.key),
            two_lines=True,
            name="What would change",
        )
        self.table.chosen.connect(self._on_chosen)
        column.addWidget(self.table, 3)
        column.addLayout(self._choices())
        self.panel = Panel("Energy a day")
        self.chart = Chart(formats, formats.scale("Wh"), name="Energy a day: file and ledger")
        self.legend = Legend()
        self.panel.add_header_widget(self.legend)
        self.panel.set_content(self.chart)
        column.addWidget(self.panel, 4)

    def _choices(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(paint.label("May replace", "label"))
        self.estimated = QCheckBox("estimates")
        self.estimated.setChecked(True)
        self.measured = QCheckBox("measured values that differ")
        self.edited = QCheckBox("corrections by hand")
        for box in (self.estimated, self.measured, self.edited):
            box.toggled.connect(self._on_rules)
            row.addWidget(box)
        row.addStretch(1)
        self.reason_caption = paint.label("Reason", "label")
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("why values are replaced")
        self.reason.setMinimumWidth(220)
        self.reason.setAccessibleName("Reason of the corrections")
        self.reason.textChanged.connect(lambda _: self.rules_changed.emit())
        row.addWidget(self.reason_caption)
        row.addWidget(self.reason)
        return row

    def _number(self, title: str, change: Change) -> Column[SeriesPreview]:
        def cell(preview: SeriesPreview) -> Cell:
            count = preview.changes.get(change, 0)
            if change is Change.MEASURED:  # of a gauge what lies between its readings, too
                count += preview.changes.get(Change.COVERED, 0)
            taken = self.rules().takes(change)
            return Cell(self._formats.count(count), token="text" if taken and count else "text3",
                        bold=bool(count and taken and change is not Change.NEW))  # fmt: skip

        return Column(title, cell, width=max(64, 8 * len(title) + 14), number=True)

    def rules(self) -> ImportRules:
        return ImportRules(
            replace_estimated=self.estimated.isChecked(),
            replace_measured=self.measured.isChecked(),
            replace_edited=self.edited.isChecked(),
        )

    def show_previews(self, previews: Sequence[SeriesPreview]) -> None:
        self._previews = tuple(previews)
        self._tell()
        self.table.show_rows(self._previews, empty="No series was chosen.")
        first = next((p for p in self._previews if not p.refused), None)
        if first is not None:
            self.table.choose((first.series.path, first.series.key))
            self.show_days(first)

    @property
    def taken(self) -> int:
        """How many intervals the import would store."""
        rules = self.rules()
        return sum(p.taken(rules) for p in self._previews if not p.refused)

    @property
    def needs_reason(self) -> bool:
        """Whether a correction is made and nothing says why."""
        energy = [p for p in self._previews if p.series.is_energy]
        return bool(self._replaced_of(energy)) and not self.reason.text().strip()

    @property
    def unit_word(self) -> str:
        """What is counted: intervals of energy, or readings."""
        only_gauges = all(not p.series.is_energy for p in self._previews)
        return "readings" if only_gauges and self._previews else "intervals"

    @property
    def replaced(self) -> int:
        """How many of them stand in for something that is stored."""
        return self._replaced_of(self._previews)

    def _replaced_of(self, previews: Sequence[SeriesPreview]) -> int:
        rules = self.rules()
        return sum(
            count
            for p in previews
            for change, count in p.changes.items()
            if change is not Change.NEW and rules.takes(change)
        )

    def _tell(self) -> None:
        formats = self._formats
        left = sum(
            p.changes.get(change, 0)
            for p in self._previews
            for change in _DIFFER
            if not self.rules().takes(change)
        )
        parts = [f"{formats.count(self.taken)} {self.unit_word} would be stored"]
        if self.replaced:
            parts.append(f"{formats.count(self.replaced)} of them replace something")
        estimated = sum(p.estimated for p in self._previews if not p.refused)
        if estimated:
            parts.append(f"{formats.count(estimated)} of them are estimates over holes of the file")
        if left:
            parts.append(f"{formats.count(left)} differ from what is stored and are left")
        self.sentence.setText("; ".join(parts) + ". Nothing is stored yet.")
        only_gauges = self.unit_word == "readings"  # neither estimated nor corrected, ever
        for box in (self.estimated, self.edited):
            box.setVisible(not only_gauges)
        asked = bool(self.replaced) and not only_gauges
        self.reason.setVisible(asked)
        self.reason_caption.setVisible(asked)
        said = [f"{p.meter_id}: {p.refused}" for p in self._previews if p.refused]
        said += [f"{p.meter_id}: {note}" for p in self._previews for note in p.notes]
        said += [
            f"{p.series.path.name}, {p.series.key}: {p.series.refused}"
            for p in self._previews
            if p.series.refused
        ]
        shown = said[:_NOTES_SHOWN]
        if len(said) > len(shown):
            shown.append(f"and {len(said) - len(shown)} more")
        self.notice.setVisible(bool(said))
        if said:
            self.notice.set_text("Worth a look.", " ".join(shown))

    def show_days(self, preview: SeriesPreview) -> None:
        """The energy of each day, or its mean for a gauge: of the file, and of what is stored at
        the same times."""
        x = preview.days_ms.astype(np.float64) / 1000
        if not len(x):
            self.chart.show_message("No interval of this series can be compared.")
            return
        name, series = preview.meter_id, preview.series
        known = ~np.isnan(preview.kept_daily)
        lines: list[Line] = []
        bars: tuple[Bars, ...] = ()
        if series.is_energy:
            scale = self._formats.scale("Wh", preview.file_daily.tolist())
            title = scale.header("Energy a day")
            told = f"{self._formats.energy(float(preview.file_daily.sum()))} in the file"
            bars = (Bars("in the file", x, preview.file_daily, _DAY_S * 0.9, token="load"),)
        else:
            row = quantity(series.quantity)
            scale = self._formats.quantity_scale(row.name, preview.file_daily.tolist())
            title = scale.header(f"Mean {row.label.lower()} a day")
            low, high = (self._formats.quantity(row.name, v) for v in (series.low, series.high))
            told = f"{low} to {high} in the file"
            lines.append(Line("in the file", x + _DAY_S / 2, preview.file_daily, token="load"))
        if known.any():
            lines.append(
                Line("stored already", x + _DAY_S / 2, preview.kept_daily, token="curve2",
                     points="dot")
            )  # fmt: skip
        self.panel.set_title(f"{title}: {name}", told)
        self.chart.show_data(
            ChartData(
                bars=bars,
                lines=tuple(lines),
                description=f"{name}: {told}, {len(x)} days.",
            ),
            scale=scale,
        )
        self.legend.show_entries(self.chart.legend_entries())

    def _on_chosen(self, preview: SeriesPreview | None) -> None:
        if preview is not None and not preview.refused:
            self.show_days(preview)

    def _on_rules(self, _: bool) -> None:
        self._tell()
        self.table.show_rows(())
        self.table.show_rows(self._previews)
        self.rules_changed.emit()

    def _meter_cell(self, preview: SeriesPreview) -> Cell:
        kind = "new meter" if preview.is_new_meter else "known meter"
        return Cell(preview.meter_id, f"{kind}, from {preview.series.path.name}")

"""Is this meter wired right? Each thing looked at, what it says, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from energy_desktop.domain.commissioning import Judgement, Verdict
from energy_desktop.ui.views.desk.scrolling import scrolling
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import StateChip
from energy_desktop.ui.widgets.paint import Chip
from energy_desktop.ui.widgets.panel import Panel, button, glyph

_ICONS = {
    Verdict.GOOD: ("check", "text2"),
    Verdict.FAULT: ("alert-outline", "p2"),
    Verdict.UNSURE: ("help", "text2"),
}


class PlausibilityPanel(Panel):
    """Shows judgements; `again_wanted` when they are to be made anew."""

    again_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Plausibility")
        self.chip = StateChip()
        self.add_header_widget(self.chip)
        self.again_button = button(
            "", self.again_wanted.emit, icon="refresh", kind="quiet", tooltip="Check again"
        )
        self.add_header_widget(self.again_button)
        self._holder = QWidget()
        self._rows = QVBoxLayout(self._holder)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self._shown: tuple[Judgement, ...] = ()
        area = scrolling(self._holder)
        area.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.body.addWidget(area, 1)

    def show_judgements(self, judgements: Sequence[Judgement]) -> None:
        """Faults first, in their order; then what holds, then what cannot be said yet."""
        if not judgements:
            self._shown = ()
            self.chip.show_chip(None)
            self.show_empty("Nothing to judge by yet.")
            return
        self.show_body()
        rank = {Verdict.FAULT: 0, Verdict.GOOD: 1, Verdict.UNSURE: 2}
        wanted = tuple(sorted(judgements, key=lambda j: rank[j.verdict]))
        self.chip.show_chip(Chip(*summary(wanted)))
        if wanted == self._shown:
            return
        self._shown = wanted
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for one in wanted:
            self._rows.addWidget(_JudgementRow(one))

    def show_none(self, why: str) -> None:
        self._shown = ()
        self.chip.show_chip(None)
        self.show_empty(why)


class _JudgementRow(QWidget):
    def __init__(self, judgement: Judgement) -> None:
        super().__init__()
        grid = QVBoxLayout(self)
        grid.setContentsMargins(4, 0, 0, 0)
        grid.setSpacing(0)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(30, 6, 0, 6)
        column.setSpacing(1)
        bad = judgement.verdict is Verdict.FAULT
        column.addWidget(paint.label(judgement.title, "strong" if bad else "", wrap=True))
        if judgement.detail:
            column.addWidget(paint.label(judgement.detail, "label", wrap=True))
        if judgement.remedy:
            column.addWidget(paint.label(judgement.remedy, "" if bad else "label", wrap=True))
        mark = glyph(*_ICONS[judgement.verdict], size=16)
        mark.setParent(holder)
        mark.move(4, 8)
        grid.addWidget(holder)
        grid.addWidget(paint.rule())
        self.setAccessibleName(
            f"{judgement.verdict.value}: {judgement.title}. {judgement.detail} {judgement.remedy}"
        )


def summary(judgements: Sequence[Judgement]) -> tuple[str, int]:
    """`1 of 5 fails` with its tone, as a chip says it."""
    failed = sum(j.verdict is Verdict.FAULT for j in judgements)
    unsure = sum(j.verdict is Verdict.UNSURE for j in judgements)
    if failed:
        return f"{failed} of {len(judgements)} {'fails' if failed == 1 else 'fail'}", 2
    if unsure:
        return f"{unsure} of {len(judgements)} open", 0
    return f"all {len(judgements)} hold", 0

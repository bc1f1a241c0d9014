"""The left side: meters with what of them was measured, and the doubts about the chosen one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal

from energy_desktop.domain import wording
from energy_desktop.services.data_quality import MeterQuality
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.views.quality.words import Doubt
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table


class MeterList(Panel):
    """`meter_chosen` tells the id."""

    meter_chosen = Signal(str)

    def __init__(self, formats: Formats) -> None:
        super().__init__("Meters")
        self._formats = formats
        self.table: Table[MeterQuality] = Table(
            [
                Column(
                    "Meter",
                    self._name,
                    stretch=1,
                    elide_middle=True,
                    sort_key=lambda r: r.meter.name.casefold(),
                ),
                Column(
                    "Measured, %",
                    self._measured,
                    width=112,
                    number=True,
                    sort_key=lambda r: r.measured_pct,
                ),
                Column("Open gaps", self._gaps, width=104, number=True, sort_key=lambda r: r.gaps),
            ],
            key=lambda r: r.meter.meter_id,
            two_lines=True,
            name="Meters and what of them was measured",
        )
        self.table.setMinimumHeight(self.table.content_height(2))
        self.table.chosen.connect(self._on_chosen)
        self.set_content(self.table)
        self._order: dict[str, int] = {}

    def show_meters(self, rows: Sequence[MeterQuality], *, keep_order: bool) -> None:
        """keep_order: a repaired meter stays where it is until another period is chosen."""
        if not keep_order:
            self._order = {}
        for row in rows:
            self._order.setdefault(row.meter.meter_id, len(self._order))
        self.table.show_rows(sorted(rows, key=lambda r: self._order[r.meter.meter_id]))
        self.set_subtitle(f"{len(rows)} of the site")

    def _on_chosen(self, row: MeterQuality | None) -> None:
        if row is not None:
            self.meter_chosen.emit(row.meter.meter_id)

    def _name(self, row: MeterQuality) -> Cell:
        if not row.intervals:
            return Cell(row.meter.name, "no energy stored in this period", token="text2")
        return Cell(
            row.meter.name, words.stands_in(self._formats, row) or "nothing estimated or edited"
        )

    def _measured(self, row: MeterQuality) -> Cell:
        percent = row.measured_pct
        text = "" if percent is None else self._percent(percent)
        count = self._formats.count
        many = f"{count(row.measured)} of {count(row.intervals)}" if row.intervals else ""
        return Cell(text or "–", many)

    def _percent(self, percent: float) -> str:
        # 99.996 is not all of it: only what is whole is called 100.
        if percent < 100:
            percent = min(percent, 99.99)
        return self._formats.number(percent, 0 if percent == 100 else 2)

    @staticmethod
    def _gaps(row: MeterQuality) -> Cell:
        second = f"{row.quarantined} quarantined" if row.quarantined else ""
        return Cell(str(row.gaps) if row.intervals else "–", second, bold=row.gaps > 0)


class DoubtList(Panel):
    """`doubt_chosen` tells a Doubt whose span is to be seen."""

    doubt_chosen = Signal(object)

    def __init__(self, formats: Formats) -> None:
        super().__init__("Gaps and doubts")
        self._formats = formats
        self.table: Table[Doubt] = Table(
            [
                Column("From", self._span, width=124, sort_key=lambda d: d.start_ms),
                Column("Cause and state", self._cause, stretch=1),
                Column(
                    "Register, kWh",
                    lambda d: words.kwh(formats, d.known_wh) if d.is_gap else "",
                    width=108,
                    number=True,
                    sort_key=lambda d: d.known_wh,
                ),
            ],
            key=lambda d: (d.start_ms, d.is_gap),
            two_lines=True,
            name="Gaps and doubts of the chosen meter",
        )
        self.table.setMinimumHeight(self.table.content_height(3))
        self.table.chosen.connect(self._on_chosen)
        self.set_content(self.table)

    def show_doubts(self, doubts: Sequence[Doubt], meter_name: str) -> None:
        still_open = sum(d.is_open for d in doubts)
        done = len(doubts) - still_open
        self.set_title("Gaps and doubts", f"{still_open} open, {done} done")
        self.table.show_rows(doubts, empty=f"{meter_name}: every interval was measured.")

    def _on_chosen(self, doubt: Doubt | None) -> None:
        if doubt is not None:
            self.doubt_chosen.emit(doubt)

    def same(self, doubt: Doubt) -> Doubt | None:
        """The line of the same span as it is now."""
        key = (doubt.start_ms, doubt.is_gap)
        return next((d for d in self.table.rows_model.rows if (d.start_ms, d.is_gap) == key), None)

    def first_open(self) -> Doubt | None:
        """A gap before a rule that failed: that one has a value all the same."""
        rows = [d for d in self.table.rows_model.rows if d.is_open]
        return next((d for d in rows if d.is_gap), rows[0] if rows else None)

    def _span(self, doubt: Doubt) -> Cell:
        day = self._formats.day(doubt.start_ms)
        length = self._formats.duration((doubt.end_ms - doubt.start_ms) / 1000)
        return Cell(
            f"{day} {self._formats.clock_time(doubt.start_ms)}",
            f"{length}, {wording.count(doubt.intervals, 'interval')}",
            bold=doubt.is_open,
        )

    @staticmethod
    def _cause(doubt: Doubt) -> Cell:
        done = words.done(doubt).removesuffix(" from the register")  # that stands in its column
        return Cell(doubt.cause, done, icon=doubt.icon)

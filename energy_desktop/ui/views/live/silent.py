"""What to know of a meter that fell silent: why, since when, its last values, what to check."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from energy_desktop.domain.quantities import quantity as row_of
from energy_desktop.services.live import SilentMeter
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.meter_words import sentence_of
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import Figure, FigureRow, StateChip
from energy_desktop.ui.widgets.paint import Chip
from energy_desktop.ui.widgets.panel import InlineNotice, Panel


class SilentPart(QWidget):
    """Hidden while every meter answers."""

    try_wanted = Signal(str)  # meter id
    desk_wanted = Signal(str)  # meter id

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self._meter_id = ""
        self.notice: InlineNotice | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._panel = Panel("Last known values", "not live")
        self._stale_chip = StateChip()
        self._panel.add_header_widget(self._stale_chip)
        self._last_values = FigureRow()
        self._panel.set_content(self._last_values)
        self._checks = paint.label("", "label", wrap=True)
        self._panel.set_content(self._checks)
        self._column.addWidget(self._panel)
        self.hide()

    def clear(self) -> None:
        self._drop_notice()
        self.hide()

    def show_silent(self, silent: SilentMeter) -> None:
        """Last error, remedy, since when, next try, last values greyed, what to check."""
        f = self._formats
        now_ms = f.now_ms()
        since = silent.since_ms if silent.since_ms is not None else silent.last_ms
        how_long = "" if since is None else f" for {f.exact_duration((now_ms - since) / 1000)}"
        what = f"{silent.meter.name}: no answer{how_long}"
        told = [sentence_of(part) for part in (silent.error, silent.remedy, silent.neighbours)]
        if silent.next_try_ms is not None and silent.next_try_ms > now_ms:
            told.append(f"Next try at {f.clock_time(silent.next_try_ms, seconds=True)}.")
        where = " ".join(part for part in told if part)
        if self.notice is None or self._meter_id != silent.meter.meter_id:
            self._drop_notice()
            meter_id = silent.meter.meter_id
            self.notice = InlineNotice(
                what,
                where,
                tone=2,
                icon="lan-disconnect",
                buttons=[
                    ("Try now", lambda: self.try_wanted.emit(meter_id)),
                    ("Open in Meters", lambda: self.desk_wanted.emit(meter_id)),
                ],
            )
            self._column.insertWidget(0, self.notice)
            self._meter_id = meter_id
        else:
            self.notice.set_text(what, where)
        read_at = f.moment(silent.last_ms)
        figures = []
        for name, value in silent.last:
            scale = f.quantity_scale(name, (value,))
            figures.append(
                Figure(
                    row_of(name).label, scale.text(value), scale.unit, f"from {read_at}", stale=True
                )
            )
        self._last_values.show_figures(figures)
        self._last_values.setVisible(bool(figures))
        age = "never read" if silent.last_ms is None else None
        age = age or f"stale {f.exact_duration((now_ms - (silent.last_ms or now_ms)) / 1000)}"
        self._stale_chip.show_chip(Chip(age, tone=2))
        self._checks.setText(
            "Check, likeliest first:  "
            + "  ".join(f"{n}. {cause}" for n, cause in enumerate(silent.causes, 1))
        )
        self.show()

    def _drop_notice(self) -> None:
        if self.notice is not None:
            self._column.removeWidget(self.notice)
            self.notice.deleteLater()
            self.notice = None
        self._meter_id = ""

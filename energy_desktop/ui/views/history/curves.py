"""The curve picture: up to six curves on two axes, from years down to a second.

Turning the wheel redraws what is there at once. When the wheel rests, the window is read anew off
the GUI thread with as many points as there are pixels, and half a window more at each side, so that
a small step aside needs nothing. An answer that is no longer asked for is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.quantities import quantity
from energy_desktop.services.history import (
    Curve,
    HistoryLook,
    HistoryService,
    HistorySubject,
    QualityMark,
)
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.views.history import words
from energy_desktop.ui.views.history.curve_set import (
    MOST_CURVES,
    CurveRow,
    CurveSet,
    Key,
    unit_of,
)
from energy_desktop.ui.views.history.drawing import mark_at
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.table import Cell, Column, Table

COARSE_POINTS = 300
REST_MS = 60  # the wheel has come to rest
_MARK_PIXELS = 5


class Load(Protocol):
    """`BaseView.load`."""

    def __call__(
        self,
        work: Callable[[], object],
        show: Callable[..., object],
        *,
        on_error: Callable[[UserFacingError], object] | None = None,
        key: object = None,
    ) -> object: ...


class CurvesPicture(QWidget):
    """Shows the page's own curve and what was added to it."""

    period_selected = Signal(object, object)  # start_ms, end_ms
    mark_chosen = Signal(object)  # QualityMark
    changed = Signal()  # curves were added or removed
    said = Signal(str)  # why something cannot be done

    def __init__(self, formats: Formats, history: HistoryService, load: Load) -> None:
        super().__init__()
        self._formats = formats
        self._history = history
        self._load = load
        self._subjects: tuple[HistorySubject, ...] = ()
        self._home: tuple[int, int] | None = None
        self._sentence = ""
        self._other_ms: tuple[int, int] | None = None
        self.shown = CurveSet()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._read_window)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.legend = Legend()
        self.chart = Chart(formats, name="Curves of the period", selectable=True, readout=False)
        self.chart.period_selected.connect(
            lambda a, b: self.period_selected.emit(round(a * 1000), round(b * 1000))
        )
        self.chart.cursor_moved.connect(lambda _: self._fill_table())
        self.chart.range_changed.connect(lambda *_: self._rest.start())
        self.chart.clicked.connect(self._on_clicked)
        column.addWidget(self.chart, 1)
        self.table: Table[CurveRow] = Table(
            [
                Column("Meter", self._name_cell, stretch=3),
                Column("Quantity", lambda r: quantity(r.quantity).label, stretch=2),
                Column("At cursor", partial(self._number, "at_cursor"), width=88, number=True),
                Column("Least", partial(self._number, "least"), width=80, number=True),
                Column("Mean", partial(self._number, "mean"), width=80, number=True),
                Column("Most", partial(self._number, "most"), width=80, number=True),
                Column("Unit", lambda r: self._scale(r.key).unit, width=52),
                Column("Quality", lambda r: r.quality, stretch=2),
            ],
            key=lambda row: row.key,
            name="Curves in figures",
        )
        self.table.chosen.connect(lambda row: self._enable(row))
        column.addWidget(self.table)
        column.addLayout(self._adding())

    def _adding(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(paint.label("Another curve", "label"))
        self.add_meter, self.add_quantity = QComboBox(), QComboBox()
        for box, name in (
            (self.add_meter, "Meter of another curve"),
            (self.add_quantity, "Quantity of another curve"),
        ):
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            row.addWidget(box)
        self.add_meter.activated.connect(lambda _: self._fill_quantities())
        self.add_button = button("Add curve", self._on_add, icon="plus")
        self.remove_button = button("Remove chosen curve", self._on_remove, kind="quiet")
        self.remove_button.setEnabled(False)
        row.addWidget(self.add_button)
        row.addWidget(self.remove_button)
        row.addStretch(1)
        row.addWidget(self.legend)
        return row

    # -------------------------------------------------------- which curves

    def show_subjects(self, subjects: tuple[HistorySubject, ...]) -> None:
        """What may be added."""
        chosen = self.add_meter.currentData()
        self._subjects = subjects
        self.add_meter.clear()
        for one in subjects:
            self.add_meter.addItem(one.meter.name, one.meter.meter_id)
        self.add_meter.setCurrentIndex(max(0, self.add_meter.findData(chosen)))
        self._fill_quantities()

    def _fill_quantities(self) -> None:
        meter_id = self.add_meter.currentData()
        subject = next((s for s in self._subjects if s.meter.meter_id == meter_id), None)
        before = self.add_quantity.currentData() or (
            self.shown.keys[0][1] if self.shown.keys else ""
        )
        self.add_quantity.clear()
        for name in () if subject is None else subject.quantities:
            self.add_quantity.addItem(quantity(name).label, name)
        self.add_quantity.setCurrentIndex(max(0, self.add_quantity.findData(before)))

    def _on_add(self) -> None:
        meter_id, name = self.add_meter.currentData(), self.add_quantity.currentData()
        if meter_id is not None and name is not None:
            self.add((meter_id, name))

    def add(self, key: Key) -> None:
        """Draws another curve; says why where it cannot."""
        if key in self.shown.keys:
            self.said.emit("This curve is drawn already.")
        elif len(self.shown.keys) >= MOST_CURVES:
            self.said.emit(f"A picture holds {MOST_CURVES} curves. Remove one first.")
        elif not self.shown.fits(key):
            units = " and ".join(dict.fromkeys(unit_of(k) or "no unit" for k in self.shown.keys))
            self.said.emit(
                f"Both axes are taken ({units}); {unit_of(key) or 'no unit'} needs a third."
            )
        else:
            self.shown.add(key)
            self._read_whole()
            self.changed.emit()

    def _on_remove(self) -> None:
        row = self.table.chosen_row()
        if row is not None:
            self.remove(row.key)

    def remove(self, key: Key) -> None:
        self.shown.remove(key)
        self._draw()
        self.chart.refit()
        self.changed.emit()
        self._enable(None)

    def _enable(self, row: CurveRow | None) -> None:
        self.remove_button.setEnabled(row is not None and row.key in self.shown.keys[1:])

    # -------------------------------------------------------- reading

    def begin(self, key: Key, start_ms: int, end_ms: int) -> None:
        """Another subject or period: a coarse picture first."""
        self.shown.lead(key)
        if self._home != (start_ms, end_ms):
            self.shown.new_period()
            self._home = (start_ms, end_ms)
            self.chart.reset_zoom()
        self._read_whole()

    def show_look(self, look: HistoryLook) -> None:
        """What was read of the page's own meter serves its curve and its marks."""
        key = (look.subject.meter.meter_id, look.quantity)
        self.shown.lead(key)
        if self._home != (look.start_ms, look.end_ms):
            self.shown.new_period()
        self._home = (look.start_ms, look.end_ms)
        self.shown.whole[key] = look.curve
        self.shown.marks[key] = look.marks
        self.shown.other, self._other_ms = None, look.other_ms
        self.shown.other_name = words.other_name(look.against)
        self._sentence = f"{look.subject.meter.name}: {words.sentence(self._formats, look)}"
        self._fill_quantities()
        self._draw()
        self.chart.refit()
        self._read_whole()

    def _read_whole(self) -> None:
        """What is not there yet, coarse and then fine."""
        if self._home is None or not self.isVisible():
            return
        missing = [k for k in self.shown.keys if k not in self.shown.whole]
        if missing:
            self._load(
                partial(self._history.curves, missing, *self._home, COARSE_POINTS),
                lambda found: self._show_whole(found, coarse=True),
                key="coarse",
                on_error=self._say,
            )
        elif self._other_ms is not None and self.shown.other is None and len(self.shown.keys) == 1:
            self._load(
                partial(self._history.curves, self.shown.keys[:1], *self._other_ms),
                self._show_other,
                key="other curve",
                on_error=self._say,
            )
        unread = [k for k in self.shown.keys if k not in self.shown.marks]
        if unread and not missing:
            home = self._home
            self._load(
                lambda: [(k, self._history.marks(*k, *home)) for k in unread],
                self._show_marks,
                key="marks",
                on_error=self._say,
            )

    def _show_whole(self, found: tuple[Curve, ...], *, coarse: bool = False) -> None:
        if self._home is None:
            return
        current = [c for c in found if (c.start_ms, c.end_ms) == self._home]
        for curve in current:
            self.shown.whole[(curve.meter_id, curve.quantity)] = curve
        self._draw()
        if coarse and current:
            self._load(
                partial(
                    self._history.curves,
                    [(c.meter_id, c.quantity) for c in current],
                    *self._home,
                ),
                self._show_whole,
                key="whole",
                on_error=self._say,
            )
            self._read_whole()

    def _show_other(self, found: tuple[Curve, ...]) -> None:
        if self._other_ms is not None and found:
            self.shown.other = found[0]
            self._draw()

    def _show_marks(self, found: list[tuple[Key, tuple[QualityMark, ...]]]) -> None:
        self.shown.marks.update({k: m for k, m in found if k in self.shown.keys})
        self._draw()

    def _read_window(self) -> None:
        """The window that is looked at, finer, when what is there is too coarse for it."""
        self._fill_table()
        if not self.chart.zoomed or not self.shown.keys:
            return
        low, high = (round(at * 1000) for at in self.chart.x_range)
        span = high - low
        if self._is_fine(low, high):
            return
        self._load(
            partial(
                self._history.curves,
                list(self.shown.keys),
                low - span // 2,
                high + span // 2,
                4 * max(300, self.chart.width()),
            ),
            self._show_fine,
            key="zoom",
            on_error=self._say,
        )

    def _is_fine(self, low: int, high: int) -> bool:
        """Whether every curve was read for this window, and not for one much wider."""
        for key in self.shown.keys:
            fine = self.shown.fine.get(key)
            if fine is None or fine.start_ms > low or fine.end_ms < high:
                return False
            if fine.end_ms - fine.start_ms > 4 * (high - low):
                return False
        return True

    def _show_fine(self, found: tuple[Curve, ...]) -> None:
        for curve in found:
            key = (curve.meter_id, curve.quantity)
            if key in self.shown.keys:
                self.shown.fine[key] = curve
        self._draw()

    def _say(self, error: UserFacingError) -> None:
        self.said.emit(f"{error.where}: {error.what} {error.remedy}")

    # -------------------------------------------------------- showing

    def _draw(self) -> None:
        if self._home is None or not self.shown.keys:
            return
        home = (self._home[0] / 1000, self._home[1] / 1000)
        drawn = self.shown.drawn(self._formats, home, self._sentence)
        self.chart.show_data(drawn.data, scale=drawn.left, right_scale=drawn.right)
        self.legend.show_entries(
            self.chart.legend_entries()[:4] if len(self.shown.keys) == 1 else ()
        )
        self._fill_table()

    def _fill_table(self) -> None:
        quality = {k: words.marks_count(m) for k, m in self.shown.marks.items()}
        self.table.show_rows(self.shown.rows(self.chart.x_range, self.chart.cursor_x, quality))
        rows = max(1, len(self.shown.keys))
        self.table.setFixedHeight(self.table.content_height(rows))

    def _scale(self, key: Key) -> Scale:
        curve = self.shown.whole.get(key)
        top = None if curve is None or not curve.maximum.size else curve.maximum.tolist()
        return self._formats.scale(unit_of(key), top or ())

    def _number(self, part: str, row: CurveRow) -> str:
        return self._scale(row.key).text(getattr(row, part))

    def _name_cell(self, row: CurveRow) -> Cell:
        return Cell(row.meter_name, swatch=row.token)

    def _on_clicked(self, x: float) -> None:
        low, high = self.chart.x_range
        slack = _MARK_PIXELS * (high - low) / max(1, self.chart.width()) * 1000
        for key in self.shown.keys:
            mark = mark_at(self.shown.marks.get(key, ()), x * 1000, slack)
            if mark is not None:
                self.mark_chosen.emit(mark)
                return

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._read_whole()

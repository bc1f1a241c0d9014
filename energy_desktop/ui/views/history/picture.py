"""The main panel: one period as carpet, curve, calendar, week or table.

Five looks at the same slots. What was missing, estimated or edited is said under every one of
them, with the way to the page where it can be put right.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from energy_desktop.domain.quantities import quantity
from energy_desktop.services.history import HistoryLook, HistoryService, QualityMark
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.views.history import drawing, words
from energy_desktop.ui.views.history.curves import CurvesPicture, Load
from energy_desktop.ui.widgets.carpet import CarpetView
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.day_calendar import DayCalendarView
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel, button
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Column, Table

LOOKS = (
    ("carpet", "Carpet"),
    ("curve", "Curve"),
    ("calendar", "Calendar"),
    ("week", "Week"),
    ("table", "Table"),
)
Row = tuple[str, ...]


class _Pages(QStackedWidget):
    """As small as the page that is shown: the others must not push their neighbours away."""

    def minimumSizeHint(self) -> QSize:
        page = self.currentWidget()
        if page is None:
            return super().minimumSizeHint()
        return page.minimumSize().expandedTo(page.minimumSizeHint())

    def sizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.sizeHint() if page is not None else super().sizeHint()


class PicturePanel(Panel):
    """Shows a `HistoryLook` in the chosen look."""

    look_changed = Signal(str)
    day_chosen = Signal(int)  # index of the day in the period
    quality_wanted = Signal(object)  # QualityMark or None: all of the period

    def __init__(self, formats: Formats, history: HistoryService, load: Load) -> None:
        super().__init__("Period")
        self._formats = formats
        self._look: HistoryLook | None = None
        self.choice = Segmented(LOOKS, name="Look")
        self.choice.changed.connect(lambda _: self._on_choice())
        self.add_header_widget(self.choice)
        self.stack = _Pages()
        self.carpet = CarpetView(formats)
        self.curves = CurvesPicture(formats, history, load)
        self.calendar = DayCalendarView(formats)
        self.week = Chart(formats, name="Hours of the week", numeric_x=True)
        self.week_legend = Legend()
        week_page = QWidget()
        column = QVBoxLayout(week_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.week_legend, 0, Qt.AlignmentFlag.AlignRight)
        column.addWidget(self.week, 1)
        self.carpet.day_chosen.connect(self._on_day)
        self.calendar.day_chosen.connect(self._on_day)
        self.table_box = QVBoxLayout()
        holder = QWidget()
        holder.setLayout(self.table_box)
        self.table_box.setContentsMargins(0, 0, 0, 0)
        self.table: Table[Row] | None = None
        for page in (self.carpet, self.curves, self.calendar, week_page, holder):
            self.stack.addWidget(page)
        self.set_content(self.stack)
        self.marks_row = QWidget()
        row = QHBoxLayout(self.marks_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.marks_text = ElidedLabel("", "caption")
        row.addWidget(self.marks_text, 1)
        row.addWidget(
            button("Open in Data quality", lambda: self.quality_wanted.emit(None), kind="link")
        )
        self.marks_row.hide()
        self.set_content(self.marks_row)

    # -------------------------------------------------------- showing

    def show_look(self, look: HistoryLook, scale: Scale) -> None:
        self._look = look
        sentence = words.sentence(self._formats, look)
        self.carpet.show_carpet(drawing.carpet(look), scale=scale, description=sentence)
        totals = drawing.total_scale(self._formats, look, look.days.totals)
        self.calendar.show_days(drawing.calendar(look), scale=totals, description=sentence)
        self.week.show_data(drawing.week(look, self._formats, scale), scale=scale)
        self.week.reset_zoom()
        self.week_legend.show_entries(self.week.legend_entries())
        self.curves.show_look(look)
        self._show_marks(look.marks)
        self.show_choice()

    def _show_marks(self, marks: tuple[QualityMark, ...]) -> None:
        self.marks_text.set_text(words.marks_line(self._formats, marks))
        self.marks_row.setVisible(bool(marks))

    def choose_day(self, index: int) -> None:
        """Frames a day without telling."""
        self.carpet.choose_day(index)
        self.calendar.choose_day(index)

    def _on_choice(self) -> None:
        self.show_choice()
        self.look_changed.emit(self.choice.value)

    def show_choice(self) -> None:
        """The chosen look, with its title."""
        value = self.choice.value
        self.stack.setCurrentIndex([v for v, _ in LOOKS].index(value))
        self.stack.updateGeometry()
        look = self._look
        if look is None:
            return
        if value == "table":
            self._fill_table()
        self.set_title(
            self._title_of(value, look),
            f"{look.subject.meter.name}, {quantity(look.quantity).label.lower()}",
        )

    def _title_of(self, value: str, look: HistoryLook) -> str:
        days = len(look.carpet.day_start_ms)
        unit = words.scale_of(self._formats, look).unit
        if value == "curve":
            return f"Curve, {unit}" if unit else "Curve"
        if value == "calendar":
            scale = drawing.total_scale(self._formats, look, look.days.totals)
            return scale.header("Energy per day" if look.days.is_energy else "Mean per day")
        if value == "week":
            return f"Hours of the week, {unit}" if unit else "Hours of the week"
        if value == "table":
            return f"{days} {'day' if days == 1 else 'days'}"
        slot = words.slot_name(self._formats, look.slots.step_s)
        return f"Every {slot} of {days} {'day' if days == 1 else 'days'}"

    def _fill_table(self) -> None:
        headers, rows = self.carpet.table_rows()
        if self.table is not None:
            self.table_box.removeWidget(self.table)
            self.table.hide()
            self.table.deleteLater()

        def cell(position: int, row: Row) -> str:
            return row[position]

        self.table = Table(
            [
                Column(h, partial(cell, i), number=i > 0, stretch=2 if i == 0 else 1)
                for i, h in enumerate(headers)
            ],
            key=lambda row: row[0],
            name="Days of the period",
        )
        names = [row[0] for row in rows]
        self.table.chosen.connect(
            lambda row: None if row is None else self._on_day(names.index(row[0]))
        )
        self.table_box.addWidget(self.table)
        self.table.show_rows(rows, empty="No readings in this period.")

    def _on_day(self, index: int) -> None:
        self.choose_day(index)
        self.day_chosen.emit(index)

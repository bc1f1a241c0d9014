"""When energy was used and what changed.

One meter, one quantity, one period; carpet, curve and table are three looks at the same slots. The
chosen day stands beside its like, because a day alone cannot be judged. What is dragged on the
carpet or the curve becomes the period of every page.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QDate, QStandardPaths, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDateEdit,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.clock import local_midnight_ms
from energy_desktop.domain.energy import Resolution
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.quantities import quantity
from energy_desktop.services.exporting import ExportedFile, ExportService
from energy_desktop.services.history import (
    Curve,
    DayAgainstLike,
    HistoryLook,
    HistoryService,
    HistorySubject,
)
from energy_desktop.services.local_days import days_touched
from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.carpet import Carpet, CarpetView
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import Bars, ChartData, Fan, Limit, Line, Region
from energy_desktop.ui.widgets.marks import Figure, FigureRow, Legend
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Column, Table

_PERIODS = (("1", "Day"), ("7", "Week"), ("30", "Month"), ("90", "Quarter"), ("0", "Custom"))
_DAY_MS = 86_400_000
_MOST_COMPARED = 5
Row = tuple[str, ...]


class HistoryView(BaseView):
    """Pickers above; key figures; the period's picture beside the chosen day; duration; totals."""

    view_id = "history"
    title = "History"

    def __init__(
        self, context: ViewContext, history: HistoryService, exporting: ExportService
    ) -> None:
        super().__init__(context)
        self._history = history
        self._exporting = exporting
        self._subjects: tuple[HistorySubject, ...] = ()
        self._look: HistoryLook | None = None
        self._compared: tuple[str, ...] = ()
        self._curves: tuple[Curve, ...] = ()
        self._period: tuple[int, int] | None = None
        self._own_choice = False
        self.body.addLayout(self._filter_row())
        self.notice_box = QVBoxLayout()
        self.body.addLayout(self.notice_box)
        self.facts_panel = Panel(margins=8)
        self.figures = FigureRow()
        self.facts_panel.set_content(self.figures)
        self.facts_panel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.body.addWidget(self.facts_panel)
        grid = QGridLayout()
        grid.setSpacing(8)
        grid.addWidget(self._picture_panel(), 0, 0, 1, 8)
        grid.addWidget(self._day_panel(), 0, 8, 1, 5)
        grid.addWidget(self._duration_panel(), 1, 0, 1, 6)
        grid.addWidget(self._totals_panel(), 1, 6, 1, 7)
        grid.setRowStretch(0, 6)
        grid.setRowStretch(1, 5)
        for column in range(13):
            grid.setColumnStretch(column, 1)
        self.body.addLayout(grid, 1)
        self.add_page_action("Compare", "compare-horizontal", self._choose_compared)
        self.add_page_action("Export", "download", self.export)

    # -------------------------------------------------------- building

    def _filter_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.meter = QComboBox()
        self.meter.setAccessibleName("Meter")
        self.quantity = QComboBox()
        self.quantity.setAccessibleName("Quantity")
        for box in (self.meter, self.quantity):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            row.addWidget(box)
        self.meter.activated.connect(lambda _: self._on_meter())
        self.quantity.activated.connect(lambda _: self._read())
        self.span = Segmented(_PERIODS, name="Period")
        self.span.set_value("90")
        self.span.changed.connect(self._on_span)
        row.addWidget(self.span)
        row.addWidget(button("", lambda: self._step(-1), icon="chevron-left", tooltip="Earlier"))
        self.period_text = paint.label("", "strong")
        row.addWidget(self.period_text)
        self.first_day, self.last_day = QDateEdit(), QDateEdit()
        for edit, name in ((self.first_day, "First day"), (self.last_day, "Last day")):
            edit.setAccessibleName(name)
            edit.setCalendarPopup(True)
            edit.setDisplayFormat("d MMM yyyy")
            edit.setKeyboardTracking(False)
            edit.dateChanged.connect(lambda _: self._on_dates())
            edit.hide()
            row.addWidget(edit)
        row.addWidget(button("", lambda: self._step(1), icon="chevron-right", tooltip="Later"))
        row.addStretch(1)
        self.look_choice = Segmented(
            (("carpet", "Carpet"), ("curve", "Curve"), ("table", "Table")), name="Look"
        )
        self.look_choice.changed.connect(lambda _: self._show_picture())
        row.addWidget(self.look_choice)
        return row

    def _picture_panel(self) -> Panel:
        self.picture_panel = Panel("Period")
        self.curve_legend = Legend()
        self.picture_panel.add_header_widget(self.curve_legend)
        self.pictures = QStackedWidget()
        self.carpet = CarpetView(self.formats)
        self.carpet.day_chosen.connect(self._on_day)
        self.carpet.period_selected.connect(self._select)
        self.curve = Chart(self.formats, name="Curve of the period", selectable=True)
        self.curve.period_selected.connect(
            lambda a, b: self._select(round(a * 1000), round(b * 1000))
        )
        self.table_box = QVBoxLayout()
        holder = QWidget()
        holder.setLayout(self.table_box)
        self.table_box.setContentsMargins(0, 0, 0, 0)
        self.table: Table[Row] | None = None
        for page in (self.carpet, self.curve, holder):
            self.pictures.addWidget(page)
        self.picture_panel.set_content(self.pictures)
        self.gap_text = paint.label("", "caption", wrap=True)
        self.picture_panel.set_content(self.gap_text)
        return self.picture_panel

    def _day_panel(self) -> Panel:
        self.day_panel = Panel("Day")
        self.day_legend = Legend()
        self.day_panel.add_header_widget(self.day_legend)
        self.day_chart = Chart(self.formats, name="Chosen day beside its like")
        self.day_panel.set_content(self.day_chart)
        self.day_text = paint.label("", "caption", wrap=True)
        self.day_panel.set_content(self.day_text)
        return self.day_panel

    def _duration_panel(self) -> Panel:
        self.duration_panel = Panel("Duration")
        self.duration_legend = Legend()
        self.duration_panel.add_header_widget(self.duration_legend)
        self.duration_chart = Chart(
            self.formats,
            name="Duration: share of the time above a level",
            numeric_x=True,
            x_scale=Scale("%", 1.0, 0),
        )
        self.duration_panel.set_content(self.duration_chart)
        return self.duration_panel

    def _totals_panel(self) -> Panel:
        self.totals_panel = Panel("Energy")
        self.totals_legend = Legend()
        self.totals_panel.add_header_widget(self.totals_legend)
        self.totals_chart = Chart(
            self.formats, self.formats.scale("Wh"), name="Totals", numeric_x=True
        )
        self.totals_panel.set_content(self.totals_chart)
        self.sum_text = paint.label("", "caption", wrap=True)
        self.totals_panel.set_content(self.sum_text)
        return self.totals_panel

    # -------------------------------------------------------- choosing

    def reload(self) -> None:
        self.load(
            self._history.subjects, self.show_subjects, panel=self.picture_panel, title="History"
        )

    def show_subjects(self, subjects: tuple[HistorySubject, ...]) -> None:
        """Fills the pickers and reads the chosen meter."""
        self._subjects = subjects
        wanted = self.navigation.subject.meter_id or self.meter.currentData() or ""
        self.meter.clear()
        for one in subjects:
            self.meter.addItem(one.meter.name, one.meter.meter_id)
        for box in (self.meter, self.quantity, self.span):
            box.setEnabled(bool(subjects))
        if not subjects:
            for panel in (self.facts_panel, self.day_panel, self.duration_panel, self.totals_panel):
                panel.hide()
            self.set_answer("Nothing is stored yet.")
            self.picture_panel.show_empty(
                "No meter has readings yet. The first curve appears a minute after a meter "
                "was added; older readings can be imported.",
                icon="calendar-clock",
                buttons=[("Open Meters", lambda: self.navigation.go("meters"))],
            )
            return
        for panel in (self.facts_panel, self.day_panel, self.duration_panel, self.totals_panel):
            panel.show()
        self.meter.setCurrentIndex(max(0, self.meter.findData(wanted)))
        self._fill_quantities()
        subject = self.navigation.subject
        if subject.start_ms is not None and subject.end_ms is not None:
            self._take_period(subject.start_ms, subject.end_ms)
        elif self._period is None:
            self._last_days(int(self.span.value) or 90)
        self._read()

    def on_subject_changed(self, subject: Subject) -> None:
        if self._own_choice or not self._subjects:
            return
        index = self.meter.findData(subject.meter_id)
        if index >= 0 and index != self.meter.currentIndex():
            self.meter.setCurrentIndex(index)
            self._fill_quantities()
        if subject.start_ms is not None and subject.end_ms is not None:
            self._take_period(subject.start_ms, subject.end_ms)
        self._read()

    def on_shown(self) -> None:
        if self._look is not None and self._subjects:
            self.on_subject_changed(self.navigation.subject)

    def focus_filter(self) -> None:
        self.meter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _subject(self) -> HistorySubject | None:
        chosen = self.meter.currentData()
        return next((s for s in self._subjects if s.meter.meter_id == chosen), None)

    def _fill_quantities(self) -> None:
        subject = self._subject()
        before = self.quantity.currentData()
        self.quantity.clear()
        for name in () if subject is None else subject.quantities:
            self.quantity.addItem(quantity(name).label, name)
        self.quantity.setCurrentIndex(max(0, self.quantity.findData(before)))

    def _on_meter(self) -> None:
        self._fill_quantities()
        subject = self._subject()
        if subject is not None and self._period is not None:
            outside = self._period[0] >= subject.last_ms or self._period[1] <= subject.first_ms
            if outside:
                self._last_days(int(self.span.value) or 90)
        self._read()

    def _on_span(self, value: str) -> None:
        if value == "0":
            self._show_dates(True)
            return
        self._last_days(int(value))
        if value == "1":  # one day is a curve; as a carpet it would be one stripe
            self.look_choice.set_value("curve")
        self._read()

    def _last_days(self, days: int) -> None:
        """Whole local days that end with the newest data of the meter."""
        subject = self._subject()
        now = self.formats.now_ms()
        last = now if subject is None else min(now, subject.last_ms - 1)
        zone = self.formats.zone
        edges = days_touched(last - (days - 1) * _DAY_MS, max(last, 1), zone)
        self._take_period(int(edges[0]), int(edges[-1]))

    def _step(self, direction: int) -> None:
        if self._period is None:
            return
        start, end = self._period
        days = round((end - start) / _DAY_MS) or 1
        zone = self.formats.zone
        middle = start + direction * days * _DAY_MS + _DAY_MS // 2
        first = days_touched(middle, middle + 1, zone)[0]
        edges = days_touched(int(first), int(first) + days * _DAY_MS - _DAY_MS // 2, zone)
        self._take_period(int(first), int(edges[-1]))
        self._read()

    def _take_period(self, start_ms: int, end_ms: int) -> None:
        self._period = (start_ms, end_ms)
        days = round((end_ms - start_ms) / _DAY_MS)
        known = {value for value, _ in _PERIODS}
        self.span.set_value(str(days) if str(days) in known and days else "0")
        self.period_text.setText(self.formats.period(start_ms, end_ms))
        self._show_dates(False)
        for edit, at in ((self.first_day, start_ms), (self.last_day, end_ms - 1)):
            local = self.formats.local(at)
            edit.blockSignals(True)
            edit.setDate(QDate(local.year, local.month, local.day))
            edit.blockSignals(False)

    def _show_dates(self, editing: bool) -> None:
        self.period_text.setVisible(not editing)
        self.first_day.setVisible(editing)
        self.last_day.setVisible(editing)

    def _on_dates(self) -> None:
        first, last = sorted(_date_of(e) for e in (self.first_day, self.last_day))
        zone = self.formats.zone
        start = local_midnight_ms(first, zone)
        noon = local_midnight_ms(last, zone) + _DAY_MS // 2
        self._period = (start, int(days_touched(noon, noon + 1, zone)[-1]))
        self._read()

    def _select(self, start_ms: int, end_ms: int) -> None:
        """A drag: this period, here and on every page."""
        self._take_period(int(start_ms), int(end_ms))
        self._read()

    # -------------------------------------------------------- reading

    def _read(self) -> None:
        subject, name = self._subject(), self.quantity.currentData()
        if subject is None or name is None or self._period is None:
            return
        start, end = self._period
        meter_id = subject.meter.meter_id
        self._own_choice = True
        self.navigation.choose(meter_id=meter_id, period_ms=(start, end))
        self._own_choice = False
        self.load(
            partial(self._history.look, meter_id, name, start, end),
            self.show_look,
            panels=(self.picture_panel, self.facts_panel, self.duration_panel, self.totals_panel),
            title="History",
            on_error=self._show_failure,
            key="look",
        )
        if self._compared:
            others = tuple(m for m in self._compared if m != meter_id)
            self.load(
                partial(self._history.compare, others, name, start, end),
                self.show_compared,
                key="compare",
                panel=None,
            )

    def _show_failure(self, error: UserFacingError) -> None:
        self.set_answer(error.what)
        self.picture_panel.show_error(error, retry=self._read)
        for panel in (self.duration_panel, self.totals_panel, self.day_panel):
            panel.show_empty(error.what)
        self.figures.show_figures([Figure("Complete", "–", "", error.what)])

    def show_look(self, look: HistoryLook) -> None:
        """Everything but the chosen day."""
        self._look = look
        label = quantity(look.quantity).label
        scale = self._scale(look)
        self._show_figures(look, scale)
        days = len(look.carpet.day_start_ms)
        slot = self.formats.duration(look.slots.step_s)
        self.picture_panel.set_title(
            f"Every {slot} of {days} {'day' if days == 1 else 'days'}",
            f"{look.subject.meter.name}, {label.lower()}",
        )
        sentence = self._sentence(look)
        self.carpet.show_carpet(
            Carpet(
                look.carpet.day_start_ms,
                look.carpet.values,
                look.carpet.slot_s,
                look.carpet.day_slots,
            ),
            scale=scale,
            description=sentence,
        )
        self._show_curve()
        self._show_gaps(look)
        self._show_duration(look, scale)
        self._show_totals(look)
        for chart in (self.curve, self.duration_chart):
            chart.reset_zoom()  # the range of the subject before says nothing of this one
        self._show_picture()
        self.set_answer(sentence)
        last_whole = max(0, days - 2) if days > 1 else 0
        self.carpet.choose_day(last_whole)
        self._on_day(last_whole)

    def show_compared(self, curves: tuple[Curve, ...]) -> None:
        """Other meters in the same curve."""
        self._curves = curves
        self._show_curve()

    def _scale(self, look: HistoryLook) -> Scale:
        finite = look.slots.values[np.isfinite(look.slots.values)]
        return self.formats.quantity_scale(look.quantity, (float(np.abs(finite).max()),))

    def _sentence(self, look: HistoryLook) -> str:
        facts = look.facts
        if facts.energy_wh is None:
            scale = self._scale(look)
            return f"Between {scale.text(facts.lowest)} and {scale.with_unit(facts.highest)}."
        used = self.formats.energy(facts.energy_wh)
        if not facts.energy_before_wh:
            return f"{used} in this period."
        change = 100 * (facts.energy_wh / facts.energy_before_wh - 1)
        word = "more" if change >= 0 else "less"
        return f"{used}, {self.formats.percent(abs(change))} {word} than in the period before."

    def _show_figures(self, look: HistoryLook, scale: Scale) -> None:
        facts, formats = look.facts, self.formats
        figures = []
        if facts.energy_wh is not None:
            energy = formats.scale("Wh", (facts.energy_wh,))
            note = "by the register" if look.facts.energy_known else "sum of the intervals"
            if facts.energy_before_wh:
                change = 100 * (facts.energy_wh / facts.energy_before_wh - 1)
                note = f"{formats.percent(change, 1, signed=True)} on the period before"
            figures.append(
                Figure(
                    "Energy",
                    energy.text(facts.energy_wh),
                    energy.unit,
                    note,
                    estimated=facts.estimated_wh > 0,
                )
            )
        slot = "quarter hour" if look.slots.step_s == 900 else formats.duration(look.slots.step_s)
        at = facts.highest_at_ms
        when = "" if at is None else f"{formats.day(at)} {formats.clock_time(at)}"
        figures.append(Figure(f"Highest {slot}", scale.text(facts.highest), scale.unit, when))
        if facts.base_load is not None:
            figures.append(
                Figure("Base load", scale.text(facts.base_load), scale.unit, "5th percentile")
            )
        else:
            figures.append(Figure(f"Lowest {slot}", scale.text(facts.lowest), scale.unit, ""))
        if facts.load_factor_pct is not None:
            figures.append(
                Figure("Load factor", formats.number(facts.load_factor_pct), "%", "mean over peak")
            )
        else:
            figures.append(Figure("Mean", scale.text(facts.mean), scale.unit, ""))
        note = "nothing missing"
        if facts.missing_s:
            note = f"{formats.duration(facts.missing_s)} missing"
            note += ", energy known" if facts.energy_known else ""
        # Rounded down: 99.98 % must not read as complete.
        whole = np.floor(facts.completeness_pct * 10) / 10
        figures.append(Figure("Complete", formats.number(float(whole), 1), "%", note))
        self.figures.show_figures(figures)

    def _show_curve(self) -> None:
        look = self._look
        if look is None:
            return
        mine = look.curve
        x = mine.time_ms / 1000
        lines = [Line(mine.meter_name, x, mine.values, "curve1" if self._curves else "text")]
        fans: tuple[Fan, ...] = ()
        if not self._curves and np.nanmax(mine.maximum - mine.minimum) > 0:
            fans = (Fan("least to most", x, mine.minimum, mine.maximum),)
        for number, other in enumerate(self._curves, start=2):
            lines.append(
                Line(other.meter_name, other.time_ms / 1000, other.values, f"curve{number}")
            )
        regions = tuple(
            Region(g.start_ms / 1000, (g.end_ms or look.end_ms) / 1000, "gap", g.cause.value)
            for g in look.gaps
        )
        self.curve.show_data(
            ChartData(
                lines=tuple(lines),
                fans=fans,
                regions=regions,
                x_range=(look.start_ms / 1000, look.end_ms / 1000),
                y_zero=quantity(look.quantity).unit in ("W", "Wh", "A"),
                description=f"{mine.meter_name}: {self._sentence(look)}",
            ),
            scale=self._scale(look),
        )
        self._show_picture()

    def _show_gaps(self, look: HistoryLook) -> None:
        parts = [
            f"{self.formats.moment(g.start_ms)} {g.cause.value}"
            + (
                f" ({self.formats.duration((g.end_ms - g.start_ms) / 1000)})"
                if g.end_ms is not None
                else " (still open)"
            )
            for g in look.gaps[-3:]
        ]
        count = len(look.gaps)
        more = "" if count <= 3 else f" and {count - 3} earlier"
        self.gap_text.setText(f"Gaps: {'; '.join(parts)}{more}." if parts else "")
        self.gap_text.setVisible(bool(parts))

    def _show_picture(self) -> None:
        choice = self.look_choice.value
        self.pictures.setCurrentIndex({"carpet": 0, "curve": 1, "table": 2}[choice])
        self.curve_legend.show_entries(self.curve.legend_entries() if choice == "curve" else ())
        self.curve_legend.setVisible(choice == "curve")
        if choice == "table" and self._look is not None:
            self._fill_table()

    def _fill_table(self) -> None:
        headers, rows = self.carpet.table_rows()
        if self.table is not None:
            self.table_box.removeWidget(self.table)
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
        self.table.chosen.connect(self._on_table_day)
        self.table_box.addWidget(self.table)
        self.table.show_rows(rows, empty="No readings in this period.")

    def _on_table_day(self, row: Row | None) -> None:
        if row is None:
            return
        names = [r[0] for r in self.carpet.table_rows()[1]]
        self.carpet.choose_day(names.index(row[0]))
        self._on_day(names.index(row[0]))

    # -------------------------------------------------------- the day

    def _on_day(self, index: int) -> None:
        look = self._look
        if look is None:
            return
        day = look.carpet.day_start_ms[index]
        self.load(
            partial(self._history.day, look.subject.meter.meter_id, look.quantity, day),
            self.show_day,
            panel=self.day_panel,
            title="The chosen day",
        )

    def show_day(self, day: DayAgainstLike) -> None:
        """The chosen day beside its like weekdays."""
        look = self._look
        name = look.quantity if look is not None else "power_w"
        scale = self._scale(look) if look is not None else self.formats.scale("W")
        weekday = self.formats.local(day.day_start_ms).strftime("%A")
        self.day_panel.set_title(scale.header(self.formats.day(day.day_start_ms)), "")
        x = (day.start_ms + day.step_s * 500) / 1000
        fans: tuple[Fan, ...] = ()
        if np.isfinite(day.low).any():
            fans = (Fan(f"other {weekday}s", x, day.low, day.high),)
        sentence = f"{self.formats.day(day.day_start_ms)}: "
        if day.total_wh is None:
            sentence += f"beside {day.like_days} {weekday}s before it."
        elif day.typical_total_wh:
            sentence += (
                f"{self.formats.energy(day.total_wh)}; {weekday}s use "
                f"{self.formats.energy(day.typical_total_wh)}, 8 of 10 lie in the band."
            )
        else:
            sentence += (
                f"{self.formats.energy(day.total_wh)}; with {day.like_days} {weekday}s before "
                "there is no usual yet."
            )
        self.day_chart.show_data(
            ChartData(
                lines=(Line("day", x, day.values, "text"),),
                fans=fans,
                y_zero=quantity(name).unit in ("W", "Wh", "A"),
                description=sentence,
            ),
            scale=scale,
        )
        self.day_legend.show_entries(self.day_chart.legend_entries())
        self.day_text.setText(sentence)

    # -------------------------------------------------------- duration and totals

    def _show_duration(self, look: HistoryLook, scale: Scale) -> None:
        lines = []
        for name, values, token in (
            ("period before", look.duration_before, "typical"),
            ("this period", look.duration, "grid_import"),
        ):
            if values.size:
                share = 100 * (np.arange(values.size) + 0.5) / values.size
                lines.append(Line(name, share, values, token))
        limits: tuple[Limit, ...] = ()
        base = look.facts.base_load
        sentence = "How much of the time a level was exceeded."
        if base is not None:
            words = f"base load {scale.with_unit(base)}"
            limits = (Limit(base, words, dashed=True),)
            sentence = f"{words}; half of the time above {scale.with_unit(_median(look))}."
        self.duration_panel.set_title("Load duration" if base is not None else "Duration", "")
        self.duration_chart.show_data(
            ChartData(
                lines=tuple(lines),
                limits=limits,
                x_range=(0.0, 100.0),
                y_zero=quantity(look.quantity).unit in ("W", "Wh", "A"),
                tick_texts=((0.0, "0 %"), (25.0, "25 %"), (50.0, "50 %"), (75.0, "75 %")),
                description=sentence,
            ),
            scale=scale,
        )
        self.duration_legend.show_entries(self.duration_chart.legend_entries())

    def _show_totals(self, look: HistoryLook) -> None:
        totals = look.totals
        unit = "Wh" if totals.is_energy else quantity(look.quantity).unit
        finite = [float(v) for v in (*totals.totals, *totals.before) if np.isfinite(v)]
        scale = self.formats.scale(unit, [max((abs(v) for v in finite), default=0.0)])
        what = "Energy" if totals.is_energy else "Mean"
        self.totals_panel.set_title(scale.header(f"{what} per {totals.per}"), "")
        n = totals.totals.size
        x = np.arange(n, dtype=np.float64)
        bars = [Bars("this period", x + 0.5, totals.totals, 0.36, "grid_import")]
        if np.isfinite(totals.before).any():
            bars.insert(0, Bars("period before", x + 0.12, totals.before, 0.36, "typical"))
        every = -(-n // 6)
        ticks = tuple(
            (i + 0.5, self.formats.day(int(totals.edges_ms[i]), weekday=False))
            for i in range(0, n, every)
        )
        top = 1.08 * max((abs(v) for v in finite), default=1.0)
        best = int(np.nanargmax(totals.totals)) if np.isfinite(totals.totals).any() else 0
        self.totals_chart.show_data(
            ChartData(
                bars=tuple(bars),
                x_range=(0.0, float(n)),
                y_range=(min(0.0, *finite, 0.0), top or 1.0),
                tick_texts=ticks,
                y_zero=True,
                description=f"Most in the {totals.per} from "
                f"{self.formats.day(int(totals.edges_ms[best]))}: "
                f"{scale.with_unit(float(totals.totals[best]))}.",
            ),
            scale=scale,
        )
        self.totals_legend.show_entries(self.totals_chart.legend_entries())
        self.sum_text.setText(self._reconciled(look))
        self.sum_text.setVisible(bool(self.sum_text.text()))

    def _reconciled(self, look: HistoryLook) -> str:
        """Sum of intervals = difference of the register, with what is missing or estimated."""
        r = look.facts.reconciliation
        if r is None:
            return ""
        exact = Scale("kWh", 1e3, 3, self.formats.symbols)
        sum_text = f"Sum of intervals {exact.with_unit(r.interval_sum_wh)}"
        if r.register_difference_wh is None:
            lacks = f", {r.missing_intervals} intervals missing" if r.missing_intervals else ""
            return f"{sum_text}{lacks}; imported, so there is no register to hold it against."
        sign = "=" if r.discrepancy_wh == 0 else "≠"
        text = f"{sum_text} {sign} register {exact.with_unit(r.register_difference_wh)}"
        if r.missing_intervals:
            text += f"; {r.missing_intervals} intervals missing"
        if r.estimated_wh:
            text += f"; {exact.with_unit(r.estimated_wh)} of it estimated"
        return text + "."

    # -------------------------------------------------------- compare and export

    def _choose_compared(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        mine = self.meter.currentData()
        name = self.quantity.currentData()
        for one in self._subjects:
            if one.meter.meter_id == mine or name not in one.quantities:
                continue
            action = menu.addAction(one.meter.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(one.meter.meter_id in self._compared)
            action.setEnabled(action.isChecked() or len(self._compared) < _MOST_COMPARED)
            action.toggled.connect(partial(self.compare_with, one.meter.meter_id))
        corner = self.mapToGlobal(self.rect().topRight())
        corner.setX(corner.x() - menu.sizeHint().width())
        menu.popup(corner)

    def compare_with(self, meter_id: str, wanted: bool = True) -> None:
        """Adds another meter to the curve, or takes it away."""
        others = tuple(m for m in self._compared if m != meter_id)
        self._compared = (*others, meter_id)[:_MOST_COMPARED] if wanted else others
        self.look_choice.set_value("curve")
        if not self._compared:
            self._curves = ()
        self._read()
        self._show_curve()

    def export(self) -> None:
        look = self._look
        if look is None:
            return
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        day = self.formats.local(look.start_ms).strftime("%Y-%m-%d")
        proposal = Path(folder) / f"{look.subject.meter.meter_id}-{look.quantity}-{day}.csv"
        dialog = QFileDialog(self, "Export what is seen", str(proposal))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["CSV (*.csv)", "Excel (*.xlsx)", "Parquet (*.parquet)"])
        dialog.selectFile(proposal.name)
        dialog.fileSelected.connect(lambda chosen: self.export_to(Path(chosen)))
        dialog.open()

    def export_to(self, out: Path) -> None:
        """Writes what is seen: readings of a day or less, quarter hours of more."""
        look = self._look
        if look is None:
            return
        name, register = look.quantity, look.quantity
        if look.subject.imported and name == "power_w":
            register = next(q for q in look.subject.quantities if q != "power_w")
        short = look.end_ms - look.start_ms <= 25 * 3_600_000
        resolution = Resolution.RAW if short or look.subject.imported else Resolution.QUARTER
        self.load(
            partial(
                self._exporting.export,
                look.subject.meter.meter_id,
                register,
                look.start_ms,
                look.end_ms,
                resolution,
                out,
            ),
            self.show_exported,
            key="export",
            title=f"Export to {out.name}",
            on_error=lambda error: self._say(error.what, f"{error.where} {error.remedy}", 2),
        )

    def show_exported(self, made: ExportedFile) -> None:
        self._say(
            f"Exported {self.formats.count(made.rows)} rows.",
            " ".join((f"{made.path}: {', '.join(made.columns)}.", *made.notes)),
            0,
        )

    def _say(self, what: str, where: str, tone: int) -> None:
        while (item := self.notice_box.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        notice = InlineNotice(what, where, tone=tone, buttons=[("Close", lambda: notice.hide())])
        self.notice_box.addWidget(notice)


def _date_of(edit: QDateEdit) -> date:
    chosen = edit.date()
    return date(chosen.year(), chosen.month(), chosen.day())


def _median(look: HistoryLook) -> float:
    return float(np.median(look.duration))

"""What is this circuit doing this second? Tree with values, up to six curves, one row per curve.

Curves come from the rings when the feed says that something is new, and are drawn only while the
page is shown. What a window needs from before the rings began is read from the store in a job.
A gap is never joined; a meter that fell silent keeps its curve up to its last answer, then a hatch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.services.live import LiveMeter, LiveRow, LiveService, LiveSpace, SilentMeter
from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Floats, Limit, Line, Moment, Region
from energy_desktop.ui.widgets.decimate import break_at_gaps
from energy_desktop.ui.widgets.marks import Figure, FigureRow, StateChip
from energy_desktop.ui.widgets.paint import Band, Chip
from energy_desktop.ui.widgets.panel import ElidedLabel, InlineNotice, Panel
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import ROW_ROLE, Cell, Column, Table

MOST_CURVES = 6
_KINDS = (
    ("power", "Power"),
    ("voltage", "Voltage"),
    ("current", "Current"),
    ("factor", "cos φ"),
    ("frequency", "Frequency"),
    ("thd", "THD"),
)
_TITLES = {
    "power": ("Active power", "power_w"),
    "voltage": ("Voltage", "voltage_v"),
    "current": ("Current", "current_a"),
    "factor": ("Power factor", "power_factor"),
    "frequency": ("Frequency", "frequency_hz"),
    "thd": ("Voltage THD", "thd_voltage_pct"),
}
_PHASES = (("", "Total"), ("l1", "L1"), ("l2", "L2"), ("l3", "L3"))
_WINDOWS = ((60, "1 min"), (300, "5 min"), (900, "15 min"), (3600, "1 h"))
_TREE_WIDTH = 236
_GAP_PERIODS = 3.0
_LEAST_GAP_S = 3.0


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One line of the table under the chart; values in the stored unit, NaN unknown."""

    meter_id: str
    name: str
    token: str
    at_cursor: float
    now: float
    low: float
    high: float
    mean: float
    quality: str
    trouble: bool
    limits: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A row of the tree as it is painted: equal rows are not painted again."""

    key: str
    name: str
    depth: int
    is_space: bool
    text: str
    state: str
    token: str


class LiveView(BaseView):
    """Ticked meters keep their colour for as long as they are shown."""

    view_id = "live"
    title = "Live"

    def __init__(
        self, context: ViewContext, live: LiveService, feed: LiveFeed | None = None
    ) -> None:
        super().__init__(context)
        self._live = live
        self._feed = feed
        self._curves: dict[str, str] = {}  # meter_id -> token
        self._older: dict[tuple[str, str], tuple[Floats, Floats]] = {}
        self._older_asked: set[tuple[str, str, int]] = set()
        self._paused_at_s: float | None = None
        self._paused_version = 0
        self._frozen: dict[str, tuple[Floats, Floats]] = {}
        self._silent_id = ""
        self._focus_meter = ""
        self.pause_action = self.add_page_action("Pause", "pause", self.toggle_pause)
        self._build_tree()
        self._build_chart()

    # -------------------------------------------------------- building

    def _build_tree(self) -> None:
        self.tree_panel = Panel("Meters")
        self._unit = paint.label("kW", "label")
        self.tree_panel.add_header_widget(self._unit)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter")
        self.filter.setAccessibleName("Filter meters")
        self.filter.textChanged.connect(lambda _: self._show_tree())
        self.tree_panel.set_content(self.filter)
        self.tree: Table[TreeRow] = Table(
            [
                Column("Meter", self._tree_cell, stretch=1),
                Column("Now", self._tree_value, width=64, number=True),
            ],
            key=lambda row: row.key,
            row_height=24,
            name="Meters with live values",
        )
        self.tree.horizontalHeader().hide()
        self.tree.clicked.connect(lambda index: self._toggle(index.data(ROW_ROLE)))
        self.tree.installEventFilter(self)
        self.tree_panel.set_content(self.tree)
        self.tree_panel.set_content(
            paint.label(f"Tick up to {MOST_CURVES}. Space pauses.", "caption")
        )
        self.tree_panel.setFixedWidth(_TREE_WIDTH)

    def _build_chart(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        self.kinds = Segmented(_KINDS, name="Quantity")
        self.phases = Segmented(_PHASES, name="Phase")
        self.windows = Segmented([(str(s), t) for s, t in _WINDOWS], name="Window")
        self.windows.set_value("900")
        self.kinds.changed.connect(lambda _: self._rearrange())
        self.phases.changed.connect(lambda _: self._rearrange())
        self.windows.changed.connect(lambda _: self._rearrange())
        bar.addWidget(self.kinds)
        bar.addWidget(self.phases)
        bar.addStretch(1)
        bar.addWidget(self.windows)
        self.notice_box = QVBoxLayout()
        self.notice_box.setSpacing(8)
        self.silent_panel = Panel("Last known values", "not live")
        self._stale_chip = StateChip()
        self.silent_panel.add_header_widget(self._stale_chip)
        self._last_values = FigureRow()
        self.silent_panel.set_content(self._last_values)
        self._checks = paint.label("", "label", wrap=True)
        self.silent_panel.set_content(self._checks)
        self.silent_panel.hide()
        self._notice: InlineNotice | None = None
        self.chart_panel = Panel("Active power, kW")
        self._pause_chip = StateChip()
        self._age = ElidedLabel("", "label")
        self.chart_panel.add_header_widget(self._pause_chip)
        self.chart_panel.add_header_widget(self._age)
        self.chart = Chart(self.formats, self.formats.scale("W"), name="Live curves", readout=False)
        self.chart.cursor_moved.connect(lambda _: self._show_rows())
        self.chart.installEventFilter(self)
        self.chart_panel.body.addWidget(self.chart, 1)
        self.table: Table[CurveRow] = Table(
            [
                Column("Curve", lambda r: Cell(r.name, swatch=r.token), stretch=2),
                Column("At cursor", lambda r: self._number(r.at_cursor), width=78, number=True),
                Column("Now", self._now_cell, width=72, number=True),
                Column("Min", lambda r: self._number(r.low), width=72, number=True),
                Column("Max", lambda r: self._number(r.high), width=72, number=True),
                Column("Mean", lambda r: self._number(r.mean), width=72, number=True),
                Column("Limits", self._limit_cell, width=90),
                Column("Quality", self._quality_cell, stretch=3),
            ],
            key=lambda row: row.meter_id,
            row_height=25,
            name="Values of the curves",
        )
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.chosen.connect(self._on_chosen_curve)
        self.table.installEventFilter(self)
        self.chart_panel.set_content(self.table)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(bar)
        right.addLayout(self.notice_box)
        right.addWidget(self.silent_panel)
        right.addWidget(self.chart_panel, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.tree_panel)
        row.addLayout(right, 1)
        self.body.addLayout(row, 1)

    # -------------------------------------------------------- life

    def on_first_shown(self) -> None:
        self._follow(self.navigation.subject)
        if not self._curves:
            self._choose_first()

    def on_shown(self) -> None:
        if self._feed is not None:
            self._feed.flushed.connect(self.refresh)
            self._feed.heartbeat.connect(self._heartbeat)
        self.chart.setFocus()
        self._rearrange()

    def on_hidden(self) -> None:
        if self._feed is not None:
            self._feed.flushed.disconnect(self.refresh)
            self._feed.heartbeat.disconnect(self._heartbeat)

    def reload(self) -> None:
        """F5: reads what is older from the store again."""
        self._older.clear()
        self._older_asked.clear()
        self._rearrange()

    def on_subject_changed(self, subject: Subject) -> None:
        self._follow(subject)
        self._rearrange()

    def focus_filter(self) -> None:
        self.filter.setFocus()
        self.filter.selectAll()

    def _follow(self, subject: Subject) -> None:
        """Draws the meter that was asked for elsewhere; a group comes as several ids."""
        wanted = [i for i in subject.item_id.split(",") if self._live_meter(i)]
        if subject.meter_id not in wanted:
            wanted = [subject.meter_id] if self._live_meter(subject.meter_id) else []
        if wanted and not all(i in self._curves for i in wanted):
            self._curves = {}
            for meter_id in wanted[:MOST_CURVES]:
                self._add(meter_id)
        if wanted:
            self._focus_meter = wanted[0]

    def _live_meter(self, meter_id: str) -> bool:
        return bool(meter_id) and self._live.configuration().meter(meter_id) is not None

    def _choose_first(self) -> None:
        """Nobody asked for anything: the supply, then the first loads."""
        meters = [m for m in self._live.configuration().meters if m.driver_id and m.enabled]
        order = sorted(meters, key=lambda m: m.role.value not in ("grid", "solar", "battery"))
        for meter in order[:4]:
            self._add(meter.meter_id)

    def _add(self, meter_id: str) -> None:
        taken = set(self._curves.values())
        free = [f"curve{i}" for i in range(1, MOST_CURVES + 1) if f"curve{i}" not in taken]
        if free and meter_id not in self._curves:
            self._curves[meter_id] = free[0]

    # -------------------------------------------------------- state

    @property
    def kind(self) -> str:
        return self.kinds.value

    @property
    def window_s(self) -> int:
        return int(self.windows.value)

    @property
    def drawn(self) -> tuple[str, ...]:
        """Meters with a curve, in the order in which they were ticked."""
        return tuple(self._curves)

    @property
    def paused(self) -> bool:
        return self._paused_at_s is not None

    def toggle_pause(self) -> None:
        """Space: the picture holds still; reading goes on."""
        if self._paused_at_s is None:
            self._paused_at_s = self._live.now_s()
            self._paused_version = self._live.version()
            self._frozen = {i: self._curve(i) for i in self._curves}
        else:
            self._paused_at_s = None
            self._frozen = {}
        self.pause_action.setText("Go on" if self.paused else "Pause")
        self._rearrange()

    def toggle_meter(self, meter_id: str) -> None:
        """Ticks or unticks a meter; the seventh is refused and said so."""
        if meter_id in self._curves:
            del self._curves[meter_id]
            self._frozen.pop(meter_id, None)
        elif len(self._curves) >= MOST_CURVES:
            self.set_answer(f"{MOST_CURVES} curves are shown; untick one first.")
            return
        else:
            self._add(meter_id)
            self._focus_meter = meter_id
        self.navigation.choose(meter_id=meter_id)
        self._rearrange()

    def set_window(self, seconds: int) -> None:
        self.windows.set_value(str(seconds))
        self._rearrange()

    def _step_window(self, step: int) -> None:
        values = [s for s, _ in _WINDOWS]
        place = min(len(values) - 1, max(0, values.index(self.window_s) + step))
        self.set_window(values[place])

    def _toggle(self, row: TreeRow | None) -> None:
        if row is not None and not row.is_space:
            self.toggle_meter(row.key)

    def _on_chosen_curve(self, row: CurveRow | None) -> None:
        if row is not None and row.meter_id != self._focus_meter:
            self._focus_meter = row.meter_id
            self._show_silent()

    # -------------------------------------------------------- drawing

    def _rearrange(self) -> None:
        """Another quantity, window or set of curves: all anew."""
        caption, _ = _TITLES[self.kind]
        self._scale = self._pick_scale()
        phase = dict(_PHASES)[self.phases.value]
        named = caption if not self.phases.value else f"{caption} {phase}"
        self.chart_panel.set_title(self._scale.header(named))
        self._unit.setText(self._scale.unit)
        self.table.setColumnHidden(6, self.kind != "voltage")
        self.table.setFixedHeight(self.table.content_height(max(1, len(self._curves))))
        self.chart.reset_zoom()
        self._ask_older()
        self._show_silent()
        self._show_answer()
        self.refresh()

    def _pick_scale(self) -> Scale:
        """One unit for the whole page, kept until the quantity changes."""
        return self.formats.quantity_scale(_TITLES[self.kind][1])

    def refresh(self) -> None:
        """Values, curves and rows; at most ten times a second and only while shown."""
        if not self.is_shown:
            return
        self._show_tree()
        if self.paused:
            self._show_pause()
            return
        self._pause_chip.show_chip(None)
        self._show_chart()
        self._show_rows()

    def _heartbeat(self) -> None:
        """Ages move even when nothing is read any more."""
        self._show_silent()
        self._show_answer()
        self.refresh()

    def _end_s(self) -> float:
        return self._live.now_s() if self._paused_at_s is None else self._paused_at_s

    def _quantity(self, meter_id: str) -> str:
        return self._live.quantity(meter_id, self.kind, self.phases.value)

    def _curve(self, meter_id: str) -> tuple[Floats, Floats]:
        """Older readings from the store, then the rings; NaN where a gap is."""
        quantity = self._quantity(meter_id)
        if not quantity:
            return np.empty(0), np.empty(0)
        x, y = self._live.curve(meter_id, quantity, self.window_s)
        older = self._older.get((meter_id, quantity))
        if older is not None and older[0].size:
            until = x[0] if x.size else math.inf
            before = (older[0] < until) & (older[0] >= self._end_s() - self.window_s)
            x = np.concatenate((older[0][before], x))
            y = np.concatenate((older[1][before], y))
        meter = self._live.configuration().meter(meter_id)
        period = 1.0 if meter is None else meter.poll_interval_s
        return break_at_gaps(x, y, max(_LEAST_GAP_S, _GAP_PERIODS * period))

    def _shown_curve(self, meter_id: str) -> tuple[Floats, Floats]:
        return self._frozen[meter_id] if meter_id in self._frozen else self._curve(meter_id)

    def _ask_older(self) -> None:
        """Asks the store once for what the rings cannot give of the window."""
        start_ms = round((self._end_s() - self.window_s) * 1000)
        wanted: list[tuple[str, str, int]] = []
        for meter_id in self._curves:
            quantity = self._quantity(meter_id)
            key = (meter_id, quantity, self.window_s)
            if not quantity or key in self._older_asked:
                continue
            x, _ = self._live.curve(meter_id, quantity, self.window_s)
            begin_ms = round(x[0] * 1000) if x.size else round(self._end_s() * 1000)
            if begin_ms - start_ms < 5_000:
                continue
            self._older_asked.add(key)
            wanted.append((meter_id, quantity, begin_ms))
        if not wanted:
            return

        def read() -> dict[tuple[str, str], tuple[Floats, Floats]]:
            return {(m, q): self._live.older(m, q, start_ms, end) for m, q, end in wanted}

        self.load(read, self._take_older, key="older", on_error=self._older_failed, title="Live")

    def _take_older(self, read: dict[tuple[str, str], tuple[Floats, Floats]]) -> None:
        self._older.update(read)
        if self.paused:
            self._frozen = {i: self._curve(i) for i in self._curves}
        if self.is_shown:
            self._show_chart()
            self._show_rows()

    def _older_failed(self, error: UserFacingError) -> None:
        self.chart_panel.set_subtitle(f"older readings were not read: {error.what}")

    def _show_chart(self) -> None:
        end_s = self._end_s()
        start_s = end_s - self.window_s
        lines, regions = [], []
        limits: tuple[Limit, ...] = ()
        for meter_id, token in self._curves.items():
            x, y = self._shown_curve(meter_id)
            meter = self._live.configuration().meter(meter_id)
            name = meter_id if meter is None else meter.name
            lines.append(Line(name, x, y, token))
            row = self._live.row(meter_id, self.kind, self.phases.value)
            if row is not None and row.state == "lost":
                last_s = float(x[-1]) if x.size else start_s
                regions.append(Region(max(start_s, last_s), end_s, "gap", f"{name}: no answer"))
            if self.kind == "voltage" and not limits:
                bounds = self._live.voltage_limits(self._quantity(meter_id))
                if bounds is not None:
                    limits = self._limit_lines(bounds, lines)
        data = ChartData(
            lines=tuple(lines),
            regions=tuple(regions),
            limits=limits,
            moments=(Moment(end_s, "paused"),) if self.paused else (),
            x_range=(start_s, end_s),
            y_zero=self.kind in ("power", "current", "thd"),
            description=self._description(lines),
        )
        if not self._curves:
            self.chart.show_message(f"Tick up to {MOST_CURVES} meters at the left.")
        elif data.is_empty:
            self.chart.show_message("No readings of this quantity in this window.")
        else:
            self.chart.show_data(data, scale=self._scale)

    @staticmethod
    def _limit_lines(bounds: tuple[float, float], lines: list[Line]) -> tuple[Limit, ...]:
        """A limit is drawn when the curve comes within 4 % of it: else it would flatten all."""
        values = np.concatenate([line.y for line in lines]) if lines else np.empty(0)
        values = values[np.isfinite(values)]
        if not values.size:
            return ()
        low, high = bounds
        drawn = []
        if values.max() > 0.96 * high:
            drawn.append(Limit(high, "+10 %"))
        if values.min() < 1.04 * low:
            drawn.append(Limit(low, "−10 %", below=True))
        return tuple(drawn)

    def _description(self, lines: list[Line]) -> str:
        parts = []
        for line in lines:
            known = line.y[np.isfinite(line.y)]
            last = float(known[-1]) if known.size else math.nan
            parts.append(f"{line.name} {self._scale.with_unit(last)}")
        return ", ".join(parts) + "." if parts else "No curve."

    def _show_rows(self) -> None:
        cursor = self.chart.cursor_x
        rows = []
        for meter_id, token in self._curves.items():
            row = self._live.row(meter_id, self.kind, self.phases.value)
            if row is None:
                continue
            x, y = self._shown_curve(meter_id)
            inside = np.isfinite(y) & (x >= self._end_s() - self.window_s)
            known = y[inside]
            quality, trouble = self._quality(row, x, y)
            rows.append(
                CurveRow(
                    meter_id,
                    row.meter.name,
                    token,
                    _value_at(x, y, cursor),
                    row.value,
                    float(known.min()) if known.size else math.nan,
                    float(known.max()) if known.size else math.nan,
                    float(known.mean()) if known.size else math.nan,
                    quality,
                    trouble,
                    self._live.voltage_limits(row.quantity),
                )
            )
        self.table.show_rows(_comparable(rows), empty="No curve is ticked.")
        ages = [
            r.age_ms
            for i in self._curves
            if (r := self._live.row(i, self.kind)) is not None and r.age_ms is not None
        ]
        if ages:
            seconds = self.formats.number(min(ages) / 1000, 1)
            self._age.set_text(f"Readings {seconds} s old")

    def _quality(self, row: LiveMeter, x: Floats, y: Floats) -> tuple[str, bool]:
        """State of a curve in words; trouble: with the mark of a lost meter."""
        f = self.formats
        if row.state == "off":
            return "not polled", False
        if row.state == "lost":
            known = np.flatnonzero(np.isfinite(y))
            last = ""
            if known.size:
                moment = f.clock_time(round(float(x[known[-1]]) * 1000), seconds=True)
                last = f", last {self._scale.with_unit(float(y[known[-1]]))} at {moment}"
            age = "" if row.age_ms is None else f" {f.exact_duration(row.age_ms / 1000)}"
            return f"lost{age}{last}", True
        if row.state == "waiting":
            return "waiting for the first answer", False
        if not row.quantity:
            return "the meter does not measure this", False
        if row.state == "late" and row.age_ms is not None:
            return f"{f.duration(row.age_ms / 1000)} late", False
        gaps = int((np.diff(np.isnan(y).astype(np.int8)) == 1).sum())
        words = f"{gaps} {'gap' if gaps == 1 else 'gaps'}" if gaps else "good"
        return (f"{words}, simulated" if row.simulated else words), False

    def _show_tree(self) -> None:
        wanted = self.filter.text().strip().lower()
        rows = []
        pending: list[LiveSpace] = []
        for row in self._live.rows(self.kind, self.phases.value):
            if isinstance(row, LiveSpace):
                pending = [s for s in pending if s.depth < row.depth] + [row]
                if not wanted:
                    rows.append(self._space_row(row))
            elif not wanted or self._matches(row, wanted):
                if wanted:
                    for space in pending:
                        rows.append(self._space_row(space))
                    pending = []
                rows.append(self._meter_row(row))
        self.tree.show_rows(rows, empty="No meter of this name." if wanted else "No meters yet.")

    @staticmethod
    def _matches(row: LiveRow, wanted: str) -> bool:
        if isinstance(row, LiveSpace):
            return False
        whole = f"{row.meter.name} {row.meter.meter_id} {row.meter.equipment}".lower()
        return all(word in whole for word in wanted.split())

    @staticmethod
    def _space_row(space: LiveSpace) -> TreeRow:
        return TreeRow(f"space:{space.space_id}", space.name, space.depth, True, "", "", "")

    def _meter_row(self, row: LiveMeter) -> TreeRow:
        text = {"lost": "lost", "off": "off", "waiting": "–"}.get(
            row.state, self._scale.text(row.value)
        )
        token = self._curves.get(row.meter.meter_id, "")
        return TreeRow(row.meter.meter_id, row.meter.name, row.depth, False, text, row.state, token)

    def _show_pause(self) -> None:
        new = self._live.version() - self._paused_version
        words = f"paused, {self.formats.count(new)} new"
        self._pause_chip.show_chip(Chip(words, tone=3))
        self._show_answer()

    def _show_answer(self) -> None:
        rows = [self._live.row(i, self.kind) for i in self._curves]
        lost = sum(r is not None and r.state == "lost" for r in rows)
        curves = f"{len(rows)} {'curve' if len(rows) == 1 else 'curves'}"
        missing = f", {lost} {'meter' if lost == 1 else 'meters'} lost" if lost else ", all answer"
        self.set_answer(f"{curves}{missing}." if rows else "No curve is ticked.")

    # -------------------------------------------------------- a silent meter

    def _show_silent(self) -> None:
        """The meter that was chosen, else the first drawn one that does not answer."""
        order = [self._focus_meter, *self._curves]
        found = next((s for i in order if i in self._curves and (s := self._live.silent(i))), None)
        if found is None:
            self._drop_notice()
            self.silent_panel.hide()
            return
        self.show_silent(found)

    def show_silent(self, silent: SilentMeter) -> None:
        """Last error, remedy, since when, next try, last values greyed, what to check."""
        f = self.formats
        now_ms = f.now_ms()
        since = silent.since_ms if silent.since_ms is not None else silent.last_ms
        how_long = "" if since is None else f" for {f.exact_duration((now_ms - since) / 1000)}"
        what = f"{silent.meter.name}: no answer{how_long}"
        told = [silent.error, silent.remedy, silent.neighbours]
        if silent.next_try_ms is not None and silent.next_try_ms > now_ms:
            told.append(f"Next try at {f.clock_time(silent.next_try_ms, seconds=True)}.")
        where = " ".join(part for part in told if part)
        if self._notice is None or self._silent_id != silent.meter.meter_id:
            self._drop_notice()
            meter_id = silent.meter.meter_id
            self._notice = InlineNotice(
                what,
                where,
                tone=2,
                icon="lan-disconnect",
                buttons=[
                    ("Try now", lambda: self._try_now(meter_id)),
                    ("Open in Meters", lambda: self.navigation.go("meters", meter_id=meter_id)),
                ],
            )
            self.notice_box.addWidget(self._notice)
            self._silent_id = meter_id
        else:
            self._notice.set_text(what, where)
        read_at = f.moment(silent.last_ms)
        figures = []
        for name, value in silent.last:
            scale = f.quantity_scale(name, (value,))
            figures.append(
                Figure(_short(name), scale.text(value), scale.unit, f"from {read_at}", stale=True)
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
        self.silent_panel.show()

    def _drop_notice(self) -> None:
        if self._notice is not None:
            self.notice_box.removeWidget(self._notice)
            self._notice.deleteLater()
            self._notice = None
        self._silent_id = ""

    def _try_now(self, meter_id: str) -> None:
        self.load(
            lambda: self._live.try_now(meter_id),
            lambda _: self.set_answer("Asked again; the state follows within seconds."),
            key="try",
            on_error=lambda e: self.set_answer(f"{e.what} {e.remedy}"),
        )

    # -------------------------------------------------------- cells

    @staticmethod
    def _tree_cell(row: TreeRow) -> Cell:
        indent = 10 * row.depth
        if row.is_space:
            return Cell(row.name, bold=True, indent=indent)
        if row.state == "lost":
            return Cell(row.name, icon="lan-disconnect", icon_token="p2", indent=indent)
        ticked = "shown" if row.token else "not shown"
        return Cell(row.name, swatch=row.token, indent=indent, spoken=f"{row.name}, {ticked}")

    @staticmethod
    def _tree_value(row: TreeRow) -> Cell:
        lost = row.state == "lost"
        known = row.state in ("good", "late")
        return Cell(row.text, bold=lost, token="text" if lost or known else "text3")

    def _number(self, value: float) -> str:
        return self._scale.text(value)

    def _now_cell(self, row: CurveRow) -> Cell:
        return Cell(self._scale.text(row.now), bold=True)

    def _limit_cell(self, row: CurveRow) -> Cell:
        if row.limits is None:
            return Cell("")
        low, high = row.limits
        value = row.now if math.isfinite(row.now) else None
        middle = (low + high) / 2
        words = f"{self._scale.text(low)} to {self._scale.text(high)} allowed"
        return Cell(
            band=Band(value, low, high, low - 0.04 * middle, high + 0.04 * middle), spoken=words
        )

    @staticmethod
    def _quality_cell(row: CurveRow) -> Cell:
        if row.trouble:
            return Cell(row.quality, icon="lan-disconnect", icon_token="p2", bold=True)
        return Cell(row.quality, token="text2")

    # -------------------------------------------------------- keyboard

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The page's own keys work wherever the keyboard is but in the filter."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if watched is self.tree and enter:
                self._toggle(self.tree.chosen_row())
                return True
            if self._page_key(event, in_chart=watched is self.chart):
                return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._page_key(event, in_chart=False):
            super().keyPressEvent(event)

    def _page_key(self, event: QKeyEvent, *, in_chart: bool) -> bool:
        key = Qt.Key(event.key())
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        if key == Qt.Key.Key_Space:
            self.toggle_pause()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._step_window(-1)
        elif key == Qt.Key.Key_Minus:
            self._step_window(1)
        elif key == Qt.Key.Key_C:
            QGuiApplication.clipboard().setText(self.as_text())
            self.set_answer("The values of the curves were copied.")
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and not in_chart:
            self.chart.keyPressEvent(event)
        else:
            return False
        return True

    def as_text(self) -> str:
        """The rows under the chart with headers, and where the cursor is."""
        cursor = self.chart.cursor_x
        title = self._scale.header(_TITLES[self.kind][0])
        where = "" if cursor is None else f", cursor at {self.chart.x_text(cursor)}"
        self.table.clearSelection()
        return f"{title}{where}\n{self.table.as_text()}"


def _value_at(x: Floats, y: Floats, at: float | None) -> float:
    """The reading nearest to `at`, NaN in a gap."""
    if at is None or not x.size:
        return math.nan
    place = int(np.searchsorted(x, at))
    around = [i for i in (place - 1, place) if 0 <= i < x.size]
    best = min(around, key=lambda i: abs(float(x[i]) - at))
    return float(y[best])


def _comparable(rows: list[CurveRow]) -> list[CurveRow]:
    """One NaN object for all: a NaN equals itself only by identity, in a frozen value too."""
    from dataclasses import replace

    def same(value: float) -> float:
        return math.nan if math.isnan(value) else value

    return [
        replace(
            r,
            at_cursor=same(r.at_cursor),
            now=same(r.now),
            low=same(r.low),
            high=same(r.high),
            mean=same(r.mean),
        )
        for r in rows
    ]


def _short(quantity: str) -> str:
    from energy_desktop.domain.quantities import quantity as row_of

    return row_of(quantity).label

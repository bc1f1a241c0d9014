"""What is this circuit doing this second? Tree with values, up to six curves, one row per curve.

Curves come from the rings when the feed says that something is new, and are drawn only while the
page is shown. What a window needs from before the rings began is read from the store in a job.
A gap is never joined; a meter that fell silent keeps its curve up to its last answer, then a hatch.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.services.live import LiveService
from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.live.curve_table import CurveRow, CurveTable
from energy_desktop.ui.views.live.drawing import description, limit_lines, silence
from energy_desktop.ui.views.live.silent import SilentPart
from energy_desktop.ui.views.live.source import CurveSource, OlderKey, Window
from energy_desktop.ui.views.live.tree import MeterTree
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Floats, Limit, Line, Moment
from energy_desktop.ui.widgets.marks import StateChip
from energy_desktop.ui.widgets.paint import Chip
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel
from energy_desktop.ui.widgets.segmented import Segmented

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
        self._source = CurveSource(live)
        self._paused_at_s: float | None = None
        self._paused_version = 0
        self._focus_meter = ""
        self.pause_action = self.add_page_action("Pause", "pause", self.toggle_pause)
        self.meters = MeterTree(MOST_CURVES)
        self.meters.toggled.connect(self.toggle_meter)
        self.meters.table.installEventFilter(self)
        self.silent = SilentPart(self.formats)
        self.silent.try_wanted.connect(self.try_now)
        self.silent.desk_wanted.connect(lambda i: self.navigation.go("meters", meter_id=i))
        self._build_chart()

    # -------------------------------------------------------- building

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
        self.chart_panel = Panel("Active power, kW")
        self._pause_chip = StateChip()
        self._age = ElidedLabel("", "label")
        self.chart_panel.add_header_widget(self._pause_chip)
        self.chart_panel.add_header_widget(self._age)
        self.chart = Chart(self.formats, self.formats.scale("W"), name="Live curves", readout=False)
        self.chart.cursor_moved.connect(lambda _: self._show_rows())
        self.chart.installEventFilter(self)
        self.chart_panel.body.addWidget(self.chart, 1)
        self.table = CurveTable(self.formats)
        self.table.chosen.connect(self._on_chosen_curve)
        self.table.installEventFilter(self)
        self.chart_panel.set_content(self.table)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(bar)
        right.addWidget(self.silent)
        right.addWidget(self.chart_panel, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.meters)
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
        self._source.forget()
        self._rearrange()

    def on_subject_changed(self, subject: Subject) -> None:
        self._follow(subject)
        self._rearrange()

    def focus_filter(self) -> None:
        self.meters.focus_filter()

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
            self._source.freeze(self._curves, self._window)
        else:
            self._paused_at_s = None
            self._source.thaw()
        self.pause_action.setText("Go on" if self.paused else "Pause")
        self._rearrange()

    def toggle_meter(self, meter_id: str) -> None:
        """Ticks or unticks a meter; the seventh is refused and said so."""
        if meter_id in self._curves:
            del self._curves[meter_id]
            self._source.drop(meter_id)
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
        self.table.set_scale(self._scale, limits=self.kind == "voltage")
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

    @property
    def _window(self) -> Window:
        end_s = self._live.now_s() if self._paused_at_s is None else self._paused_at_s
        return Window(self.kind, self.phases.value, self.window_s, end_s)

    def _ask_older(self) -> None:
        """Asks the store once for what the rings cannot give of the window."""
        wanted = self._source.missing(self._curves, self._window)
        if wanted:
            self.load(
                partial(self._source.read, wanted),
                self._take_older,
                key="older",
                on_error=self._older_failed,
                title="Live",
            )

    def _take_older(self, read: dict[OlderKey, tuple[Floats, Floats]]) -> None:
        self._source.take(read)
        if self.paused:
            self._source.freeze(self._curves, self._window)
        if self.is_shown:
            self._show_chart()
            self._show_rows()

    def _older_failed(self, error: UserFacingError) -> None:
        self.chart_panel.set_subtitle(f"older readings were not read: {error.what}")

    def _show_chart(self) -> None:
        window = self._window
        lines, regions = [], []
        limits: tuple[Limit, ...] = ()
        for meter_id, token in self._curves.items():
            x, y = self._source.curve(meter_id, window)
            meter = self._live.configuration().meter(meter_id)
            lines.append(Line(meter_id if meter is None else meter.name, x, y, token))
            row = self._live.row(meter_id, self.kind, self.phases.value)
            if row is not None and row.state == "lost":
                regions.append(silence(lines[-1], window.start_s, window.end_s))
            if self.kind == "voltage" and not limits:
                bounds = self._live.voltage_limits(self._source.quantity(meter_id, window))
                if bounds is not None:
                    limits = limit_lines(bounds, lines)
        data = ChartData(
            lines=tuple(lines),
            regions=tuple(regions),
            limits=limits,
            moments=(Moment(window.end_s, "paused"),) if self.paused else (),
            x_range=(window.start_s, window.end_s),
            y_zero=self.kind in ("power", "current", "thd"),
            description=description(lines, self._scale),
        )
        if not self._curves:
            any_meter = bool(self._live.configuration().meters)
            self.chart.show_message(
                f"Tick up to {MOST_CURVES} meters at the left."
                if any_meter
                else "The curves of the first meter are drawn here as soon as it answers."
            )
        elif data.is_empty:
            self.chart.show_message("No readings of this quantity in this window.")
        else:
            self.chart.show_data(data, scale=self._scale)

    def _show_rows(self) -> None:
        cursor, window = self.chart.cursor_x, self._window
        rows = []
        for meter_id, token in self._curves.items():
            meter = self._live.row(meter_id, self.kind, self.phases.value)
            if meter is not None:
                points = self._source.curve(meter_id, window)
                limits = self._live.voltage_limits(meter.quantity)
                row = self.table.row(meter, token, points, window.start_s, cursor, limits)
                rows.append(row)
        self.table.show_curves(rows)
        ages = [
            r.age_ms
            for i in self._curves
            if (r := self._live.row(i, self.kind)) is not None and r.age_ms is not None
        ]
        if ages:
            seconds = self.formats.number(min(ages) / 1000, 1)
            self._age.set_text(f"Readings {seconds} s old")

    def _show_tree(self) -> None:
        rows = self._live.rows(self.kind, self.phases.value)
        self.meters.show_rows(rows, self._scale, self._curves)

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
            self.silent.clear()
        else:
            self.silent.show_silent(found)

    def try_now(self, meter_id: str) -> None:
        self.load(
            lambda: self._live.try_now(meter_id),
            lambda _: self.set_answer("Asked again; the state follows within seconds."),
            key="try",
            on_error=lambda e: self.set_answer(f"{e.what} {e.remedy}"),
        )

    # -------------------------------------------------------- keyboard

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The page's own keys work wherever the keyboard is but in the filter."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if watched is self.meters.table and enter:
                self.meters.toggle_chosen()
                return True
            if self._page_key(event, in_chart=watched is self.chart):
                return True
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.meters.fit(event.size().width())

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

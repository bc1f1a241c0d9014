"""The chart of the chosen register with the two sums that hold it together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

from energy_desktop.domain.clock import from_ms, local_midnight_ms
from energy_desktop.domain.editing import EditPreview
from energy_desktop.services.data_quality import QualityLook, SumCheck
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.quality import picture, words
from energy_desktop.ui.views.quality.picture import Window
from energy_desktop.ui.views.quality.words import Doubt
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel
from energy_desktop.ui.widgets.segmented import Segmented

SPAN, ALL = "span", "all"


class PicturePanel(Panel):
    """`span_selected` tells (start_ms, end_ms) on the grid of the intervals; `register_chosen` the
    register that is to be seen."""

    span_selected = Signal(object, object)
    register_chosen = Signal(str)

    def __init__(self, formats: Formats) -> None:
        super().__init__("Energy")
        self._formats = formats
        self._look: QualityLook | None = None
        self._doubts: Sequence[Doubt] = ()
        self._span: tuple[int, int] | None = None
        self._preview: EditPreview | None = None
        self.register = QComboBox()
        self.register.setAccessibleName("Register")
        self.register.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.register.hide()  # until there are two of them to choose from
        self.register.activated.connect(
            lambda _: self.register_chosen.emit(str(self.register.currentData()))
        )
        self.extent = Segmented(((SPAN, "Around the span"), (ALL, "Whole period")), name="Show")
        self.extent.changed.connect(lambda _: self.redraw(rewind=True))
        self.legend = Legend()
        self.add_header_widget(self.register)
        self.add_header_widget(self.extent)
        self.chart = Chart(
            formats,
            formats.scale("Wh"),
            name="Raw, validated and estimated energy",
            selectable=True,
        )
        self.chart.setMinimumHeight(110)
        self.chart.period_selected.connect(self._on_selected)
        self.set_content(self.legend)
        self.body.addWidget(self.chart, 1)
        self.told = paint.label("", "label", wrap=True)
        self.day_sum = ElidedLabel("", "")
        self.month_sum = ElidedLabel("", "")
        self.told.hide()
        self.set_content(self.told)
        self.set_content(self.day_sum)
        self.set_content(self.month_sum)

    # -------------------------------------------------------- showing

    def show_look(self, look: QualityLook, doubts: Sequence[Doubt]) -> None:
        self._look, self._doubts, self._preview = look, doubts, None
        self.register.clear()
        for name in look.registers:
            self.register.addItem(words.REGISTERS.get(name, name), name)
        self.register.setCurrentIndex(self.register.findData(look.register))
        self.register.setVisible(len(look.registers) > 1)
        self.redraw()

    def show_span(self, start_ms: int, end_ms: int) -> None:
        self._span = (start_ms, end_ms)
        self.redraw(rewind=True)

    def show_told(self, sentence: str) -> None:
        """The line of a list that is looked at, in full; empty: none is."""
        self.told.setText(sentence)
        self.told.setVisible(bool(sentence))

    def show_preview(self, preview: EditPreview | None) -> None:
        self._preview = preview
        self.redraw()

    def redraw(self, *, rewind: bool = False) -> None:
        """rewind: the zoom of the person is given up, because something else is to be seen."""
        look = self._look
        if look is None:
            return
        window = self.window_shown(look)
        data = picture.picture(self._formats, look, self._doubts, window, self._span, self._preview)
        if rewind:
            self.chart.reset_zoom()
        values = [float(v) for steps in data.steps for v in steps.y[: 1 << 12]]
        scale = self._formats.scale("Wh", values)
        self.chart.show_data(data, scale=scale)
        if rewind:
            self.chart.reset_zoom()
        if data.is_empty:
            self.chart.show_message("Nothing is stored for this span.")
        self.legend.show_entries(self.chart.legend_entries())
        self.set_title(
            look.meter.name, picture.period_words(self._formats, window, scale.unit, look)
        )
        self._show_sums(look)

    def window_shown(self, look: QualityLook) -> Window:
        whole = Window(look.start_ms, look.end_ms)
        if self.extent.value == ALL or self._span is None:
            return whole
        start, end = self._span
        if end <= whole.start_ms or whole.end_ms <= start:
            return whole
        return picture.around(start, end, whole.start_ms, whole.end_ms)

    def _show_sums(self, look: QualityLook) -> None:
        at = self._span[0] if self._span is not None else look.start_ms
        for label, checks in ((self.day_sum, look.days), (self.month_sum, look.months)):
            found = _of(checks, at)
            label.set_text("" if found is None else words.sum_sentence(self._formats, found))
            label.setVisible(found is not None)

    # -------------------------------------------------------- choosing

    def _on_selected(self, start_s: float, end_s: float) -> None:
        look = self._look
        if look is None:
            return
        window = self.window_shown(look)
        start_ms, end_ms = round(start_s * 1000), round(end_s * 1000)
        if window.by_day:
            start_ms, end_ms = self._midnights(start_ms, end_ms)
        step_ms = 1000 * look.report.series.step_s
        start_ms = start_ms // step_ms * step_ms
        end_ms = min(-(-end_ms // step_ms) * step_ms, look.end_ms // step_ms * step_ms)
        if start_ms < end_ms:
            self.span_selected.emit(max(start_ms, look.start_ms), end_ms)

    def _midnights(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """The local days that were touched."""
        zone = self._formats.zone
        first = from_ms(start_ms).astimezone(zone).date()
        last = from_ms(end_ms - 1).astimezone(zone).date() + timedelta(days=1)
        return local_midnight_ms(first, zone), local_midnight_ms(last, zone)


def _of(checks: Sequence[SumCheck], at_ms: int) -> SumCheck | None:
    return next((c for c in checks if c.start_ms <= at_ms < c.end_ms), None)

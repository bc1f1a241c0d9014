"""The panels beside and under the picture: the chosen day, the duration curve, the totals."""

from __future__ import annotations

from energy_desktop.services.history import DayAgainstLike, HistoryLook, QualityMark
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.views.history import drawing, words
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.panel import Panel


class DayPanel(Panel):
    """The chosen day beside its like."""

    def __init__(self, formats: Formats) -> None:
        super().__init__("Day")
        self._formats = formats
        self.legend = Legend()
        self.add_header_widget(self.legend)
        self.chart = Chart(formats, name="Chosen day beside its like")
        self.set_content(self.chart)
        self.text = paint.label("", "caption", wrap=True)
        self.set_content(self.text)
        self._marks: tuple[QualityMark, ...] = ()

    def show_day(self, day: DayAgainstLike, name: str, scale: Scale) -> None:
        self.set_title(scale.header(self._formats.day(day.day_start_ms)), "")
        data = drawing.day(day, self._formats, name)
        self._marks = day.marks
        self.chart.show_data(data, scale=scale)
        self.chart.reset_zoom()  # the day before says nothing of this one's range
        self.legend.show_entries(self.chart.legend_entries())
        self.text.setText(data.description)

    def mark_at(self, x: float) -> QualityMark | None:
        """The stretch under a click at x (UTC seconds)."""
        low, high = self.chart.x_range
        slack = 5 * (high - low) / max(1, self.chart.width()) * 1000
        return drawing.mark_at(self._marks, x * 1000, slack)


class DurationPanel(Panel):
    """How long which level was exceeded, with the base load and how it was found."""

    def __init__(self, formats: Formats) -> None:
        super().__init__("Duration")
        self._formats = formats
        self.legend = Legend()
        self.add_header_widget(self.legend)
        self.chart = Chart(
            formats,
            name="Duration: share of the time above a level",
            numeric_x=True,
            x_scale=Scale("%", 1.0, 0),
        )
        self.set_content(self.chart)
        self.text = paint.label("", "caption", wrap=True)
        self.set_content(self.text)

    def show_look(self, look: HistoryLook, scale: Scale) -> None:
        base = look.facts.base_load
        title = "Load duration" if base is not None else "Duration"
        self.set_title(scale.header(title), "")
        self.chart.show_data(drawing.duration(look, scale), scale=scale)
        self.chart.reset_zoom()
        self.legend.show_entries(self.chart.legend_entries())
        self.text.setText(words.base_load_words(self._formats, look, scale))
        self.text.setVisible(base is not None)


class TotalsPanel(Panel):
    """Days or weeks beside those compared with, and the proof by the register."""

    def __init__(self, formats: Formats) -> None:
        super().__init__("Energy")
        self._formats = formats
        self.legend = Legend()
        self.add_header_widget(self.legend)
        self.chart = Chart(formats, formats.scale("Wh"), name="Totals", numeric_x=True)
        self.set_content(self.chart)
        self.text = paint.label("", "caption", wrap=True)
        self.set_content(self.text)

    def show_look(self, look: HistoryLook) -> None:
        data, scale, title = drawing.totals(look, self._formats)
        self.set_title(title, "")
        self.chart.show_data(data, scale=scale)
        self.chart.reset_zoom()
        self.legend.show_entries(self.chart.legend_entries())
        self.text.setText(words.reconciled(self._formats, look))
        self.text.setVisible(bool(self.text.text()))

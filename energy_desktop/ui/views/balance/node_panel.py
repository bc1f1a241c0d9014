"""One main meter: what it comes to, why, what to do, and its course."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from energy_desktop.domain import wording
from energy_desktop.domain.balance import BalanceSlices, Cause, NodeBalance
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.balance import drawing, words
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.marks import Figure, FigureRow, Legend
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.segmented import Segmented

ENERGY, REST = "energy", "rest"


class NodePanel(Panel):
    """One main meter: what it comes to, why, what to do, and its course."""

    formula_wanted = Signal(object)  # the terms of the rest
    place_wanted = Signal(str, object)  # a meter, whom it is to stand behind
    page_wanted = Signal(str, str)  # view id, meter id

    def __init__(self, formats: Formats) -> None:
        super().__init__("Main meter")
        self._formats = formats
        self._node: NodeBalance | None = None
        self._slices: BalanceSlices | None = None
        self._by_month = False
        self.legend = Legend()
        self.choice = Segmented(((ENERGY, "Energy"), (REST, "Rest")), name="Chart")
        self.choice.changed.connect(lambda _: self._draw())
        self.add_header_widget(self.legend)
        self.add_header_widget(self.choice)
        self.figures = FigureRow()
        self.set_content(self.figures)
        self.why = paint.label("", "strong", wrap=True)
        self.remedy = paint.label("", wrap=True)
        self.set_content(self.why)
        self.set_content(self.remedy)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.suspect_button = button(
            "Open Meters", self._open_suspect, icon="meter-electric-outline"
        )
        self.gaps_button = button(
            "Open Data quality", self._open_gaps, icon="clipboard-check-outline"
        )
        self.formula_button = button("Keep the rest as a virtual meter", self._keep, icon="sigma")
        self.place_button = button("Put it behind", self._place, icon="file-tree-outline")
        for one in (
            self.place_button,
            self.suspect_button,
            self.gaps_button,
            self.formula_button,
        ):
            row.addWidget(one)
        row.addStretch(1)
        self.set_content(row)
        self.chart = Chart(formats, formats.scale("Wh"), name="Used and metered", numeric_x=True)
        self.body.addWidget(self.chart, 1)
        self.partly = paint.label("", "caption", wrap=True)
        self.set_content(self.partly)

    def show_node(self, node: NodeBalance, slices: BalanceSlices, *, by_month: bool) -> None:
        self._node, self._slices, self._by_month = node, slices, by_month
        formats, rest = self._formats, node.rest
        self.set_title(node.meter.name, "by month" if by_month else "by day")
        scale = formats.scale("Wh", (rest.total_wh,))  # the smallest of them has digits to show
        untold = bool(node.absent) or not rest.steps
        hours = rest.steps * node.step_s / 3600
        self.figures.show_figures(
            [
                Figure("Used behind it", scale.text(rest.main_wh), scale.unit),
                Figure("Metered", scale.text(rest.sub_wh), scale.unit),
                Figure(
                    "Unexplained rest",
                    scale.text(None if untold else rest.total_wh),
                    scale.unit,
                    "" if untold else f"{formats.percent(100 * rest.share, 1)} of use",
                    estimated=any(p.estimated_wh for p in node.parts),
                ),
                Figure(
                    "Known of all",
                    formats.number(hours, 0),
                    "h",
                    f"of {formats.number(node.steps * node.step_s / 3600, 0)}",
                ),
            ]
        )
        self.why.setText(words.why(node))
        told = words.remedy(node)
        self.remedy.setText(told)
        self.remedy.setVisible(bool(told))
        self.suspect_button.setVisible(
            rest.cause in (Cause.UNIT_SLIP, Cause.OVERCOUNTED, Cause.TIME_SKEW) or bool(node.absent)
        )
        candidate = node.candidate
        self.place_button.setVisible(candidate is not None)
        if candidate is not None:
            self.place_button.setText(f"Put {words.short(candidate.name)} behind it")
        self.gaps_button.setVisible(rest.steps < node.steps and not node.absent)
        self.formula_button.setVisible(bool(words.formula_of_rest(node)))
        partly = int(((slices.known_steps > 0) & (slices.known_steps < slices.steps)).sum())
        many = wording.count(partly, "month" if by_month else "day")
        self.partly.setText(f"{many} with hours that are not known of all: a lower bar.")
        self.partly.setVisible(partly > 0)
        self._draw()

    def _draw(self) -> None:
        if self._node is None or self._slices is None:
            return
        data, scale = drawing.slices(
            self._node,
            self._slices,
            self._formats,
            by_month=self._by_month,
            rest_only=self.choice.value == REST,
        )
        self.chart.set_title(
            "Unexplained rest" if self.choice.value == REST else "Used and metered"
        )
        self.chart.show_data(data, scale=scale)
        self.chart.reset_zoom()
        self.legend.show_entries(self.chart.legend_entries())

    def _open_suspect(self) -> None:
        node = self._node
        if node is not None:
            meter = node.absent[0] if node.absent else node.suspect or node.meter
            self.page_wanted.emit("meters", meter.meter_id)

    def _open_gaps(self) -> None:
        if self._node is not None:
            worst = min(self._node.parts, key=lambda p: p.known_steps)
            self.page_wanted.emit("quality", worst.meter.meter_id)

    def _place(self) -> None:
        node = self._node
        if node is not None and node.candidate is not None:
            self.place_wanted.emit(node.candidate.meter_id, node.meter.meter_id)

    def _keep(self) -> None:
        if self._node is not None:
            self.formula_wanted.emit(words.formula_of_rest(self._node))

"""Every household as a dot: how much it uses, and how much of it at night.

Dots have a size in pixels and are drawn in one call, so six thousand of them zoom as one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from energy_desktop.domain.fleet import HouseholdRow
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import ChartData, Floats, Note, Points
from energy_desktop.ui.widgets.marks import Legend
from energy_desktop.ui.widgets.panel import Panel, button

_NEAR_PX = 12.0


class ScatterPanel(Panel):
    """`chosen` follows a click on a dot; `opened` is the button for the dot that is chosen."""

    chosen = Signal(str)
    opened = Signal(str)

    def __init__(self, formats: Formats) -> None:
        super().__init__("kWh a day, and % of it at night")
        self._formats = formats
        self.legend = Legend()
        self.open_button = button("Open", self._open, kind="link", icon="arrow-right")
        self.open_button.hide()
        self.chart = Chart(
            formats,
            Scale("%", 1.0, 0, formats.symbols),
            name="Households by use and share at night",
            numeric_x=True,
            x_scale=Scale("", 1.0, 0, formats.symbols),
            readout=False,
        )
        self.chart.place_clicked.connect(self._on_clicked)
        foot = QHBoxLayout()
        foot.addWidget(self.legend)
        foot.addStretch(1)
        foot.addWidget(self.open_button)
        self.body.addWidget(self.chart, 1)
        self.body.addLayout(foot)
        self._names: tuple[str, ...] = ()
        self._x: Floats = np.empty(0)
        self._y: Floats = np.empty(0)
        self._marked: frozenset[str] = frozenset()
        self.household = ""

    def show_households(self, rows: Sequence[HouseholdRow], marked: Sequence[str] = ()) -> None:
        """marked: the households that are out of line. One without night readings has no dot."""
        known = [row for row in rows if row.night_share_pct is not None]
        self._names = tuple(row.household for row in known)
        self._x = np.array([row.kwh_per_day for row in known], dtype=np.float64)
        self._y = np.array([row.night_share_pct for row in known], dtype=np.float64)
        self._marked = frozenset(marked)
        self._draw()

    def mark(self, marked: Sequence[str]) -> None:
        """Other households are out of line now."""
        if frozenset(marked) != self._marked:
            self._marked = frozenset(marked)
            self._draw()

    def choose(self, household: str) -> None:
        """Rings the dot of a household."""
        if household == self.household:
            return
        self.household = household
        self.open_button.setVisible(bool(household))
        self.open_button.setText(f"Open {household}" if household else "Open")
        self._draw()

    def nearest(self, x: float, y: float) -> str:
        """The household within reach of a place of the plot; empty: none."""
        if not self._names:
            return ""
        per_x, per_y = self.chart.pixels_per_unit
        distance = np.hypot((self._x - x) * per_x, (self._y - y) * per_y)
        place = int(np.argmin(distance))
        return self._names[place] if distance[place] <= _NEAR_PX else ""

    def _draw(self) -> None:
        if not self._names:
            self.chart.show_message("No household has readings at night and by day.")
            self.legend.show_entries(())
            return
        strange = np.array([name in self._marked for name in self._names])
        at = self._names.index(self.household) if self.household in self._names else -1
        marks = [
            Points(
                words.households(self._formats, len(self._names)),
                self._x[~strange],
                self._y[~strange],
                "typical",
                size=3.0,
                alpha=190 if len(self._names) < 1000 else 120,
            )
        ]
        if strange.any():
            marks.append(
                Points(
                    f"strongest {int(strange.sum())}",
                    self._x[strange],
                    self._y[strange],
                    "p2",
                    "triangle",
                    size=7.0,
                )
            )
        notes: tuple[Note, ...] = ()
        if at >= 0:
            place = slice(at, at + 1)
            marks.append(
                Points("", self._x[place], self._y[place], "text", "ring", size=15.0, legend=False)
            )
            notes = (Note(float(self._x[at]), float(self._y[at]), self.household, "text"),)
        top_x = 1.05 * float(self._x.max()) or 1.0
        middle = float(np.median(self._x))
        self.chart.show_data(
            ChartData(
                points=tuple(marks),
                notes=notes,
                x_range=(0.0, top_x),
                y_range=(0.0, min(100.0, 1.1 * float(self._y.max()) or 1.0)),
                description=(
                    f"{words.households(self._formats, len(self._names))}; half of them use less "
                    f"than {self._formats.number(middle, 1)} kWh a day, "
                    f"and half use less than {self._formats.percent(float(np.median(self._y)))} "
                    "of it at night."
                ),
            )
        )
        self.legend.show_entries(self.chart.legend_entries())

    def _on_clicked(self, x: float, y: float) -> None:
        found = self.nearest(x, y)
        if found:
            self.choose(found)
            self.chosen.emit(found)

    def _open(self) -> None:
        if self.household:
            self.opened.emit(self.household)

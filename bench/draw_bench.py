"""CPU of one frame of 6 curves x 86,400 points: the chart of the window against pyqtgraph alone.

Both draw the same arrays into a plot of the same size on the offscreen platform, in one process,
in turns, so that a busy machine slows both.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.common import Row

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

CURVES = 6
POINTS = 86_400
GOAL_MS = 10.0
FONTS = Path(__file__).resolve().parents[1] / "resources" / "fonts"


def run(quick: bool = False) -> list[Row]:
    """Two figures and their ratio; medians over the frames."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import numpy as np
    import pyqtgraph as pg
    from PySide6.QtWidgets import QApplication

    from energy_desktop.ui import theme
    from energy_desktop.ui.formatting import Formats
    from energy_desktop.ui.widgets.chart import Chart
    from energy_desktop.ui.widgets.chart_data import ChartData, Line

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.apply_theme(app, "light", FONTS)
    random = np.random.default_rng(3)
    x = 1_760_392_800.0 + np.arange(POINTS, dtype=np.float64)
    ys = [
        40e3 + 12e3 * i + 4e3 * np.sin(np.arange(POINTS) / 3000) + random.normal(0, 900, POINTS)
        for i in range(CURVES)
    ]

    chart = Chart(Formats("Europe/Berlin"), name="Bench")
    chart.resize(1100, 500)
    chart.show()
    lines = tuple(Line(f"m{i}", x, y, f"curve{i + 1}") for i, y in enumerate(ys))

    def ours() -> None:
        # As live: new values, then a paint at once.
        chart.show_data(ChartData(lines=lines))
        chart._view.viewport().repaint()

    plot = pg.PlotWidget()
    plot.resize(1100, 500)
    plot.show()
    curves = [plot.plot(x, y, pen=pg.mkPen("#0B66A8")) for y in ys]

    def default() -> None:
        for curve, y in zip(curves, ys, strict=True):
            curve.setData(x, y)
        plot.viewport().repaint()

    frames = 8 if quick else 30
    mine, theirs = _in_turns(app, ours, default, frames)
    chart.close()
    plot.close()
    return [
        Row(
            "frame of 6 x 86,400 points",
            mine,
            "ms CPU",
            f"<= {GOAL_MS:.0f} ms CPU",
            mine <= GOAL_MS,
            peer=f"pyqtgraph default {theirs:.1f} ms",
            note=f"{chart.frame_points:,} points drawn after min/max decimation, 1100 x 500 pixels",
        )
    ]


def _in_turns(
    app: QApplication, ours: Callable[[], None], default: Callable[[], None], frames: int
) -> tuple[float, float]:
    """Medians of CPU ms of both, measured alternately after two frames to warm up."""
    mine: list[float] = []
    theirs: list[float] = []
    for frame in range(frames + 2):
        for draw, times in ((ours, mine), (default, theirs)):
            app.processEvents()
            began = time.process_time()
            draw()
            spent = (time.process_time() - began) * 1000
            if frame >= 2:
                times.append(spent)
    return statistics.median(mine), statistics.median(theirs)


if __name__ == "__main__":
    for row in run():
        print(f"{row.name}: {row.value:.1f} {row.unit} ({row.goal}), {row.peer}. {row.note}")

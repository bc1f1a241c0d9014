"""A site without meters: three steps to the first curve, and what comes when."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel, button, glyph

_LATER = (
    ("chart-line", "Live curves", "At once."),
    ("gauge", "Quarter-hour demand", "After the first full quarter hour."),
    ("lightbulb-night-outline", "After-hours waste", "After the first night."),
    (
        "chart-bell-curve-cumulative",
        "Forecast and drift",
        "After 21 days of data. Import older readings to start sooner.",
    ),
)


class _Number(QWidget):
    def __init__(self, number: int, *, strong: bool) -> None:
        super().__init__()
        self._number, self._strong = number, strong
        self.setFixedSize(28, 28)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent" if self._strong else "inset"))
        painter.drawEllipse(QRectF(self.rect()))
        paint.draw_text(
            painter,
            QRectF(self.rect()),
            str(self._number),
            px=13,
            weight=600,
            token="on_accent" if self._strong else "text",
            align=paint.CENTER,
        )


class FirstRun(QWidget):
    """`try_demo` None: this program cannot open the demo site from here."""

    def __init__(
        self,
        *,
        add_meter: Callable[[], object],
        import_readings: Callable[[], object],
        settings: Callable[[], object],
        try_demo: Callable[[], object] | None,
    ) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        steps = Panel(margins=28)
        steps.body.setSpacing(14)
        steps.body.addWidget(paint.label("Three steps to the first curve", "figure"))
        steps.body.addWidget(
            paint.label(
                "About ten minutes with one meter. You can stop at any time; nothing is written "
                "to a meter.",
                "answer",
                wrap=True,
            )
        )
        self.add = button("Add a meter", add_meter, icon="meter-electric-outline", kind="primary")
        self.bring = button("Import readings", import_readings, icon="file-import-outline")
        self.demo = button("Try the demo", try_demo, icon="play-circle-outline")
        if try_demo is None:
            self.demo.hide()
        first = QHBoxLayout()
        for one in (self.add, self.bring, self.demo):
            first.addWidget(one)
        first.addStretch(1)
        steps.set_content(
            _step(
                1,
                "Find the meters",
                "Name the link and the model of a meter and read it once. Or start with readings "
                "from a file, or with a simulated site.",
                first,
            )
        )
        steps.body.addWidget(paint.rule())
        steps.set_content(
            _step(
                2,
                "Check what they say",
                "Voltage, frequency, power and direction are tested before a meter counts. A "
                "reversed current transformer is found here.",
            )
        )
        steps.body.addWidget(paint.rule())
        third = QHBoxLayout()
        self.prices = button("Open Settings", settings, icon="cog-outline")
        third.addWidget(self.prices)
        third.addStretch(1)
        steps.set_content(
            _step(
                3,
                "Say what energy costs and when it may flow",
                "Tariff, contract hours, clients. Until then you see kWh, no money and no waste.",
                third,
            )
        )
        steps.body.addStretch(1)
        later = Panel("What you get, and from when")
        later.body.setSpacing(14)
        for icon, what, when in _LATER:
            line = QHBoxLayout()
            line.setSpacing(12)
            line.addWidget(glyph(icon, "text2", 20), 0, Qt.AlignmentFlag.AlignTop)
            words = QVBoxLayout()
            words.setSpacing(1)
            words.addWidget(paint.label(what, "strong"))
            words.addWidget(paint.label(when, "answer", wrap=True))
            line.addLayout(words, 1)
            later.set_content(line)
        later.body.addStretch(1)
        row.addWidget(steps, 19)
        row.addWidget(later, 10)


def _step(number: int, title: str, text: str, extra: QHBoxLayout | None = None) -> QHBoxLayout:
    line = QHBoxLayout()
    line.setSpacing(14)
    line.addWidget(_Number(number, strong=number == 1), 0, Qt.AlignmentFlag.AlignTop)
    words = QVBoxLayout()
    words.setSpacing(8)
    words.addWidget(paint.label(title, "step"))
    words.addWidget(paint.label(text, "answer", wrap=True))
    if extra is not None:
        words.addLayout(extra)
    line.addLayout(words, 1)
    return line

"""The bar at the bottom: how reading and storing go; trouble leads to its cause."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.shell import StatusFact
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.shell.ground import Ground

STATUS_HEIGHT = 26


class _Fact(QWidget):
    """An entry of the status bar; with trouble it is a button to its cause."""

    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._fact = StatusFact("circle-small", "")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_fact(self, fact: StatusFact) -> None:
        self._fact = fact
        self.setAccessibleName(("Trouble: " if fact.trouble else "") + fact.text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if fact.view_id else Qt.FocusPolicy.NoFocus)
        self.setToolTip(paint.plain_tooltip(fact.text))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(paint.text_width(self._fact.text, 11, 600)) + 24, STATUS_HEIGHT - 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, STATUS_HEIGHT - 2)

    def mousePressEvent(self, _: QMouseEvent) -> None:
        self._lead()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._lead()
        else:
            super().keyPressEvent(event)

    def _lead(self) -> None:
        if self._fact.view_id:
            self.clicked.emit()

    @property
    def view_id(self) -> str:
        return self._fact.view_id

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        fact = self._fact
        middle = self.height() / 2
        name = "alert-outline" if fact.trouble else fact.icon
        theme.draw_icon(
            painter, QRectF(0, middle - 7, 14, 14), name, "p2" if fact.trouble else "text2"
        )
        paint.draw_text(
            painter,
            QRectF(20, 0, self.width() - 20, self.height()),
            fact.text,
            px=11,
            weight=600 if fact.trouble else 400,
        )
        if self.hasFocus():
            paint.focus_ring(painter, QRectF(self.rect()), 2)


class StatusBar(Ground):
    """Meters answering, slowest bus, last write and queue, disk; and the running jobs."""

    opened = Signal(str)  # view id

    def __init__(self, version: str) -> None:
        super().__init__("rail", Qt.Edge.TopEdge)
        self.setFixedHeight(STATUS_HEIGHT)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(16, 1, 16, 0)
        self._row.setSpacing(20)
        self._facts: list[_Fact] = []
        self._row.addStretch(1)
        self._jobs = paint.label("", "caption")
        self._row.addWidget(self._jobs)
        self._row.addWidget(paint.label(version, "caption"))
        self._shown: tuple[StatusFact, ...] = ()

    def show_facts(self, facts: Sequence[StatusFact]) -> None:
        if tuple(facts) == self._shown:
            return
        self._shown = tuple(facts)
        while len(self._facts) < len(facts):
            made = _Fact()
            made.clicked.connect(partial(self._open, made))
            self._row.insertWidget(len(self._facts), made)
            self._facts.append(made)
        for position, made in enumerate(self._facts):
            made.setVisible(position < len(facts))
            if position < len(facts):
                made.show_fact(facts[position])

    def _open(self, fact: _Fact) -> None:
        self.opened.emit(fact.view_id)

    def show_jobs(self, text: str) -> None:
        self._jobs.setText(text)

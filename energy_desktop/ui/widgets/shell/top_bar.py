"""The bar at the top: site, search, counts per priority, clock with its zone, user."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.shell import AlarmSummary
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.paint import Mark
from energy_desktop.ui.widgets.shell.ground import Ground

TOP_BAR_HEIGHT = 48


class _VerticalLine(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(1, 36)

    def paintEvent(self, _: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.color("line"))


class SearchField(QWidget):
    """Looks like a field, opens the palette: a click, Enter, or Ctrl K from anywhere."""

    asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        self.setMinimumWidth(180)
        self.setMaximumWidth(300)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Find a meter, alarm, invoice, setting. Control K")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(300, theme.CONTROL_HEIGHT)

    def mousePressEvent(self, _: QMouseEvent) -> None:
        self.asked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.asked.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(rect, theme.RADIUS, theme.RADIUS)
        theme.draw_icon(painter, QRectF(8, 6, 16, 16), "magnify", "text2")
        key = paint.text_width("Ctrl K", 12)
        paint.draw_text(
            painter,
            QRectF(34, 0, self.width() - 34 - key - 20, self.height()),
            "Find a meter, alarm, invoice, setting",
            token="text3",
        )
        paint.draw_text(
            painter,
            QRectF(self.width() - key - 12, 0, key + 2, self.height()),
            "Ctrl K",
            token="text3",
        )
        if self.hasFocus():
            paint.focus_ring(painter, QRectF(self.rect()))


class _Counts(QWidget):
    """Current alarms per priority; bold while some wait for a person."""

    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._summary = AlarmSummary()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_summary(self, summary: AlarmSummary) -> None:
        if summary == self._summary:
            return
        self._summary = summary
        self.setAccessibleName(
            "Alarms: "
            + ", ".join(
                f"priority {c.priority}: {c.current}, {c.unacknowledged} not acknowledged"
                for c in summary.counts
            )
        )
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = sum(46 + paint.text_width(str(c.current), 13, 600) for c in self._summary.counts)
        return QSize(round(width), 28)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def mousePressEvent(self, _: QMouseEvent) -> None:
        self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        left = 4.0
        for count in self._summary.counts:
            none = not count.current
            paint.draw_mark(
                painter,
                QRectF(left, 4, 20, 20),
                Mark(count.priority, hollow=none, faint=none),
            )
            text = str(count.current)
            wide = paint.text_width(text, 13, 600)
            paint.draw_text(
                painter,
                QRectF(left + 26, 0, wide + 2, 28),
                text,
                px=13,
                weight=600 if count.unacknowledged else 400,
                token="text2" if none else "text",
            )
            left += 46 + wide
        if self.hasFocus():
            paint.focus_ring(painter, QRectF(self.rect()))


class TopBar(Ground):
    """Site, search, counts per priority, clock with its zone, user and role."""

    search_asked = Signal()
    alarms_asked = Signal()

    def __init__(self, formats: Formats, menu_button: QToolButton) -> None:
        super().__init__("surface", Qt.Edge.BottomEdge)
        self._formats = formats
        self.setFixedHeight(TOP_BAR_HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 1)
        row.setSpacing(12)
        self.menu_button = menu_button
        menu_button.setProperty("kind", "site")
        row.addWidget(menu_button)
        self._chip = paint.label("simulated", "label")
        self._chip.hide()
        row.addWidget(self._chip)
        row.addStretch(2)
        self.search = SearchField()
        self.search.asked.connect(self.search_asked)
        row.addWidget(self.search, 6)
        row.addStretch(3)
        self._counts = _Counts()
        self._counts.clicked.connect(self.alarms_asked)
        row.addWidget(self._counts)
        row.addWidget(_VerticalLine())
        self._clock = paint.label("")
        row.addWidget(self._clock)
        row.addWidget(_VerticalLine())
        self._user = _User()
        row.addWidget(self._user)
        self.tick()

    def show_site(self, name: str, simulated: bool) -> None:
        self.menu_button.setText(f" {name}")
        self.menu_button.setAccessibleName(f"{name}, menu")
        self._chip.setVisible(simulated)

    def show_user(self, name: str, role: str) -> None:
        self._user.show_user(name, role)

    def show_alarms(self, summary: AlarmSummary) -> None:
        self._counts.show_summary(summary)

    def tick(self) -> None:
        """Once a second."""
        text = self._formats.top_bar_time()
        self._clock.setText(text)
        self._clock.setMinimumWidth(round(paint.text_width(text, 13)) + 2)


class _User(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._name, self._role = "", ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_user(self, name: str, role: str) -> None:
        self._name, self._role = name, role
        self.setAccessibleName(f"{name}, {role}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        wide = max(paint.text_width(self._name, 12, 600), paint.text_width(self._role, 11))
        return QSize(round(min(wide, 180) + 28), 40)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        theme.draw_icon(painter, QRectF(0, 12, 16, 16), "account-circle-outline", "text2")
        wide = self.width() - 24
        paint.draw_text(painter, QRectF(24, 3, wide, 18), self._name, weight=600)
        paint.draw_text(painter, QRectF(24, 20, wide, 16), self._role, px=11, token="text2")

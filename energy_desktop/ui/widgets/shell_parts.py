"""The parts around a page: top bar, alarm strip, rail, status bar, page header.

Each is given frozen facts and tells by a signal what was asked of it; none knows a service.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.shell import AlarmSummary, PageSpec, StatusFact
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import PriorityMark
from energy_desktop.ui.widgets.paint import Mark
from energy_desktop.ui.widgets.panel import ElidedLabel, button

TOP_BAR_HEIGHT = 48
STRIP_HEIGHT = 38
STATUS_HEIGHT = 26
RAIL_WIDTH = 176
RAIL_NARROW = 52


class _Ground(QWidget):
    """A bar with its own ground and a hair line at one edge."""

    def __init__(self, token: str, edge: Qt.Edge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token, self._edge = token, edge

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(self._token))
        painter.setPen(QPen(theme.color("line"), 1))
        rect = self.rect()
        if self._edge == Qt.Edge.BottomEdge:
            painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        elif self._edge == Qt.Edge.TopEdge:
            painter.drawLine(rect.topLeft(), rect.topRight())
        else:
            painter.drawLine(rect.topRight(), rect.bottomRight())


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


class TopBar(_Ground):
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


class AlarmStrip(QFrame):
    """Only while a priority 1 is not acknowledged: what, since when, what to do."""

    acknowledged = Signal(int)
    opened = Signal(int)

    def __init__(self, formats: Formats) -> None:
        super().__init__()
        self._formats = formats
        self._alarm_id = 0
        self.setProperty("kind", "strip1")
        self.setFixedHeight(STRIP_HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 12, 1)
        row.setSpacing(10)
        row.addWidget(PriorityMark(1, 20))
        self._what = ElidedLabel("", "strong")
        self._since = paint.label("")
        self._response = ElidedLabel("")
        row.addWidget(self._what)
        row.addWidget(self._since)
        row.addWidget(self._response)
        row.addStretch(1)
        self._waiting = paint.label("", "label")
        row.addWidget(self._waiting)
        self.acknowledge_button = button(
            "Acknowledge", lambda: self.acknowledged.emit(self._alarm_id)
        )
        row.addWidget(self.acknowledge_button)
        row.addWidget(button("Open", lambda: self.opened.emit(self._alarm_id), kind="link"))
        self.hide()

    def show_summary(self, summary: AlarmSummary, *, on_alarm_page: bool) -> None:
        urgent = summary.urgent
        self.setVisible(urgent is not None and not on_alarm_page)
        if urgent is None:
            return
        self._alarm_id = urgent.alarm_id
        self._what.set_text(urgent.what)
        self._since.setText(f"since {self._formats.moment(urgent.since_ms)}")
        self._response.set_text(f"·  {urgent.response}" if urgent.response else "")
        self._waiting.setText(
            f"1 of {summary.unacknowledged} not acknowledged" if summary.unacknowledged else ""
        )
        self.setAccessibleName(
            f"Priority 1, active, not acknowledged: {urgent.what}. {urgent.response}"
        )


class RailEntry(QWidget):
    """One page in the rail: icon, name, count, lock."""

    clicked = Signal()

    def __init__(self, spec: PageSpec, shortcut: str) -> None:
        super().__init__()
        self.spec = spec
        self._chosen = False
        self._count = 0
        self._narrow = False
        self._hover = False
        self._shortcut = shortcut
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(theme.NAVIGATION_HEIGHT)
        self._describe()

    def _describe(self) -> None:
        parts = [self.spec.title]
        if self._count:
            parts.append(str(self._count))
        if self.spec.locked_role:
            parts.append(f"needs {self.spec.locked_role}")
        name = ", ".join(parts)
        self.setAccessibleName(name)
        self.setToolTip(
            paint.plain_tooltip(f"{name}  {self._shortcut}".strip()) if self._narrow else ""
        )

    def set_state(self, *, chosen: bool, count: int, narrow: bool) -> None:
        state = (chosen, count, narrow)
        if state != (self._chosen, self._count, self._narrow):
            self._chosen, self._count, self._narrow = state
            self._describe()
            self.update()

    @property
    def chosen(self) -> bool:
        return self._chosen

    def mousePressEvent(self, _: QMouseEvent) -> None:
        self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        elif event.key() == Qt.Key.Key_Down:
            self.focusNextChild()
        elif event.key() == Qt.Key.Key_Up:
            self.focusPreviousChild()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, _: QEvent) -> None:
        self._hover = True
        self.update()

    def leaveEvent(self, _: QEvent) -> None:
        self._hover = False
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(8, 1, -8, -1)
        if self._chosen or self._hover:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("surface", 255 if self._chosen else 110))
            painter.drawRoundedRect(rect, theme.RADIUS, theme.RADIUS)
        if self._chosen:
            painter.fillRect(
                QRectF(rect.left(), rect.top() + 6, 3, rect.height() - 12), theme.color("accent")
            )
        middle = rect.center().y()
        theme.draw_icon(
            painter,
            QRectF(rect.left() + (10 if self._narrow else 13), middle - 8, 16, 16),
            self.spec.icon,
            "text" if self._chosen else "text2",
        )
        if self._narrow:
            if self._count:
                painter.setBrush(theme.color("text2"))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.drawEllipse(QRectF(rect.right() - 9, rect.top() + 4, 6, 6))
        else:
            right = rect.right() - 8
            if self.spec.locked_role:
                theme.draw_icon(
                    painter, QRectF(right - 13, middle - 7, 14, 14), "lock-outline", "text3"
                )
                right -= 20
            elif self._count:
                wide = paint.text_width(str(self._count), 12, 600)
                paint.draw_text(
                    painter,
                    QRectF(right - wide - 2, rect.top(), wide + 2, rect.height()),
                    str(self._count),
                    weight=600,
                )
                right -= wide + 8
            paint.draw_text(
                painter,
                QRectF(rect.left() + 38, rect.top(), right - rect.left() - 38, rect.height()),
                self.spec.title,
                px=13,
                weight=600 if self._chosen else 400,
                token="text" if self._chosen else "text2",
            )
        if self.hasFocus():
            paint.focus_ring(painter, rect.adjusted(-1, -1, 1, 1))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()


class SideRail(_Ground):
    """The pages, grouped by when they are needed. Icons alone under 1200 px."""

    chosen = Signal(str)  # view id
    help_asked = Signal()

    def __init__(self, pages: Sequence[PageSpec]) -> None:
        super().__init__("rail", Qt.Edge.RightEdge)
        self._narrow = False
        self._counts: dict[str, int] = {}
        self._current = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 8)
        column.setSpacing(0)
        self._headings: list[QWidget] = []
        self.entries: list[RailEntry] = []
        group = ""
        for position, spec in enumerate(pages):
            if spec.group != group:
                group = spec.group
                heading = paint.label(group, "label")
                heading.setContentsMargins(20, 4 if position else 0, 8, 4)
                self._headings.append(heading)
                column.addWidget(heading)
            entry = RailEntry(spec, f"Ctrl+{position + 1}" if position < 9 else "")
            entry.clicked.connect(partial(self.chosen.emit, spec.view_id))
            self.entries.append(entry)
            column.addWidget(entry)
        column.addStretch(1)
        self.help_entry = RailEntry(
            PageSpec("help", "Help", "help-circle-outline", "", _no_page), "F1"
        )
        self.help_entry.clicked.connect(self.help_asked)
        column.addWidget(self.help_entry)
        self.setFixedWidth(RAIL_WIDTH)

    def set_current(self, view_id: str) -> None:
        self._current = view_id
        self._refresh()

    def set_count(self, view_id: str, count: int) -> None:
        self._counts[view_id] = count
        self._refresh()

    def set_narrow(self, narrow: bool) -> None:
        if narrow == self._narrow:
            return
        self._narrow = narrow
        longest = max((paint.text_width(e.spec.title, 13, 600) for e in self.entries), default=0.0)
        self.setFixedWidth(RAIL_NARROW if narrow else max(RAIL_WIDTH, round(longest) + 66))
        for heading in self._headings:
            heading.setVisible(not narrow)
        self._refresh()

    def fit(self) -> None:
        """Wide enough for the longest name, whatever the language."""
        if not self._narrow:
            longest = max(
                (paint.text_width(e.spec.title, 13, 600) for e in self.entries), default=0.0
            )
            self.setFixedWidth(max(RAIL_WIDTH, round(longest) + 66))

    @property
    def narrow(self) -> bool:
        return self._narrow

    def _refresh(self) -> None:
        for entry in (*self.entries, self.help_entry):
            entry.set_state(
                chosen=entry.spec.view_id == self._current,
                count=self._counts.get(entry.spec.view_id, 0),
                narrow=self._narrow,
            )


def _no_page():  # type: ignore[no-untyped-def]
    raise RuntimeError("help is no page of the rail")


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
        if self._fact.view_id:
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.mousePressEvent(None)  # type: ignore[arg-type]
        else:
            super().keyPressEvent(event)

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


class StatusBar(_Ground):
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


class PageHeader(QWidget):
    """Title, the sentence that answers it, at most two actions."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(48)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 8, 12, 8)
        self._row.setSpacing(8)
        self._title = paint.label("", "page")
        self._answer = ElidedLabel("", "answer")
        self._row.addWidget(self._title)
        self._row.addSpacing(5)
        self._row.addWidget(self._answer, 1)
        self._buttons: list[QWidget] = []

    def show_title(self, title: str, answer: str) -> None:
        self._title.setText(title)
        self._answer.set_text(answer)

    def show_actions(self, actions: Sequence[QAction]) -> None:
        for made in self._buttons:
            self._row.removeWidget(made)
            made.hide()
            made.deleteLater()
        self._buttons = []
        for action in actions:
            made = button(action.text())
            made.setIcon(action.icon())
            made.setEnabled(action.isEnabled())
            keys = action.shortcut().toString()
            made.setToolTip(paint.plain_tooltip(f"{action.text()}  {keys}".strip()))
            made.clicked.connect(partial(_trigger, action))
            action.enabledChanged.connect(made.setEnabled)
            self._row.addWidget(made)
            self._buttons.append(made)


def _trigger(action: QAction, _: bool = False) -> None:
    action.trigger()

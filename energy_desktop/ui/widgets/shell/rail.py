"""The rail at the left: the pages, grouped by when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from energy_desktop.ui import theme
from energy_desktop.ui.shell import PageSpec
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.shell.ground import Ground

RAIL_WIDTH = 176
RAIL_NARROW = 52


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


class SideRail(Ground):
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


def _no_page() -> NoReturn:
    raise RuntimeError("help is no page of the rail")

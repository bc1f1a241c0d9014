"""A plain text editor with line numbers, in which faulty lines are marked."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from energy_desktop.ui import theme


class NumberedEdit(QPlainTextEdit):
    """Text in the mono face. `mark` takes what is wrong by line, from 1."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        # The style sheet of the program names a face for every widget; this one is stronger.
        self.setStyleSheet(f'QPlainTextEdit {{ font-family: "{theme.MONO_FAMILY}"; }}')
        self.setFont(theme.font(12, mono=True))
        self._margin = _Margin(self)
        self._wrong: dict[int, str] = {}
        self.blockCountChanged.connect(lambda _: self._fit())
        self.updateRequest.connect(self._scrolled)
        self._fit()

    @property
    def wrong(self) -> dict[int, str]:
        return self._wrong

    def mark(self, wrong: Mapping[int, str]) -> None:
        """Tints these lines; what is wrong is told beside the editor, too."""
        self._wrong = dict(wrong)
        marks = []
        for line in self._wrong:
            block = self.document().findBlockByNumber(line - 1)
            if not block.isValid():
                continue
            one = QTextEdit.ExtraSelection()
            shade = theme.color("tint2")
            one.format.setBackground(QColor(shade))
            one.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            one.cursor = QTextCursor(block)
            marks.append(one)
        self.setExtraSelections(marks)
        self._margin.update()

    def show_line(self, line: int) -> None:
        """Puts the cursor there and scrolls to it."""
        block = self.document().findBlockByNumber(max(0, line - 1))
        self.setTextCursor(QTextCursor(block))
        self.centerCursor()
        self.setFocus()

    def replace_text(self, text: str) -> None:
        """As typed: Ctrl Z brings back what was there."""
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.endEditBlock()

    def margin_width(self) -> int:
        digits = max(3, len(str(self.blockCount())))
        return 26 + self.fontMetrics().horizontalAdvance("9") * digits

    def _fit(self) -> None:
        self.setViewportMargins(self.margin_width(), 0, 0, 0)

    def _scrolled(self, rect: QRect, dy: int) -> None:
        if dy:
            self._margin.scroll(0, dy)
        else:
            self._margin.update(0, rect.y(), self._margin.width(), rect.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inside = self.contentsRect()
        self._margin.setGeometry(
            QRect(inside.left(), inside.top(), self.margin_width(), inside.height())
        )

    def paint_margin(self, painter: QPainter, rect: QRect) -> None:
        painter.fillRect(rect, theme.color("inset"))
        painter.setFont(theme.font(11, mono=True))
        block = self.firstVisibleBlock()
        offset = self.contentOffset()
        top = round(self.blockBoundingGeometry(block).translated(offset).top())
        width = self._margin.width()
        while block.isValid() and top <= rect.bottom():
            height = round(self.blockBoundingRect(block).height())
            number = block.blockNumber() + 1
            if block.isVisible() and top + height >= rect.top():
                faulty = number in self._wrong
                painter.setPen(theme.color("text" if faulty else "text3"))
                box = QRect(18, top, width - 24, height)
                flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(box, flags, str(number))
                if faulty:
                    mark = QRect(2, top + (height - 14) // 2, 14, 14)
                    theme.draw_icon(painter, mark, "alert-outline", "p2")
            block = block.next()
            top += height


class _Margin(QWidget):
    def __init__(self, editor: NumberedEdit) -> None:
        super().__init__(editor)
        self._editor = editor

    def sizeHint(self) -> QSize:
        return QSize(self._editor.margin_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._editor.paint_margin(painter, event.rect())

"""A titled ground for one subject, with its own four states.

Content stays while new content is computed: after 300 ms it is dimmed with "computing 2 s", and
an error replaces only this panel, with what, where, remedy, Try again and Copy details.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.ui import theme
from energy_desktop.ui.jobs import InternalError, JobHandle
from energy_desktop.ui.widgets import paint

DIM_AFTER_MS = 300
_TITLE_LEAST = 120

Button = tuple[str, Callable[[], object]]


class ElidedLabel(QLabel):
    """One line of plain text that shortens itself; the whole is in the tooltip.

    least: pixels that it keeps on a crowded line, where its text is that long.
    """

    def __init__(
        self, text: str = "", role: str = "", parent: QWidget | None = None, *, least: int = 24
    ) -> None:
        super().__init__(parent)
        self._least = least
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._text = text
        if role:
            self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(0)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        self._text = text
        self.setAccessibleName(text)
        super().setText(text)
        self.updateGeometry()
        self._fit()

    def full_text(self) -> str:
        return self._text

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        hint.setWidth(min(self.sizeHint().width(), self._least))
        return hint

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        hint.setWidth(self.fontMetrics().horizontalAdvance(self._text) + 2)
        return hint

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = self.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideRight, max(0, self.width())
        )
        if shown != self.text():
            super().setText(shown)
        self.setToolTip(paint.plain_tooltip(self._text) if shown != self._text else "")


def button(
    text: str,
    on_clicked: Callable[[], object] | None = None,
    *,
    icon: str = "",
    kind: str = "",
    tooltip: str = "",
) -> QPushButton:
    """A push button. kind: primary, link, quiet or the plain one. Text is a verb."""
    made = QPushButton(text)
    if kind:
        made.setProperty("kind", kind)
    if icon:
        token = {"primary": "on_accent", "link": "accent"}.get(kind, "text")
        made.setIcon(theme.icon(icon, token))
    if tooltip:
        made.setToolTip(paint.plain_tooltip(tooltip))
    if not text:
        made.setAccessibleName(tooltip)
    if on_clicked is not None:
        made.clicked.connect(lambda _=False: on_clicked())
    made.setCursor(Qt.CursorShape.ArrowCursor)
    return made


class InlineNotice(QFrame):
    """What, where, remedy and what can be done about it, in its place on the page.

    tone 0 neutral, 1 to 3 as the priorities.
    """

    def __init__(
        self,
        what: str,
        where: str = "",
        *,
        tone: int = 2,
        icon: str = "",
        buttons: Sequence[Button] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", f"notice{tone}")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 12, 8)
        row.setSpacing(12)
        names = ("information-outline", "alert-octagon-outline", "alert-outline", "alert-outline")
        row.addWidget(
            _Glyph(icon or names[tone], ("text2", "p1", "p2", "p3_edge")[tone]),
            0,
            Qt.AlignmentFlag.AlignVCenter,
        )
        words = QVBoxLayout()
        words.setSpacing(3)
        self._what = paint.label(what, "step", wrap=True)
        self._where = paint.label(where, wrap=True)
        words.addWidget(self._what)
        words.addWidget(self._where)
        row.addLayout(words, 1)
        self._where.setVisible(bool(where))
        for position, (text, action) in enumerate(buttons):
            row.addWidget(button(text, action, kind="primary" if position == 0 else ""))
        self.setAccessibleName(f"{what} {where}")

    def set_text(self, what: str, where: str = "") -> None:
        self._what.setText(what)
        self._where.setText(where)
        self._where.setVisible(bool(where))
        self.setAccessibleName(f"{what} {where}")


class _Glyph(QWidget):
    def __init__(self, name: str, token: str, size: int = 22) -> None:
        super().__init__()
        self._name, self._token = name, token
        self.setFixedSize(size, size)

    def paintEvent(self, _: QPaintEvent) -> None:
        theme.draw_icon(QPainter(self), self.rect(), self._name, self._token)


def glyph(name: str, token: str = "text2", size: int = 16) -> QWidget:
    """An icon that stands by itself."""
    return _Glyph(name, token, size)


class EmptyState(QWidget):
    """Why there is nothing, and the next step."""

    def __init__(
        self,
        why: str = "",
        *,
        icon: str = "information-outline",
        buttons: Sequence[Button] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addStretch(1)
        self._icon = icon
        if icon:
            column.addWidget(_Glyph(icon, "text3", 24), 0, Qt.AlignmentFlag.AlignHCenter)
        self._why = paint.label(why, "answer", wrap=True)
        self._why.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._why)
        row = QHBoxLayout()
        row.addStretch(1)
        for text, action in buttons:
            row.addWidget(button(text, action))
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(2)
        self.setAccessibleName(why)


class _ErrorBody(QWidget):
    """What, where, remedy, Try again, Copy details."""

    def __init__(self, error: UserFacingError, retry: Callable[[], object] | None) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(6)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(_Glyph("alert-outline", "p2", 18), 0, Qt.AlignmentFlag.AlignTop)
        where = paint.label(error.where, "strong", wrap=True)
        top.addWidget(where, 1)
        column.addLayout(top)
        column.addWidget(paint.label(error.what, wrap=True))
        if error.remedy:
            column.addWidget(paint.label(error.remedy, "answer", wrap=True))
        row = QHBoxLayout()
        if retry is not None:
            row.addWidget(button("Try again", retry, icon="refresh"))
        details = error.details if isinstance(error, InternalError) else str(error)
        row.addWidget(
            button(
                "Copy details",
                lambda: QGuiApplication.clipboard().setText(details or str(error)),
                kind="link",
            )
        )
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(1)
        self.setAccessibleName(f"Error. {error}")


class _Veil(QWidget):
    """Dims old content and says how long the new one has been computed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.text = ""
        self.hides_all = False  # words of an empty state behind it would be read as one with it
        self.hide()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface", 255 if self.hides_all else 170))
        wide = paint.text_width(self.text) + 20
        rect = QRectF((self.width() - wide) / 2, max(0.0, self.height() / 2 - 11), wide, 22)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("line"))
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        paint.draw_text(painter, rect, self.text, token="text2", align=paint.CENTER)


class Panel(QFrame):
    """A panel of a page. Put content into `self.body` or with `set_content`."""

    def __init__(
        self,
        title: str = "",
        subtitle: str = "",
        parent: QWidget | None = None,
        *,
        margins: int = 12,
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "panel")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(margins, 10 if title else margins, margins, margins)
        outer.setSpacing(8)
        self._header = QHBoxLayout()
        self._header.setSpacing(10)
        self._title = ElidedLabel(title, "title", least=_TITLE_LEAST)
        self._subtitle = ElidedLabel(subtitle, "label")
        # The subtitle has what title and buttons leave: it is cut before the title is.
        self._subtitle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._header.addWidget(self._title)
        self._header.addWidget(self._subtitle, 1)
        self._header_box = QWidget(self)  # a part without a parent would be shown as a window
        self._header_box.setLayout(self._header)
        self._header.setContentsMargins(0, 0, 0, 0)
        self._header_box.setMinimumHeight(24)
        self._header_box.setVisible(bool(title))
        outer.addWidget(self._header_box)
        self._stack_box = QWidget()
        self._stack = QStackedLayout(self._stack_box)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(8)
        self._stack.addWidget(self._content)
        outer.addWidget(self._stack_box, 1)
        self._other: QWidget | None = None
        self._veil = _Veil(self._stack_box)
        self._busy: JobHandle | None = None
        self._busy_since = 0.0
        self._doing = ""
        self._fraction: float | None = None
        self._dim_timer = QTimer(self)
        self._dim_timer.timeout.connect(self._tell_busy)
        self._progress: JobProgress | None = None
        self._outer = outer
        self.setAccessibleName(title)

    # -------------------------------------------------------- content

    def set_title(self, title: str, subtitle: str | None = None) -> None:
        self._title.set_text(title)
        self.setAccessibleName(title)
        self._header_box.setVisible(bool(title))
        if subtitle is not None:
            self._subtitle.set_text(subtitle)

    def set_subtitle(self, subtitle: str) -> None:
        self._subtitle.set_text(subtitle)

    def add_header_widget(self, widget: QWidget) -> QWidget:
        """Something at the right of the title: a legend, a chip, a link button."""
        self._header.addWidget(widget)
        # On a crowded page the body gives way, a button in the header is never cut.
        tall = max(self._header_box.minimumHeight(), widget.minimumSizeHint().height())
        self._header_box.setMinimumHeight(tall)
        self._header_box.setVisible(True)
        return widget

    def set_content(self, content: QWidget | QLayout) -> None:
        """Puts one widget or layout into the body."""
        if isinstance(content, QWidget):
            self.body.addWidget(content)
        else:
            self.body.addLayout(content)

    # -------------------------------------------------------- states

    def show_body(self) -> None:
        """Back to the content."""
        self._replace(None)

    def show_empty(
        self, why: str, *, icon: str = "information-outline", buttons: Sequence[Button] = ()
    ) -> None:
        """Instead of the content: why there is none, and the next step."""
        self._replace(EmptyState(why, icon=icon, buttons=buttons))

    def show_error(self, error: UserFacingError, retry: Callable[[], object] | None = None) -> None:
        """Instead of the content: what, where, remedy, Try again, Copy details."""
        self.set_idle()
        self._replace(_ErrorBody(error, retry))

    def show_no_right(self, role: str) -> None:
        """Instead of the content: the name of the role that may."""
        self._replace(EmptyState(f"Needs: {role}", icon="lock-outline"))

    def _replace(self, other: QWidget | None) -> None:
        if self._other is not None:
            self._stack.removeWidget(self._other)
            self._other.deleteLater()
            self._other = None
        if other is not None:
            self._other = other
            self._stack.addWidget(other)
            self._stack.setCurrentWidget(other)
        else:
            self._stack.setCurrentWidget(self._content)

    @property
    def state(self) -> str:
        """What is shown: body, empty or error."""
        if self._other is None:
            return "body"
        return "error" if isinstance(self._other, _ErrorBody) else "empty"

    def set_busy(self, handle: JobHandle) -> None:
        """New content is being computed; nothing is seen of it for 300 ms."""
        self._busy = handle
        self._busy_since = time.monotonic()
        self._doing = ""
        self._fraction = None
        self._dim_timer.start(DIM_AFTER_MS)

    def set_idle(self) -> None:
        self._busy = None
        self._dim_timer.stop()
        self._veil.hide()
        if self._progress is not None:
            self._outer.removeWidget(self._progress)
            self._progress.deleteLater()
            self._progress = None

    @property
    def busy(self) -> bool:
        return self._busy is not None

    def set_progress(self, fraction: float, doing: str) -> None:
        """How far the job is: shown as a bar with Cancel once it takes longer than a second."""
        self._fraction, self._doing = fraction, doing
        handle = self._busy
        if handle is None or time.monotonic() - self._busy_since < 1.0:
            return
        if self._progress is None:
            self._progress = JobProgress(handle)
            self._outer.addWidget(self._progress)
        self._progress.show_progress(fraction, doing)

    def _tell_busy(self) -> None:
        if self._busy is None or self._busy.done:
            self.set_idle()
            return
        seconds = time.monotonic() - self._busy_since
        self._veil.text = f"computing {seconds:.0f} s" if seconds >= 1 else "computing"
        self._veil.hides_all = self._other is not None
        self._veil.setGeometry(self._stack_box.rect())
        self._veil.raise_()
        self._veil.show()
        self._veil.update()
        self._dim_timer.start(500)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._veil.setGeometry(self._stack_box.rect())


class JobProgress(QWidget):
    """How far a job is, what it does, and Cancel."""

    def __init__(self, handle: JobHandle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._handle = handle
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._doing = ElidedLabel(handle.title, "label")
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(160)
        self._bar.setAccessibleName(f"Progress of {handle.title}")
        self._percent = paint.label("", "label")
        self._percent.setMinimumWidth(36)
        row.addWidget(self._doing, 1)
        row.addWidget(self._bar)
        row.addWidget(self._percent)
        self._cancel = button("Cancel", self._on_cancel, kind="quiet")
        row.addWidget(self._cancel)
        self._cancel.setVisible(handle.cancellable)

    def show_progress(self, fraction: float, doing: str) -> None:
        share = min(1.0, max(0.0, fraction))
        self._bar.setValue(round(share * 1000))
        self._percent.setText(f"{share * 100:.0f}\u00a0%")
        self._doing.set_text(doing or self._handle.title)

    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._doing.set_text("stopping")
        self._handle.cancel()

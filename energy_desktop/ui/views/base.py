"""What every screen is: a title with its answer, at most two actions, hooks, one context.

A view is a page of the window. It asks its services through the job runner and shows values; it
runs no timer while it is hidden. The meter and the period that were chosen go along from screen to
screen in one `NavigationContext`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QVBoxLayout, QWidget

from energy_desktop.domain.errors import JobCancelled, UserFacingError
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobHandle, JobRunner

if TYPE_CHECKING:
    from energy_desktop.domain.ports import ProgressSink
    from energy_desktop.ui.widgets.panel import Panel

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at, and when: empty and None mean the page's own choice."""

    meter_id: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    item_id: str = ""  # an alarm, invoice, finding or client, as the target page understands it


class NavigationContext(QObject):
    """The subject that travels, and the wish to go elsewhere. One for the whole window."""

    subject_changed = Signal(object)  # Subject
    requested = Signal(str, object)  # view id, the Subject that was left

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._subject = Subject()
        self._energy_version = 0

    @property
    def energy_version(self) -> int:
        """How often a person changed stored energy in this window."""
        return self._energy_version

    def tell_energy_changed(self) -> None:
        """Stored energy was corrected or imported: a page that was read before shows the past."""
        self._energy_version += 1

    @property
    def subject(self) -> Subject:
        return self._subject

    def choose(
        self,
        *,
        meter_id: str | None = None,
        period_ms: tuple[int, int] | None = None,
        item_id: str | None = None,
    ) -> None:
        """Changes what is given and keeps the rest."""
        subject = self._subject
        if meter_id is not None:
            subject = replace(subject, meter_id=meter_id)
        if period_ms is not None:
            subject = replace(subject, start_ms=period_ms[0], end_ms=period_ms[1])
        if item_id is not None:
            subject = replace(subject, item_id=item_id)
        self.set_subject(subject)

    def set_subject(self, subject: Subject) -> None:
        if subject != self._subject:
            self._subject = subject
            self.subject_changed.emit(subject)

    def go(self, view_id: str, *, meter_id: str | None = None, item_id: str | None = None) -> None:
        """Opens another page with the present subject, changed as given."""
        left = self._subject
        self.choose(meter_id=meter_id, item_id=item_id)
        self.requested.emit(view_id, left)


@dataclass(frozen=True, slots=True)
class ViewContext:
    """What every view is built with, beside its own services."""

    formats: Formats
    jobs: JobRunner
    navigation: NavigationContext


class BaseView(QWidget):
    """A page. Build the widgets in __init__ into `self.body`; ask nothing before `shown`.

    Override what is needed: `on_first_shown`, `on_shown`, `on_hidden`, `reload`,
    `on_subject_changed`, `focus_filter`, `export`, `print_pdf`.
    """

    answer_changed = Signal(str)
    actions_changed = Signal()

    view_id = ""
    title = ""
    follows_energy = False
    """Whether it is read again when it is shown after stored energy was corrected or imported."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.formats = context.formats
        self.jobs = context.jobs
        self.navigation = context.navigation
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(8)
        self._answer = ""
        self._page_actions: list[QAction] = []
        self._shown = False
        self._was_shown = False
        self._energy_read = self.navigation.energy_version
        self._latest: dict[object, JobHandle] = {}
        self.navigation.subject_changed.connect(self._on_subject_changed)

    # -------------------------------------------------------- title line

    @property
    def answer(self) -> str:
        """The sentence beside the title that answers the screen's question from the data."""
        return self._answer

    def set_answer(self, sentence: str) -> None:
        if sentence != self._answer:
            self._answer = sentence
            self.answer_changed.emit(sentence)

    def add_page_action(
        self, text: str, icon: str, on_triggered: Callable[[], object], *, shortcut: str = ""
    ) -> QAction:
        """One of at most two buttons at the right of the title. Raises ValueError for a third."""
        from energy_desktop.ui import theme

        if len(self._page_actions) == 2:
            raise ValueError("a page has at most two actions beside its title")
        action = QAction(theme.icon(icon), text, self)
        if shortcut:
            action.setShortcut(shortcut)
        action.triggered.connect(lambda: on_triggered())
        self._page_actions.append(action)
        self.actions_changed.emit()
        return action

    @property
    def page_actions(self) -> tuple[QAction, ...]:
        return tuple(self._page_actions)

    # -------------------------------------------------------- hooks

    @property
    def is_shown(self) -> bool:
        return self._shown

    def shown(self) -> None:
        """Called by the window when the page comes to the front."""
        if self._shown:
            return
        self._shown = True
        was_read, self._energy_read = self._energy_read, self.navigation.energy_version
        if not self._was_shown:
            self._was_shown = True
            self.on_first_shown()
        elif self.follows_energy and was_read != self._energy_read:
            self.reload()
        self.on_shown()

    def hidden(self) -> None:
        """Called by the window when another page comes to the front, and before it closes."""
        if self._shown:
            self._shown = False
            self.on_hidden()

    def on_first_shown(self) -> None:
        """Once, before the first `on_shown`: by default loads the data."""
        self.reload()

    def on_shown(self) -> None:
        """Each time: connect to the live feed, start timers here."""

    def on_hidden(self) -> None:
        """Each time: disconnect and stop what `on_shown` started."""

    def reload(self) -> None:
        """F5: read again what is shown."""

    def on_subject_changed(self, subject: Subject) -> None:
        """The meter or period was changed, here or elsewhere; called only while shown."""

    def reload_changed(self) -> None:
        """After stored energy was changed on this page: this one now, the others when shown."""
        self.navigation.tell_energy_changed()
        self._energy_read = self.navigation.energy_version
        self.reload()

    def focus_filter(self) -> None:
        """Ctrl F: focus the filter, if the page has one."""

    def export(self) -> None:
        """Ctrl E: export what is shown."""

    def print_pdf(self) -> None:
        """Ctrl P: the PDF of this view."""

    def _on_subject_changed(self, subject: Subject) -> None:
        if self._shown:
            self.on_subject_changed(subject)

    # -------------------------------------------------------- jobs

    def load(
        self,
        work: Callable[[], R],
        show: Callable[[R], object],
        *,
        panel: Panel | None = None,
        panels: tuple[Panel, ...] = (),
        title: str = "",
        on_error: Callable[[UserFacingError], object] | None = None,
        key: object = None,
    ) -> JobHandle:
        """Runs `work` off the GUI thread and shows its result.

        The panels keep their content, dim after 300 ms and show an error in its own place, with
        Try again. A newer `load` with the same key (by default the first panel, else `show`)
        makes the older one forgotten, so a slow answer never overwrites a newer question.
        """
        return self.load_long(
            lambda _: work(),
            show,
            panel=panel,
            panels=panels,
            title=title,
            on_error=on_error,
            key=key,
        )

    def load_long(
        self,
        work: Callable[[ProgressSink], R],
        show: Callable[[R], object],
        *,
        panel: Panel | None = None,
        panels: tuple[Panel, ...] = (),
        title: str = "",
        on_error: Callable[[UserFacingError], object] | None = None,
        key: object = None,
    ) -> JobHandle:
        """As `load`, for work with a ProgressSink: the first panel shows it with Cancel."""
        targets = (*((panel,) if panel is not None else ()), *panels)
        key = key if key is not None else (targets[0] if targets else show)
        older = self._latest.get(key)
        if older is not None and not older.done:
            older.drop()

        def done() -> None:
            for target in targets:
                target.set_idle()

        def succeeded(result: R) -> None:
            done()
            for target in targets:
                target.show_body()
            show(result)

        def failed(error: UserFacingError) -> None:
            done()
            if isinstance(error, JobCancelled):
                return
            if on_error is not None:
                on_error(error)
                return
            for target in targets:
                target.show_error(
                    error,
                    retry=lambda: self.load_long(
                        work, show, panels=targets, title=title, on_error=on_error, key=key
                    ),
                )

        def progressed(fraction: float, doing: str) -> None:
            for target in targets[:1]:
                target.set_progress(fraction, doing)

        handle = self.jobs.start_long(
            work,
            succeeded,
            failed,
            progress=progressed,
            title=title or self.title,
            guard=self,
        )
        self._latest[key] = handle
        for target in targets:
            target.set_busy(handle)
        return handle

"""The window: top bar, alarm strip, rail, one page, status bar. It knows pages and the shell only.

What only a key press needs (search, the key sheet) is imported then.
It paints itself first and builds the first page in the next turn of the event loop, so the frame
is on the screen before pyqtgraph and a page's own imports are paid for. Other pages are built when
they are first shown; a hidden page runs no timer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.ui import theme
from energy_desktop.ui.jobs import InternalError, as_user_facing
from energy_desktop.ui.shell import AlarmSummary, PageSpec, SearchHit, Shell
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.shell.alarm_strip import AlarmStrip
from energy_desktop.ui.widgets.shell.page_header import PageHeader
from energy_desktop.ui.widgets.shell.rail import SideRail
from energy_desktop.ui.widgets.shell.status_bar import StatusBar
from energy_desktop.ui.widgets.shell.top_bar import TopBar

log = logging.getLogger("energy_desktop.ui")

DESIGN_SIZE = QSize(1366, 768)
NARROW_UNDER = 1200


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the person was: for Alt Left."""

    view_id: str
    subject: Subject


class MainWindow(QMainWindow):
    """One window over one site.

    on_close is called once, before the window goes: it ends jobs, then the engine.
    on_theme(name) is called when the person switches light and dark.
    """

    page_shown = Signal(str)

    def __init__(
        self,
        pages: Sequence[PageSpec],
        shell: Shell,
        context: ViewContext,
        *,
        on_close: Callable[[], object] = lambda: None,
        on_theme: Callable[[str], object] = lambda _: None,
        first_page: str = "",
    ) -> None:
        super().__init__()
        self._pages = tuple(pages)
        self._shell = shell
        self._context = context
        self._on_close = on_close
        self._on_theme = on_theme
        self._views: dict[str, BaseView] = {}
        self.failures: dict[str, UserFacingError] = {}  # pages that could not be built
        self._current = ""
        self._first_page = first_page or self._pages[0].view_id
        self._past: list[_Place] = []
        self._going_back = False
        self._summary = AlarmSummary()
        self._closed = False

        self.setWindowTitle(f"{shell.site_name} · energy_desktop")
        self.resize(DESIGN_SIZE)
        self.setMinimumSize(900, 560)
        self._build()
        self._build_menu()
        context.navigation.requested.connect(self._on_requested)
        context.jobs.started.connect(lambda _: self._tell_jobs())
        context.jobs.ended.connect(lambda _: self._tell_jobs())
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self.refresh_shell)
        self.refresh_shell()
        self._header.show_title(self._spec(self._first_page).title, "")
        self._rail.set_current(self._first_page)

    # -------------------------------------------------------- building

    def _build(self) -> None:
        central = QWidget()
        central.setProperty("kind", "page")
        central.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._menu_button = QToolButton()
        self._menu_button.setIcon(theme.icon("lightning-bolt-circle", "accent"))
        self._menu_button.setIconSize(QSize(20, 20))
        self._menu_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._top = TopBar(self._context.formats, self._menu_button)
        self._top.search_asked.connect(self.open_search)
        self._top.alarms_asked.connect(lambda: self.show_page("alarms"))
        column.addWidget(self._top)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        self._rail = SideRail(self._pages)
        self._rail.fit()
        self._rail.chosen.connect(self.show_page)
        self._rail.help_asked.connect(self.show_shortcuts)
        middle.addWidget(self._rail)
        right = QVBoxLayout()
        right.setSpacing(0)
        self._strip = AlarmStrip(self._context.formats)
        self._strip.acknowledged.connect(self._on_acknowledged)
        self._strip.opened.connect(self._on_alarm_opened)
        right.addWidget(self._strip)
        self._header = PageHeader()
        right.addWidget(self._header)
        self._stack = QStackedWidget()
        self._stack.setContentsMargins(12, 0, 12, 12)
        right.addWidget(self._stack, 1)
        middle.addLayout(right, 1)
        column.addLayout(middle, 1)
        self._status = StatusBar(f"energy_desktop {self._shell.version}")
        self._status.opened.connect(self.show_page)
        column.addWidget(self._status)
        self.setCentralWidget(central)

    def _build_menu(self) -> None:
        menu = QMenu(self)
        go = menu.addMenu("Go to")
        for position, spec in enumerate(self._pages):
            keys = f"Ctrl+{position + 1}" if position < 9 else ""
            self._action(go, spec.title, keys, partial(self.show_page, spec.view_id), spec.icon)
        go.addSeparator()
        self._action(go, "Back", "Alt+Left", self.go_back, "arrow-left")
        self._action(go, "Next alarm", "Ctrl+L", self._next_alarm, "bell-outline")
        self._action(menu, "Find", "Ctrl+K", self.open_search, "magnify")
        menu.addSeparator()
        self._action(menu, "Read again", "F5", self._reload, "refresh")
        self._action(menu, "Next panel", "F6", self._next_panel)
        self._action(menu, "Filter", "Ctrl+F", self._with_view(BaseView.focus_filter))
        self._action(menu, "Export", "Ctrl+E", self._with_view(BaseView.export), "download")
        self._action(
            menu, "PDF of this view", "Ctrl+P", self._with_view(BaseView.print_pdf), "file-pdf-box"
        )
        menu.addSeparator()
        self._theme_action = self._action(
            menu, "Dark theme", "", self.toggle_theme, "theme-light-dark"
        )
        self._theme_action.setCheckable(True)
        self._theme_action.setChecked(theme.current().is_dark)
        menu.addSeparator()
        self._action(menu, "Help", "F1", self.show_shortcuts, "help-circle-outline")
        self._action(menu, "Keyboard", "?", self.show_shortcuts, "keyboard-outline")
        self._action(menu, "Close", "Ctrl+Q", self.close, "close")
        self._menu_button.setMenu(menu)
        escape = QShortcut(QKeySequence("Esc"), self)
        escape.activated.connect(self._focus_page)

    def _action(
        self,
        menu: QMenu,
        text: str,
        keys: str,
        on_triggered: Callable[[], object],
        icon: str = "",
    ) -> QAction:
        action = QAction(text, self)
        if icon:
            action.setIcon(theme.icon(icon, "text2"))
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: on_triggered())
        menu.addAction(action)
        self.addAction(action)
        return action

    def _with_view(self, method: Callable[[BaseView], object]) -> Callable[[], None]:
        def call() -> None:
            view = self.current_view
            if view is not None:
                # Looked up by name, so that the page's own override is called.
                getattr(view, method.__name__)()

        return call

    # -------------------------------------------------------- pages

    @property
    def current_view(self) -> BaseView | None:
        return self._views.get(self._current)

    @property
    def pages(self) -> tuple[PageSpec, ...]:
        return self._pages

    @property
    def current_page(self) -> str:
        return self._current

    def view(self, view_id: str) -> BaseView:
        """The page, built if it was not shown yet."""
        if view_id not in self._views:
            self._make(self._spec(view_id))
        return self._views[view_id]

    def renew_pages(self) -> None:
        """Builds the pages anew when what they show has changed under them, the present one now."""
        current = self._current or self._first_page
        old, self._views, self._current = self._views, {}, ""
        for view in old.values():
            view.hidden()
            self._stack.removeWidget(view)
            view.deleteLater()
        self._past.clear()
        self.show_page(current)

    def _spec(self, view_id: str) -> PageSpec:
        return next(p for p in self._pages if p.view_id == view_id)

    def show_page(self, view_id: str, left: Subject | None = None) -> None:
        """Brings a page to the front. An unknown id is a bug of ours and is logged.

        left: the subject to come back to with Alt Left; by default the present one.
        """
        if not any(p.view_id == view_id for p in self._pages):
            log.error("there is no page %r", view_id)
            return
        if view_id == self._current:
            return
        before = self.current_view
        if before is not None:
            before.hidden()
            if not self._going_back:
                self._past.append(_Place(self._current, left or self._context.navigation.subject))
                del self._past[:-50]
        spec = self._spec(view_id)
        view = self.view(view_id)
        self._current = view_id
        self._stack.setCurrentWidget(view)
        self._rail.set_current(view_id)
        self._header.show_title(spec.title, view.answer)
        self._header.show_actions(view.page_actions)
        self._show_strip()
        view.setFocus(Qt.FocusReason.OtherFocusReason)
        if self.isVisible():
            view.shown()
        self.page_shown.emit(view_id)

    def _make(self, spec: PageSpec) -> None:
        from energy_desktop.ui.views.message_view import MessageView

        view: BaseView
        if spec.locked_role:
            view = MessageView(self._context)
            view.panel.show_no_right(spec.locked_role)
        else:
            try:
                view = spec.factory()
            except Exception as error:  # noqa: BLE001 - one page must not take the window down
                view = MessageView(self._context)
                told = as_user_facing(error, spec.title)
                self.failures[spec.view_id] = told
                if not isinstance(told, InternalError):
                    log.warning("%s could not be opened: %s", spec.title, told)
                view.panel.show_error(told)
        view.answer_changed.connect(partial(self._on_answer, spec.view_id))
        view.actions_changed.connect(partial(self._on_actions, spec.view_id))
        self._views[spec.view_id] = view
        self._stack.addWidget(view)

    def _on_answer(self, view_id: str, answer: str) -> None:
        if view_id == self._current:
            self._header.show_title(self._spec(view_id).title, answer)

    def _on_actions(self, view_id: str) -> None:
        if view_id == self._current:
            self._header.show_actions(self._views[view_id].page_actions)

    def _on_requested(self, view_id: str, left: Subject) -> None:
        self.show_page(view_id, left)

    def go_back(self) -> None:
        """Alt Left: the page and subject before."""
        if not self._past:
            return
        place = self._past.pop()
        self._going_back = True
        try:
            self._context.navigation.set_subject(place.subject)
            self.show_page(place.view_id)
        finally:
            self._going_back = False

    # -------------------------------------------------------- shell

    def refresh_shell(self) -> None:
        """Once a second: clock, counts, strip and status bar."""
        self._top.tick()
        self._top.show_site(self._shell.site_name, self._shell.simulated)
        self._top.show_user(self._shell.user_name, self._shell.role_name)
        self._summary = self._shell.alarm_summary()
        self._top.show_alarms(self._summary)
        self._rail.set_count("alarms", self._summary.current)
        self._status.show_facts(self._shell.status_facts())
        self._show_strip()

    def _show_strip(self) -> None:
        self._strip.show_summary(self._summary, on_alarm_page=self._current == "alarms")

    def _on_acknowledged(self, alarm_id: int) -> None:
        self._shell.acknowledge(alarm_id)
        self.refresh_shell()

    def _on_alarm_opened(self, alarm_id: int) -> None:
        self._context.navigation.go("alarms", item_id=str(alarm_id))

    def _next_alarm(self) -> None:
        urgent = self._summary.urgent
        if urgent is not None:
            self._on_alarm_opened(urgent.alarm_id)
        else:
            self.show_page("alarms")

    def _tell_jobs(self) -> None:
        running = [h for h in self._context.jobs.running() if h.title]
        text = ""
        if len(running) == 1:
            text = running[0].title
        elif running:
            text = f"{len(running)} jobs running"
        self._status.show_jobs(text)

    # -------------------------------------------------------- actions

    def open_search(self) -> None:
        from energy_desktop.ui.palette import SearchPalette

        palette = SearchPalette(self._search, self)
        where = self._top.search.mapToGlobal(QPoint(0, 0))
        palette.move(where.x() - 120, where.y() + 36)
        palette.field.setFocus()
        palette.open()

    def _search(self, text: str) -> list[SearchHit]:
        from energy_desktop.ui.palette import matches

        hits = list(self._shell.search(text)) if text else []
        for spec in self._pages:
            if matches(text, spec.title, spec.group, "screen"):
                hits.append(
                    SearchHit(
                        spec.title, "screen", spec.icon, partial(self.show_page, spec.view_id)
                    )
                )
        view = self.current_view
        for action in (*(view.page_actions if view else ()), *self.actions()):
            if action.text() and matches(text, action.text(), "action"):
                if any(p.title == action.text() for p in self._pages):
                    continue
                keys = action.shortcut().toString()
                hits.append(
                    SearchHit(
                        action.text(), f"action  {keys}".strip(), "play-outline", action.trigger
                    )
                )
        return hits

    def toggle_theme(self) -> None:
        name = "light" if theme.current().is_dark else "dark"
        self._on_theme(name)
        self._theme_action.setChecked(theme.current().is_dark)

    def show_shortcuts(self) -> None:
        """The sheet under "?": every key of the window and of this page."""
        from energy_desktop.ui.widgets.table import Column, Table

        sheet = QDialog(self)
        sheet.setWindowTitle("Keyboard")
        sheet.resize(420, 560)
        column = QVBoxLayout(sheet)
        keys: Table[tuple[str, str]] = Table(
            [
                Column("Key", lambda row: row[0], width=140),
                Column("What it does", lambda row: row[1]),
            ],
            key=lambda row: row,
            name="Keys",
            selectable=False,
        )
        rows = [
            (a.shortcut().toString(), a.text())
            for a in self.actions()
            if not a.shortcut().isEmpty()
        ]
        view = self.current_view
        if view is not None:
            rows += [
                (a.shortcut().toString(), f"{a.text()} (this page)")
                for a in view.page_actions
                if not a.shortcut().isEmpty()
            ]
        rows += [
            ("Left, Right", "Move the cursor of a chart"),
            ("+, −, 0", "Shorter, longer, whole period of a chart"),
            ("T", "A chart as a table"),
            ("Ctrl+C", "Copy the table or chart with headers"),
            ("Esc", "Close the topmost, back to the page"),
        ]
        keys.show_rows(rows)
        column.addWidget(keys)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()

    def _reload(self) -> None:
        view = self.current_view
        if view is not None:
            view.reload()

    def _next_panel(self) -> None:
        view = self.current_view
        if view is None:
            return
        stops = [
            p
            for p in view.findChildren(Panel)
            if p.isVisibleTo(view) and _first_focusable(p) is not None
        ]
        if not stops:
            return
        focused = self.focusWidget()
        inside = next(
            (i for i, p in enumerate(stops) if focused is not None and p.isAncestorOf(focused)), -1
        )
        target = _first_focusable(stops[(inside + 1) % len(stops)])
        if target is not None:
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _focus_page(self) -> None:
        view = self.current_view
        if view is not None:
            view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # -------------------------------------------------------- window

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._second.start()
        if not self._current:
            QTimer.singleShot(0, self._show_first)
        else:
            view = self.current_view
            if view is not None:
                view.shown()

    def _show_first(self) -> None:
        if not self._current and not self._closed:
            self.show_page(self._first_page)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._rail.set_narrow(event.size().width() < NARROW_UNDER)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._closed:
            self._closed = True
            self._second.stop()
            view = self.current_view
            if view is not None:
                view.hidden()
            self._on_close()
        event.accept()


def _first_focusable(panel: Panel) -> QWidget | None:
    for child in panel.findChildren(QWidget):
        if child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.isVisibleTo(panel):
            return child
    return None

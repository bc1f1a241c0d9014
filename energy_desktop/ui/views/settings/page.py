"""What can be set, found by searching: each entry says its unit, range, default and meaning.

Facts of the site and of billing are drafts until they are saved together. Theme and number format
show at once. What the program knows of itself stands among them as rows to read (facts.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.settings import APPEARANCE, PROGRAM, SITE, BadSetting
from energy_desktop.domain.site import Site
from energy_desktop.services.http_in import HttpInService
from energy_desktop.services.settings import InvalidSettings, SettingsPicture, SettingsService
from energy_desktop.ui import theme
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.settings.facts import Facts, Outcome, open_folder, size_text
from energy_desktop.ui.views.settings.keys import HttpInRows
from energy_desktop.ui.views.settings.rows import EntryRow, Group
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button

_ITEM = "setting:"
_NAVIGATION_WIDTH = 168
_FOLLOWED_AFTER_MS = 4_000  # the engine looks at its settings every 3 s


class Appearance(Protocol):
    """The window, as far as it follows this page. Calls are made in the GUI thread."""

    @property
    def locale(self) -> str: ...

    def use_theme(self, name: str) -> None: ...

    def use_locale(self, name: str) -> None:
        """Pages are built anew, so that each shows the new signs."""
        ...

    def site_changed(self, site: Site) -> None:
        """Zone or currency may be another."""
        ...

    def offer_restore(self, found: str) -> None:
        """Leaves the site and shows its newest whole backup. found: what is damaged."""
        ...


class SettingsView(BaseView):
    """Search first, then the groups with a list of them at the left."""

    view_id = "settings"
    title = "Settings"

    def __init__(
        self,
        context: ViewContext,
        settings: SettingsService,
        appearance: Appearance,
        http_in: HttpInService | None = None,
        *,
        open_path: Callable[[Path], object] = open_folder,
    ) -> None:
        super().__init__(context)
        self._settings = settings
        self._appearance = appearance
        self.http_in = None if http_in is None else HttpInRows(self.formats, http_in, self.load)
        self._picture: SettingsPicture | None = None
        self._wanted = ""
        self._when_saved: list[Callable[[], object]] = []
        self.outcome = Outcome()
        self.facts = Facts(
            self,
            self.formats,
            settings,
            self.load,
            self.outcome,
            self.reload,
            open_path,
            appearance.offer_restore,
        )
        self._build_top()
        self.site = Group("Site", "where it is", save=self._save_site, verb="Save site")
        self.prices = Group("Contract and prices", save=self._save_site, verb="Save prices")
        self.billing = Group("Who bills", "on invoices", save=self._save_site, verb="Save")
        self.keeping = Group("Readings", "how long", save=self._save_site, verb="Save")
        self.looks = Group("Appearance", "shows at once")
        self.store = Group("Store", save=self._save_program, verb="Save store settings")
        self.http = Group("HTTP in", "sensors that post", save=self._save_program)
        self.folders = Group("Data folders")
        self.access = Group("Access and encryption")
        self.about = Group("About")
        self.groups = (
            self.site,
            self.prices,
            self.billing,
            self.looks,
            self.keeping,
            self.store,
            self.http,
            self.folders,
            self.access,
            self.about,
        )
        self._fill()
        self._lay_out()
        for group in self.groups:
            group.edited.connect(self._tell)
        for row in self.looks.entries.values():
            row.edited.connect(self._on_looks)
        self.add_page_action("Export site file…", "download", self.facts.export)
        self.add_page_action("Back up now", "database-export-outline", self.facts.back_up)

    # -------------------------------------------------------- building

    def _build_top(self) -> None:
        row = QHBoxLayout()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search settings")
        self.search.setAccessibleName("Search settings")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(420)
        self.search.addAction(
            theme.icon("magnify", "text2"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.search.textChanged.connect(self._on_search)
        self._count = paint.label("", "label")
        row.addWidget(self.search, 1)
        row.addWidget(self._count)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.outcome.notice)
        self.body.addWidget(self.outcome.warning)

    def _fill(self) -> None:
        by_name = {
            "site": self.site,
            "prices": self.prices,
            "billing": self.billing,
            "keeping": self.keeping,
        }
        for declared in SITE.values():
            by_name[declared.group].add(EntryRow(declared, self.formats))
        for declared in APPEARANCE.values():
            self.looks.add(EntryRow(declared, self.formats))
        for fact in self.facts.of_store:
            self.store.add(fact)
        for declared in PROGRAM.values():
            group = self.http if declared.group == "http" else self.store
            group.add(EntryRow(declared, self.formats))
        if self.http_in is not None:
            for row in self.http_in.rows:
                self.http.add(row)
        self.keeping.add(self.facts.retention)
        for row in self.keeping.entries.values():
            row.edited.connect(self._show_keeping)
        for group, facts in (
            (self.folders, self.facts.of_folders),
            (self.access, self.facts.of_access),
            (self.about, self.facts.of_program),
        ):
            for fact in facts:
                group.add(fact)

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(8)
        navigation = QVBoxLayout()
        navigation.setContentsMargins(0, 0, 0, 0)
        navigation.setSpacing(2)
        self._links: list[QPushButton] = []
        for group in self.groups:
            link = button(group.name, partial(self._scroll_to, group), kind="quiet")
            link.setStyleSheet("text-align: left;")
            link.setMinimumWidth(_NAVIGATION_WIDTH)
            self._links.append(link)
            navigation.addWidget(link)
        navigation.addStretch(1)
        middle.addLayout(navigation)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(8)
        for group in self.groups:
            column.addWidget(group)
            group.setVisible(group is self.site)
        self._nothing = paint.label("", "answer", wrap=True)
        self._nothing.setVisible(False)
        column.addWidget(self._nothing)
        column.addStretch(1)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(page)
        middle.addWidget(self.area, 1)
        self.body.addLayout(middle, 1)

    # -------------------------------------------------------- showing

    def on_shown(self) -> None:
        self.on_subject_changed(self.navigation.subject)
        self.looks.entries["theme"].show_value(theme.current().name)

    def on_hidden(self) -> None:
        if self.http_in is not None:
            self.http_in.keys.hide_secret()

    def reload(self) -> None:
        self.load(self._settings.load, self.show_picture, panel=self.site, title="Settings")
        if self.http_in is not None:
            self.http_in.reload()

    def show_picture(self, picture: SettingsPicture) -> None:
        """Everything at once; drafts that are not saved stay in their fields."""
        self._picture = picture
        for group in self._of_site:
            for name, row in group.entries.items():
                row.show_value(getattr(picture.site, name))
        self.site.entries["zone"].offer(picture.zones)
        for name in PROGRAM:
            self._program_entry(name).show_value(getattr(picture.program, name))
        self.looks.entries["theme"].show_value(theme.current().name)
        self.looks.entries["locale"].show_value(self._appearance.locale)
        self.facts.show(picture)
        self._on_search(self.search.text())
        self._tell()
        if self._wanted:
            self.reveal(self._wanted)

    def _tell(self) -> None:
        if self._picture is None:
            return
        drafts = sum(len(g.changes()) for g in self.groups if g is not self.looks)
        for group in self.groups:
            group.tell()
        if not drafts:
            waiting, self._when_saved = self._when_saved, []
            for deed in waiting:
                deed()
        if drafts:
            noun = "1 change is" if drafts == 1 else f"{drafts} changes are"
            self.set_answer(f"{noun} not saved yet.")
            return
        p = self._picture
        backup = (
            "no backup was made here yet"
            if p.last_backup is None
            else f"last backup {self.formats.moment(p.last_backup.at_ms)}"
        )
        count = len(p.driver_errors)
        files = "1 faulty driver file" if count == 1 else f"{count} faulty driver files"
        faulty = f", {files}" if count else ""
        stored = size_text(self.formats, p.database_bytes)
        self.set_answer(f"{p.site.name}: {stored} stored, {backup}{faulty}.")

    @property
    def _of_site(self) -> tuple[Group, ...]:
        return self.site, self.prices, self.billing, self.keeping

    def _show_keeping(self) -> None:
        """Follows what is being typed, as far as it is a number of days."""
        days = []
        for row in self.keeping.entries.values():
            try:
                days.append(int(row.declared.read(row.text)))
            except BadSetting:
                return
        self.facts.show_keeping(*days)

    # -------------------------------------------------------- searching

    def focus_filter(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _on_search(self, text: str) -> None:
        if self._picture is None:
            return
        asked = text.lower().split()
        total = sum(len(group.rows) for group in self.groups)
        found = 0
        for group, link in zip(self.groups, self._links, strict=True):
            shown = group.filter(asked)
            # A group with a draft is never out of sight: it could not be saved.
            group.setVisible(shown > 0 or (bool(group.changes()) and group is not self.looks))
            link.setEnabled(not group.isHidden())
            found += shown
        self._count.setText(f"{found} of {total}" if asked else "")
        self._nothing.setText(f"No setting is called “{text.strip()}”.")
        self._nothing.setVisible(bool(asked) and not found)

    def on_subject_changed(self, subject: Subject) -> None:
        if subject.item_id.startswith(_ITEM):
            self.reveal(subject.item_id.removeprefix(_ITEM))

    def reveal(self, name: str) -> None:
        """Brings the field of a setting into sight and gives it the keyboard."""
        if self._picture is None:
            self._wanted = name
            return
        self._wanted = ""
        self.search.clear()
        for group in self.groups:
            row = group.entries.get(name)
            if row is not None:
                row.field.setFocus()
                # Groups that were shown a moment ago have their places in the next turn only.
                QTimer.singleShot(0, row, partial(self.area.ensureWidgetVisible, row))

    def _scroll_to(self, group: Group) -> None:
        self.area.verticalScrollBar().setValue(group.y())
        field = next(iter(group.entries.values()), None)
        if field is not None:
            field.field.setFocus()

    # -------------------------------------------------------- changing

    def _save_site(self, entries: dict[str, str]) -> None:
        self.load(
            lambda: self._settings.change_site(entries),
            lambda site: self._site_saved(site, entries),
            on_error=self._refused,
            key="site",
            title="Saving the site",
        )

    def _site_saved(self, site: Site, entries: dict[str, str]) -> None:
        for group in self._of_site:
            for name, row in group.entries.items():
                if name in entries:
                    row.undo_to(getattr(site, name))
        names = ", ".join(SITE[name].label for name in entries)
        self.outcome.say("Saved.", f"{names}. It is in force now.")
        self.reload()
        if entries.keys() & {"zone", "currency"}:
            self._once_saved(partial(self._appearance.site_changed, site))

    def _once_saved(self, deed: Callable[[], object]) -> None:
        """Now, or when no draft is left: building pages anew would throw drafts away."""
        self._when_saved.append(deed)
        self._tell()

    def _program_entry(self, name: str) -> EntryRow:
        return self.store.entries.get(name) or self.http.entries[name]

    def _save_program(self, entries: dict[str, str]) -> None:
        def saved(_: object) -> None:
            for name in entries:
                row = self._program_entry(name)
                row.undo_to(row.declared.read(row.text))
            self.outcome.say("Saved.", ", ".join(PROGRAM[name].label for name in entries))
            self.reload()
            if self.http_in is not None and entries.keys() & self.http.entries.keys():
                QTimer.singleShot(_FOLLOWED_AFTER_MS, self, self.http_in.reload)

        self.load(
            lambda: self._settings.change_program(entries),
            saved,
            on_error=self._refused,
            key="program",
            title="Saving settings",
        )

    def _refused(self, error: UserFacingError) -> None:
        if isinstance(error, InvalidSettings):
            for group in self.groups:
                group.show_faults(error.faults)
        self._tell()
        if isinstance(error, InvalidSettings):
            for group in self.groups:
                group.show_faults(error.faults)
            self.outcome.warn("Nothing was saved.", error.what)
            return
        self.outcome.failed(error)

    def _on_looks(self) -> None:
        chosen_theme = self.looks.entries["theme"].text
        if chosen_theme != theme.current().name:
            self._appearance.use_theme(chosen_theme)
            self.looks.entries["theme"].show_value(chosen_theme)
        locale = self.looks.entries["locale"].text
        if locale != self._appearance.locale:
            self._once_saved(partial(self._use_locale, locale))
            if self._when_saved:
                self.outcome.say(
                    "Numbers change when the other changes are saved.", "Save them, or undo them."
                )

    def _use_locale(self, locale: str) -> None:
        if locale == self.looks.entries["locale"].text != self._appearance.locale:
            self._appearance.use_locale(locale)

"""What can be set, found by searching: each entry says its unit, range, default and meaning.

Facts of the site and of billing are drafts until they are saved together. Theme and number format
show at once. Everything else here is what the program knows of itself: where the data lies, how
big it is, whether it is sound, and what the program is made of.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import PySide6
from PySide6.QtCore import Qt, QTimer, QUrl, qVersion
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.settings import APPEARANCE, PROGRAM, SITE
from energy_desktop.domain.site import Site
from energy_desktop.services.backups import Backup
from energy_desktop.services.http_in import HttpInService
from energy_desktop.services.settings import (
    InvalidSettings,
    SettingsPicture,
    SettingsService,
)
from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.settings_keys_panel import HttpInRows
from energy_desktop.ui.views.settings_rows import EntryRow, FactRow, Group
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import InlineNotice, button

_ITEM = "setting:"
_NAVIGATION_WIDTH = 168
_FOLLOWED_AFTER_MS = 4_000  # the engine looks at its settings every 3 s


class Appearance(Protocol):
    """The window, as far as its looks can be set. Calls are made in the GUI thread."""

    @property
    def locale(self) -> str: ...

    def use_theme(self, name: str) -> None: ...

    def use_locale(self, name: str) -> None:
        """Pages are built anew, so that each shows the new signs."""
        ...

    def site_changed(self, site: Site) -> None:
        """Zone or currency may be another."""
        ...


def open_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


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
        self._open_path = open_path
        self.http_in = None if http_in is None else HttpInRows(self.formats, http_in, self.load)
        self._picture: SettingsPicture | None = None
        self._wanted = ""
        self._when_saved: list[Callable[[], object]] = []
        self._build_top()
        self.site = Group("Site", "where it is", save=self._save_site, verb="Save site")
        self.prices = Group("Contract and prices", save=self._save_site, verb="Save prices")
        self.billing = Group("Who bills", "on invoices", save=self._save_site, verb="Save")
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
        self.add_page_action("Export site file…", "download", self.export)
        self.add_page_action("Back up now", "database-export-outline", self.back_up)

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
        self.notice = InlineNotice("", tone=0)
        self.notice.setVisible(False)
        self.body.addWidget(self.notice)
        self.warning = InlineNotice("", tone=2)
        self.warning.setVisible(False)
        self.body.addWidget(self.warning)

    def _fill(self) -> None:
        by_name = {"site": self.site, "prices": self.prices, "billing": self.billing}
        for declared in SITE.values():
            by_name[declared.group].add(EntryRow(declared, self.formats))
        for declared in APPEARANCE.values():
            self.looks.add(EntryRow(declared, self.formats))
        self.database = FactRow("Database", "All readings, invoices and alarms lie in it.")
        self.room = FactRow("Size and room")
        self.last_backup = FactRow(
            "Last backup made here",
            "A copy while readings go on; it counts only after it was opened and compared.",
            [button("Back up now", self.back_up, icon="database-export-outline")],
        )
        self.damage = FactRow(
            "Soundness",
            "Holds every stored block against its checksum and every invoice against its hash.",
            [button("Check for damage", self.check_damage, icon="stethoscope")],
        )
        self.retention = FactRow("Kept for", "Older readings are thinned out, never at once.")
        for fact in (self.database, self.room, self.last_backup, self.damage):
            self.store.add(fact)
        for declared in PROGRAM.values():
            group = self.http if declared.group == "http" else self.store
            group.add(EntryRow(declared, self.formats))
        if self.http_in is not None:
            for row in self.http_in.rows:
                self.http.add(row)
        self.store.add(self.retention)
        self.site_folder = self._folder_row("Site folder", "Database, log and what follows.")
        self.driver_folder = self._folder_row(
            "Own drivers", "A driver file put here is used at once, without a restart."
        )
        self.paper_folder = self._folder_row("Papers", "Invoices and reports as PDF.")
        self.export_row = FactRow(
            "Site file",
            "The whole site as text: meters, clients, contracts, alarms. `energy-desktop apply` "
            "reads it, here or on another machine. Market prices are not in it.",
            [button("Export site file…", self.export, icon="download")],
        )
        self.folders.add(self.export_row)
        self.user = FactRow("You are")
        self.rights = FactRow("Rights")
        self.encryption = FactRow("Encryption")
        self.version = FactRow("Program")
        self.versions = FactRow("Runs on")
        self.licences = FactRow(
            "Licences",
            "The program is MIT. It contains the work of others under their own licences.",
            [button("Show licences", self.show_licences, icon="scale-balance")],
        )
        for fact in (self.user, self.rights, self.encryption):
            self.access.add(fact)
        for fact in (self.version, self.versions, self.licences):
            self.about.add(fact)

    def _folder_row(self, label: str, meaning: str) -> FactRow:
        opener = button("Open folder", lambda: self._open(row), icon="folder-open-outline")
        opener.setAccessibleName(f"Open folder: {label}")
        row = FactRow(label, meaning, [opener])
        self.folders.add(row)
        return row

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
        for group in (self.site, self.prices, self.billing):
            for name, row in group.entries.items():
                row.show_value(getattr(picture.site, name))
        self.site.entries["zone"].offer(picture.zones)
        for name in PROGRAM:
            self._program_entry(name).show_value(getattr(picture.program, name))
        self.looks.entries["theme"].show_value(theme.current().name)
        self.looks.entries["locale"].show_value(self._appearance.locale)
        self._show_facts(picture)
        self._on_search(self.search.text())
        self._tell()
        if self._wanted:
            self.reveal(self._wanted)

    def _show_facts(self, p: SettingsPicture) -> None:
        formats = self.formats
        self.database.show_text(p.database)
        free = p.free_disk_bytes
        room = "" if free is None else f", {size_text(formats, free)} free on its disk"
        self.room.show_text(f"{size_text(formats, p.database_bytes)}{room}")
        said = "None yet." if p.last_backup is None else backup_text(formats, p.last_backup)
        if p.backup_failure is not None:
            when = formats.full_moment(p.backup_failure.at_ms)
            said += f"\n{when}, the last try failed. {p.backup_failure.sentence}"
        self.last_backup.show_text(said)
        if not self.damage.text:
            self.damage.show_text("Not checked since the program was opened.")
        self.retention.show_text("\n".join(f"{what}: {how}" for what, how in p.info.retention))
        none = "This program has no folder of its own."
        self.site_folder.show_text(str(p.places.site or none))
        errors = "".join(f"\n{error}" for error in p.driver_errors)
        self.driver_folder.show_text(
            f"{p.places.drivers or none}\n{p.driver_count} drivers in use, "
            + (f"{len(p.driver_errors)} faulty:{errors}" if p.driver_errors else "none faulty")
        )
        self.paper_folder.show_text(str(p.places.papers or none))
        self.export_row.show_text(f"{p.site.name}, as it is stored now")
        self.user.show_text(f"{p.info.user_name}, as this system knows you")
        self.rights.show_text(
            "Whoever can open this program can change everything in it. There are no accounts and "
            "no roles yet; the system's own sign-in is the lock."
        )
        kind = p.software.split(" ")[0]
        self.encryption.show_text(
            "The database is encrypted (SQLCipher, AES-256). `energy-desktop encryption` changes "
            "its passphrase, recovery key or key; a running program must be closed for that."
            if p.encrypted
            else f"The database is plain {kind}: whoever has the file can read it. Close this "
            "program and use `energy-desktop encryption on`, or let the disk itself be encrypted."
        )
        self.version.show_text(f"energy_desktop {p.info.version}")
        self.versions.show_text(
            f"Python {platform.python_version()}\nQt {qVersion()}, PySide6 {PySide6.__version__}\n"
            f"{p.software}\n{platform.system()} {platform.release()}, {platform.machine()}"
        )

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
        for group in (self.site, self.prices, self.billing):
            for name, row in group.entries.items():
                if name in entries:
                    row.undo_to(getattr(site, name))
        names = ", ".join(SITE[name].label for name in entries)
        self._say("Saved.", f"{names}. It is in force now.")
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
            self._say("Saved.", ", ".join(PROGRAM[name].label for name in entries))
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
            self._warn("Nothing was saved.", error.what)
            return
        self._warn(f"{error.where}: {error.what}", error.remedy)

    def _on_looks(self) -> None:
        chosen_theme = self.looks.entries["theme"].text
        if chosen_theme != theme.current().name:
            self._appearance.use_theme(chosen_theme)
            self.looks.entries["theme"].show_value(chosen_theme)
        locale = self.looks.entries["locale"].text
        if locale != self._appearance.locale:
            self._once_saved(partial(self._use_locale, locale))
            if self._when_saved:
                self._say(
                    "Numbers change when the other changes are saved.", "Save them, or undo them."
                )

    def _use_locale(self, locale: str) -> None:
        if locale == self.looks.entries["locale"].text != self._appearance.locale:
            self._appearance.use_locale(locale)

    # -------------------------------------------------------- deeds

    def back_up(self) -> None:
        self.last_backup.show_text("Copying and verifying …")
        self.load(
            self._settings.back_up,
            self.show_backup,
            on_error=self._backup_failed,
            key="backup",
            title="Backing up",
        )

    def show_backup(self, made: Backup) -> None:
        self.last_backup.show_text(backup_text(self.formats, made))
        files = "1 older backup was" if made.removed == 1 else f"{made.removed} older backups were"
        gone = f" {files} removed." if made.removed else ""
        self._say(
            f"Backup verified: {size_text(self.formats, made.size_bytes)}.", f"{made.file}{gone}"
        )
        self.reload()

    def _backup_failed(self, error: UserFacingError) -> None:
        picture = self._picture
        if picture is not None:
            self._show_facts(picture)
        self._warn(f"No backup was made. {error.what}", f"{error.where} {error.remedy}".strip())

    def check_damage(self) -> None:
        self.damage.show_text("Checking every block …")
        self.load(
            self._settings.find_damage,
            self.show_damage,
            on_error=self._check_failed,
            key="damage",
            title="Checking for damage",
        )

    def show_damage(self, found: tuple[str, ...]) -> None:
        at = self.formats.clock_time(self.formats.now_ms())
        if not found:
            self.damage.show_text(f"Sound at {at}: every block, every invoice.")
            self._say("Nothing is damaged.", "Every block and every invoice is as it was written.")
            return
        places = "1 damaged place" if len(found) == 1 else f"{len(found)} damaged places"
        more = "" if len(found) <= 8 else f"\nand {len(found) - 8} more"
        self.damage.show_text(f"{places} at {at}:\n" + "\n".join(found[:8]) + more)
        self._warn(f"{places} found.", "See Store, Soundness. Keep this database and restore.")

    def _check_failed(self, error: UserFacingError) -> None:
        self.damage.show_text("The check could not be finished.")
        self._warn(f"{error.where}: {error.what}", error.remedy)

    def export(self) -> None:
        name = "site.toml"
        dialog = QFileDialog(self, "Export site file", name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["Site file (*.toml)"])
        dialog.setDefaultSuffix("toml")
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda chosen: self.export_to(Path(chosen)))
        dialog.open()

    def export_to(self, out: Path) -> None:
        self.load(
            lambda: self._settings.export_site(out),
            lambda size: self._say(
                "The site file was written.", f"{out}, {size_text(self.formats, size)}"
            ),
            on_error=lambda e: self._warn(f"{e.where}: {e.what}", e.remedy),
            key="export",
            title="Exporting the site",
        )

    def _open(self, row: FactRow) -> None:
        if self._picture is None:
            return
        places = self._picture.places
        folder = {
            self.site_folder: places.site,
            self.driver_folder: places.drivers,
            self.paper_folder: places.papers,
        }[row]
        if folder is None:
            return
        self.load(
            lambda: self._settings.ready_folder(folder),
            self._open_path,
            on_error=lambda e: self._warn(f"{folder}: {e.what}", e.remedy),
            key="folder",
        )

    def show_licences(self) -> None:
        self.load(
            self._settings.notices,
            self.show_notices,
            on_error=lambda e: self._warn(f"{e.where}: {e.what}", e.remedy),
            key="notices",
        )

    def show_notices(self, text: str) -> QDialog:
        dialog = QDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Licences")
        dialog.resize(760, 560)
        column = QVBoxLayout(dialog)
        words = QPlainTextEdit(text)
        words.setReadOnly(True)
        words.setFont(theme.font(12, mono=True))
        words.setAccessibleName("Licences of what this program contains")
        column.addWidget(words)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(button("Close", dialog.reject))
        column.addLayout(row)
        dialog.open()
        return dialog

    # -------------------------------------------------------- outcomes

    def _say(self, what: str, where: str) -> None:
        self.warning.setVisible(False)
        self.notice.set_text(what, where)
        self.notice.setVisible(True)

    def _warn(self, what: str, where: str) -> None:
        self.notice.setVisible(False)
        self.warning.set_text(what, where)
        self.warning.setVisible(True)


def size_text(formats: Formats, size_bytes: int) -> str:
    """Bytes as kB, MB or GB, with the unit that leaves a number to read."""
    for unit, divisor, decimals in (("GB", 1e9, 1), ("MB", 1e6, 1), ("kB", 1e3, 1)):
        if size_bytes >= divisor:
            return f"{formats.number(size_bytes / divisor, decimals)}\u00a0{unit}"
    return f"{formats.number(size_bytes)}\u00a0bytes"


def backup_text(formats: Formats, made: Backup) -> str:
    size = size_text(formats, made.size_bytes)
    return f"{formats.full_moment(made.at_ms)}, {size}, verified\n{made.file}"

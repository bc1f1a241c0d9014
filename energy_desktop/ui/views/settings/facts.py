"""What the program knows of itself, as rows to read, and what can be done about each of them.

Where the data lies, how big it is, whether it is sound, what the program is made of. No row here
is a setting: nothing waits to be saved, a button acts at once and says what came of it.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import PySide6
from PySide6.QtCore import Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.keeping import DailyRoom
from energy_desktop.services.backups import Backup
from energy_desktop.services.settings import SettingsPicture, SettingsService
from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.settings.rows import FactRow
from energy_desktop.ui.widgets.panel import InlineNotice, button

OTHER_CHOICES_DAYS = (7, 31, 92, 366)

Load = Callable[..., object]
"""BaseView.load: runs work off the GUI thread and shows its result."""


class Outcome:
    """What came of the last deed: good news or a warning, never both."""

    def __init__(self) -> None:
        self.notice = InlineNotice("", tone=0)
        self.notice.setVisible(False)
        self.warning = InlineNotice("", tone=2)
        self.warning.setVisible(False)

    def say(self, what: str, where: str) -> None:
        self.warning.setVisible(False)
        self.notice.set_text(what, where)
        self.notice.setVisible(True)

    def warn(self, what: str, where: str) -> None:
        self.notice.setVisible(False)
        self.warning.set_text(what, where)
        self.warning.setVisible(True)

    def failed(self, error: UserFacingError) -> None:
        self.warn(f"{error.where}: {error.what}", error.remedy)


def open_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class Facts:
    """The rows; the page puts them into its groups. reload: reads everything anew."""

    def __init__(
        self,
        page: QWidget,
        formats: Formats,
        settings: SettingsService,
        load: Load,
        outcome: Outcome,
        reload: Callable[[], object],
        open_path: Callable[[Path], object],
        offer_restore: Callable[[str], object],
    ) -> None:
        self._page = page
        self._formats = formats
        self._settings = settings
        self._load = load
        self._outcome = outcome
        self._reload = reload
        self._open_path = open_path
        self._offer_restore = offer_restore
        self._found = ""
        self._picture: SettingsPicture | None = None
        self.database = FactRow("Database", "All readings, invoices and alarms lie in it.")
        self.room = FactRow("Size and room")
        self.last_backup = FactRow(
            "Last backup made here",
            "A copy while readings go on; it counts only after it was opened and compared.",
            [button("Back up now", self.back_up, icon="database-export-outline")],
        )
        self.restore_button = button("Restore a backup…", self._restore, icon="backup-restore")
        self.restore_button.setVisible(False)
        self.damage = FactRow(
            "Soundness",
            "Holds every stored block against its checksum and every invoice against its hash.",
            [
                button("Check for damage", self.check_damage, icon="stethoscope"),
                self.restore_button,
            ],
        )
        self.retention = FactRow(
            "Room that this takes",
            "Quarter hours, hours and days of history, energy, alarms, invoices and their papers "
            "stay for ever. Room that is given up is used again; the file does not shrink.",
        )
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

    @property
    def of_store(self) -> tuple[FactRow, ...]:
        return self.database, self.room, self.last_backup, self.damage

    @property
    def of_folders(self) -> tuple[FactRow, ...]:
        return self.site_folder, self.driver_folder, self.paper_folder, self.export_row

    @property
    def of_access(self) -> tuple[FactRow, ...]:
        return self.user, self.rights, self.encryption

    @property
    def of_program(self) -> tuple[FactRow, ...]:
        return self.version, self.versions, self.licences

    def _folder_row(self, label: str, meaning: str) -> FactRow:
        opener = button("Open folder", lambda: self.open(row), icon="folder-open-outline")
        opener.setAccessibleName(f"Open folder: {label}")
        row = FactRow(label, meaning, [opener])
        return row

    # -------------------------------------------------------- showing

    def show(self, p: SettingsPicture) -> None:
        self._picture, formats = p, self._formats
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
        self.show_keeping(p.site.raw_days, p.site.minute_days)
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

    def show_keeping(self, raw_days: int, minute_days: int) -> None:
        """What a choice means in bytes, beside others; also for one that is not saved."""
        if self._picture is not None:
            self.retention.show_text(
                keeping_text(
                    self._formats,
                    self._picture.daily_room,
                    raw_days,
                    minute_days,
                    self._picture.free_disk_bytes,
                )
            )

    # -------------------------------------------------------- deeds

    def back_up(self) -> None:
        self.last_backup.show_text("Copying and verifying …")
        self._load(
            self._settings.back_up,
            self.show_backup,
            on_error=self._backup_failed,
            key="backup",
            title="Backing up",
        )

    def show_backup(self, made: Backup) -> None:
        self.last_backup.show_text(backup_text(self._formats, made))
        files = "1 older backup was" if made.removed == 1 else f"{made.removed} older backups were"
        gone = f" {files} removed." if made.removed else ""
        self._outcome.say(
            f"Backup verified: {size_text(self._formats, made.size_bytes)}.", f"{made.file}{gone}"
        )
        self._reload()

    def _backup_failed(self, error: UserFacingError) -> None:
        if self._picture is not None:
            self.show(self._picture)
        self._outcome.warn(
            f"No backup was made. {error.what}", f"{error.where} {error.remedy}".strip()
        )

    def check_damage(self) -> None:
        self.damage.show_text("Checking every block …")
        self._load(
            self._settings.find_damage,
            self.show_damage,
            on_error=self._check_failed,
            key="damage",
            title="Checking for damage",
        )

    def show_damage(self, found: tuple[str, ...]) -> None:
        self.restore_button.setVisible(False)
        at = self._formats.clock_time(self._formats.now_ms())
        if not found:
            self.damage.show_text(f"Sound at {at}: every block, every invoice.")
            self._outcome.say(
                "Nothing is damaged.", "Every block and every invoice is as it was written."
            )
            return
        places = "1 damaged place" if len(found) == 1 else f"{len(found)} damaged places"
        more = "" if len(found) <= 8 else f"\nand {len(found) - 8} more"
        self.damage.show_text(f"{places} at {at}:\n" + "\n".join(found[:8]) + more)
        self._found = found[0]
        # A server's database is restored on the server.
        on_a_file = self._picture is None or self._picture.software.startswith("SQLite")
        self.restore_button.setVisible(on_a_file)
        self._outcome.warn(
            f"{places} found.",
            "See Store, Soundness. There the newest whole backup is looked for; polling stops, and "
            "you decide then.",
        )

    def _restore(self) -> None:
        self._offer_restore(self._found)

    def _check_failed(self, error: UserFacingError) -> None:
        self.damage.show_text("The check could not be finished.")
        self._outcome.failed(error)

    def export(self) -> None:
        name = "site.toml"
        dialog = QFileDialog(self._page, "Export site file", name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["Site file (*.toml)"])
        dialog.setDefaultSuffix("toml")
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda chosen: self.export_to(Path(chosen)))
        dialog.open()

    def export_to(self, out: Path) -> None:
        self._load(
            lambda: self._settings.export_site(out),
            lambda size: self._outcome.say(
                "The site file was written.", f"{out}, {size_text(self._formats, size)}"
            ),
            on_error=self._outcome.failed,
            key="export",
            title="Exporting the site",
        )

    def open(self, row: FactRow) -> None:
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
        self._load(
            lambda: self._settings.ready_folder(folder),
            self._open_path,
            on_error=lambda e: self._outcome.warn(f"{folder}: {e.what}", e.remedy),
            key="folder",
        )

    def show_licences(self) -> None:
        self._load(
            self._settings.notices,
            self.show_notices,
            on_error=self._outcome.failed,
            key="notices",
        )

    def show_notices(self, text: str) -> QDialog:
        dialog = QDialog(self._page)
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


def size_text(formats: Formats, size_bytes: int) -> str:
    """Bytes as kB, MB or GB, with the unit that leaves a number to read."""
    for unit, divisor, decimals in (("GB", 1e9, 1), ("MB", 1e6, 1), ("kB", 1e3, 1)):
        if size_bytes >= divisor:
            return f"{formats.number(size_bytes / divisor, decimals)}\u00a0{unit}"
    return f"{formats.number(size_bytes)}\u00a0bytes"


def keeping_text(
    formats: Formats, room: DailyRoom, raw_days: int, minute_days: int, free_bytes: int | None
) -> str:
    """Bytes of a choice once it is full, what it adds each year, and other choices beside it."""
    full = room.needed(raw_days, minute_days)
    basis = (
        "measured on what is stored"
        if room.measured
        else "reckoned from the meters and their polls"
    )
    lines = [
        f"{raw_days} days of each reading and {minute_days} days of a value a minute: about "
        f"{size_text(formats, round(full))} once full, {basis}.",
        f"What stays for ever adds about {size_text(formats, round(365 * room.lasting_bytes))} "
        "a year.",
    ]
    others = [days for days in OTHER_CHOICES_DAYS if days != raw_days]
    sizes = [
        f"{days} days {size_text(formats, round(room.needed(days, minute_days)))}"
        for days in others
    ]
    lines.append(f"With each reading kept otherwise: {', '.join(sizes)}.")
    if free_bytes is not None and full > free_bytes:
        lines.append(f"The disk has only {size_text(formats, free_bytes)} free.")
    return "\n".join(lines)


def backup_text(formats: Formats, made: Backup) -> str:
    size = size_text(formats, made.size_bytes)
    return f"{formats.full_moment(made.at_ms)}, {size}, verified\n{made.file}"

"""Backups of the store: by hand or each day, verified, kept by rule, copied to a second place.

A backup that nobody opened is a hope. The store opens and checks every copy before it gets its
name; here is decided when one is due, which older ones may go, and what is said when none could
be made. Only files that were made here are ever removed.

Where backups were put stands in a file beside their own folder, too: the settings lie in the very
store that a backup is needed for.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import Clock, from_ms, to_ms
from energy_desktop.domain.errors import StoreError, UserFacingError
from energy_desktop.domain.ports import ConfigurationStore
from energy_desktop.domain.settings import ProgramSettings

_LOG = logging.getLogger("energy_desktop.backups")
_LAST = "last_backup"
_FAILED = "last_backup_failure"
_SINCE = "backups_since"
_STAMP = "%Y%m%dT%H%M%SZ"
_MOST_FOLDERS = 8
_PROVED = "newest_backup_proved"
_PROVED_EVERY_MS = 7 * 86_400_000
RETRY_AFTER = timedelta(hours=1)


class Copied(Protocol):
    """The store as a thing that can be copied while it is in use."""

    @property
    def where(self) -> str: ...

    def backup(self, target: Path) -> None:
        """Makes a verified copy. Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified copy of the store. second: where its copy lies; empty: there is none."""

    file: str
    size_bytes: int
    at_ms: int
    removed: int = 0
    second: str = ""


@dataclass(frozen=True, slots=True)
class BackupFailure:
    """The last try, when it failed; gone with the next backup that is made."""

    at_ms: int
    sentence: str


class BackupService:
    """settings: read at each use, since they may have changed. own_folder: where backups go when
    no other folder is set; None: this program has no such place."""

    def __init__(
        self,
        store: ConfigurationStore,
        copied: Copied,
        clock: Clock,
        settings: Callable[[], ProgramSettings],
        own_folder: Path | None,
    ) -> None:
        self._store = store
        self._copied = copied
        self._clock = clock
        self._settings = settings
        self._own_folder = own_folder

    def back_up(self) -> Backup:
        """Copies the store, its copy to the second folder, and removes what the rule lets go.

        Raises StoreError; what was made before stays then, and the failure is remembered.
        """
        now_ms = to_ms(self._clock())
        settings = self._settings()
        try:
            made = self._make(settings, now_ms)
        except UserFacingError as error:
            self._store.save_setting(_FAILED, f"{now_ms} {error}")
            raise
        self._store.save_setting(_LAST, f"{made.at_ms} {made.size_bytes} {made.file}")
        self._store.save_setting(_FAILED, "")
        return made

    def back_up_when_due(self) -> Backup | None:
        """For a clock that ticks: at most one try an hour. Never raises for a failed backup."""
        if not self.due():
            return None
        try:
            made = self.back_up()
        except UserFacingError as error:
            _LOG.warning("No backup was made: %s", error)
            return None
        _LOG.info("Backup %s, %.1f MB", made.file, made.size_bytes / 1e6)
        return made

    def prove_when_due(self, prove: Callable[[Path], object]) -> bool:
        """Once a week opens the newest backup again: disks forget, too. Never raises.

        prove: raises StoreError for a file that is not whole. True: it was done now; what is wrong
        is told as a failed backup is.
        """
        kept = self.kept()
        now_ms = to_ms(self._clock())
        stamp = self._store.setting(_PROVED) or "0"
        if not kept or now_ms - int(stamp if stamp.isdigit() else 0) < _PROVED_EVERY_MS:
            return False
        self._store.save_setting(_PROVED, str(now_ms))
        try:
            prove(Path(kept[0].file))
        except UserFacingError as error:
            _LOG.warning("The newest backup is no longer whole: %s", error)
            self._store.save_setting(_FAILED, f"{now_ms} {error}")
        return True

    def due(self) -> bool:
        """Whether the daily moment passed since the last backup, or the last try, an hour ago."""
        at = _time_of(self._settings().backup_at)
        if at is None or self._own_folder is None:
            return False
        now = self._clock()
        failure, last = self.last_failure(), self.last()
        if failure is not None and now - from_ms(failure.at_ms) < RETRY_AFTER:
            return False
        since_ms = self._since_ms() if last is None else last.at_ms
        return from_ms(since_ms) < _last_moment(now, at, self._zone())

    def _since_ms(self) -> int:
        """When backups were first thought of: a site that is a minute old has nothing to copy."""
        kept = self._store.setting(_SINCE)
        if kept is None or not kept.isdigit():
            kept = str(to_ms(self._clock()))
            self._store.save_setting(_SINCE, kept)
        return int(kept)

    def last(self) -> Backup | None:
        """The newest that was made here; its file may have been taken away since."""
        parts = (self._store.setting(_LAST) or "").split(" ", 2)
        if len(parts) != 3 or not (parts[0].isdigit() and parts[1].isdigit()):
            return None
        return Backup(parts[2], int(parts[1]), int(parts[0]))

    def last_failure(self) -> BackupFailure | None:
        stamp, _, sentence = (self._store.setting(_FAILED) or "").partition(" ")
        return BackupFailure(int(stamp), sentence) if stamp.isdigit() else None

    def kept(self) -> tuple[Backup, ...]:
        """The files that lie in the folder now, newest first."""
        folder = self._folder(self._settings())
        return () if folder is None else backups_in([folder], self._copied.where)

    @property
    def _stem(self) -> str:
        return _stem_of(self._copied.where)

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._store.load().site.zone)

    def _folder(self, settings: ProgramSettings) -> Path | None:
        if settings.backup_folder:
            return Path(settings.backup_folder).expanduser()
        return self._own_folder

    def _make(self, settings: ProgramSettings, now_ms: int) -> Backup:
        folder = self._folder(settings)
        if folder is None:
            raise StoreError(
                where="Backup", what="no folder is set for it.", remedy="Name one in Settings."
            )
        target = folder / f"{self._stem}-{from_ms(now_ms).strftime(_STAMP)}.sqlite"
        self._copied.backup(target)
        removed = self._tidy(folder, settings, target)
        second = ""
        if settings.backup_second_folder:
            second = str(self._carry(target, Path(settings.backup_second_folder).expanduser()))
            self._tidy(Path(second).parent, settings, Path(second))
        self._note_folders([folder, *([Path(second).parent] if second else [])])
        return Backup(str(target), target.stat().st_size, now_ms, removed, second)

    def _note_folders(self, used: Sequence[Path]) -> None:
        """Keeps the newest folders first. Without it a harmed store's backups are looked for in
        their own folder only, so a failure is told and no more."""
        if self._own_folder is None:
            return
        note = _note_beside(self._own_folder)
        known = [*map(str, used), *(str(f) for f in _noted(note))]
        beside = note.with_name(f"{note.name}.new")
        try:
            note.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"folders": list(dict.fromkeys(known))[:_MOST_FOLDERS]})
            beside.write_text(text, encoding="utf-8")
            beside.replace(note)
        except OSError as error:
            _LOG.warning("%s was not written: %s", note, error)

    def _carry(self, made: Path, folder: Path) -> Path:
        """To the second folder, whole or not at all."""
        beside = folder / f"{made.name}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made, beside)
            if beside.stat().st_size != made.stat().st_size:
                raise OSError(None, "the copy is shorter than the backup")
            locked = _key_beside(made)
            if locked.exists():
                shutil.copyfile(locked, folder / locked.name)
            return beside.replace(folder / made.name)
        except OSError as error:
            raise StoreError(
                where=str(folder),
                what=f"The backup {made.name} was made, but not copied there: "
                f"{error.strerror or error}.",
                remedy="Check that the second folder is there and has room.",
            ) from error

    def _tidy(self, folder: Path, settings: ProgramSettings, newest: Path) -> int:
        """Removes what the rule no longer keeps; no other file is touched."""
        files = {made: file for made, file in _made_in(folder, self._stem) if file != newest}
        keep = to_keep(
            files, settings.backups_kept - 1, settings.backups_weekly, settings.backups_monthly
        )
        removed = 0
        for made, file in files.items():
            if made in keep:
                continue
            try:
                file.unlink()
                _key_beside(file).unlink(missing_ok=True)
            except OSError:
                continue  # held open elsewhere: it goes with the next backup
            removed += 1
        return removed


def to_keep(
    made: Iterable[datetime], newest: int, weekly: int, monthly: int
) -> frozenset[datetime]:
    """The newest ones, and the last of each of the latest weeks (ISO) and months that have one."""
    ascending = sorted(made)
    kept = set(ascending[-newest:] if newest > 0 else ())
    by_week = {moment.isocalendar()[:2]: moment for moment in ascending}
    by_month = {(moment.year, moment.month): moment for moment in ascending}
    for periods, count in ((by_week, weekly), (by_month, monthly)):
        last = list(periods.values())
        kept.update(last[-count:] if count > 0 else ())
    return frozenset(kept)


def backup_folders(own_folder: Path) -> tuple[Path, ...]:
    """Every folder into which backups of this site were put, known without its store."""
    return tuple(dict.fromkeys([*_noted(_note_beside(own_folder)), own_folder]))


def backups_in(folders: Iterable[Path], where: str) -> tuple[Backup, ...]:
    """The backups of the store `where` in these folders, newest first, of equal ones the first."""
    found: dict[str, Backup] = {}
    for folder in folders:
        for made, file in _made_in(folder, _stem_of(where)) if folder.is_dir() else ():
            found.setdefault(file.name, Backup(str(file), file.stat().st_size, to_ms(made)))
    return tuple(sorted(found.values(), key=lambda b: -b.at_ms))


def _stem_of(where: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", Path(where).stem) or "site"


def _note_beside(own_folder: Path) -> Path:
    return own_folder.with_name(f"{own_folder.name}.json")


def _noted(note: Path) -> list[Path]:
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))["folders"]
        return [Path(folder) for folder in kept]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # no backup was made yet, or the file is torn: the own folder remains


def _made_in(folder: Path, stem: str) -> list[tuple[datetime, Path]]:
    ours = re.compile(rf"{re.escape(stem)}-(\d{{8}}T\d{{6}}Z)\.sqlite")
    found = []
    for file in folder.iterdir():
        name = ours.fullmatch(file.name)
        if name is not None:
            found.append((datetime.strptime(name[1], _STAMP).replace(tzinfo=UTC), file))
    return found


def _key_beside(file: Path) -> Path:
    """The locked key of an encrypted copy, if it is one."""
    return file.with_name(f"{file.name}.key")


def _time_of(text: str) -> time | None:
    return time.fromisoformat(text) if text else None


def _last_moment(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The newest daily moment that has passed; one that a clock change skips counts as passed."""
    local = now.astimezone(zone)
    moment = datetime.combine(local.date(), at, zone)
    if moment > local:
        moment = datetime.combine(local.date() - timedelta(days=1), at, zone)
    return moment

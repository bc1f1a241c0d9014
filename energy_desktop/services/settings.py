"""Reads and changes what can be set, and keeps the store in order: backup, check for damage.

Facts of the site are changed together or not at all: every entry is read first, the whole
configuration is checked as a site file would be, and only then is it stored and followed. Settings
of the program lie beside the readings, under the names of `ProgramSettings`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import available_timezones

from energy_desktop.domain.clock import Clock
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.errors import DataFileError, DriverFileError, WrongUse
from energy_desktop.domain.keeping import DailyRoom, reckoned
from energy_desktop.domain.ports import ConfigurationStore
from energy_desktop.domain.settings import PROGRAM, SITE, BadSetting, Declared, ProgramSettings
from energy_desktop.domain.site import Site
from energy_desktop.services.backups import Backup, BackupFailure, BackupService
from energy_desktop.services.site_file.check import check
from energy_desktop.services.site_file.write import site_file_text

_PREFIX = "program."


class InvalidSettings(WrongUse):
    """Nothing was stored. faults: a sentence by setting name, for beside its field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        names = ", ".join(
            (SITE.get(name) or PROGRAM[name]).label
            for name in faults
            if name in SITE or name in PROGRAM
        )
        super().__init__(
            where=names or "Settings",
            what=" ".join(faults.values()),
            remedy="Nothing was stored; mend the entry and save again.",
        )
        self.faults = dict(faults)

    def __reduce__(self) -> tuple[object, ...]:
        return (InvalidSettings, (self.faults,))


class Stats(Protocol):
    """Room on disk, as the store counts it. free_disk_bytes None: a server's disk."""

    @property
    def database_bytes(self) -> int: ...

    @property
    def free_disk_bytes(self) -> int | None: ...


class Keeper(Protocol):
    """The store as a thing that is kept in order."""

    @property
    def where(self) -> str: ...

    @property
    def software(self) -> str: ...

    @property
    def encrypted(self) -> bool: ...

    def stats(self) -> Stats: ...

    def backup(self, target: Path) -> None: ...

    def find_damage(self) -> tuple[str, ...]: ...

    def daily_room(self) -> DailyRoom | None: ...


class Drivers(Protocol):
    def drivers(self) -> tuple[DriverInfo, ...]: ...

    def errors(self) -> tuple[DriverFileError, ...]: ...


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of this site and files of this program. None: this program has no such place."""

    site: Path | None
    drivers: Path | None
    papers: Path | None
    backups: Path | None
    notices: Path


@dataclass(frozen=True, slots=True)
class Program:
    """What the program is and for whom it runs."""

    version: str
    user_name: str


@dataclass(frozen=True, slots=True)
class SettingsPicture:
    """All that the page shows, read at one time."""

    site: Site
    program: ProgramSettings
    info: Program
    places: Places
    database: str
    software: str
    encrypted: bool
    database_bytes: int
    free_disk_bytes: int | None
    last_backup: Backup | None
    backup_failure: BackupFailure | None
    driver_count: int
    driver_errors: tuple[str, ...]
    zones: tuple[str, ...]
    daily_room: DailyRoom


class SettingsService:
    """on_changed: who follows a changed configuration (pollers, alarms)."""

    def __init__(
        self,
        store: ConfigurationStore,
        keeper: Keeper,
        drivers: Drivers,
        clock: Clock,
        places: Places,
        program: Program,
        on_changed: Callable[[Configuration], None] | None = None,
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._drivers = drivers
        self._clock = clock
        self._places = places
        self._program = program
        self._on_changed = on_changed
        self.backups = BackupService(store, keeper, clock, self.program, places.backups)

    def load(self) -> SettingsPicture:
        stats = self._keeper.stats()
        stored = self._store.load()
        polled = (m.poll_interval_s for m in stored.meters if m.driver_id and m.enabled)
        return SettingsPicture(
            site=stored.site,
            program=self.program(),
            info=self._program,
            places=self._places,
            database=self._keeper.where,
            software=self._keeper.software,
            encrypted=self._keeper.encrypted,
            database_bytes=stats.database_bytes,
            free_disk_bytes=stats.free_disk_bytes,
            last_backup=self.backups.last(),
            backup_failure=self.backups.last_failure(),
            driver_count=len(self._drivers.drivers()),
            driver_errors=tuple(str(error) for error in self._drivers.errors()),
            zones=tuple(sorted(available_timezones())),
            daily_room=self._keeper.daily_room() or reckoned(polled),
        )

    # -------------------------------------------------------- changing

    def change_site(self, entries: Mapping[str, str]) -> Site:
        """Stores the entered texts, by field name of `Site`, and has them followed.

        Raises InvalidSettings with a sentence per entry; nothing of it was stored then.
        """
        values = _read(SITE, entries)
        current = self._store.load()
        changed = replace(current, site=replace(current.site, **values))
        if changed.site == current.site:
            return current.site
        known = frozenset(d.driver_id for d in self._drivers.drivers())
        before = set(check(current, known))
        # What was wrong before is not this change's fault, and must not stand in its way.
        new = [problem for problem in check(changed, known) if problem not in before]
        if new:
            raise InvalidSettings({_culprit(sentence): sentence for _, _, sentence in new})
        self._store.replace(changed)
        stored = self._store.load()
        if self._on_changed is not None:
            self._on_changed(stored)
        return stored.site

    def program(self) -> ProgramSettings:
        return stored_program(self._store)

    def change_program(self, entries: Mapping[str, str]) -> ProgramSettings:
        """As `change_site`, for the settings of the program."""
        values = _read(PROGRAM, entries)
        for name in ("backup_folder", "backup_second_folder"):
            if values.get(name):
                _check_folder(Path(values[name]).expanduser(), name)
        for name, value in values.items():
            self._store.save_setting(_PREFIX + name, PROGRAM[name].write(value))
        return self.program()

    # -------------------------------------------------------- keeping

    def back_up(self) -> Backup:
        """Copies the store while it is in use, verified by opening it. Raises StoreError."""
        return self.backups.back_up()

    def find_damage(self) -> tuple[str, ...]:
        """A sentence per damaged place; empty: all is sound. Seconds per gigabyte."""
        return self._keeper.find_damage()

    def export_site(self, out: Path) -> int:
        """Writes the site as a site file; gives its bytes. Raises DataFileError."""
        data = site_file_text(self._store.load()).encode("utf-8")
        beside = out.with_name(out.name + ".part")
        try:
            beside.write_bytes(data)
            beside.replace(out)
        except OSError as error:
            raise DataFileError(
                where=str(out),
                what=f"It cannot be written: {error.strerror or error}.",
                remedy="Choose another folder.",
            ) from error
        return len(data)

    def ready_folder(self, folder: Path) -> Path:
        """Makes a folder that nothing was put into yet, so that it can be opened."""
        _check_folder(folder)
        return folder

    def notices(self) -> str:
        """The licences of what this program is built from. Raises DataFileError."""
        try:
            return self._places.notices.read_text(encoding="utf-8")
        except OSError as error:
            raise DataFileError(
                where=str(self._places.notices),
                what=f"It cannot be read: {error.strerror or error}.",
                remedy="It is part of the program: install it again.",
            ) from error


def stored_program(store: ConfigurationStore) -> ProgramSettings:
    """What is stored; a value that can no longer be read counts as not set."""
    values: dict[str, Any] = {}
    for name, declared in PROGRAM.items():
        text = store.setting(_PREFIX + name)
        if text is None:
            continue
        try:
            values[name] = declared.read(text)
        except BadSetting:
            continue
    return ProgramSettings(**values)


def _read(declared: Mapping[str, Declared], entries: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, text in entries.items():
        try:
            values[name] = declared[name].read(text)
        except BadSetting as error:
            faults[name] = str(error)
    if faults:
        raise InvalidSettings(faults)
    return values


def _culprit(sentence: str) -> str:
    """The fact of the site that a sentence of the check names in backquotes."""
    named = re.search(r"`(\w+)`", sentence)
    return named.group(1) if named and named.group(1) in SITE else "name"


def _check_folder(folder: Path, name: str = "backup_folder") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        sentence = f"This folder cannot be written: {error.strerror or error}."
        raise InvalidSettings({name: sentence}) from error

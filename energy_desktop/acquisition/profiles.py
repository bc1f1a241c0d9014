"""The library of driver files: finds them in their folders and knows when one changed.

A meter model is data: a TOML file of flat facts, no templates and no expressions, so that a
technician can add a model by copying a neighbour. What such a file says, as values, is in
driver_profile.py; the reading of it, with its errors in words, in profile_file.py.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from energy_desktop.acquisition.driver_profile import (
    CODINGS,
    FOUR_QUADRANT,
    LINEAR,
    MAX_REGISTERS_PER_READ,
    REGISTERS_OF_FORMAT,
    WORD_ORDERS,
    Control,
    DriverProfile,
    Point,
    Register,
    layout_id,
)
from energy_desktop.acquisition.driver_text import line_of
from energy_desktop.acquisition.profile_file import read_profile
from energy_desktop.domain.driver import DriverInfo, RegisterView
from energy_desktop.domain.errors import DriverFileError, NotFound, UserFacingError

__all__ = [
    "CODINGS",
    "FOUR_QUADRANT",
    "LINEAR",
    "MAX_REGISTERS_PER_READ",
    "REGISTERS_OF_FORMAT",
    "WORD_ORDERS",
    "Control",
    "DriverProfile",
    "Point",
    "ProfileLibrary",
    "Register",
    "layout_id",
    "load_profile",
]


def load_profile(path: Path, *, own: bool = False) -> DriverProfile:
    """Reads one driver file. Raises DriverFileError naming file, line and reason."""
    return read_profile(path, own=own)


@dataclass(slots=True)
class _Loaded:
    fingerprint: tuple[int, int, int]
    profile: DriverProfile | None = None
    error: DriverFileError | None = None


@dataclass
class ProfileLibrary:
    """Every driver of some folders; implements domain.ports.DriverCatalogue.

    The first folder holds the shipped drivers, the others a site's own. Each call looks at names,
    sizes and times of the files and reads those that changed: a file that a technician drops into
    the folder is there at the next click. A faulty file spoils only itself.
    """

    folders: Sequence[Path]
    _loaded: dict[Path, _Loaded] = field(default_factory=dict, init=False)
    _by_id: dict[str, DriverProfile] = field(default_factory=dict, init=False)
    _errors: tuple[DriverFileError, ...] = field(default=(), init=False)
    _drafts: dict[str, DriverProfile] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def get(self, driver_id: str) -> DriverProfile:
        """Raises NotFound, with the names that come near."""
        with self._lock:
            if (draft := self._drafts.get(driver_id)) is not None:
                return draft
            self._refresh()
            profile = self._by_id.get(driver_id)
            if profile is not None:
                return profile
            from difflib import get_close_matches

            near = ", ".join(get_close_matches(driver_id, self._by_id, n=3))
            broken = next(
                (e for e in self._errors if Path(e.where).name.startswith(driver_id)), None
            )
        if broken is not None:
            raise broken
        raise NotFound(
            where=f"Driver {driver_id!r}",
            what="there is no such driver.",
            remedy=f"Near it: {near}." if near else "`energy-desktop drivers` lists them.",
        )

    @contextmanager
    def trying(self, profile: DriverProfile) -> Iterator[str]:
        """The id under which a profile that is in no file can be got meanwhile; listed nowhere."""
        draft_id = f"{profile.driver_id}~{id(profile):x}"  # no file may have such an id
        with self._lock:
            self._drafts[draft_id] = profile
        try:
            yield draft_id
        finally:
            with self._lock:
                del self._drafts[draft_id]

    def all(self) -> tuple[DriverProfile, ...]:
        """Every sound driver, by id."""
        with self._lock:
            self._refresh()
            return tuple(self._by_id[driver_id] for driver_id in sorted(self._by_id))

    def errors(self) -> tuple[DriverFileError, ...]:
        """What is wrong with the files that could not be used."""
        with self._lock:
            self._refresh()
            return self._errors

    def modulus_wh(self, driver_id: str) -> int | None:
        """Where the energy register of a driver begins again; None: not known, or no such one."""
        try:
            profile = self.get(driver_id)
        except UserFacingError:
            return None
        found = profile.modulus_wh("energy_import_wh")
        return found if found is not None else profile.modulus_wh("energy_total_wh")

    def drivers(self) -> tuple[DriverInfo, ...]:
        return tuple(profile.info for profile in self.all())

    def registers(self, driver_id: str) -> tuple[RegisterView, ...]:
        return tuple(
            RegisterView(
                quantity=r.quantity,
                address=r.address,
                manual_number=r.manual_number,
                function=r.function,
                value_format=r.value_format,
                word_order=r.word_order,
                scale=r.scale,
                every=r.every,
            )
            for r in self.get(driver_id).registers
        )

    def _refresh(self) -> None:
        seen: dict[Path, _Loaded] = {}
        changed = False
        for number, folder in enumerate(self.folders):
            for path, fingerprint in _driver_files(Path(folder)):
                known = self._loaded.get(path)
                if known is None or known.fingerprint != fingerprint:
                    known = _load(path, fingerprint, own=number > 0)
                    changed = True
                seen[path] = known
        if not changed and seen.keys() == self._loaded.keys():
            return
        self._loaded = seen
        self._index()

    def _index(self) -> None:
        by_id: dict[str, DriverProfile] = {}
        errors: list[DriverFileError] = []
        for path, loaded in self._loaded.items():
            if loaded.error is not None:
                errors.append(loaded.error)
            elif (profile := loaded.profile) is not None:
                first = by_id.setdefault(profile.driver_id, profile)
                if first is not profile:
                    errors.append(_duplicate(path, profile.driver_id, first.file))
        self._by_id = by_id
        self._errors = tuple(errors)


def _driver_files(folder: Path) -> list[tuple[Path, tuple[int, int, int]]]:
    try:
        with os.scandir(folder) as entries:
            found = [
                (Path(entry.path), (stat.st_mtime_ns, stat.st_size, stat.st_ino))
                for entry in entries
                if entry.name.endswith(".toml") and (stat := entry.stat())
            ]
    except FileNotFoundError:  # a site without drivers of its own
        return []
    return sorted(found)


def _load(path: Path, fingerprint: tuple[int, int, int], *, own: bool) -> _Loaded:
    try:
        return _Loaded(fingerprint, profile=load_profile(path, own=own))
    except DriverFileError as error:
        return _Loaded(fingerprint, error=error)


def _duplicate(path: Path, driver_id: str, first_file: str) -> DriverFileError:
    return DriverFileError(
        where=f"{path}, line {line_of(path, 'id')}",
        what=f"the id {driver_id!r} is taken by {first_file}.",
        remedy="Give this driver an id of its own.",
    )

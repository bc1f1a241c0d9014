"""Between a site and a fleet: its meters as files of a run, a household as one of its meters."""

from __future__ import annotations

import csv
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import NotFound, StoreError, WrongUse
from energy_desktop.domain.file_lock import try_lock
from energy_desktop.domain.fleet import SiteMeters
from energy_desktop.domain.ports import ConfigurationStore, Ledger
from energy_desktop.domain.site import Meter, Role
from energy_desktop.services.registers import positive_register

_REGISTER = "energy_import_wh"
_FIRST_MS = 788_918_400_000  # 1995 to 2060: the years whose clock a fleet knows
_LAST_MS = 2_840_140_800_000
_STEPS_S = (900, 1800, 3600)
_LONGEST_NAME = 60
_JOINING, _IN_USE = "energy-desktop-joining-", "in-use"
_BEING_MADE_S = 60.0
_COLUMNS = ("household", "start_utc", "energy_wh", "quality")


@contextmanager
def meters_as_files(configuration: ConfigurationStore, ledger: Ledger) -> Iterator[SiteMeters]:
    """A site's meters with their readings, to join a run; the files go when the block ends.

    Raises NotFound when no meter has energy, StoreError when the files cannot be written.
    """
    with _joining_folder() as folder:
        try:
            files = _write_meters(configuration, ledger, folder)
        except OSError as error:
            raise StoreError(
                where=str(folder),
                what=f"The site's meters cannot be written: {error.strerror or error}.",
                remedy="Make room there, or name another folder in TMPDIR.",
            ) from error
        if not files:
            raise NotFound(
                where="Site",
                what="None of its meters has energy in the ledger yet.",
                remedy="Poll or import some readings first.",
            )
        yield replace(asked(configuration), files=files)


def asked(configuration: ConfigurationStore) -> SiteMeters:
    """Which meters would join, without their readings."""
    found = configuration.load()
    return SiteMeters(found.site.name, tuple(meter.meter_id for meter in found.meters), {})


@contextmanager
def _joining_folder() -> Iterator[Path]:
    """A folder for files that are on their way into a run. What killed processes left of their own
    goes with the next one: it is known by its name and by a lock that nobody holds.
    """
    for left in Path(tempfile.gettempdir()).glob(_JOINING + "*"):
        _clear_if_left(left)
    with (
        tempfile.TemporaryDirectory(prefix=_JOINING, ignore_cleanup_errors=True) as folder,
        (Path(folder) / _IN_USE).open("w+b") as lock,
    ):
        with suppress(OSError):  # where there are no locks, nobody clears
            try_lock(lock)
        yield Path(folder)


def _clear_if_left(folder: Path) -> None:
    try:
        with (folder / _IN_USE).open("r+b") as lock:
            left = try_lock(lock) and time.time() - folder.stat().st_mtime > _BEING_MADE_S
    except OSError:
        return  # another user's, or gone meanwhile
    if left:
        shutil.rmtree(folder, ignore_errors=True)


def _write_meters(
    configuration: ConfigurationStore, ledger: Ledger, folder: Path
) -> dict[str, Path]:
    """A CSV a meter with energy, by the meter's id: household, start_utc, energy_wh, quality.

    In a step that fleets have: intervals of 5 or 10 min are added up, and are left out where one
    of them is missing. quality: raw, validated, estimated or edited, of a sum the worst; a run
    reads the energy in force and leaves that column to whoever looks into the file.
    """
    written = {}
    for number, meter in enumerate(configuration.load().meters, 1):
        intervals = _in_steps_of_fleets(ledger, meter.meter_id)
        known = np.isfinite(intervals.energy_wh)
        if not known.any():
            continue
        # Numbered: two ids may be one as the name of a file.
        path = folder / f"{number:04d}-{_safe(meter.meter_id)}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(_COLUMNS)
            for start, energy, quality in zip(
                intervals.start_ms[known].tolist(),
                intervals.energy_wh[known].tolist(),
                intervals.quality[known].tolist(),
                strict=True,
            ):
                name = IntervalQuality(quality).name.lower()
                out.writerow((meter.meter_id, iso_utc(start), f"{energy:.3f}", name))
        written[meter.meter_id] = path
    return written


def _in_steps_of_fleets(ledger: Ledger, meter_id: str) -> Intervals:
    register = positive_register(ledger, meter_id)
    found = ledger.intervals(meter_id, _FIRST_MS, _LAST_MS, register=register)
    if found.step_s in _STEPS_S:
        return found
    step_s = next((s for s in _STEPS_S if s % found.step_s == 0), _STEPS_S[-1])
    return ledger.intervals(meter_id, _FIRST_MS, _LAST_MS, register=register, step_s=step_s)


def add_meter(
    configuration: ConfigurationStore,
    ledger: Ledger,
    household: str,
    start_ms: Sequence[int],
    energy_wh: Sequence[float],
    step_s: int,
) -> None:
    """Raises WrongUse when a polled meter has that name: its energy comes from its register."""
    site = configuration.load()
    known = site.meter(household)
    if known is not None and known.driver_id:
        raise WrongUse(
            where=f"Meter {household}",
            what="A meter of this name is polled, so its energy comes from its own register.",
            remedy="Rename it first.",
        )
    if known is None:
        meter = Meter(household, household, role=Role.OTHER)
        configuration.replace(replace(site, meters=(*site.meters, meter)))
    ledger.add_intervals(
        Intervals(
            household,
            _REGISTER,
            step_s,
            np.array(start_ms, np.int64),
            np.rint(np.array(energy_wh, np.float64)),
            np.full(len(start_ms), IntervalQuality.RAW, np.int8),
        )
    )


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:_LONGEST_NAME]

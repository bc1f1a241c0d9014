"""The folder of results, for one process at a time.

Two runs into one folder would write over each other's parts. What a run writes for itself alone
lies below the folder too, in a place with a mark: what a killed run left is known by it and goes
with the next one, and nothing else ever does.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from energy_desktop.domain.errors import DataFileError, FleetBusy, StoreError
from energy_desktop.domain.file_lock import try_lock, unlock
from energy_desktop.fleet.engine import remove
from energy_desktop.fleet.manifest import NAME, OLD_NAME

LOCK = "fleet.lock"
_SCRATCH = ".scratch-"
_MARK = "made-by-energy-desktop"
_ELSEWHERE = "Use a folder that can be written; results that are there can be copied to one."


def refuse_unless_ours(out: Path) -> None:
    """Raises DataFileError when `out` is a file, or a folder of something else than a run."""
    try:
        if out.exists() and not out.is_dir():
            raise DataFileError(
                where=str(out),
                what="This is a file, and results are a folder.",
                remedy="Give a folder that is empty, or one that does not exist yet.",
            )
        there = {path.name for path in out.iterdir()} if out.is_dir() else set()
    except OSError as error:
        raise _not_writable(out, error) from error
    if there & {NAME, OLD_NAME}:
        return
    if any(name != LOCK and not name.startswith(_SCRATCH) for name in there):
        raise DataFileError(
            where=str(out),
            what="This folder holds something that is no fleet run.",
            remedy="Give an empty folder, or one that does not exist yet.",
        )


@contextmanager
def claimed(out: Path) -> Iterator[Path]:
    """The folder is this process's until the block ends; gives a folder for what lies beside.

    A folder that was made here and holds no run at the end is taken away again.
    Raises DataFileError as `refuse_unless_ours`, FleetBusy when another process works there,
    StoreError when the folder cannot be made or written.
    """
    refuse_unless_ours(out)
    made = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = _locked(out)
        _clear_scratch(out)
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=out))
        (scratch / _MARK).touch()
    except OSError as error:
        raise _not_writable(out, error) from error
    try:
        yield scratch
    finally:
        remove(scratch)
        _let_go(out, lock)
        if made and not (out / NAME).exists():
            _take_away(out)


def _locked(out: Path) -> Any:
    path = out / LOCK
    while True:
        path.touch(exist_ok=True)
        lock = path.open("r+b")
        try:
            free = try_lock(lock)
        except OSError:
            return lock  # where there are no locks, as on some network drives, a run works alone
        if not free:
            held = _holder(lock)
            lock.close()
            raise FleetBusy(
                where=str(out),
                what=f"{held} works in this folder of results.",
                remedy="Wait until it is done or end it; what is done is kept.",
            )
        if path.exists() and os.fstat(lock.fileno()).st_ino == path.stat().st_ino:
            break
        lock.close()  # it was taken away in between
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    said = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    lock.truncate(0)
    lock.write(json.dumps(said).encode())
    lock.flush()
    return lock


def _holder(lock: Any) -> str:
    try:
        said = json.loads(lock.read(4096))
        return f"Process {said['pid']} on {said['host']}, since {said['since']},"
    except (ValueError, KeyError, TypeError):
        return "Another process"


def _let_go(out: Path, lock: Any) -> None:
    """Emptied, not deleted: deleting would let two processes lock two files of one name."""
    with lock:
        if (out / LOCK).exists():
            lock.truncate(0)
        try:
            unlock(lock)
        except OSError:
            return  # it never was locked


def _clear_scratch(out: Path) -> None:
    """What killed runs left. Nobody else works here now."""
    for path in out.glob(_SCRATCH + "*"):
        if (path / _MARK).is_file():
            remove(path)


def _take_away(out: Path) -> None:
    (out / LOCK).unlink(missing_ok=True)
    if not any(out.iterdir()):
        out.rmdir()


def _not_writable(out: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            where=str(out),
            what="The disk is full.",
            remedy="Make room there, then give the same command again: what is done is kept.",
        )
    return StoreError(
        where=str(out),
        what=f"Results cannot be written there ({error.strerror or error}).",
        remedy=_ELSEWHERE,
    )

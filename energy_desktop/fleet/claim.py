"""The folder of results, for one process at a time.

Two runs into one folder would write over each other's parts. What a run writes for itself alone
lies below the folder too, in a place with a mark: what a killed run left is known by it and goes
with the next one, and nothing else ever does.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from energy_desktop.domain.errors import DataFileError, FleetBusy, StoreError
from energy_desktop.domain.file_lock import try_lock, unlock
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
    with ExitStack() as undone:
        try:
            made = not out.exists()
            out.mkdir(parents=True, exist_ok=True)
            lock = _locked(out)
            if lock is not None:
                undone.callback(_let_go, lock)
                _clear_scratch(out)
            if made:
                undone.callback(_take_away, out)
            scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=out))
            undone.callback(_discard, scratch)
            (scratch / _MARK).touch()
        except OSError as error:
            raise _not_writable(out, error) from error
        yield scratch


def worked_on(out: Path) -> bool:
    """Whether another process works in the folder. Nothing is written, and nobody is held up."""
    try:
        with (out / LOCK).open("r+b") as lock:
            if not lock.read(1):  # who works there says so
                return False
            if not try_lock(lock):
                return True
            unlock(lock)
    except OSError:  # no run, nothing that can be written, or no locks at all
        return False
    return False


def _locked(out: Path) -> Any | None:
    """The open file of the lock; None where the file system knows no locks, as on some network
    drives: whoever works there must know that he is alone.
    """
    path = out / LOCK
    while True:
        path.touch(exist_ok=True)
        lock = path.open("r+b")
        try:
            free = try_lock(lock)
        except OSError:
            lock.close()
            return None
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
    lock.seek(0)
    lock.truncate()
    lock.write(json.dumps(said).encode())
    lock.flush()
    return lock


def _holder(lock: Any) -> str:
    lock.seek(0)
    try:
        said = json.loads(lock.read(4096))
        return f"Process {said['pid']} on {said['host']}, since {said['since']},"
    except (ValueError, KeyError, TypeError):
        return "Another process"


def _let_go(lock: Any) -> None:
    """Emptied, not deleted: deleting would let two processes lock two files of one name."""
    with lock:
        lock.seek(0)
        lock.truncate()
        lock.flush()
        unlock(lock)


def _clear_scratch(out: Path) -> None:
    """What killed runs left. Nobody else works here now."""
    for path in out.glob(_SCRATCH + "*"):
        if (path / _MARK).is_file():
            _discard(path)


def _discard(scratch: Path) -> None:
    """What cannot be removed now, as a file that is still open on Windows, stays with its mark and
    goes the next time.
    """
    for path in scratch.glob("*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _MARK:
            with suppress(OSError):
                path.unlink()
    if [path.name for path in scratch.glob("*")] == [_MARK]:
        shutil.rmtree(scratch, ignore_errors=True)


def _take_away(out: Path) -> None:
    """Unless a run was begun there. The lock is held still: who waits for it sees it go."""
    if not out.is_dir() or (out / NAME).exists():
        return
    with suppress(PermissionError):  # Windows deletes no open file
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

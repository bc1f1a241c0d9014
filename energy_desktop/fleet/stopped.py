"""Why a run stopped that no file is to blame for, in words: the disk, the memory, the engine."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path

from energy_desktop.domain import wording
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.fleet.engine import Engine

_GOES_ON = "then give the same command again: what is done is kept."
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SAY_FULL = (
    "no space left on device",
    "not enough space on the disk",
    "disk quota exceeded",
    "file too large",
    "max_temp_directory_size",
)
_SAY_MEMORY = ("out of memory error", "outofmemoryerror", "java heap space")


def in_words(error: Exception, engine: Engine, out: Path) -> UserFacingError | None:
    """None: it is said already, or it is a fault of this program."""
    if isinstance(error, UserFacingError):
        return None
    chain = list(_chain(error))
    text = "\n".join(str(one) for one in chain).lower()
    full = any(isinstance(one, OSError) and one.errno in _FULL for one in chain)
    if full or any(said in text for said in _SAY_FULL):
        free = shutil.disk_usage(out).free
        return UserFacingError(
            where=str(out),
            what=f"The disk is full, or no more may be written to it: "
            f"{wording.number(free / 1e6)} MB are free.",
            remedy=f"Make room there, {_GOES_ON}",
        )
    # A process that the system ended for want of memory says nothing itself.
    short = isinstance(error, MemoryError | BrokenExecutor)
    if short or any(said in text for said in _SAY_MEMORY):
        return UserFacingError(
            where=str(out),
            what="The memory that the run may use is not enough.",
            remedy=f"Close other programs, {_GOES_ON}",
        )
    if isinstance(error, OSError):
        return UserFacingError(
            where=error.filename or str(out),
            what=f"It cannot be read or written ({error.strerror or error}).",
            remedy=f"Mend that, {_GOES_ON}",
        )
    if isinstance(error, engine.errors):
        return UserFacingError(
            where=str(out),
            what=f"The run stopped: {engine.why(error)[:300]}",
            remedy=f"Mend that, {_GOES_ON}",
        )
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__

"""Files appear whole or not at all: temporary beside the target, fsync, rename."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from energy_desktop.domain.errors import UserFacingError


def write_atomically(path: Path, fill: Callable[[Path], None]) -> None:
    """Lets `fill` write a temporary file, then puts it at `path`, replacing what was there. A link
    stays one, to the new file; a device or a pipe (`/dev/stdout`) is written to, not replaced.

    Raises UserFacingError when the folder cannot be written; nothing half-made stays behind.
    """
    temporary: Path | None = None
    try:
        target = path.resolve()
        if target.exists() and not target.is_file() and not target.is_dir():
            _write_through(target, fill)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        temporary = Path(name)
        fill(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        _give_usual_mode(temporary)
        temporary.replace(target)
        temporary = None
    except OSError as error:
        raise UserFacingError(
            where=str(path),
            what=f"cannot be written ({error.strerror or error}).",
            remedy="Choose a folder that you may write to, on a disk with room.",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _write_through(path: Path, fill: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / path.name
        fill(whole)
        with whole.open("rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)


def write_bytes(path: Path, data: bytes) -> None:
    def fill(temporary: Path) -> None:
        temporary.write_bytes(data)

    write_atomically(path, fill)


def _give_usual_mode(path: Path) -> None:
    # mkstemp makes files that only their owner reads; a report is for others too.
    if os.name == "posix":
        mask = os.umask(0)
        os.umask(mask)
        path.chmod(0o666 & ~mask)

"""What the workers of a cluster must share with this machine.

A worker that takes a disk of its own for the folder of results writes there and reports success:
Spark misses nothing, and the run would go on with a part of the readings. So workers are asked
what they see before anything is read, and the rows they say they wrote are counted here, since a
worker may also join later.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.wording import count

_SHARE = (
    "Let every machine of the cluster see the folder of readings and the folder of results under "
    "the same name, for instance over NFS, and write to the second; then give the same command "
    "again."
)
_INSTALL = (
    "Install the same version of this program and of Python on every machine of the cluster; then "
    "give the same command again."
)
_LOOK = "Look into the logs of the master and of its workers; then give the same command again."
_NO_PROGRAM = ("ModuleNotFoundError", "PYTHON_VERSION_MISMATCH", "Cannot run program")


@dataclass(frozen=True, slots=True)
class Places:
    """What a worker is asked to find: a token in a folder that it also writes to, and files with
    their bytes.
    """

    scratch: str
    token: str
    files: tuple[tuple[str, int], ...]

    def looked_at(self, number: int) -> tuple[str, str]:
        """On a worker: its name, and what is not there as it is here; "" when all is. Leaves its
        own mark under `number`.
        """
        return socket.gethostname(), self._missing(number)

    def _missing(self, number: int) -> str:
        scratch = Path(self.scratch)
        try:
            if (scratch / self.token).read_text(encoding="ascii") != self.token:
                return f"it sees another {scratch}"
            (scratch / f"{self.token}-{number}").write_text(self.token, encoding="ascii")
        except FileNotFoundError:
            return f"it does not see {scratch.parent}"
        except OSError as error:
            return f"it cannot use {scratch.parent} ({error.strerror})"
        for name, size in self.files:
            try:
                there = Path(name).stat().st_size
            except OSError as error:
                return f"it cannot see {name} ({error.strerror})"
            if there != size:
                return f"{name} is another file there, of {there} instead of {size} bytes"
        return ""


# What it is given is computed by the workers, once for each number.
Ask = Callable[[Callable[[int], tuple[str, str]], Sequence[int]], Iterable[tuple[str, str]]]


def refuse_unshared(
    ask: Ask, errors: tuple[type[Exception], ...], scratch: Path, files: Sequence[Path], times: int
) -> None:
    """Asks workers what they see, `times` times, so that each may have its turn. ask: a function
    and numbers -> its answers, made by the workers; what fails there raises one of `errors`.

    Raises UserFacingError naming the worker and what it does not see, or why it cannot look.
    """
    some = sorted({files[k] for k in (0, len(files) // 2, -1)}) if files else []
    token = f"shared-{uuid.uuid4().hex}"
    places = Places(str(scratch), token, tuple((str(f), f.stat().st_size) for f in some))
    marks = [scratch / token, *(scratch / f"{token}-{k}" for k in range(times))]
    marks[0].write_text(token, encoding="ascii")
    try:
        for host, missing in ask(places.looked_at, range(times)):
            if missing:
                raise _unshared(f"Worker {host}", f"It does not share this machine's folders: "
                                f"{missing}.")  # fmt: skip
        if absent := sum(not mark.exists() for mark in marks):
            raise _unshared(
                f"{scratch.parent}",
                f"{count(absent, 'file')} that workers wrote there cannot be seen from here.",
            )
    except errors as error:
        lines = str(error).splitlines()
        missing = next((line for line in lines if any(w in line for w in _NO_PROGRAM)), "")
        why = (missing or next(iter(lines), type(error).__name__)).strip()[:200].rstrip(".")
        raise UserFacingError(
            where="Workers of Spark",
            what=f"They cannot run this program: {why}."
            if missing
            else f"They cannot be asked: {why}.",
            remedy=_INSTALL if missing else _LOOK,
        ) from error
    finally:
        for mark in marks:
            mark.unlink(missing_ok=True)


def refuse_lost_rows(path: Path, written: int) -> None:
    """Raises UserFacingError when Parquet below `path` has not the rows that workers wrote."""
    import pyarrow.parquet as pq

    files = (file for file in path.rglob("*.parquet") if file.is_file())
    there = sum(pq.read_metadata(file).num_rows for file in files)
    if there != written:
        raise _unshared(
            str(path), f"Workers wrote {written:,} rows, and {there:,} of them can be seen here."
        )


def _unshared(where: str, what: str) -> UserFacingError:
    return UserFacingError(where=where, what=what, remedy=_SHARE)

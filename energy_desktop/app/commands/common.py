"""What all commands share: the options, one way to answer, one way to fail.

With --json a command prints one JSON document on stdout and nothing else there. Exit codes:
0 good, 2 wrong use, 3 the thing asked for failed, with a sentence on stderr.
"""

from __future__ import annotations

import functools
import io
import json
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from energy_desktop.app.logging_setup import log_to
from energy_desktop.app.paths import SiteFolder, default_site_folder
from energy_desktop.domain.clock import FIRST_YEAR, LAST_YEAR, parse_month, parse_utc
from energy_desktop.domain.errors import NotFound, UserFacingError, WrongUse

if TYPE_CHECKING:
    from energy_desktop.app.wiring import OpenSite

P = ParamSpec("P")
R = TypeVar("R")

GOOD, WRONG_USE, FAILED = 0, 2, 3
LARGEST_NO = 2**63 - 1  # of an entry of the store
_CHECK_PATH = "Check the path, its permissions and the room on the disk."
_YEARS = f"from {FIRST_YEAR} to {LAST_YEAR}"

SiteOption = Annotated[
    Path | None,
    typer.Option("--site", metavar="FOLDER", help="The site's data folder.", show_default=False),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")
]

_chosen_site: list[Path] = []


def choose_site(folder: Path | None) -> None:
    """What `energy-desktop --site FOLDER command` says before the command."""
    _chosen_site[:] = [] if folder is None else [folder]


def speak_utf8() -> None:
    """What a program or a file hears is UTF-8, also where the system has an older code page (JSON
    is nothing else, and a minus sign is not in every page); a terminal keeps its own."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                encoding=None if stream.isatty() else "utf-8", errors="backslashreplace"
            )


def site_folder(option: Path | None) -> SiteFolder:
    """--site of the command, else the one given before it, else the user's own."""
    return SiteFolder(option or (_chosen_site[0] if _chosen_site else default_site_folder()))


@contextmanager
def opened(option: Path | None, *, make: bool = False) -> Iterator[OpenSite]:
    """The site's store and services without an engine; an engine may run beside.

    make: a folder that was named and is not there is made; else it is refused (NotFound), since
    a slip of the pen must not answer with an empty site.
    """
    from energy_desktop.app.wiring import open_site

    folder = site_folder(option)
    if not make and folder.root != default_site_folder() and not folder.root.is_dir():
        raise NotFound(
            where=f"--site {folder.root}",
            what="There is no such folder.",
            remedy="Check the path; `apply SITE.toml`, `import` and the window make a new site.",
        )
    site = open_site(folder)
    try:
        yield site
    finally:
        site.close()


def parse_moment(text: str, option: str) -> int:
    """Epoch ms of an ISO time; without an offset it is UTC. Raises WrongUse."""
    try:
        return parse_utc(text)
    except ValueError:
        raise WrongUse(
            where=f"{option} {text}",
            what="This is no time.",
            remedy=f"Write it as 2026-03-01T12:00:00Z, {_YEARS}.",
        ) from None


def parse_month_option(text: str) -> tuple[int, int]:
    """`2026-03` as (2026, 3). Raises WrongUse."""
    try:
        return parse_month(text)
    except ValueError:
        raise WrongUse(
            where=f"--month {text}",
            what="This is no month.",
            remedy=f"Write it as 2026-03, {_YEARS}.",
        ) from None


def say(document: Any, *, as_json: bool, text: Callable[[], str] | str = "") -> None:
    """The answer of a command: the document, or the words for a person."""
    if as_json:
        sys.stdout.write(to_json(document) + "\n")
    else:
        words = text() if callable(text) else text
        if words:
            sys.stdout.write(words.rstrip("\n") + "\n")
    sys.stdout.flush()


def to_json(document: Any) -> str:
    """JSON without NaN or Infinity: what is not available is null."""
    return json.dumps(_finite(document), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turns failures into a sentence on stderr and the right exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            _check_arguments(kwargs)
            return command(*args, **kwargs)
        except WrongUse as error:
            complain(str(error))
            raise typer.Exit(WRONG_USE) from None
        except UserFacingError as error:
            complain(str(error))
            raise typer.Exit(FAILED) from None
        except BrokenPipeError:
            # The reader of stdout went away (`| head`): nothing is wrong here.
            sys.stderr.close()
            raise typer.Exit(GOOD) from None
        except (typer.Exit, typer.BadParameter, KeyboardInterrupt):
            raise
        except OSError as error:
            # No bug: a file is gone, a disk full, a folder another's. The log has the way there.
            _log_bug(error, command.__name__, kwargs.get("site"))
            where = command.__name__ if error.filename is None else os.fsdecode(error.filename)
            complain(f"{_short(where)}: {error.strerror or error}. {_CHECK_PATH}")
            raise typer.Exit(FAILED) from None
        except Exception as error:  # noqa: BLE001 - the edge of the program: logged whole
            where = _log_bug(error, command.__name__, kwargs.get("site"))
            complain(f"Internal error: {type(error).__name__}: {error}. Report {where}.")
            raise typer.Exit(FAILED) from None

    return run


def _check_arguments(given: Mapping[str, object]) -> None:
    """What no command can use. Raises WrongUse.

    Not a number is no setting of anything; a text with lone surrogates is what Python makes of
    bytes that are no UTF-8, and can be stored nowhere.
    """
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            wrong = remedy = ""
            if isinstance(one, float) and not math.isfinite(one):
                wrong, remedy = "This is no number to count with.", "Write it as 1.5."
            elif isinstance(one, str | Path) and not _is_text(str(one)):
                wrong = "There are bytes in it that are no text in UTF-8."
                remedy = "Write it anew, or give the file another name."
            if wrong:
                option = name.replace("_", "-")
                raise WrongUse(where=f"{option} {_short(str(one))}", what=wrong, remedy=remedy)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(text: str) -> str:
    """As it can be shown: without lone surrogates, and without an end where it has none."""
    shown = text.encode(errors="backslashreplace").decode()
    return shown if len(shown) <= 200 else f"{shown[:200]}…"


def _log_bug(error: Exception, name: str, site: object) -> str:
    """Writes a bug of ours to the site's log, whole; gives the words for where it stands.

    site: as the command was told with its own --site.
    """
    folder = site_folder(site if isinstance(site, Path) else None)
    unwritten = "what you did, for the log cannot be written"
    try:
        if not folder.root.is_dir():
            return unwritten  # a folder that is not there is not made for the sake of a log
        log_to(folder.log, console_level=logging.CRITICAL + 1)
    except OSError:
        return unwritten
    logging.getLogger("energy_desktop").error("A bug of ours in %s", name, exc_info=error)
    return f"the end of {folder.log}"


def complain(sentence: str) -> None:
    sys.stderr.write(sentence.rstrip() + "\n")


def table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: frozenset[int]) -> str:
    """Aligned columns for a terminal; `right` are the columns of numbers."""
    if not rows:
        return ""
    widths = [max(len(str(r[i])) for r in [headers, *rows]) for i in range(len(headers))]
    lines = []
    for row in [headers, *rows]:
        cells = [
            str(cell).rjust(width) if i in right else str(cell).ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)

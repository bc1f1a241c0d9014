"""Files and folders as engines are told them: by their name, and never as a pattern.

Both engines take a name for a pattern: `meter[1].csv` would be meter1.csv, and `m*.csv` many
files. Hadoop, which reads for Spark, also passes over names that begin with a dot or an underscore,
and cannot take some with a colon. What no pattern can say is read through a link of a plain name.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.fleet.head import is_packed

_DUCKDB = re.compile(r"[\[*?]")
_HADOOP = re.compile(r"[\[\]{}*?\\]")


def duckdb_pattern(path: Path) -> str | None:
    """The pattern that DuckDB takes for this file alone; None: there is none."""
    text = str(path)
    if not _DUCKDB.search(text):
        return text
    if os.sep == "/" and "\\" in text:  # read as the end of a folder's name
        return None
    return _DUCKDB.sub(lambda found: f"[{found[0]}]", text)


def hadoop_pattern(path: Path) -> str | None:
    """The pattern that Spark takes for this file alone; None: there is none."""
    text = path.as_posix()[len(path.drive) :]
    pattern = _HADOOP.sub(lambda found: "\\" + found[0], text)
    if path.name.startswith((".", "_")) or ":" in path.name or (":" in text and pattern != text):
        return None
    return path.drive + pattern


def opened(path: Path, pattern: Callable[[Path], str | None], links: Path) -> Path:
    """The file itself where `pattern` has one for it, else a link to it below the folder `links`.

    Raises UserFacingError when that cannot be made.
    """
    if pattern(path) is not None:
        return path
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    link = links / (name + (".csv.gz" if is_packed(path) else ".csv"))
    try:
        links.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(path.absolute())
    except OSError as error:
        raise _no_name(path) from error
    if pattern(link) is None:
        raise _no_name(link)
    return link


def told(path: Path, pattern: Callable[[Path], str | None]) -> str:
    """The pattern of a file. Raises UserFacingError when it has none."""
    found = pattern(path)
    if found is None:
        raise _no_name(path)
    return found


def _no_name(path: Path) -> UserFacingError:
    return UserFacingError(
        where=str(path),
        what="The engine cannot open a file of such a name, or below folders of such names.",
        remedy="Rename it or them without : * ? [ ] { } \\ and a dot or underscore in front.",
    )

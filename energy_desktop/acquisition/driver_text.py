"""Reads single values of a driver file's tables and names the line of the one that is wrong.

tomllib keeps no positions, so the line of a faulty key is looked up in the text afterwards.
"""

import re
import tomllib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from energy_desktop.domain.errors import DriverFileError
from energy_desktop.domain.toml_text import parse_toml

T = TypeVar("T")


def line_of(path: Path, *keys: str) -> int:
    """The line of a key in a file that was readable a moment ago; 1 when it is not there."""
    try:
        return find_line(path.read_text(encoding="utf-8"), keys)
    except OSError:
        return 1


def find_line(text: str, keys: tuple[str, ...]) -> int:
    """The 1-based line where the key path stands; the nearest parent's line, else 1.

    Knows `a = ...`, `[a]` with `b = ...`, `[a.b]`, and inline tables on one or several lines.
    """
    best, depth = 1, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[([^\[\]]+)\]\s*(?:#|$)", line)
        if header:
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            path = table
        else:
            assignment = re.match(r"\s*([\w\"'.-]+)\s*=", line)
            if not assignment:
                continue
            path = (*table, *(part.strip("\"'") for part in assignment[1].split(".")))
        shared = 0
        while shared < min(len(path), len(keys)) and path[shared] == keys[shared]:
            shared += 1
        if shared == len(path) and shared > depth:
            best, depth = number, shared
    return best


def _is_number(value: object) -> bool:
    """Of a size that any register can be multiplied by; NaN is of none."""
    return isinstance(value, int | float) and type(value) is not bool and -1e30 <= value <= 1e30


class TomlChecks:
    """Checks single values of a driver's tables. Holds the text, so that errors can name lines.

    found: (line, what) of every mistake met, of which the first is raised.
    """

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self.found: list[tuple[int, str]] = []

    def _parse(self) -> dict[str, Any]:
        try:
            return parse_toml(self._text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", str(error))
            line = int(found[2]) if found else len(self._text.splitlines())
            reason = f"{found[1]} (column {found[3]})" if found else str(error)
            raise self._error(line, f"is not TOML: {reason}.") from error

    def _each(self, entries: dict[str, Any], read: Callable[[str, Any], T]) -> tuple[T, ...]:
        """Reads every entry before the first mistake is raised, so that all are found."""
        rows: list[T] = []
        first: DriverFileError | None = None
        for name, entry in entries.items():
            try:
                rows.append(read(name, entry))
            except DriverFileError as error:
                first = first or error
        if first is not None:
            raise first
        return tuple(rows)

    def _table(self, table: dict[str, Any], name: str, known: frozenset[str]) -> dict[str, Any]:
        given = table.get(name, {})
        if not isinstance(given, dict):
            self._fail((name,), f"{name} is not a table.")
        self._known_keys(given, known, (name,))
        return given

    def _known_keys(
        self, table: dict[str, Any], known: frozenset[str], parent: tuple[str, ...]
    ) -> None:
        for name in table:
            if name not in known:
                from difflib import get_close_matches

                near = get_close_matches(name, sorted(known), n=1)
                meant = f"; did you mean {near[0]!r}?" if near else "."
                self._fail((*parent, name), f"the key {name!r} is not known{meant}")

    def _text_value(
        self,
        table: dict[str, Any],
        name: str,
        default: str | None = None,
        parent: tuple[str, ...] = (),
    ) -> str:
        value = table.get(name, default)
        if value is None:
            self._fail((name,), f"the key {name!r} is missing.")
        if not isinstance(value, str):
            self._fail((*parent, name), f"{name} is not a text.")
        return value

    def _one_of(
        self, value: object, known: Collection[str], key: tuple[str, ...], what: str
    ) -> str:
        if not isinstance(value, str) or value not in known:
            self._fail(key, f"the {what} {value!r} is none of {', '.join(known)}.")
        return value

    def _list(self, table: dict[str, Any], name: str) -> list[Any]:
        value = table.get(name, [])
        if not isinstance(value, list):
            self._fail((name,), f"{name} is not a list.")
        return value

    def _texts(self, table: dict[str, Any], name: str) -> tuple[str, ...]:
        items = self._list(table, name)
        if not all(isinstance(item, str) for item in items):
            self._fail((name,), f"{name} is not a list of texts.")
        return tuple(items)

    def _flag(self, table: dict[str, Any], key: tuple[str, ...]) -> bool:
        value = table.get(key[-1], False)
        if not isinstance(value, bool):
            self._fail(key, f"{key[-1]} is neither true nor false.")
        return value

    def _scale(self, entry: dict[str, Any], key: tuple[str, ...]) -> float:
        value = entry.get("scale", 1.0)
        if not _is_number(value) or value == 0:
            self._fail(key, f"the scale {value!r} is no number other than 0.")
        return float(value)

    def _number(self, entry: dict[str, Any], key: tuple[str, ...]) -> float:
        value = entry[key[-1]]
        if not _is_number(value):
            self._fail(key, f"{key[-1]} is not a number: {value!r}.")
        return float(value)

    def _whole(
        self,
        table: dict[str, Any],
        key: tuple[str, ...],
        low: int,
        high: int,
        default: int | None = None,
    ) -> int:
        value = table.get(key[-1], default)
        if type(value) is not int:
            self._fail(key, f"{key[-1]} is not a whole number: {value!r}.")
        if not low <= value <= high:
            self._fail(key, f"{key[-1]} {value} is outside {low} to {high}.")
        return value

    def _fail(self, key: tuple[str, ...], what: str) -> NoReturn:
        raise self._error(find_line(self._text, key), what)

    def _error(self, line: int, what: str) -> DriverFileError:
        self.found.append((line, what))
        return DriverFileError(
            where=f"{self._path}, line {line}",
            what=what,
            remedy="The files in drivers/ show how it is written.",
        )

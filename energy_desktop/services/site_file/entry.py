"""One table of a site file, asked field by field; each mistake is kept with its line.

tomllib forgets where a value stood, so the line of an entry is found again by counting its
`[[table]]` headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, TypeVar

from energy_desktop.domain.errors import SiteFileError

E = TypeVar("E", bound=Enum)
_MOST_MONEY = 1_000_000  # for a kWh or as a percentage: more is a slip in any currency
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")


@dataclass(slots=True)
class Problems:
    """Mistakes with their lines, in the order of the file."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, what: str) -> None:
        self.found.append((line, what))

    def raise_if_any(self, name: str) -> None:
        if not self.found:
            return
        ordered = sorted(self.found)
        line, first = ordered[0]
        more = "".join(f"\n  line {at}: {what}" for at, what in ordered[1:])
        count = "1 mistake" if len(ordered) == 1 else f"{len(ordered)} mistakes"
        raise SiteFileError(
            where=f"{name}, line {line}",
            what=first,
            remedy=f"Nothing was changed; mend {count} and apply it again.{more}",
        )


class Entry:
    """One table of the file; hands out typed fields and remembers what was not asked for."""

    def __init__(
        self,
        table: str,
        values: dict[str, Any],
        text: str,
        index: int,
        problems: Problems,
        known: dict[str, Any] | None = None,
        currency: str = "",
    ) -> None:
        """known: what is stored of this entry; a key that the file leaves out keeps it.

        currency: of the site, for entries that name none.
        """
        self.currency = currency
        self._table = table
        self._values = values
        self._known = known or {}
        self._text = text
        self._index = index
        self._problems = problems
        self._asked: set[str] = set()

    def line(self, key: str | None = None) -> int:
        return line_of(self._text, self._table, self._index, key)

    def problem(self, key: str | None, what: str) -> None:
        self._problems.add(self.line(key), what)

    def _take(self, key: str, default: Any) -> Any:
        self._asked.add(key)
        if key in self._values:
            return self._values[key]
        if key in self._known:
            return self._known[key]
        if default is ...:
            self.problem(None, f"[{self._table}] lacks `{key}`.")
            return None
        return default

    def gives(self, key: str) -> bool:
        """Whether the file says anything under this key."""
        return key in self._values

    def knows(self, key: str) -> bool:
        """Whether what is stored of the entry says anything under this key."""
        return bool(self._known.get(key))

    def text(self, key: str, default: Any = ...) -> str:
        value = self._take(key, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problem(key, f"`{key}` is {value!r}; write it as text in quotes.")
            return ""
        if "\0" in value or len(value) > 400:
            self.problem(key, f"`{key}` has a NUL or more than 400 characters.")
            return ""
        return value

    def identity(self, key: str = "id") -> str:
        value = self.text(key)
        if value and not _ID.match(value):
            self.problem(
                key,
                f"`{key}` is {value!r}; use letters, digits, and _ . : - (64 at most).",
            )
        return value

    def number(
        self, key: str, default: Any = ..., *, low: float = float("-inf"), high: float = 1e15
    ) -> float:
        value = self._take(key, default)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(key, f"`{key}` is {value!r}; write a number.")
            return 0.0
        if not low <= value <= high:
            self.problem(key, f"`{key}` is {value}; it must lie in {low:g} to {high:g}.")
            return 0.0
        return float(value)

    def maybe_number(self, key: str, *, low: float = 0.0, high: float = 1e15) -> float | None:
        self._asked.add(key)
        if key in self._values:
            return self.number(key, low=low, high=high)
        stored: float | None = self._known.get(key)
        return stored

    def integer(self, key: str, default: Any = ..., *, low: int = 0, high: int = 10**15) -> int:
        value = self.number(key, default, low=low, high=high)
        if value != int(value):
            self.problem(key, f"`{key}` is {value}; write a whole number.")
        return int(value)

    def maybe_integer(self, key: str, *, low: int = 0, high: int = 10**15) -> int | None:
        self._asked.add(key)
        if key in self._values:
            return self.integer(key, low=low, high=high)
        stored: int | None = self._known.get(key)
        return stored

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key, default)
        if not isinstance(value, bool):
            self.problem(key, f"`{key}` is {value!r}; write true or false.")
            return default
        return value

    def choice(self, key: str, kind: type[E], default: Any = ...) -> E:
        value = self._take(key, default)
        if isinstance(value, kind):
            return value
        for member in kind:
            if member.value == value:
                return member
        if value is not None:
            options = ", ".join(str(member.value) for member in kind)
            self.problem(key, f"`{key}` is {value!r}; it is one of {options}.")
        return next(iter(kind))

    def money(self, key: str, default: Any = ..., *, decimals: int = 4) -> Decimal:
        value = self._take(key, default)
        if value is None:
            return Decimal(0)
        if isinstance(value, Decimal):
            return value
        try:
            if not isinstance(value, str | int):
                raise InvalidOperation
            amount = Decimal(value)
        except InvalidOperation:
            self.problem(key, f'`{key}` is {value!r}; write it in quotes, as "0.3150".')
            return Decimal(0)
        exponent = amount.as_tuple().exponent
        if not isinstance(exponent, int) or -exponent > decimals:
            self.problem(key, f"`{key}` is {value}; it may have {decimals} decimals at most.")
            return Decimal(0)
        if not -_MOST_MONEY <= amount <= _MOST_MONEY:
            self.problem(key, f"`{key}` is {value}; it may be {_MOST_MONEY:,} at most.")
            return Decimal(0)
        return amount

    def day(self, key: str, default: Any = ...) -> date:
        value = self._take(key, default)
        if isinstance(value, date) and not hasattr(value, "hour"):
            return value
        if value is not None:
            self.problem(key, f"`{key}` is {value!r}; write a date as 2026-01-31 without quotes.")
        return date(1970, 1, 1)

    def maybe_day(self, key: str) -> date | None:
        self._asked.add(key)
        if key in self._values:
            return self.day(key)
        stored: date | None = self._known.get(key)
        return stored

    def texts(self, key: str, default: Any = ()) -> tuple[str, ...]:
        value = self._take(key, default)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            self.problem(key, f"`{key}` is {value!r}; write a list of texts.")
            return ()
        return tuple(value)

    def value(self, key: str) -> Any:
        """As it stands in the file or the store; None where it is in neither."""
        self._asked.add(key)
        return self._values.get(key, self._known.get(key))

    def table(self, key: str) -> dict[str, Any]:
        value = self._take(key, ...)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.problem(key, f"`{key}` is {value!r}; write a table {{ ... }}.")
        return {}

    def finish(self) -> None:
        """A key that nobody asked for is a typing error, and would silently do nothing."""
        from difflib import get_close_matches

        for key in self._values:
            if key not in self._asked:
                near = get_close_matches(key, self._asked, n=1)
                hint = f" Is `{near[0]}` meant?" if near else ""
                self.problem(key, f"[{self._table}] knows no `{key}`.{hint}")


def line_of(text: str, table: str, index: int, key: str | None) -> int:
    """Line (from 1) of `key` in the index-th table called `table`, or of the table's header."""
    header = re.compile(rf"^\s*\[\[?\s*{re.escape(table)}\s*\]\]?\s*(#.*)?$")
    any_header = re.compile(r"^\s*\[")
    key_at = re.compile(rf"^\s*\"?{re.escape(key)}\"?\s*[=.]") if key else None
    seen = -1
    header_line = 1
    for number, line in enumerate(text.splitlines(), start=1):
        if header.match(line):
            seen += 1
            if seen == index:
                header_line = number
            continue
        if seen == index:
            if any_header.match(line):
                break
            if key_at is not None and key_at.match(line):
                return number
    return header_line

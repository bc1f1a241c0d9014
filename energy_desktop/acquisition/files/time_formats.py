"""How a column of times is written, told by its texts: which part is day, month and year."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from energy_desktop.acquisition.files.columns import NO_TIME, naive_ms

_DATE = re.compile(
    r"(?P<a>\d{1,4})(?P<sep>[./-])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{2,4})"
    r"(?:(?P<mid>, |[ T])(?P<h>\d{1,2}):(?P<min>\d{2})(?P<sec>:\d{2})?(?P<ampm> ?[AaPp][Mm])?)?$"
)
CLOCK = re.compile(r"\s*\d{1,2}:\d{2}(:\d{2})?\s*$")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """time_format: for strptime; None: readable without. doubtful: day and month may be swapped.
    date_only: the time of day stands elsewhere."""

    time_format: str | None
    doubtful: bool = False
    date_only: bool = False


def is_time(text: str) -> bool:
    """Whether a field is a date, with or without a time of day."""
    stripped = text.strip().strip('"')
    if _DATE.match(stripped):
        return True
    return bool(_ISO_DATE.match(stripped)) and naive_ms([stripped])[0][0] != NO_TIME


def sniff_time_format(texts: Sequence[str], *, with_clock: bool = False) -> TimeFormat | None:
    """How the times (n,) are written; None: they are no times, or not all alike.

    with_clock: the texts are dates and the time of day is put behind them as `date clock`.
    """
    stripped = [text.strip().strip('"') for text in texts if text.strip()]
    if not stripped:
        return None
    if all(_ISO_DATE.match(text) for text in stripped):
        return TimeFormat(None, date_only=all(len(text) == 10 for text in stripped))
    found = [_DATE.match(text.replace("24:00", "00:00")) for text in stripped]
    parts = [match for match in found if match is not None]
    if len(parts) < len(stripped):
        return None
    sep = parts[0]["sep"]
    if any(match["sep"] != sep for match in parts):
        return None
    year_first = all(len(match["a"]) == 4 for match in parts)
    date_only = all(match["h"] is None for match in parts)
    doubtful = False
    if year_first:
        date = f"%Y{sep}%m{sep}%d"
    else:
        year = "%Y" if len(parts[0]["c"]) == 4 else "%y"
        day_first = f"%d{sep}%m{sep}{year}"
        month_first = f"%m{sep}%d{sep}{year}"
        if any(int(match["a"]) > 12 for match in parts) or sep == ".":
            date = day_first
        elif any(int(match["b"]) > 12 for match in parts):
            date = month_first
        else:
            date, doubtful = _by_order(parts, day_first, month_first)
    if date_only:
        clock = " %H:%M" if with_clock else ""
    else:
        first = next(match for match in parts if match["h"] is not None)
        hour = "%I" if first["ampm"] else "%H"
        seconds = ":%S" if first["sec"] else ""
        said = "" if not first["ampm"] else " %p" if first["ampm"].startswith(" ") else "%p"
        clock = f"{first['mid']}{hour}:%M{seconds}{said}"
    plain = sep == "." and date.startswith("%d.%m.%Y")
    return TimeFormat(None if plain else date + clock, doubtful, date_only)


def _by_order(parts: Sequence[re.Match[str]], day_first: str, month_first: str) -> tuple[str, bool]:
    """Readings follow each other: the reading of the dates under which they jump less."""
    days = [(int(m["a"]), int(m["b"])) for m in parts]
    steps = list(pairwise(days))
    first_moves = sum(a[0] != b[0] for a, b in steps)
    second_moves = sum(a[1] != b[1] for a, b in steps)
    if first_moves == second_moves:
        return day_first, True
    return (day_first, False) if first_moves > second_moves else (month_first, False)

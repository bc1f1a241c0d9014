"""The lists that `fleet show` gives: households, what is strange, files and rows left out.

A list is a page of one that may have thousands of rows, so it says which rows these are of how
many, and how to get the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from energy_desktop.app.commands.common import table
from energy_desktop.app.commands.fleet_words import (
    UNFINISHED,
    dropped_words,
    place_of,
    plain,
    reason_words,
    state_word,
)
from energy_desktop.domain import wording
from energy_desktop.domain.fleet import (
    DataQuality,
    DroppedRow,
    FleetAnomaly,
    FleetSummary,
    HouseholdRow,
    Page,
)
from energy_desktop.domain.fleet_wording import EXAMPLE_TARIFFS, NO_READINGS


def households_document(page: Page[HouseholdRow]) -> dict[str, Any]:
    return {
        "total": page.total,
        "offset": page.offset,
        "households": [plain(one) for one in page.rows],
    }


def households_text(page: Page[HouseholdRow], *, example_tariffs: bool) -> str:
    rows = [
        (
            one.household,
            one.tariff or wording.UNKNOWN,
            str(one.segment or wording.UNKNOWN),
            wording.number(one.kwh_per_day),
            wording.number(one.missing_pct),
            wording.number(one.anomalies, 0),
            wording.number(one.cost_a_per_year, 2),
            wording.number(one.cost_b_per_year, 2),
        )
        for one in page.rows
    ]
    heads = ("household", "tariff", "segment", "kWh/day", "missing %", "strange", "A/year",
             "B/year")  # fmt: skip
    return _blocks(
        table(heads, rows, frozenset(range(2, 8))),
        shown(page, "household"),
        EXAMPLE_TARIFFS if example_tariffs else "",
    )


def strange_document(page: Page[FleetAnomaly]) -> dict[str, Any]:
    return {
        "total": page.total,
        "offset": page.offset,
        "anomalies": [plain(one) for one in page.rows],
    }


def strange_text(page: Page[FleetAnomaly], *, unseen: bool) -> str:
    have = "household has" if page.total == 1 else "households have"
    lines = [
        *(f"{one.household}: {one.reason}{state_word(one)}" for one in page.rows),
        f"{page.total:,} {have} something strange{' that nobody has seen' if unseen else ''}.",
        shown(page, "household"),
    ]
    return "\n".join(line for line in lines if line)


def quality_document(
    said: DataQuality, listed: Page[DroppedRow], *, finished: bool
) -> dict[str, Any]:
    return {
        "finished": finished,
        "files": [plain(one) for one in said.files.rows],
        "files_total": said.files.total,
        "broken": [plain(one) for one in said.broken],
        "dropped": said.dropped,
        "rows": [plain(one) for one in listed.rows],
        "rows_total": listed.total,
    }


def quality_text(
    said: DataQuality, listed: Page[DroppedRow], source: Path | None, summary: FleetSummary
) -> str:
    """source: the folder that was read; None: nobody knows."""
    so_far = NO_READINGS if summary.no_readings else UNFINISHED
    lines = [
        "" if summary.finished else so_far,
        *(f"{place_of(one.name, source)}: left out whole: {one.why}" for one in said.broken),
        *(
            f"{place_of(one.name, source)}: {one.rows_read:,} rows, "
            f"{one.rows_used:,} used, {dropped_words(one.dropped)}"
            for one in said.files.rows
        ),
        shown(said.files, "file"),
        *(
            f"{place_of(one.file, source)}"
            f"{'' if one.line is None else f', line {one.line}'}: "
            f"{one.household} {one.time} {one.value}: {reason_words(one.reason)}"
            + (f", also in {place_of(one.other, source)}" if one.other else "")
            for one in listed.rows
        ),
        shown(listed, "row left out", "rows left out"),
        f"Files: below {source}." if source is not None else "",
    ]
    return "\n".join(line for line in lines if line)


def shown(page: Page[Any], one: str, many: str = "") -> str:
    """Which rows of how many these are, and how to see the others; "" when they are all."""
    of = wording.count(page.total, one, many)
    first, last = page.offset + 1, page.offset + len(page.rows)
    if len(page.rows) == page.total:
        return ""
    if not page.rows:
        return f"There is nothing after --offset {page.offset}: the list has {of}."
    text = f"These are {first:,} to {last:,} of {of}"
    return (
        f"{text}; --limit shows more, --offset {last} goes on." if last < page.total else f"{text}."
    )


def _blocks(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)

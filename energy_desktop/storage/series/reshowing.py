"""Where the register stood inside a gap, as far as the book knows: it follows the corrections.

Between two readings nobody saw the register. What a row keeps of it there (opening, closing) was
drawn as a straight line, and a day whose midnight lies in a gap is held against that line. When the
gap's energy is given another course, the line is drawn anew along it, or the sum check of the day
would accuse a correction that meets the register to the watt-hour.

Only a stretch that was never measured is touched, and only while its whole sum is what the
register counted over it: where it is not, the days keep showing the difference.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import book
from energy_desktop.storage.series.versions import OF, SPAN, Of

_MEASURED = (int(IntervalQuality.RAW), int(IntervalQuality.VALIDATED))

# start_ms, energy_wh, quality, edit_id, opening_wh, closing_wh, segment
_Row = tuple[int, int | None, int, int | None, int | None, int | None, int]


def reshow(session: Session, of: Of, start_ms: int, end_ms: int) -> None:
    """Draws the boundaries of the unmeasured stretches that meet [start_ms, end_ms) anew."""
    step_ms = of[2] * 1000
    first, last = _reach(session, of, start_ms, end_ms)
    rows: list[Any] = session.rows(
        "SELECT start_ms, energy_wh, quality, edit_id, opening_wh, closing_wh, segment"
        " FROM intervals" + SPAN + " ORDER BY start_ms",
        (*of, first, last),
    )
    booked = dict(
        session.rows(
            "SELECT start_ms, quality FROM interval_versions"
            + SPAN
            + " AND edit_id IS NULL ORDER BY version",
            (*of, first, last),
        )
    )
    for run in _stretches(rows, booked, step_ms):
        if run[0][0] < end_ms and start_ms < run[-1][0] + step_ms:
            changed = _redrawn(run)
            book.show(session, [(opening, closing, (*of, at)) for at, opening, closing in changed])


def _reach(session: Session, of: Of, start_ms: int, end_ms: int) -> tuple[int, int]:
    """The span widened to the nearest measured intervals on both sides."""
    before = session.row(
        "SELECT MAX(start_ms) FROM intervals" + OF + " AND start_ms < ? AND quality IN (0, 1)",
        (*of, start_ms),
    )
    after = session.row(
        "SELECT MIN(start_ms) FROM intervals" + OF + " AND start_ms >= ? AND quality IN (0, 1)",
        (*of, end_ms),
    )
    first = start_ms if before is None or before[0] is None else int(before[0])
    last = end_ms if after is None or after[0] is None else int(after[0])
    return min(first, start_ms), max(last, end_ms)


def _stretches(rows: list[_Row], booked: dict[int, int], step_ms: int) -> list[list[_Row]]:
    """Neighbours of one segment that were booked without having been measured."""
    found: list[list[_Row]] = []
    for row in rows:
        quality = row[2] if row[3] is None else booked.get(row[0], IntervalQuality.MISSING)
        if quality in _MEASURED:
            continue
        if found and found[-1][-1][0] + step_ms == row[0] and found[-1][-1][6] == row[6]:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _redrawn(run: list[_Row]) -> list[tuple[int, int, int]]:
    """start, opening and closing of the rows whose boundaries move; none where the stretch does
    not hold what its register counted."""
    energies = [row[1] for row in run]
    opening, closing = run[0][4], run[-1][5]
    if opening is None or closing is None or any(row[4] is None or row[5] is None for row in run):
        return []
    if any(a[5] != b[4] for a, b in pairwise(run)):
        return []
    known = [energy for energy in energies if energy is not None]
    if len(known) < len(run) or sum(known) != closing - opening:
        return []
    bounds = list(accumulate(known, initial=opening))
    return [
        (row[0], bounds[i], bounds[i + 1])
        for i, row in enumerate(run)
        if (row[4], row[5]) != (bounds[i], bounds[i + 1])
    ]

"""Holds the energies of a period against what the register itself counted over it.

A row keeps, beside its energy, what the register showed at its start and end. The sum of a period
comes from the energies, the register difference from the first and last of those showings: a row
that is missing, quarantined or edited shows as a discrepancy, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from energy_desktop.domain.energy import Reconciliation, RegisterReading
from energy_desktop.storage.database import Session
from energy_desktop.storage.series import steps
from energy_desktop.storage.series.names import Keys
from energy_desktop.storage.series.points import FAR_MS
from energy_desktop.storage.series.steps import Run
from energy_desktop.storage.series.versions import SPAN

_SHOWN = "opening_wh IS NOT NULL AND closing_wh IS NOT NULL"
_SUMS = (
    "SELECT COALESCE(SUM(energy_wh), 0),"
    " COALESCE(SUM(CASE WHEN quality = 2 THEN energy_wh ELSE 0 END), 0),"
    " COALESCE(SUM(CASE WHEN quality = 3 THEN energy_wh ELSE 0 END), 0),"
    f" COALESCE(SUM(CASE WHEN edit_id IS NOT NULL AND {_SHOWN}"
    " THEN energy_wh - closing_wh + opening_wh ELSE 0 END), 0),"
    " COUNT(energy_wh) FROM intervals" + SPAN
)
_SEGMENTS = (
    "SELECT segment, MIN(opening_wh), MAX(closing_wh), MIN(start_ms), MAX(start_ms) FROM intervals"
    + SPAN
    + f" AND {_SHOWN} GROUP BY segment"
)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of the intervals of a period; Wh, but for `booked`: how many have an energy."""

    energy_wh: int = 0
    estimated_wh: int = 0
    edited_wh: int = 0
    correction_wh: int = 0
    booked: int = 0

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.energy_wh + other.energy_wh,
            self.estimated_wh + other.estimated_wh,
            self.edited_wh + other.edited_wh,
            self.correction_wh + other.correction_wh,
            self.booked + other.booked,
        )


@dataclass(frozen=True, slots=True)
class _Segment:
    """What the register showed at both ends of a stretch without a reset."""

    opening_wh: int
    closing_wh: int
    first_ms: int
    last_ms: int

    def joined(self, other: _Segment) -> _Segment:
        return _Segment(
            min(self.opening_wh, other.opening_wh),
            max(self.closing_wh, other.closing_wh),
            min(self.first_ms, other.first_ms),
            max(self.last_ms, other.last_ms),
        )


def reconciled(
    session: Session, keys: Keys | None, meter_id: str, register: str, start_ms: int, end_ms: int
) -> Reconciliation:
    """Over the intervals inside [start_ms, end_ms). opening and closing are the register
    at the first and last boundary that is known, so gaps at the ends are not in either sum.
    What a person or a file says of a time that the register did not see is told apart."""
    kept = steps.kept(session, keys)
    if keys is None or not kept:
        expected = max(end_ms // 900_000 - -(-start_ms // 900_000), 0)
        return Reconciliation(meter_id, register, None, None, None, 0, 0, expected)
    runs = steps.whole(steps.runs(session, keys, kept, start_ms, end_ms))
    sums = sum((_sums(session, keys, run) for run in runs), _Sums())
    numbered = _segments(session, keys, runs)
    segments = sorted(numbered.values(), key=lambda piece: piece.first_ms)
    opening = closing = None
    difference_wh: int | None = None
    unregistered_wh = 0
    if segments:
        first, last = segments[0], segments[-1]
        opening = RegisterReading(meter_id, register, first.first_ms, first.opening_wh)
        closing = RegisterReading(meter_id, register, last.last_ms, last.closing_wh)
        difference_wh = sum(piece.closing_wh - piece.opening_wh for piece in segments)
        unregistered_wh = _beside(session, keys, runs, segments)
    return Reconciliation(
        meter_id,
        register,
        opening,
        closing,
        difference_wh,
        interval_sum_wh=sums.energy_wh,
        estimated_wh=sums.estimated_wh,
        missing_intervals=sum(run.count for run in runs) - sums.booked,
        resets=_resets(numbered),
        edited_wh=sums.edited_wh,
        unregistered_wh=unregistered_wh,
        correction_wh=sums.correction_wh,
    )


def _sums(session: Session, keys: Keys, run: Run) -> _Sums:
    row = session.row(_SUMS, (*keys, run.step_s, run.start_ms, run.end_ms))
    assert row is not None, "sums have a row also of nothing"
    return _Sums(*map(int, row))


def _segments(session: Session, keys: Keys, runs: Sequence[Run]) -> dict[int, _Segment]:
    found: dict[int, _Segment] = {}
    for run in runs:
        of = (*keys, run.step_s, run.start_ms, run.end_ms)
        for row in session.rows(_SEGMENTS, of):
            number, opening, closing, first_ms, last_start_ms = map(int, row)
            piece = _Segment(opening, closing, first_ms, last_start_ms + run.step_s * 1000)
            before = found.get(number)
            found[number] = piece if before is None else before.joined(piece)
    return found


def _beside(session: Session, keys: Keys, runs: Sequence[Run], segments: Sequence[_Segment]) -> int:
    """Energy (Wh) in the runs of times at which no segment of the register was seen."""
    # The register of a file may have counted before that of the meter and behind it.
    ends = accumulate((piece.last_ms for piece in segments), max, initial=0)
    begins = [*(piece.first_ms for piece in segments), FAR_MS]
    unseen = list(zip(ends, begins, strict=True))
    total = 0
    for run in runs:
        for unseen_ms, seen_ms in unseen:
            first, last = max(run.start_ms, unseen_ms), min(run.end_ms, seen_ms)
            if first < last:
                row = session.row(
                    "SELECT COALESCE(SUM(energy_wh), 0) FROM intervals" + SPAN,
                    (*keys, run.step_s, first, last),
                )
                total += 0 if row is None else int(row[0])
    return total


def _resets(segments: Mapping[int, _Segment]) -> int:
    """Breaks between the segments of files, and between those of the register that is read."""
    of_files = sum(number < 0 for number in segments)
    return sum(max(n - 1, 0) for n in (of_files, len(segments) - of_files))

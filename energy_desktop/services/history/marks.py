"""What is to be said of a curve where it is not simply measured.

Two books know of holes: the gaps in which no reading came, and the intervals of the ledger without
a believed value. A gap of a minute is one of readings only, as the register bridges it; the same
hour in both is told once, with the cause from the first and the energy from the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from energy_desktop.domain.editing import Edit, EditMethod, LedgerGap
from energy_desktop.domain.energy import Gap, GapCause
from energy_desktop.services.history.values import MarkKind, QualityMark


def quality_marks(
    gaps: Sequence[Gap],
    ledger_gaps: Sequence[LedgerGap],
    edits: Sequence[Edit],
    span_ms: tuple[int, int],
) -> tuple[QualityMark, ...]:
    """Marks by their start. gaps that have not ended reach to the end of the span."""
    marks = [
        QualityMark(
            MarkKind.QUARANTINED if g.cause is GapCause.QUARANTINED else MarkKind.GAP,
            g.start_ms,
            span_ms[1] if g.end_ms is None else g.end_ms,
            g.cause.value,
            g.detail,
            still_open=g.end_ms is None,
        )
        for g in gaps
    ]
    # A correction says more of its span than the hole that it filled.
    standing = [e for e in edits if e.undone_by is None and e.method is not EditMethod.UNDO]
    for gap in ledger_gaps:
        if gap.done and any(e.start_ms <= gap.start_ms < gap.end_ms <= e.end_ms for e in standing):
            continue
        kind = (
            MarkKind.ESTIMATED
            if gap.done
            else MarkKind.QUARANTINED
            if gap.cause is GapCause.QUARANTINED
            else MarkKind.GAP
        )
        at = next(
            (
                i
                for i, m in enumerate(marks)
                if m.start_ms < gap.end_ms and gap.start_ms < m.end_ms and m.known_wh is None
            ),
            None,
        )
        if at is None:
            marks.append(
                QualityMark(
                    kind,
                    gap.start_ms,
                    gap.end_ms,
                    gap.cause.value,
                    gap.detail,
                    gap.known_wh,
                    gap.done,
                )
            )
        else:
            told = marks[at]
            marks[at] = replace(
                told,
                kind=kind if gap.done or kind is MarkKind.QUARANTINED else told.kind,
                known_wh=gap.known_wh,
                done=gap.done,
                detail=told.detail or gap.detail,
            )
    marks += [
        QualityMark(
            MarkKind.EDITED,
            e.start_ms,
            e.end_ms,
            e.reason,
            f"by {e.by}",
            e.after_wh,
            f"{e.method.value} {e.parameters}".strip(),
            e.edit_id,
        )
        for e in standing
    ]
    return tuple(sorted(marks, key=lambda m: (m.start_ms, m.end_ms)))

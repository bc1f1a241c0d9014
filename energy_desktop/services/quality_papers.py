"""What the page "Data quality" shows, as a document: every meter, and all about the chosen one.

An auditor wants on paper what was not measured, why, what was put in its place by whom, and whether
each day's sum is what the register counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.clock import Clock
from energy_desktop.domain.document import (
    Cell,
    Document,
    DocumentColumn,
    DocumentFigure,
    DocumentSection,
)
from energy_desktop.domain.editing import Edit, LedgerGap, RegisterEvent
from energy_desktop.domain.ports import ConfigurationStore
from energy_desktop.services.data_quality import MeterQuality, QualityLook, SumCheck
from energy_desktop.services.papers import Letterhead, PaperService, cell_day, cell_kwh, cell_moment

_METERS = (
    DocumentColumn("Meter", weight=3.0),
    DocumentColumn("Register", weight=2.2),
    DocumentColumn("Intervals", "int", 1.1),
    DocumentColumn("Measured, %", "pct", 1.3),
    DocumentColumn("Estimated", "int", 1.1),
    DocumentColumn("Edited", "int", 0.9),
    DocumentColumn("Open gaps", "int", 1.1),
    DocumentColumn("Quarantined", "int", 1.3),
)
_GAPS = (
    DocumentColumn("Begins", weight=2.6),
    DocumentColumn("Ends", weight=2.6),
    DocumentColumn("Intervals", "int", 1.1),
    DocumentColumn("Cause", weight=2.0),
    DocumentColumn("Register knows, kWh", "exact_kwh", 2.0),
    DocumentColumn("What was done", weight=3.4),
)
_EDITS = (
    DocumentColumn("No", "int", 0.5),
    DocumentColumn("Begins", weight=2.4),
    DocumentColumn("Ends", weight=2.4),
    DocumentColumn("How", weight=2.8),
    DocumentColumn("Before, kWh", "exact_kwh", 1.4),
    DocumentColumn("After, kWh", "exact_kwh", 1.4),
    DocumentColumn("Why", weight=2.8),
    DocumentColumn("By", weight=1.1),
    DocumentColumn("When", weight=0),
    DocumentColumn("Undone by", "int", 0),
)
_EVENTS = (
    DocumentColumn("At", weight=2.4),
    DocumentColumn("What", weight=1.4),
    DocumentColumn("Old end, kWh", "exact_kwh", 1.5),
    DocumentColumn("New start, kWh", "exact_kwh", 1.5),
    DocumentColumn("New serial", weight=1.6),
    DocumentColumn("Note", weight=2.8),
    DocumentColumn("By", weight=1.1),
)
_SUMS = (
    DocumentColumn("Begins", "date", 2.0),
    DocumentColumn("", weight=0.9),
    DocumentColumn("Intervals, kWh", "exact_kwh", 1.6),
    DocumentColumn("Register, kWh", "exact_kwh", 1.6),
    DocumentColumn("Difference, kWh", "exact_kwh", 1.7),
    DocumentColumn("Estimated, kWh", "exact_kwh", 1.6),
    DocumentColumn("Edited, kWh", "exact_kwh", 1.4),
    DocumentColumn("Missing", "int", 1.0),
)


class QualityPapers:
    """simulated: whether the site is a demo, which every paper of it must say."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        papers: PaperService,
        clock: Clock,
        simulated: Callable[[], bool] = lambda: False,
    ) -> None:
        self._configuration = configuration
        self._papers = papers
        self._letterhead = Letterhead(clock, simulated)

    def write(
        self,
        meters: Sequence[MeterQuality],
        look: QualityLook | None,
        period_ms: tuple[int, int],
        out: Path,
    ) -> tuple[Path, ...]:
        """PDF, CSV or Excel. look: the chosen meter. Raises what `PaperService.write` raises."""
        return self._papers.write(self.document(meters, look, period_ms), out)

    def document(
        self,
        meters: Sequence[MeterQuality],
        look: QualityLook | None,
        period_ms: tuple[int, int],
    ) -> Document:
        """look None: the list of meters alone."""
        site = self._configuration.load().site
        zone = ZoneInfo(site.zone)
        stored = [m for m in meters if m.intervals]
        gaps = sum(m.gaps for m in stored)
        intervals = sum(m.intervals for m in stored)
        measured = sum(m.measured for m in stored)
        sections = [
            DocumentSection(
                "Meters", sheet="meters", columns=_METERS, rows=tuple(_meter_row(m) for m in meters)
            )
        ]
        if look is not None:
            sections += _look_sections(look, zone)
        return self._letterhead.document(
            site,
            "Data quality",
            period_ms,
            f"{wording.count(gaps, 'gap')} open at {sum(m.gaps > 0 for m in stored)} of "
            f"{wording.count(len(stored), 'meter')} with energy in this period.",
            (
                DocumentFigure(
                    "Measured",
                    "–" if not intervals else _share(measured, intervals),
                    f"{measured:,} of {intervals:,} intervals",
                ),
                DocumentFigure("Estimated", f"{sum(m.estimated for m in stored):,}", "intervals"),
                DocumentFigure("Edited", f"{sum(m.edited for m in stored):,}", "intervals"),
                DocumentFigure("Open gaps", f"{gaps:,}"),
            ),
            sections,
        )


def _share(part: int, whole: int) -> str:
    """Only what is whole is called 100 %."""
    percent = 100 * part / whole
    return wording.percent(percent if part == whole else min(percent, 99.99), 2)


def _look_sections(look: QualityLook, zone: ZoneInfo) -> list[DocumentSection]:
    name = look.meter.name
    sums = sorted((*look.months, *look.days), key=lambda c: (c.start_ms, not c.whole_month))
    whole = frozenset(i for i, check in enumerate(sums) if check.whole_month)
    sections = [
        DocumentSection(
            f"{name}: what is not simply measured",
            () if look.gaps else ("Every interval was measured.",),
            sheet="gaps",
            columns=_GAPS,
            rows=tuple(_gap_row(gap, zone) for gap in look.gaps),
        ),
        DocumentSection(
            f"{name}: corrections",
            () if look.edits else ("Nothing was corrected.",),
            sheet="corrections",
            columns=_EDITS,
            rows=tuple(_edit_row(edit, zone) for edit in look.edits),
        ),
    ]
    if look.events:
        sections.append(
            DocumentSection(
                f"{name}: exchanges and resets",
                sheet="exchanges",
                columns=_EVENTS,
                rows=tuple(_event_row(event, zone) for event in look.events),
            )
        )
    sections.append(
        DocumentSection(
            f"{name}: sum of intervals against the register",
            sheet="sums",
            columns=_SUMS,
            rows=tuple(_sum_row(check, zone) for check in sums),
            emphasised=whole,
        )
    )
    return sections


def _meter_row(row: MeterQuality) -> tuple[Cell, ...]:
    percent = row.measured_pct
    if not row.intervals:
        return (row.meter.name, row.register, 0, None, None, None, None, None)
    return (
        row.meter.name,
        row.register,
        row.intervals,
        None if percent is None else round(percent, 3),
        row.estimated,
        row.edited,
        row.gaps,
        row.quarantined,
    )


def _gap_row(gap: LedgerGap, zone: ZoneInfo) -> tuple[Cell, ...]:
    return (
        cell_moment(gap.start_ms, zone),
        cell_moment(gap.end_ms, zone),
        gap.intervals,
        gap.cause.value,
        cell_kwh(gap.known_wh),
        gap.done or "nothing yet",
    )


def _edit_row(edit: Edit, zone: ZoneInfo) -> tuple[Cell, ...]:
    return (
        edit.edit_id,
        cell_moment(edit.start_ms, zone),
        cell_moment(edit.end_ms, zone),
        edit.parameters or edit.method.value,
        cell_kwh(edit.before_wh),
        cell_kwh(edit.after_wh),
        edit.reason,
        edit.by,
        cell_moment(edit.at_ms, zone),
        edit.undone_by,
    )


def _event_row(event: RegisterEvent, zone: ZoneInfo) -> tuple[Cell, ...]:
    return (
        cell_moment(event.at_ms, zone),
        event.kind.value,
        cell_kwh(event.old_end_wh),
        cell_kwh(event.new_start_wh),
        event.new_serial,
        event.note,
        event.by,
    )


def _sum_row(check: SumCheck, zone: ZoneInfo) -> tuple[Cell, ...]:
    proof = check.reconciliation
    return (
        cell_day(check.start_ms, zone),
        "month" if check.whole_month else "day",
        cell_kwh(proof.interval_sum_wh),
        cell_kwh(proof.register_difference_wh),
        cell_kwh(proof.discrepancy_wh),
        cell_kwh(proof.estimated_wh),
        cell_kwh(proof.edited_wh),
        proof.missing_intervals,
    )

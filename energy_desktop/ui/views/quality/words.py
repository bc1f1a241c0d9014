"""Sentences and names of the page "Data quality"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from energy_desktop.domain import wording
from energy_desktop.domain.clock import ClockJump
from energy_desktop.domain.editing import Edit, EditMethod, RegisterEvent, RegisterEventKind
from energy_desktop.domain.energy import GapCause
from energy_desktop.domain.validation import ValidationRule
from energy_desktop.services.data_quality import MeterQuality, QualityLook, SumCheck, is_left
from energy_desktop.ui.formatting import THIN, UNKNOWN, Formats

REGISTERS = {
    "energy_import_wh": "Import",
    "energy_total_wh": "Total",
    "energy_export_wh": "Export",
}
METHODS = {
    EditMethod.SET: "Each interval set",
    EditMethod.SCALE: "Scaled",
    EditMethod.SPREAD: "Known total spread",
    EditMethod.COPY_DAY: "Copied from a like day",
    EditMethod.LINE: "Straight line",
    EditMethod.LIKE_DAYS: "Like the weekdays before",
    EditMethod.REGISTER: "Register's energy spread",
    EditMethod.IMPORT: "Imported",
    EditMethod.EXCHANGE: "Booked over an exchange",
    EditMethod.UNDO: "Undone",
}
_CAUSES = {
    GapCause.COMMUNICATION: ("Communication", "lan-disconnect"),
    GapCause.POWER: ("Power", "power-plug-off-outline"),
    GapCause.NOT_RUNNING: ("Program not running", "stop-circle-outline"),
    GapCause.QUARANTINED: ("Quarantined", "triangle-outline"),
    GapCause.UNKNOWN: ("Unknown", "help-circle-outline"),
}
_REPLACED = ("Measured, replaced", "pencil-outline")
_RULES = {
    ValidationRule.LOW_LIMIT: "Less than nothing",
    ValidationRule.HIGH_LIMIT: "Above the connection",
    ValidationRule.PEAK: "Above every peak before",
    ValidationRule.SPIKE: "Spike",
    ValidationRule.FROZEN: "Value does not move",
}
_EVENTS = {
    RegisterEventKind.EXCHANGE: "Meter exchanged",
    RegisterEventKind.RESET: "Register reset",
    RegisterEventKind.RATIO: "Transformer ratio changed",
    RegisterEventKind.MODULUS: "Modulus corrected",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Intervals in a row that are not measured and believed: a gap, or a rule that failed.

    known_wh: by the register; None: it does not know. done: what stands in their place; empty:
    nothing does. is_open: something is to be done about it.
    """

    start_ms: int
    end_ms: int
    intervals: int
    cause: str
    icon: str
    detail: str
    known_wh: int | None
    done: str
    is_gap: bool
    is_open: bool


def doubts(look: QualityLook) -> tuple[Doubt, ...]:
    """Gaps and failed rules by time; a rule says nothing about what a gap says already."""
    series = look.report.series
    found = []
    for gap in look.gaps:
        inside = (series.start_ms >= gap.start_ms) & (series.start_ms < gap.end_ms)
        was_measured = bool(gap.done) and bool(np.isfinite(series.raw_wh[inside]).all())
        cause, icon = _REPLACED if was_measured else _CAUSES[gap.cause]
        found.append(
            Doubt(
                gap.start_ms, gap.end_ms, gap.intervals, cause, icon,
                "" if was_measured else gap.detail, gap.known_wh, gap.done, True,
                is_left(gap, look.edits),
            )
        )  # fmt: skip
    for failure in look.report.failures:
        if failure.rule not in _RULES:
            continue
        spans = ((g.start_ms, g.end_ms) for g in look.gaps)
        if any(start <= failure.start_ms and failure.end_ms <= end for start, end in spans):
            continue
        found.append(
            Doubt(
                failure.start_ms, failure.end_ms, failure.intervals, _RULES[failure.rule],
                "triangle-outline", failure.sentence, failure.energy_wh, "", False, True,
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda d: (d.start_ms, not d.is_gap)))


def done(doubt: Doubt) -> str:
    """What stands in place of the doubtful values."""
    return doubt.done or ("nothing done yet" if doubt.is_gap else "in force as measured")


def doubt_sentence(formats: Formats, doubt: Doubt) -> str:
    """The chosen line of the list in full."""
    if not doubt.is_gap:
        return _sentences(doubt.detail, done(doubt))
    known = (
        f"the register counted {with_kwh(formats, doubt.known_wh)}"
        if doubt.known_wh is not None
        else "no register knows its energy"
    )
    cause = f"{doubt.cause}: {doubt.detail}" if doubt.detail else doubt.cause
    return _sentences(cause, known, done(doubt))


def _sentences(*parts: str) -> str:
    whole = (f"{p[0].upper()}{p[1:]}" for p in parts if p)
    return " ".join(p if p.endswith((".", "?")) else f"{p}." for p in whole)


def kwh(formats: Formats, energy_wh: float | None) -> str:
    """To the watt-hour, because sums are held against each other here: "412.300"."""
    return formats.number(None if energy_wh is None else energy_wh / 1000, 3)


def with_kwh(formats: Formats, energy_wh: float | None) -> str:
    text = kwh(formats, energy_wh)
    return text if text == UNKNOWN else f"{text}{THIN}kWh"


def span(formats: Formats, start_ms: int, end_ms: int) -> str:
    return formats.period(start_ms, end_ms)


def wh_of(text: str, factor: Decimal = Decimal(1)) -> int:
    """Whole Wh of kWh as they were typed, times a factor. Raises decimal.InvalidOperation."""
    return round(Decimal(text) * 1000 * factor)


# ---------------------------------------------------------------- the page


def answer(rows: Sequence[MeterQuality], formats: Formats) -> str:
    """The title's sentence over all meters."""
    stored = [r for r in rows if r.intervals]
    if not stored:
        return "No energy is stored for this period."
    gaps = sum(r.gaps for r in stored)
    if not gaps:
        return f"No gap is open at {wording.count(len(stored), 'meter')}."
    at = sum(r.gaps > 0 for r in stored)
    quarantined = sum(r.quarantined for r in stored)
    more = f", {quarantined} of them quarantined" if quarantined else ""
    known = sum(r.known_wh for r in stored)
    energy = f"; the registers know {formats.energy(known)} of them" if known else ""
    return f"{wording.count(gaps, 'gap')} open at {at} of {len(stored)} meters{more}{energy}."


def clock_jumps(jumps: Sequence[ClockJump], formats: Formats) -> tuple[str, str]:
    """What is said of the settings of the computer's clock in a period, the largest with its time:
    what happened, and what follows from it."""
    largest = max(jumps, key=lambda jump: abs(jump.by_s))
    way = "set forward, or the computer slept," if largest.by_s > 0 else "set back"
    size = formats.exact_duration(abs(largest.by_s))
    often = "" if len(jumps) == 1 else f" It was set {len(jumps)} times in this period."
    return (
        f"The clock of this computer was {way} by {size}.",
        f"{formats.full_moment(largest.before_ms)} was followed by "
        f"{formats.full_moment(largest.after_ms)}.{often} Readings carry the time that it showed: "
        "energy around it may lack, or be quarantined or estimated.",
    )


def stands_in(formats: Formats, row: MeterQuality) -> str:
    """What of a meter's period is not measured but has a value."""
    parts = [
        f"{formats.count(amount)} {word}"
        for amount, word in ((row.estimated, "estimated"), (row.edited, "edited"))
        if amount
    ]
    return ", ".join(parts)


def sum_title(formats: Formats, check: SumCheck) -> str:
    if check.whole_month:
        local = formats.local(check.start_ms)
        return formats.month(local.year, local.month)
    return formats.day(check.start_ms)


def sum_state(formats: Formats, check: SumCheck) -> tuple[str, bool]:
    """How the sum stands to the register, and whether a person should look."""
    proof = check.reconciliation
    off = proof.discrepancy_wh
    missing = proof.missing_intervals
    open_points = [
        wording.count(amount, what)
        for amount, what in ((missing, "interval"), (proof.resets, "reset"))
        if amount
    ]
    left = [f"{' and '.join(open_points)} open"] if open_points else []
    if off is None:
        if not proof.interval_sum_wh and missing:
            return "nothing stored", False
        return "; ".join(("no register to hold it against", *left)), bool(left)
    side = "more" if off > 0 else "less"
    state = "equal" if off == 0 else f"{with_kwh(formats, abs(off))} {side} than the register"
    if off and not proof.unexplained_wh:
        state += ", by corrections"
    if proof.unregistered_wh:
        left.append(f"{with_kwh(formats, proof.unregistered_wh)} where it was not read")
    return "; ".join((state, *left)), bool(proof.unexplained_wh or open_points)


def sum_sentence(formats: Formats, check: SumCheck) -> str:
    """The line under the chart."""
    proof = check.reconciliation
    state, _ = sum_state(formats, check)
    text = f"{sum_title(formats, check)}: intervals {with_kwh(formats, proof.interval_sum_wh)}"
    if proof.register_difference_wh is not None:
        text += f", register {with_kwh(formats, proof.register_difference_wh)}"
    return f"{text}: {state}."


# ---------------------------------------------------------------- corrections


def edit_effect(formats: Formats, edit: Edit) -> str:
    return f"{kwh(formats, edit.before_wh)} to {kwh(formats, edit.after_wh)}"


def edit_sentence(formats: Formats, edit: Edit) -> str:
    """A correction in full: of what, how, why, who, when."""
    told = edit.parameters or METHODS[edit.method]
    who = f"by {edit.by}, {formats.moment(edit.at_ms)}"
    return _sentences(f"{formats.period(edit.start_ms, edit.end_ms)}, {told}", edit.reason, who)


def event_title(event: RegisterEvent) -> str:
    return _EVENTS[event.kind]


def event_detail(formats: Formats, event: RegisterEvent) -> str:
    """What the old and the new meter showed, what hangs there since, who said so."""
    parts = [f"{event_title(event)}, {formats.full_moment(event.at_ms)}"]
    if event.old_end_wh is not None and event.new_start_wh is not None:
        parts.append(
            f"old end {with_kwh(formats, event.old_end_wh)}, "
            f"new start {with_kwh(formats, event.new_start_wh)}"
        )
    if event.new_serial:
        parts.append(f"serial {event.new_serial}")
    if event.new_ct_ratio is not None and event.new_ct_ratio != event.old_ct_ratio:
        parts.append(f"ratio {event.new_ct_ratio:g}")
    who = f"by {event.by}, {formats.moment(event.entered_at_ms)}"
    return _sentences(", ".join(parts), event.note, who)

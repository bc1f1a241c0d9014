"""What the history page says: sentences and figures from values, nothing drawn."""

from __future__ import annotations

import numpy as np

from energy_desktop.services.history import (
    Against,
    HistoryLook,
    MarkKind,
    QualityMark,
)
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets.marks import Figure

_OTHER = {
    Against.NOTHING: "",
    Against.BEFORE: "period before",
    Against.YEAR: "a year before",
}
MARK_NAMES = {
    MarkKind.GAP: "Gap",
    MarkKind.ESTIMATED: "Estimated",
    MarkKind.EDITED: "Edited",
    MarkKind.QUARANTINED: "Not plausible",
}


def scale_of(formats: Formats, look: HistoryLook) -> Scale:
    finite = look.slots.values[np.isfinite(look.slots.values)]
    return formats.quantity_scale(look.quantity, (float(np.abs(finite).max()),))


def slot_name(formats: Formats, step_s: int, count: int = 1) -> str:
    """What the slots of a period are called: "quarter hour", "30 min"."""
    if step_s == 900:
        return "quarter hour" if count == 1 else "quarter hours"
    if step_s == 3600:
        return "hour" if count == 1 else "hours"
    return f"{formats.duration(step_s)}{'' if count == 1 else ' steps'}"


def other_name(against: Against) -> str:
    """What the compared period is called in a legend."""
    return _OTHER[against]


def sentence(formats: Formats, look: HistoryLook) -> str:
    """The answer beside the title."""
    facts = look.facts
    if facts.energy_wh is None:
        scale = scale_of(formats, look)
        return f"Between {scale.text(facts.lowest)} and {scale.with_unit(facts.highest)}."
    used = formats.energy(facts.energy_wh)
    if not facts.energy_before_wh:
        return f"{used} in this period."
    change = 100 * (facts.energy_wh / facts.energy_before_wh - 1)
    word = "more" if change >= 0 else "less"
    than = "in the period before" if look.against is Against.BEFORE else "52 weeks before"
    return f"{used}, {formats.percent(abs(change))} {word} than {than}."


def figures(formats: Formats, look: HistoryLook, scale: Scale) -> list[Figure]:
    """The row of key figures."""
    facts = look.facts
    made: list[Figure] = []
    if facts.energy_wh is not None:
        energy = formats.scale("Wh", (facts.energy_wh,))
        note = "by the register" if facts.energy_known else "sum of the intervals"
        if facts.energy_before_wh:
            change = 100 * (facts.energy_wh / facts.energy_before_wh - 1)
            on = "the period before" if look.against is Against.BEFORE else "52 weeks before"
            note = f"{formats.percent(change, 1, signed=True)} on {on}"
        if facts.estimated_wh:
            note = f"{formats.energy(facts.estimated_wh)} of it estimated"
        made.append(
            Figure(
                "Energy",
                energy.text(facts.energy_wh),
                energy.unit,
                note,
                estimated=facts.estimated_wh > 0,
            )
        )
    slot = slot_name(formats, look.slots.step_s)
    at = facts.highest_at_ms
    when = "" if at is None else f"{formats.day(at)} {formats.clock_time(at)}"
    made.append(Figure(f"Highest {slot}", scale.text(facts.highest), scale.unit, when))
    base = facts.base_load
    if base is not None:
        share = (
            "5th percentile"
            if base.share_pct is None
            else f"5th percentile; {formats.percent(base.share_pct)} of the energy"
        )
        made.append(Figure("Base load", scale.text(base.power_w), scale.unit, share))
    else:
        made.append(Figure(f"Lowest {slot}", scale.text(facts.lowest), scale.unit, ""))
    if facts.load_factor_pct is not None:
        number = formats.number(facts.load_factor_pct)
        made.append(Figure("Load factor", number, "%", "mean over peak"))
    else:
        made.append(Figure("Mean", scale.text(facts.mean), scale.unit, ""))
    # Rounded down: 99.98 % must not read as complete.
    whole = float(np.floor(facts.completeness_pct * 10) / 10)
    made.append(Figure("Measured", formats.number(whole, 1), "%", _lacking(formats, look)))
    return made


def _lacking(formats: Formats, look: HistoryLook) -> str:
    facts = look.facts
    parts = []
    if facts.missing_s:
        known = ", energy known" if facts.energy_known else ""
        parts.append(f"{formats.duration(facts.missing_s)} missing{known}")
    if facts.not_measured_s:
        parts.append(f"{formats.duration(facts.not_measured_s)} estimated")
    return "; ".join(parts) or "nothing missing"


def base_load_words(formats: Formats, look: HistoryLook, scale: Scale) -> str:
    """The base load with how it was found, for under the duration curve. Empty: there is none."""
    base = look.facts.base_load
    if base is None:
        return ""
    slots = slot_name(formats, look.slots.step_s, base.slots)
    left_out = f", {formats.count(base.left_out)} estimated ones left out" if base.left_out else ""
    return (
        f"Base load {scale.with_unit(base.power_w)}: one in 20 of the "
        f"{formats.count(base.slots)} measured {slots} lies below{left_out}. "
        f"Held all the time it is {formats.energy(base.energy_wh)}."
    )


def reconciled(formats: Formats, look: HistoryLook) -> str:
    """Sum of intervals = difference of the register, with what is missing or estimated."""
    r = look.facts.reconciliation
    if r is None:
        return ""
    exact = Scale("kWh", 1e3, 3, formats.symbols)
    text = f"Sum of intervals {exact.with_unit(r.interval_sum_wh)}"
    if r.register_difference_wh is None:
        lacks = f", {r.missing_intervals} intervals missing" if r.missing_intervals else ""
        return f"{text}{lacks}; imported, so there is no register to hold it against."
    sign = "=" if r.discrepancy_wh == 0 else "≠"
    text = f"{text} {sign} register {exact.with_unit(r.register_difference_wh)}"
    if r.missing_intervals:
        text += f"; {r.missing_intervals} intervals missing"
    if r.estimated_wh:
        text += f"; {exact.with_unit(r.estimated_wh)} of it estimated"
    if r.edited_wh:
        text += f"; {exact.with_unit(r.edited_wh)} of it edited"
    return text + "."


def mark_what(formats: Formats, mark: QualityMark) -> str:
    """A stretch in one line: what, when, how long, why."""
    span = formats.period(mark.start_ms, mark.end_ms)
    long = formats.duration((mark.end_ms - mark.start_ms) / 1000)
    if mark.still_open:
        return f"{MARK_NAMES[mark.kind]} since {formats.moment(mark.start_ms)}: {mark.cause}"
    return f"{MARK_NAMES[mark.kind]} {span} ({long}): {mark.cause}"


def mark_more(formats: Formats, mark: QualityMark) -> str:
    """What else is known of it: who or what, its energy, what was done."""
    parts = [mark.detail.rstrip(".")] if mark.detail else []
    if mark.kind is MarkKind.EDITED:
        parts.append(f"method {mark.done}")
        if mark.known_wh is not None:
            parts.append(f"now {formats.energy(mark.known_wh)}")
    else:
        if mark.known_wh is not None:
            parts.append(f"the register counted {formats.energy(mark.known_wh)} across it")
        elif mark.kind is not MarkKind.ESTIMATED:
            parts.append("its energy is not known")
        if mark.done:
            parts.append(mark.done.rstrip("."))
    text = "; ".join(p for p in parts if p)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def marks_line(formats: Formats, marks: tuple[QualityMark, ...]) -> str:
    """How many stretches of each kind, and the newest; empty: all was measured."""
    if not marks:
        return ""
    newest = mark_what(formats, marks[-1])
    if len(marks) == 1:
        return f"{newest}."
    return f"{marks_count(marks)}. Last: {newest[:1].lower()}{newest[1:]}."


def marks_count(marks: tuple[QualityMark, ...]) -> str:
    """ "2 gaps, 1 edited"; "measured" when there is none."""
    names = {
        MarkKind.GAP: ("gap", "gaps"),
        MarkKind.ESTIMATED: ("estimated", "estimated"),
        MarkKind.EDITED: ("edited", "edited"),
        MarkKind.QUARANTINED: ("not plausible", "not plausible"),
    }
    parts = []
    for kind, (one, many) in names.items():
        count = sum(m.kind is kind for m in marks)
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
    return ", ".join(parts) or "measured"

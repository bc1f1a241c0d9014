"""What the commands of the commissioning desk answer: as objects and as words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from energy_desktop.app.commands.common import table
from energy_desktop.domain.bus import BusStatistics, Frame
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.commissioning import InspectedRegister, Judgement, ScanHit, Verdict
from energy_desktop.domain.wording import count as count_of

if TYPE_CHECKING:
    from energy_desktop.services.commissioning import Checked

_MARKS = {Verdict.FAULT: "FAULT", Verdict.UNSURE: "?", Verdict.GOOD: "ok"}


def hit_object(hit: ScanHit) -> dict[str, Any]:
    identity = hit.identity
    return {
        "address": hit.link.address,
        "unit": hit.unit_id,
        "answer": hit.answer,
        "round_trip_ms": hit.round_trip_ms,
        "identity": None
        if identity is None
        else {
            "vendor": identity.vendor,
            "product_code": identity.product_code,
            "revision": identity.revision,
        },
        "fits": [
            {
                "driver": fit.driver_id,
                "score": fit.score,
                "word_order": fit.word_order or None,
                "reasons": list(fit.reasons),
            }
            for fit in hit.fits
        ],
    }


def hit_text(hit: ScanHit) -> str:
    line = f"{hit.link.address}, unit {hit.unit_id}: {hit.answer.rstrip('.')}."
    for fit in hit.fits[:3]:
        line += f"\n    {fit.driver_id} ({100 * fit.score:.0f} %): {'; '.join(fit.reasons)}"
    return line if hit.fits else f"{line}\n    no driver fits: look at it with `inspect`"


def row_object(row: InspectedRegister) -> dict[str, Any]:
    return {
        "address": row.address,
        "manual": row.manual_number,
        "raw": row.raw[:2].hex(),
        "readings": [
            {
                "type": r.value_format,
                "order": r.word_order,
                "value": r.value,
                "text": r.text,
                "reads_as": r.reads_as or None,
            }
            for r in row.readings
        ],
    }


def rows_text(rows: Sequence[InspectedRegister], wanted: str, sentence: str) -> str:
    from energy_desktop.acquisition.driver_profile import REGISTERS_OF_FORMAT

    width = REGISTERS_OF_FORMAT.get(wanted, 1)
    cells = []
    orders = list(
        dict.fromkeys(r.word_order for w in rows for r in w.readings if r.value_format == wanted)
    )
    for row in rows[::width]:
        found = [row.reading(wanted, order) for order in orders]
        shown = [r for r in found if r is not None]
        if shown:
            means = "; ".join(f"{r.word_order}: {r.reads_as}" for r in shown if r.reads_as)
            cells.append(
                (
                    f"0x{row.address:04X}",
                    row.manual_number,
                    row.raw[: 2 * width].hex(" "),
                    *(r.text for r in shown),
                    means,
                )
            )
    headers = ("wire", "manual", "bytes", *orders, "reads as")
    numbers = frozenset(range(3, 3 + len(orders)))
    return f"{table(headers, cells, numbers)}\n{wanted}. {sentence}"


def checked_object(entry: Checked) -> dict[str, Any]:
    return {
        "meter": entry.meter.meter_id,
        "name": entry.meter.name,
        "polls": len(entry.polls.polls),
        "faults": [j.fault.value for j in entry.judgements if j.verdict is Verdict.FAULT],
        "judgements": [judgement_object(j) for j in entry.judgements],
    }


def judgement_object(judgement: Judgement) -> dict[str, Any]:
    return {
        "fault": judgement.fault.value,
        "verdict": judgement.verdict.value,
        "title": judgement.title,
        "detail": judgement.detail,
        "remedy": judgement.remedy,
        "phases": list(judgement.phases),
    }


def checked_text(entry: Checked) -> str:
    faults = sum(j.verdict is Verdict.FAULT for j in entry.judgements)
    good = any(j.verdict is Verdict.GOOD for j in entry.judgements)
    verdict = count_of(faults, "fault") if faults else "no fault" if good else "not judged"
    unsure = sum(j.verdict is Verdict.UNSURE for j in entry.judgements)
    verdict += f", {unsure} open" if unsure and (faults or good) else ""
    lines = [f"{entry.meter.name}: {verdict}"]
    for judgement in entry.judgements:
        lines.append(f"  {_MARKS[judgement.verdict]:>5}  {judgement.title}: {judgement.detail}")
        if judgement.verdict is Verdict.FAULT and judgement.remedy:
            lines.append(f"         {judgement.remedy}")
    return "\n".join(lines)


def frame_object(frame: Frame) -> dict[str, Any]:
    return {
        "number": frame.number,
        "time_utc": iso_utc(round(frame.time_ms)),
        "sent": frame.sent,
        "data": frame.data.hex(),
        "meaning": frame.meaning,
        "after_ms": frame.after_ms,
        "unit": frame.unit_id,
        "error": None if frame.error is None else frame.error.value,
    }


def frame_text(frame: Frame) -> str:
    arrow = "->" if frame.sent else "<-"
    if not frame.data:
        arrow = "  "
    at = iso_utc(round(frame.time_ms))
    data = frame.data[:20].hex(" ") + (" ..." if len(frame.data) > 20 else "")
    return f"{at:24}  {arrow}  {data:<64}  {frame.meaning}"


def bus_text(bus: BusStatistics) -> str:
    """How full the bus was, what went wrong on it by unit and kind, and who else asks there."""
    busy = "nothing asked yet" if bus.busy_pct is None else f"{bus.busy_pct:.0f} % of it used"
    lines = [f"{bus.link_id}: {busy}"]
    for error in bus.errors:
        code = "" if error.code is None else f" {error.code}"
        lines.append(f"  unit {error.unit_id}: {error.times} × {error.error.value}{code}")
    if bus.shared:
        lines.append(f"  Shared by two masters? {bus.shared}")
    return "\n".join(lines)

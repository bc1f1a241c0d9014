"""The commissioning record of a meter: who looked at it when, what it said, and what that means.

Lays out; judges nothing. The verdict stands first, because the paper is read years later by someone
who wants to know one thing: was this meter right when it was put into service.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.bus import BusStatistics
from energy_desktop.domain.commissioning import FaultKind, Judgement, Verdict
from energy_desktop.domain.commissioning_record import CommissioningRecord
from energy_desktop.domain.quantities import quantity
from energy_desktop.reports import paper
from energy_desktop.reports.paper import (
    BODY,
    BODY_BOLD,
    LEFT,
    RIGHT,
    SMALL,
    TITLE,
    WARN,
    Column,
    Paper,
    Row,
)

_VERDICTS = {Verdict.FAULT: "fault", Verdict.UNSURE: "open", Verdict.GOOD: "good"}
_MOST_REGISTERS = 400


def render(record: CommissioningRecord, *, fonts: Path) -> bytes:
    """The PDF. Equal records give equal bytes. fonts: the folder with the Inter files."""
    meter, zone = record.meter, ZoneInfo(record.site.zone)
    made = wording.stamp(record.made_at_ms, zone)
    sheet = Paper(
        fonts=fonts,
        title=f"Commissioning record {meter.name}",
        author=record.made_by or record.site.operator or record.site.name,
        running_head=f"Commissioning record · {paper.plain(meter.name)} · {made}",
        footer=f"{record.site.name} · meter {meter.meter_id} · read {record.polls} times",
    )
    _head(sheet, record, made)
    _identity(sheet, record)
    _judgements(sheet, record)
    if record.statistics is not None:
        _bus(sheet, record.statistics, meter.unit_id)
    _registers(sheet, record)
    _signature(sheet, record, made)
    return sheet.finish()


def _head(sheet: Paper, record: CommissioningRecord, made: str) -> None:
    sheet.text(LEFT, sheet.y - 14, "Commissioning record", TITLE)
    place = paper.plain(record.site.operator or record.site.name)
    sheet.right(RIGHT, sheet.y - 10, paper.fit(place, SMALL, 250), SMALL)
    sheet.right(RIGHT, sheet.y - 22, made, SMALL)
    sheet.y -= 34
    sheet.paragraph(record.meter.name, BODY_BOLD)
    sheet.paragraph(_verdict(record), paper.Style(BODY.font, BODY.size, _verdict_color(record)))


def _verdict(record: CommissioningRecord) -> str:
    faults = record.faults
    if faults:
        named = "; ".join(dict.fromkeys(j.fault.value for j in faults))
        return f"{wording.count(len(faults), 'fault')} found: {named}."
    looked = [j for j in record.judgements if j.verdict is Verdict.GOOD]
    opened = [j for j in record.judgements if j.verdict is Verdict.UNSURE]
    if not looked:
        return "Nothing could be judged."
    rest = f"; {wording.count(len(opened), 'point')} left open" if opened else ""
    return f"No fault found in {wording.count(len(looked), 'check')}{rest}."


def _verdict_color(record: CommissioningRecord) -> object:
    return WARN if record.faults else BODY.color


def _identity(sheet: Paper, record: CommissioningRecord) -> None:
    meter, driver, told = record.meter, record.driver, record.identity
    says = "it tells nothing of itself"
    if told is not None:
        parts = (told.vendor, told.product_code or told.product_name, told.model_name)
        revision = f"revision {told.revision}" if told.revision else ""
        says = " ".join(dict.fromkeys(p for p in (*parts, revision) if p)) or says
    left = [
        ("Meter id", meter.meter_id),
        ("Serial number", meter.serial_number or "not entered"),
        ("Driver", driver.driver_id),
        ("Model", f"{driver.manufacturer} {', '.join(driver.models[:2])}".strip()),
        ("Device says", says),
        ("MID-approved", "yes" if meter.mid_approved else "not marked so"),
    ]
    right = [
        ("Link", f"{record.link.link_id}, {record.link.address}"),
        ("Unit", str(meter.unit_id)),
        ("Read every", f"{meter.poll_interval_s:g} s"),
        ("Role", meter.role.value + (", inverted" if meter.invert else "")),
        ("CT, VT ratio", f"{meter.ct_ratio:g}, {meter.vt_ratio:g}"),
        ("Feeds", meter.equipment or wording.UNKNOWN),
    ]
    sheet.heading("Identity and settings")
    half = (RIGHT - LEFT) / 2
    top = sheet.y
    bottom = sheet.pairs(left, x=LEFT, y=top, label_width=84, width=half - 10)
    sheet.pairs(right, x=LEFT + half, y=top, label_width=84, width=half)
    sheet.y = bottom - 6


def _judgements(sheet: Paper, record: CommissioningRecord) -> None:
    sheet.heading("Plausibility", f"from {wording.count(record.polls, 'reading')}")
    for judgement in record.judgements:
        _judgement(sheet, judgement)


def _judgement(sheet: Paper, judgement: Judgement) -> None:
    style = BODY_BOLD if judgement.verdict is Verdict.FAULT else BODY
    color = WARN if judgement.verdict is Verdict.FAULT else style.color
    x = LEFT + 44
    sentences = [judgement.detail]
    if judgement.remedy and judgement.verdict is not Verdict.GOOD:
        sentences.append(judgement.remedy)
    lines = [line for s in sentences if s for line in paper.wrap(s, SMALL, RIGHT - x)]
    titles = paper.wrap(judgement.title, style, RIGHT - x)
    sheet.need(style.leading * len(titles) + SMALL.leading * len(lines) + 6)
    sheet.y -= 4
    for i, line in enumerate(titles):
        sheet.y -= style.leading
        if i == 0:
            mark = paper.Style(style.font, SMALL.size, color)
            sheet.text(LEFT, sheet.y, _VERDICTS[judgement.verdict], mark)
        sheet.text(x, sheet.y, line, paper.Style(style.font, style.size, color))
    for line in lines:
        sheet.y -= SMALL.leading
        sheet.text(x, sheet.y, line, SMALL)


def _bus(sheet: Paper, bus: BusStatistics, unit_id: int) -> None:
    unit = next((u for u in bus.units if u.unit_id == unit_id), None)
    sheet.heading("On the line", "since the program runs; shares of the last hour")
    if unit is not None:
        p95 = wording.UNKNOWN if unit.p95_ms is None else f"{unit.p95_ms:,.0f} ms"
        failed = wording.percent(unit.failed_pct)
        sheet.paragraph(
            f"{wording.count(unit.requests, 'request')}, {failed} failed; 95 of 100 answers within "
            f"{p95}. The line is busy {wording.percent(bus.busy_pct, 0)} of the time."
        )
    errors = [e for e in bus.errors if e.unit_id == unit_id]
    if errors:
        columns = (
            Column("Error", 240),
            Column("Times", 80, right=True),
            Column("Last hour", 80, True),
        )
        rows = [
            Row(
                (
                    e.error.value if e.code is None else f"{e.error.value} {e.code}",
                    f"{e.times:,}",
                    f"{e.times_last_hour:,}",
                )
            )
            for e in errors
        ]
        sheet.table(columns, rows)
    if bus.shared:
        sheet.paragraph(f"A second master is suspected: {bus.shared}", BODY_BOLD)


def _registers(sheet: Paper, record: CommissioningRecord) -> None:
    if not record.registers:
        sheet.heading("Registers")
        sheet.paragraph("No register could be read.")
        return
    read = [r for r in record.registers if r.value is not None]
    sheet.heading("Registers", f"{len(read)} of {len(record.registers)} hold a value")
    columns = (
        Column("Quantity", 170),
        Column("Wire", 52),
        Column("Manual", 52),
        Column("Format", 60),
        Column("Order", 48),
        Column("Value", 84, right=True),
        Column("", 33),
    )
    rows = []
    for register in record.registers[:_MOST_REGISTERS]:
        known = quantity(register.quantity)
        rows.append(
            Row(
                (
                    known.label,
                    f"0x{register.address:04X}",
                    register.manual_number,
                    register.value_format,
                    register.word_order,
                    _value(register.value),
                    known.unit,
                )
            )
        )
    sheet.table(columns, rows)
    if any(j.fault is FaultKind.WORD_ORDER for j in record.faults):
        sheet.paragraph("The values stand in the order of the driver, which is wrong here.", SMALL)


def _value(value: float | None) -> str:
    if value is None:
        return wording.UNKNOWN
    if value == 0 or 1e-3 <= abs(value) < 1e10:
        return wording.number(value, 2)
    return f"{value:.2e}".replace("-", wording.MINUS)


def _signature(sheet: Paper, record: CommissioningRecord, made: str) -> None:
    sheet.need(80)
    sheet.y -= 44
    half = (RIGHT - LEFT) / 2 - 12
    who = record.made_by or "not named"
    columns = ((LEFT, f"Commissioned by {who}", made), (LEFT + half + 24, "Accepted by", ""))
    for x, label, below in columns:
        sheet.rule(sheet.y, x0=x, x1=x + half)
        sheet.text(x, sheet.y - 11, paper.fit(paper.plain(label), SMALL, half), SMALL)
        sheet.text(x, sheet.y - 22, below, SMALL)
    sheet.y -= 30

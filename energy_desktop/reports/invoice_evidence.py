"""The pages of an invoice that prove its first one: calendar, registers, billed intervals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.energy import IntervalQuality, RegisterReading
from energy_desktop.domain.invoice import EvidenceInterval, Invoice, MeterEvidence
from energy_desktop.reports import paper
from energy_desktop.reports.paper import LEFT, RIGHT, TINY, Column, Paper, Row


def draw_evidence(sheet: Paper, invoice: Invoice) -> None:
    _calendar(sheet, invoice)
    _registers(sheet, invoice)
    _intervals(sheet, invoice)
    _origin(sheet, invoice)


def _calendar(sheet: Paper, invoice: Invoice) -> None:
    """Days by hours, the contract hours as grey ground, what was billed hatched over it."""
    zone = ZoneInfo(invoice.site.zone)
    first = from_ms(invoice.period_start_ms).astimezone(zone).date()
    last = (from_ms(invoice.period_end_ms - 1)).astimezone(zone).date()
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    row_height, left, right = 9.6, LEFT + 62, RIGHT - 62
    cell = (right - left) / 24
    sheet.heading(
        "Contract hours and use outside them",
        f"hours of the clock in {invoice.site.zone}",
        keep=len(days) * row_height + 34,
    )
    sheet.y -= 12
    for hour in range(0, 25, 4):
        sheet.centred(left + hour * cell, sheet.y, f"{hour:02d}", TINY)
    sheet.right(RIGHT - 4, sheet.y, "outside, kWh", TINY)
    sheet.y -= 4

    by_cell: dict[tuple[date, int], int] = {}
    for e in invoice.evidence:
        moment = from_ms(e.start_ms).astimezone(zone)
        key = (moment.date(), moment.hour)
        by_cell[key] = by_cell.get(key, 0) + e.energy_wh
    by_day: dict[date, int] = {}
    for line in invoice.lines:
        by_day[line.day] = by_day.get(line.day, 0) + line.energy_wh
    strongest = max(by_cell.values(), default=1)
    ground: list[tuple[float, float, float, float]] = []
    wells: list[tuple[float, float, float, float]] = []
    marks: tuple[list[tuple[float, float, float, float]], ...] = ([], [], [])
    for i, day in enumerate(days):
        y = sheet.y - (i + 1) * row_height
        wells.append((left, y, right - left, row_height - 1.4))
        for start, end in _contract_spans(invoice, day):
            ground.append(
                (left + start / 60 * cell, y, (end - start) / 60 * cell, row_height - 1.4)
            )
        for hour in range(24):
            energy = by_cell.get((day, hour), 0)
            if energy > 0:
                tint = min(2, int(3 * energy / strongest))
                marks[tint].append((left + hour * cell, y, cell - 0.8, row_height - 1.4))
    sheet.boxes(wells, paper.WELL)
    sheet.boxes(ground, paper.GROUND)
    for rects, color in zip(marks, paper.OUTSIDE_TINTS, strict=True):
        sheet.boxes(rects, color)
    sheet.hatch(marks[0], paper.OUTSIDE_TINTS[1])
    sheet.hatch(marks[1], paper.OUTSIDE)
    sheet.hatch(marks[2], paper.OUTSIDE_TINTS[0])
    for i, day in enumerate(days):
        y = sheet.y - (i + 1) * row_height + 1.8
        sheet.text(LEFT + 4, y, f"{wording.weekday(day)} {day.day}", TINY)
        if day in by_day:
            sheet.right(RIGHT - 4, y, wording.kwh(by_day[day]), TINY)
    sheet.y -= len(days) * row_height + 12
    _legend(sheet)


def _legend(sheet: Paper) -> None:
    x = LEFT + 62
    sheet.box(x, sheet.y, 12, 7, paper.GROUND)
    sheet.text(x + 16, sheet.y, "contract hours", TINY)
    x += 84
    swatch = (x, sheet.y, 12.0, 7.0)
    sheet.boxes([swatch], paper.OUTSIDE_TINTS[1])
    sheet.hatch([swatch], paper.OUTSIDE)
    sheet.text(x + 16, sheet.y, "billed, outside contract hours; darker is more", TINY)
    sheet.y -= 8


def _registers(sheet: Paper, invoice: Invoice) -> None:
    zone = ZoneInfo(invoice.site.zone)
    sheet.heading("Meters and registers", "readings of the meters' own counters", keep=90)
    columns = (
        Column("Meter", 120),
        Column("Serial number, MID", 122),
        Column("Register at start, kWh", 92, right=True),
        Column("Register at end, kWh", 88, right=True),
        Column("Difference, kWh", 77, right=True),
    )
    rows = []
    for meter in invoice.meters:
        held = meter.reconciliation
        rows.append(
            Row(
                (
                    meter.meter_name,
                    _identity(meter),
                    wording.exact_kwh(held.opening.value_wh if held.opening else None),
                    wording.exact_kwh(held.closing.value_wh if held.closing else None),
                    wording.exact_kwh(held.register_difference_wh),
                )
            )
        )
    sheet.table(columns, rows)
    for meter in invoice.meters:
        sheet.paragraph(_reading_times(meter, zone), TINY)
    sheet.y -= 6
    columns = (
        Column("Meter", 120),
        Column("In contract hours, kWh", 100, right=True),
        Column("Outside, kWh", 92, right=True),
        Column("Sum of intervals, kWh", 95, right=True),
        Column("Off by, Wh", 92, right=True),
    )
    sums = [
        Row(
            (
                meter.meter_name,
                wording.exact_kwh(meter.inside_wh),
                wording.exact_kwh(meter.outside_wh),
                wording.exact_kwh(meter.inside_wh + meter.outside_wh),
                _off_by(meter),
            )
        )
        for meter in invoice.meters
    ]
    sums.append(
        Row(
            (
                "All meters",
                wording.exact_kwh(invoice.inside_wh),
                wording.exact_kwh(invoice.outside_wh),
                wording.exact_kwh(invoice.inside_wh + invoice.outside_wh),
                "",
            ),
            bold=True,
        )
    )
    sheet.table(columns, sums)


def _identity(meter: MeterEvidence) -> str:
    mark = "MID" if meter.mid_approved else "no MID mark"
    return f"{meter.serial_number or 'no number'}, {mark}"


def _off_by(meter: MeterEvidence) -> str:
    difference = meter.reconciliation.register_difference_wh
    if difference is None:
        return "no register"
    return wording.number(meter.inside_wh + meter.outside_wh - difference, 0)


def _reading_times(meter: MeterEvidence, zone: ZoneInfo) -> str:
    def when(reading: RegisterReading | None) -> str:
        return wording.stamp(reading.read_at_ms, zone) if reading else "no reading"

    held = meter.reconciliation
    return (
        f"{meter.meter_name} ({held.register}): read {when(held.opening)} and {when(held.closing)}."
    )


def _intervals(sheet: Paper, invoice: Invoice) -> None:
    """What was billed, per day and meter; the full list is the CSV that goes with the invoice."""
    zone = ZoneInfo(invoice.site.zone)
    sheet.heading(
        "Billed intervals by day and meter",
        f"{len(invoice.evidence):,} intervals; each one is in the CSV of this invoice",
        keep=60,
    )
    columns = (
        Column("Day", 92),
        Column("Meter", 150),
        Column("Intervals", 55, right=True),
        Column("First to last", 92),
        Column("estimated", 50, right=True),
        Column("Energy, kWh", 60, right=True),
    )
    names = {m.meter_id: m.meter_name for m in invoice.meters}
    order = {m.meter_id: i for i, m in enumerate(invoice.meters)}
    groups: dict[tuple[date, str], list[EvidenceInterval]] = {}
    for e in invoice.evidence:
        groups.setdefault((from_ms(e.start_ms).astimezone(zone).date(), e.meter_id), []).append(e)
    rows = []
    for (day, meter_id), items in sorted(
        groups.items(), key=lambda entry: (entry[0][0], order.get(entry[0][1], 0))
    ):
        estimated = sum(e.quality is IntervalQuality.ESTIMATED for e in items)
        end_ms = items[-1].start_ms + items[-1].step_s * 1000
        rows.append(
            Row(
                (
                    wording.day(day),
                    names.get(meter_id, meter_id),
                    f"{len(items)}",
                    wording.clock_span(items[0].start_ms, end_ms, day, zone),
                    f"{estimated}" if estimated else "",
                    wording.exact_kwh(sum(e.energy_wh for e in items)),
                )
            )
        )
    sheet.table(columns, rows, row_height=11.6)


def _origin(sheet: Paper, invoice: Invoice) -> None:
    zone = ZoneInfo(invoice.site.zone)
    at_start, at_end = (
        wording.offset(at, zone) for at in (invoice.period_start_ms, invoice.period_end_ms - 1)
    )
    offsets = at_start if at_start == at_end else f"{at_start}, at the end {at_end}"
    sheet.need(60)
    sheet.y -= 6
    for sentence in (
        f"Times are local to {invoice.site.zone} ({offsets}). An hour that the clock passes twice "
        "carries its offset.",
        "Energy is the difference of the meter's register per interval. Each line is rounded once, "
        "half up to a cent.",
        f"SHA-256 of the content: {invoice.content_sha256}",
    ):
        sheet.paragraph(sentence, TINY)


def _contract_spans(invoice: Invoice, day: date) -> Iterable[tuple[int, int]]:
    """Contract hours to draw behind a day: those of the version that holds on it."""
    held = [
        v
        for v in invoice.contract_versions
        if v.valid_from <= day and (v.valid_to is None or day < v.valid_to)
    ]
    if not held:
        return ()
    hours = max(held, key=lambda v: v.valid_from).hours
    if day in invoice.holidays and not hours.on_holidays:
        return ()
    return hours.days[day.weekday()]

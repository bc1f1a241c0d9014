"""The supplementary invoice on paper: page one says what is owed, the rest proves it.

Lays out; computes no total. Billed energy is written to the Wh (three decimals of a kWh), so that
a reader with a calculator comes to the same amount.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.contract import WeeklyHours
from energy_desktop.domain.energy import IntervalQuality, RegisterReading
from energy_desktop.domain.invoice import EvidenceInterval, Invoice, InvoiceStatus, MeterEvidence
from energy_desktop.reports import paper
from energy_desktop.reports.paper import (
    BODY,
    BODY_BOLD,
    LEFT,
    RIGHT,
    SMALL,
    SMALL_BOLD,
    TINY,
    TITLE,
    Column,
    Paper,
    Row,
)

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def render(invoice: Invoice, *, fonts: Path) -> bytes:
    """The PDF. Equal invoices give equal bytes. fonts: the folder with the Inter files.

    A draft carries a watermark, and its blockers are printed.
    """
    draft = invoice.status is InvoiceStatus.DRAFT
    name = invoice.number or "draft"
    sheet = Paper(
        fonts=fonts,
        title=f"Supplementary invoice {name}",
        author=invoice.site.operator or invoice.site.name,
        running_head=f"Supplementary invoice {name} · {invoice.client.name} · "
        f"{wording.month(invoice.month)}",
        footer=f"Content SHA-256 {invoice.content_sha256}",
        watermark="DRAFT" if draft else "",
    )
    _letter_head(sheet, invoice)
    _lines(sheet, invoice)
    _totals(sheet, invoice)
    _remarks(sheet, invoice)
    _calendar(sheet, invoice)
    _registers(sheet, invoice)
    _intervals(sheet, invoice)
    _origin(sheet, invoice)
    return sheet.finish()


def _letter_head(sheet: Paper, invoice: Invoice) -> None:
    site, client = invoice.site, invoice.client
    zone = ZoneInfo(site.zone)
    sheet.text(
        LEFT,
        sheet.y - 10,
        paper.fit(paper.plain(site.operator or site.name), BODY_BOLD, 300),
        BODY_BOLD,
    )
    y = sheet.y - 10
    for line in (*site.operator_address, f"Tax id {site.tax_id}" if site.tax_id else ""):
        if line:
            y -= 11.5
            sheet.text(LEFT, y, paper.fit(paper.plain(line), SMALL, 300), SMALL)
    sheet.right(RIGHT, sheet.y - 13, "Supplementary invoice", TITLE)
    sheet.right(RIGHT, sheet.y - 28, "Energy used outside contract hours", SMALL)

    top = min(y - 30, sheet.y - 84)
    sheet.text(LEFT, top, paper.fit(paper.plain(client.name), BODY_BOLD, 230), BODY_BOLD)
    y = top
    for line in client.address:
        y -= 13
        sheet.text(LEFT, y, paper.fit(paper.plain(line), BODY, 230), BODY)
    if client.tax_id:
        y -= 13
        sheet.text(LEFT, y, paper.fit(paper.plain(f"Tax id {client.tax_id}"), SMALL, 230), SMALL)

    issued = (
        wording.day(from_ms(invoice.issued_at_ms).astimezone(zone).date())
        if invoice.issued_at_ms is not None
        else "not issued"
    )
    start, end = invoice.period_start_ms, invoice.period_end_ms
    last_day = from_ms(end).astimezone(zone).date() - timedelta(days=1)
    first_day = from_ms(start).astimezone(zone).date()
    below = sheet.pairs(
        [
            ("Number", invoice.number or "none yet: a draft"),
            ("Date", issued),
            ("Month", wording.month(invoice.month)),
            (
                "Period",
                f"{wording.short_day(first_day)} to {wording.short_day(last_day)} {last_day.year}",
            ),
            (
                "Contract",
                ", ".join(f"{c.contract_id} v{c.version}" for c in invoice.contract_versions),
            ),
            (
                "Tariff",
                ", ".join(f"{t.tariff_id} v{t.version}" for t in invoice.tariff_versions) or "none",
            ),
        ],
        x=330,
        y=top + 13,
        label_width=62,
        width=RIGHT - 330,
    )
    sheet.y = min(y, below) - 26
    sheet.paragraph(
        f"Outside the contract hours of {wording.month(invoice.month)} "
        f"{wording.kwh(invoice.outside_wh)} kWh were used: "
        f"{wording.money(invoice.total_units)} {invoice.currency} including tax.",
        BODY_BOLD,
    )
    for version in invoice.contract_versions:
        sheet.paragraph(
            f"Contract hours, {version.contract_id} v{version.version}: "
            f"{hours_text(version.hours)}.",
            SMALL,
        )
    sheet.y -= 6


def _lines(sheet: Paper, invoice: Invoice) -> None:
    zone = ZoneInfo(invoice.site.zone)
    columns = (
        Column("Day", 92),
        Column("First to last", 92),
        Column("Energy, kWh", 70, right=True),
        Column("estimated, kWh", 72, right=True),
        Column("Tariff", 66),
        Column(f"{invoice.currency} per kWh", 54, right=True),
        Column(invoice.currency, 53, right=True),
    )
    rows = [
        Row(
            (
                wording.day(line.day),
                _clock_span(line.first_start_ms, line.last_end_ms, line.day, zone),
                _exact_kwh(line.energy_wh),
                _exact_kwh(line.estimated_wh) if line.estimated_wh else "",
                f"{line.tariff_id} v{line.tariff_version}",
                wording.unit_price(line.price_per_kwh),
                wording.money(line.amount_units),
            )
        )
        for line in invoice.lines
    ]
    if rows:
        sheet.table(columns, rows, row_height=13.2)
    else:
        sheet.paragraph("Nothing was used outside contract hours.", BODY)


def _totals(sheet: Paper, invoice: Invoice) -> None:
    sheet.need(70)
    for label, units, style in (
        ("Net", invoice.net_units, BODY),
        (f"Tax {wording.percent(invoice.tax_pct, 2)}", invoice.tax_units, BODY),
        (f"Total {invoice.currency}", invoice.total_units, BODY_BOLD),
    ):
        sheet.y -= 14
        if style is BODY_BOLD:
            sheet.rule(sheet.y + 11.5, x0=RIGHT - 190, strong=True)
            sheet.y -= 2
        sheet.right(RIGHT - 84, sheet.y, label, style)
        sheet.right(RIGHT - 4, sheet.y, wording.money(units), style)
    if invoice.site.bank_iban and invoice.status is InvoiceStatus.ISSUED:
        sheet.text(LEFT, sheet.y + 2, f"Payable to IBAN {invoice.site.bank_iban}", SMALL)
        sheet.text(LEFT, sheet.y - 9, f"Reference {invoice.number}", SMALL)
    sheet.y -= 14


def _remarks(sheet: Paper, invoice: Invoice) -> None:
    if invoice.blockers:
        sheet.heading("This draft cannot be issued yet")
        sheet.bullets(invoice.blockers, SMALL_BOLD)
    sheet.heading("Notes", keep=30)
    sheet.bullets(invoice.notes, SMALL)


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
        moment = _local(e.start_ms, zone)
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
    sheet.hatch([*marks[0], *marks[1]], paper.OUTSIDE)
    sheet.hatch(marks[2], paper.OUTSIDE_TINTS[0])
    for i, day in enumerate(days):
        y = sheet.y - (i + 1) * row_height + 1.8
        sheet.text(LEFT + 4, y, f"{_WEEKDAYS[day.weekday()]} {day.day}", TINY)
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
                    _exact_kwh(held.opening.value_wh if held.opening else None),
                    _exact_kwh(held.closing.value_wh if held.closing else None),
                    _exact_kwh(held.register_difference_wh),
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
                _exact_kwh(meter.inside_wh),
                _exact_kwh(meter.outside_wh),
                _exact_kwh(meter.inside_wh + meter.outside_wh),
                _off_by(meter),
            )
        )
        for meter in invoice.meters
    ]
    sums.append(
        Row(
            (
                "All meters",
                _exact_kwh(invoice.inside_wh),
                _exact_kwh(invoice.outside_wh),
                _exact_kwh(invoice.inside_wh + invoice.outside_wh),
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
        groups.setdefault((_local(e.start_ms, zone).date(), e.meter_id), []).append(e)
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
                    _clock_span(items[0].start_ms, end_ms, day, zone),
                    f"{estimated}" if estimated else "",
                    _exact_kwh(sum(e.energy_wh for e in items)),
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


# --- words


def hours_text(hours: WeeklyHours) -> str:
    """`Mon to Fri 08:00 to 20:00; Sat, Sun none; not on public holidays`."""
    groups: list[tuple[list[int], tuple[tuple[int, int], ...]]] = []
    for weekday, spans in enumerate(hours.days):
        if groups and groups[-1][1] == spans:
            groups[-1][0].append(weekday)
        else:
            groups.append(([weekday], spans))
    parts = []
    for days, spans in groups:
        first, last = _WEEKDAYS[days[0]], _WEEKDAYS[days[-1]]
        name = first if len(days) == 1 else f"{first} to {last}"
        clock = ", ".join(f"{_clock(a)} to {_clock(b)}" for a, b in spans)
        parts.append(f"{name} {clock or 'none'}")
    return "; ".join(parts) + ("" if hours.on_holidays else "; none on public holidays")


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _local(epoch_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, zone)


def _clock_span(start_ms: int, end_ms: int, day: date, zone: ZoneInfo) -> str:
    """`20:00 to 24:00`; an ambiguous time carries its offset."""
    start, end = _local(start_ms, zone), _local(end_ms, zone)
    return f"{_clock_of(start)} to {'24:00' if end.date() > day else _clock_of(end)}"


def _clock_of(moment: datetime) -> str:
    if moment.utcoffset() == moment.replace(fold=1 - moment.fold).utcoffset():
        return f"{moment:%H:%M}"
    return f"{moment:%H:%M %Z}"


def _exact_kwh(energy_wh: int | None) -> str:
    return wording.UNKNOWN if energy_wh is None else wording.number(energy_wh / 1000, 3)


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

"""A month's bill in words and cells: from domain values to what the widgets show."""

from __future__ import annotations

from collections.abc import Sequence

from energy_desktop.domain import wording
from energy_desktop.domain.billing_calendar import BillingCalendar, CalendarDay
from energy_desktop.domain.invoice import Invoice, InvoiceCorrection, MeterEvidence
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets.hour_calendar import CalendarDay as ShownDay
from energy_desktop.ui.widgets.hour_calendar import HourCalendar, HourCell, HourState
from energy_desktop.ui.widgets.paint import Chip

STANDBY_SHARE = 0.1
"""Hours with less than this share of the month's worst hour stay pale: standby is billed too, but
a month of it would bury the evening that someone left the machines on."""

_HOUR_MIN = 60
_REASONS = 3
_NOTE_LETTERS = 240  # what has room beside the totals in the smallest window


def month_name(formats: Formats, month: str) -> str:
    year, number = month.split("-")
    return formats.month(int(year), int(number))


def hour_calendar(formats: Formats, calendar: BillingCalendar, now_ms: int) -> HourCalendar:
    """Slots added up to hours. An hour is in contract when most of it is."""
    per_hour = max(1, _HOUR_MIN // calendar.slot_min)
    slot_ms = calendar.slot_min * 60_000
    hours = [_hours(day, per_hour, slot_ms, now_ms) for day in calendar.days]
    worst = max((c.energy_wh for row in hours for c in row), default=0.0)
    pale = STANDBY_SHARE * worst
    today = formats.local(now_ms).date()
    shown = []
    for day, cells in zip(calendar.days, hours, strict=True):
        shown.append(
            ShownDay(
                label=f"{formats.symbols.days[day.day.weekday()]} {day.day.day}",
                cells=tuple(
                    HourCell("outside", c.energy_wh, c.estimated)
                    if c.state == "out_of_contract" and c.energy_wh < pale
                    else c
                    for c in cells
                ),
                total_wh=float(day.total_outside_wh) if day.total_outside_wh else None,
                note=f"{day.holiday}, no contract hours" if day.holiday else "",
                bold=day.day == today,
            )
        )
    return HourCalendar(tuple(shown))


def _hours(day: CalendarDay, per_hour: int, slot_ms: int, now_ms: int) -> list[HourCell]:
    cells = []
    for first in range(0, len(day.outside_wh), per_hour):
        here = slice(first, first + per_hour)
        outside = [wh for wh in day.outside_wh[here] if wh is not None]
        inside_slots = sum(day.in_contract[here])
        energy = float(sum(outside))
        state: HourState
        if day.start_ms + first * slot_ms >= now_ms:
            state = "future"
        elif not outside:
            state = "no_data"
        elif 2 * inside_slots > len(day.in_contract[here]):
            state = "contract"
        else:
            state = "out_of_contract" if energy > 0 else "outside"
        cells.append(
            HourCell(
                state,
                energy if state == "out_of_contract" else 0.0,
                any(day.estimated[here]),
            )
        )
    return cells


def contract_text(invoice: Invoice) -> str:
    """`contract-brandt version 1: Mon to Fri 08:00 to 20:00; Sat to Sun none`."""
    return "; then ".join(
        f"{c.contract_id} version {c.version}: {wording.hours_text(c.hours)}"
        for c in invoice.contract_versions
    )


def tariff_text(formats: Formats, invoice: Invoice) -> str:
    return ", ".join(
        f"tariff {t.tariff_id} version {t.version} of {formats.day(t.valid_from, year=True)}"
        for t in invoice.tariff_versions
    )


def status_chip(invoice: Invoice, *, wrong: bool = False) -> Chip:
    """wrong: issued, and no longer what the readings say."""
    if invoice.number is not None:
        return Chip("Correct it", tone=2) if wrong else Chip("Issued")
    return Chip("Blocked", tone=2) if invoice.blockers else Chip("Draft", tone=3)


def waiting_sentence(formats: Formats, drafts: Sequence[Invoice]) -> str:
    """How many drafts of a month can be issued."""
    waiting = sum(not d.blockers for d in drafts)
    if waiting:
        one = waiting == 1
        return f"{waiting} draft{'' if one else 's'} wait{'s' if one else ''} for you."
    if not drafts:
        return "No draft waits."
    month = month_name(formats, drafts[0].month)
    return f"{len(drafts)} drafts of {month}; none can be issued yet."


def evidence_text(formats: Formats, intervals: int, step_s: int, estimated_wh: int) -> str:
    unit = "quarter hours" if step_s == 900 else "hours" if step_s == 3600 else "intervals"
    text = f"{formats.count(intervals)} {unit}"
    return text if not estimated_wh else f"{text}, {formats.energy(estimated_wh)} estimated"


def off_by(formats: Formats, meter: MeterEvidence) -> str:
    """Sum against register; a dash where the meter has no register to hold it against."""
    return formats.scale("Wh").text(meter.reconciliation.discrepancy_wh)


def reconciled(invoice: Invoice) -> bool:
    """Whether each meter's inside + outside is the difference of its register."""
    return bool(invoice.meters) and all(
        m.reconciliation.register_difference_wh
        == m.inside_wh + m.outside_wh - m.reconciliation.unregistered_wh
        for m in invoice.meters
        if m.reconciliation.register_difference_wh is not None
    )


def reconciliation_sentence(formats: Formats, invoice: Invoice) -> str:
    """The box below the lines in one sentence."""
    if not invoice.meters:
        return "No meter measures what the client rents."
    with_register = [
        m for m in invoice.meters if m.reconciliation.register_difference_wh is not None
    ]
    estimated = sum(m.reconciliation.estimated_wh for m in invoice.meters)
    edited = sum(m.reconciliation.edited_wh for m in invoice.meters)
    extra = f" {formats.energy(estimated)} of it estimated." if estimated else ""
    extra += f" {formats.energy(edited)} of it edited." if edited else ""
    if not with_register:
        return "The intervals were imported without registers: they stand alone." + extra
    gap = sum(
        m.inside_wh
        + m.outside_wh
        - m.reconciliation.unregistered_wh
        - (m.reconciliation.register_difference_wh or 0)
        for m in with_register
    )
    energy = formats.scale("Wh").with_unit(gap)
    if reconciled(invoice):
        return (
            f"Inside + outside is the register difference of every meter: off by {energy}.{extra}"
        )
    return f"Inside + outside differs from the registers: off by {energy}.{extra}"


def rival_sentence(formats: Formats, calendar: BillingCalendar) -> str:
    """What a display that integrates power samples would have billed."""
    naive = calendar.naive_outside_wh
    if naive is None:
        return ""
    difference = naive - calendar.outside_wh
    share = 100.0 * difference / calendar.outside_wh if calendar.outside_wh else float("nan")
    return (
        f"Power samples added up would say {formats.energy(naive)} "
        f"({formats.percent(share, 1, signed=True)}): they know no holidays, clock changes or gaps."
    )


def blocked_text(blockers: Sequence[str]) -> str:
    """Why a draft may not be issued: the first few reasons, and where all of them stand."""
    if not blockers:
        return ""
    told, more = " ".join(blockers[:_REASONS]), len(blockers) - _REASONS
    rest = f" And {more} more: the PDF names them all." if more > 0 else ""
    return f"Not to be issued yet: {told}{rest}"


def remarks_text(notes: Sequence[str], tariff: str) -> str:
    """What the reader of an invoice must know; of very many notes the first few."""
    shown = 1
    while shown < len(notes) and len(" ".join(notes[: shown + 1])) <= _NOTE_LETTERS:
        shown += 1
    told, more = " ".join(notes[:shown]), len(notes) - shown
    rest = f"And {more} more: the PDF names them all." if more > 0 else ""
    return " ".join(part for part in (told, rest, tariff) if part)


def correction_text(formats: Formats, correction: InvoiceCorrection) -> str:
    """What is wrong with an issued invoice by now, and what to do."""
    return f"{correction.sentence} {correction_remedy(formats, correction)}"


def correction_remedy(formats: Formats, correction: InvoiceCorrection) -> str:
    """What to do about an issued invoice that is wrong by now."""
    invoice, total = correction.invoice, correction.total_difference_units
    if total is None:
        return (
            "Its meters no longer measure what the client rented, so nothing can be compared: what "
            "holds is the evidence frozen in the paper."
        )
    if correction.unsettled:
        return f"Settle first: {' '.join(correction.unsettled)} Until then the difference may move."
    if not total:
        return "The amount stays. Keep the proof with the invoice; the client owes nothing more."
    due = "owes" if total > 0 else "is owed"
    amount = formats.money(abs(total), invoice.currency)
    return (
        f"The paper stays as it is. {invoice.client.name} {due} {amount} (net "
        f"{formats.amount(abs(correction.net_difference_units or 0))}): send a correction with the "
        f"proof, and book it with {invoice.number}."
    )

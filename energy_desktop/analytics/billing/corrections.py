"""Holds an issued invoice against what the ledger says now.

The evidence frozen in the paper is compared interval by interval: two errors that cancel each other
out in the total are still two errors, and a credit note has to name both.
"""

from __future__ import annotations

from collections.abc import Sequence

from energy_desktop.domain import wording
from energy_desktop.domain.invoice import Invoice, InvoiceCorrection


def correction(issued: Invoice, now: Invoice) -> InvoiceCorrection | None:
    """None: the ledger still says what the paper says.

    now: a draft of the same client and month, under the contract and tariff of the paper.
    """
    paper = {(e.meter_id, e.start_ms): e for e in issued.evidence}
    ledger = {(e.meter_id, e.start_ms): e for e in now.evidence}
    changed = [
        paper.get(key) or ledger[key]
        for key in paper.keys() | ledger.keys()
        if key not in paper or key not in ledger or paper[key].energy_wh != ledger[key].energy_wh
    ]
    inside = now.inside_wh - issued.inside_wh
    outside = now.outside_wh - issued.outside_wh
    total = now.total_units - issued.total_units
    if not changed and not inside and not total:
        return None
    return InvoiceCorrection(
        invoice=issued,
        changed_intervals=len(changed),
        first_ms=min((e.start_ms for e in changed), default=None),
        last_end_ms=max((e.start_ms + e.step_s * 1000 for e in changed), default=None),
        inside_difference_wh=inside,
        outside_difference_wh=outside,
        net_difference_units=now.net_units - issued.net_units,
        total_difference_units=total,
        sentence=_sentence(issued, len(changed), inside, outside, total),
        unsettled=now.blockers,
    )


def untold(issued: Invoice, meters: Sequence[str]) -> InvoiceCorrection:
    """For an invoice whose meters can no longer be asked."""
    return InvoiceCorrection(
        issued, 0, None, None, None, None, None, None,
        f"{_name(issued)} cannot be compared: {', '.join(meters)} no longer measure what the "
        "client rented.",
    )  # fmt: skip


def _name(issued: Invoice) -> str:
    return f"Invoice {issued.number} to {issued.client.name}, {wording.month(issued.month)},"


def _sentence(issued: Invoice, changed: int, inside: int, outside: int, total: int) -> str:
    parts = []
    if changed:
        parts.append(
            f"{wording.count(changed, 'billed interval')} changed, "
            f"{_signed(wording.exact_kwh(abs(outside)) + ' kWh', outside)}"
        )
    if inside:
        parts.append(
            f"inside the contract hours {_signed(wording.exact_kwh(abs(inside)) + ' kWh', inside)}"
        )
    parts.append(f"{_signed(wording.money(abs(total)) + ' ' + issued.currency, total)} to pay")
    return f"{_name(issued)} is to be corrected: {'; '.join(parts)}."


def _signed(amount: str, difference: int) -> str:
    if not difference:
        return "nothing more or less"
    return f"{amount} {'more' if difference > 0 else 'less'}"

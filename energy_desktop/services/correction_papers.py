"""The proof of what is wrong with an issued invoice: each interval as billed and as it is now."""

from __future__ import annotations

from collections.abc import Callable
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
from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.invoice import EvidenceInterval, Invoice, InvoiceCorrection
from energy_desktop.domain.money import to_decimal
from energy_desktop.services.billing import BillingService
from energy_desktop.services.papers import Letterhead, PaperService, cell_kwh, cell_moment

_SUMS = (
    DocumentColumn("", weight=2.4),
    DocumentColumn("As issued", "exact_kwh", 1.2),
    DocumentColumn("By the readings now", "exact_kwh", 1.5),
    DocumentColumn("Difference", "exact_kwh", 1.2),
)
_INTERVALS = (
    DocumentColumn("Meter", weight=2.2),
    DocumentColumn("Begins", weight=2.7),
    DocumentColumn("Minutes", "int", 0.9),
    DocumentColumn("Billed, kWh", "exact_kwh", 1.3),
    DocumentColumn("To bill now, kWh", "exact_kwh", 1.7),
    DocumentColumn("Difference, kWh", "exact_kwh", 1.6),
    DocumentColumn("Quality now", weight=1.4),
)


class CorrectionPapers:
    """simulated: whether the site is a demo, which every paper of it must say."""

    def __init__(
        self,
        billing: BillingService,
        papers: PaperService,
        clock: Clock,
        simulated: Callable[[], bool] = lambda: False,
    ) -> None:
        self._billing = billing
        self._papers = papers
        self._letterhead = Letterhead(clock, simulated)

    def write(self, correction: InvoiceCorrection, out: Path) -> tuple[Path, ...]:
        """PDF, CSV or Excel. Raises what `PaperService.write` raises."""
        return self._papers.write(self.proof(correction), out)

    def proof(self, correction: InvoiceCorrection) -> Document:
        """Raises NotEnoughData when the meters can no longer be asked."""
        issued = correction.invoice
        now = self._billing.redraft(issued)
        if now is None:
            raise NotEnoughData(
                where=f"Invoice {issued.number}",
                what="its meters no longer measure what the client rented.",
                remedy="The evidence frozen in the paper is what holds.",
            )
        zone = ZoneInfo(issued.site.zone)
        sections = [_sums(issued, now)]
        changed = _changed(issued, now, zone)
        if changed:
            sections.append(
                DocumentSection(
                    "Intervals that changed",
                    (
                        "Outside the contract hours; of each the energy that was billed and the "
                        "energy in the ledger now.",
                    ),
                    sheet="intervals",
                    columns=_INTERVALS,
                    rows=changed,
                )
            )
        return self._letterhead.document(
            issued.site,
            f"Correction of invoice {issued.number}",
            (issued.period_start_ms, issued.period_end_ms),
            " ".join((correction.sentence, *correction.unsettled)),
            (
                DocumentFigure("Client", issued.client.name),
                DocumentFigure("Month", wording.month(issued.month)),
                DocumentFigure(
                    "Difference",
                    f"{wording.money(now.total_units - issued.total_units)} {issued.currency}",
                    "with tax",
                ),
            ),
            sections,
        )


def _sums(issued: Invoice, now: Invoice) -> DocumentSection:
    def kwh(name: str, then: int, later: int) -> tuple[Cell, ...]:
        return (name, cell_kwh(then), cell_kwh(later), cell_kwh(later - then))

    def money(name: str, then: int, later: int) -> tuple[Cell, ...]:
        return (name, to_decimal(then), to_decimal(later), to_decimal(later - then))

    currency = issued.currency
    rows = (
        kwh("Outside contract hours, kWh", issued.outside_wh, now.outside_wh),
        kwh("Inside contract hours, kWh", issued.inside_wh, now.inside_wh),
        money(f"Net, {currency}", issued.net_units, now.net_units),
        money(f"Tax, {currency}", issued.tax_units, now.tax_units),
        money(f"Total, {currency}", issued.total_units, now.total_units),
    )
    return DocumentSection(
        "What it comes to",
        ("Under the contract and the tariff of the invoice, so that only readings count.",),
        sheet="sums",
        columns=_SUMS,
        rows=rows,
        emphasised=frozenset({len(rows) - 1}),
    )


def _changed(issued: Invoice, now: Invoice, zone: ZoneInfo) -> tuple[tuple[Cell, ...], ...]:
    paper = {(e.meter_id, e.start_ms): e for e in issued.evidence}
    ledger = {(e.meter_id, e.start_ms): e for e in now.evidence}
    names = {m.meter_id: m.meter_name for m in (*now.meters, *issued.meters)}
    rows = []
    for key in sorted(paper.keys() | ledger.keys(), key=lambda k: (k[1], k[0])):
        then, later = paper.get(key), ledger.get(key)
        billed, due = _wh(then), _wh(later)
        known = later or then
        if billed != due and known is not None:
            rows.append(
                (
                    names.get(key[0], key[0]),
                    cell_moment(key[1], zone),
                    known.step_s // 60,
                    cell_kwh(billed),
                    cell_kwh(due),
                    cell_kwh(due - billed),
                    "nothing to bill" if later is None else later.quality.name.lower(),
                )
            )
    return tuple(rows)


def _wh(interval: EvidenceInterval | None) -> int:
    """What is billed of it; an interval that is no evidence is billed nothing."""
    return 0 if interval is None else interval.energy_wh

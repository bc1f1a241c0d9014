"""What an invoice costs on paper, against a bare canvas that draws the same text.

The peer knows every string, font, colour and place beforehand and only draws them: no layout, no
rules, no chart. What the product takes beyond it is the price of laying out and of the figures.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from bench.common import Row
from energy_desktop.analytics.billing.draft import draft_invoice
from energy_desktop.analytics.billing.split import MeterMonth
from energy_desktop.domain.clock import local_month_bounds_ms, to_ms
from energy_desktop.domain.contract import Client, ContractVersion, TariffVersion, WeeklyHours
from energy_desktop.domain.energy import Intervals, Reconciliation, RegisterReading
from energy_desktop.domain.invoice import Invoice, InvoiceStatus
from energy_desktop.domain.site import Meter, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

FONTS = Path(__file__).resolve().parents[1] / "resources" / "fonts"
_ZONE = "Europe/Berlin"
_GOAL = 2.0


@dataclass(frozen=True, slots=True)
class _Mark:
    page: int
    x: float
    y: float
    font: str
    size: float
    color: Any
    text: str


def run(quick: bool) -> list[Row]:
    """Warm CPU time per document, best of several runs of each, taken in turns."""
    from energy_desktop.reports.invoice_pdf import render

    invoice = _invoice()
    marks = _marks_of(lambda: render(invoice, fonts=FONTS))
    pages = max(m.page for m in marks) + 1
    rounds = 5 if quick else 25
    product: list[float] = []
    peer: list[float] = []
    for _ in range(rounds):
        product.append(_cpu_ms(lambda: render(invoice, fonts=FONTS)))
        peer.append(_cpu_ms(lambda: _bare(marks, pages)))
    ours, bare = min(product), min(peer)
    size_kb = len(render(invoice, fonts=FONTS)) / 1000
    drafting = min(_cpu_ms(_invoice) for _ in range(3 if quick else 10))
    return [
        Row(
            name=f"Invoice PDF, {pages} pages, CPU against a bare canvas",
            value=ours / bare,
            unit="x",
            goal=f"<= {_GOAL:.0f}",
            met=ours / bare <= _GOAL,
            peer=f"bare reportlab canvas {bare:.1f} ms",
            note=f"{ours:.1f} ms, {size_kb:.0f} kB, {len(marks)} strings and a chart",
        ),
        Row(
            name="Drafting an invoice of 2 meters and a month",
            value=drafting,
            unit="ms CPU",
            goal="",
            met=None,
            note=f"{len(invoice.evidence)} billed intervals, {len(invoice.lines)} lines",
        ),
    ]


def _cpu_ms(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1000


def _bare(marks: list[_Mark], pages: int) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595.28, 841.89), invariant=1)
    at = 0
    for page in range(pages):
        while at < len(marks) and marks[at].page == page:
            mark = marks[at]
            canvas.setFillColor(mark.color)
            canvas.setFont(mark.font, mark.size)
            canvas.drawString(mark.x, mark.y, mark.text)
            at += 1
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _marks_of(work: Callable[[], object]) -> list[_Mark]:
    """Every string that `work` draws, in the order of the pages."""
    marks: list[_Mark] = []
    with _recorder(marks):
        work()
    return sorted(marks, key=lambda m: m.page)


@contextmanager
def _recorder(marks: list[_Mark]) -> Iterator[None]:
    from reportlab.pdfgen.canvas import Canvas

    draw = Canvas.drawString

    def recording(canvas: Any, x: float, y: float, text: str, *more: Any, **named: Any) -> None:
        color, page = canvas._fillColorObj, canvas.getPageNumber() - 1
        marks.append(_Mark(page, x, y, canvas._fontname, canvas._fontsize, color, text))
        draw(canvas, x, y, text, *more, **named)

    Canvas.drawString = recording  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        Canvas.drawString = draw  # type: ignore[method-assign]


def _invoice() -> Invoice:
    """A March with work from 08:00 to 20:00 in two zones and a long evening every other day."""
    site = Site(name="Bench", zone=_ZONE, operator="Bench GmbH", operator_address=("Street 1",))
    hours = WeeklyHours((((480, 1200),),) * 5 + ((),) * 2)
    contract = ContractVersion("c", 1, "client", date(2025, 1, 1), hours, "standard", ("a", "b"))
    tariff = TariffVersion(
        "standard", 1, date(2025, 1, 1), Decimal("0.25"), Decimal("0.382"), "EUR", Decimal(19)
    )
    draft = draft_invoice(
        site=site,
        client=Client("client", "Client"),
        contracts=[contract],
        tariffs=[tariff],
        meters=[_meter_month("m1", "a", 1), _meter_month("m2", "b", 2)],
        month="2026-03",
        now_ms=to_ms(datetime(2026, 4, 2, tzinfo=UTC)),
    )
    return replace(
        draft, status=InvoiceStatus.ISSUED, number="2026-0001", issued_at_ms=draft.period_end_ms
    )


def _meter_month(meter_id: str, space_id: str, seed: int) -> MeterMonth:
    start, end = local_month_bounds_ms(2026, 3, ZoneInfo(_ZONE))
    starts = np.arange(start, end, 900_000, dtype=np.int64)
    hour = (starts / 3_600_000 + 1) % 24
    late = (starts // 86_400_000 % 2 == 0) & (hour >= 20) & (hour < 23)
    use = np.random.default_rng(seed).integers(140, 180, starts.shape)
    energy = np.where(((hour >= 8) & (hour < 20)) | late, use, 0).astype(np.float64)
    total = int(energy.sum())
    register = "energy_import_wh"
    return MeterMonth(
        Meter(meter_id, f"Lighting {space_id}", space_id=space_id, serial_number=f"SN{seed}"),
        Intervals(meter_id, register, 900, starts, energy, np.zeros(starts.shape, dtype=np.int8)),
        Reconciliation(
            meter_id,
            register,
            RegisterReading(meter_id, register, start, 1_000_000),
            RegisterReading(meter_id, register, end, 1_000_000 + total),
            total,
            total,
            0,
            0,
        ),
    )


if __name__ == "__main__":
    for row in run(quick=False):
        print(row)

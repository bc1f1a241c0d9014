"""Values to print: a month with use in the evenings and at weekends, from the real calculation."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.invoice import InvoiceStatus
from tests.unit.billing.builders import ZONE, a_meter, intervals
from tests.unit.billing.test_draft import a_draft, a_meter_month, at

FONTS = Path(__file__).resolve().parents[3] / "resources" / "fonts"
__all__ = ["FONTS", "ZONE", "an_invoice", "at", "issued"]


def evening_use(month, meter_id, seed):
    """Standby of a few Wh, work from 08:00 to 20:00, and long evenings now and then."""
    values = intervals(month, 0.0, meter_id=meter_id)
    rng = np.random.default_rng(seed)
    hour = (values.start_ms / 3_600_000 + 1) % 24
    day = (values.start_ms // 86_400_000).astype(int)
    long_evening = rng.random(day.max() - day.min() + 2)[day - day.min()] < 0.5
    lit = ((hour >= 8) & (hour < 20)) | ((hour >= 20) & (hour < 23) & long_evening)
    values.energy_wh[:] = np.where(lit, rng.integers(140, 180, hour.shape), 0)
    return values


def an_invoice(month="2026-03", *, meters=2, **changes):
    data = []
    for i in range(meters):
        values = evening_use(month, f"light-{i}", i)
        values.quality[200:230] = IntervalQuality.ESTIMATED
        meter = a_meter(
            f"light-{i}",
            name=f"Lighting zone {i + 1}",
            mid_approved=i == 0,
            serial_number=f"1902{i}77",
        )
        data.append(a_meter_month(values, meter, opening_wh=412_880_300))
    return a_draft(*data, month=month, **changes)


def issued(invoice, number="2026-0007"):
    return replace(
        invoice,
        status=InvoiceStatus.ISSUED,
        number=number,
        issued_at_ms=at("2026-04-02T09:30"),
    )

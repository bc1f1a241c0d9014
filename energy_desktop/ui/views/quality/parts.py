"""What the page "Data quality" is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from energy_desktop.domain.invoice import InvoiceCorrection
from energy_desktop.services.data_quality import DataQualityService
from energy_desktop.services.editing import EditingService
from energy_desktop.services.exchanges import ExchangeService
from energy_desktop.services.quality_papers import QualityPapers


@dataclass(frozen=True, slots=True)
class QualityServices:
    """corrections: issued invoices that are to be corrected. editing, exchanges None: this person
    may look, not change; role_needed may. papers: what is seen as PDF, CSV or Excel."""

    quality: DataQualityService
    corrections: Callable[[], Sequence[InvoiceCorrection]]
    editing: EditingService | None = None
    exchanges: ExchangeService | None = None
    role_needed: str = "Energy manager"
    papers: QualityPapers | None = None

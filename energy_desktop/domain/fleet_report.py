"""A fleet on paper for who decides: the run, and the few households that need somebody."""

from __future__ import annotations

from dataclasses import dataclass

from energy_desktop.domain.fleet import FleetAnomaly, FleetOverview, Page, TariffSummary, TrendDay


@dataclass(frozen=True, slots=True)
class FleetReport:
    """All that the paper says. name: of the run; made_for: the site, "" without one.

    strange: one stretch a household, strongest first. tariffs: with the largest losses first;
    None when the run has not priced the fleet. stability: number of segments -> how alike they
    stay when half of the fleet is left out. refusals: why a stage has no answer, in sentences.
    """

    name: str
    made_for: str
    made_at_ms: int
    overview: FleetOverview
    trends: tuple[TrendDay, ...]
    strange: Page[FleetAnomaly]
    tariffs: TariffSummary | None
    stability: dict[int, float]
    refusals: tuple[str, ...]

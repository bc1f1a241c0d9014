"""What the Fleet page asks of services.fleet and services.fleet_report.

Protocols, so that each part can be shown with values alone. All of them block and belong into
jobs; `out` is the folder of a run's results.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

from energy_desktop.domain.fleet import (
    DataQuality,
    DroppedRow,
    FleetAnomaly,
    FleetOptions,
    FleetOverview,
    FleetSummary,
    HouseholdForecast,
    HouseholdRow,
    HouseholdView,
    Page,
    Segment,
    TariffSummary,
    TrendDay,
)
from energy_desktop.domain.ports import ProgressSink, no_progress

Method = Literal["profile", "kmeans_residual"]


class Fleet(Protocol):
    """As services.fleet.FleetService; errors as there."""

    def run(
        self,
        folder: Path,
        out: Path,
        options: FleetOptions | None = None,
        *,
        progress: ProgressSink = no_progress,
    ) -> FleetSummary: ...

    def runs(self) -> tuple[Path, ...]: ...

    def new_run(self, name: str) -> Path: ...

    def summary(self, out: Path) -> FleetSummary: ...

    def overview(self, out: Path) -> FleetOverview: ...

    def trends(self, out: Path, *, offset: int = 0, limit: int | None = None) -> Page[TrendDay]: ...

    def segments(
        self, out: Path, *, offset: int = 0, limit: int | None = None
    ) -> Page[Segment]: ...

    def stability(self, out: Path) -> dict[int, float]: ...

    def refusals(self, out: Path) -> tuple[str, ...]: ...

    def households(
        self,
        out: Path,
        *,
        offset: int = 0,
        limit: int | None = 100,
        order: str = "household",
        tariff: str | None = None,
        segment: int | None = None,
        search: str = "",
    ) -> Page[HouseholdRow]: ...

    def forecasts(
        self, out: Path, *, offset: int = 0, limit: int | None = 100
    ) -> Page[HouseholdForecast]: ...

    def anomalies(
        self,
        out: Path,
        *,
        method: Method = "profile",
        offset: int = 0,
        limit: int | None = 100,
        tariff: str | None = None,
        strongest_only: bool = True,
    ) -> Page[FleetAnomaly]: ...

    def tariffs(
        self,
        out: Path,
        *,
        offset: int = 0,
        limit: int | None = 100,
        order: Literal["saving", "loss"] = "saving",
        tariff: str | None = None,
    ) -> TariffSummary: ...

    def quality(self, out: Path, *, offset: int = 0, limit: int | None = 100) -> DataQuality: ...

    def dropped(
        self, out: Path, *, offset: int = 0, limit: int | None = 100, reason: str | None = None
    ) -> Page[DroppedRow]: ...

    def household(self, out: Path, household: str) -> HouseholdView: ...

    def write_site(self, folder: Path) -> tuple[Path, ...]: ...

    def add_to_site(self, out: Path, household: str) -> str: ...


class FleetPapers(Protocol):
    """As services.fleet_report.FleetReportService."""

    def pdf(self, out: Path) -> bytes: ...

    def csv(self, out: Path, folder: Path, progress: ProgressSink = no_progress) -> int: ...

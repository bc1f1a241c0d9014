"""The monthly energy report: gathered from every store, rendered once, kept with the site's papers.

One value holds the whole month; the PDF, the CSV files and the Excel book are written from it, so
they cannot contradict each other. Rendering runs in a job process: a paper with vector charts
takes long enough to be felt in a window.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import Clock, from_ms, local_month_bounds_ms, parse_month, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS, QUARTER_HOUR_MS, IntervalQuality, Intervals
from energy_desktop.domain.errors import NotEnoughData, UserFacingError, WrongUse
from energy_desktop.domain.finding import Finding, FindingKind
from energy_desktop.domain.monthly_report import AlarmCount, ClientUse, MonthlyReport
from energy_desktop.domain.ports import (
    AlarmStore,
    Compute,
    ConfigurationStore,
    History,
    Ledger,
    ProgressSink,
    no_progress,
)
from energy_desktop.domain.recommendation import Recommendation
from energy_desktop.domain.site import Role
from energy_desktop.domain.waste import WasteReport
from energy_desktop.services.balance import STEP_S, site_balance
from energy_desktop.services.billing import BillingService
from energy_desktop.services.maintenance import EquipmentReport, MaintenanceService
from energy_desktop.services.recommendations import (
    OutOfHours,
    RecommendationInputs,
    recommend,
    use_facts,
)
from energy_desktop.services.registers import negative_register, positive_register
from energy_desktop.services.waste import WasteService

RenderReport = Callable[[MonthlyReport], bytes]

_MOST_MONTHS = 24
_COMPARABLE_PCT = 98.0  # a month before with larger gaps is no yardstick


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A paper that was made before. kind: pdf, csv or xlsx; sha256 of its bytes, in hex."""

    path: Path
    kind: str
    size_bytes: int
    made_at_ms: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ReportShelf:
    """What the page of the reports begins with. months: with readings, the newest first."""

    months: tuple[str, ...]
    complete_month: str  # the newest that is over; empty: none is
    files: tuple[ReportFile, ...]
    folder: Path | None


class ReportService:
    """`render` is a picklable function: report in, bytes of the PDF out.

    papers: the folder that keeps what the window makes; None where nothing is kept.
    simulated: whether the site is a demo, which every paper of it must say.
    """

    def __init__(
        self,
        configuration: ConfigurationStore,
        history: History,
        ledger: Ledger,
        alarms: AlarmStore,
        billing: BillingService,
        waste: WasteService,
        maintenance: MaintenanceService,
        clock: Clock,
        compute: Compute,
        render: RenderReport,
        *,
        papers: Path | None = None,
        simulated: Callable[[], bool] = lambda: False,
    ) -> None:
        self._configuration = configuration
        self._history = history
        self._ledger = ledger
        self._alarms = alarms
        self._billing = billing
        self._waste = waste
        self._maintenance = maintenance
        self._clock = clock
        self._compute = compute
        self._render = render
        self._papers = papers
        self._simulated = simulated

    # -------------------------------------------------------- the value

    def month(self, month: str, progress: ProgressSink = no_progress) -> MonthlyReport:
        """The report of a local month as it stands now.

        Raises WrongUse for what is no month, lies ahead, or when the site has no grid meter;
        NotEnoughData when nothing was read in it.
        """
        import numpy as np

        from energy_desktop.analytics.billing.month import MeterLedger, build_monthly_report

        configuration = self._configuration.load()
        now_ms = to_ms(self._clock())
        start_ms, end_ms = self._bounds(configuration, month, now_ms)
        until_ms = min(end_ms, now_ms - now_ms % QUARTER_HOUR_MS)
        spaces = {s.space_id: s.name for s in configuration.spaces}

        ledgers = []
        for number, meter in enumerate(configuration.meters):
            progress(0.3 * number / len(configuration.meters), f"Adding up {meter.name}")
            register = positive_register(self._ledger, meter.meter_id)
            opposite = negative_register(self._ledger, meter.meter_id)
            ledgers.append(
                MeterLedger(
                    meter,
                    self._ledger.intervals(meter.meter_id, start_ms, until_ms, register=register),
                    self._ledger.reconciliation(
                        meter.meter_id, start_ms, until_ms, register=register
                    ),
                    None
                    if opposite is None
                    else self._ledger.intervals(
                        meter.meter_id, start_ms, until_ms, register=opposite
                    ),
                    spaces.get(meter.space_id or "", ""),
                )
            )
        if not any(np.isfinite(x.imported.energy_wh).any() for x in ledgers):
            raise self._nothing_read(configuration, month)
        notes: list[str] = []
        progress(0.3, "Bills of the clients")
        clients = self._clients(month)
        progress(0.4, "Light after hours")
        waste = self._waste_of(month, notes)

        def watching(fraction: float, doing: str) -> None:
            progress(0.5 + 0.4 * fraction, doing)

        equipment = self._maintenance.reports(watching)
        findings = _of_period(equipment, start_ms, until_ms)
        progress(0.9, "Alarms and recommendations")
        previous_wh = self._previous_import(configuration, start_ms, notes)
        report = build_monthly_report(
            site=configuration.site,
            month=month,
            now_ms=until_ms if until_ms < end_ms else now_ms,
            ledgers=ledgers,
            clients=clients,
            waste=waste,
            findings=findings,
            alarms=self._alarm_counts(start_ms, end_ms),
            recommendations=self._recommendations(
                configuration, start_ms, until_ms, clients, waste, equipment, findings
            ),
            previous_import_wh=previous_wh,
            notes=notes,
            simulated=self._simulated(),
        )
        progress(1.0, "Done")
        return report

    def pdf(self, month: str, progress: ProgressSink = no_progress) -> bytes:
        """The paper of a month."""
        return self.paper(self.month(month, progress))

    def paper(self, report: MonthlyReport) -> bytes:
        """The PDF of a report that is at hand."""
        return self._compute.run(self._render, report)

    # -------------------------------------------------------- files

    def write_month(
        self, month: str, folder: Path, progress: ProgressSink = no_progress
    ) -> tuple[Path, ...]:
        """PDF, CSV files and Excel book of a month. Each file whole or not at all."""

        def gathering(fraction: float, doing: str) -> None:
            progress(0.8 * fraction, doing)

        report = self.month(month, gathering)
        progress(0.8, "Drawing the pages")
        written = self.write(report, folder)
        progress(1.0, "Done")
        return written

    def write(
        self,
        report: MonthlyReport,
        folder: Path,
        kinds: frozenset[str] = frozenset({"pdf", "csv", "xlsx"}),
    ) -> tuple[Path, ...]:
        """Writes a report that is at hand. Raises UserFacingError when the folder refuses."""
        from energy_desktop.reports.monthly_tables import monthly_sheets
        from energy_desktop.reports.tables import write_csv, write_xlsx

        written: list[Path] = []
        stem = file_stem(report.month)
        if "pdf" in kinds:
            written.append(self.write_pdf(report, folder / f"{stem}.pdf"))
        if "csv" in kinds:
            written.extend(write_csv(monthly_sheets(report), folder / f"{stem}.csv"))
        if "xlsx" in kinds:
            book = folder / f"{stem}.xlsx"
            write_xlsx(monthly_sheets(report), book)
            written.append(book)
        return tuple(written)

    def write_pdf(self, report: MonthlyReport, path: Path) -> Path:
        """The paper alone, under the name that was asked for."""
        from energy_desktop.reports.files import write_bytes

        write_bytes(path, self.paper(report))
        return path

    def keep(self, report: MonthlyReport, kinds: frozenset[str]) -> tuple[Path, ...]:
        """As `write`, into the site's own papers, where `shelf` finds them again."""
        return self.write(report, self._shelf_folder(), kinds)

    def shelf(self) -> ReportShelf:
        """The months that can be reported and the papers made so far."""
        configuration = self._configuration.load()
        now_ms = to_ms(self._clock())
        months = self._months(configuration, now_ms)
        over = [m for m in months if self._over(configuration, m, now_ms)]
        return ReportShelf(
            months=months,
            complete_month=over[0] if over else "",
            files=self.files(),
            folder=self._papers,
        )

    def files(self) -> tuple[ReportFile, ...]:
        """Papers in the site's own folder, the newest first."""
        if self._papers is None or not self._papers.is_dir():
            return ()
        found = []
        for path in self._papers.glob("energy-report-*"):
            kind = path.suffix.lstrip(".")
            if kind not in ("pdf", "csv", "xlsx"):
                continue
            try:
                data, facts = path.read_bytes(), path.stat()
            except OSError:
                continue  # removed in this very moment
            made_ms = round(facts.st_mtime * 1000)
            found.append(
                ReportFile(path, kind, len(data), made_ms, hashlib.sha256(data).hexdigest())
            )
        # The files of one making are seconds apart: the paper stands before its tables.
        kinds = ("pdf", "xlsx", "csv")
        return tuple(
            sorted(
                found,
                key=lambda f: (-(f.made_at_ms // 60_000), kinds.index(f.kind), f.path.name),
            )
        )

    def copy(self, file: ReportFile, target: Path) -> Path:
        """Saves a paper that was made before under another name, byte for byte."""
        from energy_desktop.reports.files import write_bytes

        try:
            data = file.path.read_bytes()
        except OSError as error:
            raise UserFacingError(
                where=str(file.path),
                what=f"cannot be read ({error.strerror or error}).",
                remedy="Make the report again.",
            ) from error
        write_bytes(target, data)
        return target

    # -------------------------------------------------------- parts

    def _shelf_folder(self) -> Path:
        if self._papers is None:
            raise WrongUse(
                where="Reports",
                what="this program keeps no papers.",
                remedy="Name a folder to write to.",
            )
        return self._papers

    def _bounds(self, configuration: Configuration, month: str, now_ms: int) -> tuple[int, int]:
        from energy_desktop.analytics.billing.hours import month_bounds

        bounds = month_bounds(month, ZoneInfo(configuration.site.zone))
        if bounds[0] >= now_ms:
            raise WrongUse(
                where=f"Report {month}",
                what="The month has not begun.",
                remedy="Choose the present month or an earlier one.",
            )
        return bounds

    def _nothing_read(self, configuration: Configuration, month: str) -> NotEnoughData:
        extents = [self._history.extent(m.meter_id) for m in configuration.meters]
        known = [e for e in extents if e is not None]
        has = "Choose another month, or import the meters' past with `import`."
        if known:
            zone = ZoneInfo(configuration.site.zone)
            first, last = min(e[0] for e in known), max(e[1] for e in known)
            days = [from_ms(at).astimezone(zone).date().isoformat() for at in (first, last)]
            has = f"The site has readings from {days[0]} to {days[1]}."
        return NotEnoughData(
            where=f"Report {month}", what="Nothing was read in this month.", remedy=has
        )

    def _clients(self, month: str) -> tuple[ClientUse, ...]:
        rows = []
        for row in self._billing.month(month):
            invoice = row.invoice
            naive_wh = self._billing.calendar(row.client.client_id, month).naive_outside_wh
            rows.append(
                ClientUse(
                    client_id=row.client.client_id,
                    client_name=row.client.name,
                    inside_wh=invoice.inside_wh,
                    outside_wh=invoice.outside_wh,
                    net_units=invoice.net_units,
                    total_units=invoice.total_units,
                    currency=invoice.currency,
                    invoice_number=invoice.number,
                    blockers=len(invoice.blockers),
                    naive_outside_wh=naive_wh,
                )
            )
        return tuple(rows)

    def _waste_of(self, month: str, notes: list[str]) -> WasteReport | None:
        try:
            return self._waste.month(month)
        except NotEnoughData as error:
            notes.append(f"Light after hours was not judged: {error.what}")
            return None

    def _alarm_counts(self, start_ms: int, end_ms: int) -> list[AlarmCount]:
        raised = {a.alarm_id: a for a in self._alarms.journal(start_ms, end_ms)}
        raised.update({a.alarm_id: a for a in self._alarms.open_alarms()})
        inside = [a for a in raised.values() if start_ms <= a.raised_at_ms < end_ms]
        by_priority = Counter(int(a.rule.priority) for a in inside)
        waiting = Counter(int(a.rule.priority) for a in inside if a.needs_acknowledgement)
        return [AlarmCount(p, n, waiting[p]) for p, n in sorted(by_priority.items())]

    def _previous_import(
        self, configuration: Configuration, start_ms: int, notes: list[str]
    ) -> int | None:
        """Grid import of the month before; None where it was not measured well enough."""
        import numpy as np

        zone = ZoneInfo(configuration.site.zone)
        before = from_ms(start_ms - 1).astimezone(zone)
        first_ms = local_month_bounds_ms(before.year, before.month, zone)[0]
        total, expected, known = 0.0, 0, 0
        for meter in configuration.meters:
            if meter.role is not Role.GRID:
                continue
            register = positive_register(self._ledger, meter.meter_id)
            found = self._ledger.intervals(meter.meter_id, first_ms, start_ms, register=register)
            good = np.isfinite(found.energy_wh)
            total += float(found.energy_wh[good].sum())
            expected += len(found.energy_wh)
            known += int(good.sum())
        if not known:
            return None
        if 100 * known < _COMPARABLE_PCT * expected:
            notes.append(
                f"No comparison with the month before: only {100 * known / expected:.0f} % of its "
                "grid intervals were measured."
            )
            return None
        return round(total)

    def _recommendations(
        self,
        configuration: Configuration,
        start_ms: int,
        until_ms: int,
        clients: tuple[ClientUse, ...],
        waste: WasteReport | None,
        equipment: tuple[EquipmentReport, ...],
        findings: tuple[Finding, ...],
    ) -> tuple[Recommendation, ...]:
        import numpy as np

        site = configuration.site
        balance = site_balance(configuration, self._ledger, start_ms, until_ms)
        quality = np.where(
            np.isfinite(balance.load_wh),
            np.where(balance.estimated, IntervalQuality.ESTIMATED, IntervalQuality.VALIDATED),
            IntervalQuality.MISSING,
        ).astype(np.int8)
        load = Intervals(
            "site", "energy_import_wh", STEP_S, balance.start_ms, balance.load_wh, quality
        )
        outside = sum(c.outside_wh for c in clients)
        currencies = {c.currency for c in clients}
        return recommend(
            RecommendationInputs(
                zone=site.zone,
                currency=site.currency,
                price_per_kwh=site.price_import_per_kwh,
                use=use_facts(load, site.zone),
                waste=waste,
                # What began after the month is no advice of that month.
                watches=tuple(
                    replace(e.watch, findings=tuple(f for f in e.watch.findings if f in findings))
                    for e in equipment
                ),
                anomalies=tuple(f for f in findings if f.kind is FindingKind.ANOMALY),
                out_of_hours=OutOfHours(
                    outside,
                    outside + sum(c.inside_wh for c in clients),
                    sum(c.net_units for c in clients) if len(currencies) == 1 else None,
                    max(1, round((until_ms - start_ms) / DAY_MS)),
                    min(currencies),
                )
                if clients
                else None,
                contract_demand_w=site.contract_demand_w,
            )
        )

    def _months(self, configuration: Configuration, now_ms: int) -> tuple[str, ...]:
        """Local months with readings, the newest first, two years at the most."""
        extents = [self._history.extent(m.meter_id) for m in configuration.meters]
        firsts = [e[0] for e in extents if e is not None]
        if not firsts:
            return ()
        zone = ZoneInfo(configuration.site.zone)
        first, now = (from_ms(at).astimezone(zone) for at in (min(firsts), now_ms))
        months: list[str] = []
        year, number = now.year, now.month
        while (year, number) >= (first.year, first.month) and len(months) < _MOST_MONTHS:
            months.append(f"{year:04d}-{number:02d}")
            year, number = (year, number - 1) if number > 1 else (year - 1, 12)
        return tuple(months)

    def _over(self, configuration: Configuration, month: str, now_ms: int) -> bool:
        zone = ZoneInfo(configuration.site.zone)
        return local_month_bounds_ms(*parse_month(month), zone)[1] <= now_ms


def file_stem(month: str) -> str:
    return f"energy-report-{month}"


def _of_period(
    equipment: tuple[EquipmentReport, ...], start_ms: int, until_ms: int
) -> tuple[Finding, ...]:
    """What stood or happened in the period: creeps that had begun, stretches that lie in it."""
    creeps = [f for e in equipment for f in e.watch.findings]
    stretches = [f for e in equipment for f in e.anomalies]
    return tuple(
        f
        for f in (*creeps, *stretches)
        if f.start_ms < until_ms and (f.end_ms is None or f.end_ms > start_ms)
    )

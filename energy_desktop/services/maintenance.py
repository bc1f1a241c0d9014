"""Watches equipment for creeping power draw and strange hours, and keeps what people say of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from energy_desktop.analytics.maintenance.features import SLOWEST_S, daily_features
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import (
    DAY_MS,
    QUARTER_HOUR_MS,
    Buckets,
    Intervals,
    Resolution,
)
from energy_desktop.domain.errors import NotEnoughData, NotFound, WrongUse
from energy_desktop.domain.finding import (
    EquipmentWatch,
    Finding,
    FindingState,
    WatchState,
)
from energy_desktop.domain.ports import (
    Compute,
    ConfigurationStore,
    FindingStore,
    History,
    Ledger,
    ProgressSink,
    no_progress,
)
from energy_desktop.domain.site import Meter, Role
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.registers import positive_register
from energy_desktop.services.waste import LIGHTING

# People and orders decide what these use: it says nothing of their condition.
_NOT_WATCHED = {"", LIGHTING, "ev_charger", "sockets", "machines", "common"}
_CLASS_PCT = {True: 1.0, False: 2.0}  # MID class B; what is not approved is taken as class A


@dataclass(frozen=True, slots=True)
class EquipmentReport:
    """A meter's watch and the strange stretches of its hours, newest first."""

    watch: EquipmentWatch
    anomalies: tuple[Finding, ...]
    anomalies_note: str = ""


@dataclass(frozen=True, slots=True)
class WatchInput:
    """What one job process needs to judge one meter."""

    meter: Meter
    power: Buckets
    ledger: Intervals
    zone: str
    now_ms: int
    currency: str
    price_per_kwh: str
    judged: tuple[Finding, ...]
    lost: bool


class MaintenanceService:
    """`statuses` gives live states, so that a lost meter pauses its watch."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        history: History,
        ledger: Ledger,
        findings: FindingStore,
        clock: Clock,
        compute: Compute,
    ) -> None:
        self._configuration = configuration
        self._history = history
        self._ledger = ledger
        self._findings = findings
        self._clock = clock
        self._compute = compute

    def reports(
        self,
        progress: ProgressSink = no_progress,
        statuses: dict[str, MeterStatus] | None = None,
    ) -> tuple[EquipmentReport, ...]:
        """Every watched meter, those with open findings first, then by excess."""
        configuration = self._configuration.load()
        meters = watched(configuration)
        made = []
        for number, meter in enumerate(meters):
            progress(number / max(1, len(meters)), f"Watching {meter.name}")
            made.append(self._report(configuration, meter, statuses or {}))
        progress(1.0, "Done")
        return tuple(sorted(made, key=_urgency))

    def report(self, meter_id: str) -> EquipmentReport:
        """One meter, watched or not by default. Raises NotFound."""
        configuration = self._configuration.load()
        meter = configuration.meter(meter_id)
        if meter is None:
            raise NotFound(
                where=f"Meter {meter_id}",
                what="The site has no such meter.",
                remedy="`energy-desktop meters` lists those it has.",
            )
        return self._report(configuration, meter, {})

    def judge(
        self,
        finding: Finding,
        state: FindingState,
        who: str,
        note: str,
        at_ms: int | None = None,
    ) -> Finding:
        """Confirms, dismisses (needs a reason), marks as repaired, or opens again.

        at_ms: when it was repaired, from where the check of the repair counts; None: now.
        Raises WrongUse for a dismissal without a reason and a time that lies ahead.
        """
        now_ms = to_ms(self._clock())
        if at_ms is not None and at_ms > now_ms:
            raise WrongUse(
                where=finding.meter_name,
                what="The day of the repair lies ahead.",
                remedy="Enter it when it is done.",
            )
        if state is FindingState.DISMISSED and not note.strip():
            raise WrongUse(
                where=finding.meter_name,
                what="A finding is not dismissed without a reason.",
                remedy="Write why this is no fault: the baseline starts again from there.",
            )
        judged = replace(
            finding,
            state=state,
            state_by=who,
            state_at_ms=now_ms if at_ms is None else at_ms,
            note=note.strip(),
        )
        self._findings.save(judged)
        return judged

    def _report(
        self, configuration: Configuration, meter: Meter, statuses: dict[str, MeterStatus]
    ) -> EquipmentReport:
        now_ms = to_ms(self._clock())
        extent = self._history.extent(meter.meter_id) or (now_ms - DAY_MS, now_ms)
        start_ms = extent[0] - extent[0] % QUARTER_HOUR_MS
        end_ms = now_ms - now_ms % QUARTER_HOUR_MS
        status = statuses.get(meter.meter_id)
        given = WatchInput(
            meter=meter,
            power=self._history.buckets(
                meter.meter_id, "power_w", start_ms, end_ms, Resolution.MINUTE
            ),
            ledger=self._ledger.intervals(
                meter.meter_id,
                start_ms,
                end_ms,
                register=positive_register(self._ledger, meter.meter_id),
            ),
            zone=configuration.site.zone,
            now_ms=now_ms,
            currency=configuration.site.currency,
            price_per_kwh=str(configuration.site.price_import_per_kwh),
            judged=tuple(
                f for f in self._findings.states().values() if f.meter_id == meter.meter_id
            ),
            lost=status is not None and status.state is LinkState.LOST,
        )
        return self._compute.run(judge_equipment, given)


def judge_equipment(given: WatchInput) -> EquipmentReport:
    """Pure; runs in a job process."""
    from decimal import Decimal

    from energy_desktop.analytics.anomaly.findings import to_findings
    from energy_desktop.analytics.anomaly.profile import find_anomalies
    from energy_desktop.analytics.maintenance.watch import watch
    from energy_desktop.analytics.vee.measured import measured_wh

    meter = given.meter
    price = Decimal(given.price_per_kwh)
    days = daily_features(
        given.power,
        given.zone,
        ledger=given.ledger,
        read_every_s=min(max(60.0, meter.poll_interval_s), SLOWEST_S),
    )
    verdict = watch(
        meter.meter_id,
        meter.name,
        meter.equipment,
        days.day_ms,
        days.energy_wh,
        days.running_hours,
        now_ms=given.now_ms,
        zone=given.zone,
        usable=days.usable,
        meter_class_pct=_CLASS_PCT[meter.mid_approved],
        price_per_kwh=price,
        currency=given.currency,
        judged=given.judged,
        lost=given.lost,
    )
    if meter.poll_interval_s > SLOWEST_S and not days.usable.any():
        verdict = replace(verdict, state_sentence=_read_too_rarely(meter))
    try:
        strange = find_anomalies(
            given.ledger.start_ms,
            measured_wh(given.ledger),
            given.zone,
            step_s=given.ledger.step_s,
        )
    except NotEnoughData as error:
        return EquipmentReport(verdict, (), f"{error.what} {error.remedy}")
    found = to_findings(
        meter.meter_id,
        meter.name,
        strange,
        zone=given.zone,
        price_per_kwh=price,
        judged={f.finding_id: f for f in given.judged},
    )
    newest_first = tuple(sorted(found, key=lambda f: -f.start_ms))
    return EquipmentReport(verdict, newest_first)


def _read_too_rarely(meter: Meter) -> str:
    return (
        f"It has no baseline: it is read each {meter.poll_interval_s / 60:g} min, which says too "
        f"little of how long it runs. Read it each {SLOWEST_S / 60:g} min or more often (Edit "
        "meter, `poll_interval_s`)."
    )


def watched(configuration: Configuration) -> tuple[Meter, ...]:
    """Loads whose use tells of their condition."""
    return tuple(
        m for m in configuration.meters if m.role is Role.LOAD and m.equipment not in _NOT_WATCHED
    )


def _urgency(report: EquipmentReport) -> tuple[bool, bool, float]:
    open_states = (FindingState.OPEN, FindingState.CONFIRMED)
    found = [f for f in report.watch.findings if f.state in open_states]
    excess = max((f.change_pct for f in found), default=0.0)
    return not found, report.watch.state is not WatchState.WATCHING, -excess

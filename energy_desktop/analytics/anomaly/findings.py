"""Strange hours as findings, so that a person can judge them like a creep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.finding import Anomaly, AnomalyKind, Finding, FindingKind
from energy_desktop.domain.money import price_energy

_CAUSES: Mapping[AnomalyKind, tuple[str, ...]] = {
    AnomalyKind.HIGH: ("left on", "set point or schedule changed", "event or extra shift"),
    AnomalyKind.LOW: ("switched off or closed", "failed equipment", "part of the circuit moved"),
    AnomalyKind.ZERO: ("supply interrupted", "meter or link lost"),
    AnomalyKind.FLAT: ("meter stuck or its counter frozen", "estimated readings"),
    AnomalyKind.NO_SETBACK: ("time switch or schedule in manual", "left on after work"),
}


def to_findings(
    meter_id: str,
    meter_name: str,
    anomalies: Iterable[Anomaly],
    *,
    zone: str,
    price_per_kwh: Decimal,
    judged: Mapping[str, Finding] | None = None,
) -> tuple[Finding, ...]:
    """Findings of one meter, judgements carried over by id.

    The id is meter, kind and the local day it began on; a second one of a day gets its hour.
    """
    known = judged or {}
    place = ZoneInfo(zone)
    made: dict[str, Finding] = {}
    for one in anomalies:
        began = from_ms(one.start_ms).astimezone(place)
        name = f"{meter_id}:{one.kind.name.lower()}:{began:%Y-%m-%d}"
        if name in made:
            name += f"T{began:%H}"
        excess = round(one.actual_wh - one.expected_wh)
        change = 100.0 * excess / one.expected_wh if one.expected_wh > 0 else 0.0
        finding = Finding(
            finding_id=name,
            meter_id=meter_id,
            meter_name=meter_name,
            kind=FindingKind.ANOMALY,
            start_ms=one.start_ms,
            end_ms=one.end_ms,
            found_at_ms=one.end_ms,
            change_pct=change,
            excess_wh=excess,
            excess_cost_units=price_energy(excess, price_per_kwh),
            sentence=f"{meter_name}: {one.reason[0].lower()}{one.reason[1:]}",
            causes=_CAUSES[one.kind],
        )
        if name in known:
            was = known[name]
            finding = replace(
                finding,
                state=was.state,
                state_by=was.state_by,
                state_at_ms=was.state_at_ms,
                note=was.note,
            )
        made[name] = finding
    return tuple(made.values())

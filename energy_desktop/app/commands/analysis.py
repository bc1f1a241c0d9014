"""Commands that calculate: forecast, plan, waste, maintenance, alarms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from energy_desktop.app.commands.common import (
    JsonOption,
    SiteOption,
    guarded,
    opened,
    parse_moment,
    parse_month_option,
    say,
    table,
)
from energy_desktop.domain import wording
from energy_desktop.domain.alarm import Alarm
from energy_desktop.domain.clock import iso_utc, system_clock, to_ms
from energy_desktop.domain.device import Battery
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.finding import Finding
from energy_desktop.domain.forecast import Forecast
from energy_desktop.domain.money import to_decimal
from energy_desktop.domain.plan import Plan
from energy_desktop.domain.waste import EveningVerdict

AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="UTC", help="As if it were then; nothing later is known."),
]


def register(app: typer.Typer) -> None:
    app.command()(forecast)
    app.command()(plan)
    app.command()(waste)
    app.command()(maintenance)
    app.command()(alarms)


@guarded
def forecast(
    meter: Annotated[str, typer.Option("--meter", metavar="ID")],
    at: AtOption = None,
    horizon_h: Annotated[int, typer.Option("--horizon-h", min=1, max=168)] = 24,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forecast a meter's energy, with intervals and what they were worth in the past."""
    at_ms = None if at is None else parse_moment(at, "--at")
    with opened(site) as place:
        made = place.services.forecasting.forecast(meter, at_ms=at_ms, horizon_h=horizon_h)
    say(_forecast_document(made), as_json=as_json, text=lambda: _forecast_text(made))


def _forecast_document(made: Forecast) -> dict[str, Any]:
    b = made.backtest
    return {
        "meter": made.meter_id,
        "origin_utc": iso_utc(made.origin_ms),
        "step_min": made.step_min,
        "method": made.method,
        "points": [
            {
                "start_utc": iso_utc(p.start_ms),
                "energy_wh": p.energy_wh,
                "lower80_wh": p.lower80_wh,
                "upper80_wh": p.upper80_wh,
                "lower95_wh": p.lower95_wh,
                "upper95_wh": p.upper95_wh,
            }
            for p in made.points
        ],
        "backtest": {
            "mae_wh": b.mae_wh,
            "naive_week_mae_wh": b.naive_week_mae_wh,
            "wape": b.wape,
            "mase": b.mase,
            "coverage80": b.coverage80,
            "coverage95": b.coverage95,
            "days": b.days,
        },
        "candidates": [{"method": c.method, "mae_wh": c.mae_wh} for c in made.candidates],
        "notes": list(made.notes),
        "seconds": round(made.seconds, 3),
    }


def _forecast_text(made: Forecast) -> str:
    rows = [
        (
            iso_utc(p.start_ms),
            wording.number(p.energy_wh, 0),
            f"{wording.number(p.lower80_wh, 0)} to {wording.number(p.upper80_wh, 0)}",
            f"{wording.number(p.lower95_wh, 0)} to {wording.number(p.upper95_wh, 0)}",
        )
        for p in made.points
    ]
    b = made.backtest
    head = [
        f"{made.meter_id}: {made.method}, chosen among {len(made.candidates)} over {b.days} days.",
        f"Mean error {wording.number(b.mae_wh, 1)} Wh a step, "
        f"a week ago as forecast {wording.number(b.naive_week_mae_wh, 1)} Wh; "
        f"the 80 % band held {wording.number(b.coverage80, 1)} %, "
        f"the 95 % band {wording.number(b.coverage95, 1)} %.",
        *made.notes,
        "",
    ]
    headers = ("start (UTC)", "energy, Wh", "80 %", "95 %")
    return "\n".join(head) + table(headers, rows, frozenset({1, 2, 3}))


@guarded
def plan(
    battery: Annotated[
        str | None, typer.Option("--battery", metavar="ID", help="A battery of the site.")
    ] = None,
    at: AtOption = None,
    prices: Annotated[Path | None, typer.Option("--prices", metavar="CSV")] = None,
    load: Annotated[Path | None, typer.Option("--load", metavar="CSV")] = None,
    pv: Annotated[Path | None, typer.Option("--pv", metavar="CSV")] = None,
    capacity_kwh: Annotated[float | None, typer.Option("--capacity-kwh", min=0.001)] = None,
    charge_kw: Annotated[float | None, typer.Option("--charge-kw", min=0)] = None,
    discharge_kw: Annotated[float | None, typer.Option("--discharge-kw", min=0)] = None,
    charge_efficiency: Annotated[
        float, typer.Option("--charge-efficiency", min=0.01, max=1)
    ] = 0.95,
    discharge_efficiency: Annotated[
        float, typer.Option("--discharge-efficiency", min=0.01, max=1)
    ] = 0.95,
    soc_min_pct: Annotated[float, typer.Option("--soc-min-pct", min=0, max=100)] = 10.0,
    soc_max_pct: Annotated[float, typer.Option("--soc-max-pct", min=0, max=100)] = 100.0,
    soc_start_pct: Annotated[float, typer.Option("--soc-start-pct", min=0, max=100)] = 50.0,
    soc_end_min_pct: Annotated[
        float | None,
        typer.Option("--soc-end-min-pct", min=0, max=100, help="The start when left out."),
    ] = None,
    wear_per_kwh: Annotated[float, typer.Option("--wear-per-kwh", min=0)] = 0.0,
    demand_charge_per_kw: Annotated[float, typer.Option("--demand-charge-per-kw", min=0)] = 0.0,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan a battery: one of the site for 48 h, or any over price, load and solar files."""
    if (battery is None) == (prices is None):
        raise WrongUse(
            where="plan",
            what="It is not clear what to plan.",
            remedy="Give either --battery ID of the site or --prices CSV.",
        )
    if battery is not None:
        at_ms = None if at is None else parse_moment(at, "--at")
        with opened(site) as place:
            outlook = place.services.planning.outlook(battery, at_ms)
        made, notes, currency = outlook.plan, outlook.notes, place.currency
    else:
        given = {
            "--capacity-kwh": capacity_kwh,
            "--charge-kw": charge_kw,
            "--discharge-kw": discharge_kw,
        }
        missing = [name for name, value in given.items() if value is None]
        if missing:
            raise WrongUse(
                where="plan --prices",
                what=f"{' and '.join(missing)} must be given.",
                remedy="Say what the battery can hold and carry.",
            )
        made = _plan_from_files(
            Battery(
                battery_id="battery",
                name="Battery",
                meter_id="",
                capacity_wh=1000 * (capacity_kwh or 0),
                charge_w=1000 * (charge_kw or 0),
                discharge_w=1000 * (discharge_kw or 0),
                charge_efficiency=charge_efficiency,
                discharge_efficiency=discharge_efficiency,
                soc_min_pct=soc_min_pct,
                soc_max_pct=soc_max_pct,
                wear_per_kwh=wear_per_kwh,
                demand_charge_per_kw=demand_charge_per_kw,
            ),
            prices,
            load,
            pv,
            soc_start_pct,
            soc_end_min_pct,
        )
        notes, currency = made.notes, ""
    say(
        _plan_document(made, notes),
        as_json=as_json,
        text=lambda: _plan_text(made, notes, currency),
    )


def _plan_from_files(
    battery: Battery,
    prices: Path | None,
    load: Path | None,
    pv: Path | None,
    soc_start_pct: float,
    soc_end_min_pct: float | None,
) -> Plan:
    from energy_desktop.app.job_processes import InlineCompute
    from energy_desktop.services.planning import plan_from_files

    if prices is None:
        raise WrongUse(where="plan", what="No prices.", remedy="Give --prices CSV.")
    return plan_from_files(
        battery,
        prices=prices,
        load=load,
        solar=pv,
        soc_start_pct=soc_start_pct,
        soc_end_min_pct=soc_end_min_pct,
        made_at_ms=to_ms(system_clock()),
        compute=InlineCompute(),
        currency="",
    )


def _plan_document(made: Plan, notes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "status": made.status.value,
        "cost": made.money.cost,
        "cost_without_battery": made.money.without_battery,
        "cost_rule": made.money.rule_peak,
        "cost_self_consumption": made.money.self_consumption,
        "solve_ms": made.solve_ms,
        "gap": made.gap,
        "binaries": made.binaries,
        "cycles": made.cycles,
        "wear": made.money.wear,
        "losses_wh": made.money.losses_wh,
        "points": [
            {
                "start_utc": iso_utc(p.start_ms),
                "import_w": p.import_w,
                "export_w": p.export_w,
                "charge_w": p.charge_w,
                "discharge_w": p.discharge_w,
                "soc_pct": p.soc_pct,
                "idle_reason": p.idle_reason or None,
            }
            for p in made.points
        ],
        "notes": list(notes),
    }


def _plan_text(made: Plan, notes: tuple[str, ...], currency: str) -> str:
    m = made.money
    head = [
        f"Cost {f'{wording.number(m.cost, 2)} {currency}'.rstrip()}: without a battery "
        f"{wording.number(m.without_battery, 2)}, sold at the peak "
        f"{wording.number(m.rule_peak, 2)}, self-consumption "
        f"{wording.number(m.self_consumption, 2)}. Solved in {made.solve_ms:.0f} ms.",
        *notes,
        "",
    ]
    rows = [
        (
            iso_utc(p.start_ms),
            wording.number(p.import_w / 1000, 2),
            wording.number(p.export_w / 1000, 2),
            wording.number(p.charge_w / 1000, 2),
            wording.number(p.discharge_w / 1000, 2),
            wording.number(p.soc_pct, 1),
            p.idle_reason,
        )
        for p in made.points
    ]
    headers = (
        "start (UTC)",
        "import kW",
        "export kW",
        "charge kW",
        "disch. kW",
        "level %",
        "why idle",
    )
    return "\n".join(head) + table(headers, rows, frozenset({1, 2, 3, 4, 5}))


@guarded
def waste(
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find light left on after the cleaning round."""
    parse_month_option(month)
    with opened(site) as place:
        found = place.services.waste.month(month)
        zone = place.zone
    document = {
        "month": month,
        "currency": found.currency,
        "data_completeness_pct": found.data_completeness_pct,
        "zones": [
            {
                "zone": z.space_id,
                "name": z.space_name,
                "meters": list(z.meter_ids),
                "evenings": z.evenings,
                "evenings_flagged": z.evenings_flagged,
                "energy_wh": z.energy_wh,
                "excess_wh": z.excess_wh,
                "excess_cost": f"{to_decimal(z.excess_cost_units):.2f}",
                "yearly_saving": f"{to_decimal(z.yearly_saving_units):.2f}",
                "naive_wh": z.naive_wh,
            }
            for z in found.zones
        ],
        "evenings": [
            {
                "zone": e.space_id,
                "evening": e.evening.isoformat(),
                "verdict": e.verdict.value,
                "lit_minutes": e.lit_minutes,
                "expected_minutes": e.expected_minutes,
                "lit_until_utc": None if e.lit_until_ms is None else iso_utc(e.lit_until_ms),
                "energy_wh": e.energy_wh,
                "excess_wh": e.excess_wh,
                "excess_cost": f"{to_decimal(e.excess_cost_units):.2f}",
            }
            for e in found.evenings
        ],
    }

    def words() -> str:
        rows = [
            (
                z.space_name,
                f"{z.evenings_flagged} of {z.evenings}",
                wording.number(z.excess_wh / 1000, 1),
                wording.number(to_decimal(z.excess_cost_units), 2),
                wording.number(to_decimal(z.yearly_saving_units), 2),
                wording.number(z.naive_wh / 1000, 1),
            )
            for z in found.zones
        ]
        headers = (
            "zone",
            "over 3 h",
            "waste kWh",
            found.currency,
            "a year",
            "all after hours kWh",
        )
        flagged = [
            f"  {e.space_name}, {e.evening:%a %d %b}: lit {wording.hours(e.lit_minutes)}, "
            f"until {wording.stamp(e.lit_until_ms, zone)}"
            for e in found.evenings
            if e.verdict is EveningVerdict.FLAGGED and e.lit_until_ms is not None
        ]
        head = f"Data {wording.number(found.data_completeness_pct, 1)} % complete.\n"
        return "\n".join([head + table(headers, rows, frozenset({1, 2, 3, 4, 5})), *flagged])

    say(document, as_json=as_json, text=words)


@guarded
def maintenance(
    meter: Annotated[str | None, typer.Option("--meter", metavar="ID")] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch equipment for creeping power draw and strange hours."""
    with opened(site) as place:
        service = place.services.maintenance
        reports = (service.report(meter),) if meter else service.reports()
    document = {
        "equipment": [
            {
                "meter": r.watch.meter_id,
                "name": r.watch.meter_name,
                "equipment": r.watch.equipment,
                "state": r.watch.state.value,
                "sentence": r.watch.state_sentence,
                "learned_days": r.watch.learned_days,
                "needed_days": r.watch.needed_days,
                "noise_pct": r.watch.noise_pct,
                "detectable_pct_in_12_weeks": r.watch.detectable_pct_in_12_weeks,
                "naive_alarms": r.watch.naive_alarms,
                "findings": [_finding(f) for f in r.watch.findings],
                "anomalies": [_finding(f) for f in r.anomalies],
                "repair": None if r.watch.repair is None else r.watch.repair.sentence,
            }
            for r in reports
        ]
    }

    def words() -> str:
        lines = []
        for r in reports:
            lines.append(f"{r.watch.meter_name}: {r.watch.state_sentence}")
            lines.extend(f"  {f.sentence} [{f.state.value}]" for f in r.watch.findings)
            if r.anomalies:
                lines.append(f"  {len(r.anomalies)} strange stretches, the newest:")
                lines.extend(f"    {f.sentence}" for f in r.anomalies[:3])
        return "\n".join(lines) or "No equipment is watched: set `equipment` at its meters."

    say(document, as_json=as_json, text=words)


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "id": f.finding_id,
        "kind": f.kind.value,
        "start_utc": iso_utc(f.start_ms),
        "end_utc": None if f.end_ms is None else iso_utc(f.end_ms),
        "change_pct": f.change_pct,
        "excess_wh": f.excess_wh,
        "excess_cost": f"{to_decimal(f.excess_cost_units):.2f}",
        "sentence": f.sentence,
        "causes": list(f.causes),
        "state": f.state.value,
        "note": f.note,
    }


@guarded
def alarms(
    days: Annotated[
        float, typer.Option("--days", min=0, max=36_500, help="How far back the journal goes.")
    ] = 1.0,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the alarms that need someone, and the journal."""
    with opened(site) as place:
        now_ms = to_ms(system_clock())
        current = place.store.alarms.open_alarms()
        journal = place.store.alarms.journal(now_ms - round(days * DAY_MS), now_ms + 1)
        zone = place.zone
    document = {
        "current": [_alarm(a) for a in current],
        "journal": [_alarm(a) for a in journal],
    }

    def words() -> str:
        rows = [
            (
                str(int(a.rule.priority)),
                a.rule.name,
                a.meter_name,
                a.state.value,
                wording.stamp(a.raised_at_ms, zone),
                a.rule.response,
            )
            for a in current
        ]
        headers = ("prio", "alarm", "meter", "state", "since", "what to do")
        shown = table(headers, rows, frozenset()) or "No alarm needs anyone."
        return f"{shown}\n{len(journal)} in the journal of {days:g} days."

    say(document, as_json=as_json, text=words)


def _alarm(a: Alarm) -> dict[str, Any]:
    def moment(at: int | None) -> str | None:
        return None if at is None else iso_utc(at)

    return {
        "id": a.alarm_id,
        "rule": a.rule.rule_id,
        "name": a.rule.name,
        "meter": a.meter_id,
        "quantity": a.rule.quantity,
        "priority": int(a.rule.priority),
        "state": a.state.value,
        "value": a.value,
        "raised_utc": moment(a.raised_at_ms),
        "returned_utc": moment(a.returned_at_ms),
        "acknowledged_utc": moment(a.acknowledged_at_ms),
        "acknowledged_by": a.acknowledged_by or None,
        "response": a.rule.response,
    }

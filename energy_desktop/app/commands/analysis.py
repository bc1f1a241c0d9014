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
    say,
    table,
)
from energy_desktop.domain import wording
from energy_desktop.domain.clock import iso_utc, system_clock, to_ms
from energy_desktop.domain.device import Battery
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.forecast import Forecast
from energy_desktop.domain.plan import Plan

AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="UTC", help="As if it were then; nothing later is known."),
]


def register(app: typer.Typer) -> None:
    app.command()(forecast)
    app.command()(plan)


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
        f"Cost {wording.number(m.cost, 2)} {currency}: without a battery "
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

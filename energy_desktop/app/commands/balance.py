"""Commands about sums: main meters against sub-meters, virtual meters, degree days."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.site import Meter, VirtualMeter

if TYPE_CHECKING:
    from energy_desktop.domain.balance import BalancePart, NodeBalance, WeatherSlope

OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Also as .pdf, .csv or .xlsx.")
]
FromOption = Annotated[str | None, typer.Option("--from", metavar="UTC")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="UTC")]

virtual = typer.Typer(help="Virtual meters: sums and differences of meters.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command()(balance)
    app.command("degree-days")(degree_days)
    app.command()(signature)
    app.add_typer(virtual, name="virtual")


def _period(start: str | None, end: str | None, days: int) -> tuple[int, int]:
    """The last `days` days unless said otherwise."""
    end_ms = parse_moment(end, "--to") if end else to_ms(system_clock())
    start_ms = parse_moment(start, "--from") if start else end_ms - days * DAY_MS
    if start_ms >= end_ms:
        raise WrongUse(where="--from, --to", what="The period is empty.", remedy="Swap the two.")
    return start_ms, end_ms


@guarded
def balance(
    meter: Annotated[
        str | None, typer.Option("--meter", metavar="ID", help="One main meter; else all.")
    ] = None,
    start: FromOption = None,
    end: ToOption = None,
    by_month: Annotated[
        bool, typer.Option("--by-month", help="In the file: by local month, not by day.")
    ] = False,
    out: OutOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold main meters against the meters behind them: the rest, and what it likely is."""
    start_ms, end_ms = _period(start, end, 30)
    with opened(site) as place:
        services = place.services
        nodes = (
            services.balances.nodes(start_ms, end_ms)
            if meter is None
            else (services.balances.node(meter, start_ms, end_ms),)
        )
        written = (
            ()
            if out is None
            else services.papers.write(
                services.balance_papers.balance(nodes, by_month=by_month), out
            )
        )
    document = {"balances": [_document(node) for node in nodes], **_files(written)}
    none = "No main meter with energy: give meters a parent in the site file."
    say(
        document,
        as_json=as_json,
        text=lambda: "\n\n".join((*(_text(node) for node in nodes), *_written(written))) or none,
    )


def _files(written: tuple[Path, ...]) -> dict[str, list[str]]:
    return {"files": [str(path) for path in written]} if written else {}


def _written(written: tuple[Path, ...]) -> tuple[str, ...]:
    return (f"Written: {', '.join(str(path) for path in written)}.",) if written else ()


def _document(node: NodeBalance) -> dict[str, Any]:
    rest = node.rest
    start_ms, end_ms = node.period_ms
    return {
        "meter": node.meter.meter_id,
        "from_utc": iso_utc(start_ms),
        "to_utc": iso_utc(end_ms),
        "step_s": node.step_s,
        "steps": node.steps,
        "steps_known": rest.steps,
        "used_wh": round(rest.main_wh),
        "sub_wh": round(rest.sub_wh),
        "rest_wh": None if node.absent else round(rest.total_wh),
        "rest_share": None if math.isnan(rest.share) else round(rest.share, 4),
        "cause": rest.cause.value,
        "sentence": rest.sentence,
        "suspect": None if node.suspect is None else node.suspect.meter_id,
        "candidate": None if node.candidate is None else node.candidate.meter_id,
        "parts": [_part_document(node, part) for part in node.parts],
        "absent": [m.meter_id for m in node.absent],
    }


def _part_document(node: NodeBalance, part: BalancePart) -> dict[str, Any]:
    return {
        "meter": part.meter.meter_id,
        "way": part.way.value,
        "energy_wh": None if part.total_wh is None else round(part.total_wh),
        "shared_wh": None if part.shared_wh is None else round(part.shared_wh),
        "estimated_wh": round(part.estimated_wh),
        "steps_missing": node.steps - part.known_steps,
    }


def _text(node: NodeBalance) -> str:
    rest = node.rest
    step = "hours" if node.step_s == 3_600 else "quarter hours"
    left = "unknown" if node.absent else f"{wording.number(rest.total_wh / 1000, 1)} kWh"
    common = node.common_h
    where = "" if common is None else f", {wording.common_hours(common)}"
    head = (
        f"{node.meter.name}: {wording.number(rest.main_wh / 1000, 1)} kWh used behind it, metered "
        f"{wording.number(rest.sub_wh / 1000, 1)} kWh, rest {left}{where}."
    )
    rows = [
        (
            part.meter.name,
            part.way.value,
            "–" if part.shared_wh is None else wording.number(part.shared_wh / 1000, 1),
            str(node.steps - part.known_steps),
        )
        for part in node.parts
    ]
    rows += [(meter.name, "unknown", "–", str(node.steps)) for meter in node.absent]
    energy = "kWh" if common is None else f"kWh in {common[0]:g} h"
    listed = table(("meter", "way", energy, f"{step} missing"), rows, frozenset({2, 3}))
    return "\n".join((head, rest.sentence, listed))


@guarded
def degree_days(
    start: FromOption = None,
    end: ToOption = None,
    source: Annotated[
        str, typer.Option("--source", metavar="METER", help="Whose temperature; else the first.")
    ] = "",
    heating_base_c: Annotated[float, typer.Option("--heating-base-c", min=-10, max=30)] = 15.0,
    cooling_base_c: Annotated[float, typer.Option("--cooling-base-c", min=0, max=40)] = 18.0,
    room_c: Annotated[
        float | None,
        typer.Option("--room-c", min=10, max=30, help="Count up to the room (VDI 3807)."),
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Heating and cooling degree days of each local day, from a stored temperature."""
    start_ms, end_ms = _period(start, end, 30)
    with opened(site) as place:
        days = place.services.weather.degree_days(
            start_ms,
            end_ms,
            source=source,
            heating_base_c=heating_base_c,
            cooling_base_c=cooling_base_c,
            room_c=room_c,
        )
    known = [d for d in days if d.heating_kd is not None and d.cooling_kd is not None]
    document = {
        "days": [
            {
                "day": d.day.isoformat(),
                "mean_c": d.mean_c,
                "heating_kd": d.heating_kd,
                "cooling_kd": d.cooling_kd,
            }
            for d in days
        ],
        "days_known": len(known),
        "heating_kd": round(sum(d.heating_kd or 0.0 for d in known), 2),
        "cooling_kd": round(sum(d.cooling_kd or 0.0 for d in known), 2),
    }
    rows = [
        (d.day.isoformat(), *(_figure(v) for v in (d.mean_c, d.heating_kd, d.cooling_kd)))
        for d in days
    ]
    say(
        document,
        as_json=as_json,
        text=lambda: (
            table(("day", "mean °C", "heating Kd", "cooling Kd"), rows, frozenset({1, 2, 3}))
            + f"\n{len(known)} of {len(days)} days known: {document['heating_kd']} heating and "
            f"{document['cooling_kd']} cooling degree days."
        ),
    )


@guarded
def signature(
    meter: Annotated[str, typer.Option("--meter", metavar="ID", help="Virtual ones, too.")],
    start: FromOption = None,
    end: ToOption = None,
    source: Annotated[
        str, typer.Option("--source", metavar="METER", help="Whose temperature; else the first.")
    ] = "",
    heating_base_c: Annotated[float, typer.Option("--heating-base-c", min=-10, max=30)] = 15.0,
    cooling_base_c: Annotated[float, typer.Option("--cooling-base-c", min=0, max=40)] = 18.0,
    out: OutOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """How the energy of a day depends on the weather: base load, kWh per degree day, and how
    far that explains it. The last year unless said otherwise."""
    start_ms, end_ms = _period(start, end, 365)
    with opened(site) as place:
        services = place.services
        look = services.energy_weather.look(
            meter,
            start_ms,
            end_ms,
            source=source,
            heating_base_c=heating_base_c,
            cooling_base_c=cooling_base_c,
        )
        paper = services.balance_papers.weather(look)
        written = () if out is None else services.papers.write(paper, out)
    found = look.signature
    document: dict[str, Any] = {
        "meter": look.meter.meter_id,
        "temperature_of": look.source.meter_id,
        "days": len(look.days),
        "sentence": paper.answer,
        "signature": None
        if found is None
        else {
            "days": found.days,
            "base_wh_per_day": round(found.base_wh),
            "heating_wh_per_kd": _slope(found.heating),
            "cooling_wh_per_kd": _slope(found.cooling),
            "day_off_wh": None if found.day_off_wh is None else round(found.day_off_wh),
            "r2": round(found.r2, 4),
            "cv_rmse_pct": round(found.cv_rmse_pct, 2),
            "mean_cv_rmse_pct": round(found.mean_cv_rmse_pct, 2),
        },
        **_files(written),
    }
    say(document, as_json=as_json, text="\n".join((paper.answer, *_written(written))))


def _slope(slope: WeatherSlope | None) -> dict[str, int] | None:
    if slope is None:
        return None
    return {
        "value": round(slope.wh_per_kd),
        "low": round(slope.low),
        "high": round(slope.high),
    }


def _figure(value: float | None) -> str:
    return "–" if value is None else wording.number(value, 1)


@virtual.command("list")
@guarded
def list_virtual(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List the virtual meters and their formulas."""
    with opened(site) as place:
        found = place.services.virtual_meters.listing()
    document = {
        "virtual_meters": [
            {"meter": v.meter_id, "name": v.name, "terms": dict(v.terms), "note": v.note}
            for v in found
        ]
    }
    rows = [(v.meter_id, v.name, v.formula) for v in found]
    say(
        document,
        as_json=as_json,
        text=lambda: table(("meter", "name", "formula"), rows, frozenset()) or "None yet.",
    )


@virtual.command("add")
@guarded
def add_virtual(
    virtual_id: Annotated[str, typer.Argument(metavar="ID")],
    terms: Annotated[
        list[str], typer.Argument(metavar="METER=FACTOR ... or a formula, `main - 0.5 * hall`")
    ],
    name: Annotated[str, typer.Option("--name")] = "",
    note: Annotated[str, typer.Option("--note")] = "",
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add or change one: `virtual add rest main=1 hall=-1`, `virtual add rest "main - hall"`."""
    with opened(site) as place:
        service = place.services.virtual_meters
        read = (
            _formula(" ".join(terms), service.meters(), service.listing())
            if _is_formula(terms)
            else None
        )
        made = VirtualMeter(
            virtual_id, name or virtual_id, read or tuple(_term(t) for t in terms), note=note
        )
        service.save(made)
    say(
        {"meter": made.meter_id, "terms": dict(made.terms)},
        as_json=as_json,
        text=f"{made.meter_id} = {made.formula}. Ask for it like for any meter.",
    )


@virtual.command("remove")
@guarded
def remove_virtual(
    virtual_id: Annotated[str, typer.Argument(metavar="ID")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a virtual meter; the meters it is made of stay."""
    with opened(site) as place:
        place.services.virtual_meters.remove(virtual_id)
    say({"removed": virtual_id}, as_json=as_json, text=f"Virtual meter {virtual_id} is gone.")


def _is_formula(terms: list[str]) -> bool:
    return not any("=" in text for text in terms)


def _formula(
    text: str, meters: tuple[Meter, ...], virtual_meters: tuple[VirtualMeter, ...]
) -> tuple[tuple[str, float], ...]:
    from energy_desktop.services.formulas import parse_formula

    found = parse_formula(text, meters, virtual_meters)
    if found.problem is not None:
        raise WrongUse(
            where=text,
            what=found.problem.sentence,
            remedy="Write METER=FACTOR, as in hall=-1, or a formula, as in `main - 0.5 * hall`.",
        )
    return found.terms


def _term(text: str) -> tuple[str, float]:
    meter_id, equals, factor = text.rpartition("=")
    try:
        number = float(factor)
    except ValueError:
        number = 0.0
    if not equals or not meter_id or not math.isfinite(number) or number == 0:
        raise WrongUse(
            where=text, what="This is no term.", remedy="Write METER=FACTOR, as in hall=-1."
        )
    return meter_id, number

"""Commands over thousands of meters: fleet run, show, mark, export, add."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from energy_desktop.app.commands.common import (
    JsonOption,
    SiteOption,
    guarded,
    opened,
    say,
    table,
)
from energy_desktop.domain import wording
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.fleet import (
    DropReason,
    FileColumns,
    FleetAnomaly,
    FleetOptions,
    FleetOverview,
    FleetPlan,
    FleetSummary,
    HouseholdView,
    Scores,
    Segment,
)

_NAMES = {
    "regression": "linear regression",
    "lightgbm": "LightGBM",
    "naive_yesterday": "as yesterday",
    "naive_last_week": "as a week ago",
    "naive_month_mean": "as the month's mean",
}

fleet = typer.Typer(
    help="Thousands of meters: days, forecasts, what is strange, segments, tariffs.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    fleet.command("run")(run)
    fleet.command("show")(show)
    fleet.command("mark")(mark)
    fleet.command("export")(export)
    fleet.command("add")(add)
    app.add_typer(fleet, name="fleet")


class EngineOption(Enum):
    DUCKDB = "duckdb"
    SPARK = "spark"


class UnitOption(Enum):
    WH = "Wh"
    KWH = "kWh"
    W = "W"
    KW = "kW"


class Stamp(Enum):
    START = "start"
    END = "end"


class Target(Enum):
    CSV = "csv"
    JSON_LINES = "jsonl"
    POSTGRESQL = "postgresql"


OutArgument = Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the results.")]


@guarded
def run(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Files of readings.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the results go.")],
    engine: Annotated[EngineOption, typer.Option("--engine")] = EngineOption.DUCKDB,
    master: Annotated[
        str | None, typer.Option("--master", metavar="URL", help="Of Spark; default: local.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1)] = None,
    zone: Annotated[
        str, typer.Option("--zone", metavar="IANA", help="Clock of days and of plain stamps.")
    ] = "UTC",
    household_column: Annotated[
        str | None, typer.Option("--household-column", metavar="NAME")
    ] = None,
    time_column: Annotated[str | None, typer.Option("--time-column", metavar="NAME")] = None,
    value_column: Annotated[str | None, typer.Option("--value-column", metavar="NAME")] = None,
    tariff_column: Annotated[str | None, typer.Option("--tariff-column", metavar="NAME")] = None,
    unit: Annotated[UnitOption | None, typer.Option("--unit")] = None,
    step_min: Annotated[int | None, typer.Option("--step-min", help="15, 30 or 60.")] = None,
    stamp: Annotated[
        Stamp, typer.Option("--stamp", help="What a stamp marks: start or end of its step.")
    ] = Stamp.START,
    tariffs: Annotated[
        Path | None, typer.Option("--tariffs", metavar="TOML", help="Tariff A and B.")
    ] = None,
    segments: Annotated[int, typer.Option("--segments", min=2, max=8)] = 4,
    seed: Annotated[int, typer.Option("--seed")] = 7,
    with_site: Annotated[
        bool, typer.Option("--with-site", help="The site's own meters join the run.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only tell what it would read and need.")
    ] = False,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read, clean, forecast, judge, group and price a folder of files; go on where it stopped."""
    from energy_desktop.services.fleet import FleetService, with_tariffs

    _known_zone(zone)
    columns = FileColumns(
        household=household_column,
        time=time_column,
        value=value_column,
        tariff=tariff_column,
        unit=None if unit is None else unit.value,
        step_min=step_min,
        stamp_end=stamp is Stamp.END,
    )
    options = FleetOptions(zone=zone, columns=columns, segments=segments, seed=seed)
    if tariffs is not None:
        options = with_tariffs(options, tariffs)
    if plan:
        found = FleetService().plan(folder, out, options, engine=engine.value, master=master)
        say(_plain(found), as_json=as_json, text=lambda: _plan_text(found))
        return
    if with_site:
        with opened(site) as place:
            place.services.fleet.write_site(folder)
    summary = FleetService().run(
        folder,
        out,
        options,
        engine=engine.value,
        master=master,
        threads=threads,
        progress=_silent if as_json else _progress,
    )
    say(_document(summary), as_json=as_json, text=lambda: _text(summary, out))


@guarded
def show(
    out: OutArgument,
    households: Annotated[bool, typer.Option("--households", help="List the households.")] = False,
    anomalies: Annotated[bool, typer.Option("--anomalies", help="List what is strange.")] = False,
    quality: Annotated[bool, typer.Option("--quality", help="List files and rows left out.")] = (
        False
    ),
    household: Annotated[str | None, typer.Option("--household", metavar="ID")] = None,
    year: Annotated[
        int | None,
        typer.Option("--year", help="Use, bills and what is strange in one year alone."),
    ] = None,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="With --anomalies: without what is marked as seen.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 20,
    offset: Annotated[int, typer.Option("--offset", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show the results of a run: the whole, a list, or one household."""
    from energy_desktop.services.fleet import FleetService

    service = FleetService()
    if year is not None:
        if household is not None or quality:
            raise WrongUse(
                where=f"--year {year}",
                what="A household and the data quality are shown whole.",
                remedy="Leave --year out.",
            )
        service.make_year(out, year, _silent if as_json else _progress)
    if unseen and not anomalies:
        raise WrongUse(
            where="--unseen",
            what="It goes with a list of what is strange.",
            remedy="Say --anomalies too.",
        )
    if household is not None:
        view = service.household(out, household)
        say(_household_document(view), as_json=as_json, text=lambda: _household_text(view))
    elif households:
        page = service.households(out, offset=offset, limit=limit, year=year)
        rows = [
            (
                one.household,
                one.tariff or wording.UNKNOWN,
                str(one.segment or wording.UNKNOWN),
                wording.number(one.kwh_per_day),
                wording.number(one.missing_pct),
                wording.number(one.anomalies, 0),
                wording.number(one.cost_a_per_year, 2),
                wording.number(one.cost_b_per_year, 2),
            )
            for one in page.rows
        ]
        heads = ("household", "tariff", "segment", "kWh/day", "missing %", "strange", "A/year",
                 "B/year")  # fmt: skip
        say(
            {"total": page.total, "offset": page.offset, "households": [
                _plain(one) for one in page.rows]},
            as_json=as_json,
            text=lambda: table(heads, rows, frozenset(range(2, 8))),
        )  # fmt: skip
    elif anomalies:
        found = service.anomalies(out, offset=offset, limit=limit, unseen_only=unseen, year=year)
        lines = [f"{one.household}: {one.reason}{_state(one)}" for one in found.rows]
        say(
            {"total": found.total, "offset": found.offset, "anomalies": [
                _plain(one) for one in found.rows]},
            as_json=as_json,
            text="\n".join((*lines, _strange_total(found.total, unseen=unseen))),
        )  # fmt: skip
    elif quality:
        said = service.quality(out, offset=offset, limit=limit)
        listed = service.dropped(out, offset=offset, limit=limit)
        say(
            {
                "files": [_plain(one) for one in said.files.rows],
                "broken": [_plain(one) for one in said.broken],
                "dropped": said.dropped,
                "rows": [_plain(one) for one in listed.rows],
                "rows_total": listed.total,
            },
            as_json=as_json,
            text=lambda: "\n".join(
                [
                    *(f"{one.name}: left out whole: {one.why}" for one in said.broken),
                    *(
                        f"{Path(one.name).name}: {one.rows_read:,} rows, {one.rows_used:,} used, "
                        f"{_dropped_words(one.dropped)}"
                        for one in said.files.rows
                    ),
                    *(
                        f"{Path(one.file).name}{'' if one.line is None else f', line {one.line}'}: "
                        f"{one.household} {one.time} {one.value}: {_reason(one.reason)}"
                        + (f", also in {Path(one.other).name}" if one.other else "")
                        for one in listed.rows
                    ),
                ]
            ),
        )
    elif year is not None:
        one_year = service.overview(out, year=year)
        say(_year_document(one_year), as_json=as_json, text=lambda: _year_text(one_year))
    else:
        summary = service.summary(out)
        say(_document(summary), as_json=as_json, text=lambda: _text(summary, out))


@guarded
def mark(
    out: OutArgument,
    household: Annotated[str, typer.Argument(metavar="ID")],
    undo: Annotated[bool, typer.Option("--undo", help="Nobody has looked at it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Mark what is strange in a household as seen; a run made again keeps the mark."""
    from energy_desktop.app.user import user_name
    from energy_desktop.services.fleet import FleetService

    service = FleetService()
    if undo:
        service.unmark_seen(out, household)
        said = f"{household} is not marked."
        seen = None
    else:
        seen = _plain(service.mark_seen(out, household, who=user_name()))
        said = f"{household} is marked as seen."
    say({"household": household, "seen": seen}, as_json=as_json, text=said)


@guarded
def export(
    out: OutArgument,
    to: Annotated[Target, typer.Option("--format")],
    target: Annotated[
        str, typer.Option("--to", metavar="FOLDER|URL", help="A folder, or postgresql://...")
    ],
    tables: Annotated[
        list[str] | None,
        typer.Option("--table", metavar="NAME", help="May be repeated; default: all but clean."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring results out as CSV, JSON lines, or tables of a PostgreSQL database."""
    from energy_desktop.services.fleet import FleetService

    done = FleetService().export(out, target, to.value, tables=tuple(tables or ()))
    say(
        {"exported": [_plain(one) for one in done]},
        as_json=as_json,
        text="\n".join(f"{one.target}: {one.rows:,} rows" for one in done),
    )


@guarded
def add(
    out: OutArgument,
    household: Annotated[str, typer.Argument(metavar="ID")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a household a meter of the site, which is billed and forecast like any other."""
    with opened(site, make=True) as place:
        meter_id = place.services.fleet.add_to_site(out, household)
    say({"meter": meter_id}, as_json=as_json, text=f"{meter_id} is a meter of the site now.")


def _document(summary: FleetSummary) -> dict[str, Any]:
    scores = summary.scores
    none = Scores(math.nan, math.nan, math.nan, math.nan)
    return {
        "rows_read": summary.rows_read,
        "rows_used": summary.rows_used,
        "dropped": summary.dropped,
        "households": summary.households,
        "household_days": summary.household_days,
        "seconds": summary.seconds,
        "peak_mb": summary.peak_mb,
        "regression": _plain(scores.get("regression", none)),
        "lightgbm": _plain(scores.get("lightgbm", none)),
        "anomalies": summary.anomalies,
        "segments": [_plain(one) for one in summary.segments],
        "naive": {name: _plain(one) for name, one in scores.items() if name.startswith("naive")},
        "anomaly_methods": summary.anomaly_methods,
        "segment_stability": {str(k): value for k, value in summary.stability.items()},
        "broken_files": [_plain(one) for one in summary.broken],
        "engine": summary.engine,
        "finished": summary.finished,
        "first_day": summary.first_day,
        "last_day": summary.last_day,
        "zone": summary.zone,
        "currency": summary.currency,
    }


_STATES = {
    "new": "It is a new run.",
    "goes_on": "It goes on where it stopped.",
    "done": "It is done already: nothing is done again.",
    "replaces": "The results there are of other files or options: it replaces them.",
}


def _plan_text(plan: FleetPlan) -> str:
    seconds = "" if plan.seconds is None else f", about {plan.seconds:,.0f} s on two cores"
    kinds = ", ".join(f"{n:,} with {how}" for how, n in plan.kinds)
    lines = [
        f"{plan.files:,} files ({kinds or 'none can be read'}), about {plan.rows:,} readings"
        f"{seconds}.",
        f"About {plan.memory_mb:,} MB of memory and {plan.disk_bytes / 1e6:,.0f} MB of disk, "
        f"of which {plan.free_bytes / 1e6:,.0f} MB are free.",
        *(f"Left out whole: {Path(one.name).name}: {one.why}" for one in plan.refused),
        plan.lacking,
        _STATES[plan.state],
    ]
    return "\n".join(line for line in lines if line)


def _text(summary: FleetSummary, out: Path) -> str:
    left_out = summary.rows_read - summary.rows_used
    lines = [
        f"{summary.rows_read:,} rows of {summary.households:,} households, {summary.first_day} to "
        f"{summary.last_day}: {summary.rows_used:,} used, {left_out:,} left out"
        + (f" ({_dropped_words(summary.dropped)})." if left_out else "."),
        f"{summary.household_days:,} household-days count. "
        f"{sum(summary.seconds.values()):.1f} s in all, {summary.peak_mb:,.0f} MB at most.",
        *(f"Left out whole: {Path(one.name).name}: {one.why}" for one in summary.broken),
        "",
    ]
    if not summary.finished:
        lines.insert(0, "This run is not finished; run it again to go on where it stopped.")
    rows = [
        (
            _NAMES.get(name, name),
            wording.number(one.r2_pooled, 3),
            wording.number(one.r2_within_median, 3),
            wording.number(one.mae_kwh, 2),
            wording.number(one.rmse_kwh, 2),
        )
        for name, one in summary.scores.items()
    ]
    heads = ("next day", "R2 pooled", "R2 within a household", "MAE kWh", "RMSE kWh")
    lines += [table(heads, rows, frozenset(range(1, 5))), ""] if rows else []
    profile = summary.anomaly_methods.get("profile", {})
    hybrid = summary.anomaly_methods.get("kmeans_residual", {})
    if profile:
        lines.append(
            f"Strange by profile and flat runs: {profile['found']:,} stretches in "
            f"{profile['households']:,} of {profile['judged']:,} households."
        )
    if hybrid:
        lines.append(
            f"By k-means and residual, the reference: {hybrid['both']:,} days of "
            f"{hybrid['days']:,} (k-means {hybrid['kmeans']:,}, residual {hybrid['residual']:,})."
        )
    lines += ["", "Segments:"] if summary.segments else []
    lines += _segment_lines(summary.segments, summary.currency)
    if summary.stability:
        alike = ", ".join(f"{k}: {wording.number(v, 2)}" for k, v in summary.stability.items())
        lines.append(f"How alike they stay in half of the fleet (1 the same), by number: {alike}.")
    return "\n".join([*lines, "", f"Results: {out}"])


def _year_document(overview: FleetOverview) -> dict[str, Any]:
    return {
        "year": overview.year,
        "households": overview.households,
        "kwh_per_day": overview.kwh_per_day,
        "missing_pct": overview.missing_pct,
        "tariffs": overview.tariffs,
        "households_with_anomalies": overview.households_with_anomalies,
        "new_anomalies": overview.new_anomalies,
        "segments": [_plain(one) for one in overview.segments],
    }


def _year_text(overview: FleetOverview) -> str:
    lines = [
        f"{overview.year}: {overview.households:,} households, "
        f"{wording.number(overview.kwh_per_day)} kWh a day, "
        f"{wording.number(overview.missing_pct)} % missing; "
        f"{overview.households_with_anomalies:,} were out of line.",
        "",
        "Segments of the whole run, figures of the year:",
        *_segment_lines(overview.segments, overview.summary.currency),
    ]
    return "\n".join(lines)


def _segment_lines(segments: Sequence[Segment], currency: str) -> list[str]:
    return [
        f"  {one.segment}  {one.households:>6,} households ({one.share_pct:.0f} %)  "
        f"{one.kwh_per_day:5.1f} kWh/day  {one.cost_per_year:9,.0f} {currency} a year  {one.words}"
        for one in segments
    ]


def _state(one: FleetAnomaly) -> str:
    return {"new": " New.", "seen": " Seen."}.get(one.state, "")


def _strange_total(total: int, *, unseen: bool) -> str:
    if unseen:
        return f"{total} households have something strange that nobody has seen."
    return f"{total} households have something strange."


def _household_document(view: HouseholdView) -> dict[str, Any]:
    document: dict[str, Any] = _plain(view)
    return {**document.pop("row"), **document}


def _household_text(view: HouseholdView) -> str:
    row = view.row
    lines = [
        f"{row.household}: {wording.number(row.kwh_per_day)} kWh a day, {row.first_day} to "
        f"{row.last_day}, {wording.number(row.missing_pct)} % missing.",
        f"Segment {row.segment}: {view.segment_words}." if view.segment_words else
        "Too little data for a segment.",
        f"A year costs {wording.number(row.cost_a_per_year, 2)} under tariff A and "
        f"{wording.number(row.cost_b_per_year, 2)} under B.",
    ]  # fmt: skip
    if view.forecast is not None:
        lines.append(
            f"{wording.day(view.forecast.day)}: {wording.number(view.forecast.kwh)} kWh expected, "
            f"off by {wording.number(view.forecast.mae_kwh)} kWh on usual days."
        )
    return "\n".join([*lines, *(one.reason for one in view.anomalies)])


def _plain(value: Any) -> Any:
    """A frozen value as JSON knows it."""
    from dataclasses import fields, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else value


def _dropped_words(dropped: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {_reason(reason)}" for reason, n in dropped.items()) or "none left out"


def _reason(reason: str) -> str:
    return DropReason(reason).words


def _progress(fraction: float, doing: str) -> None:
    sys.stderr.write(f"\r{100 * fraction:3.0f} %  {doing:<50}" + ("\n" if fraction >= 1 else ""))
    sys.stderr.flush()


def _silent(fraction: float, doing: str) -> None:
    """With --json nothing is said on the way."""


def _known_zone(zone: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongUse(
            where=f"--zone {zone}",
            what="There is no such zone.",
            remedy="Write it as Europe/London.",
        ) from None

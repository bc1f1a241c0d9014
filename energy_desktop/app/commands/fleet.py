"""Commands over thousands of meters: fleet run, show, mark, export, add."""

from __future__ import annotations

from contextlib import nullcontext
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energy_desktop.app.commands.common import (
    JsonOption,
    SiteOption,
    complain,
    guarded,
    opened,
    say,
)
from energy_desktop.app.commands.fleet_lists import (
    households_document,
    households_text,
    quality_document,
    quality_text,
    strange_document,
    strange_text,
)
from energy_desktop.app.commands.fleet_words import (
    household_document,
    household_text,
    plain,
    plan_text,
    summary_document,
    summary_text,
    year_document,
    year_text,
)
from energy_desktop.app.commands.long_work import Progress, silent, until_stopped
from energy_desktop.domain import wording
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.fleet import (
    FileColumns,
    FleetOptions,
    FleetSummary,
)
from energy_desktop.domain.fleet_wording import NEWER_ON_SITE

if TYPE_CHECKING:
    from energy_desktop.services.fleet import FleetService

_LARGEST_SEED = 2**31 - 1

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
    seed: Annotated[int, typer.Option("--seed", min=0, max=_LARGEST_SEED)] = 7,
    with_site: Annotated[
        bool, typer.Option("--with-site", help="The site's own meters join the run.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Replace results of other files or options; make a finished run anew. The old "
            "results go once all files are read and some reading can be used.",
        ),
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
    with opened(site) if with_site else nullcontext() as place:
        service = FleetService() if place is None else place.services.fleet
        if with_site:
            options = service.in_site_currency(options)
        if tariffs is not None:
            options = with_tariffs(options, tariffs)
        if plan:
            found = service.plan(
                folder, out, options, engine=engine.value, master=master, with_site=with_site
            )
            say(plain(found), as_json=as_json, text=lambda: plan_text(found, folder.resolve()))
            return
        told = silent if as_json else Progress()
        summary = until_stopped(
            lambda: service.run(
                folder,
                out,
                options,
                engine=engine.value,
                master=master,
                threads=threads,
                with_site=with_site,
                replace=replace,
                progress=told,
            ),
            "Fleet run",
            "What is done is kept: the same command goes on where it was.",
        )
        _say_summary(service, summary, out, folder.resolve(), as_json=as_json)
    if summary.site_is_newer:
        complain(NEWER_ON_SITE)


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

    lists = {
        "--households": households,
        "--anomalies": anomalies,
        "--quality": quality,
        "--household": household is not None,
    }
    said = [name for name, asked in lists.items() if asked]
    if len(said) > 1:
        raise WrongUse(
            where=" ".join(said),
            what="One list is shown at a time.",
            remedy=f"Say {said[0]} alone.",
        )
    service = FleetService()
    if year is not None:
        if household is not None or quality:
            raise WrongUse(
                where=f"--year {year}",
                what="A household and the data quality are shown whole.",
                remedy="Leave --year out.",
            )
        make = partial(service.make_year, out, year, silent if as_json else Progress())
        until_stopped(make, f"Year {year}", "Ask for it again any time.")
    if unseen and not anomalies:
        raise WrongUse(
            where="--unseen",
            what="It goes with a list of what is strange.",
            remedy="Say --anomalies too.",
        )
    if household is not None:
        view = service.household(out, household)
        say(household_document(view), as_json=as_json, text=lambda: household_text(view))
    elif households:
        page = service.households(out, offset=offset, limit=limit, year=year)
        example = service.summary(out).example_tariffs
        say(
            households_document(page),
            as_json=as_json,
            text=lambda: households_text(page, example_tariffs=example),
        )
    elif anomalies:
        found = service.anomalies(out, offset=offset, limit=limit, unseen_only=unseen, year=year)
        say(
            strange_document(found),
            as_json=as_json,
            text=lambda: strange_text(found, unseen=unseen),
        )
    elif quality:
        of_files = service.quality(out, offset=offset, limit=limit)
        rows = service.dropped(out, offset=offset, limit=limit)
        whole = service.summary(out)
        say(
            quality_document(of_files, rows, finished=whole.finished),
            as_json=as_json,
            text=lambda: quality_text(of_files, rows, _folder(service, out), whole),
        )
    elif year is not None:
        one_year = service.overview(out, year=year)
        priced = service.tariffs(out, limit=1, year=year)
        say(
            year_document(one_year, priced),
            as_json=as_json,
            text=lambda: year_text(one_year, priced),
        )
    else:
        summary = service.summary(out)
        _say_summary(service, summary, out, _folder(service, out), as_json=as_json)


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
        seen = plain(service.mark_seen(out, household, who=user_name()))
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
    """Bring a finished run out as CSV, JSON lines, or PostgreSQL tables: all of them or none."""
    from energy_desktop.services.fleet import FleetService

    done = FleetService().export(out, target, to.value, tables=tuple(tables or ()))
    say(
        {"exported": plain(done.tables), "notes": plain(done.notes)},
        as_json=as_json,
        text="\n".join(
            [
                *(
                    f"{one.target}: {wording.count(one.rows, 'row')}. {one.note}".rstrip()
                    for one in done.tables
                ),
                *done.notes,
            ]
        ),
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


def _say_summary(
    service: FleetService, summary: FleetSummary, out: Path, folder: Path | None, *, as_json: bool
) -> None:
    """folder: of the files that were read; None: nobody knows."""
    priced = service.tariffs(out, limit=1) if "tariffs" in summary.seconds else None
    say(
        summary_document(summary, priced),
        as_json=as_json,
        text=lambda: summary_text(summary, priced, out, folder),
    )


def _folder(service: FleetService, out: Path) -> Path | None:
    """Of the files that the run has read; None: it does not say."""
    asked = service.was_asked(out)
    return None if asked is None else asked.folder


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

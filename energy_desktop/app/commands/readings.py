"""Commands that bring readings in and out: import, export."""

from __future__ import annotations

from enum import Enum
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
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import Resolution
from energy_desktop.services.importing import ImportResult


class FileFormat(Enum):
    AUTO = "auto"
    LCL = "lcl"
    CSV = "csv"
    EXCEL = "excel"
    GREEN_BUTTON = "green-button"


class Stamp(Enum):
    START = "start"
    END = "end"


class UnitOption(Enum):
    WH = "Wh"
    KWH = "kWh"
    MWH = "MWh"
    W = "W"
    KW = "kW"
    MW = "MW"
    C = "C"
    F = "F"
    K = "K"
    V = "V"
    KV = "kV"
    A = "A"
    HZ = "Hz"
    PERCENT = "%"
    W_PER_M2 = "W/m2"
    VAR = "var"
    KVAR = "kvar"
    VA = "VA"
    KVA = "kVA"


class Values(Enum):
    AUTO = "auto"
    PER_STEP = "per_step"
    REGISTER = "register"


class Replace(Enum):
    """Beside what is missing or quarantined, which a file always fills."""

    NOTHING = "nothing"
    ESTIMATES = "estimates"
    MEASURED = "measured"
    ALL = "all"


class Decimal(Enum):
    POINT = "."
    COMMA = ","


def register(app: typer.Typer) -> None:
    app.command("import")(import_files)
    app.command()(export)


@guarded
def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    meter: Annotated[
        str | None, typer.Option("--meter", metavar="ID", help="What to call the meter.")
    ] = None,
    file_format: Annotated[FileFormat, typer.Option("--format")] = FileFormat.AUTO,
    time_column: Annotated[str | None, typer.Option("--time-column", metavar="NAME")] = None,
    value_column: Annotated[str | None, typer.Option("--value-column", metavar="NAME")] = None,
    quantity: Annotated[
        str | None,
        typer.Option(
            "--quantity",
            metavar="Q",
            help="What the values measure, such as temperature_c or energy_export_wh; else what "
            "the column says.",
        ),
    ] = None,
    unit: Annotated[UnitOption | None, typer.Option("--unit")] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="IANA", help="Clock of stamps without offset.")
    ] = None,
    stamp: Annotated[
        Stamp, typer.Option("--stamp", help="What a stamp marks: start or end of its interval.")
    ] = Stamp.START,
    decimal: Annotated[Decimal | None, typer.Option("--decimal")] = None,
    meter_column: Annotated[str | None, typer.Option("--meter-column", metavar="NAME")] = None,
    clock_column: Annotated[
        str | None,
        typer.Option("--clock-column", metavar="NAME", help="Time of day beside a date column."),
    ] = None,
    time_format: Annotated[
        str | None, typer.Option("--time-format", metavar="FORMAT", help="Such as %d/%m/%Y %H:%M.")
    ] = None,
    standard_time: Annotated[
        bool, typer.Option("--standard-time", help="The clock ignores summer time.")
    ] = False,
    values: Annotated[
        Values, typer.Option("--values", help="Energy or power per step, or a register.")
    ] = Values.AUTO,
    header_line: Annotated[
        int, typer.Option("--header-line", min=0, help="Line of the names; 0: there are none.")
    ] = 1,
    sheet: Annotated[str | None, typer.Option("--sheet", metavar="NAME")] = None,
    may_replace: Annotated[
        Replace,
        typer.Option("--replace", help="What a file may replace: energy as a correction."),
    ] = Replace.ESTIMATES,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import interval energy or readings (temperatures): CSV, Excel, Green Button, data sets."""
    from energy_desktop.acquisition.files.layout import CsvLayout
    from energy_desktop.services.import_changes import ImportRules

    layout = CsvLayout(
        time_column=time_column,
        value_column=value_column,
        unit=None if unit is None else unit.value,
        zone=zone,
        stamp=stamp.value,
        decimal=None if decimal is None else decimal.value,
        meter_column=meter_column,
        clock_column=clock_column,
        time_format=time_format,
        summer_time=not standard_time,
        values=values.value,
        header_line=header_line,
        sheet=sheet,
        quantity=quantity,
    )
    rules = ImportRules(
        replace_estimated=may_replace is not Replace.NOTHING,
        replace_measured=may_replace in (Replace.MEASURED, Replace.ALL),
        replace_edited=may_replace is Replace.ALL,
    )
    with opened(site, make=True) as place:
        results = place.services.importing.run(
            files, file_format=file_format.value, meter_id=meter, layout=layout, rules=rules
        )
    say(
        {"results": [_document(r) for r in results]},
        as_json=as_json,
        text=lambda: _text(results),
    )


def _document(r: ImportResult) -> dict[str, Any]:
    return {
        "file": str(r.file),
        "meter": r.meter_id,
        "quantity": r.quantity,
        "rows_read": r.rows_read,
        "stored": r.stored,
        "duplicates": r.duplicates,
        "already_stored": r.already_stored,
        "replaced": r.replaced,
        "left": r.left,
        "estimated": r.estimated,
        "corrections": list(r.edits),
        "rejected": [{"line": line, "reason": reason} for line, reason in r.rejected],
        "gaps": r.gaps,
        "first_utc": None if r.first_ms is None else iso_utc(r.first_ms),
        "last_utc": None if r.last_ms is None else iso_utc(r.last_ms),
        "step_s": r.step_s,
        "notes": list(r.notes),
    }


def _text(results: tuple[ImportResult, ...]) -> str:
    rows = [
        (
            r.file.name,
            r.meter_id,
            wording.number(r.rows_read, 0),
            wording.number(r.stored, 0),
            wording.number(r.duplicates, 0),
            wording.number(r.left, 0),
            wording.number(len(r.rejected), 0),
            wording.number(r.gaps, 0),
            wording.UNKNOWN if r.first_ms is None else iso_utc(r.first_ms),
            wording.UNKNOWN if r.last_ms is None else iso_utc(r.last_ms),
        )
        for r in results
    ]
    headers = (
        "file",
        "meter",
        "rows",
        "stored",
        "repeated",
        "left",
        "rejected",
        "gaps",
        "first",
        "last",
    )
    lines = [table(headers, rows, frozenset({2, 3, 4, 5, 6, 7}))]
    for r in results:
        lines.extend(f"{r.file.name}, line {line}: {reason}" for line, reason in r.rejected[:20])
        if len(r.rejected) > 20:
            lines.append(f"{r.file.name}: {len(r.rejected) - 20} more rejected; --json lists all")
        lines.extend(f"{r.file.name}, {r.meter_id}: {note}" for note in r.notes)
        if not r.is_energy:
            lines.append(
                f"{r.file.name}, {r.meter_id}: readings of {r.quantity}, no energy; "
                "`degree-days` and the history have them"
                if r.quantity == "temperature_c"
                else f"{r.file.name}, {r.meter_id}: readings of {r.quantity}, no energy"
            )
        if r.left:
            lines.append(
                f"{r.file.name}, {r.meter_id}: {wording.number(r.left, 0)} "
                + (
                    "intervals differ from the ledger and were left; --replace says what may be "
                    "replaced"
                    if r.is_energy
                    else "readings lie where others are stored, or later than now, and were left"
                )
            )
    return "\n".join(lines)


class ResolutionOption(Enum):
    RAW = "raw"
    MINUTE = "1min"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"


@guarded
def export(
    meter: Annotated[str, typer.Option("--meter", metavar="ID")],
    quantity: Annotated[str, typer.Option("--quantity", metavar="Q")],
    start: Annotated[str, typer.Option("--from", metavar="UTC")],
    end: Annotated[str, typer.Option("--to", metavar="UTC")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help=".csv, .xlsx or .parquet")],
    resolution: Annotated[ResolutionOption, typer.Option("--resolution")] = ResolutionOption.RAW,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write stored readings of one quantity to a file."""
    start_ms, end_ms = parse_moment(start, "--from"), parse_moment(end, "--to")
    with opened(site) as place:
        place.services.meters.meter(meter)
        made = place.services.exporting.export(
            meter, quantity, start_ms, end_ms, Resolution(resolution.value), out
        )
    say(
        {
            "file": str(made.path),
            "rows": made.rows,
            "columns": list(made.columns),
            "notes": list(made.notes),
        },
        as_json=as_json,
        text="\n".join(
            (f"{made.path}: {made.rows:,} rows of {', '.join(made.columns)}.", *made.notes)
        ),
    )

"""Commands of the commissioning desk: inspect, check, frames, meters-import; and scan (scan.py)."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energy_desktop.app.commands import scan
from energy_desktop.app.commands.commissioning_words import (
    bus_text,
    checked_object,
    checked_text,
    frame_object,
    frame_text,
    row_object,
    rows_text,
)
from energy_desktop.app.commands.common import (
    FAILED,
    JsonOption,
    SiteOption,
    complain,
    guarded,
    opened,
    say,
    to_json,
)
from energy_desktop.app.commands.desk import Desk, desk_of, narrator
from energy_desktop.app.commands.link_options import (
    AddressOption,
    AskedLink,
    AtOption,
    BaudOption,
    FileOption,
    KindOption,
    LinkOption,
    ParityOption,
    PasswordOption,
    RtuOption,
    SetOption,
    StopBitsOption,
    TcpOption,
    TimeoutOption,
    UnitOption,
    ask_password,
    link_of,
    meter_of,
)
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.link_kinds import kind_info
from energy_desktop.domain.register_address import read_address, wire_address
from energy_desktop.domain.site import Meter, Role

if TYPE_CHECKING:
    from energy_desktop.services.commissioning import Checked, CommissioningService


class Function(Enum):
    """Modbus functions that read."""

    COILS = "1"
    INPUTS = "2"
    HOLDING = "3"
    INPUT = "4"


def register(app: typer.Typer) -> None:
    scan.register(app)
    app.command()(inspect)
    app.command()(check)
    app.command()(frames)
    app.command("meters-import")(meters_import)


@guarded
def inspect(
    start: Annotated[
        str,
        typer.Option("--start", metavar="ADDRESS", help="On the wire: 12, 0x0C; manual: 3x0013."),
    ],
    meter: Annotated[
        str | None, typer.Argument(metavar="METER", help="Of the site; else give a link.")
    ] = None,
    unit: UnitOption = None,
    count: Annotated[int, typer.Option("--count", min=1, max=125)] = 20,
    function: Annotated[
        Function | None, typer.Option("--function", help="Else as 3x or 4x says; else 4.")
    ] = None,
    as_type: Annotated[str, typer.Option("--type", metavar="TYPE", help="As float32.")] = "",
    link: LinkOption = None,
    kind: KindOption = None,
    at: AtOption = None,
    tcp: TcpOption = None,
    rtu: RtuOption = None,
    baud: BaudOption = None,
    parity: ParityOption = None,
    stop_bits: StopBitsOption = 1,
    settings: SetOption = None,
    timeout_s: TimeoutOption = 1.0,
    file: FileOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a range of registers and show it in every type and word order."""
    more = tuple(settings or ())
    asked = AskedLink("inspect", link, kind, at, tcp, rtu, baud, parity, timeout_s, more, stop_bits)
    code, address = _place(start, function)
    with desk_of(site, file, needed=meter is not None or link is not None) as place:
        if meter is not None and not asked.given:
            known_meter, over = meter_of(place.configuration, meter)
            unit = known_meter.unit_id if unit is None else unit
        else:
            over = asked.of(place.configuration)
        found = place.service.inspect(over, 1 if unit is None else unit, code, address, count)
    wanted = as_type or found.best_format or ("bit" if code in (1, 2) else "float32")
    known = {r.value_format for row in found.rows for r in row.readings}
    if wanted not in known:
        raise WrongUse(
            where=f"--type {wanted}",
            what="No register was read so.",
            remedy=f"It is one of: {', '.join(sorted(known))}.",
        )
    document = {
        "round_trip_ms": found.round_trip_ms,
        "best_order": found.best_order or None,
        "best_format": found.best_format or None,
        "sentence": found.sentence,
        "registers": [row_object(row) for row in found.rows],
    }
    say(document, as_json=as_json, text=lambda: rows_text(found.rows, wanted, found.sentence))


@guarded
def check(
    meters: Annotated[
        list[str] | None, typer.Argument(metavar="METER...", help="Of the site; none: all.")
    ] = None,
    driver: Annotated[str | None, typer.Option("--driver", help="Of a meter over a link.")] = None,
    unit: UnitOption = None,
    address: AddressOption = "",
    role: Annotated[
        Role | None, typer.Option("--role", help="What it measures; tells a wrong direction.")
    ] = None,
    link: LinkOption = None,
    kind: KindOption = None,
    at: AtOption = None,
    tcp: TcpOption = None,
    rtu: RtuOption = None,
    baud: BaudOption = None,
    parity: ParityOption = None,
    stop_bits: StopBitsOption = 1,
    settings: SetOption = None,
    timeout_s: TimeoutOption = 1.0,
    password: PasswordOption = False,
    polls: Annotated[int, typer.Option("--polls", min=1, max=3600)] = 12,
    interval_s: Annotated[float, typer.Option("--interval-s", min=0.2, max=60)] = 1.0,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Write the record of one meter.")
    ] = None,
    file: FileOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say in words whether meters are right: wiring, word order, units, frozen values."""
    more = tuple(settings or ())
    asked = AskedLink("check", link, kind, at, tcp, rtu, baud, parity, timeout_s, more, stop_bits)
    if asked.given and (meters or driver is None):
        raise WrongUse(
            where="check",
            what="It is not clear which meter is meant.",
            remedy="Name meters of the site, or give a link, --driver, and --unit or --address.",
        )
    secret = ask_password("the link") if password else None
    with desk_of(site, file, secret, needed=not asked.given or link is not None) as place:
        desk = place.service
        if asked.given:
            over = asked.of(place.configuration)
            unit_id = 1 if unit is None else unit
            shown = f"Unit {unit_id} of" if kind_info(over).uses_unit else "The meter at"
            meter = Meter(
                "meter",
                f"{shown} {over.address}",
                driver or "",
                over.link_id,
                unit_id,
                role=role or Role.OTHER,
                address=address,
            )
            done: Sequence[Checked] = (
                desk.check(
                    meter,
                    over,
                    narrator(as_json),
                    polls=polls,
                    interval_s=interval_s,
                    role_known=role is not None,
                ),
            )
        else:
            wanted = meters or [
                m.meter_id
                for m in place.configuration.meters
                if m.driver_id and m.link_id and m.enabled
            ]
            if not wanted:
                raise NotFound(
                    where="check",
                    what="The site has no meter that is read over a link.",
                    remedy="Import a list with `meters-import`, or give a link with --driver.",
                )
            done = desk.check_meters(wanted, narrator(as_json), polls=polls, interval_s=interval_s)
        if pdf is not None:
            _write_pdf(desk, done, pdf)
    document = {"meters": [checked_object(entry) for entry in done]}
    say(document, as_json=as_json, text=lambda: "\n".join(checked_text(e) for e in done))


@guarded
def frames(
    link: Annotated[str, typer.Argument(metavar="LINK", help="A link of the site.")],
    for_s: Annotated[float, typer.Option("--for", metavar="SECONDS", min=0.1, max=86_400)] = 10.0,
    file: FileOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Poll the meters of one link and print every frame, with --json an object a line."""
    with desk_of(site, file) as place:
        desk = place.service
        _start_polling(place, link)
        ends, after = time.monotonic() + for_s, 0
        while time.monotonic() < ends:
            for frame in desk.frames(link, after):
                after = frame.number
                if as_json:
                    sys.stdout.write(to_json(frame_object(frame)) + "\n")
                else:
                    say(None, as_json=False, text=frame_text(frame))
            sys.stdout.flush()
            time.sleep(min(0.1, max(0.0, ends - time.monotonic())))
        if not as_json:
            buses = [s for s in desk.bus_statistics() if s.link_id == link]
            say(None, as_json=False, text="\n".join(map(bus_text, buses)))


@guarded
def meters_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Excel.")],
    only_check: Annotated[
        bool, typer.Option("--check", help="Say what is wrong, store nothing.")
    ] = False,
    template: Annotated[
        bool, typer.Option("--template", help="Write an empty list to FILE, to be filled in.")
    ] = False,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add or change all meters of a list in one go; with a mistake in any row nothing is stored."""
    with opened(site, make=True) as place:
        bulk = place.services.bulk_meters
        if template:
            bulk.template(file)
            say({"template": str(file)}, as_json=as_json, text=f"{file}: fill it in, import it.")
            return
        plan = bulk.read(file)
        for row in plan.errors:
            complain(str(row.error))
        stored = 0 if plan.errors or only_check else bulk.apply(plan)
    document = {
        "file": str(file),
        "stored": stored,
        "rows": [
            {
                "row": row.number,
                "meter": None if row.meter is None else row.meter.meter_id,
                "link": None if row.link is None else row.link.link_id,
                "error": None if row.error is None else str(row.error),
            }
            for row in plan.rows
        ],
    }
    good = len(plan.rows) - len(plan.errors)
    words = f"{good} of {len(plan.rows)} rows are good; {stored} meters stored."
    say(document, as_json=as_json, text=words)
    if plan.errors:
        raise typer.Exit(FAILED)


def _start_polling(desk: Desk, link_id: str) -> None:
    """Polls the meters of one link. Raises NotFound."""
    configuration = desk.configuration
    link_of(configuration, link_id)
    meters = tuple(m for m in configuration.meters if m.link_id == link_id)
    if not any(m.driver_id and m.enabled for m in meters):
        raise NotFound(
            where=f"Link {link_id}",
            what="No meter of the site is read over it.",
            remedy="Add one, or look at a device that has none with `scan` and `inspect`.",
        )
    desk.field.reconfigure(replace(configuration, meters=meters))
    desk.field.start()


def _place(text: str, function: Function | None) -> tuple[int, int]:
    """Function and wire address of --start. Raises WrongUse."""
    try:
        found = read_address(text)
        if function is not None:
            code = int(function.value)
            return code, wire_address(text, code)
    except ValueError as problem:
        raise WrongUse(
            where=f"--start {text}",
            what=f"{problem}".removesuffix(".") + ".",
            remedy="Manual number 30013 is address 12 on the wire: 12, 0x0C or 3x0013.",
        ) from None
    return found.function or 4, found.address


def _write_pdf(desk: CommissioningService, done: Sequence[Checked], pdf: Path) -> None:
    from energy_desktop.reports.files import write_bytes

    if len(done) != 1:
        raise WrongUse(
            where="--pdf", what="A record is of one meter.", remedy="Name the meter to check."
        )
    write_bytes(pdf, desk.render(done[0]))

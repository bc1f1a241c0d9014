"""Commands of the commissioning desk: scan, inspect, check, frames, meters-import."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energy_desktop.app.commands.commissioning_words import (
    bus_text,
    checked_object,
    checked_text,
    frame_object,
    frame_text,
    hit_object,
    hit_text,
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
from energy_desktop.app.commands.known_site import known_site
from energy_desktop.app.commands.link_options import (
    GIVEN,
    AddressOption,
    AskedLink,
    AtOption,
    BaudOption,
    FileOption,
    KindOption,
    LinkOption,
    Parity,
    ParityOption,
    PasswordOption,
    RtuOption,
    SetOption,
    StopBitsOption,
    TcpOption,
    TimeoutOption,
    UnitOption,
    ask_password,
    host_and_port,
    link_of,
    meter_of,
)
from energy_desktop.domain.clock import system_clock
from energy_desktop.domain.commissioning import ScanHit, ScanPlan
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.link_kinds import LINK_KINDS, MODBUS, kind_info
from energy_desktop.domain.register_address import read_address, wire_address
from energy_desktop.domain.site import Link, LinkKind, Meter, Role

if TYPE_CHECKING:
    from energy_desktop.acquisition.field import Field
    from energy_desktop.domain.snapshot import Snapshot
    from energy_desktop.services.commissioning import Checked, CommissioningService

_MOST_HOSTS = 1024


class Function(Enum):
    """Modbus functions that read."""

    COILS = "1"
    INPUTS = "2"
    HOLDING = "3"
    INPUT = "4"


def register(app: typer.Typer) -> None:
    app.command()(scan)
    app.command()(inspect)
    app.command()(check)
    app.command()(frames)
    app.command("meters-import")(meters_import)


@guarded
def scan(
    tcp: Annotated[
        list[str] | None,
        typer.Option("--tcp", metavar="HOST[-LAST]:PORT", help="10.0.0.20-40:502 is a range."),
    ] = None,
    rtu: RtuOption = None,
    link: Annotated[
        str | None, typer.Option("--link", metavar="LINK", help="A Modbus link of the site.")
    ] = None,
    kind: Annotated[
        LinkKind | None, typer.Option("--kind", help="What Modbus is spoken at --tcp or --rtu.")
    ] = None,
    baud: Annotated[list[int] | None, typer.Option("--baud", help="May be repeated.")] = None,
    parity: Annotated[list[Parity] | None, typer.Option("--parity")] = None,
    units: Annotated[str, typer.Option("--units", metavar="RANGES", help="1-10,15")] = "1-247",
    timeout_s: TimeoutOption = 0.3,
    pause_s: Annotated[float, typer.Option("--pause-s", min=0.0, max=10.0)] = 0.05,
    file: FileOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Probe a line or a range of addresses for meters; reads only, one request at a time."""
    with _desk(site, file) as place:
        links = (
            (link_of(place.configuration, link),)
            if link is not None and not tcp and rtu is None
            else scan_links(kind, tcp or [], rtu, baud or [], parity or [], timeout_s, link)
        )
        plan = ScanPlan(links, _ranges(units, "--units", 247), timeout_s, pause_s)
        desk = place.service
        for warning in dict.fromkeys(filter(None, map(desk.warning, links))):
            complain(warning)
        if plan.longest_s > 20:
            complain(f"This takes up to {plan.longest_s / 60:.0f} min. Ctrl C stops it.")

        def found(hit: ScanHit) -> None:
            if not as_json:
                say(None, as_json=False, text=hit_text(hit))

        hits = desk.scan(plan, _narrator(as_json), found)
    document = {"probes": plan.probes, "hits": [hit_object(hit) for hit in hits]}
    count = "No device answered." if not hits else f"{len(hits)} answered."
    say(document, as_json=as_json, text=f"{count} {plan.probes} probes.")


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
    with _desk(site, file) as place:
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
    with _desk(site, file, secret) as place:
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
                    _narrator(as_json),
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
            done = desk.check_meters(wanted, _narrator(as_json), polls=polls, interval_s=interval_s)
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
    with _desk(site, file) as place:
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


# --- the wire


class _Nowhere:
    """Where readings go when a command only looks."""

    def put(self, snapshot: Snapshot) -> None: ...


@dataclass(frozen=True, slots=True)
class _Desk:
    """The desk with a wire of its own, and the site as it was when the command began."""

    service: CommissioningService
    configuration: Configuration
    field: Field


@contextmanager
def _desk(site: Path | None, file: Path | None, secret: str | None = None) -> Iterator[_Desk]:
    """With the drivers and settings of the site, where there is one. secret: for every link."""
    from energy_desktop.acquisition.field import Field
    from energy_desktop.app.user import user_name
    from energy_desktop.app.wiring import render_record
    from energy_desktop.services.commissioning import CommissioningService

    with known_site(site, file) as known:
        password = known.password if secret is None else lambda _: secret or None
        field = Field(known.library, _Nowhere(), clock=system_clock, password=password)
        service = CommissioningService(
            known, known.library, field, system_clock, render_record, who=user_name()
        )
        try:
            yield _Desk(service, known.configuration, field)
        finally:
            field.stop()


def _start_polling(desk: _Desk, link_id: str) -> None:
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


def scan_links(
    kind: LinkKind | None,
    tcp: Sequence[str],
    rtu: str | None,
    bauds: Sequence[int],
    parities: Sequence[Parity],
    timeout_s: float,
    link: str | None = None,
) -> tuple[Link, ...]:
    """One link per address, or per setting of the line. Raises WrongUse."""
    if bool(tcp) == (rtu is not None) or link is not None:
        raise WrongUse(
            where="scan",
            what="It is not clear what is to be scanned.",
            remedy="Give --tcp HOST:PORT (repeated, or as a range), --rtu DEVICE, or --link LINK.",
        )
    info = LINK_KINDS[kind or (LinkKind.MODBUS_RTU if rtu is not None else LinkKind.MODBUS_TCP)]
    if info.protocol != MODBUS or info.serial != (rtu is not None):
        fitting = [
            k.kind.value
            for k in LINK_KINDS.values()
            if k.protocol == MODBUS and k.serial == (rtu is not None)
        ]
        raise WrongUse(
            where=f"scan --kind {info.kind.value}",
            what="Only Modbus can be asked who is there, and not over this connection.",
            remedy=f"It is one of: {', '.join(fitting)}.",
        )
    if rtu is not None:
        return tuple(
            Link(GIVEN, info.kind, device=rtu, baud_rate=b, parity=p, timeout_s=timeout_s)
            for b in bauds or [info.default_baud_rate]
            for p in [parity.value for parity in parities] or [info.default_parity]
        )
    links = tuple(
        Link(GIVEN, info.kind, host=host, port=port, timeout_s=timeout_s)
        for text in tcp
        for host, port in _addresses(text, info.default_port)
    )
    if len(links) > _MOST_HOSTS:
        raise WrongUse(
            where="scan",
            what=f"{len(links):,} addresses are too many for one scan.",
            remedy=f"Name at most {_MOST_HOSTS:,}.",
        )
    return links


def _addresses(text: str, default_port: int) -> Iterator[tuple[str, int]]:
    """`10.0.0.20-40:502` as twenty-one addresses; anything else is one."""
    host, port = host_and_port(text, default_port)
    stem, dot, last = host.rpartition(".")
    low, dash, high = last.partition("-")
    if not (dot and dash and low.isdigit() and high.isdigit()):
        yield host, port
        return
    if not 0 <= int(low) <= int(high) <= 255:
        raise WrongUse(
            where=f"--tcp {text}",
            what="This is no range of addresses.",
            remedy="Write it as 192.168.1.20-40:502.",
        )
    for number in range(int(low), int(high) + 1):
        yield f"{stem}.{number}", port


def _ranges(text: str, option: str, highest: int) -> tuple[int, ...]:
    """`1-3,7` as (1, 2, 3, 7)."""
    found: dict[int, None] = {}
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        high = high if dash else low
        if not (low.isdigit() and high.isdigit()) or not int(low) <= int(high) <= highest:
            raise WrongUse(
                where=f"{option} {text}",
                what=f"{part.strip()!r} is no range of 0 to {highest}.",
                remedy="Write it as 1-10,15.",
            )
        found.update(dict.fromkeys(range(int(low), int(high) + 1)))
    return tuple(found)


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


def _narrator(as_json: bool) -> Callable[[float, str], None]:
    """On stderr, one line that overwrites itself; nothing beside JSON or into a file."""

    def tell(fraction: float, doing: str) -> None:
        if not as_json and sys.stderr.isatty():
            end = "\n" if fraction >= 1.0 else ""
            sys.stderr.write(f"\r\033[K{100 * fraction:3.0f} %  {doing}{end}")
            sys.stderr.flush()

    return tell


def _write_pdf(desk: CommissioningService, done: Sequence[Checked], pdf: Path) -> None:
    from energy_desktop.reports.files import write_bytes

    if len(done) != 1:
        raise WrongUse(
            where="--pdf", what="A record is of one meter.", remedy="Name the meter to check."
        )
    write_bytes(pdf, desk.render(done[0]))

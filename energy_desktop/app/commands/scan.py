"""`scan`: who answers on a line or a range of addresses; reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from energy_desktop.app.commands.commissioning_words import hit_object, hit_text
from energy_desktop.app.commands.common import JsonOption, SiteOption, complain, guarded, say
from energy_desktop.app.commands.desk import desk_of, narrator
from energy_desktop.app.commands.link_options import (
    GIVEN,
    FileOption,
    Parity,
    RtuOption,
    TimeoutOption,
    host_and_port,
    link_of,
)
from energy_desktop.domain.commissioning import ScanHit, ScanPlan
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.link_kinds import LINK_KINDS, MODBUS
from energy_desktop.domain.site import Link, LinkKind

if TYPE_CHECKING:
    pass

_MOST_HOSTS = 1024


def register(app: typer.Typer) -> None:
    app.command()(scan)


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
    with desk_of(site, file, needed=link is not None) as place:
        links = (
            (link_of(place.configuration, link),)
            if link is not None and not tcp and rtu is None
            else _links(kind, tcp or [], rtu, baud or [], parity or [], timeout_s, link)
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

        hits = desk.scan(plan, narrator(as_json), found)
    document = {"probes": plan.probes, "hits": [hit_object(hit) for hit in hits]}
    count = "No device answered." if not hits else f"{len(hits)} answered."
    say(document, as_json=as_json, text=f"{count} {plan.probes} probes.")


def _links(
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

"""The command about exchanged and reset meters: exchange."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from energy_desktop.app.commands.common import (
    LARGEST_NO,
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
from energy_desktop.domain.editing import MeterPeriod, RegisterEvent, RegisterEventKind
from energy_desktop.domain.errors import WrongUse
from energy_desktop.services.exchanges import ExchangeEntry

_KINDS = {kind.value: kind for kind in (RegisterEventKind.EXCHANGE, RegisterEventKind.RESET)}


def register(app: typer.Typer) -> None:
    app.command()(exchange)


@guarded
def exchange(
    meter: Annotated[str, typer.Option("--meter", metavar="ID")],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="UTC", help="When. Left out: lists what was entered."),
    ] = None,
    old_end_wh: Annotated[
        int | None, typer.Option("--old-end-wh", help="What the old register showed.")
    ] = None,
    new_start_wh: Annotated[
        int | None, typer.Option("--new-start-wh", help="What the new one showed.")
    ] = None,
    serial: Annotated[str | None, typer.Option("--serial", help="Of the new meter.")] = None,
    ct_ratio: Annotated[float | None, typer.Option("--ct-ratio", help="Of the new meter.")] = None,
    modulus_wh: Annotated[
        int | None, typer.Option("--modulus-wh", help="What the new register counts to.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="exchange or reset.")] = "exchange",
    note: Annotated[str, typer.Option("--note")] = "",
    photo: Annotated[str, typer.Option("--photo", help="A file in the site folder.")] = "",
    confirm: Annotated[
        bool,
        typer.Option("--confirm", help="The readings are right, however much they book."),
    ] = False,
    confirm_held: Annotated[
        int | None,
        typer.Option(
            "--confirm-held", metavar="NO", max=LARGEST_NO, help="Book one that is held back."
        ),
    ] = None,
    remove: Annotated[
        int | None, typer.Option("--remove", metavar="NO", max=LARGEST_NO, help="Take one back.")
    ] = None,
    register: Annotated[
        str, typer.Option("--register", metavar="NAME", help="Which of its registers.")
    ] = "",
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a meter exchange or reset, now or long after; without --at list them."""
    with opened(site) as place:
        service = place.services.exchanges
        warnings: tuple[str, ...] = ()
        said = ""
        if remove is not None:
            service.remove(remove, meter)
            said = f"Exchange {remove} is as if it had never been entered."
        elif confirm_held is not None:
            service.confirm(confirm_held, meter)
            said = f"The readings of exchange {confirm_held} are booked as they were told."
        elif at is not None:
            result = service.enter(
                ExchangeEntry(
                    meter_id=meter,
                    at_ms=parse_moment(at, "--at"),
                    old_end_wh=_needed(old_end_wh, "--old-end-wh"),
                    new_start_wh=_needed(new_start_wh, "--new-start-wh"),
                    register=register,
                    kind=_kind(kind),
                    serial_number=serial,
                    ct_ratio=ct_ratio,
                    modulus_wh=modulus_wh,
                    note=note,
                    photo=photo,
                    confirmed=confirm,
                )
            )
            warnings = result.warnings
            said = f"Entered as {result.events[0].kind.value} {result.events[0].event_id}."
        found, periods = service.events(meter), service.periods(meter)
        held = service.held(meter)
        zone = place.zone
    document = {
        "meter": meter,
        "events": [_event(e, held) for e in found],
        "periods": [_meter_period(p) for p in periods],
        "warnings": list(warnings),
    }
    say(
        document,
        as_json=as_json,
        text=lambda: "\n".join(s for s in (said, *warnings, _events(found, held, zone)) if s),
    )


def _needed(value: int | None, option: str) -> int:
    if value is None:
        raise WrongUse(
            where="exchange",
            what=f"{option} is missing.",
            remedy="Both readings stand on the exchange protocol; write them in Wh.",
        )
    return value


def _kind(text: str) -> RegisterEventKind:
    if text not in _KINDS:
        raise WrongUse(
            where=f"--kind {text}",
            what="There is no such kind.",
            remedy=f"Write one of: {', '.join(_KINDS)}.",
        )
    return _KINDS[text]


def _event(e: RegisterEvent, held: frozenset[int]) -> dict[str, Any]:
    return {
        "id": e.event_id,
        "register": e.register,
        "at_utc": iso_utc(e.at_ms),
        "kind": e.kind.value,
        "old_end_wh": e.old_end_wh,
        "new_start_wh": e.new_start_wh,
        "old_serial": e.old_serial or None,
        "new_serial": e.new_serial or None,
        "old_ct_ratio": e.old_ct_ratio,
        "new_ct_ratio": e.new_ct_ratio,
        "modulus_wh": e.modulus_wh,
        "note": e.note,
        "photo": e.photo or None,
        "by": e.by,
        "entered_at_utc": iso_utc(e.entered_at_ms),
        "confirmed": e.confirmed,
        "held_back": e.event_id in held,
    }


def _meter_period(p: MeterPeriod) -> dict[str, Any]:
    return {
        "from_utc": iso_utc(p.valid_from_ms),
        "serial_number": p.serial_number,
        "ct_ratio": p.ct_ratio,
        "vt_ratio": p.vt_ratio,
        "modulus_wh": p.modulus_wh,
    }


def _events(found: tuple[RegisterEvent, ...], held: frozenset[int], zone: ZoneInfo) -> str:
    rows = [
        (
            str(e.event_id),
            e.kind.value,
            wording.stamp(e.at_ms, zone),
            wording.exact_kwh(e.old_end_wh),
            wording.exact_kwh(e.new_start_wh),
            e.new_serial,
            "held back" if e.event_id in held else "booked",
            e.note,
        )
        for e in found
    ]
    headers = ("no", "kind", "at", "old end kWh", "new start kWh", "serial", "energy", "note")
    return table(headers, rows, frozenset({0, 3, 4})) or "No exchange or reset was entered."

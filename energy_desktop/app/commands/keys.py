"""Commands about meters that send by themselves: keys, HTTP in, passwords of brokers."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer

from energy_desktop.app.commands.common import JsonOption, SiteOption, guarded, opened, say, table
from energy_desktop.app.commands.link_options import ask_password, link_of
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.push import ApiKey
from energy_desktop.services.http_in import KeyListing

keys_app = typer.Typer(
    help="Keys with which sensors post their readings.", no_args_is_help=True, add_completion=False
)


class Switch(Enum):
    ON = "on"
    OFF = "off"


def register(app: typer.Typer) -> None:
    keys_app.command("add")(add)
    keys_app.command("list")(list_keys)
    keys_app.command("revoke")(revoke)
    app.add_typer(keys_app, name="keys")
    app.command("http-in")(http_in)
    app.command("link-password")(link_password)


@guarded
def add(
    name: Annotated[str, typer.Argument(help="Meters are addressed by it: NAME or NAME/facility.")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown now and never again: only its hash is kept."""
    with opened(site) as place:
        made = place.services.http_in.make(name)
    document = {"key": _as_object(KeyListing(made.key, ())), "secret": made.secret}
    text = (
        f"{made.secret}\n"
        f"This is the key {made.key.name}. It is shown only now; the sensor sends it in the "
        "header X-API-Key.\n"
        f"Its meters have an HTTP push link and the address {made.key.name}, or "
        f"{made.key.name}/facility_id."
    )
    say(document, as_json=as_json, text=text)


@guarded
def list_keys(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List the keys, the meters that each writes to, and when it was last used."""
    with opened(site) as place:
        rows = place.services.http_in.load().keys
    cells = [
        (
            row.key.name,
            "active" if row.key.is_active else "revoked",
            iso_utc(row.key.made_at_ms),
            "–" if row.key.last_used_ms is None else iso_utc(row.key.last_used_ms),
            ", ".join(row.meters) or "–",
        )
        for row in rows
    ]
    headers = ("key", "state", "made", "last used", "meters")
    say(
        {"keys": [_as_object(row) for row in rows]},
        as_json=as_json,
        text=lambda: table(headers, cells, frozenset()) or "There is no key yet: `keys add NAME`.",
    )


@guarded
def revoke(
    name: Annotated[str, typer.Argument(help="Name or id of an active key.")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a key back. A running program refuses it within seconds."""
    with opened(site) as place:
        key = place.services.http_in.revoke(name)
    say(
        {"key": _as_object(KeyListing(key, ()))},
        as_json=as_json,
        text=f"The key {key.name} takes no readings any more.",
    )


@guarded
def http_in(
    switch: Annotated[Switch | None, typer.Argument(help="Without it: how it is set.")] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="127.0.0.1: this computer only.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port")] = None,
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", help="Requests of one key.")
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let sensors post their readings, or not. A running program follows within seconds."""
    given = {
        "http_in": None if switch is None else switch.value,
        "http_in_address": address,
        "http_in_port": port,
        "http_in_per_minute": per_minute,
    }
    entries = {name: str(value) for name, value in given.items() if value is not None}
    with opened(site) as place:
        settings = place.services.settings
        now = settings.change_program(entries) if entries else settings.program()
    document = {
        "on": now.http_in == "on",
        "address": now.http_in_address,
        "port": now.http_in_port,
        "requests_per_minute": now.http_in_per_minute,
    }
    where = f"http://{now.http_in_address}:{now.http_in_port}"
    say(
        document,
        as_json=as_json,
        text=f"HTTP in is on: {where}/api/hardware/data, described at {where}/docs."
        if document["on"]
        else "HTTP in is off.",
    )


@guarded
def link_password(
    link: Annotated[str, typer.Argument(metavar="LINK", help="Id of a link, as in the site file.")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep the password of a link (an MQTT broker's). It is asked for, or read from stdin."""
    from energy_desktop.services.secrets import SecretService

    with opened(site) as place:
        link_of(place.store.configuration.load(), link)
        secrets = SecretService(place.folder.root)
        password = ask_password(link)
        secrets.set(link, password)
    document = {"link": link, "has_password": bool(password), "kept": secrets.where}
    say(document, as_json=as_json, text=secrets.where)


def _as_object(row: KeyListing) -> dict[str, Any]:
    key: ApiKey = row.key
    return {
        "id": key.key_id,
        "name": key.name,
        "active": key.is_active,
        "made_at_utc": iso_utc(key.made_at_ms),
        "revoked_at_utc": None if key.revoked_at_ms is None else iso_utc(key.revoked_at_ms),
        "last_used_utc": None if key.last_used_ms is None else iso_utc(key.last_used_ms),
        "meters": list(row.meters),
    }

"""Commands about the site itself: apply, meters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energy_desktop.app.commands.common import JsonOption, SiteOption, guarded, opened, say, table
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.recount import Past


def register(app: typer.Typer) -> None:
    app.command()(apply)
    app.command()(meters)


@guarded
def apply(
    file: Annotated[Path, typer.Argument(metavar="SITE.toml")],
    past: Annotated[
        str | None,
        typer.Option(
            "--past",
            metavar="keep|recalculate",
            help="What becomes of booked energy where a meter's ratio or modulus changes.",
        ),
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a site file into the store, as a whole or not at all."""
    with opened(site, make=True) as place:
        changes = place.services.site_file.apply(file, _past(past))
    document = {
        "file": str(file),
        "added": changes.added,
        "changed": changes.changed,
        "unchanged": changes.unchanged,
    }
    parts = [
        f"{count} {what} {table_name}"
        for what, counts in (("new", changes.added), ("changed", changes.changed))
        for table_name, count in counts.items()
        if count
    ]
    text = f"{file.name}: " + (", ".join(parts) if parts else "nothing new; all is so already")
    say(document, as_json=as_json, text=text + ".")


def _past(text: str | None) -> Past | None:
    if text is None:
        return None
    try:
        return Past(text)
    except ValueError:
        raise WrongUse(
            where="--past",
            what=f"{text!r} says nothing of the past.",
            remedy="Write keep (from now on) or recalculate.",
        ) from None


@guarded
def meters(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List the meters of the site with their state and newest reading."""
    with opened(site) as place:
        rows = place.services.meters.listing()
        states = place.meter_states()
    document = {
        "meters": [
            {
                "meter": row.meter.meter_id,
                "name": row.meter.name,
                "driver": row.meter.driver_id or None,
                "link": row.link.address if row.link else None,
                "unit": row.meter.unit_id if row.link else None,
                "state": states[row.meter.meter_id],
                "last_utc": None if row.last_ms is None else iso_utc(row.last_ms),
            }
            for row in rows
        ]
    }
    lines = [
        (
            m["meter"] or "",
            m["name"] or "",
            m["driver"] or "imported",
            m["link"] or "",
            m["state"] or "",
            m["last_utc"] or "–",
        )
        for m in document["meters"]
    ]
    headers = ("meter", "name", "driver", "link", "state", "last reading")
    say(
        document,
        as_json=as_json,
        text=lambda: (
            table(headers, [tuple(map(str, row)) for row in lines], frozenset())
            or "The site has no meters yet: `apply` a site file or add one in the window."
        ),
    )

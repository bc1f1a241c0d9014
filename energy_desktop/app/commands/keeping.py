"""Commands about the store as a whole: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energy_desktop.app.commands.common import (
    JsonOption,
    SiteOption,
    guarded,
    opened,
    say,
    site_folder,
)
from energy_desktop.domain.errors import StoreError


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


@guarded
def backup(
    out: Annotated[Path, typer.Option("--out", metavar="FILE")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the store while it is in use; the copy is verified by opening it."""
    with opened(site) as place:
        place.store.backup(out)
    size = out.stat().st_size
    say(
        {"file": str(out), "bytes": size},
        as_json=as_json,
        text=f"{out}: {size / 1e6:,.1f} MB, verified by opening it.",
    )


@guarded
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the store; the store that was there is kept aside."""
    from energy_desktop.storage import restore as restore_store

    folder = site_folder(site)
    folder.make()
    _refuse_damaged(file)
    aside = restore_store(file, folder.database)
    kept = "There was no store before." if aside is None else f"The old one is {aside.name}."
    say(
        {"database": str(folder.database), "kept_aside": None if aside is None else str(aside)},
        as_json=as_json,
        text=f"{file.name} is now the store of {folder.root}. {kept}",
    )


def _refuse_damaged(file: Path) -> None:
    """A flipped byte passes SQLite's own check; the checksums of the chunks do not let it.

    What cannot be opened at all is left to the restore itself, which says why.
    """
    from energy_desktop.storage import open_store

    try:
        store = open_store(file, read_only=True)
    except StoreError:
        return
    with store:
        damage = store.find_damage()
    if damage:
        raise StoreError(
            where=str(file),
            what=f"The backup is damaged: {damage[0]}",
            remedy="Take another backup; the present store was not touched.",
        )

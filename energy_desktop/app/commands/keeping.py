"""Commands about the store as a whole: backup, restore."""

from __future__ import annotations

from dataclasses import replace
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


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


@guarded
def backup(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Else into the backup folder, under the rule of Settings."
        ),
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the store while it is in use; the copy is verified by opening it."""
    second, removed = "", 0
    with opened(site) as place:
        if out is None:
            made = place.services.settings.back_up()
            out, second, removed = Path(made.file), made.second, made.removed
        else:
            place.store.backup(out)
    size = out.stat().st_size
    also = (f" Copied to {second}." if second else "") + (
        f" {removed} older removed by the rule." if removed else ""
    )
    say(
        {"file": str(out), "bytes": size, "second": second or None, "removed": removed},
        as_json=as_json,
        text=f"{out}: {size / 1e6:,.1f} MB, verified by opening it.{also}",
    )


@guarded
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the store; the store that was there is kept aside."""
    from energy_desktop.app.site_key import key_of
    from energy_desktop.domain.errors import StoreError
    from energy_desktop.storage import restore as restore_store
    from energy_desktop.storage.encryption import is_encrypted
    from energy_desktop.storage.keyfile import KeyFile, key_file_of

    folder = site_folder(site)
    folder.make()
    beside, own = key_file_of(file), key_file_of(folder.database)
    if is_encrypted(file) and not beside.exists() and not own.exists():
        raise StoreError(
            where=str(file),
            what=f"it is no backup of a store, or it is encrypted and {beside.name} is not there.",
            remedy="Choose another file, or copy the key file that lay beside it.",
        )
    key = key_of(file, key_file=beside if beside.exists() else own)
    if key is not None and beside.exists():
        # Before the store: a key too many does no harm, a store without its key is lost.
        keys = replace(KeyFile.load(beside), path=own)
        (keys.joined(KeyFile.load(own)) if own.exists() else keys).save()
    aside = restore_store(file, folder.database, key=key)
    kept = "There was no store before." if aside is None else f"The old one is {aside.name}."
    say(
        {"database": str(folder.database), "kept_aside": None if aside is None else str(aside)},
        as_json=as_json,
        text=f"{file.name} is now the store of {folder.root}. {kept}",
    )

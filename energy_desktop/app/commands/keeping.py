"""Commands about the store as a whole: backup, restore, whether it is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energy_desktop.app.commands.common import (
    FAILED,
    JsonOption,
    SiteOption,
    guarded,
    opened,
    say,
    site_folder,
)
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import NotFound, WrongUse


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)
    app.command()(begin_anew)
    app.command()(backups)
    app.command()(soundness)


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
    file: Annotated[Path | None, typer.Argument(metavar="FILE", show_default=False)] = None,
    newest: Annotated[
        bool, typer.Option("--newest", help="The newest backup of the site that is whole.")
    ] = False,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the store; the store that was there is kept aside."""
    from energy_desktop.app.restoring import newest_good, restore_site

    folder = site_folder(site)
    passed_over: tuple[str, ...] = ()
    if newest == (file is not None):
        raise WrongUse(
            where="restore",
            what="It is not clear which backup is meant.",
            remedy="Name a FILE, or take --newest for the newest one that is whole.",
        )
    if file is None:
        found = newest_good(folder)
        file, passed_over = Path(found.backup.file), found.passed_over
    if file.is_dir():
        raise NotFound(
            where=str(file),
            what="This is a folder.",
            remedy="Name the backup itself; `backups` lists them.",
        )
    aside = restore_site(folder, file)
    kept = "There was no store before." if aside is None else f"The old one is {aside.name}."
    said = "".join(f"Passed over: {sentence}\n" for sentence in passed_over)
    say(
        {
            "database": str(folder.database),
            "backup": str(file),
            "passed_over": list(passed_over),
            "kept_aside": None if aside is None else str(aside),
        },
        as_json=as_json,
        text=f"{said}{file.name} is now the store of {folder.root}. {kept}",
    )


@guarded
def begin_anew(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Make an empty store where that of a site is gone; its backups stay where they are."""
    from energy_desktop.app.store_gone import begin_anew as begin

    folder = site_folder(site)
    aside = begin(folder)
    kept = "".join(f" Kept: {file.name}." for file in aside)
    say(
        {"database": str(folder.database), "kept_aside": [str(file) for file in aside]},
        as_json=as_json,
        text=f"{folder.database} is an empty store now.{kept}",
    )


@guarded
def backups(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List the backups of the site, newest first; works when the store does not open."""
    from energy_desktop.app.store_gone import backups_of

    found = backups_of(site_folder(site))
    say(
        {
            "backups": [
                {"file": b.file, "made_utc": iso_utc(b.at_ms), "bytes": b.size_bytes} for b in found
            ]
        },
        as_json=as_json,
        text="\n".join(
            f"{iso_utc(b.at_ms)}  {b.size_bytes / 1e6:10,.1f} MB  {b.file}" for b in found
        )
        or "No backup of this site was made yet.",
    )


@guarded
def soundness(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Hold every stored block against its checksum; exit code 3 when something is damaged."""
    with opened(site) as place:
        found = place.services.settings.find_damage()
    say(
        {"sound": not found, "damage": list(found)},
        as_json=as_json,
        text="\n".join(found) or "Sound: every block, interval and invoice is as it was written.",
    )
    if found:
        raise typer.Exit(FAILED)

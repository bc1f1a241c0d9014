"""A site whose database file is gone is not a new site: that is said, and no empty one is made.

The file was moved by hand, taken by a virus scanner, or lies on a disk that is not there today. An
empty store in its place would be polled into, and the rule for backups would in time remove those
of the years before. Backups of it, the file with its locked key, or its log tell a store that is
gone from one that never was.
"""

from __future__ import annotations

import logging
from pathlib import Path

from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.clock import Clock, iso_utc, system_clock
from energy_desktop.domain.errors import MissingStore, StoreError, WrongUse
from energy_desktop.services.backups import Backup, backup_folders, backups_in
from energy_desktop.storage import open_store
from energy_desktop.storage.keyfile import key_file_of

_LOG = logging.getLogger("energy_desktop.backups")
_REMEDY = (
    "Put it back, or restore the newest backup that is whole: `restore --newest`. Only "
    "`begin-anew` makes an empty store here."
)


def backups_of(folder: SiteFolder) -> tuple[Backup, ...]:
    """All that lie where backups of this site were put, newest first; none was opened."""
    return backups_in(backup_folders(folder.backups), str(folder.database))


def refuse_if_gone(folder: SiteFolder) -> None:
    """Raises MissingStore where there was a store; a site that never had one passes."""
    if folder.store != folder.database or folder.database.exists():
        return
    found = backups_of(folder)
    left = [file.name for file in _remains(folder) if file.exists()]
    if found:
        count = "one backup" if len(found) == 1 else f"the newest of {len(found)} backups"
        said = f"{count} of it, made {iso_utc(found[0].at_ms)}, is {found[0].file}"
    elif left:
        said = f"{left[0]} is still here"
    else:
        return
    raise MissingStore(
        where=str(folder.database), what=f"the database is gone; {said}.", remedy=_REMEDY
    )


def begin_anew(folder: SiteFolder, clock: Clock = system_clock) -> tuple[Path, ...]:
    """Makes an empty store where one is gone; gives what was left of that one, under new names.

    Its backups stay where they are. Raises WrongUse where there is a store, StoreError when none
    can be made.
    """
    if folder.store != folder.database:
        raise WrongUse(
            where=str(folder.root),
            what="its store is a database server.",
            remedy="Make an empty database on the server.",
        )
    if folder.database.exists():
        raise WrongUse(
            where=str(folder.database),
            what="there is a store; nothing was changed.",
            remedy="For another site name another folder with --site.",
        )
    folder.make()
    key_file, *logs = _remains(folder)
    stamp = clock().strftime("%Y%m%dT%H%M%SZ")
    # Before the store is made: SQLite would write the log of the lost file into the new one.
    aside = [_set_aside(file, stamp) for file in logs if file.exists()]
    open_store(folder.database).close()
    if key_file.exists():
        aside.append(_set_aside(key_file, stamp))
    _LOG.warning("%s was gone and is an empty store now, as it was asked for", folder.database)
    return tuple(aside)


def _remains(folder: SiteFolder) -> tuple[Path, ...]:
    """What may lie beside a database, the file with its key first."""
    database = folder.database
    return key_file_of(database), *(Path(f"{database}{suffix}") for suffix in ("-wal", "-shm"))


def _set_aside(file: Path, stamp: str) -> Path:
    try:
        return file.replace(file.with_name(f"{file.name}.of-the-lost-{stamp}"))
    except OSError as error:
        raise StoreError(
            where=str(file),
            what=f"it cannot be renamed ({error.strerror or error}).",
            remedy="Move it elsewhere by hand, then try again.",
        ) from error

"""Finds the newest backup that is whole, and puts it in the place of a site's store.

The window does it when the store does not open, `energy-desktop restore --newest` on a server. A
backup counts only after all of it was held against its checksums, so that one harm is not followed
by another; the key of an encrypted one lies beside it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.site_key import Ask, ask_on_terminal, key_of
from energy_desktop.app.store_gone import backups_of
from energy_desktop.domain.errors import PassphraseNeeded, StoreError, WrongKey
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.services.backups import Backup, backup_folders
from energy_desktop.storage import prove, restore
from energy_desktop.storage.encryption import is_encrypted
from energy_desktop.storage.keyfile import KeyFile, key_file_of

_LOG = logging.getLogger("energy_desktop.backups")


@dataclass(frozen=True, slots=True)
class GoodBackup:
    """A backup that was proved just now. passed_over: of newer ones, what is wrong with each."""

    backup: Backup
    passed_over: tuple[str, ...] = ()


def newest_good(
    folder: SiteFolder, ask: Ask = ask_on_terminal, progress: ProgressSink = no_progress
) -> GoodBackup:
    """Proves one after another, from the newest on.

    Raises StoreError when none is whole; PassphraseNeeded and WrongKey for the first that cannot be
    opened: a slip while typing must not end in an older backup.
    """
    passed_over: list[str] = []
    known = backups_of(folder)
    for number, made in enumerate(known):
        file = Path(made.file)
        progress(number / len(known), f"Proving the backup {file.name}")
        try:
            prove(file, _key(folder, file, ask))
        except (PassphraseNeeded, WrongKey):
            raise
        except StoreError as error:
            _LOG.warning("%s", error)
            passed_over.append(str(error))
            continue
        return GoodBackup(made, tuple(passed_over))
    places = ", ".join(str(place) for place in backup_folders(folder.backups))
    raise StoreError(
        where=places,
        what="there is no backup of this site."
        if not known
        else f"none of {len(known)} backups is whole. {passed_over[0]}",
        remedy="Restore a copy from elsewhere: energy-desktop restore FILE.",
    )


def restore_site(folder: SiteFolder, file: Path, ask: Ask = ask_on_terminal) -> Path | None:
    """Puts `file` in the place of the store; gives where the former one is kept, if there was one.

    Raises StoreError, and then the store is as it was; EngineAlreadyRunning while one polls.
    """
    folder.make()
    key = _key(folder, file, ask)
    beside, own = key_file_of(file), key_file_of(folder.database)
    if key is not None and beside.exists():
        # Before the store: a key too many does no harm, a store without its key is lost.
        keys = replace(KeyFile.load(beside), path=own)
        (keys.joined(KeyFile.load(own)) if own.exists() else keys).save()
    aside = restore(file, folder.database, key=key)
    _LOG.info("%s is now the store; the former one is %s", file, aside or "not there")
    return aside


def _key(folder: SiteFolder, file: Path, ask: Ask) -> str | None:
    """Of a backup: locked in the file beside it, else as the site's own key is."""
    beside, own = key_file_of(file), key_file_of(folder.database)
    if is_encrypted(file) and not beside.exists() and not own.exists():
        raise StoreError(
            where=str(file),
            what=f"it is no backup of a store, or it is encrypted and {beside.name} is not there.",
            remedy="Choose another file, or copy the key file that lay beside it.",
        )
    return key_of(file, ask, beside if beside.exists() else own)

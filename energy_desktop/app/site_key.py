"""Finds the key of a site's encrypted database: from a keyring, the environment, or a person.

Whoever starts the program as a service has no one to ask: then the passphrase stands in
ENERGY_DESKTOP_PASSPHRASE. A key that was found once is kept for the life of this process only.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.store_gone import refuse_if_gone
from energy_desktop.domain.errors import DamagedStore, PassphraseNeeded, WrongKey
from energy_desktop.storage.encryption import is_encrypted, opens
from energy_desktop.storage.keyfile import KeyFile, key_file_of

PASSPHRASE = "ENERGY_DESKTOP_PASSPHRASE"
_SERVICE = "energy_desktop database"

Ask = Callable[[str], str | None]
"""Asks a person for the passphrase of the file named; None: there is nobody."""

_unlocked: dict[str, str] = {}


def site_key(folder: SiteFolder, ask: Ask | None = None) -> str | None:
    """The key of the site's database; None: it is plain, or on a server.

    Every way to a site's store begins here, so this is where one whose file is gone is noticed:
    MissingStore. Raises PassphraseNeeded, WrongKey; DamagedStore when the key file is gone or does
    not fit, and StoreError when it cannot be read.
    """
    refuse_if_gone(folder)
    return None if folder.store != folder.database else key_of(folder.database, ask)


def key_of(database: Path, ask: Ask | None = None, key_file: Path | None = None) -> str | None:
    """As `site_key`, for any database file. key_file: where its locked key lies, if elsewhere."""
    if not is_encrypted(database):
        return None
    locked = KeyFile.load(key_file or key_file_of(database))
    for key_id in (key.key_id for key in locked.keys):
        known = _unlocked.get(key_id) or recall(key_id)
        if known is not None and locked.holds(known) and opens(database, known):
            return known
    secret = os.environ.get(PASSPHRASE) or (ask or ask_on_terminal)(str(database))
    if not secret:
        raise PassphraseNeeded(
            where=str(database),
            what="the database is encrypted, and no passphrase was given.",
            remedy=f"Start it where one can be typed, or set {PASSPHRASE}.",
        )
    for key in locked.open(secret):
        if opens(database, key):
            _unlocked[locked.key_id] = key
            return key
    # The passphrase was right: to ask for it again would lead nowhere.
    raise DamagedStore(
        where=str(database),
        what=f"the keys in {locked.path.name} are not those of this database, or it is damaged.",
        remedy="Copy the key file back that lay beside it, or restore a backup.",
    )


def remember(key_id: str, key: str) -> bool:
    """Puts the key into this user's keyring. False: this computer has none."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(_SERVICE, key_id, key)
    except KeyringError:
        return False
    return True


def recall(key_id: str) -> str | None:
    """The key from this user's keyring; None: it is not there, or there is none."""
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(_SERVICE, key_id)
    except KeyringError:
        return None


def forget(key_id: str) -> None:
    """Takes the key out of the keyring."""
    import keyring
    from keyring.errors import KeyringError

    _unlocked.pop(key_id, None)
    try:
        keyring.delete_password(_SERVICE, key_id)
    except KeyringError:
        return  # it was not there


def ask_on_terminal(database: str) -> str | None:
    """Typed without an echo; None where nobody sits."""
    if not sys.stdin or not sys.stdin.isatty():
        return None
    return getpass.getpass(f"Passphrase or recovery key of {database}: ")


def new_passphrase(where: str, variable: str) -> str:
    """Typed twice; from the environment variable where nobody sits. Raises WrongKey."""
    given = os.environ.get(variable)
    if given:
        return given
    first = getpass.getpass("New passphrase: ") if sys.stdin and sys.stdin.isatty() else ""
    if not first:
        raise PassphraseNeeded(
            where=where,
            what="no passphrase was given.",
            remedy=f"Type one at a terminal, or set {variable}.",
        )
    if getpass.getpass("The same again: ") != first:
        raise WrongKey(
            where=where, what="the two differ.", remedy="Nothing was changed; try again."
        )
    return first

"""Commands that encrypt the store of a site: on, off, passphrase, recovery key, another key.

The store is imported by the command that needs it: every other one starts without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from energy_desktop.app.commands.common import JsonOption, SiteOption, guarded, say, site_folder
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.errors import StoreError, WrongUse

if TYPE_CHECKING:
    from energy_desktop.storage.keyfile import KeyFile

PASSPHRASE = "ENERGY_DESKTOP_PASSPHRASE"
NEW_PASSPHRASE = "ENERGY_DESKTOP_NEW_PASSPHRASE"

_WRITE_DOWN = (
    "Recovery key, shown only now: write it down and keep it away from this computer.\n\n  {}\n\n"
    "Whoever has neither the passphrase nor this key cannot read the site, and nobody can help."
)
_NO_KEYRING = (
    "This computer has no keyring: the passphrase is asked at each start, or taken from "
    f"{PASSPHRASE}."
)

group = typer.Typer(help="Encrypt the store of a site.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="encryption")


@group.command()
@guarded
def status(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Tell whether the store is encrypted and where its key is kept."""
    from energy_desktop.app import site_key
    from energy_desktop.app.store_gone import refuse_if_gone
    from energy_desktop.storage.encryption import is_encrypted

    folder = site_folder(site)
    refuse_if_gone(folder)
    encrypted = folder.store == folder.database and is_encrypted(folder.database)
    in_keyring = encrypted and site_key.recall(_key_file(folder).key_id) is not None
    kept = "its key lies in this user's keyring" if in_keyring else "the passphrase is asked"
    text = f"The store is encrypted; {kept}." if encrypted else "The store is not encrypted."
    say(
        {"encrypted": encrypted, "key_in_keyring": in_keyring},
        as_json=as_json,
        text=text,
    )


@group.command()
@guarded
def on(
    keyring: Annotated[
        bool, typer.Option("--keyring/--no-keyring", help="Keep the key in this user's keyring.")
    ] = True,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypt the store (SQLCipher, AES-256). The recovery key is shown once."""
    from energy_desktop.app import site_key
    from energy_desktop.storage.encryption import change_key, is_encrypted
    from energy_desktop.storage.keyfile import (
        KeyFile,
        key_file_of,
        locked,
        new_key,
        new_recovery_key,
    )

    folder = _of_a_file(site)
    if is_encrypted(folder.database):
        raise WrongUse(
            where=str(folder.database),
            what="it is encrypted already.",
            remedy="Use `encryption passphrase` or `encryption rekey` to change it.",
        )
    passphrase = site_key.new_passphrase(str(folder.database), PASSPHRASE)
    key, recovery = new_key(), new_recovery_key()
    # The locked key is on the disk before anything is encrypted with it.
    made = KeyFile(key_file_of(folder.database), (locked(key, passphrase, recovery),))
    made.save()
    change_key(folder.database, None, key)
    _told(folder, made, key, recovery, keyring=keyring, as_json=as_json, what="is encrypted")


@group.command()
@guarded
def off(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Take the encryption off."""
    from energy_desktop.app import site_key
    from energy_desktop.storage.encryption import change_key

    folder, key = _opened(site)
    made = _key_file(folder)
    change_key(folder.database, key, None)
    site_key.forget(made.key_id)
    made.path.rename(made.path.with_name(f"{made.path.name}.former"))
    say(
        {"encrypted": False},
        as_json=as_json,
        text=f"{folder.database} is plain now. Backups made before stay encrypted; their key lies "
        f"in {made.path.name}.former.",
    )


@group.command()
@guarded
def passphrase(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Give another passphrase; the store itself is not touched."""
    from energy_desktop.app import site_key

    folder, key = _opened(site)
    wanted = site_key.new_passphrase(str(folder.database), NEW_PASSPHRASE)
    _key_file(folder).with_passphrase(key, wanted).save()
    say({"changed": "passphrase"}, as_json=as_json, text="The passphrase is another one now.")


@group.command()
@guarded
def recovery(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Make a new recovery key; the old one opens nothing any more."""
    from energy_desktop.storage.keyfile import new_recovery_key

    folder, key = _opened(site)
    code = new_recovery_key()
    _key_file(folder).with_recovery(key, code).save()
    say({"recovery_key": code}, as_json=as_json, text=_WRITE_DOWN.format(code))


@group.command()
@guarded
def rekey(
    keyring: Annotated[
        bool, typer.Option("--keyring/--no-keyring", help="Keep the key in this user's keyring.")
    ] = True,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypt the store anew under another key, passphrase and recovery key."""
    from energy_desktop.app import site_key
    from energy_desktop.storage.encryption import change_key
    from energy_desktop.storage.keyfile import new_key, new_recovery_key

    folder, old_key = _opened(site)
    before = _key_file(folder)
    wanted = site_key.new_passphrase(str(folder.database), NEW_PASSPHRASE)
    key, code = new_key(), new_recovery_key()
    made = before.with_key(key, wanted, code)
    made.save()
    try:
        change_key(folder.database, old_key, key)
    except BaseException:
        before.save()
        raise
    site_key.forget(before.key_id)
    _told(folder, made, key, code, keyring=keyring, as_json=as_json, what="has another key")


def _told(
    folder: SiteFolder,
    made: KeyFile,
    key: str,
    code: str,
    *,
    keyring: bool,
    as_json: bool,
    what: str,
) -> None:
    from energy_desktop.app import site_key

    kept = keyring and site_key.remember(made.key_id, key)
    say(
        {"encrypted": True, "key_in_keyring": kept, "recovery_key": code},
        as_json=as_json,
        text="\n".join(
            (
                f"{folder.database} {what}. Backups made before are as they were.",
                "Its key lies in this user's keyring." if kept else _NO_KEYRING,
                _WRITE_DOWN.format(code),
            )
        ),
    )


def _of_a_file(site: SiteOption) -> SiteFolder:
    from energy_desktop.app.store_gone import refuse_if_gone

    folder = site_folder(site)
    if folder.store != folder.database:
        raise WrongUse(
            where=str(folder.root),
            what="its store is a database server.",
            remedy="Encrypt the disk of the server.",
        )
    refuse_if_gone(folder)
    if not folder.database.exists():
        raise StoreError(
            where=str(folder.database), what="there is no store yet.", remedy="Check --site."
        )
    return folder


def _opened(site: SiteOption) -> tuple[SiteFolder, str]:
    from energy_desktop.app import site_key

    folder = _of_a_file(site)
    key = site_key.site_key(folder)
    if key is None:
        raise WrongUse(
            where=str(folder.database),
            what="it is not encrypted.",
            remedy="Use `encryption on` first.",
        )
    return folder, key


def _key_file(folder: SiteFolder) -> KeyFile:
    from energy_desktop.storage.keyfile import KeyFile, key_file_of

    return KeyFile.load(key_file_of(folder.database))

"""Passwords of links: in the system's key store, else in a file that only this user may read.

A server without a desktop has no key store; the file is then the honest place, and `where` says
so in words. Neither is ever part of a site file, a log or a backup.
"""

from __future__ import annotations

import json
import logging
import os
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Protocol

from energy_desktop.domain.errors import StoreError

log = logging.getLogger("energy_desktop.secrets")


class KeyStore(Protocol):
    """What is used of the package `keyring`."""

    def get_password(self, service: str, name: str) -> str | None: ...

    def set_password(self, service: str, name: str, password: str) -> None: ...

    def delete_password(self, service: str, name: str) -> None: ...


class SecretService:
    """Passwords of one site, by the id of their link. Blocks on the system's key store."""

    def __init__(self, site_folder: Path, key_store: KeyStore | None = None) -> None:
        """key_store None: the system's, if it has one."""
        # Two sites of one user have links of the same id, and must not share a password.
        place = sha256(str(site_folder.absolute()).encode()).hexdigest()[:12]
        self._service = f"energy_desktop-{place}"
        self._file = site_folder / "secrets.json"
        self._given = key_store
        self._lock = Lock()

    @property
    def where(self) -> str:
        """Where passwords are kept, as a sentence for the screen."""
        if self._key_store() is not None:
            return "Passwords are kept in this system's key store."
        return (
            f"This system has no key store: passwords are kept in {self._file}, "
            "which only this user can read."
        )

    def get(self, link_id: str) -> str | None:
        """None: the link has no password."""
        with self._lock:
            store = self._key_store()
            if store is not None:
                try:
                    found = store.get_password(self._service, link_id)
                except Exception as error:  # noqa: BLE001  every backend raises its own
                    log.warning("The system's key store does not answer: %s", type(error).__name__)
                    found = None
                if found is not None:
                    return found
            return self._read().get(link_id)

    def set(self, link_id: str, password: str) -> None:
        """Keeps a password; an empty one is forgotten. Raises StoreError."""
        with self._lock:
            store = self._key_store()
            kept = False
            if store is not None:
                try:
                    if password:
                        store.set_password(self._service, link_id, password)
                    elif store.get_password(self._service, link_id) is not None:
                        store.delete_password(self._service, link_id)
                    kept = True
                except Exception as error:  # noqa: BLE001  every backend raises its own
                    log.warning(
                        "The system's key store refused a password (%s); the file keeps it",
                        type(error).__name__,
                    )
            entries = self._read()
            changed = {k: v for k, v in entries.items() if k != link_id}
            if password and not kept:
                changed[link_id] = password
            if changed != entries:
                self._write(changed)

    def _key_store(self) -> KeyStore | None:
        if self._given is not None:
            return self._given
        import keyring
        from keyring.backends.fail import Keyring as NoKeyring
        from keyring.backends.null import Keyring as NullKeyring

        backend = keyring.get_keyring()
        return None if isinstance(backend, NoKeyring | NullKeyring) else backend

    def _read(self) -> dict[str, str]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StoreError(
                where=str(self._file),
                what="the passwords in it cannot be read.",
                remedy="Delete the file and enter the passwords of the links again.",
            ) from error
        return {str(k): str(v) for k, v in kept.items()} if isinstance(kept, dict) else {}

    def _write(self, entries: dict[str, str]) -> None:
        beside = self._file.with_name(self._file.name + ".new")
        try:
            beside.unlink(missing_ok=True)
            # Made with its rights, not given them afterwards: there is no moment to read it.
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(entries, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._file)
        except OSError as error:
            raise StoreError(
                where=str(self._file),
                what=f"the password cannot be kept: {error.strerror or error}.",
                remedy="Check the rights of the site folder.",
            ) from error

"""The key of an encrypted database, locked away in a file beside it.

The database has a random key of its own, which nobody ever types. The file holds that key twice,
encrypted: once under the passphrase, once under the recovery key that was shown and written down.
So a passphrase is changed without touching the database, and a forgotten one is not the end. A
database that got a new key keeps the former ones in the file, since older backups need them.

Wrapping: scrypt (RFC 7914) with N = 2^15, r = 8, p = 1, then AES-256-GCM.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from energy_desktop.domain.errors import DamagedStore, StoreError, WrongKey

PASSPHRASE_AT_LEAST = 10  # characters
_SCRYPT: dict[str, int] = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 64 << 20, "dklen": 32}
_FORMAT = 1
_GROUP = 4


@dataclass(frozen=True, slots=True)
class LockedKey:
    """One database key under its two locks. check: tells a wrong guess without the database."""

    key_id: str
    check: str
    passphrase: str
    recovery: str


@dataclass(frozen=True, slots=True)
class KeyFile:
    """keys: the one in force first, former ones after it."""

    path: Path
    keys: tuple[LockedKey, ...]

    @property
    def key_id(self) -> str:
        """Under which name a keyring may keep the key in force."""
        return self.keys[0].key_id

    @classmethod
    def load(cls, path: Path) -> KeyFile:
        """Raises StoreError when it is not there or not whole."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']}")
            keys = tuple(LockedKey(**entry) for entry in content["keys"])
            if not keys:
                raise ValueError("no key")
        except FileNotFoundError:
            # A plain database whose first page is damaged looks the same from outside.
            raise DamagedStore(
                where=str(path),
                what="the database is encrypted and this file with its locked key is gone, or "
                "the first page of the database is damaged.",
                remedy="Copy the file back from beside a backup, or restore a backup.",
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                where=str(path),
                what=f"this file with the locked key cannot be read ({error}).",
                remedy="Copy it back from beside a backup.",
            ) from error
        return cls(path, keys)

    def save(self) -> None:
        """Whole or not at all; only this user may read it."""
        entries = [
            {name: getattr(key, name) for name in ("key_id", "check", "passphrase", "recovery")}
            for key in self.keys
        ]
        text = json.dumps({"format": _FORMAT, "keys": entries}, indent=1)
        beside = self.path.with_name(self.path.name + ".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, text.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        beside.replace(self.path)

    def open(self, secret: str) -> tuple[str, ...]:
        """The keys that a passphrase or recovery key opens, the one in force first.

        Usually one. A program that was killed while it gave the database another key leaves the
        former one in force, so the caller sees which of them fits. Raises WrongKey for none.
        """
        found = tuple(
            opened
            for key in self.keys
            for wrapped, text in ((key.passphrase, secret), (key.recovery, _plain(secret)))
            if (opened := _unwrap(wrapped, text)) is not None
        )
        if not found:
            raise WrongKey(
                where=str(self.path),
                what="this passphrase does not open the database.",
                remedy="Type it again, or use the recovery key that was shown when it was "
                "encrypted.",
            )
        return found

    def holds(self, key: str) -> bool:
        """Whether a key from a keyring is one of these."""
        check = _check(key)
        return any(secrets.compare_digest(check, known.check) for known in self.keys)

    def joined(self, other: KeyFile) -> KeyFile:
        """The keys of both, this one's first: for a database that comes from elsewhere."""
        mine = {key.key_id for key in self.keys}
        return replace(self, keys=(*self.keys, *(k for k in other.keys if k.key_id not in mine)))

    def with_passphrase(self, key: str, passphrase: str) -> KeyFile:
        """The same key under another passphrase; the recovery key stays. Raises StoreError."""
        _check_length(passphrase)
        first = replace(self.keys[0], passphrase=_wrap(key, passphrase))
        return replace(self, keys=(first, *self.keys[1:]))

    def with_recovery(self, key: str, recovery: str) -> KeyFile:
        first = replace(self.keys[0], recovery=_wrap(key, _plain(recovery)))
        return replace(self, keys=(first, *self.keys[1:]))

    def with_key(self, key: str, passphrase: str, recovery: str) -> KeyFile:
        """A new database key in force; the others become former ones."""
        return replace(self, keys=(locked(key, passphrase, recovery), *self.keys))


def locked(key: str, passphrase: str, recovery: str) -> LockedKey:
    """Raises StoreError for a passphrase that is too short."""
    _check_length(passphrase)
    return LockedKey(
        key_id=secrets.token_hex(8),
        check=_check(key),
        passphrase=_wrap(key, passphrase),
        recovery=_wrap(key, _plain(recovery)),
    )


def _check_length(passphrase: str) -> None:
    if len(passphrase) < PASSPHRASE_AT_LEAST:
        raise StoreError(
            where="Passphrase",
            what=f"it has fewer than {PASSPHRASE_AT_LEAST} characters.",
            remedy="Take a longer one, such as four words.",
        )


def key_file_of(database: Path) -> Path:
    """Where the locked key of a database lies."""
    return database.with_name(database.name + ".key")


def new_key() -> str:
    """256 random bits in SQLCipher\'s notation for a key that needs no derivation."""
    return f"x'{secrets.token_hex(32)}'"


def new_recovery_key() -> str:
    """160 random bits and a check, in groups that can be read out and typed."""
    code = base64.b32encode(secrets.token_bytes(20)).decode()
    code += _mark(code)
    return "-".join(code[i : i + _GROUP] for i in range(0, len(code), _GROUP))


def looks_like_recovery_key(text: str) -> bool:
    """Whether every character is right, as far as the check at its end can tell."""
    plain = _plain(text)
    return len(plain) == 36 and _mark(plain[:32]) == plain[32:]


def _plain(recovery: str) -> str:
    return "".join(recovery.split()).replace("-", "").upper()


def _mark(code: str) -> str:
    return base64.b32encode(hashlib.sha256(code.encode()).digest()).decode()[:_GROUP]


def _check(key: str) -> str:
    return hashlib.sha256(b"energy_desktop key " + key.encode()).hexdigest()[:32]


def _wrap(key: str, secret: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_derived(secret, salt)).encrypt(nonce, key.encode(), None)
    return base64.b64encode(salt + nonce + sealed).decode()


def _unwrap(wrapped: str, secret: str) -> str | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        whole = base64.b64decode(wrapped, validate=True)
        salt, nonce, sealed = whole[:16], whole[16:28], whole[28:]
        return AESGCM(_derived(secret, salt)).decrypt(nonce, sealed, None).decode()
    except (InvalidTag, ValueError):
        return None


def _derived(secret: str, salt: bytes) -> bytes:
    options: Any = _SCRYPT
    return hashlib.scrypt(secret.encode(), salt=salt, **options)

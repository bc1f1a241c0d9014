"""Keys with which sensors post: made, named, shown once, revoked.

A key is 256 random bits, so its SHA-256 can stand in the store as it is: there is nothing to guess
that a slow hash would protect, and every request must be checked. The comparison takes the same
time whatever fits, and goes through every key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.errors import NotFound, StoreError, WrongUse
from energy_desktop.domain.ports import ApiKeyStore
from energy_desktop.domain.push import ApiKey

PREFIX = "edk_"  # so that a key is recognised where it should not be: in a log, in a repository
_SECRET_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_LOOK_AGAIN_S = 2.0  # so soon a key that another program revoked is refused here
_NOTE_USE_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class NewKey:
    """secret: shown to a person now and never again."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        return f"NewKey({self.key!r}, secret=<hidden>)"


class ApiKeyService:
    """Usable from any thread. `monotonic` is handed in for tests."""

    def __init__(
        self,
        store: ApiKeyStore,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._lock = Lock()
        self._known: tuple[tuple[ApiKey, bytes], ...] = ()
        self._look_again_s = float("-inf")
        self._noted_ms: dict[str, int] = {}

    def all(self) -> tuple[ApiKey, ...]:
        """All that were ever made, revoked ones too, oldest first."""
        return tuple(key for key, _ in self._store.all())

    def make(self, name: str) -> NewKey:
        """Raises WrongUse for a name that cannot be part of a meter's address, or is taken."""
        name = name.strip()
        if not _NAME.fullmatch(name):
            raise WrongUse(
                where=f"Key {name!r}",
                what="This is no name for a key.",
                remedy="Use up to 40 letters, digits, dots and dashes, as in roof-sensor.",
            )
        if any(key.is_active and key.name.lower() == name.lower() for key in self.all()):
            raise WrongUse(
                where=f"Key {name}",
                what="There is a key of this name already.",
                remedy="Revoke it first if it is to be replaced: meters go by the name.",
            )
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        key = ApiKey(secrets.token_hex(6), name, to_ms(self._clock()))
        self._store.add(key, _hash(secret))
        self._forget()
        return NewKey(key, secret)

    def revoke(self, name_or_id: str) -> ApiKey:
        """The active key of that name or id takes no readings from now on. Raises NotFound."""
        found = next(
            (k for k in self.all() if k.is_active and name_or_id in (k.name, k.key_id)), None
        )
        if found is None:
            names = ", ".join(k.name for k in self.all() if k.is_active) or "none yet"
            raise NotFound(
                where=f"Key {name_or_id}",
                what="There is no active key of this name.",
                remedy=f"Active are: {names}.",
            )
        self._store.revoke(found.key_id, to_ms(self._clock()))
        self._forget()
        return next(k for k in self.all() if k.key_id == found.key_id)

    def authenticate(self, presented: str) -> ApiKey | None:
        """The active key whose secret this is; None: nobody's."""
        digest = _hash(presented).encode()
        found: ApiKey | None = None
        for key, known in self._active():
            if hmac.compare_digest(digest, known):
                found = key
        if found is not None:
            self._note_use(found)
        return found

    def _active(self) -> tuple[tuple[ApiKey, bytes], ...]:
        with self._lock:
            if self._monotonic() >= self._look_again_s:
                self._known = tuple(
                    (key, secret_hash.encode())
                    for key, secret_hash in self._store.all()
                    if key.is_active
                )
                self._look_again_s = self._monotonic() + _LOOK_AGAIN_S
            return self._known

    def _forget(self) -> None:
        with self._lock:
            self._look_again_s = float("-inf")

    def _note_use(self, key: ApiKey) -> None:
        now_ms = to_ms(self._clock())
        with self._lock:
            if abs(now_ms - self._noted_ms.get(key.key_id, -_NOTE_USE_EVERY_MS)) < (
                _NOTE_USE_EVERY_MS
            ):
                return
            self._noted_ms[key.key_id] = now_ms
        try:
            self._store.note_use(key.key_id, now_ms)
        except StoreError:
            # A store that is busy must not refuse a reading; the next use is noted again.
            with self._lock:
                self._noted_ms.pop(key.key_id, None)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

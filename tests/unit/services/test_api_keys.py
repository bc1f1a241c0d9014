"""Keys are random, hashed, revoked at once, and their use is noted without wearing the disk."""

import hashlib

import pytest

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.errors import NotFound, StoreError, WrongUse
from energy_desktop.services.api_keys import PREFIX, ApiKeyService

T0 = 1_780_000_000_000


class FakeStore:
    """Stands in for StoredApiKeys."""

    def __init__(self) -> None:
        self.rows, self.reads, self.uses, self.busy = [], 0, [], False

    def all(self):
        self.reads += 1
        return tuple(self.rows)

    def add(self, key, secret_hash) -> None:
        self.rows.append((key, secret_hash))

    def revoke(self, key_id, at_ms) -> None:
        from dataclasses import replace

        self.rows = [
            (replace(k, revoked_at_ms=at_ms) if k.key_id == key_id else k, h) for k, h in self.rows
        ]

    def note_use(self, key_id, at_ms) -> None:
        if self.busy:
            raise StoreError(where="s", what="locked", remedy="wait")
        self.uses.append(at_ms)


class Time:
    def __init__(self) -> None:
        self.s = 0.0

    def clock(self):
        return from_ms(T0 + round(self.s * 1000))

    def monotonic(self) -> float:
        return self.s


@pytest.fixture
def store():
    return FakeStore()


@pytest.fixture
def at():
    return Time()


@pytest.fixture
def keys(store, at):
    return ApiKeyService(store, at.clock, at.monotonic)


def test_a_key_has_256_random_bits_and_only_its_hash_is_kept(keys, store):
    one, two = keys.make("one"), keys.make("two")

    assert one.secret.startswith(PREFIX) and len(one.secret) == len(PREFIX) + 43
    assert one.secret != two.secret
    assert store.rows[0][1] == hashlib.sha256(one.secret.encode()).hexdigest()
    assert one.secret not in repr(one) and one.secret not in repr(store.rows)


def test_only_the_whole_key_opens(keys):
    made = keys.make("roof")

    assert keys.authenticate(made.secret).name == "roof"
    for wrong in ("", made.secret[:-1], made.secret + "A", made.secret.lower(), "\ud800"):
        assert keys.authenticate(wrong) is None


@pytest.mark.parametrize("name", ["", "a/b", "a b", "-a", "x" * 41, "Da\nch", "ü"])
def test_a_name_that_cannot_stand_in_an_address_is_refused(keys, name):
    with pytest.raises(WrongUse):
        keys.make(name)


def test_a_name_is_free_again_after_its_key_was_revoked(keys):
    keys.make("roof")
    with pytest.raises(WrongUse, match="already"):
        keys.make("Roof")

    keys.revoke("roof")

    assert keys.make("roof").key.is_active


def test_a_revoked_key_opens_nothing_and_cannot_be_revoked_twice(keys):
    made = keys.make("roof")
    keys.authenticate(made.secret)

    keys.revoke("roof")

    assert keys.authenticate(made.secret) is None
    with pytest.raises(NotFound):
        keys.revoke("roof")


def test_what_another_program_revoked_is_refused_within_two_seconds(keys, store, at):
    made = keys.make("roof")
    assert keys.authenticate(made.secret)
    store.revoke(made.key.key_id, T0)

    at.s = 2.1

    assert keys.authenticate(made.secret) is None


def test_a_thousand_requests_read_the_keys_once_and_note_one_use(keys, store):
    made = keys.make("roof")
    before = store.reads

    for _ in range(1000):
        keys.authenticate(made.secret)

    assert store.reads == before + 1
    assert store.uses == [T0]


def test_a_store_that_is_busy_refuses_no_sensor(keys, store, at):
    made = keys.make("roof")
    store.busy = True
    assert keys.authenticate(made.secret)

    store.busy, at.s = False, 1.0
    keys.authenticate(made.secret)

    assert store.uses == [T0 + 1000]

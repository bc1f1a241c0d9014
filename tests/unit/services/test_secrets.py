"""Passwords of links: the system's key store, else a file for this user only, said in words."""

import os

import pytest
from keyring.backends.fail import Keyring as NoKeyring

from energy_desktop.domain.errors import StoreError
from energy_desktop.services.secrets import SecretService


class FakeKeyStore:
    def __init__(self, broken: bool = False) -> None:
        self.kept, self.broken = {}, broken

    def get_password(self, service, name):
        if self.broken:
            raise RuntimeError("no bus")
        return self.kept.get((service, name))

    def set_password(self, service, name, password):
        if self.broken:
            raise RuntimeError("no bus")
        self.kept[service, name] = password

    def delete_password(self, service, name):
        del self.kept[service, name]


@pytest.fixture
def headless(monkeypatch):
    monkeypatch.setattr("keyring.get_keyring", NoKeyring)


def test_the_key_store_of_the_system_is_used_and_no_file_is_made(tmp_path):
    store = FakeKeyStore()
    secrets = SecretService(tmp_path, store)

    secrets.set("mqtt", "s3cret")

    assert secrets.get("mqtt") == "s3cret"
    assert "key store" in secrets.where and list(tmp_path.iterdir()) == []


def test_two_sites_of_one_user_do_not_share_the_password_of_a_link(tmp_path):
    store = FakeKeyStore()
    SecretService(tmp_path / "a", store).set("mqtt", "of a")

    assert SecretService(tmp_path / "b", store).get("mqtt") is None


def test_without_a_key_store_a_file_that_only_this_user_reads_keeps_it(tmp_path, headless):
    secrets = SecretService(tmp_path)

    secrets.set("mqtt", "s3cret")

    assert SecretService(tmp_path).get("mqtt") == "s3cret"
    assert str(tmp_path / "secrets.json") in secrets.where
    if os.name == "posix":
        assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_an_empty_password_is_forgotten(tmp_path, headless):
    secrets = SecretService(tmp_path)
    secrets.set("mqtt", "s3cret")

    secrets.set("mqtt", "")

    assert secrets.get("mqtt") is None
    assert "s3cret" not in (tmp_path / "secrets.json").read_text()


def test_a_key_store_that_does_not_answer_is_no_reason_to_lose_the_password(tmp_path, caplog):
    secrets = SecretService(tmp_path, FakeKeyStore(broken=True))

    secrets.set("mqtt", "s3cret")

    assert secrets.get("mqtt") == "s3cret"
    assert "s3cret" not in caplog.text and "key store" in caplog.text


def test_a_damaged_file_is_said_in_words(tmp_path, headless):
    (tmp_path / "secrets.json").write_text("{")

    with pytest.raises(StoreError, match="cannot be read"):
        SecretService(tmp_path).get("mqtt")

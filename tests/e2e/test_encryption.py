"""A site is encrypted, used, given other keys, backed up, restored and made plain again."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Program

PASSPHRASE = "four words are fine"
SITE = '[site]\nname = "Secret Works & Sons"\nzone = "Europe/Berlin"\n'


@pytest.fixture
def site(program, tmp_path, monkeypatch):
    """A plain site on a computer without a keyring."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.delenv("ENERGY_DESKTOP_PASSPHRASE", raising=False)
    file = tmp_path / "site.toml"
    file.write_text(SITE, encoding="utf-8")
    program("apply", file)
    return program


@pytest.fixture
def knowing(monkeypatch):
    """Sets what is typed at the next commands."""

    def set_it(passphrase=PASSPHRASE, new=""):
        monkeypatch.setenv("ENERGY_DESKTOP_PASSPHRASE", passphrase)
        monkeypatch.setenv("ENERGY_DESKTOP_NEW_PASSPHRASE", new)

    return set_it


def test_an_encrypted_site_shows_nothing_to_whoever_has_the_files(site, knowing):
    assert b"Secret Works" in site_bytes(site)
    knowing()

    told = site.json("encryption", "on")

    assert told["encrypted"] is True
    assert told["key_in_keyring"] is False
    assert b"Secret Works" not in site_bytes(site)
    assert PASSPHRASE.encode() not in site_bytes(site)
    assert told["recovery_key"].encode() not in site_bytes(site)
    assert site.json("meters") == {"meters": []}
    assert site.json("encryption", "status")["encrypted"] is True


def test_without_or_with_a_wrong_passphrase_there_is_one_sentence_and_no_new_database(
    site, knowing
):
    knowing()
    told = site.json("encryption", "on")
    before = (site.site / "site.sqlite").read_bytes()

    knowing("")
    none = site.ended("meters")
    knowing("four words are fime")
    wrong = site.ended("meters")
    after = (site.site / "site.sqlite").read_bytes()
    knowing(told["recovery_key"].lower())
    recovered = site.ended("meters")

    assert none.returncode == wrong.returncode == 3
    assert "encrypted, and no passphrase was given" in none.stderr
    assert "this passphrase does not open the database" in wrong.stderr
    assert "Traceback" not in none.stderr + wrong.stderr
    assert "CORE" not in wrong.stderr
    assert after == before
    assert recovered.returncode == 0


def test_passphrase_recovery_key_and_database_key_are_changed(site, knowing):
    knowing()
    first = site.json("encryption", "on")
    knowing(new="another set of words")
    site("encryption", "passphrase")
    knowing("another set of words", new="a third set of words")
    site.json("backup")
    second = site.json("encryption", "rekey")

    knowing("another set of words")
    assert site.ended("meters").returncode == 3
    knowing(first["recovery_key"])
    assert site.ended("meters").returncode == 3
    knowing("a third set of words")
    assert site.ended("meters").returncode == 0
    third = site.json("encryption", "recovery")
    knowing(second["recovery_key"])
    assert site.ended("meters").returncode == 3
    knowing(third["recovery_key"])
    assert site.ended("meters").returncode == 0


def test_an_encrypted_backup_opens_elsewhere_with_what_lies_beside_it(site, knowing, tmp_path):
    knowing()
    site("encryption", "on")
    copy = site.json("backup")["file"]
    other = Program(tmp_path / "other")

    other("restore", copy)

    assert Path(f"{copy}.key").exists()
    assert b"Secret Works" not in site_bytes(other)
    assert other.json("meters") == {"meters": []}
    knowing("wrong all the way")
    assert other.ended("meters").returncode == 3


def test_the_encryption_is_taken_off(site, knowing):
    knowing()
    site("encryption", "on")
    site("encryption", "off")

    knowing("")
    assert site.json("meters") == {"meters": []}
    assert b"Secret Works" in site_bytes(site)
    assert site.json("encryption", "status")["encrypted"] is False


def test_a_key_file_that_is_gone_or_damaged_is_named(site, knowing):
    knowing()
    site("encryption", "on")
    file = site.site / "site.sqlite.key"
    content = json.loads(file.read_text(encoding="utf-8"))

    file.rename(file.with_suffix(".aside"))
    gone = site.ended("meters")
    file.write_text(json.dumps({**content, "keys": []}), encoding="utf-8")
    empty = site.ended("meters")

    assert gone.returncode == empty.returncode == 3
    assert "site.sqlite.key" in gone.stderr
    assert "is gone" in gone.stderr
    assert "cannot be read" in empty.stderr


def test_a_database_that_is_gone_is_said_and_no_plain_one_takes_its_place(site, knowing):
    knowing()
    site("encryption", "on")
    site("backup")
    database = site.site / "site.sqlite"
    for left in site.site.glob("site.sqlite*"):
        if left.suffix != ".key":
            left.unlink()

    ended = site.ended("meters")

    assert ended.returncode == 3
    assert "is gone" in ended.stderr
    assert not database.exists()
    site("restore", "--newest")
    assert site.json("encryption", "status")["encrypted"] is True
    assert site.json("meters") == {"meters": []}


def test_a_passphrase_that_is_too_short_changes_nothing(site, knowing):
    knowing("short")

    ended = site.ended("encryption", "on")

    assert ended.returncode == 3
    assert "fewer than 10 characters" in ended.stderr
    knowing("")
    assert site.json("meters") == {"meters": []}


def site_bytes(program):
    return b"".join(f.read_bytes() for f in program.site.rglob("*") if f.is_file())

"""A site whose database file is gone: no command makes an empty one in its place unasked."""

import json
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands import site as site_commands
from energy_desktop.app.commands.root import app
from energy_desktop.app.logging_setup import log_to
from energy_desktop.app.paths import SiteFolder

SITE = '[site]\nname = "Works"\nzone = "Europe/Berlin"\n'


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    return path


@pytest.fixture
def folder(file, tmp_path):
    """A site with one backup, whose database is gone."""
    folder = SiteFolder(tmp_path / "site")
    assert run("apply", file, "--site", folder.root).exit_code == 0
    assert run("backup", "--site", folder.root).exit_code == 0
    lose(folder)
    return folder


def lose(folder):
    for left in folder.root.glob("site.sqlite*"):
        left.unlink()


def test_no_command_takes_a_lost_store_for_a_new_site(folder, file):
    (backup,) = folder.backups.glob("*.sqlite")

    for words in (["meters"], ["apply", file], ["encryption", "on"]):
        ended = run(*words, "--site", folder.root)

        assert ended.exit_code == 3, words
        assert "the database is gone; one backup of it, made 20" in ended.stderr
        assert str(backup) in ended.stderr
        assert "`restore --newest`" in ended.stderr
        assert not folder.database.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["poll", "lathe"],
        ["poll", "--link", "gate", "--driver", "eastron_sdm120"],
        ["inspect", "lathe", "--start", "0x0C"],
        ["check"],
        ["check", "lathe"],
        ["frames", "gate"],
        ["scan", "--link", "gate"],
    ],
)
def test_a_command_that_only_looks_says_that_the_store_is_gone(folder, words):
    (backup,) = folder.backups.glob("*.sqlite")

    ended = run(*words, "--site", folder.root)

    assert ended.exit_code == 3
    assert "the database is gone; one backup of it, made 20" in ended.stderr
    assert str(backup) in ended.stderr
    assert "`restore --newest`" in ended.stderr
    assert not folder.database.exists()


def test_a_meter_that_is_described_is_asked_also_where_the_store_is_gone(folder):
    """Whoever stands before the cabinet needs no site for it."""
    nobody = ["--tcp", "127.0.0.1:1", "--timeout-s", "0.1"]

    for words in (["poll", "--driver", "eastron_sdm120"], ["inspect", "--start", "0x0C"]):
        ended = run(*words, *nobody, "--site", folder.root)

        assert "the database is gone" not in ended.stderr
        assert "127.0.0.1" in ended.stderr + ended.stdout


def test_the_newest_backup_brings_it_back(folder):
    restored = run("restore", "--newest", "--site", folder.root)

    assert restored.exit_code == 0
    assert run("meters", "--site", folder.root).exit_code == 0


def test_the_newest_of_several_backups_is_named(folder):
    (backup,) = folder.backups.glob("*.sqlite")
    newer = backup.with_name("site-29990101T000000Z.sqlite")
    newer.write_bytes(backup.read_bytes())

    ended = run("meters", "--site", folder.root)

    assert "the newest of 2 backups of it, made 2999-01-01" in ended.stderr
    assert str(newer) in ended.stderr


def test_to_begin_anew_must_be_said_and_leaves_the_backups(folder):
    begun = run("begin-anew", "--site", folder.root, "--json")
    again = run("begin-anew", "--site", folder.root)

    assert json.loads(begun.stdout) == {"database": str(folder.database), "kept_aside": []}
    assert run("meters", "--site", folder.root).exit_code == 0
    assert len(list(folder.backups.glob("*.sqlite"))) == 1
    assert again.exit_code == 2
    assert "there is a store; nothing was changed" in again.stderr


@pytest.mark.parametrize("words", [["restore", "--newest"], ["begin-anew"]])
def test_the_log_of_a_lost_store_is_never_written_into_another(folder, words):
    """Left alone, SQLite would replay it into whatever database gets the name."""
    log = Path(f"{folder.database}-wal")
    log.write_bytes(b"readings of the last second")

    ended = run(*words, "--site", folder.root)

    assert ended.exit_code == 0
    kept = [f.read_bytes() for f in folder.root.glob("site.sqlite*") if f != log]
    assert kept.count(b"readings of the last second") == 1
    assert run("soundness", "--site", folder.root).exit_code == 0


def test_what_lies_beside_a_lost_store_tells_of_it_without_a_backup(tmp_path):
    folder = SiteFolder(tmp_path / "site")
    folder.make()
    key = folder.root / "site.sqlite.key"
    key.write_text("{}", encoding="utf-8")

    refused = run("meters", "--site", folder.root)
    begun = run("begin-anew", "--site", folder.root, "--json")

    assert refused.exit_code == 3
    assert "site.sqlite.key is still here" in refused.stderr
    (kept,) = json.loads(begun.stdout)["kept_aside"]
    assert Path(kept).read_text(encoding="utf-8") == "{}"
    assert run("meters", "--site", folder.root).exit_code == 0


def test_a_bug_of_ours_is_logged_to_the_site_that_the_command_was_told(tmp_path, file, monkeypatch):
    folder, other = SiteFolder(tmp_path / "site"), SiteFolder(tmp_path / "other")
    monkeypatch.setenv("ENERGY_DESKTOP_SITE", str(other.root))
    assert run("apply", file, "--site", folder.root).exit_code == 0

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)

    def fail(*_):
        raise ZeroDivisionError("a wheel came off")

    monkeypatch.setattr(site_commands, "opened", fail)
    ended = run("meters", "--site", folder.root)
    log_to(None)

    assert ended.exit_code == 3
    assert f"Report the end of {folder.log}" in ended.stderr
    assert "a wheel came off" in folder.log.read_text(encoding="utf-8")
    assert not other.log.exists()

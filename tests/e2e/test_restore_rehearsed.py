"""A damaged site is brought back under the window and by command, and goes on polling."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing

import pytest
import sqlcipher3.dbapi2 as driver

from tests.e2e.conftest import ROOT, Program
from tests.support.meter_server import serving_meters

SITE = """
[site]
name = "Harmed"
zone = "Europe/Berlin"

[[links]]
id = "gate"
kind = "modbus_tcp"
host = "127.0.0.1"
port = {port}

[[meters]]
id = "m1"
name = "One"
driver = "eastron_sdm120"
link = "gate"
unit = 1
poll_interval_s = 0.5
"""


@pytest.fixture(scope="module")
def sound_site(tmp_path_factory):
    """A site of one meter that was polled for some seconds and then backed up."""
    folder = tmp_path_factory.mktemp("sound")
    program = Program(folder / "site")
    with serving_meters(units=1, connections=1) as (port,):
        file = folder / "site.toml"
        file.write_text(SITE.format(port=port), encoding="utf-8")
        program("apply", file)
        program("serve", "--for", 2)
        program("backup")
        yield program.site


@pytest.fixture
def backed_up(sound_site, tmp_path):
    """A copy of it, with its backup."""
    shutil.copytree(sound_site, tmp_path / "site")
    (tmp_path / "site" / "backups.json").unlink()  # it names the folder of the other one
    program = Program(tmp_path / "site")
    (made,) = (program.site / "backups").glob("*.sqlite")
    program.backup = str(made)
    return program


def spoil(path, page, bytes_per_page=4096):
    """Writes noughts over a page, as a failing disk does; the first is 1."""
    with path.open("r+b") as file:
        file.seek((page - 1) * bytes_per_page)
        file.write(bytes(bytes_per_page))


def root_page(path, table):
    with closing(driver.connect(str(path))) as plain:
        question = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return plain.execute(question, (table,)).fetchone()[0]


def under_the_window(program, door, pictures):
    ended = subprocess.run(
        [sys.executable, "-m", "tests.e2e.rescue_child", str(program.site), door, str(pictures)],
        capture_output=True,
        text=True,
        timeout=110,
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_a_store_that_does_not_open_is_restored_under_the_window(backed_up, tmp_path):
    spoil(backed_up.site / "site.sqlite", page=1)

    seen = under_the_window(backed_up, "starting", tmp_path)

    assert "first page of the database is damaged" in seen["found"]
    assert "was opened and is whole" in seen["said"]
    assert "kept aside" in seen["said"]
    assert seen["answering"] == 1
    assert seen["polled"] > 3
    assert seen["sound"]
    assert seen["page_failures"] == {}
    assert len(list(backed_up.site.glob("site.sqlite.before-restore-*"))) >= 1


def test_a_store_that_is_gone_is_restored_under_the_window(backed_up, tmp_path):
    (backed_up.site / "site.sqlite").unlink()

    seen = under_the_window(backed_up, "starting", tmp_path)

    assert "the database is gone" in seen["found"]
    assert backed_up.backup in seen["found"]
    assert "was opened and is whole" in seen["said"]
    assert "in no backup" in seen["said"]
    assert seen["answering"] == 1
    assert seen["polled"] > 3
    assert seen["sound"]


def test_an_empty_store_takes_the_place_of_one_that_is_gone_when_asked_for(backed_up, tmp_path):
    (backed_up.site / "site.sqlite").unlink()

    seen = under_the_window(backed_up, "anew", tmp_path)

    assert seen["polled"] == seen["answering"] == 0
    assert backed_up.json("meters") == {"meters": []}
    assert [b["file"] for b in backed_up.json("backups")["backups"]] == [backed_up.backup]


def test_harm_that_the_check_finds_is_named_and_restored_under_the_window(backed_up, tmp_path):
    database = backed_up.site / "site.sqlite"
    spoil(database, root_page(database, "invoice_papers"))

    seen = under_the_window(backed_up, "settings", tmp_path)

    assert "table invoice_papers (PDFs of invoices)" in seen["found"]
    assert seen["answering"] == 1
    assert seen["polled"] > 3
    assert seen["sound"]
    assert seen["page_failures"] == {}


def test_on_a_server_the_newest_whole_backup_is_restored_by_command(backed_up):
    database = backed_up.site / "site.sqlite"
    spoil(database, root_page(database, "invoice_papers"))
    checked = backed_up.ended("soundness")

    refused = backed_up.ended("backup")
    told = backed_up.json("restore", "--newest")

    assert checked.returncode == 3
    assert "table invoice_papers" in checked.stdout
    assert refused.returncode == 3
    assert "holds damage" in refused.stderr
    assert told["backup"] == backed_up.backup
    assert told["kept_aside"]
    assert backed_up.json("soundness") == {"sound": True, "damage": []}
    assert backed_up.json("serve", "--for", 2)["answering"] == 1

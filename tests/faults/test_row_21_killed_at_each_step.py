"""FAULTS row 21: kill -9 inside billing, backup, restore, migration, change of key, paper.

After each kill: the old or the new, never half; and the same work done again comes to its end.
"""

import sys

import pytest

from energy_desktop.domain.errors import StoreError
from energy_desktop.reports.files import write_bytes
from energy_desktop.storage import migrations, open_store, restore
from energy_desktop.storage.database import Database, parse_target
from energy_desktop.storage.encryption import change_key, is_encrypted, opens
from energy_desktop.storage.keyfile import new_key
from energy_desktop.storage.migrations.versions import STEPS, Step
from tests.faults.killing import killed_at_each_step
from tests.support.store_builders import T0, SetClock, a_configuration, a_draft, readings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills forked children")

KEY, OTHER_KEY = new_key(), new_key()
PDF = b"%PDF-1.7 " + bytes(range(256)) * 64


@pytest.fixture
def path(tmp_path):
    return tmp_path / "energy.db"


def opened(path):
    return open_store(path, clock=SetClock())


def test_issuing_an_invoice(path):
    draft = a_draft()
    with opened(path) as store:
        store.configuration.replace(a_configuration())

    def work(store):
        store.invoices.attach_pdf(store.invoices.issue(draft, T0).number, PDF)

    for step in killed_at_each_step(lambda: opened(path), work):
        with opened(path) as store:
            issued = store.invoices.issued()
            assert len(issued) <= 1, f"killed at step {step}"
            assert all(store.invoices.pdf(i.number) in (None, PDF) for i in issued)
            assert store.find_damage() == ()

    with opened(path) as store:
        work(store)
        (invoice,) = store.invoices.issued()
        assert invoice.number == "2027-0001"
        assert store.invoices.pdf("2027-0001") == PDF
        following = store.invoices.issue(a_draft(month="2026-04"), T0)
        assert following.number == "2027-0002"


def test_backing_up(path, tmp_path):
    target = tmp_path / "copies" / "copy.db"
    filled(path, "before")

    for step in killed_at_each_step(lambda: opened(path), lambda store: store.backup(target)):
        assert not target.exists() or read_back(target) == "before", f"killed at step {step}"
        assert read_back(path) == "before"

    with opened(path) as store:
        store.configuration.save_setting("it", "after")
        store.backup(target)
    assert read_back(target) == "after"
    assert [p.name for p in target.parent.iterdir()] == ["copy.db"]


def test_restoring(path, tmp_path):
    backup = tmp_path / "copy.db"
    filled(path, "in the backup")
    with opened(path) as store:
        store.backup(backup)
        store.configuration.save_setting("it", "in use")

    states = set()
    for step in killed_at_each_step(lambda: None, lambda _: kept_aside(backup, path)):
        state = read_back(path)
        states.add(state)
        assert state in ("in use", "in the backup"), f"killed at step {step}"
        if state == "in the backup":
            assert any(read_back(p) == "in use" for p in tmp_path.glob("*.before-restore-*"))
            break

    kept_aside(backup, path)
    assert read_back(path) == "in the backup"
    assert "in use" in states


def test_updating_the_schema(path):
    filled(path, "before")
    steps = (*STEPS, Step("next", lambda op: op.execute("CREATE TABLE more (a INTEGER)")))

    def update(database):
        migrations.migrate(database, steps=steps)

    for step in killed_at_each_step(lambda: Database(parse_target(path)), update):
        database = Database(parse_target(path))
        revision = migrations.current_revision(database)
        database.close()
        assert revision in (STEPS[-1].revision, "next"), f"killed at step {step}"
        if revision == "next":
            break
        assert read_back(path) == "before"

    database = Database(parse_target(path))
    update(database)
    assert migrations.current_revision(database) == "next"
    database.close()
    with pytest.raises(StoreError, match="newer than this program"):
        open_store(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, KEY), (KEY, OTHER_KEY), (KEY, None)],
    ids=["on", "another", "off"],
)
def test_changing_the_key(path, before, after):
    filled(path, "kept")
    if before is not None:
        change_key(path, None, before)

    for step in killed_at_each_step(lambda: None, lambda _: change_key(path, before, after)):
        fitting = [key for key in (before, after) if fits(path, key)]
        assert len(fitting) == 1, f"killed at step {step}"
        assert read_back(path, fitting[0]) == "kept"
        if fitting == [after]:
            break
    else:
        assert fits(path, after)
    if fits(path, before):
        change_key(path, before, after)

    assert read_back(path, after) == "kept"
    assert not path.with_name("energy.db.rekeyed").exists()


def test_writing_a_paper(tmp_path):
    paper = tmp_path / "paper.pdf"
    paper.write_bytes(b"the old paper")

    for step in killed_at_each_step(lambda: None, lambda _: write_bytes(paper, PDF)):
        assert paper.read_bytes() in (b"the old paper", PDF), f"killed at step {step}"

    write_bytes(paper, PDF)
    assert paper.read_bytes() == PDF


def filled(path, text):
    with open_store(path, engine_owner="test", clock=SetClock()) as store:
        store.configuration.replace(a_configuration())
        store.configuration.save_setting("it", text)
        store.start()
        for snapshot in readings(seconds=120):
            store.writer.put(snapshot)
        store.writer.flush()


def fits(path, key):
    return opens(path, key) if is_encrypted(path) and key else is_encrypted(path) == bool(key)


def read_back(path, key=None):
    with open_store(path, key=key, read_only=True) as store:
        assert len(store.history.raw("m", "power_w", 0, 1 << 42).values) == 120
        return store.configuration.setting("it")


def kept_aside(backup, path):
    restore(backup, path, clock=SetClock())

"""What goes wrong around the database: kills, full queues, locks, damage, second engines."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from random import Random

import pytest
import sqlcipher3.dbapi2 as driver

from energy_desktop.domain.errors import EngineAlreadyRunning, StoreError
from energy_desktop.storage import WriterOptions, holder, migrations, open_store, restore
from energy_desktop.storage.migrations.versions import STEPS, Step
from energy_desktop.storage.spill import Spill
from energy_desktop.storage.store import _backup_before
from tests.support.store_builders import HOUR_MS, T0, a_configuration, a_draft, a_snapshot, readings

CUTS = 2 * int(os.environ.get("ENERGY_DESKTOP_KILLS", "20"))  # a release asks for 100

_KILLED = """
import sys
from energy_desktop.storage import WriterOptions, open_store
from tests.support.store_builders import T0, LAYOUT
from energy_desktop.domain.snapshot import Snapshot

store = open_store(sys.argv[1], engine_owner="killed",
                   writer_options=WriterOptions(commit_interval_s=0.02))
first = int(sys.argv[2])
def acknowledged(batch):
    print(max(s.read_at_ms for s in batch), len(batch), flush=True)
store.writer.on_committed = acknowledged
store.start()
second = first
while True:
    for meter in range(100):
        values = (float(second), 230.0, float(second))
        store.writer.put(Snapshot(f"meter-{meter}", T0 + second * 1000, LAYOUT, values))
    second += 1
    store.writer.flush()
"""


def test_killed_twenty_times_no_acknowledged_reading_is_lost(tmp_path):
    path = tmp_path / "killed.db"
    open_store(path).close()
    expected = first = 0
    for round_number in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(path), str(first)],
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            process.stdout.readline()  # it writes
            time.sleep(0.02 + 0.007 * (round_number % 10))
            process.send_signal(signal.SIGKILL)
            seen = process.stdout.read().split("\n")
        last = [int(line.split()[0]) for line in seen if len(line.split()) == 2]
        with open_store(path) as store:
            newest = store.history.latest("meter-0").read_at_ms
            assert newest >= max(last, default=0)
            times = {
                meter: store.history.raw(f"meter-{meter}", "power_w", T0, newest + 1)
                for meter in (0, 57, 99)
            }
        for series in times.values():
            assert series.time_ms.tolist() == [T0 + i * 1_000 for i in range(len(series.time_ms))]
            assert series.values.tolist() == [float(i) for i in range(len(series.values))]
        expected = len(times[0].time_ms)
        first = expected
    assert expected > 20


@pytest.mark.timeout(120 + CUTS)
def test_a_log_that_a_power_cut_tore_off_opens_with_a_prefix_of_the_commits(path, clock, tmp_path):
    random = Random(5)
    with open_store(path, engine_owner="t", clock=clock) as store:
        for snapshot in readings(seconds=300):
            store.writer.put(snapshot)
            if snapshot.read_at_ms % 10_000 == 9_000:
                store.writer.flush()  # ten readings a commit
        kept = set()
        database, log = path.read_bytes(), path.with_name("energy.db-wal").read_bytes()
    for round_number in range(CUTS):
        cut = random.randrange(len(log))
        torn = log[:cut] + (b"" if round_number % 2 else bytes(len(log) - cut))
        copy = tmp_path / f"torn-{round_number}.db"
        copy.write_bytes(database)
        copy.with_name(copy.name + "-wal").write_bytes(torn)

        with open_store(copy) as opened:
            assert opened.find_damage() == ()
            times = opened.history.raw("m", "power_w", T0, T0 + HOUR_MS).time_ms.tolist()

        kept.add(len(times))
        assert len(times) % 10 == 0
        assert times == [T0 + i * 1_000 for i in range(len(times))]
    assert len(kept) > 5  # the cuts did bite


def test_damage_is_found_and_its_place_named(store):
    for snapshot in readings(seconds=3_600):
        store.writer.put(snapshot)
    store.writer.flush()
    while store.maintain(T0 + 2 * HOUR_MS):
        pass
    store.invoices.issue(a_draft(), T0)
    assert store.find_damage() == ()

    with store._database.writing() as session:
        session.run("UPDATE chunks SET start_ms = start_ms - 3600000 WHERE quantity_key = 2")
        session.run("DROP TRIGGER invoices_no_update")
        session.run("UPDATE invoices SET content = replace(content, '44000', '1')")

    chunk, invoice = store.find_damage()
    assert chunk.startswith("m, voltage_v, from 20")
    assert invoice.startswith("invoice 20")


def test_a_locked_database_is_waited_for_and_nothing_is_lost(path, clock):
    options = WriterOptions(commit_interval_s=0.02, busy_ms=20)
    with open_store(path, engine_owner="t", clock=clock, writer_options=options) as store:
        store.start()
        with closing(driver.connect(str(path), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for snapshot in readings(seconds=500):
                store.writer.put(snapshot)
            wait_until(lambda: store.stats().failing)
            assert "another program" in store.stats().failing
            assert store.stats().waiting == 500
            other.execute("ROLLBACK")
        assert store.writer.flush()
        assert store.stats().failing == ""
        assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 500


def test_what_exceeds_memory_waits_in_a_file_and_is_stored_in_order(path, clock):
    options = WriterOptions(commit_interval_s=0.02, busy_ms=20, memory_readings=100)
    with open_store(path, engine_owner="t", clock=clock, writer_options=options) as store:
        store.start()
        with closing(driver.connect(str(path), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for snapshot in readings(seconds=500):
                store.writer.put(snapshot)
            wait_until(lambda: store.stats().spilled == 500)
            store.writer.put(a_snapshot("late", T0 + 600_000))
            other.execute("ROLLBACK")
        order = []
        store.writer.on_committed = lambda batch: order.extend(s.read_at_ms for s in batch)
        assert store.writer.flush()
        assert order == sorted(order)
        assert store.stats().spilled == 0
        assert not path.with_name("energy.db.waiting").exists()
        assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 500


def test_what_waited_when_the_program_ended_is_stored_at_the_next_start(path, clock):
    options = WriterOptions(busy_ms=20)
    store = open_store(path, engine_owner="t", clock=clock, writer_options=options)
    with closing(driver.connect(str(path), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for snapshot in readings(seconds=50):
            store.writer.put(snapshot)
        store.close()
        assert path.with_name("energy.db.waiting").exists()
        other.execute("ROLLBACK")

    with open_store(path, engine_owner="t", clock=clock) as again:
        assert again.stats().spilled == 50
        assert again.writer.flush()
        assert len(again.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 50


def test_a_torn_spill_file_gives_all_whole_records(tmp_path, caplog):
    spill = Spill(tmp_path / "waiting")
    snapshots = list(readings(seconds=20))
    spill.append(snapshots[:10])
    whole = spill.path.read_bytes()
    spill.append(snapshots[10:])
    torn = spill.path.read_bytes()[: len(whole) + 30]
    spill.path.write_bytes(torn)

    assert list(Spill(spill.path).readings()) == snapshots[:10]
    assert "incomplete" in caplog.text


def test_a_full_disk_is_said_in_words_and_writing_resumes(store, monkeypatch):
    # SQLite answers the same for a file that may not grow; the limit belongs to the connection.
    direct = store.writer._direct
    with direct.writing() as session:
        pages = session.row("PRAGMA page_count")[0]
        session.row(f"PRAGMA max_page_count = {pages + 5}")
    monkeypatch.setattr(direct, "close", lambda: direct._connection.rollback())
    for snapshot in readings(seconds=2_000):
        store.writer.put(snapshot)

    assert not store.writer.flush()
    assert "disk is full" in store.stats().failing
    assert store.stats().waiting == 2_000

    with direct.writing() as session:
        session.row(f"PRAGMA max_page_count = {pages + 100_000}")
    monkeypatch.undo()
    assert store.writer.flush()
    assert len(store.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 2_000


def test_a_reader_beside_the_writer_sees_whole_commits_only(path, clock):
    options = WriterOptions(commit_interval_s=0.005)
    with open_store(path, engine_owner="t", clock=clock, writer_options=options) as store:
        store.start()
        problems, counts = [], []

        def read():
            for _ in range(40):
                a = store.history.raw("a", "energy_import_wh", T0, T0 + HOUR_MS)
                if len(a.time_ms) and (a.values - a.values[0] < 0).any():
                    problems.append("not ascending")
                counts.append(len(a.time_ms))

        thread = threading.Thread(target=read)
        thread.start()
        for snapshot in readings("a", seconds=2_000):
            store.writer.put(snapshot)
        thread.join()
        store.writer.flush()
        assert problems == []
        assert counts == sorted(counts)
        assert len(store.history.raw("a", "power_w", T0, T0 + HOUR_MS).values) == 2_000


def test_a_second_engine_is_refused_with_the_name_of_the_first(path, clock, store):
    assert holder(path).pid == os.getpid()

    with pytest.raises(EngineAlreadyRunning, match=f"test .process {os.getpid()}"):
        open_store(path, engine_owner="second", clock=clock)
    with open_store(path, clock=clock) as beside:
        beside.configuration.replace(a_configuration())
        with pytest.raises(StoreError, match="without its engine"):
            _ = beside.writer
    assert store.configuration.load() == a_configuration()


def test_the_lock_of_a_dead_engine_is_taken_over(path, clock):
    script = (
        "import os, sys; from energy_desktop.storage import open_store;"
        "open_store(sys.argv[1], engine_owner='dead'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)

    assert holder(path) is None
    with open_store(path, engine_owner="next", clock=clock) as store:
        assert store.recovered_from.name == "dead"


def test_a_backup_under_load_opens_and_holds_what_was_there(path, clock, tmp_path):
    options = WriterOptions(commit_interval_s=0.005)
    copy = tmp_path / "copies" / "backup.db"
    with open_store(path, engine_owner="t", clock=clock, writer_options=options) as store:
        store.configuration.replace(a_configuration())
        store.start()
        for snapshot in readings(seconds=1_000):
            store.writer.put(snapshot)
        store.writer.flush()
        feeding = threading.Event()

        def feed():
            for snapshot in readings("n", seconds=20_000):
                store.writer.put(snapshot)
                if feeding.is_set():
                    return

        thread = threading.Thread(target=feed)
        thread.start()
        store.backup(copy)
        feeding.set()
        thread.join()
    assert sorted(p.name for p in copy.parent.iterdir()) == ["backup.db"]
    with open_store(copy, read_only=True) as kept:
        assert kept.configuration.load() == a_configuration()
        assert len(kept.history.raw("m", "power_w", T0, T0 + HOUR_MS).values) == 1_000


def test_a_restore_keeps_the_old_database_aside(path, clock, tmp_path):
    backup = tmp_path / "backup.db"
    with open_store(path, engine_owner="t", clock=clock) as store:
        store.configuration.save_setting("which", "old")
        store.backup(backup)
        store.configuration.save_setting("which", "new")
        with pytest.raises(EngineAlreadyRunning):
            restore(backup, path, clock=clock)

    aside = restore(backup, path, clock=clock)

    with open_store(path) as restored, open_store(aside) as old:
        assert restored.configuration.setting("which") == "old"
        assert old.configuration.setting("which") == "new"


@pytest.mark.parametrize("damage", ["text", "truncated", "other program"])
def test_a_bad_backup_is_refused_and_the_database_untouched(path, clock, tmp_path, damage):
    backup = tmp_path / "backup.db"
    with open_store(path, engine_owner="t", clock=clock) as store:
        store.configuration.save_setting("which", "mine")
        store.backup(backup)
    if damage == "text":
        backup.write_text("no database at all" * 1_000)
    elif damage == "truncated":
        backup.write_bytes(backup.read_bytes()[:40_000])
    else:
        backup.unlink()
        with closing(driver.connect(str(backup))) as other:
            other.execute("CREATE TABLE cats (name TEXT)")
            other.commit()

    with pytest.raises(StoreError):
        restore(backup, path, clock=clock)

    with open_store(path) as store:
        assert store.configuration.setting("which") == "mine"
    assert not list(tmp_path.glob("*.restoring"))


def test_files_that_are_no_database_are_refused_in_words(tmp_path):
    cases = {
        "folder": "this is a folder",
        "empty.db": "the file is empty",
        "text.db": "no database of this program",
        "cats.db": "not one of this program",
    }
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("hello " * 1_000)
    with closing(driver.connect(str(tmp_path / "cats.db"))) as other:
        other.execute("CREATE TABLE cats (name TEXT)")
        other.commit()

    for name, sentence in cases.items():
        with pytest.raises(StoreError, match=sentence):
            open_store(tmp_path / name)
    with pytest.raises(StoreError, match="no database"):
        open_store(tmp_path / "absent.db", read_only=True)
    assert not (tmp_path / "absent.db").exists()


def test_a_wrong_key_is_said_and_makes_no_new_database(tmp_path):
    path = tmp_path / "secret.db"
    with open_store(path, key="right 'key") as store:
        store.configuration.save_setting("a", "b")
    before = path.read_bytes()

    for key in ("wrong", None):
        with pytest.raises(StoreError, match="key"):
            open_store(path, key=key)

    assert path.read_bytes() == before
    assert b"SQLite format" not in before
    with open_store(path, key="right 'key") as store:
        assert store.configuration.setting("a") == "b"


def test_a_newer_schema_is_refused_politely(path):
    open_store(path).close()
    with closing(driver.connect(str(path))) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()

    with pytest.raises(StoreError, match=r"9999.*newer than this program"):
        open_store(path)


def _more(op):
    op.execute("CREATE TABLE more (a INTEGER)")


def _die(op):
    raise RuntimeError("killed here")


def test_an_update_makes_a_verified_backup_first(path, clock, store):
    store.configuration.save_setting("a", "before")
    steps = (*STEPS, Step("next", _more))

    migrations.migrate(store._database, steps=steps, before=_backup_before(store._database, clock))

    assert migrations.pending(store._database, steps) == ()
    (copy,) = path.parent.glob(f"energy.before-update-{STEPS[-1].revision}-*.db")
    with open_store(copy, read_only=True) as old:
        assert old.configuration.setting("a") == "before"


def test_an_update_that_dies_in_the_middle_leaves_the_old_schema(store):
    steps = (*STEPS, Step("next", _more), Step("after", _die))

    with pytest.raises(RuntimeError):
        migrations.migrate(store._database, steps=steps)

    assert migrations.current_revision(store._database) == STEPS[-1].revision
    with store._database.reading() as session:
        assert session.rows("SELECT 1 FROM sqlite_master WHERE name = 'more'") == []


def test_the_migrated_schema_is_that_of_the_tables(store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from energy_desktop.storage.tables import METADATA

    with store._database.reading() as session:
        context = MigrationContext.configure(session.connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_closing_twice_is_fine_and_leaves_no_thread(path, clock):
    before = threading.active_count()
    store = open_store(path, engine_owner="t", clock=clock)
    store.start()
    store.writer.put(a_snapshot())
    store.close()
    store.close()
    assert threading.active_count() == before
    with open_store(path) as again:
        assert len(again.history.raw("m", "power_w", T0, T0 + 1).values) == 1


def test_options_have_room_for_ten_minutes_of_100_meters():
    assert WriterOptions().memory_readings >= 100 * 600
    assert replace(WriterOptions(), busy_ms=1).most_readings > WriterOptions().memory_readings


def wait_until(condition, *, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)

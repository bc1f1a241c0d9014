"""FAULTS row 25: a store whose pages are harmed, whose file is cut, emptied, or lost its log.

Each harm is noticed when the store is opened or checked, the place is named, and the newest backup
that is whole takes its place; the harmed file is kept.
"""

import os
import random
from contextlib import closing
from pathlib import Path

import pytest
import sqlcipher3.dbapi2 as driver

from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.restoring import backups_of, newest_good, restore_site
from energy_desktop.domain.errors import DamagedStore, EngineAlreadyRunning, StoreError
from energy_desktop.domain.settings import ProgramSettings
from energy_desktop.services.backups import BackupService
from energy_desktop.storage import open_store
from energy_desktop.storage.database import sqlite_connection
from tests.support.store_builders import (
    HOUR_MS,
    T0,
    SetClock,
    a_configuration,
    a_draft,
    readings,
)

PAGE = 4_096


@pytest.fixture
def site(tmp_path):
    """A site with two hours of readings of three meters, sealed, an invoice, and a backup."""
    folder = SiteFolder(tmp_path / "site")
    folder.make()
    clock = SetClock(T0 + 3 * HOUR_MS)
    with open_store(folder.database, engine_owner="t", clock=clock) as store:
        store.configuration.replace(a_configuration())
        for meter in ("a", "b", "c"):
            for snapshot in readings(meter, seconds=7_200, step_ms=2_000):
                store.writer.put(snapshot)
        assert store.writer.flush()
        while store.maintain(clock.now_ms, seconds=5):
            pass
        store.invoices.issue(a_draft(), T0)
        backed_up(folder, store, clock)
    with closing(sqlite_connection(folder.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return folder


def backed_up(folder, store, clock, **settings):
    service = BackupService(
        store.configuration, store, clock, lambda: ProgramSettings(**settings), folder.backups
    )
    return service.back_up()


def found_in(path):
    """What is said of a store when it is opened and checked; empty: it is sound."""
    try:
        with open_store(path, read_only=True) as store:
            return " ".join(store.find_damage())
    except DamagedStore as error:
        return str(error)


def whole(path):
    with open_store(path, read_only=True) as store:
        assert store.find_damage() == ()
        assert len(store.invoices.issued()) == 1
        return [len(store.history.raw(m, "power_w", T0, T0 + 3 * HOUR_MS).values) for m in "abc"]


def root_page(path, table):
    with closing(driver.connect(str(path))) as plain:
        question = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return plain.execute(question, (table,)).fetchone()[0]


def write_at(path, place, data):
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


def noughts_in(table):
    return lambda path: write_at(path, (root_page(path, table) - 1) * PAGE, bytes(PAGE))


def cut_in_half(path):
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)


HARMS = {
    "first page": (lambda path: write_at(path, 0, bytes(PAGE)), "first page"),
    "no header": (lambda path: write_at(path, 0, b"not a database.."), "first page"),
    "emptied": (lambda path: os.truncate(path, 0), "the file is empty"),
    "cut in half": (cut_in_half, "damaged"),
    "readings": (noughts_in("chunks"), "table chunks (sealed readings), a, power_w"),
    "energy": (noughts_in("intervals"), "table intervals (energy by interval)"),
    "meters": (noughts_in("series_meters"), "table series_meters"),
    "configuration": (noughts_in("links"), "table links"),
    "papers": (noughts_in("invoice_papers"), "table invoice_papers (PDFs of invoices)"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_row_25_each_harm_is_named_and_the_newest_whole_backup_takes_its_place(site, harm):
    spoil, words = HARMS[harm]
    before = whole(site.database)
    spoil(site.database)
    harmed = site.database.read_bytes()

    said = found_in_site(site)
    found = newest_good(site, ask=lambda _: None)
    aside = restore_site(site, Path(found.backup.file), ask=lambda _: None)

    assert words in said, said
    assert found.passed_over == ()
    assert whole(site.database) == before
    assert aside.read_bytes() == harmed


def found_in_site(site):
    from energy_desktop.app.site_key import site_key

    try:
        site_key(site, ask=lambda _: None)
    except DamagedStore as error:
        return str(error)
    return found_in(site.database)


def test_row_25_harm_anywhere_never_passes_for_sound_readings(site, tmp_path):
    """A page of noughts or noise anywhere: what is read is right, or the harm is noticed."""
    chance = random.Random(25)
    right = values_of(site.database)
    original = site.database.read_bytes()
    copy = tmp_path / "copy.db"
    noticed = 0
    for _ in range(60):
        spoilt = bytearray(original)
        place = chance.randrange(len(original) // PAGE) * PAGE
        spoilt[place : place + PAGE] = chance.choice((bytes(PAGE), chance.randbytes(PAGE)))
        copy.write_bytes(spoilt)
        try:
            sound = found_in(copy) == ""
            read = values_of(copy) if sound else None
        except StoreError:
            sound = False
        noticed += not sound
        assert not sound or read == right, f"page {place // PAGE + 1} was altered unnoticed"
    assert noticed > 20


def values_of(path):
    with open_store(path, read_only=True) as store:
        series = [store.history.raw(m, "power_w", T0, T0 + 3 * HOUR_MS) for m in "abc"]
        energy = [store.ledger.intervals(m, T0, T0 + 3 * HOUR_MS) for m in "abc"]
        return (
            [(s.time_ms.tolist(), s.values.tolist()) for s in series],
            [(e.start_ms.tolist(), e.energy_wh.tolist()) for e in energy],
        )


def test_row_25_a_log_that_was_deleted_costs_its_commits_and_no_more(site):
    with open_store(site.database, engine_owner="t", clock=SetClock(T0 + 3 * HOUR_MS)) as store:
        for snapshot in readings("a", seconds=60, start_ms=T0 + 3 * HOUR_MS):
            store.writer.put(snapshot)
        assert store.writer.flush()
        alone = site.database.read_bytes()  # as if the log beside it were gone
    copy = site.root / "alone.sqlite"
    copy.write_bytes(alone)

    assert whole(copy) == whole(site.database)


def test_row_25_a_harmed_backup_is_passed_over_and_named(site):
    clock = SetClock(T0 + 4 * HOUR_MS)
    elsewhere = site.root.parent / "other disk"
    with open_store(site.database, clock=clock) as store:
        newer = backed_up(site, store, clock, backup_folder=str(elsewhere))
    noughts_in("chunks")(Path(newer.file))
    os.truncate(site.database, 0)

    found = newest_good(site, ask=lambda _: None)

    assert [b.file for b in backups_of(site)] == [newer.file, found.backup.file]
    (why,) = found.passed_over
    assert Path(newer.file).name in why
    assert "damaged" in why


def test_row_25_without_a_whole_backup_the_store_is_left_alone(site):
    (made,) = backups_of(site)
    Path(made.file).write_bytes(b"no backup")
    before = site.database.read_bytes()

    with pytest.raises(StoreError, match="none of 1 backups is whole"):
        newest_good(site, ask=lambda _: None)

    assert site.database.read_bytes() == before


def test_row_25_while_an_engine_polls_nothing_is_restored(site):
    (made,) = backups_of(site)
    with (
        open_store(site.database, engine_owner="polling"),
        pytest.raises(EngineAlreadyRunning, match="polling"),
    ):
        restore_site(site, Path(made.file), ask=lambda _: None)

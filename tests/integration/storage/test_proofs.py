"""A flipped cell of energy or history is found and named; a change that was made is no harm."""

from contextlib import closing, contextmanager

import numpy as np
import pytest
import sqlcipher3.dbapi2 as driver

from energy_desktop.domain.energy import DAY_MS, Intervals
from energy_desktop.storage import open_store
from energy_desktop.storage.encryption import change_key
from energy_desktop.storage.keyfile import new_key
from tests.support.store_builders import T0, SetClock, a_configuration

MIDNIGHT = T0 // DAY_MS * DAY_MS
HALF_HOUR_MS = 1_800_000


@pytest.fixture
def proved(path):
    """Three weeks of half hours and of history, digested."""
    with open_store(path, engine_owner="t", clock=SetClock()) as store:
        store.configuration.replace(a_configuration())
        store.ledger.add_intervals(half_hours(21 * 48))
        minutes = MIDNIGHT + np.arange(21 * 1_440, dtype=np.int64) * 60_000
        store.bulk.add_sealed("m", "power_w", minutes, np.arange(len(minutes)) % 997 * 1.0)
        store.bulk.finish()
        work_off(store)
    return path


def half_hours(n, start_ms=MIDNIGHT, energy_wh=500.0):
    times = start_ms + np.arange(n, dtype=np.int64) * HALF_HOUR_MS
    return Intervals(
        "h", "energy_import_wh", 1_800, times, np.full(n, energy_wh), np.zeros(n, np.int8)
    )


def work_off(store, days=40):
    while store.maintain(MIDNIGHT + days * DAY_MS, seconds=5):
        pass


@contextmanager
def nobody_looking(path):
    """Changes as a failing disk makes them: no trigger hears of it."""
    with closing(driver.connect(str(path), isolation_level=None)) as connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%proof%'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.execute(sql)


def damage(path, **more):
    with open_store(path, read_only=True, **more) as store:
        return store.find_damage()


def test_every_day_of_energy_and_week_of_history_has_a_digest(proved):
    with closing(driver.connect(str(proved))) as connection:
        counts = dict(
            connection.execute("SELECT subject, COUNT(*) FROM proofs GROUP BY subject").fetchall()
        )

    assert counts[1] == 21
    assert counts[2] in (2 * 3, 2 * 4)  # hours and days; weeks are counted from an epoch's Thursday
    assert damage(proved) == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE intervals SET energy_wh = energy_wh + 4096 WHERE start_ms = {at}", "h, energy"),
        ("UPDATE intervals SET quality = 2 WHERE start_ms = {at}", "h, energy"),
        ("UPDATE rollups SET mean = mean * 2 WHERE step_s = 3600 AND start_ms = {at}", "m, power"),
    ],
)
def test_a_flipped_cell_is_found_and_its_meter_and_time_are_named(proved, change, named):
    at = MIDNIGHT + 3 * DAY_MS
    with nobody_looking(proved) as disk:
        assert disk.execute(change.format(at=at)).rowcount >= 1

    (found,) = damage(proved)

    assert found.startswith(named)
    assert "is not what was written" in found


def test_what_was_changed_on_purpose_is_no_harm_and_is_digested_anew(proved):
    with open_store(proved, engine_owner="t", clock=SetClock()) as store:
        store.ledger.add_intervals(half_hours(48, MIDNIGHT + 3 * DAY_MS, energy_wh=700.0))
        assert store.find_damage() == ()
        work_off(store, days=41)
    with nobody_looking(proved) as disk:
        disk.execute(
            "UPDATE intervals SET energy_wh = 1 WHERE start_ms = ?", (MIDNIGHT + 3 * DAY_MS,)
        )

    assert len(damage(proved)) == 1


def test_rows_that_come_late_are_no_harm(proved):
    with open_store(proved, engine_owner="t", clock=SetClock()) as store:
        store.configuration.save_setting("a", "b")
    with nobody_looking(proved) as disk:
        disk.execute(
            "INSERT INTO intervals SELECT meter_key, register_key, step_s, start_ms + 60000,"
            " energy_wh, quality, method, version, opening_wh, closing_wh, segment, edit_id"
            " FROM intervals WHERE start_ms = ?",
            (MIDNIGHT + 3 * DAY_MS,),
        )

    assert damage(proved) == ()


def test_a_table_that_another_tool_built_anew_accuses_nobody(proved):
    with closing(driver.connect(str(proved), isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER intervals_proof_update")
        connection.execute("UPDATE intervals SET energy_wh = 0")

    assert damage(proved) == ()


def test_digests_hold_under_another_key_too(proved):
    key = new_key()
    change_key(proved, None, key)

    assert damage(proved, key=key) == ()
    with open_store(proved, key=key, engine_owner="t", clock=SetClock()) as store:
        store.ledger.add_intervals(half_hours(48, MIDNIGHT + 3 * DAY_MS, energy_wh=700.0))
        assert store.find_damage() == ()

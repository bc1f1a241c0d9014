"""The time between a backup and its restore is a gap that says so."""

import pytest

from energy_desktop.app.engine import Engine
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.energy import GapCause
from energy_desktop.storage import open_store, restore
from tests.support.store_builders import HOUR_MS, T0, SetClock, a_configuration, readings


@pytest.mark.parametrize("restored", [False, True])
def test_what_was_read_after_the_backup_is_a_gap_with_its_reason(tmp_path, restored):
    folder, backup = SiteFolder(tmp_path / "site"), tmp_path / "copy.sqlite"
    folder.make()
    configuration = a_configuration()
    polled = next(m.meter_id for m in configuration.meters if m.driver_id and m.enabled)
    with open_store(folder.database, engine_owner="t", clock=SetClock()) as store:
        store.configuration.replace(configuration)
        for snapshot in readings(polled, seconds=60):
            store.writer.put(snapshot)
        assert store.writer.flush()
        store.backup(backup)
    if restored:
        restore(backup, folder.database, clock=SetClock(T0 + HOUR_MS))

    engine = Engine(folder, clock=SetClock(T0 + HOUR_MS))
    try:
        engine._note_downtime(engine.configuration)
        assert engine.store.writer.flush()
        (gap,) = engine.store.history.gaps(polled, T0, T0 + 2 * HOUR_MS)
    finally:
        engine.stop()

    assert gap.cause is GapCause.NOT_RUNNING
    assert (gap.start_ms, gap.end_ms) == (T0 + 59_000, T0 + HOUR_MS)
    assert gap.detail == ("restored from copy.sqlite" if restored else "")

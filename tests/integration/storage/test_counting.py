"""Another modulus or ratio for a meter that has counted: the past is kept or calculated again."""

from dataclasses import replace

import numpy as np
import pytest

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain.editing import RegisterEventKind
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.recount import Past, PastUndecided
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import Snapshot
from energy_desktop.services.counting import CountingService
from energy_desktop.services.drivers import DriverService
from energy_desktop.services.editing import EditingService
from energy_desktop.services.meters import MeterService
from energy_desktop.storage import open_store
from tests.support.store_builders import HOUR_MS, LAYOUT, T0, SetClock, a_configuration

MIN_MS = 60_000
MODULUS = 10_000
LINK = Link("l", LinkKind.MODBUS_TCP, host="127.0.0.1", port=5_020)
METER = Meter("m", "Press", "sdm", "l", poll_interval_s=60.0)
REGISTER = "energy_import_wh"


class Catalogue:
    def drivers(self):
        return ()


class Desk:
    """A meter that counts 10 Wh a minute and rolls over at 10 kWh; polled or not."""

    def __init__(self, store, clock, *, follow=None) -> None:
        self.store, self.clock, self.paused = store, clock, 0.0
        editing = EditingService(
            store.configuration, store.ledger, store.editing, clock, "A. Tester"
        )
        self.editing = editing
        counting = CountingService(
            store.configuration, store.history, store.ledger, store.exchanges, store.recounting,
            editing, clock, "A. Tester", lambda _: None, follow, self._pause,
        )  # fmt: skip
        self.counting = counting

    def _pause(self, seconds: float) -> None:
        self.paused += seconds

    def save(self, meter: Meter, past: Past | None = None) -> None:
        before = self.store.configuration.load()
        after = replace(
            before, meters=tuple(meter if m.meter_id == "m" else m for m in before.meters)
        )
        changes = self.counting.changes(before, after)
        if past is None:
            self.counting.need_answer(changes)
        self.counting.carry_out(
            changes, past or Past.KEEP, lambda: self.store.configuration.replace(after)
        )

    def poll(self, hours: float, ratio: float = 1.0, true_wh: float = 0) -> None:
        """From where the clock stands on; what the register shows, times the ratio."""
        start = self.clock.now_ms
        for minute in range(round(hours * 60) + 1):
            shown = (1_060 + true_wh + 10 * minute) % MODULUS
            at_ms = start + minute * MIN_MS + 1
            self.store.writer.put(Snapshot("m", at_ms, LAYOUT, (600.0, 230.0, ratio * shown)))
        assert self.store.writer.flush()
        self.clock.now_ms = at_ms
        self.store.writer.upkeep(at_ms)

    def total(self, hours: float) -> float:
        found = self.store.ledger.intervals("m", T0, T0 + round(hours * HOUR_MS))
        return float(np.nansum(found.energy_wh))


@pytest.fixture
def desk(tmp_path):
    clock = SetClock(T0)
    with open_store(tmp_path / "e.db", engine_owner="test", clock=clock) as store:
        store.configuration.replace(a_configuration(meters=(METER,), links=(LINK,)))
        yield Desk(store, clock)


def test_another_modulus_is_asked_about_with_what_either_answer_does(desk):
    desk.poll(20)

    with pytest.raises(PastUndecided) as asked:
        desk.save(replace(METER, counter_modulus_wh=MODULUS))

    (change,) = asked.value.changes
    assert "counts to 10.0 kWh, not to no end that is known" in change.sentence
    assert "1 interval changes, the energy by 0." in change.recalculate
    assert "stays" in change.keep
    assert desk.store.configuration.load().meter("m") == METER


def test_the_past_is_calculated_again_by_the_new_modulus_and_looked_at_without_doing_it(desk):
    desk.poll(20)
    before = desk.store.ledger.intervals("m", T0, T0 + 20 * HOUR_MS)
    with pytest.raises(PastUndecided):
        desk.save(replace(METER, counter_modulus_wh=MODULUS))
    looked_at = desk.store.ledger.intervals("m", T0, T0 + 20 * HOUR_MS)

    desk.save(replace(METER, counter_modulus_wh=MODULUS), Past.RECALCULATE)

    np.testing.assert_array_equal(before.energy_wh, looked_at.energy_wh)
    assert (before.quality == IntervalQuality.QUARANTINED).sum() == 1
    found = desk.store.ledger.intervals("m", T0, T0 + 20 * HOUR_MS)
    assert found.energy_wh[1:-1].tolist() == [150.0] * (len(found.energy_wh) - 2)
    proof = desk.store.ledger.reconciliation("m", T0, T0 + 20 * HOUR_MS)
    assert (proof.discrepancy_wh, proof.resets) == (0, 0)
    versions = desk.store.editing.versions("m", REGISTER, T0, T0 + 20 * HOUR_MS)
    assert len([v for v in versions if v.replaced_at_ms is not None]) == 1


def test_the_past_stays_when_the_modulus_holds_from_now_on(desk):
    desk.poll(20)
    before = desk.store.ledger.intervals("m", T0, T0 + 20 * HOUR_MS)

    desk.save(replace(METER, counter_modulus_wh=MODULUS), Past.KEEP)
    desk.poll(16, true_wh=12_000)

    after = desk.store.ledger.intervals("m", T0, T0 + 20 * HOUR_MS)
    np.testing.assert_array_equal(before.quality[:-1], after.quality[:-1])
    later = desk.store.ledger.intervals("m", T0 + 20 * HOUR_MS, T0 + 35 * HOUR_MS)
    assert not (later.quality == IntervalQuality.QUARANTINED).any()
    kinds = [e.kind for e in desk.store.exchanges.events("m")]
    assert kinds == [RegisterEventKind.MODULUS]


@pytest.mark.parametrize("past", list(Past))
def test_a_changed_ratio_never_makes_a_step_of_energy(desk, past):
    desk.poll(10)
    desk.clock.now_ms += HOUR_MS  # not read any more

    desk.save(replace(METER, ct_ratio=40.0), past)
    desk.clock.now_ms = T0 + 10 * HOUR_MS
    desk.poll(2, ratio=40.0, true_wh=6_000)

    first = 5_700 if past is Past.KEEP else 40 * 5_700
    early = desk.total(9.75)
    assert early == pytest.approx(first, abs=41)
    late = desk.store.ledger.intervals("m", T0 + round(10.25 * HOUR_MS), T0 + 11 * HOUR_MS)
    assert set(late.energy_wh.tolist()) == {6_000.0}
    assert desk.total(12) <= early + 40 * 10 * 135 + 400


def test_a_recalculated_ratio_is_a_correction_that_can_be_undone(desk):
    desk.poll(10)
    desk.clock.now_ms += HOUR_MS
    before = desk.total(9.75)
    desk.save(replace(METER, vt_ratio=2.0), Past.RECALCULATE)
    doubled = desk.total(9.75)

    (edit,) = desk.store.editing.edits("m", T0, T0 + 24 * HOUR_MS)
    desk.editing.undo(edit.edit_id, "it was right")

    assert doubled == 2 * before
    assert "multiplied by 2 from now on, not by 1" in edit.reason
    assert desk.total(9.75) == before


def test_a_ratio_is_not_changed_under_a_program_that_reads(desk):
    desk.poll(10)

    with pytest.raises(WrongUse, match="while another program reads it"):
        desk.save(replace(METER, ct_ratio=40.0), Past.KEEP)

    assert desk.store.configuration.load().meter("m") == METER
    assert desk.store.exchanges.events("m") == ()


def test_the_window_holds_its_own_polling_for_the_moment_of_the_change(tmp_path):
    clock, followed = SetClock(T0), []
    with open_store(tmp_path / "e.db", engine_owner="test", clock=clock) as store:
        store.configuration.replace(a_configuration(meters=(METER,), links=(LINK,)))
        desk = Desk(store, clock, follow=lambda c: followed.append(c.meter("m").enabled))
        desk.poll(3)

        desk.save(replace(METER, ct_ratio=40.0), Past.KEEP)

        assert followed == [False]
        assert desk.paused >= 2.5
        assert store.configuration.load().meter("m") == replace(METER, ct_ratio=40.0)
        (event,) = store.exchanges.events("m")
        assert (event.old_end_wh, event.new_start_wh) == (2_860, 114_380)


def test_what_cannot_be_stored_leaves_all_as_it_was(desk):
    desk.poll(3)
    desk.clock.now_ms += HOUR_MS
    before = desk.store.configuration.load()
    after = replace(before, meters=(replace(METER, ct_ratio=4.0),))

    def failing():
        raise WrongUse(where="x", what="no.", remedy="")

    with pytest.raises(WrongUse, match="no"):
        desk.counting.carry_out(desk.counting.changes(before, after), Past.KEEP, failing)

    assert desk.store.exchanges.events("m") == ()
    assert desk.store.configuration.load() == before


def test_nothing_is_asked_of_a_meter_that_has_counted_nothing(desk):
    desk.save(replace(METER, ct_ratio=40.0, counter_modulus_wh=MODULUS))


def test_saving_a_meter_asks_first_and_stores_nothing(desk):
    desk.poll(3)
    service = MeterService(
        desk.store.configuration, desk.store.history, Catalogue(), counting=desk.counting
    )

    with pytest.raises(WrongUse):
        service.save(replace(METER, ct_ratio=3.0), LINK)

    assert desk.store.configuration.load().meter("m") == METER


OWN = """
id = "own"
defaults = {{ function = 3, format = "uint32" }}
[quantities]
energy_import_wh = {{ address = 0, scale = {scale} }}
"""


@pytest.fixture
def drivers(desk, tmp_path):
    """The driver of the meter, with a scale of 100."""
    folder = tmp_path / "drivers"
    folder.mkdir()
    (folder / "own.toml").write_text(OWN.format(scale=100), encoding="utf-8")
    library = ProfileLibrary([tmp_path / "none", folder])
    desk.store.configuration.replace(
        a_configuration(meters=(replace(METER, driver_id="own"),), links=(LINK,))
    )
    return DriverService(library, folder, counting=desk.counting)


def test_a_changed_scale_of_a_driver_asks_what_becomes_of_the_past(desk, drivers):
    desk.poll(10)
    desk.clock.now_ms += HOUR_MS

    with pytest.raises(PastUndecided, match="10 times those of before") as asked:
        drivers.save(OWN.format(scale=1000))

    assert [change.meter_id for change in asked.value.changes] == ["m"]
    assert "scale = 100\n" in drivers.text("own").replace(" }", "\n")


@pytest.mark.parametrize(("past", "times"), [(Past.KEEP, 1), (Past.RECALCULATE, 10)])
def test_the_past_of_a_changed_driver_is_kept_or_calculated_again(desk, drivers, past, times):
    desk.poll(10)
    desk.clock.now_ms += HOUR_MS
    before = desk.total(9.75)

    drivers.save(OWN.format(scale=1000), past)

    assert "1000" in drivers.text("own")
    assert desk.total(9.75) == times * before
    (event,) = desk.store.exchanges.events("m")
    assert 0 <= 10 * event.old_end_wh - event.new_start_wh <= 10  # within a count


def test_a_driver_that_counts_as_before_asks_nothing(desk, drivers):
    desk.poll(2)

    drivers.save(OWN.format(scale=100) + "power_w = { address = 8 }\n")

    assert "power_w" in drivers.text("own")


@pytest.mark.parametrize("rest_wh", [0.0, 0.26, 0.5, 0.74])
def test_a_reading_that_was_rounded_makes_no_register_fall_at_the_change(desk, rest_wh):
    desk.poll(2, true_wh=rest_wh)
    desk.clock.now_ms += HOUR_MS

    desk.save(replace(METER, ct_ratio=40.0), Past.KEEP)
    desk.clock.now_ms = T0 + 2 * HOUR_MS
    desk.poll(2, ratio=40.0, true_wh=1_200 + rest_wh)

    found = desk.store.ledger.intervals("m", T0 + HOUR_MS, T0 + 4 * HOUR_MS)
    assert not (found.quality == IntervalQuality.QUARANTINED).any()
    assert desk.store.ledger.reconciliation("m", T0, T0 + 4 * HOUR_MS).resets == 0


def test_a_ratio_put_right_before_the_first_interval_is_over_asks_nothing_and_counts_no_step(desk):
    desk.poll(0.1)
    desk.clock.now_ms += 11 * MIN_MS  # not read any more

    desk.save(replace(METER, ct_ratio=40.0))
    desk.poll(1, ratio=40.0, true_wh=80)

    found = desk.store.ledger.intervals("m", T0, T0 + HOUR_MS)
    assert np.nanmax(found.energy_wh) <= 40 * 150


def test_a_new_ratio_and_a_new_modulus_together_recalculate_falls_and_energy(desk):
    """It rolls over after 14.9 h. The new modulus is told in readings that come, 40 times as many;
    the past was read in those of before."""
    desk.poll(20)
    desk.clock.now_ms += HOUR_MS
    changed = replace(METER, ct_ratio=40.0, counter_modulus_wh=40 * MODULUS)
    with pytest.raises(PastUndecided) as asked:
        desk.save(changed)
    desk.save(changed, Past.RECALCULATE)
    desk.clock.now_ms = T0 + 20 * HOUR_MS
    desk.poll(16, ratio=40.0, true_wh=12_000)

    (change,) = asked.value.changes
    assert "multiplied by 40" in change.sentence and "counts to 400.0 kWh" in change.sentence
    assert "1 interval changes" in change.recalculate
    assert "multiplied by 40" in change.recalculate
    past = desk.store.ledger.intervals("m", T0, T0 + round(19.75 * HOUR_MS))
    assert past.energy_wh[1:].tolist() == [6_000.0] * 78
    # The second rollover, after 31.6 h, is one by the new modulus in the new readings.
    later = desk.store.ledger.intervals(
        "m", T0 + round(20.25 * HOUR_MS), T0 + round(35.75 * HOUR_MS)
    )
    assert later.energy_wh.tolist() == [6_000.0] * 62
    assert not (later.quality == IntervalQuality.QUARANTINED).any()
    proof = desk.store.ledger.reconciliation("m", T0, T0 + round(35.75 * HOUR_MS))
    assert (proof.resets, proof.missing_intervals) == (0, 1)  # the first one was not read whole
    assert proof.interval_sum_wh == pytest.approx(142 * 6_000, abs=41)

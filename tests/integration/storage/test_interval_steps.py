"""Meters that are booked in 5 to 60 min, and what stays when that is changed."""

from dataclasses import replace

import numpy as np
import pytest

from energy_desktop.domain.editing import (
    EditMethod,
    EditParameters,
    RegisterEvent,
    RegisterEventKind,
)
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Snapshot
from energy_desktop.services.editing import EditingService
from energy_desktop.storage import open_store
from tests.support.store_builders import HOUR_MS, LAYOUT, T0, SetClock, a_configuration

MIN_MS = 60_000
DAY_MS = 24 * HOUR_MS
METER = Meter("m", "M", poll_interval_s=60.0)


class Site:
    """A store whose one meter counts 10 Wh a minute."""

    def __init__(self, store, clock) -> None:
        self.store, self.clock = store, clock

    def set(self, **changes) -> None:
        meter = replace(METER, **changes)
        self.store.configuration.replace(a_configuration(meters=(meter,)))

    def poll(self, start_ms: int, end_ms: int, register_wh=None) -> None:
        for at_ms in range(start_ms, end_ms + 1, MIN_MS):
            wh = 1_000.0 + 10 * (at_ms - T0) / MIN_MS if register_wh is None else register_wh(at_ms)
            self.store.writer.put(Snapshot("m", at_ms, LAYOUT, (600.0, 230.0, wh)))
        assert self.store.writer.flush()
        self.clock.now_ms = end_ms
        self.store.writer.upkeep(end_ms)

    def rows(self, start_ms=T0, end_ms=T0 + DAY_MS, **more) -> Intervals:
        return self.store.ledger.intervals("m", start_ms, end_ms, **more)


@pytest.fixture
def site(tmp_path):
    clock = SetClock()
    with open_store(tmp_path / "e.db", engine_owner="test", clock=clock) as store:
        yield Site(store, clock)


@pytest.mark.parametrize("minutes", [5, 10, 15, 30, 60])
def test_a_meter_is_booked_in_the_length_that_it_is_set_to(site, minutes):
    site.set(interval_min=minutes)

    site.poll(T0, T0 + 6 * HOUR_MS)

    found = site.rows(T0, T0 + 6 * HOUR_MS)
    assert found.step_s == 60 * minutes
    assert found.energy_wh.tolist() == [10.0 * minutes] * (360 // minutes)
    proof = site.store.ledger.reconciliation("m", T0, T0 + 6 * HOUR_MS)
    assert (proof.register_difference_wh, proof.discrepancy_wh) == (3_600, 0)
    assert proof.missing_intervals == 0


@pytest.mark.parametrize("minutes", [5, 10, 60])
def test_another_length_holds_from_now_on_and_books_nothing_of_the_past_again(site, minutes):
    site.set()
    site.poll(T0, T0 + 6 * HOUR_MS)
    before = site.rows(T0, T0 + 6 * HOUR_MS)

    site.set(interval_min=minutes)
    site.poll(T0 + 6 * HOUR_MS + MIN_MS, T0 + 12 * HOUR_MS)

    past = site.rows(T0, T0 + 6 * HOUR_MS)
    assert (past.step_s, past.energy_wh.tolist()) == (before.step_s, before.energy_wh.tolist())
    assert not any(
        v.replaced_at_ms
        for v in site.store.editing.versions("m", LAYOUT.quantities[2], T0, 1 << 42)
    )
    later = site.rows(T0 + 6 * HOUR_MS, T0 + 12 * HOUR_MS)
    assert later.step_s == 60 * minutes
    assert set(later.energy_wh.tolist()) == {10.0 * minutes}
    proof = site.store.ledger.reconciliation("m", T0, T0 + 12 * HOUR_MS)
    assert (proof.interval_sum_wh, proof.discrepancy_wh, proof.missing_intervals) == (7_200, 0, 0)


def test_a_period_with_two_lengths_is_told_in_the_step_that_both_fit_into(site):
    site.set(interval_min=10)
    site.poll(T0, T0 + 6 * HOUR_MS)
    site.set(interval_min=15)
    site.poll(T0 + 6 * HOUR_MS + MIN_MS, T0 + 12 * HOUR_MS)

    whole = site.rows(T0, T0 + 12 * HOUR_MS)

    assert whole.step_s == 1_800
    assert whole.energy_wh.tolist() == [300.0] * 24


def test_hours_that_a_file_gave_before_polling_began_are_told_beside_the_quarters(site):
    site.set()
    starts = T0 - DAY_MS + np.arange(24, dtype=np.int64) * HOUR_MS
    site.store.ledger.add_intervals(
        Intervals(
            "m",
            "energy_import_wh",
            3_600,
            starts,
            np.full(24, 500.0),
            np.zeros(24, np.int8),
        )
    )
    site.poll(T0, T0 + 6 * HOUR_MS)

    assert site.rows(T0 - DAY_MS, T0).energy_wh.tolist() == [500.0] * 24
    assert site.rows(T0, T0 + 6 * HOUR_MS).step_s == 900
    both = site.rows(T0 - HOUR_MS, T0 + HOUR_MS)
    assert (both.step_s, both.energy_wh.tolist()) == (3_600, [500.0, 600.0])


def test_an_hour_in_which_the_length_was_changed_is_the_sum_of_both(site):
    """Half hours until 12:30, quarters from then on; beside hours, hours are asked."""
    site.set(interval_min=30)
    site.poll(T0, T0 + 12 * HOUR_MS + 30 * MIN_MS)
    site.set(interval_min=15)
    site.poll(T0 + 12 * HOUR_MS + 31 * MIN_MS, T0 + 15 * HOUR_MS)

    hours = site.rows(T0, T0 + 15 * HOUR_MS, step_s=3_600)

    assert hours.energy_wh.tolist() == [600.0] * 15
    assert set(hours.quality.tolist()) == {IntervalQuality.RAW}


def test_hours_of_a_file_do_not_hide_the_quarters_that_were_measured(site):
    site.set()
    site.poll(T0, T0 + 6 * HOUR_MS)
    starts = T0 + np.arange(6, dtype=np.int64) * HOUR_MS
    site.store.ledger.add_intervals(
        Intervals("m", "energy_import_wh", 3_600, starts, np.full(6, 600.0), np.zeros(6, np.int8))
    )

    found = site.rows(T0, T0 + 6 * HOUR_MS)

    assert (found.step_s, set(found.energy_wh.tolist())) == (900, {150.0})


def test_an_exchange_told_after_the_length_was_changed_is_booked_in_the_length_of_then(site):
    site.set(interval_min=60)
    site.poll(T0, T0 + 4 * HOUR_MS)
    fell = T0 + 4 * HOUR_MS
    site.poll(fell + MIN_MS, fell + 4 * HOUR_MS, lambda at_ms: 10.0 * (at_ms - fell) / MIN_MS)
    site.set(interval_min=5)
    site.poll(
        fell + 4 * HOUR_MS + MIN_MS, fell + 8 * HOUR_MS, lambda at: 10.0 * (at - fell) / MIN_MS
    )
    quarantined = (site.rows(T0, T0 + DAY_MS).quality == IntervalQuality.QUARANTINED).sum()

    site.store.exchanges.add_event(
        RegisterEvent(
            0, "m", "energy_import_wh", fell, RegisterEventKind.EXCHANGE, 3_400, 0, by="t"
        )
    )

    assert quarantined == 1
    proof = site.store.ledger.reconciliation("m", T0, fell + 8 * HOUR_MS)
    assert (proof.interval_sum_wh, proof.discrepancy_wh) == (7_200, 0)
    assert (proof.missing_intervals, proof.resets) == (0, 0)
    assert site.rows(T0, fell + 4 * HOUR_MS).step_s == 3_600
    assert site.rows(fell + 4 * HOUR_MS, fell + 8 * HOUR_MS).step_s == 300


def test_readings_that_come_late_redraw_intervals_of_both_lengths(site):
    site.set(interval_min=30)
    site.poll(T0, T0 + 2 * HOUR_MS)
    site.set(interval_min=10)
    site.poll(T0 + 5 * HOUR_MS, T0 + 6 * HOUR_MS)
    guessed = (site.rows(T0, T0 + 6 * HOUR_MS).quality == IntervalQuality.ESTIMATED).sum()

    site.poll(T0 + 2 * HOUR_MS + MIN_MS, T0 + 5 * HOUR_MS - MIN_MS)

    assert guessed
    found = site.rows(T0, T0 + 6 * HOUR_MS)
    assert set(found.quality.tolist()) == {IntervalQuality.RAW}
    assert np.nansum(found.energy_wh) == 3_600


def test_gaps_and_the_three_series_of_a_period_with_two_lengths_are_told_in_both(site):
    site.set(interval_min=10)
    site.poll(T0, T0 + 2 * HOUR_MS)
    site.set(interval_min=60)
    site.poll(T0 + 5 * HOUR_MS + 7 * MIN_MS, T0 + 8 * HOUR_MS)

    gaps = site.store.editing.gaps("m", "energy_import_wh", T0, T0 + 8 * HOUR_MS)
    three = site.store.editing.three("m", "energy_import_wh", T0, T0 + 8 * HOUR_MS)
    fine = site.store.editing.three("m", "energy_import_wh", T0, T0 + 2 * HOUR_MS)

    assert sum(gap.intervals for gap in gaps) == 4
    assert (gaps[0].start_ms, gaps[-1].end_ms) == (T0 + 2 * HOUR_MS, T0 + 6 * HOUR_MS)
    assert (fine.step_s, fine.validated_wh.tolist()) == (600, [100.0] * 12)
    assert three.step_s == 3_600
    assert three.raw_wh[[0, 1, 6, 7]].tolist() == [600.0] * 4
    assert three.estimated_wh[2:6].sum() == pytest.approx(2_400)
    assert np.isnan(three.validated_wh[2:6]).all()


def test_a_correction_over_a_change_of_length_is_refused_and_each_part_can_be_corrected(site):
    site.set(interval_min=10)
    site.poll(T0, T0 + 3 * HOUR_MS)
    site.set(interval_min=60)
    site.poll(T0 + 3 * HOUR_MS + MIN_MS, T0 + 8 * HOUR_MS)
    desk = EditingService(
        site.store.configuration, site.store.ledger, site.store.editing, site.clock, "A. Tester"
    )
    span = ("m", "energy_import_wh", T0 + 2 * HOUR_MS, T0 + 4 * HOUR_MS)

    with pytest.raises(
        WrongUse, match="10 min long at the beginning of the span and 1 h at its end"
    ):
        desk.preview(*span, EditMethod.SET, EditParameters(value_wh=1))

    made = desk.preview(
        "m", "energy_import_wh", T0 + 3 * HOUR_MS, T0 + 4 * HOUR_MS, EditMethod.SET,
        EditParameters(value_wh=1),
    )  # fmt: skip
    assert (made.step_s, made.after_wh.tolist()) == (3_600, [1])

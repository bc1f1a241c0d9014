"""What a person enters of a time that the register did not see, and what he changes of one it saw:
each is told apart from what was measured, and the sum check accuses neither of them."""

from decimal import Decimal

import numpy as np
import pytest

from energy_desktop.domain.editing import EditMethod, EditParameters
from energy_desktop.domain.energy import IntervalQuality, Intervals, RegisterShown
from energy_desktop.services.editing import EditingService
from energy_desktop.services.validation import ValidationService
from tests.support.store_builders import HOUR_MS, T0, a_configuration

QUARTER, MINUTE, DAY = 900_000, 60_000, 24 * HOUR_MS
REGISTER = "energy_import_wh"
BEGUN = T0 + 12 * HOUR_MS + 5 * MINUTE  # readings from 12:05 on, so intervals from 12:15
END = T0 + DAY


@pytest.fixture
def desk(store, clock):
    """Half a day of 2 Wh a minute: 30 Wh a quarter of an hour."""
    store.configuration.replace(a_configuration())
    minutes = np.arange((END - BEGUN) // MINUTE + 1)
    store.bulk.add_sealed(
        "m", REGISTER, (BEGUN + minutes * MINUTE).astype(np.int64), 5_000.0 + 2 * minutes
    )
    store.bulk.finish()
    clock.now_ms = END + 2 * HOUR_MS
    return EditingService(store.configuration, store.ledger, store.editing, clock, "kim")


def entered(desk, start_ms, end_ms, method=EditMethod.SPREAD, **told):
    preview = desk.preview("m", REGISTER, start_ms, end_ms, method, EditParameters(**told))
    return desk.apply(preview, "read on the old display"), preview


def day(store, start_ms=T0):
    return store.ledger.reconciliation("m", start_ms, start_ms + DAY, register=REGISTER)


def test_energy_of_the_time_before_the_first_reading_is_taken_with_a_word(desk, store):
    made, preview = entered(desk, T0 - 10 * DAY, T0 - 9 * DAY, total_wh=2_400)

    assert "before the first reading of the register (15 Jan 2027 13:15" in preview.warnings[0]
    assert (made.before_wh, made.after_wh, made.intervals) == (None, 2_400, 96)
    kept = store.ledger.intervals("m", T0 - 10 * DAY, T0 - 9 * DAY)
    assert kept.energy_wh.tolist() == [25.0] * 96
    assert set(kept.quality.tolist()) == {IntervalQuality.EDITED}
    proof = day(store, T0 - 10 * DAY)
    assert (proof.interval_sum_wh, proof.edited_wh, proof.estimated_wh) == (2_400, 2_400, 0)
    assert (proof.register_difference_wh, proof.discrepancy_wh) == (None, None)


def test_the_time_between_it_and_the_first_reading_becomes_no_gap(desk, store):
    before = desk.gaps("m", T0 - 20 * DAY, END)

    made, _ = entered(desk, T0 - 10 * DAY, T0 - 9 * DAY, total_wh=2_400)

    assert desk.gaps("m", T0 - 20 * DAY, END) == before == ()
    desk.undo(made.edit_id, "it was another meter")
    assert desk.gaps("m", T0 - 20 * DAY, END) == ()
    assert np.isnan(store.ledger.intervals("m", T0 - 10 * DAY, T0 - 9 * DAY).energy_wh).all()
    assert day(store, T0 - 10 * DAY).interval_sum_wh == 0


def test_a_day_whose_morning_was_entered_is_not_accused_by_its_register(desk, store, clock):
    entered(desk, T0, T0 + 12 * HOUR_MS, total_wh=900)

    proof = day(store)
    assert proof.interval_sum_wh == 900 + 47 * 30
    assert (proof.register_difference_wh, proof.unregistered_wh) == (47 * 30, 900)
    assert (proof.discrepancy_wh, proof.missing_intervals) == (0, 1)
    validation = ValidationService(
        store.configuration, store.history, store.ledger, store.editing, clock
    )
    report = validation.report("m", T0, END)
    assert all(check.holds for check in report.days)


def test_what_corrections_say_more_than_the_register_is_told_and_explains_the_difference(
    desk, store
):
    start = T0 + 14 * HOUR_MS
    scaled, _ = entered(desk, start, start + HOUR_MS, EditMethod.SCALE, factor=Decimal("1.5"))
    entered(desk, start + HOUR_MS, start + 2 * HOUR_MS, EditMethod.SET, value_wh=0)

    proof = day(store)
    assert (proof.edited_wh, proof.estimated_wh) == (180, 0)
    assert (proof.discrepancy_wh, proof.correction_wh, proof.unexplained_wh) == (-60, -60, 0)
    entered(desk, start + 3 * HOUR_MS, start + 4 * HOUR_MS, EditMethod.LINE)
    proof = day(store)
    assert (proof.edited_wh, proof.estimated_wh, proof.unexplained_wh) == (180, 120, 0)
    desk.undo(scaled.edit_id, "the ratio was right")
    assert day(store).correction_wh == -120


def test_the_register_of_a_file_around_the_readings_is_held_against_its_own_energy(desk, store):
    steps = np.concatenate((np.arange(8), 100 + np.arange(8)))
    shown = 500_000 + 100 * np.arange(17)
    register = RegisterShown(shown[:-1], shown[1:], np.zeros(16, np.int64))
    energy, quality = np.full(16, 100.0), np.zeros(16, np.int8)

    store.ledger.add_intervals(
        Intervals("m", REGISTER, 900, T0 + steps * QUARTER, energy, quality), register
    )

    proof = store.ledger.reconciliation("m", T0, T0 + 2 * DAY, register=REGISTER)
    assert (proof.interval_sum_wh, proof.register_difference_wh) == (1_600 + 47 * 30,) * 2
    assert (proof.unregistered_wh, proof.discrepancy_wh, proof.resets) == (0, 0, 0)

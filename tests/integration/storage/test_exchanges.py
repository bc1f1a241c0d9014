"""An exchange that is entered, now or long after, books what truly flowed; nothing else moves."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy_desktop.domain.editing import Edit, EditMethod, RegisterEvent, RegisterEventKind
from energy_desktop.domain.energy import IntervalQuality, Intervals, RegisterShown
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.storage import open_store
from tests.support.store_builders import T0, SetClock, a_snapshot

MINUTE, QUARTER, HOUR = 60_000, 900_000, 3_600_000
REGISTER = "energy_import_wh"


def keep(store, readings, upto_ms=T0 + 12 * HOUR):
    for minute, value in readings:
        store.writer.put(a_snapshot(at_ms=T0 + minute * MINUTE, energy=float(value)))
    assert store.writer.flush()
    while store.maintain(upto_ms, seconds=30):
        pass


def an_exchange(minute, old_end, new_start, **more):
    kind = more.pop("kind", RegisterEventKind.EXCHANGE)
    return RegisterEvent(
        0, "m", REGISTER, T0 + minute * MINUTE, kind, old_end, new_start, by="kim", **more
    )


def book(store, hours=6):
    found = store.ledger.intervals("m", T0, T0 + hours * HOUR)
    return [None if np.isnan(e) else int(e) for e in found.energy_wh], found.quality.tolist()


@pytest.fixture
def exchanged(store, clock):
    """10 Wh a minute; after minute 100 another meter, which begins at 7 and lost ten minutes."""
    clock.now_ms = T0 + 20 * HOUR
    keep(store, [(m, 90_000 + 10 * m) for m in range(101)])
    keep(store, [(m, 7 + 10 * (m - 100)) for m in range(110, 361)])
    return store


def test_until_it_is_told_a_fallen_register_is_quarantined(exchanged):
    energies, quality = book(exchanged)

    assert energies[6:8] == [None, None] or energies[6] is None
    assert quality[6] == IntervalQuality.QUARANTINED
    assert sum(e for e in energies if e is not None) < 3_600


def test_the_exchange_entered_later_books_what_flowed_across_it(exchanged):
    before = book(exchanged)

    made = exchanged.exchanges.add_event(an_exchange(100, 91_000, 7, new_serial="N-2"))

    energies, _ = book(exchanged)
    assert energies == [150] * 24
    assert [e for e in before[0] if e is not None] == [150] * (24 - before[0].count(None))
    proof = exchanged.ledger.reconciliation("m", T0, T0 + 6 * HOUR)
    assert (proof.interval_sum_wh, proof.discrepancy_wh, proof.resets) == (3_600, 0, 0)
    assert exchanged.quarantine.entries(0, 1 << 42) == ()
    assert exchanged.exchanges.events("m") == (made,)
    assert made.new_serial == "N-2"


def test_an_exchange_that_was_removed_leaves_the_book_as_it_was(exchanged):
    before = book(exchanged)
    made = exchanged.exchanges.add_event(an_exchange(100, 91_000, 7))

    exchanged.exchanges.remove_event(made.event_id)

    assert book(exchanged) == before
    assert len(exchanged.quarantine.entries(0, 1 << 42)) == 1
    with pytest.raises(NotFound):
        exchanged.exchanges.remove_event(made.event_id)


def test_polling_goes_on_after_an_exchange_that_was_entered_later(exchanged, clock):
    exchanged.exchanges.add_event(an_exchange(100, 91_000, 7))

    keep(exchanged, [(m, 7 + 10 * (m - 100)) for m in range(361, 481)], T0 + 20 * HOUR)

    assert book(exchanged, 8)[0] == [150] * 32
    proof = exchanged.ledger.reconciliation("m", T0, T0 + 8 * HOUR)
    assert (proof.interval_sum_wh, proof.discrepancy_wh) == (4_800, 0)


def test_an_exchange_entered_before_the_next_reading_is_booked_with_it(store, clock):
    clock.now_ms = T0 + 105 * MINUTE
    keep(store, [(m, 90_000 + 10 * m) for m in range(101)], T0 + 105 * MINUTE)

    store.exchanges.add_event(an_exchange(100, 91_000, 7))
    clock.now_ms = T0 + 20 * HOUR
    keep(store, [(m, 7 + 10 * (m - 100)) for m in range(110, 361)])

    assert book(store)[0] == [150] * 24
    assert store.quarantine.entries(0, 1 << 42) == ()


def test_a_used_meter_that_is_set_to_zero_later_is_booked_and_proved(store, clock):
    """It began far above where the first one ended, so the register counts from below zero on."""
    clock.now_ms = T0 + HOUR
    keep(store, [(m, 100 + 10 * m) for m in range(41)])
    store.exchanges.add_event(an_exchange(40, 500, 50_000))
    keep(store, [(m, 50_000 + 10 * (m - 40)) for m in range(41, 65)])

    for begin in range(65, 241, 5):
        keep(store, [(m, 10 * (m - 65)) for m in range(begin, begin + 5)])

    energies, quality = book(store, hours=4)
    assert energies == [150] * 4 + [None] + [150] * 11
    assert quality[4] == IntervalQuality.QUARANTINED
    proof = store.ledger.reconciliation("m", T0, T0 + 4 * HOUR)
    assert (proof.register_difference_wh, proof.discrepancy_wh) == (15 * 150, 0)
    assert (proof.unregistered_wh, proof.resets) == (0, 1)


def test_an_exchange_told_late_leaves_the_register_of_a_file_as_the_file_has_it(exchanged):
    """The file counted before the readings began and after they ended."""
    steps = np.concatenate((np.arange(-8, 0), np.arange(40, 48)))
    shown = 500_000 + 100 * np.arange(17)
    register = RegisterShown(shown[:-1], shown[1:], np.zeros(16, np.int64))
    energy, quality = np.full(16, 100.0), np.zeros(16, np.int8)
    file = Intervals("m", REGISTER, 900, T0 + steps * QUARTER, energy, quality)
    exchanged.ledger.add_intervals(file, register)

    exchanged.exchanges.add_event(an_exchange(100, 91_000, 7))

    proof = exchanged.ledger.reconciliation("m", T0 - 3 * HOUR, T0 + 15 * HOUR)
    assert (proof.interval_sum_wh, proof.discrepancy_wh) == (1_600 + 3_600, 0)
    assert proof.resets == 0


def test_what_a_person_corrected_stays_when_the_exchange_is_entered(exchanged):
    start = T0 + 6 * QUARTER
    edit = Edit(
        0, "m", REGISTER, 900, start, start + QUARTER, EditMethod.SET, "read off", "kim", T0
    )
    exchanged.editing.apply_edit(edit, np.array([start]), np.array([155]), np.array([3], np.int8))

    exchanged.exchanges.add_event(an_exchange(100, 91_000, 7))

    energies, quality = book(exchanged)
    assert energies[6] == 155
    assert quality[6] == IntervalQuality.EDITED
    proof = exchanged.ledger.reconciliation("m", T0, T0 + 6 * HOUR)
    assert proof.discrepancy_wh == 5


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (an_exchange(100, 90_500, 7), "more than its end reading"),
        (an_exchange(100, 91_000, 900), "less than its start reading"),
        (an_exchange(100_000, 91_000, 7), "lies in the future"),
        (an_exchange(100, None, 7), "lacks the end reading"),
    ],
)
def test_an_exchange_that_does_not_fit_the_readings_is_refused_and_nothing_moves(
    exchanged, event, sentence
):
    before = book(exchanged)

    with pytest.raises(WrongUse, match=sentence):
        exchanged.exchanges.add_event(event)

    assert book(exchanged) == before
    assert exchanged.exchanges.events("m") == ()


def test_two_events_at_one_time_are_refused(exchanged):
    exchanged.exchanges.add_event(an_exchange(100, 91_000, 7))

    with pytest.raises(WrongUse, match="at this very time"):
        exchanged.exchanges.add_event(an_exchange(100, 91_000, 7))


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    used=st.lists(st.integers(0, 60), min_size=300, max_size=300),
    at=st.integers(40, 250),
    lost=st.integers(0, 40),
    new_start=st.integers(0, 50),
    told_after=st.booleans(),
)
def test_whenever_it_is_told_the_book_is_the_truth(used, at, lost, new_start, told_after):
    import tempfile
    from pathlib import Path

    truth = np.concatenate(([0], np.cumsum(used))).tolist()
    old = [(m, 500_000 + truth[m]) for m in range(at + 1)]
    new = [(m, new_start + truth[m] - truth[at]) for m in range(at + 1 + lost, 301)]
    event = an_exchange(at, 500_000 + truth[at], new_start)
    clock = SetClock(T0 + 20 * HOUR)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(Path(folder) / "s.db", engine_owner="t", clock=clock) as store,
    ):
        keep(store, old)
        if not told_after:
            store.exchanges.add_event(event)
        keep(store, new)
        if told_after:
            store.exchanges.add_event(event)

        energies, _ = book(store, 5)

        assert None not in energies[:20]
        assert sum(energies[:20]) == truth[300]
        missing = set(range(at + 1, at + 1 + lost))
        for i, energy in enumerate(energies[:20]):
            if not {15 * i, 15 * i + 15} & missing:
                assert energy == truth[15 * i + 15] - truth[15 * i]

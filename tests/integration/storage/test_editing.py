"""A correction makes versions and can be taken back; what was measured is never lost."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy_desktop.domain.editing import Edit, EditMethod
from energy_desktop.domain.energy import Gap, GapCause, IntervalQuality, Intervals
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.storage import open_store
from tests.support.store_builders import T0, SetClock, a_snapshot

QUARTER = 900_000
REGISTER = "energy_import_wh"
EDITED = IntervalQuality.EDITED


def an_edit(first, count, *, method=EditMethod.SET, at_ms=T0, meter_id="m"):
    start = T0 + first * QUARTER
    return Edit(
        0, meter_id, REGISTER, 900, start, start + count * QUARTER, method, "a reason", "kim", at_ms
    )


def put(store, edit, energies, quality=EDITED):
    starts = edit.start_ms + np.arange(len(energies), dtype=np.int64) * QUARTER
    return store.editing.apply_edit(
        edit,
        starts,
        np.array(energies, np.int64),
        np.full(len(energies), quality, np.int8),
    )


def book(store, energies, first=0, meter_id="m"):
    """Imported intervals; None leaves one out."""
    starts = T0 + (first + np.arange(len(energies), dtype=np.int64)) * QUARTER
    values = np.array([np.nan if e is None else e for e in energies], float)
    quality = np.zeros(len(energies), np.int8)
    store.ledger.add_intervals(Intervals(meter_id, REGISTER, 900, starts, values, quality))


def in_force(store, count):
    found = store.ledger.intervals("m", T0, T0 + count * QUARTER)
    return [None if np.isnan(e) else int(e) for e in found.energy_wh], found.quality.tolist()


def test_an_edit_is_in_force_and_the_original_stays(store):
    book(store, [100, 200, 300, 400])

    made = put(store, an_edit(1, 2, at_ms=T0 + 5), [250, 350])

    assert in_force(store, 4) == ([100, 250, 350, 400], [0, EDITED, EDITED, 0])
    assert (made.before_wh, made.after_wh, made.intervals) == (500, 600, 2)
    assert store.editing.edits("m", T0, T0 + 4 * QUARTER) == (made,)
    versions = store.editing.versions("m", REGISTER, T0 + QUARTER, T0 + 2 * QUARTER)
    assert [(v.energy_wh, v.edit_id, v.replaced_at_ms) for v in versions] == [
        (200, None, T0 + 5),
        (250, made.edit_id, None),
    ]
    three = store.editing.three("m", REGISTER, T0, T0 + 4 * QUARTER)
    assert three.raw_wh.tolist() == [100, 200, 300, 400]
    assert np.array_equal(three.validated_wh, [100, np.nan, np.nan, 400], equal_nan=True)
    assert np.array_equal(three.estimated_wh, [np.nan, 250, 350, np.nan], equal_nan=True)


def test_undoing_puts_back_what_was_there_also_where_nothing_was(store):
    book(store, [100, None, 300])
    made = put(store, an_edit(0, 3), [1, 2, 3])

    undone = store.editing.undo(made.edit_id, "kim", "a slip", T0 + 9)

    assert in_force(store, 3) == ([100, None, 300], [0, IntervalQuality.MISSING, 0])
    assert undone.method is EditMethod.UNDO
    assert (undone.before_wh, undone.after_wh) == (6, None)
    assert store.editing.edits("m", T0, T0 + 3 * QUARTER)[0].undone_by == undone.edit_id
    with pytest.raises(WrongUse, match="undone by"):
        store.editing.undo(made.edit_id, "kim", "again", T0 + 10)
    with pytest.raises(WrongUse, match="itself the undoing"):
        store.editing.undo(undone.edit_id, "kim", "again", T0 + 10)
    with pytest.raises(NotFound):
        store.editing.undo(999, "kim", "nothing", T0 + 10)


def test_edits_are_undone_from_the_last_one_on(store):
    book(store, [100, 200])
    first = put(store, an_edit(0, 2), [110, 210])
    second = put(store, an_edit(1, 1, at_ms=T0 + 1), [220])

    with pytest.raises(WrongUse, match=f"correction {second.edit_id} was made on top"):
        store.editing.undo(first.edit_id, "kim", "wrong", T0 + 2)
    store.editing.undo(second.edit_id, "kim", "wrong", T0 + 3)
    assert in_force(store, 2)[0] == [110, 210]
    store.editing.undo(first.edit_id, "kim", "wrong", T0 + 4)
    assert in_force(store, 2) == ([100, 200], [0, 0])


def test_an_edit_outside_its_span_changes_nothing(store):
    book(store, [100, 200])
    edit = an_edit(0, 1)

    with pytest.raises(WrongUse, match="do not lie in the span"):
        put(store, edit, [1, 2])

    assert in_force(store, 2)[0] == [100, 200]
    assert store.editing.edits("m", T0, T0 + QUARTER) == ()


def test_a_gap_tells_its_cause_what_the_register_says_and_what_was_done(store):
    polled = [*range(60), *range(180, 240)]  # minutes; two hours in between are missing
    for minute in polled:
        store.writer.put(a_snapshot(at_ms=T0 + minute * 60_000, energy=1_000.0 + minute * 10))
    store.record_gap(
        Gap("m", T0 + 59 * 60_000, T0 + 180 * 60_000, GapCause.COMMUNICATION, "silent")
    )
    assert store.writer.flush()
    while store.maintain(T0 + 4 * 3_600_000, seconds=30):
        pass

    (gap,) = store.editing.gaps("m", REGISTER, T0, T0 + 4 * 3_600_000)

    assert (gap.cause, gap.detail) == (GapCause.COMMUNICATION, "silent")
    assert gap.known_wh == sum(
        e for e, q in zip(*in_force(store, 15), strict=True) if q == IntervalQuality.ESTIMATED
    )
    assert gap.done == "spread evenly from the register"


def test_quarantined_intervals_are_a_gap_of_that_cause(store):
    for minute in range(120):
        energy = 50_000.0 + minute * 10 if minute < 60 else 0.0 + minute * 10
        store.writer.put(a_snapshot(at_ms=T0 + minute * 60_000, energy=energy))
    assert store.writer.flush()
    while store.maintain(T0 + 4 * 3_600_000, seconds=30):
        pass

    (gap,) = store.editing.gaps("m", REGISTER, T0, T0 + 2 * 3_600_000)

    assert gap.cause is GapCause.QUARANTINED
    assert gap.known_wh is None
    assert gap.done == ""


actions = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 4), st.integers(0, 5_000), st.booleans()),
    max_size=12,
)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.lists(st.none() | st.integers(0, 9_999), min_size=12, max_size=12), actions)
def test_whatever_is_edited_and_undone_the_first_values_can_be_had_again(booked, steps):
    import tempfile
    from pathlib import Path

    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(Path(folder) / "s.db", engine_owner="t", clock=SetClock()) as store,
    ):
        book(store, [0, *booked, 0])
        before = in_force(store, 14)
        done = []
        for number, (first, count, value, takes_back) in enumerate(steps):
            if takes_back and done:
                store.editing.undo(done.pop().edit_id, "kim", "no", T0 + number)
            else:
                edit = an_edit(first, count, at_ms=T0 + number)
                done.append(put(store, edit, [value] * count))
        for made in reversed(done):
            store.editing.undo(made.edit_id, "kim", "no", T0 + 99)

        assert in_force(store, 14) == before

"""Imports against a real ledger: what changes is counted before, stored as said, and can be undone;
a polled meter is filled up to where its own register has come."""

from dataclasses import replace
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.domain.editing import EditMethod
from energy_desktop.domain.energy import GapCause, IntervalQuality, Intervals
from energy_desktop.domain.errors import JobCancelled, WrongUse
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.validation import ValidationRule
from energy_desktop.services.import_changes import Change, ImportRules
from energy_desktop.services.importing import ImportService
from energy_desktop.services.validation import ValidationService
from energy_desktop.storage import WriterOptions, open_store
from tests.support.store_builders import HOUR_MS, T0, a_snapshot

REGISTER = "energy_import_wh"
QUARTER_MS = 900_000
VALUES = [k * 7 % 13 for k in range(50)]  # they fall now and then: no register
NOW = datetime.fromtimestamp(T0 / 1000 + 40 * 86_400, UTC)


@pytest.fixture
def store(tmp_path):
    made = open_store(
        tmp_path / "site.db",
        engine_owner="tests",
        clock=lambda: NOW,
        writer_options=WriterOptions(busy_ms=5_000),
    )
    yield made
    made.close()


@pytest.fixture
def service(store):
    return ImportService(store.configuration, store.ledger, store.editing, lambda: NOW, "auditor")


def a_file(tmp_path, wh, *, step_s=900, first_ms=T0, name="m.csv", skip=()):
    rows = ["time_utc,energy_wh"]
    for k, one in enumerate(wh):
        at = datetime.fromtimestamp((first_ms + k * step_s * 1000) / 1000, UTC)
        if k not in skip:
            rows.append(f"{at:%Y-%m-%d %H:%M:%S},{one}")
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n")
    return path


def kept(store, count, *, step_ms=QUARTER_MS, meter="m", first_ms=T0):
    return store.ledger.intervals(meter, first_ms, first_ms + count * step_ms)


def put(store, wh, quality, meter="m", step_s=900):
    n = len(wh)
    starts = T0 + np.arange(n, dtype=np.int64) * step_s * 1000
    values = np.array(wh, np.float64)
    store.ledger.add_intervals(
        Intervals(meter, REGISTER, step_s, starts, values, np.array(quality, np.int8))
    )


def staged(service, path):
    found = service.look(path)
    return service.stage([(found, found.layout)])


def test_a_preview_counts_every_kind_and_changes_nothing(store, service, tmp_path):
    of = IntervalQuality
    put(store, [10, 20, 30, 40, 50], [of.RAW, of.RAW, of.ESTIMATED, of.EDITED, of.ESTIMATED])
    before = kept(store, 8)

    (seen,) = service.preview(staged(service, a_file(tmp_path, [10, 21, 31, 41, 50, 60, 70])))

    assert dict(seen.changes) == {
        Change.NEW: 2,
        Change.EQUAL: 1,
        Change.FILLS: 0,
        Change.ESTIMATED: 2,  # one of them confirmed by a measured value
        Change.MEASURED: 1,
        Change.EDITED: 1,
        Change.LATER: 0,
        Change.COVERED: 0,
        Change.KNOWN: 0,
    }
    assert seen.file_daily.sum() == 283
    assert seen.kept_daily.sum() == 150
    after = kept(store, 8)
    assert np.array_equal(after.energy_wh, before.energy_wh, equal_nan=True)


@pytest.mark.parametrize(
    ("rules", "wanted", "edits"),
    [
        (ImportRules(replace_estimated=False), [10, 20, 30, 40, 60], 0),
        (ImportRules(), [10, 20, 31, 40, 60], 1),
        (ImportRules(replace_measured=True), [10, 21, 31, 40, 60], 2),
        (ImportRules(replace_measured=True, replace_edited=True), [10, 21, 31, 41, 60], 3),
    ],
)
def test_only_what_may_be_replaced_is_and_it_comes_back(
    store, service, tmp_path, rules, wanted, edits
):
    of = IntervalQuality
    put(store, [10, 20, 30, 40], [of.RAW, of.RAW, of.ESTIMATED, of.EDITED])
    waiting = staged(service, a_file(tmp_path, [10, 21, 31, 41, 60]))

    (result,) = service.apply(waiting, service.preview(waiting), rules, reason="profile")

    assert kept(store, 5).energy_wh.tolist() == wanted
    assert (result.stored, result.replaced, result.left) == (1 + edits, edits, 3 - edits)
    assert result.rows_read == result.stored + result.already_stored + result.left
    made = store.editing.edits("m", T0, T0 + HOUR_MS)
    assert [(e.method, e.by, e.reason) for e in made] == (
        [(EditMethod.IMPORT, "auditor", "profile")] if edits else []
    )
    service.undo([result], "a mistake")
    assert kept(store, 5).energy_wh.tolist() == [10, 20, 30, 40, 60]


def test_the_same_file_twice_stores_nothing_twice(store, service, tmp_path):
    path = a_file(tmp_path, [k * 7 % 13 for k in range(200)])

    first, again = service.run([path])[0], service.run([path])[0]

    assert (first.stored, first.replaced) == (200, 0)
    assert (again.stored, again.already_stored, again.edits) == (0, 200, ())


@pytest.mark.parametrize("step_min", [5, 10, 15, 30, 60])
def test_every_step_is_kept_as_it_is(store, service, tmp_path, step_min):
    (result,) = service.run([a_file(tmp_path, VALUES, step_s=step_min * 60)])

    assert result.step_s == step_min * 60
    found = kept(store, 50, step_ms=step_min * 60_000)
    assert found.energy_wh.tolist() == VALUES


def test_finer_intervals_become_sums_and_coarser_ones_are_refused(store, service, tmp_path):
    put(store, [1000], [IntervalQuality.RAW], step_s=1800)
    fine = a_file(tmp_path, [100] * 15, step_s=600)
    (result,) = service.run([fine], rules=ImportRules(replace_measured=True))

    assert store.ledger.intervals("m", T0, T0 + 5 * 1_800_000).energy_wh.tolist() == [300] * 5
    assert (result.stored, result.replaced) == (5, 1)
    coarse = a_file(tmp_path, [1, 2, 3], step_s=3600)
    with pytest.raises(WrongUse, match="60 min, the ledger of this meter keeps 30 min"):
        service.run([coarse])


def test_intervals_beside_the_grid_are_refused(service, tmp_path):
    path = a_file(tmp_path, [1, 2, 3], step_s=3600, first_ms=T0 + 1_800_000)

    with pytest.raises(WrongUse, match="do not begin on the whole 60 min"):
        service.run([path])


@pytest.fixture
def polled(store):
    """A meter read every second, silent from 10:00 to 12:00, read until 14:00."""
    site = store.configuration.load()
    link = Link("l", LinkKind.MODBUS_TCP, "127.0.0.1:502")
    meter = Meter("m", "Hall", driver_id="d", link_id="l", poll_interval_s=60.0)
    store.configuration.replace(replace(site, links=(link,), meters=(meter,)))
    for minute in range(14 * 60 + 1):
        if minute <= 600 or minute >= 720:
            store.writer.put(a_snapshot("m", T0 + minute * 60_000, 1_000.0 + minute * 10))
    assert store.writer.flush()
    while store.writer.upkeep(T0 + 14 * HOUR_MS):
        pass
    return meter


@pytest.mark.usefixtures("polled")
def test_a_file_fills_the_gap_of_a_polled_meter_and_nothing_else(store, service, tmp_path):
    wh = [150] * 40 + [140, 160] * 4 + [150] * 24  # 18 hours, the gap with its own shape
    waiting = staged(service, a_file(tmp_path, wh))

    (seen,) = service.preview(waiting)
    (result,) = service.apply(waiting, [seen], ImportRules(), reason="load profile of the meter")

    assert seen.changes[Change.ESTIMATED] == 8
    assert seen.changes[Change.LATER] == 16
    assert seen.changes[Change.NEW] == seen.changes[Change.MEASURED] == 0
    assert (result.replaced, result.left) == (8, 16)
    now = store.ledger.intervals("m", T0, T0 + 14 * HOUR_MS)
    assert now.energy_wh.tolist() == [150] * 40 + [140, 160] * 4 + [150] * 8
    assert set(now.quality.tolist()) == {int(IntervalQuality.RAW)}
    told = store.ledger.reconciliation("m", T0, T0 + 14 * HOUR_MS)
    assert told.discrepancy_wh == 0


@pytest.mark.usefixtures("polled")
def test_a_file_that_tells_another_energy_than_the_register_is_remarked(service, tmp_path):
    waiting = staged(service, a_file(tmp_path, [150] * 40 + [300] * 8 + [150] * 8))

    (seen,) = service.preview(waiting)
    (result,) = service.apply(waiting, [seen], ImportRules())

    for told in (seen, result):
        assert any("register knows 1.20 kWh, the file tells 2.40 kWh" in n for n in told.notes)


def test_a_cancelled_import_keeps_what_it_stored_and_goes_on(store, service, tmp_path):
    waiting = staged(service, a_file(tmp_path, [5] * 120_000, step_s=60))
    previews = service.preview(waiting)

    def cancels(fraction, _):
        if fraction > 0.5:
            raise JobCancelled(where="Import", what="stopped by you.", remedy="")

    with pytest.raises(JobCancelled):
        service.apply(waiting, previews, ImportRules(), progress=cancels)
    (result,) = service.apply(waiting, previews, ImportRules())

    assert 0 < result.already_stored < 120_000
    assert result.stored + result.already_stored == 120_000


def test_a_series_that_was_left_out_makes_no_meter(store, service, tmp_path):
    path = a_file(tmp_path, range(10))
    waiting = staged(service, path)

    previews = service.preview(waiting, {(path, "m"): ""})
    results = service.apply(waiting, previews, ImportRules())

    assert previews == results == ()
    assert store.configuration.load().meters == ()


def open_gaps(store):
    """Of the first 14 hours, as the list of gaps and as the rules tell them."""
    validation = ValidationService(
        store.configuration, store.history, store.ledger, store.editing, lambda: NOW
    )
    failures = validation.report("m", T0, T0 + 14 * HOUR_MS).failures
    return (
        [(g.start_ms, g.end_ms) for g in store.editing.gaps("m", REGISTER, T0, T0 + 14 * HOUR_MS)],
        [(f.start_ms, f.end_ms) for f in failures if f.rule is ValidationRule.GAP],
    )


def test_why_a_file_has_no_value_is_unknown_until_another_file_has_it(store, service, tmp_path):
    service.run([a_file(tmp_path, VALUES, skip=range(20, 24))])
    (gap,) = store.editing.gaps("m", REGISTER, T0, T0 + 13 * HOUR_MS)
    assert (gap.cause, gap.detail, gap.done) == (GapCause.UNKNOWN, "no file has it", "")
    listed, ruled = open_gaps(store)
    assert listed == ruled == [(T0 + 20 * QUARTER_MS, T0 + 24 * QUARTER_MS)]

    service.run([a_file(tmp_path, VALUES)])

    assert open_gaps(store) == ([], [])


@pytest.mark.usefixtures("polled")
def test_what_a_file_filled_is_measured_for_every_list_and_open_again_once_undone(
    store, service, tmp_path
):
    (before,) = store.editing.gaps("m", REGISTER, T0, T0 + 14 * HOUR_MS)
    told = open_gaps(store)
    assert (before.cause, told[0]) == (GapCause.COMMUNICATION, told[1])

    (result,) = service.run([a_file(tmp_path, [150] * 40 + [140, 160] * 4 + [150] * 8)])

    assert open_gaps(store) == ([], [])
    three = store.editing.three("m", REGISTER, before.start_ms, before.end_ms)
    assert three.raw_wh.tolist() == three.validated_wh.tolist() == [140, 160] * 4
    assert np.isnan(three.estimated_wh).all()
    service.undo([result], "a mistake")
    assert open_gaps(store) == told


@st.composite
def batches(draw):
    """Some imports of one meter: places on the grid, energies, qualities; some overlap."""
    one = st.dictionaries(
        st.one_of(st.integers(0, 40), st.integers(5_000, 5_010)),
        st.tuples(
            st.integers(0, 3), st.sampled_from([IntervalQuality.RAW, IntervalQuality.EDITED])
        ),
        min_size=1,
    )
    return draw(st.lists(one, min_size=1, max_size=4))


@given(batches())
@settings(max_examples=40)
def test_whatever_the_order_and_the_holes_the_last_word_stands_and_is_counted(given_batches):
    with (
        TemporaryDirectory() as folder,
        open_store(f"{folder}/site.db", clock=lambda: NOW) as store,
    ):
        truth = {}
        for batch in given_batches:
            places = list(batch)
            starts = T0 + np.array(places, np.int64) * QUARTER_MS
            energy = np.array([batch[k][0] for k in places], np.float64)
            quality = np.array([batch[k][1] for k in places], np.int8)

            told = store.ledger.add_intervals(
                Intervals("m", REGISTER, 900, starts, energy, quality)
            )

            assert told == sum(k not in truth or truth[k][0] != batch[k][0] for k in places)
            truth |= {k: batch[k] for k in places if k not in truth or truth[k][0] != batch[k][0]}
        found = store.ledger.intervals("m", T0, T0 + 5_011 * QUARTER_MS)
        for k in range(5_011):
            energy, quality = truth.get(k, (np.nan, IntervalQuality.MISSING))
            assert np.array_equal(found.energy_wh[k], energy, equal_nan=True)
            assert found.quality[k] == quality


def test_a_file_keeps_the_length_that_its_period_has_not_that_of_later_ones(
    store, service, tmp_path
):
    """Half hours of a file first; quarter hours since the meter is polled, from the next day on."""
    service.run([a_file(tmp_path, VALUES[:47], step_s=1800)])
    next_day = T0 + 24 * HOUR_MS
    starts = next_day + np.arange(50, dtype=np.int64) * QUARTER_MS
    store.ledger.add_intervals(
        Intervals("m", REGISTER, 900, starts, np.array(VALUES, float), np.zeros(50, np.int8))
    )

    (again,) = service.run([a_file(tmp_path, VALUES[:48], step_s=1800)])
    (later,) = service.run([a_file(tmp_path, VALUES, first_ms=next_day)])

    assert (again.stored, again.already_stored, again.step_s) == (1, 47, 1800)
    assert (later.stored, later.already_stored, later.step_s) == (0, 50, 900)
    assert kept(store, 48, step_ms=1_800_000).energy_wh.tolist() == VALUES[:48]
    with pytest.raises(WrongUse, match="the ledger of this meter keeps 15 min"):
        service.run([a_file(tmp_path, VALUES, step_s=1800, first_ms=next_day)])


@pytest.mark.parametrize("minutes", [5, 30, 60])
def test_a_polled_meter_that_has_nothing_yet_takes_a_file_in_its_own_length(
    store, service, tmp_path, minutes
):
    site = store.configuration.load()
    link = Link("l", LinkKind.MODBUS_TCP, "127.0.0.1:502")
    meter = Meter("m", "Hall", driver_id="d", link_id="l", interval_min=minutes)
    store.configuration.replace(replace(site, links=(link,), meters=(meter,)))

    (result,) = service.run([a_file(tmp_path, [7] * 240, step_s=300)])

    assert (result.step_s, result.stored) == (minutes * 60, 240 * 5 // minutes)
    found = store.ledger.intervals("m", T0, T0 + 20 * HOUR_MS)
    assert set(found.energy_wh.tolist()) == {7 * minutes / 5}

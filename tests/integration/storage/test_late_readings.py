"""Readings that come after their quarter hours were closed: shape corrected, sum untouched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.domain.editing import RegisterEvent, RegisterEventKind
from energy_desktop.domain.energy import DAY_MS, QUARTER_HOUR_MS, IntervalQuality
from energy_desktop.domain.snapshot import Layout, Snapshot
from tests.support.store_builders import HOUR_MS, T0

LAYOUT = Layout("late@1", ("energy_import_wh",))
MINUTE_MS = 60_000


def reading(minute: int, wh: float) -> Snapshot:
    return Snapshot("m", T0 + minute * MINUTE_MS, LAYOUT, (float(wh),))


def keep(store, snapshots) -> None:
    for snapshot in snapshots:
        store.writer.put(snapshot)
    assert store.writer.flush()
    while store.writer.upkeep(T0 + HOUR_MS):
        pass


def uneven(minute: int) -> int:
    """All of the gap's energy flows in its first hour."""
    return 1_000 + (min(minute, 90) * 20)


def intervals(store):
    return store.ledger.intervals("m", T0, T0 + 4 * HOUR_MS)


def test_a_gap_is_booked_as_estimated_and_redrawn_when_its_readings_come(store):
    keep(store, [reading(m, uneven(m)) for m in range(31)])
    keep(store, [reading(m, uneven(m)) for m in range(180, 241)])
    estimated = intervals(store)
    assert (estimated.quality == IntervalQuality.ESTIMATED).sum() >= 9

    keep(store, [reading(m, uneven(m)) for m in range(31, 180)])

    exact = intervals(store)
    wanted = [uneven(15 * i + 15) - uneven(15 * i) for i in range(16)]
    assert exact.energy_wh.tolist() == wanted
    assert (exact.quality == IntervalQuality.RAW).all()
    assert estimated.energy_wh.sum() == exact.energy_wh.sum()


def test_what_was_estimated_before_is_kept_as_an_earlier_version(store):
    keep(store, [reading(0, 1_000), reading(10, 1_100), reading(130, 3_500), reading(140, 3_600)])

    keep(store, [reading(m, 1_100) for m in range(11, 60)])

    with store._database.reading() as session:
        kept = session.rows("SELECT version, quality, method FROM interval_versions")
        now = session.rows("SELECT DISTINCT version, method FROM intervals WHERE version > 1")
    assert kept and {row[1] for row in kept} == {int(IntervalQuality.ESTIMATED)}
    assert now == [(2, "late readings")]


def test_the_sum_is_the_register_difference_before_and_after(store):
    keep(store, [reading(m, uneven(m)) for m in (0, 5, 10, 170, 180, 195, 240)])
    before = store.ledger.reconciliation("m", T0, T0 + DAY_MS)

    keep(store, [reading(m, uneven(m)) for m in range(11, 170, 3)])

    after = store.ledger.reconciliation("m", T0, T0 + DAY_MS)
    assert before.register_difference_wh == before.interval_sum_wh
    assert after.register_difference_wh == after.interval_sum_wh == before.interval_sum_wh


def test_the_ledger_goes_on_from_a_redrawn_last_boundary(store):
    keep(store, [reading(0, 1_000), reading(10, 1_100), reading(133, 3_500)])
    keep(store, [reading(m, 1_100) for m in range(11, 132)])

    keep(store, [reading(m, 3_500 + m) for m in range(134, 241)])

    assert np.nansum(intervals(store).energy_wh) == 3_740 - 1_000
    whole = store.ledger.reconciliation("m", T0, T0 + DAY_MS)
    assert whole.register_difference_wh == whole.interval_sum_wh


def test_late_readings_that_do_not_fit_leave_the_estimate(store):
    keep(store, [reading(0, 1_000), reading(10, 1_100), reading(130, 3_500), reading(150, 3_600)])
    before = intervals(store)

    keep(store, [reading(60, 9_000), reading(70, 500)])

    after = intervals(store)
    assert after.energy_wh.tolist()[:9] == before.energy_wh.tolist()[:9]
    assert after.quality.tolist()[:9] == before.quality.tolist()[:9]


def test_readings_before_the_first_one_begin_the_book_earlier(store):
    keep(store, [reading(100, 2_000)])

    keep(store, [reading(m, 1_000 + 10 * m) for m in range(100)])
    keep(store, [reading(m, 1_000 + 10 * m) for m in range(101, 200)])

    assert intervals(store).energy_wh.tolist()[:13] == [150.0] * 13


def test_a_late_reading_before_an_exchange_in_the_first_interval_leaves_the_exchange_booked(
    store, clock
):
    clock.now_ms = T0 + HOUR_MS
    keep(store, [reading(1, 9_010), reading(3, 9_030)])
    kind, at_ms = RegisterEventKind.EXCHANGE, T0 + 4 * MINUTE_MS
    store.exchanges.add_event(
        RegisterEvent(0, "m", "energy_import_wh", at_ms, kind, 9_040, 0, confirmed=True)
    )
    keep(store, [reading(6, 20)])

    keep(store, [reading(-5, 8_950)])

    keep(store, [reading(m, 10 * (m - 4)) for m in range(7, 62)])
    booked = intervals(store)
    assert booked.energy_wh.tolist()[:4] == [150] * 4
    assert (booked.quality[:4] == IntervalQuality.RAW).all()


def test_late_readings_of_sealed_hours_are_redrawn_too(store):
    keep(store, [reading(m, uneven(m)) for m in range(31)])
    keep(store, [reading(m, uneven(m)) for m in range(180, 241)])
    while store.writer.upkeep(T0 + DAY_MS):
        pass

    keep(store, [reading(m, uneven(m)) for m in range(31, 180)])

    assert (intervals(store).quality == IntervalQuality.RAW).all()


@settings(max_examples=6)
@given(data=st.data())
def test_in_whatever_order_readings_come_the_energy_is_that_of_the_register(tmp_path_factory, data):
    from energy_desktop.storage import open_store

    steps = data.draw(st.lists(st.integers(0, 400), min_size=24, max_size=24))
    register = np.cumsum([1_000, *steps])
    order = data.draw(st.permutations(range(1, 24)))
    cut = data.draw(st.integers(0, 23))
    everything = [reading(10 * i, register[i]) for i in range(25)]

    folder = tmp_path_factory.mktemp("order")
    with open_store(folder / "late.sqlite", engine_owner="t") as store:
        keep(store, [everything[0], *(everything[i] for i in sorted(order[:cut])), everything[24]])
        for i in order[cut:]:
            keep(store, [everything[i]])
        found = store.ledger.reconciliation("m", T0, T0 + DAY_MS)
        booked = intervals(store).energy_wh

    assert found.register_difference_wh == found.interval_sum_wh == register[24] - register[0]
    assert np.nansum(booked) == register[24] - register[0]
    assert T0 % QUARTER_HOUR_MS == 0 and (booked[~np.isnan(booked)] >= 0).all()


@pytest.mark.parametrize("minute", [5, 20, 59])
def test_a_reading_of_the_running_quarter_hour_needs_no_redrawing(store, minute):
    keep(store, [reading(m, 1_000 + m) for m in range(minute)])

    with store._database.reading() as session:
        assert session.rows("SELECT 1 FROM interval_versions") == []


def test_a_meter_that_sends_each_register_by_itself_has_its_quarter_hours_closed(store):
    whole = Layout("two@1", ("energy_import_wh", "energy_export_wh"))
    drawn = Layout("two@1/import", ("energy_import_wh",), whole)
    returned = Layout("two@1/export", ("energy_export_wh",), whole)

    for m in range(31):
        at = T0 + m * MINUTE_MS
        keep(
            store,
            [
                Snapshot("m", at, drawn, (1_000.0 + m,)),
                Snapshot("m", at + 1, returned, (50.0 + 2 * m,)),
            ],
        )

    exported = store.ledger.intervals("m", T0, T0 + HOUR_MS, register="energy_export_wh")
    assert intervals(store).energy_wh.tolist()[:2] == [15.0, 15.0]
    assert exported.energy_wh.tolist()[1] == 30.0

"""An exchange books the right energy, also with another ratio, and says what hung there when."""

import os
from dataclasses import replace
from decimal import Decimal
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from energy_desktop.domain.editing import EditMethod, EditParameters, RegisterEventKind
from energy_desktop.domain.errors import ConfirmationNeeded, NotFound, WrongUse
from energy_desktop.services.editing import EditingService
from energy_desktop.services.exchanges import ExchangeEntry, ExchangeService
from tests.support.store_builders import HOUR_MS, T0, a_configuration

QUARTER = 900_000
MINUTE = 60_000
REGISTER = "energy_import_wh"
NOON = T0 + 12 * HOUR_MS
EXAMPLES = max(25, int(os.environ.get("ENERGY_DESKTOP_EXAMPLES", "0")) // 10)
NUMBERS = count(1)


@pytest.fixture
def desk(store, clock):
    """A day of 2 Wh a minute; at noon another meter came, at 500 Wh, and reads on to the end."""
    store.configuration.replace(a_configuration())
    minutes = np.arange(24 * 60 + 1)
    values = np.where(minutes <= 720, 700_000 + 2 * minutes, 500 + 2 * (minutes - 720))
    store.bulk.add_sealed(
        "m", REGISTER, (T0 + minutes * MINUTE).astype(np.int64), values.astype(float)
    )
    store.bulk.finish()
    clock.now_ms = T0 + 26 * HOUR_MS
    return ExchangeService(
        store.configuration, store.history, store.ledger, store.exchanges, clock, "kim"
    )


def an_entry(**more):
    values = {"meter_id": "m", "at_ms": NOON, "old_end_wh": 701_440, "new_start_wh": 500}
    return ExchangeEntry(**(values | more))


def day_wh(store):
    return store.ledger.intervals("m", T0, T0 + 24 * HOUR_MS).energy_wh


def test_both_readings_are_shown_to_whoever_enters_it(desk):
    around = desk.around("m", NOON)

    assert (around.before.read_at_ms, around.before.value_wh) == (NOON, 701_440)
    assert (around.after.read_at_ms, around.after.value_wh) == (NOON + MINUTE, 502)


def test_the_day_of_an_exchange_holds_what_both_meters_counted(desk, store):
    assert not np.isfinite(day_wh(store)).all()

    result = desk.enter(an_entry(serial_number="NEW-7", note=" protocol 12 "))

    assert day_wh(store).tolist() == [30.0] * 96
    event = result.events[0]
    assert (event.by, event.note, event.new_serial) == ("kim", "protocol 12", "NEW-7")
    assert store.configuration.load().meter("m").serial_number == "NEW-7"
    assert result.warnings == ()


@pytest.mark.parametrize("minutes_off", [-50, -1, 2, 50])
def test_an_exchange_told_for_another_moment_is_refused_with_the_right_one(
    desk, minutes_off, store
):
    """Both readings fit the register at that moment, and the old meter would be booked twice."""
    before = day_wh(store)

    with pytest.raises(WrongUse, match="2027-01-15T12:00:00Z and 2027-01-15T12:01:00Z"):
        desk.enter(an_entry(at_ms=NOON + minutes_off * MINUTE))

    assert desk.events("m") == ()
    assert np.array_equal(day_wh(store), before, equal_nan=True)


def test_a_reading_with_a_digit_too_many_is_asked_about_with_the_figure(desk, store):
    meter = store.configuration.load().meter("m")
    store.configuration.save_meter(replace(meter, connection_limit_w=None), None)
    before = day_wh(store)

    with pytest.raises(ConfirmationNeeded, match=r"old end reading would book 6,300.000 kWh"):
        desk.enter(an_entry(old_end_wh=7_001_440))
    assert desk.events("m") == ()
    assert np.array_equal(day_wh(store), before, equal_nan=True)
    result = desk.enter(an_entry(old_end_wh=7_001_440, confirmed=True))

    assert result.events[0].confirmed
    assert "6,300.0" in result.warnings[0] and "0.030 kWh" in result.warnings[0]
    assert "remove exchange 1" in result.warnings[0]
    assert desk.held("m") == frozenset()


def test_more_than_the_connection_carries_stays_quarantined_whoever_stands_by_it(desk):
    with pytest.raises(ConfirmationNeeded, match="the connection carries"):
        desk.enter(an_entry(old_end_wh=7_001_440))

    result = desk.enter(an_entry(old_end_wh=7_001_440, confirmed=True))

    assert "stays quarantined" in result.warnings[0]


def test_what_a_later_reading_belies_is_held_until_somebody_confirms_it(desk, store, clock):
    """Entered before the new meter was read: its start was written down with digits missing."""
    last_ms = T0 + 24 * HOUR_MS
    result = desk.enter(an_entry(at_ms=last_ms, old_end_wh=1_940, new_start_wh=0))
    assert "not read on both sides" in result.warnings[0]
    minutes = np.arange(1, 121)
    store.bulk.add_sealed("m", REGISTER, last_ms + minutes * MINUTE, 4_000.0 + 2 * minutes)
    store.bulk.finish()
    (event,) = result.events

    assert desk.held("m") == frozenset({event.event_id})
    first = store.ledger.intervals("m", last_ms, last_ms + QUARTER)
    assert np.isnan(first.energy_wh).all()
    desk.confirm(event.event_id, "m")

    assert desk.held("m") == frozenset()
    assert store.ledger.intervals("m", last_ms, last_ms + QUARTER).energy_wh.tolist() == [4_030.0]
    with pytest.raises(NotFound):
        desk.confirm(99, "m")


def test_an_interval_that_an_exchange_made_known_counts_as_measured(desk, store):
    desk.enter(an_entry())

    three = store.editing.three("m", REGISTER, T0, T0 + 24 * HOUR_MS)

    assert three.raw_wh.tolist() == three.validated_wh.tolist() == [30.0] * 96


def test_periods_tell_what_hung_there_when_also_for_an_exchange_entered_out_of_order(desk):
    desk.enter(an_entry(serial_number="C"))
    earlier = an_entry(at_ms=T0 + 6 * HOUR_MS, old_end_wh=700_720, new_start_wh=700_720)
    desk.enter(ExchangeEntry(**{**fields(earlier), "serial_number": "B"}))

    periods = desk.periods("m")

    assert [(p.valid_from_ms, p.serial_number) for p in periods] == [
        (T0, ""),
        (T0 + 6 * HOUR_MS, "B"),
        (NOON, "C"),
    ]
    assert desk._configuration.load().meter("m").serial_number == "C"


def fields(entry):
    return {name: getattr(entry, name) for name in entry.__dataclass_fields__}


def test_a_removed_exchange_is_as_if_it_had_never_been(desk, store):
    before = day_wh(store)
    made = desk.enter(an_entry()).events[0]

    desk.remove(made.event_id, "m")

    assert np.array_equal(day_wh(store), before, equal_nan=True)
    assert desk.events("m") == ()
    with pytest.raises(NotFound):
        desk.remove(made.event_id, "m")


def test_a_ratio_told_late_steps_after_the_last_reading_and_the_span_can_be_scaled(
    desk, store, clock
):
    """500 Wh on its display times 80 are 40,000 Wh; so far all was counted without a ratio. Its
    last reading was rounded to a whole Wh, and half a Wh is 40 Wh behind the transformer."""
    result = desk.enter(an_entry(new_start_wh=40_000, ct_ratio=80.0))

    exchange, step = result.events
    last_ms = T0 + 24 * HOUR_MS
    assert exchange.new_start_wh == 500
    assert (step.kind, step.at_ms) == (RegisterEventKind.RATIO, last_ms)
    assert (step.old_end_wh, step.new_start_wh) == (1_940, 1_940 * 80 - 40)
    assert store.configuration.load().meter("m").ct_ratio == 80.0
    assert "Scale that span by 80" in result.warnings[0]
    assert day_wh(store).tolist() == [30.0] * 96
    periods = desk.periods("m")
    assert [(p.valid_from_ms, p.ct_ratio) for p in periods] == [
        (T0, 1.0),
        (NOON, 1.0),
        (last_ms, 80.0),
    ]

    later = np.arange(1, 31)
    store.bulk.add_sealed("m", REGISTER, last_ms + later * MINUTE, (1_940.0 + 2 * later) * 80)
    store.bulk.finish()

    after = store.ledger.intervals("m", last_ms, last_ms + 2 * QUARTER).energy_wh
    assert after.tolist() == [2_440.0, 2_400.0]
    editing = EditingService(store.configuration, store.ledger, store.editing, clock, "kim")
    scaled = editing.preview(
        "m", REGISTER, NOON, last_ms, EditMethod.SCALE, EditParameters(factor=Decimal(80))
    )
    assert scaled.total_after_wh == 48 * 2_400


@pytest.mark.parametrize("rest_wh", [0.0, 0.26, 0.5, 0.74])
def test_a_rounded_reading_makes_no_register_fall_where_the_ratio_changes(desk, store, rest_wh):
    """Rounded up and multiplied by 80 it lay above what the register showed next."""
    last_ms = T0 + 24 * HOUR_MS
    store.bulk.add_sealed("m", REGISTER, np.array([last_ms + MINUTE]), np.array([1_942 + rest_wh]))
    store.bulk.finish()

    desk.enter(an_entry(new_start_wh=40_000, ct_ratio=80.0))
    quiet = np.arange(1, 4)
    used = 1_942 + rest_wh + 2 * np.arange(30)
    store.bulk.add_sealed(
        "m", REGISTER, last_ms + (1 + quiet) * MINUTE, np.full(3, 80 * (1_942 + rest_wh))
    )
    store.bulk.add_sealed("m", REGISTER, last_ms + (5 + np.arange(30)) * MINUTE, 80 * used)
    store.bulk.finish()

    after = store.ledger.intervals("m", last_ms, last_ms + 2 * QUARTER)
    assert np.isfinite(after.energy_wh).all()
    assert store.ledger.reconciliation("m", last_ms, last_ms + 2 * QUARTER).resets == 0
    first, second = after.energy_wh.tolist()
    assert 2 + 160 * 10 <= first <= 2 + 160 * 10 + 81  # to a Wh of before
    assert second == 160 * 15


def test_a_ratio_does_not_change_while_the_meter_is_read(desk, store, clock):
    clock.now_ms = T0 + 24 * HOUR_MS + 5_000

    with pytest.raises(WrongUse, match="while the meter is being read"):
        desk.enter(an_entry(ct_ratio=80.0, new_start_wh=40_000))

    assert desk.events("m") == ()
    assert store.configuration.load().meter("m").ct_ratio == 1.0


def test_a_new_ratio_before_anything_was_read_needs_no_step(desk, store, clock):
    entry = an_entry(at_ms=clock.now_ms, old_end_wh=1_940, new_start_wh=0, ct_ratio=40.0)

    result = desk.enter(entry)

    assert len(result.events) == 1
    assert store.configuration.load().meter("m").ct_ratio == 40.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"old_end_wh": -1}, "nothing below 0"),
        ({"ct_ratio": 0.0}, "no transformer ratio"),
        ({"modulus_wh": 500}, "modulus"),
        ({"old_end_wh": 700_000}, "more than its end reading"),
        ({"new_start_wh": 600}, "less than its start reading"),
        ({"at_ms": T0 + 48 * HOUR_MS}, "future"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(desk, store, change, words):
    before = day_wh(store)

    with pytest.raises(WrongUse, match=words):
        desk.enter(an_entry(serial_number="X", **change))

    assert desk.events("m") == ()
    assert store.configuration.load().meter("m").serial_number == ""
    assert np.array_equal(day_wh(store), before, equal_nan=True)


def test_a_gap_filled_by_hand_before_its_exchange_was_told_keeps_each_day_in_order(store, clock):
    """Silent from 18:00 to 06:00; the meter was exchanged at 23:00 in between."""
    store.configuration.replace(a_configuration())
    minutes = np.arange(48 * 60 + 1)
    values = np.where(minutes <= 1380, 700_000 + 2 * minutes, 2 * (minutes - 1380))
    heard = (minutes <= 1080) | (minutes >= 1800)
    times = (T0 + minutes * MINUTE).astype(np.int64)
    store.bulk.add_sealed("m", REGISTER, times[heard], values[heard].astype(float))
    store.bulk.finish()
    clock.now_ms = T0 + 50 * HOUR_MS
    desk = ExchangeService(
        store.configuration, store.history, store.ledger, store.exchanges, clock, "kim"
    )
    editing = EditingService(store.configuration, store.ledger, store.editing, clock, "kim")
    start, midnight, end = T0 + 18 * HOUR_MS, T0 + 24 * HOUR_MS, T0 + 30 * HOUR_MS
    for first, last, total in ((start, midnight, 1_200), (midnight, end, 240)):
        editing.apply(
            editing.preview(
                "m", REGISTER, first, last, EditMethod.SPREAD, EditParameters(total_wh=total)
            ),
            "read on the displays",
        )

    desk.enter(an_entry(at_ms=T0 + 23 * HOUR_MS, old_end_wh=702_760, new_start_wh=0))

    days = [(T0, midnight), (midnight, midnight + 24 * HOUR_MS)]
    checks = [store.ledger.reconciliation("m", *day, register=REGISTER) for day in days]
    assert [c.discrepancy_wh for c in checks] == [0, 0]
    assert [c.interval_sum_wh for c in checks] == [36 * 60 + 1_200, 240 + 36 * 60]


def test_whoever_remembers_the_ledger_is_told_of_each_change(desk, store, clock):
    told = []
    store_parts = (store.configuration, store.ledger, store.editing, clock, "kim")
    editing = EditingService(*store_parts, on_corrected=lambda: told.append("edit"))
    exchanging = ExchangeService(
        store.configuration, store.history, store.ledger, store.exchanges, clock, "kim",
        on_corrected=lambda: told.append("exchange"),
    )  # fmt: skip

    event = exchanging.enter(an_entry()).events[0]
    exchanging.remove(event.event_id, "m")
    preview = editing.preview(
        "m", REGISTER, T0, T0 + QUARTER, EditMethod.SET, EditParameters(value_wh=7)
    )
    assert told == ["exchange", "exchange"]
    edit = editing.apply(preview, "a reason")
    editing.undo(edit.edit_id, "a slip")

    assert told == ["exchange", "exchange", "edit", "edit"]


RATIOS = st.sampled_from([1.0, 5.0, 20.0, 40.0, 80.0, 100.0, 33.3]) | st.floats(0.2, 200.0)


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    old=RATIOS,
    new=RATIOS,
    old_base=st.floats(0.0, 9_000.0),
    start=st.integers(0, 40_000).map(lambda tenths: tenths / 10),
    quiet=st.integers(0, 20),
    used=st.floats(0.01, 9.0),
    modulus=st.none() | st.sampled_from([100_000, 838_861, 2**32]),
)
@example(old=20.0, new=1.0, old_base=100.0, start=0.7, quiet=5, used=1.0, modulus=None)
def test_what_is_booked_over_an_exchange_with_another_ratio_is_what_flowed(
    desk, store, old, new, old_base, start, quiet, used, modulus
):
    """All in Wh behind no transformer: the old meter shows old_base in the morning, the new one
    start; nothing flows for some minutes, then `used` each minute. modulus: the old meter's
    register goes back to 0 half way, that of the new one does not come so far."""
    meter = replace(
        store.configuration.load().meter("m"),
        meter_id=f"m{next(NUMBERS)}",
        unit_id=1 + next(NUMBERS) % 240,
        ct_ratio=old,
        counter_modulus_wh=modulus,
        connection_limit_w=None,
    )
    store.configuration.save_meter(meter, None)
    minutes = np.arange(0, 721)
    flowed = used * np.maximum(0, minutes - quiet)
    before = old * (old_base + flowed)
    if modulus is not None:
        before = np.mod(before - before[360] + modulus, modulus)
        assume(before[359] >= 0.9 * modulus and before[-1] <= 0.1 * modulus)
    since = start + flowed
    assume(modulus is None or old * since[-1] < 0.5 * modulus)

    def read(first_ms, values):
        store.bulk.add_sealed(
            meter.meter_id, REGISTER, first_ms + MINUTE * np.arange(len(values)), values
        )
        store.bulk.finish()

    read(T0, before)
    read(NOON + MINUTE, old * since)
    desk.enter(
        ExchangeEntry(
            meter.meter_id,
            NOON,
            round(float(before[-1])),
            round(new * start),
            ct_ratio=new,
            confirmed=True,
        )
    )

    span = (NOON + MINUTE + 720 * MINUTE) // QUARTER * QUARTER
    got = store.ledger.intervals(meter.meter_id, T0, span)
    at_end = old * float(np.interp((span - NOON - MINUTE) / MINUTE, minutes, since))
    truth = old * float(flowed[-1]) + at_end - old * start
    assert np.isfinite(got.energy_wh).all()
    assert (got.energy_wh >= 0).all()
    rounded_start = 0.5 * old / new  # half a Wh of what the person read, as it is counted
    assert got.energy_wh.sum() == pytest.approx(truth, abs=2.0 + rounded_start)

"""An exchange whose readings would book far more than the meter ever used is held back: what it
would book is quarantined, told, and booked only when a person stands by it."""

from dataclasses import replace

import numpy as np
import pytest

from energy_desktop.domain.editing import RegisterEvent, RegisterEventKind
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.site import Meter
from tests.support.store_builders import HOUR_MS, T0, a_configuration, a_snapshot

MINUTE, QUARTER = 60_000, 900_000
REGISTER = "energy_import_wh"
AT = 100  # minute of the exchange
OLD_END = 91_000


def keep(store, readings, upto_ms=T0 + 12 * HOUR_MS):
    for minute, value in readings:
        store.writer.put(a_snapshot(at_ms=T0 + minute * MINUTE, energy=float(value)))
    assert store.writer.flush()
    while store.maintain(upto_ms, seconds=30):
        pass


def an_exchange(old_end=OLD_END, new_start=7, **more):
    return RegisterEvent(
        0, "m", REGISTER, T0 + AT * MINUTE, RegisterEventKind.EXCHANGE, old_end, new_start,
        by="kim", **more,
    )  # fmt: skip


def old_meter():
    """10 Wh a minute, up to the exchange."""
    return [(m, 90_000 + 10 * m) for m in range(AT + 1)]


def new_meter(start=7, first=110):
    return [(m, start + 10 * (m - AT)) for m in range(first, 361)]


def book(store):
    found = store.ledger.intervals("m", T0, T0 + 6 * HOUR_MS)
    return [None if np.isnan(e) else int(e) for e in found.energy_wh]


@pytest.fixture
def polled(store, clock):
    """A meter whose connection nobody described."""
    clock.now_ms = T0 + 20 * HOUR_MS
    store.configuration.replace(
        a_configuration(meters=(Meter("m", "Lights", poll_interval_s=60.0),))
    )
    return store


@pytest.mark.parametrize(
    ("event", "start", "side", "energy_wh"),
    [
        (an_exchange(old_end=910_000), 7, "old end", 819_000),
        (an_exchange(new_start=7), 700_000, "new start", 700_093),
    ],
)
def test_a_reading_with_a_digit_too_many_books_nothing(polled, event, start, side, energy_wh):
    keep(polled, old_meter())
    keep(polled, new_meter(start))

    doubt = polled.exchanges.doubt(event)
    made = polled.exchanges.add_event(event)

    assert (doubt.side, doubt.energy_wh) == (side, energy_wh)
    assert doubt.most_w == pytest.approx(4_000.0)
    assert not made.confirmed
    assert max(e for e in book(polled) if e is not None) == 150
    assert book(polled)[6] is None
    reasons = [e.reason for e in polled.quarantine.entries(0, 1 << 42)]
    assert any(f"{side} reading of the exchange would book {energy_wh} Wh" in r for r in reasons)


def test_what_a_person_stands_by_is_booked(polled):
    keep(polled, old_meter())
    keep(polled, new_meter())
    made = polled.exchanges.add_event(an_exchange(old_end=95_000))
    assert book(polled)[6] is None

    polled.exchanges.confirm_event(made.event_id)

    assert sum(book(polled)) == 3_600 + 4_000
    (kept,) = polled.exchanges.events("m")
    assert kept.confirmed
    assert polled.quarantine.entries(0, 1 << 42) == ()
    polled.exchanges.remove_event(made.event_id)
    polled.exchanges.add_event(an_exchange(old_end=95_000, confirmed=True))
    assert sum(book(polled)) == 3_600 + 4_000


def test_a_new_start_that_the_first_readings_belie_is_held_back_when_they_come(polled, clock):
    clock.now_ms = T0 + 105 * MINUTE
    keep(polled, old_meter(), T0 + 105 * MINUTE)
    made = polled.exchanges.add_event(an_exchange(new_start=0))

    clock.now_ms = T0 + 20 * HOUR_MS
    keep(polled, new_meter(500_000))

    assert not made.confirmed
    energies = book(polled)
    assert energies[6] is None
    assert [e for e in energies if e is not None] == [150] * (24 - energies.count(None))
    polled.exchanges.remove_event(made.event_id)
    right = polled.exchanges.add_event(an_exchange(new_start=500_000))
    assert right.confirmed
    assert book(polled) == [150] * 24


def test_a_register_that_only_rises_at_the_exchange_is_held_back_too(polled):
    """Another meter with a higher register: nothing falls, so nothing else would see it."""
    keep(polled, old_meter())
    keep(polled, new_meter(5_000_000))

    polled.exchanges.add_event(an_exchange(new_start=50_000))

    assert book(polled)[6] is None
    assert max(e for e in book(polled) if e is not None) == 150


def test_one_bad_reading_beside_the_exchange_says_nothing_of_it(polled):
    dip = [(m, 0 if m == AT - 1 else value) for m, value in old_meter()]
    keep(polled, dip)
    spiked = [(m, value + 800_000 if m == 110 else value) for m, value in new_meter()]
    keep(polled, spiked)

    made = polled.exchanges.add_event(an_exchange())

    assert made.confirmed
    assert sum(book(polled)) == 3_600


def test_a_whole_kwh_of_rounding_is_believed_also_of_a_meter_that_stood(polled):
    keep(polled, [(m, 90_000) for m in range(AT + 1)])
    keep(polled, [(m, 0) for m in range(110, 361)])

    made = polled.exchanges.add_event(an_exchange(old_end=90_990, new_start=0))

    assert made.confirmed
    assert sum(book(polled)) == 990


def test_a_connection_that_carries_less_is_the_limit(polled):
    meter = polled.configuration.load().meter("m")
    polled.configuration.save_meter(replace(meter, connection_limit_w=2_000.0), None)
    keep(polled, old_meter())
    keep(polled, new_meter())

    doubt = polled.exchanges.doubt(an_exchange(old_end=91_600))

    assert (doubt.most_w, doubt.energy_wh) == (2_000.0, 600)
    made = polled.exchanges.add_event(an_exchange(old_end=91_600, confirmed=True))
    assert made.confirmed
    assert book(polled)[6] is None  # a word does not make the connection carry more


def test_the_quality_of_what_is_held_back_says_so(polled):
    keep(polled, old_meter())
    keep(polled, new_meter())

    polled.exchanges.add_event(an_exchange(old_end=910_000))

    quality = polled.ledger.intervals("m", T0, T0 + 6 * HOUR_MS).quality
    assert quality[6] == IntervalQuality.QUARANTINED
    (gap,) = polled.editing.gaps("m", REGISTER, T0, T0 + 6 * HOUR_MS)
    assert gap.cause.value == "quarantined"
    assert gap.known_wh is None


def test_polling_on_over_a_held_exchange_and_restarts_change_nothing(polled, clock):
    clock.now_ms = T0 + 105 * MINUTE
    keep(polled, old_meter(), T0 + 105 * MINUTE)
    polled.exchanges.add_event(an_exchange(new_start=0))
    clock.now_ms = T0 + 20 * HOUR_MS

    for part in range(110, 361, 3):  # a few readings at a time, as a poller brings them
        keep(polled, [r for r in new_meter(500_000) if part <= r[0] < part + 3])

    energies = book(polled)
    assert energies.count(None) == 2
    assert [e for e in energies if e is not None] == [150] * 22

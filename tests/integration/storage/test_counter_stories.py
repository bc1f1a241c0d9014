"""For any true consumption and any mix of dips, spikes, rollovers, exchanges, gaps, restarts and
jumps of the computer's clock: through the store, what is booked and what is quarantined is what
flowed, nothing twice and nothing below zero. Exchanges are told when they happen or long after."""

import os
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy_desktop.domain.editing import RegisterEvent, RegisterEventKind
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Snapshot
from energy_desktop.storage import open_store
from tests.support.store_builders import LAYOUT, T0, SetClock, a_configuration

MINUTE, QUARTER, HOUR = 60_000, 900_000, 3_600_000
REGISTER = "energy_import_wh"
MODULUS = 1_000_000
EXAMPLES = int(os.environ.get("ENERGY_DESKTOP_EXAMPLES", "25"))  # a release asks for 2,000
QUIET_END = 90  # minutes in order at the end, so that the last boundary is sound
METER = Meter(
    "m", "M", poll_interval_s=60.0, connection_limit_w=44_000.0, counter_modulus_wh=MODULUS
)


@dataclass(frozen=True)
class Story:
    """truth_wh: odometer at each minute. seen: (stamp minute, register) in the order in which they
    were read; `shown` is the register that an honest reading shows at each minute."""

    truth_wh: list[int]
    seen: list[tuple[int, int]]
    exchanges: list[tuple[int, int, int, bool]]  # minute, old end, new start, told at once
    cuts: list[int]


@st.composite
def stories(draw):
    eventful = draw(st.integers(60, 150))
    jumps = draw(st.lists(st.tuples(st.integers(20, eventful), st.integers(-90, 90)), max_size=2))
    # Never back to before the first boundary: where the book begins must be sound.
    jumps = [(at, max(size, 20 - at)) for at, size in jumps]
    ahead = max([0, *(size for _, size in jumps)])
    minutes = eventful + ahead + QUIET_END
    used = draw(st.lists(st.integers(0, 400), min_size=minutes, max_size=minutes))
    truth = np.concatenate(([0], np.cumsum(used))).tolist()
    base = draw(st.integers(100_000, 300_000) | st.integers(MODULUS - 20_000, MODULUS - 1))
    # An exchange at which the clock is wrong has no right time to be told: it is before.
    right_until = min([eventful, *(at - max(-size, 0) - 10 for at, size in jumps)])
    spots = draw(st.sets(st.integers(20, max(right_until, 20)), max_size=int(right_until > 20)))
    exchanges, shown, register = [], [], base
    for minute in range(minutes + 1):
        if minute:
            register = (register + used[minute - 1]) % MODULUS
        shown.append(register)
        if minute in spots:
            start = draw(st.integers(0, 5_000))
            # Told long after, the book is made again without knowing in which order readings came.
            at_once = bool(jumps) or draw(st.booleans())
            exchanges.append((minute, register, start, at_once))
            register = start
    read = dict(enumerate(shown))
    for first, length in draw(
        st.lists(st.tuples(st.integers(5, eventful), st.integers(1, 50)), max_size=2)
    ):
        for minute in range(first, min(first + length, eventful + 5)):
            read.pop(minute, None)
    # One lie a minute: two of them can make what might be true.
    for minute, up in draw(
        st.dictionaries(st.integers(5, eventful), st.booleans(), max_size=3)
    ).items():
        near = any(abs(minute - spot) < 8 for spot in spots)
        if minute in read and not near:  # below the truth, or beyond what the fuse carries
            read[minute] = min(read[minute] + 90_000, 2 * MODULUS) if up else read[minute] // 2
    seen = []
    for minute in sorted(read):
        off = 0
        if minute <= eventful:
            off = next((size for at, size in reversed(jumps) if at <= minute), 0)
        seen.append((minute + off, read[minute]))
    cuts = sorted(draw(st.sets(st.integers(1, len(seen) - 1), max_size=2)))
    if any(later < earlier for earlier, later in pairwise(shown)):
        # A start forgets that the clock was set back: a rollover is asked about until the clock has
        # caught up and an interval behind is booked. So restarts are elsewhere.
        stamps = [stamp for stamp, _ in seen]
        highest = np.maximum.accumulate(stamps).tolist()
        again = [k for k, stamp in enumerate(stamps) if stamp < highest[k]]
        cuts = [c for c in cuts if not any(k <= c and stamps[c] < highest[k] + 30 for k in again)]
    return Story(truth, seen, exchanges, cuts)


def told(store, minute, old_end, new_start):
    store.exchanges.add_event(
        RegisterEvent(
            0,
            "m",
            REGISTER,
            T0 + minute * MINUTE,
            RegisterEventKind.EXCHANGE,
            old_end,
            new_start,
            by="kim",
            confirmed=True,  # true to the Wh, also where nothing was used before it
        )
    )


def keep_up(store, clock):
    assert store.writer.flush()
    while store.maintain(clock.now_ms, seconds=30):
        pass


def lived(story, folder):
    """The ledger after the story: energies and qualities by minute of their start."""
    clock = SetClock(T0)
    edges = [0, *story.cuts, len(story.seen)]
    waiting = list(story.exchanges)
    for begin, end in pairwise(edges):
        with open_store(folder / "s.db", engine_owner="t", clock=clock) as store:
            store.configuration.replace(a_configuration(meters=(METER,)))
            for stamp, value in story.seen[begin:end]:
                at_ms = T0 + stamp * MINUTE
                clock.now_ms = at_ms
                if waiting and waiting[0][3] and stamp > waiting[0][0]:
                    assert store.writer.flush()
                    told(store, *waiting.pop(0)[:3])
                store.writer.put(Snapshot("m", at_ms, LAYOUT, (1_800.0, 230.0, float(value))))
                if stamp % 5 == 0:  # the writer looks after every commit
                    keep_up(store, clock)
            keep_up(store, clock)
            if end == len(story.seen):
                for minute, old_end, new_start, _ in waiting:
                    told(store, minute, old_end, new_start)
                far_ms = clock.now_ms + 200 * MINUTE
                found = store.ledger.intervals("m", T0 - 4 * HOUR, far_ms)
                proof = store.ledger.reconciliation("m", T0 - 4 * HOUR, far_ms)
                held_wh = quarantined(store)
    starts = ((found.start_ms - T0) // MINUTE).tolist()
    rows = list(zip(starts, found.energy_wh.tolist(), found.quality.tolist(), strict=True))
    return rows, proof, held_wh


def quarantined(store):
    """Energy of the intervals that are held back: what the register shows behind them, less what
    it showed before."""
    with store._database.reading() as session:
        shown = session.rows(
            "SELECT opening_wh, closing_wh FROM intervals WHERE quality <> ? ORDER BY start_ms",
            (int(IntervalQuality.QUARANTINED),),
        )
    return sum(after[0] - before[1] for before, after in pairwise(shown))


@pytest.mark.timeout(400 + EXAMPLES)
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
)
@given(stories())
def test_booked_and_quarantined_energy_is_what_flowed(story):
    with tempfile.TemporaryDirectory() as folder:
        rows, proof, held_wh = lived(story, Path(folder))

    booked = [(start, energy) for start, energy, _ in rows if energy == energy]
    assert all(energy >= 0 for _, energy in booked)
    there = [row for row in rows if row[2] != IntervalQuality.MISSING]
    first, last = there[0][0], there[-1][0] + 15
    assert len(there) == (last - first) // 15  # no hole between the first and the last interval
    held = [start for start, _, quality in rows if quality == IntervalQuality.QUARANTINED]
    total = sum(energy for _, energy in booked)
    if first >= 0 and last < len(story.truth_wh):
        true_wh = story.truth_wh[last] - story.truth_wh[first]
        assert total + held_wh == true_wh, story
    if not held:
        assert proof.discrepancy_wh == 0


def test_a_clock_that_was_ahead_books_nothing_below_zero(tmp_path):
    """48 minutes ahead for ten minutes, set back; nothing was read for a while around that."""
    used = 200
    seen = [(m, 1_000 + used * m) for m in range(32)]
    seen += [(m + 48, 1_000 + used * m) for m in range(32, 42)]
    seen += [(m, 1_000 + used * m) for m in (*range(58, 81), *range(113, 203))]
    story = Story([used * m for m in range(203)], seen, [], [])

    rows, proof, _ = lived(story, tmp_path)

    energies = [energy for _, energy, quality in rows if quality != IntervalQuality.MISSING]
    assert min(energies) >= 0
    assert (sum(energies), proof.discrepancy_wh) == (used * 195, 0)


@pytest.mark.parametrize(
    "offsets",
    [
        [(0, 51, 0), (51, 90, 75), (90, 143, -34), (143, 300, 0)],
        [(0, 34, 0), (34, 62, 89), (62, 69, -39), (69, 300, 0)],  # all of it is booked already
    ],
)
def test_a_rollover_in_more_time_than_the_stamps_show_breaks_nothing(tmp_path, offsets):
    """The clock is more than an hour ahead for a while, then behind; many minutes come twice."""
    used = 250
    seen = [
        (minute + off, (980_000 + used * minute) % MODULUS)
        for first, end, off in offsets
        for minute in range(first, end)
    ]
    story = Story([used * m for m in range(301)], seen, [], [])

    rows, proof, held_wh = lived(story, tmp_path)

    booked = sum(energy for _, energy, _ in rows if energy == energy)
    assert (booked + held_wh, proof.resets) == (used * 285, 0)


def test_a_spike_at_a_boundary_is_no_ground_to_book_again_from(tmp_path):
    """An exchange is told late; the boundary before it was read as nonsense."""
    used = 200
    seen = [(m, 10_000 + used * m) for m in range(120)]
    seen[90] = (90, 100_000)
    seen += [(m, used * (m - 119)) for m in range(120, 200)]
    story = Story([used * m for m in range(200)], seen, [(119, 10_000 + used * 119, 0, False)], [])

    rows, proof, held_wh = lived(story, tmp_path)

    energies = [energy for _, energy, quality in rows if quality != IntervalQuality.MISSING]
    assert (energies, proof.resets, held_wh) == ([used * 15] * 13, 0, 0)

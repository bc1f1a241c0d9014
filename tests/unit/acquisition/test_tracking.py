"""When a meter counts as late, lost, misconfigured and back, and what the log says of it."""

import logging

import pytest

from energy_desktop.acquisition.links.failure import (
    FailureKind,
    RequestFailed,
    no_answer,
    refused,
)
from energy_desktop.acquisition.schedule import Slots
from energy_desktop.acquisition.tracking import MeterTrack, duration_text
from energy_desktop.domain.energy import GapCause
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import LinkState

WHERE = "Lathe (SDM120, COM4, unit 7)"


def a_track(period_s: float = 1.0) -> MeterTrack:
    return MeterTrack(Meter("m1", "Lathe"), WHERE, Slots(0.0, period_s))


def answer(track: MeterTrack, now_s: float):
    skipped = track.begin(now_s, round(now_s * 1000))
    return track.answered(now_s, round(now_s * 1000), 12.0, skipped)


def fail(track: MeterTrack, now_s: float, failure: RequestFailed | None = None) -> None:
    track.begin(now_s, round(now_s * 1000))
    track.failed(failure or no_answer(1.0), now_s, round(now_s * 1000))


def test_an_answer_is_good_and_one_after_skipped_slots_is_late():
    track = a_track()

    answer(track, 0.0)
    good = track.status
    answer(track, 3.5)

    assert (good.state, good.polls, good.last_read_ms) == (LinkState.GOOD, 1, 0)
    assert (track.status.state, track.status.skipped_slots) == (LinkState.LATE, 2)


def test_a_meter_is_lost_after_three_failures():
    track = a_track()
    answer(track, 0.0)

    states = []
    for now in (1.0, 2.0, 3.0):
        fail(track, now)
        states.append(track.status.state)

    assert states == [LinkState.LATE, LinkState.LATE, LinkState.LOST]
    assert track.status.lost_since_ms == 0
    assert track.status.last_error == "no answer in 3 tries of 1.0 s."
    assert track.status.remedy


def test_a_timeout_as_long_as_the_period_does_not_put_the_loss_off_beyond_three_periods():
    track = a_track()
    track.begin(0.0, 0)
    track.answered(0.02, 20, 20.0, 0)

    for begun, ended in ((1.0, 2.0), (2.0, 3.0)):
        track.begin(begun, round(begun * 1000))
        track.failed(no_answer(1.0), ended, round(ended * 1000))

    assert track.status.state is LinkState.LOST


def test_a_lost_meter_is_asked_ever_more_rarely_and_its_neighbours_slots_are_not_counted():
    track = a_track()
    now, waits = 0.0, []
    for _ in range(12):
        fail(track, now)
        waits.append(track.due_s - now)
        now = track.due_s

    assert waits[2] <= 1.0 < waits[4] < waits[6] < waits[8] <= 60.0
    assert max(waits) <= 60.0
    assert track.status.skipped_slots == 0


def test_try_now_ends_the_wait_at_once():
    track = a_track()
    for now in range(10):
        fail(track, float(now * 60))

    track.try_now(700.0)

    assert track.due_s == 700.0


def test_one_warning_when_lost_and_one_line_when_back(caplog):
    track = a_track()
    with caplog.at_level(logging.INFO, "energy_desktop.acquisition"):
        answer(track, 0.0)
        for now in (1.0, 2.0, 3.0, 5.0, 9.0, 20.0):
            fail(track, now)
        answer(track, 260.0)
        answer(track, 261.0)

    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", f"{WHERE}: no answer in 3 tries of 1.0 s. Trying again, ever more rarely."),
        ("INFO", f"{WHERE}: answers again after 4 min 20 s."),
    ]


def test_the_gap_is_known_when_the_meter_is_back():
    track = a_track()
    answer(track, 0.0)
    for now in (1.0, 2.0, 3.0):
        fail(track, now)

    gap = answer(track, 60.0)

    assert gap is not None
    assert (gap.start_ms, gap.end_ms, gap.cause) == (0, 60_000, GapCause.COMMUNICATION)
    assert answer(track, 61.0) is None


def test_a_gap_of_a_meter_that_never_answered_begins_with_the_first_try():
    track = a_track()
    for now in (5.0, 6.0, 7.0):
        fail(track, now)

    gap = track.open_gap(9_000)

    assert gap is not None
    assert (gap.start_ms, gap.end_ms) == (5_000, 9_000)


def test_a_refusal_is_misconfigured_at_once_and_asked_again_once_a_minute(caplog):
    track = a_track()
    with caplog.at_level(logging.WARNING, "energy_desktop.acquisition"):
        fail(track, 0.0, refused(2, "registers 0 to 9, function 4"))
        fail(track, track.due_s, refused(2, "registers 0 to 9, function 4"))

    assert track.status.state is LinkState.MISCONFIGURED
    assert track.due_s >= 90.0
    assert len(caplog.records) == 1
    assert "Trying again once a minute." in caplog.text
    assert "driver" in track.status.remedy


def test_a_busy_meter_is_asked_three_times_more_before_that_counts_as_a_failure():
    track = a_track()
    busy = refused(6, "registers 0 to 9, function 4")
    now, waits = 0.0, []
    for _ in range(3):
        fail(track, now, busy)
        waits.append(track.due_s - now)
        now = track.due_s

    assert all(0.1 <= wait <= 0.5 for wait in waits)
    assert track.status.failures == 0
    fail(track, now, busy)
    assert (track.status.failures, track.status.state) == (1, LinkState.LATE)
    assert "busy" in track.status.last_error


def test_a_meter_that_waits_for_its_link_is_due_when_the_link_is_tried():
    track = a_track()
    failure = RequestFailed(FailureKind.NO_CONNECTION, "no connection: refused.", "Look.")
    for now in (0.0, 1.0, 2.0):
        track.begin(now, 0)
        track.failed(failure, now, 0, retry_s=33.0)

    assert track.due_s == 33.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (260, "4 min 20 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h")],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds, text):
    assert duration_text(seconds) == text

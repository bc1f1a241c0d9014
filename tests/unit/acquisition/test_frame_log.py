"""The frame log keeps the newest frames, makes words when asked, and may be read at any time."""

import threading
import time

from energy_desktop.acquisition.links.frame_log import Described, FrameLog
from energy_desktop.domain.bus import BusError


def test_frames_are_numbered_and_asked_for_since_a_number():
    log = FrameLog()
    for i in range(5):
        log.sent(bytes([i]), f"question {i}")

    new = log.frames(after=3)

    assert [(frame.number, frame.meaning) for frame in new] == [
        (4, "question 3"),
        (5, "question 4"),
    ]


def test_only_the_newest_are_kept_and_their_numbers_stay():
    log = FrameLog(capacity=10)
    for i in range(25):
        log.received(bytes([i]))
    log.keep(4)

    kept = log.frames()

    assert [frame.number for frame in kept] == [22, 23, 24, 25]
    assert [frame.data[0] for frame in kept] == [21, 22, 23, 24]


def test_words_are_made_when_somebody_looks_and_not_before():
    made = []

    def describe(sent: bool, data: bytes, after_ms: float | None) -> Described:
        made.append(data)
        return Described(f"{len(data)} bytes", 9)

    log = FrameLog(describe)
    log.sent(b"abc")
    log.received(b"xy", lambda: "two of them", 4)
    assert made == []

    first, second = log.frames()

    assert (first.meaning, first.unit_id, first.sent) == ("3 bytes", 9, True)
    assert (second.meaning, second.unit_id, second.sent) == ("two of them", 4, False)
    assert made == [b"abc"]


def test_a_frame_says_how_long_after_the_one_before_it_came():
    log = FrameLog()
    log.sent(b"q")
    time.sleep(0.02)
    log.received(b"a")
    log.noticed(BusError.TIMEOUT, 3, "no answer in 1.0 s")

    question, answer, notice = log.frames()

    assert question.after_ms is None
    assert answer.after_ms is not None and 15 <= answer.after_ms < 2000
    assert abs(answer.time_ms - time.time() * 1000) < 10_000
    assert (notice.data, notice.error, notice.unit_id) == (b"", BusError.TIMEOUT, 3)
    assert log.frames(after=1)[0].after_ms == answer.after_ms


def test_the_log_may_be_read_while_it_is_written():
    log = FrameLog(capacity=50)
    ending = threading.Event()

    def write() -> None:
        while not ending.is_set():
            log.sent(b"data")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(300):
            numbers = [frame.number for frame in log.frames()]
            assert numbers == sorted(set(numbers))
    finally:
        ending.set()
        thread.join()

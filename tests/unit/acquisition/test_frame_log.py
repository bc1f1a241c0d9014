"""The frames of a link: kept in order, the oldest forgotten, told in words when somebody looks."""

import threading

from energy_desktop.acquisition.links.frame_log import Described, FrameLog
from energy_desktop.domain.bus import BusError


def test_frames_come_back_in_order_with_their_number_and_distance():
    log = FrameLog()
    log.sent(b"\x01", "ask", 1)
    log.received(b"\x02", "answer", 1)
    log.noticed(BusError.TIMEOUT, 2, "no answer")

    first, second, third = log.frames()

    assert [f.number for f in (first, second, third)] == [1, 2, 3]
    assert (first.sent, second.sent) == (True, False)
    assert first.after_ms is None and second.after_ms >= 0.0
    assert (third.data, third.error, third.unit_id) == (b"", BusError.TIMEOUT, 2)
    assert log.frames(after=2) == (third,)


def test_the_oldest_frames_are_forgotten_and_numbers_go_on():
    log = FrameLog(capacity=3)
    for i in range(10):
        log.sent(bytes([i]))
    assert [f.number for f in log.frames()] == [8, 9, 10]

    log.keep(2)
    log.sent(b"x")

    assert [f.number for f in log.frames()] == [10, 11]


def test_words_are_made_when_somebody_looks():
    looked = []

    def describe(sent, data, after_ms):
        looked.append(data)
        return Described(f"{len(data)} bytes", 7)

    log = FrameLog(describe)
    log.sent(b"abc")
    log.received(b"de", lambda: "late")
    assert looked == []

    first, second = log.frames()

    assert (first.meaning, first.unit_id) == ("3 bytes", 7)
    assert (second.meaning, second.unit_id) == ("late", 7)


def test_a_reader_beside_the_link_sees_whole_frames_in_order():
    log, stop = FrameLog(capacity=500), threading.Event()
    log.sent(b"first")

    def write() -> None:
        while not stop.is_set():
            log.sent(b"abc", "ask", 1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            numbers = [frame.number for frame in log.frames()]
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
    finally:
        stop.set()
        writer.join()

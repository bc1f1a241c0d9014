"""However many readings come, the screen is told at most ten times a second."""

from energy_desktop.ui.live_feed import LiveFeed


def test_a_thousand_readings_are_one_signal(qtbot):
    count = [0]
    feed = LiveFeed(lambda: count[0], interval_ms=20)
    flushes = []
    feed.flushed.connect(lambda: flushes.append(count[0]))
    feed.start()
    qtbot.waitUntil(lambda: len(flushes) == 1, timeout=2000)

    for _ in range(1000):
        count[0] += 1
    qtbot.waitUntil(lambda: len(flushes) == 2, timeout=2000)
    qtbot.wait(100)
    feed.stop()

    assert flushes == [0, 1000]
    assert not feed.running

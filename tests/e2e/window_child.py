"""Opens the real window of a site and uses it as a person does, then tells what it saw.

    python -m tests.e2e.window_child SITE_FOLDER [PICTURES_FOLDER]

Prints one JSON object. Runs on whatever platform Qt is told to use: xcb under Xvfb, or offscreen.
"""

import json
import sys
import threading
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from energy_desktop.app.desktop import Desktop
from energy_desktop.app.paths import SiteFolder

HEARTBEAT_MS = 20


class Watcher(QObject):
    """Notes how long the event loop kept a 20 ms timer waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps_ms: list[float] = []
        self._last = time.monotonic()
        self._timer = QTimer(self, interval=HEARTBEAT_MS, timeout=self._beat)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.start()

    def _beat(self) -> None:
        now = time.monotonic()
        self.gaps_ms.append(1000 * (now - self._last))
        self._last = now

    def restart(self) -> None:
        self.gaps_ms.clear()
        self._last = time.monotonic()


def wait(app: QApplication, met, limit_s: float) -> bool:
    ends = time.monotonic() + limit_s
    while not met():
        if time.monotonic() > ends:
            return False
        app.processEvents()
        time.sleep(0.002)
    return True


def main() -> None:
    app = QApplication([])
    desktop = Desktop(app, SiteFolder(Path(sys.argv[1])), demo=True)
    desktop.show()
    window = desktop.window
    painted = window.isVisible()
    started = wait(app, lambda: desktop.engine is not None or desktop.failure is not None, 120)
    assert started, "the site did not start"
    assert desktop.failure is None, str(desktop.failure)

    def idle() -> bool:
        return not desktop.context.jobs.running()

    pages = {}
    for spec in window.pages:
        window.show_page(spec.view_id)
        wait(app, idle, 60)
        wait(app, lambda: False, 0.3)
        pages[spec.view_id] = {
            "answer": window.current_view.answer,
            "colours": colours(window),
        }
        if len(sys.argv) > 2:
            window.grab().save(str(Path(sys.argv[2]) / f"{spec.view_id}.png"))

    # Live curves for some seconds, with nothing else to do: the loop must stay free.
    window.show_page("live")
    wait(app, idle, 30)
    before = desktop.engine.rings.version()
    watcher = Watcher()
    wait(app, lambda: False, 1.0)
    watcher.restart()
    wait(app, lambda: False, 5.0)
    gaps = sorted(watcher.gaps_ms)
    readings = desktop.engine.rings.version() - before

    QTest.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    wait(app, lambda: False, 0.2)
    by_key = window.current_page
    window.toggle_theme()
    wait(app, lambda: False, 0.5)
    dark = colours(window)

    window.close()
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    wait(app, lambda: False, 0.2)
    left = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    print(
        json.dumps(
            {
                "platform": app.platformName(),
                "painted_before_start": painted,
                "pages": pages,
                "failures": {k: str(v) for k, v in window.failures.items()},
                "readings_in_6_s": readings,
                "gap_p99_ms": gaps[int(0.99 * (len(gaps) - 1))],
                "gap_max_ms": gaps[-1],
                "page_after_ctrl_2": by_key,
                "dark_colours": dark,
                "threads_left": left,
            }
        )
    )


def colours(window) -> int:
    """How many colours a coarse copy of the window has: an empty page has few."""
    image = window.grab().toImage().scaled(200, 120)
    return len({image.pixel(x, y) for x in range(200) for y in range(120)})


if __name__ == "__main__":
    main()

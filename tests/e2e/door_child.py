"""Opens the window of a site as its icon does, and tells line by line what happens to it.

    python -m tests.e2e.door_child SITE_FOLDER (wait | leave)

wait: says `open` once the site runs, goes into the task bar, says `front` when it was fetched from
there, and closes. leave: closes once the site runs. Ends with the program's own exit code.
"""

import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from energy_desktop.app.desktop import open_window
from energy_desktop.app.paths import SiteFolder
from energy_desktop.ui.main_window import MainWindow


class Onlooker:
    """Sees the window from outside, by a timer of its own."""

    def __init__(self, stays: bool) -> None:
        self._stays = stays
        self._opened = False
        self._timer = QTimer(interval=50, timeout=self._look)
        self._timer.start()

    def _look(self) -> None:
        windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
        if not windows:
            return
        (window,) = windows
        if not self._opened and window.current_page and not _starting(window):
            self._opened = True
            if self._stays:
                window.showMinimized()
            else:
                window.close()
            print("open", flush=True)
        elif self._opened and not window.isMinimized() and window.isActiveWindow():
            self._timer.stop()
            print("front", flush=True)
            window.close()


def _starting(window: MainWindow) -> bool:
    return type(window.current_view).__name__ == "StartingView"


if __name__ == "__main__":
    application = QApplication([])
    onlooker = Onlooker(sys.argv[2] == "wait")
    sys.exit(open_window(SiteFolder(Path(sys.argv[1]))))

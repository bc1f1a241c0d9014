"""Time from the start of a process to its first painted window: the shell against bare Qt.

Each start is a process of its own, in turns. The process prints the moment at which the first paint
of its window was done; the time of starting it is measured from outside. The bare window is a
QWidget with a label. The shell is the whole frame: top bar, rail, strip, status bar.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.common import Row

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "pandas", "sklearn", "reportlab", "lightgbm", "scipy", "pyarrow", "pyqtgraph", "highspy",
    "numpy", "babel",
)  # fmt: skip

_WATCH = """
import json, sys, time
from PySide6.QtCore import QObject, QEvent, QTimer
from PySide6.QtWidgets import QApplication
class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, self.tell)
            watched.removeEventFilter(self)
        return False
    def tell(self):
        at = time.time()
        print(json.dumps({"at": at, "heavy": [m for m in HEAVY if m in sys.modules]}), flush=True)
        QApplication.exit(0)
"""

_BARE = """
app = QApplication([])
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget
window = QWidget()
QVBoxLayout(window).addWidget(QLabel("bare"))
window.resize(1366, 768)
watch = Watch()
window.installEventFilter(watch)
window.show()
app.exec()
"""

_SHELL = """
app = QApplication([])
from pathlib import Path
from energy_desktop.ui import theme
theme.apply_theme(app, "light", Path(FONTS))
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner
from energy_desktop.ui.main_window import MainWindow
from energy_desktop.ui.shell import AlarmSummary, PageSpec, StatusFact
from energy_desktop.ui.views.base import BaseView, NavigationContext, ViewContext
class Shell:
    site_name, user_name, role_name, version, simulated = "Site", "User", "Technician", "0", False
    def status_facts(self):
        return (StatusFact("access-point", "42 of 43 meters answering"),)
    def alarm_summary(self):
        return AlarmSummary()
    def acknowledge(self, alarm_id): ...
    def search(self, text):
        return ()
context = ViewContext(Formats("Europe/Berlin"), JobRunner(), NavigationContext())
names = ("overview", "live", "alarms", "history", "billing", "maintenance", "forecast", "meters")
pages = [PageSpec(n, n, "chart-line", "Now", lambda: BaseView(context)) for n in names]
window = MainWindow(pages, Shell(), context)
watch = Watch()
window.centralWidget().installEventFilter(watch)
window.show()
app.exec()
context.jobs.close()
"""


def run(quick: bool = False) -> list[Row]:
    """The median start of the shell, its ratio to bare Qt, and what it loaded."""
    rounds = 3 if quick else 7
    fonts = str(ROOT / "resources" / "fonts")
    head = f"HEAVY = {HEAVY!r}\nFONTS = {fonts!r}\n" + _WATCH
    bare: list[float] = []
    shell: list[float] = []
    loaded: list[str] = []
    _start(head + _SHELL)  # byte code and disk cache, once for both
    for _ in range(rounds):
        bare.append(_start(head + _BARE)[0])
        spent, loaded = _start(head + _SHELL)
        shell.append(spent)
    ours, theirs = statistics.median(shell), statistics.median(bare)
    return [
        Row(
            "time to first painted window",
            ours,
            "ms",
            "<= 2 x bare Qt",
            ours <= 2 * theirs,
            peer=f"bare Qt window {theirs:.0f} ms ({ours / theirs:.2f} x)",
            note="loaded of the heavy modules: " + (", ".join(loaded) or "none"),
        ),
        Row(
            "heavy modules loaded at first paint",
            float(len(loaded)),
            "modules",
            "no pandas, sklearn, reportlab",
            not {"pandas", "sklearn", "reportlab"} & set(loaded),
            note=", ".join(loaded) or "none",
        ),
    ]


def _start(code: str) -> tuple[float, list[str]]:
    """Milliseconds until the child had painted, and the heavy modules that it had loaded."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if not environment.get("DISPLAY"):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return (told["at"] - began) * 1000, told["heavy"]


if __name__ == "__main__":
    for row in run():
        print(f"{row.name}: {row.value:.0f} {row.unit} ({row.goal}), {row.peer}. {row.note}")

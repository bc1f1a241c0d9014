"""GUI tests run without a screen and in the real theme."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

FONTS = Path(__file__).resolve().parents[2] / "resources" / "fonts"
# What the offscreen platform says of every window, and what it cannot do.
OFFSCREEN_NOISE = ["propagateSizeHints", "does not support raise"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore(*OFFSCREEN_NOISE, extend=True))


@pytest.fixture(autouse=True)
def themed(qapp):
    """The light theme, put back after a test that switched it. Gives the switch."""
    from energy_desktop.ui import theme

    def switch(name: str) -> None:
        theme.apply_theme(qapp, name, FONTS)

    if theme.current().name != "light" or not qapp.styleSheet():
        switch("light")
    yield switch
    if theme.current().name != "light":
        switch("light")


@pytest.fixture
def appearances(qapp) -> Iterator[list[str]]:
    """Every window shown from here on: its class and the words in it."""
    from PySide6.QtCore import QEvent, QObject
    from PySide6.QtWidgets import QLabel, QWidget

    shown: list[str] = []

    class Watch(QObject):
        def eventFilter(self, target: QObject, event: QEvent) -> bool:
            appears = event.type() == QEvent.Type.Show
            if appears and isinstance(target, QWidget) and target.isWindow():
                words = [part.text() for part in target.findChildren(QLabel)]
                shown.append(f"{type(target).__name__} {words}")
            return False

    watch = Watch()
    qapp.installEventFilter(watch)
    yield shown
    qapp.removeEventFilter(watch)


@pytest.fixture
def context() -> Iterator[object]:
    from tests.gui.fakes import a_context

    made = a_context()
    yield made
    made.jobs.close()

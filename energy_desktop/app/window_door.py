"""One window per site: a second start brings the first one to the front and ends.

The first window listens on a local socket which only its user may open and whose name follows from
the site. Where it answers there is nothing to start; what a killed program left there answers
nobody and is taken over. This door is for the person who clicks twice: the data have the lock of
the store.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from enum import Enum, auto
from functools import partial
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QStandardPaths, Qt, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QWidget

from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.user import user_name

_LOG = logging.getLogger("energy_desktop.ui")
_ASKED, _ANSWER = b"front\n", b"in front\n"
_REACHED_MS, _ANSWERED_MS, _TURN_MS = 1_000, 5_000, 3_000
_NOBODY_THERE = (
    QLocalSocket.LocalSocketError.ServerNotFoundError,
    QLocalSocket.LocalSocketError.ConnectionRefusedError,
)


class Entry(Enum):
    """What a start finds at the door of a site."""

    FIRST = auto()  # no window is open
    IN_FRONT = auto()  # one is, and came to the front
    SILENT = auto()  # one is, and does not answer


class WindowDoor(QObject):
    """Needs a QApplication, and its event loop to answer. called: a second start asks for us."""

    called = Signal()

    def __init__(self, folder: SiteFolder) -> None:
        super().__init__()
        self.name = door_name(folder)
        self._turn = QLockFile(str(folder.root / "window.lock"))
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._admit)

    def enter(self) -> Entry:
        """Asks whoever is inside; where nobody is, this program is the one that answers."""
        if not self.name:
            _LOG.info("This user has no folder for sockets: a second start opens a second window")
            return Entry.FIRST
        # Two starts at once must not both find the door empty and remove each other's socket.
        # Without its turn (a folder that takes no lock) a start goes on: the store has its own.
        took_turn = self._turn.tryLock(_TURN_MS)
        try:
            entry, left_over = _ask(self.name)
            if entry is Entry.FIRST:
                if left_over:
                    QLocalServer.removeServer(self.name)
                if not self._server.listen(self.name):
                    _LOG.info("%s takes no calls: %s", self.name, self._server.errorString())
            return entry
        finally:
            if took_turn:
                self._turn.unlock()

    def close(self) -> None:
        """From now on a second start is a first one."""
        self._server.close()

    def _admit(self) -> None:
        while self._server.hasPendingConnections():
            caller = self._server.nextPendingConnection()
            caller.disconnected.connect(caller.deleteLater)
            caller.readyRead.connect(partial(self._answer, caller))
            self._answer(caller)

    def _answer(self, caller: QLocalSocket) -> None:
        if caller.canReadLine() and caller.readLine(len(_ASKED) + 1).data() == _ASKED:
            self.called.emit()
            caller.write(_ANSWER)
            caller.flush()


def bring_to_front(window: QWidget) -> None:
    """Also out of the task bar. A desktop that guards the focus makes the window ask for it."""
    state = window.windowState() & ~Qt.WindowState.WindowMinimized
    window.setWindowState(state | Qt.WindowState.WindowActive)
    window.show()
    window.raise_()
    window.activateWindow()


def door_name(folder: SiteFolder) -> str:
    """Of the socket: the same for every path to the same site; empty: there is no place for it."""
    store = os.environ.get("ENERGY_DESKTOP_DATABASE_URL", "")
    site = f"{user_name()}\0{folder.root.resolve()}\0{store}"
    name = f"energy_desktop-{hashlib.sha256(site.encode()).hexdigest()[:24]}"
    if sys.platform == "win32":
        return name
    # Qt would put it among everybody's temporary files, where another user could come first.
    own = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.RuntimeLocation)
    return str(Path(own) / name) if own else ""


def _ask(name: str) -> tuple[Entry, bool]:
    """Who is there, and whether nobody listens at what may still lie in the way."""
    _let_others_come_forward()
    caller = QLocalSocket()
    caller.connectToServer(name)
    if not caller.waitForConnected(_REACHED_MS):
        error = caller.error()
        timed_out = error is QLocalSocket.LocalSocketError.SocketTimeoutError
        return (Entry.SILENT if timed_out else Entry.FIRST), error in _NOBODY_THERE
    caller.write(_ASKED)
    caller.flush()
    if caller.waitForReadyRead(_ANSWERED_MS):
        return Entry.IN_FRONT, False
    # Hung up without a word: it was closing.
    still_there = caller.state() is QLocalSocket.LocalSocketState.ConnectedState
    return (Entry.SILENT if still_there else Entry.FIRST), False


def _let_others_come_forward() -> None:
    """Windows lets only the program that was clicked last give the foreground away."""
    if sys.platform == "win32":
        import ctypes

        any_process = -1
        ctypes.windll.user32.AllowSetForegroundWindow(any_process)

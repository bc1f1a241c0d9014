"""One rotating log per site; the console hears warnings only, on stderr."""

from __future__ import annotations

import logging
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def log_to(file: Path | None, *, console_level: int = logging.WARNING) -> None:
    """Starts logging. Called once at the start of a program; a second call replaces the first."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(logging.INFO)
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(console_level)
    console.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root.addHandler(console)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        to_file = RotatingFileHandler(file, maxBytes=2_000_000, backupCount=5, encoding="utf-8")
        to_file.setFormatter(logging.Formatter(_FORMAT))
        root.addHandler(to_file)
    # Their own words about a dead meter would come beside our one sentence.
    for noisy in ("pymodbus", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def log_qt_messages() -> None:
    """Qt's own words go to the log instead of stderr, where a technician cannot use them."""
    from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.INFO,
        QtMsgType.QtCriticalMsg: logging.WARNING,
        QtMsgType.QtFatalMsg: logging.CRITICAL,
    }
    qt = logging.getLogger("energy_desktop.qt")

    def take(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        qt.log(levels.get(kind, logging.INFO), "%s: %s", context.category or "default", message)

    qInstallMessageHandler(take)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("energy_desktop").critical("A bug of ours", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        name = args.thread.name if args.thread else "?"
        logging.getLogger("energy_desktop").critical(
            "A bug of ours in thread %s",
            name,
            exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
        )

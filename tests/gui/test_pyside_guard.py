"""PySide6 6.12.0 on Python 3.11 loses a reference to True at each emit and then aborts."""

import sys

from PySide6.QtCore import QObject, Signal


class _Sender(QObject):
    sent = Signal(bool)


def test_five_thousand_emits_do_not_lose_references_to_true():
    sender = _Sender()
    sender.sent.connect(lambda value: None)
    before = sys.getrefcount(True)

    for _ in range(5000):
        sender.sent.emit(True)

    assert sys.getrefcount(True) > before - 50

"""What every page shows while the site is being opened, or why it could not be."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QProgressBar, QVBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.ui.views.base import BaseView, ViewContext
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import Panel, button

_STEPS = 1000


class StartingView(BaseView):
    """Progress in words; on failure the sentence with what to do, or the question for a key."""

    unlocked = Signal(str)  # the passphrase or recovery key that was typed

    def __init__(self, context: ViewContext) -> None:
        super().__init__(context)
        self.panel = Panel("Starting")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addStretch(2)
        self.doing = label("", "strong")
        self.doing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.doing)
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.bar.setMaximumWidth(420)
        self.bar.setAccessibleName("Progress of the start")
        column.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignHCenter)
        note = label("Live curves follow as soon as the meters answer.", "caption")
        note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(note)
        column.addStretch(3)
        self.panel.set_content(inside)
        self.body.addWidget(self.panel)

    def show_progress(self, fraction: float, doing: str) -> None:
        self.doing.setText(doing)
        self.bar.setValue(round(_STEPS * fraction))
        self.set_answer(doing)

    def ask_passphrase(self, error: UserFacingError) -> None:
        """The site is encrypted: says so and takes what opens it."""
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addStretch(2)
        for text, role in ((error.what, "strong"), (error.where, "caption")):
            line = label(text, role, wrap=True)
            line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(line)
        self.passphrase = QLineEdit()
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.passphrase.setPlaceholderText("Passphrase or recovery key")
        self.passphrase.setAccessibleName("Passphrase or recovery key")
        self.passphrase.setMinimumWidth(420)
        self.passphrase.returnPressed.connect(self._unlock)
        column.addWidget(self.passphrase, 0, Qt.AlignmentFlag.AlignHCenter)
        opens = button("Open the site", self._unlock, icon="lock-open-outline", kind="primary")
        column.addWidget(opens, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self.panel.set_content(inside)
        self.panel.show_body()
        self.set_answer("The site is encrypted.")
        self.passphrase.setFocus()

    def _unlock(self) -> None:
        secret = self.passphrase.text()
        if secret:
            self.passphrase.setEnabled(False)
            self.unlocked.emit(secret)

    def show_failure(self, error: UserFacingError) -> None:
        self.panel.show_error(error)
        self.set_answer(error.what)

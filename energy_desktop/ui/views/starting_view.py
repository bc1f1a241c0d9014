"""What every page shows while the site is being opened, or why it could not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from energy_desktop.domain.errors import MissingStore, UserFacingError
from energy_desktop.ui.views.base import BaseView, ViewContext
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import Panel, button

if TYPE_CHECKING:
    from energy_desktop.services.backups import Backup

_STEPS = 1000


@dataclass(frozen=True, slots=True)
class _Harm:
    """How the page speaks of a store that needs a backup. without: what can be done instead."""

    headline: str
    since: str
    without: str
    advice: str = ""


_DAMAGED = _Harm(
    "The store is damaged.",
    "What was read after it stays in the damaged file, which is kept aside in the same folder; in "
    "the restored store that time is a gap.",
    "Open the store as it is",
)
_GONE = _Harm(
    "The store is gone.",
    "What was read after it is in no backup; in the restored store that time is a gap.",
    "Begin anew with an empty store",
    "If the file was moved: close this window, put it back and start again, and nothing is lost. "
    "Beginning anew leaves the backups where they are, until the rule of Settings lets them go.",
)


class StartingView(BaseView):
    """Progress in words; on failure the sentence with what to do, the question for a key, or the
    newest whole backup of a store that is damaged or gone."""

    unlocked = Signal(str)  # the passphrase or recovery key that was typed
    restore_wanted = Signal()
    open_wanted = Signal()  # the store as it is, harm or not; an empty one where it is gone

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
        self._beginning = self._inside = inside
        self._harm = _DAMAGED
        self.body.addWidget(self.panel)

    def show_progress(self, fraction: float, doing: str) -> None:
        self._replace(self._beginning)
        self.doing.setText(doing)
        self.bar.setValue(round(_STEPS * fraction))
        self.set_answer(doing)

    def show_damage(self, error: UserFacingError) -> None:
        """What is wrong, while a backup is looked for; `show_backup` or `show_none` follows."""
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addStretch(2)
        self._harm = harm = _GONE if isinstance(error, MissingStore) else _DAMAGED
        self._centred(column, harm.headline, "step")
        self._centred(column, f"{error.where}: {error.what}")
        self.search = self._centred(column, "Looking for the newest backup that is whole …")
        self.since = self._centred(column, "", "caption")
        self.restore_button = button(
            "Restore this backup", self._restore, icon="backup-restore", kind="primary"
        )
        self.open_button = button(harm.without, self._open, kind="quiet")
        for one in (self.restore_button, self.open_button):
            one.setEnabled(False)
            column.addWidget(one, 0, Qt.AlignmentFlag.AlignHCenter)
        self.restore_button.setVisible(False)
        if harm.advice:
            self._centred(column, harm.advice, "caption")
        column.addStretch(3)
        self._replace(inside)
        self.set_answer(harm.headline)

    def show_search(self, doing: str) -> None:
        """How far looking for a backup, or restoring it, has come."""
        self.search.setText(f"{doing} …")

    def show_backup(self, made: Backup, passed_over: tuple[str, ...]) -> None:
        """The newest backup that is whole. passed_over: what is wrong with newer ones."""
        when = self.formats.full_moment(made.at_ms)
        size = f"{self.formats.number(made.size_bytes / 1e6, 1)}\u00a0MB"
        self.search.setText(f"The backup of {when} ({size}) was opened and is whole.")
        lost = "".join(f"Passed over: {sentence}\n" for sentence in passed_over)
        self.since.setText(f"{lost}{self._harm.since}")
        self.restore_button.setVisible(True)
        self.restore_button.setEnabled(True)
        self.open_button.setEnabled(True)
        self.restore_button.setFocus()
        self.set_answer(f"{self._harm.headline} The backup of {when} is whole.")

    def show_none(self, error: UserFacingError) -> None:
        """Nothing can be restored from here."""
        self.search.setText(f"{error.where}: {error.what}")
        self.since.setText(error.remedy)
        self.open_button.setEnabled(True)
        self.set_answer(f"{self._harm.headline} {error.what}")

    def _centred(self, column: QVBoxLayout, text: str, role: str = "") -> QLabel:
        line = label(text, role, wrap=True)
        line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(line)
        return line

    def _restore(self) -> None:
        self.restore_button.setEnabled(False)
        self.open_button.setEnabled(False)
        self.restore_wanted.emit()

    def _open(self) -> None:
        self.restore_button.setEnabled(False)
        self.open_button.setEnabled(False)
        self.open_wanted.emit()

    def ask_passphrase(self, error: UserFacingError) -> None:
        """The site is encrypted: says so and takes what opens it."""
        self._ask(error)
        self.set_answer("The site is encrypted.")

    def ask_for_backup(self, error: UserFacingError) -> None:
        """What would be restored is encrypted: says so and takes what opens it."""
        self._ask(error, self._harm)
        self.set_answer(f"{self._harm.headline} Its backup is encrypted.")

    def _ask(self, error: UserFacingError, harm: _Harm | None = None) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addStretch(2)
        if harm is not None:
            self._centred(column, f"{harm.headline} Its backup is encrypted.", "step")
        self._centred(column, error.what, "strong")
        self._centred(column, error.where, "caption")
        self.passphrase = QLineEdit()
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.passphrase.setPlaceholderText("Passphrase or recovery key")
        self.passphrase.setAccessibleName("Passphrase or recovery key")
        self.passphrase.setMinimumWidth(420)
        self.passphrase.returnPressed.connect(self._unlock)
        column.addWidget(self.passphrase, 0, Qt.AlignmentFlag.AlignHCenter)
        opens = button(
            "Open the site" if harm is None else "Open the backup",
            self._unlock,
            icon="lock-open-outline",
            kind="primary",
        )
        column.addWidget(opens, 0, Qt.AlignmentFlag.AlignHCenter)
        if harm is not None:
            other = button(harm.without, self.open_wanted.emit, kind="quiet")
            column.addWidget(other, 0, Qt.AlignmentFlag.AlignHCenter)
            self.open_button = other
        column.addStretch(3)
        self._replace(inside)
        self.passphrase.setFocus()

    def _unlock(self) -> None:
        secret = self.passphrase.text()
        if secret:
            self.passphrase.setEnabled(False)
            self.unlocked.emit(secret)

    def _replace(self, content: QWidget) -> None:
        """In the place of what was shown; the progress is kept, for the site may start yet."""
        before, self._inside = self._inside, content
        if before is not content:
            before.setVisible(False)
            if before is not self._beginning:
                before.deleteLater()
            if content is self._beginning:
                content.setVisible(True)
            else:
                self.panel.set_content(content)
        self.panel.show_body()

    def show_failure(self, error: UserFacingError) -> None:
        self.panel.show_error(error)
        self.set_answer(error.what)

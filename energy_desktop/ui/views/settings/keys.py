"""Keys of sensors, as rows of the settings page: make, name, copy once, revoke, last used.

The secret stands in a field only until Done is pressed or the page is left; it is kept nowhere,
so whoever lost it makes a new key.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.push import ApiKey, Unclaimed
from energy_desktop.services.api_keys import NewKey
from energy_desktop.services.http_in import (
    HttpInPicture,
    HttpInService,
    HttpInState,
    KeyListing,
)
from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.settings.rows import FactRow, SearchableRow
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import button
from energy_desktop.ui.widgets.question import Question

Load = Callable[..., object]
"""BaseView.load: runs work off the GUI thread and shows its result."""

_MOST_PROPOSALS = 8


class KeysRow(SearchableRow):
    """The keys and what can be done with them. Calls the service through `load`."""

    def __init__(self, formats: Formats, service: HttpInService, load: Load) -> None:
        super().__init__()
        self._formats = formats
        self._service = service
        self._load = load
        grid = self._frame(
            "Keys",
            "Each sensor, or each tenant, has a key of its own. A key writes to the meters whose "
            "address is its name, or its name and a facility: roof, roof/7. Only a hash is kept.",
        )
        column = QVBoxLayout()
        column.setSpacing(8)
        grid.addLayout(column, 0, 1, 1, 2)
        asked = QHBoxLayout()
        asked.setSpacing(8)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of a new key, as roof-sensor")
        self.name.setAccessibleName("Name of a new key")
        self.name.returnPressed.connect(self.make)
        self.make_button = button("Make key", self.make, icon="key-plus")
        asked.addWidget(self.name, 1)
        asked.addWidget(self.make_button)
        column.addLayout(asked)
        self.fault = paint.label("", "label", wrap=True)
        self.fault.setVisible(False)
        column.addWidget(self.fault)
        column.addWidget(self._make_secret_box())
        self._list = QVBoxLayout()
        self._list.setSpacing(4)
        column.addLayout(self._list)
        self.revoke_buttons: dict[str, QPushButton] = {}
        self.revoked = paint.label("", "label", wrap=True)
        column.addWidget(self.revoked)

    def _make_secret_box(self) -> QWidget:
        self.secret_box = QWidget()
        column = QVBoxLayout(self.secret_box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.secret_words = paint.label("", "strong", wrap=True)
        column.addWidget(self.secret_words)
        line = QHBoxLayout()
        self.secret = QLineEdit()
        self.secret.setReadOnly(True)
        self.secret.setFont(theme.font(12, mono=True))
        self.secret.setAccessibleName("The new key, shown only now")
        self.copy_button = button("Copy", self.copy, icon="content-copy")
        line.addWidget(self.secret, 1)
        line.addWidget(self.copy_button)
        line.addWidget(button("Done", self.hide_secret))
        column.addLayout(line)
        self.secret_box.setVisible(False)
        return self.secret_box

    # -------------------------------------------------------- showing

    def show_keys(self, keys: tuple[KeyListing, ...]) -> None:
        while self._list.count():
            item = self._list.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        self.revoke_buttons.clear()
        active = [row for row in keys if row.key.is_active]
        for row in active:
            self._list.addWidget(self._key_line(row))
        if not active:
            self._list.addWidget(paint.label("No sensor has a key yet.", "label"))
        gone = [row.key.name for row in keys if not row.key.is_active]
        self.revoked.setText("Revoked: " + ", ".join(gone) if gone else "")
        self.revoked.setVisible(bool(gone))

    def _key_line(self, row: KeyListing) -> QWidget:
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(paint.label(row.key.name, "strong"))
        told = key_text(self._formats, row)
        words.addWidget(paint.label(told, "label", wrap=True))
        layout.addLayout(words, 1)
        revoke = button("Revoke…", partial(self.ask_to_revoke, row))
        revoke.setAccessibleName(f"Revoke the key {row.key.name}")
        layout.addWidget(revoke, 0, Qt.AlignmentFlag.AlignTop)
        line.setAccessibleName(f"Key {row.key.name}: {told}")
        self.revoke_buttons[row.key.name] = revoke
        return line

    def show_secret(self, made: NewKey) -> None:
        """The one time that a key can be read."""
        self.secret_words.setText(
            f"This is the key {made.key.name}. Copy it now: it is not shown again."
        )
        self.secret.setText(made.secret)
        self.copy_button.setText("Copy")
        self.secret.setCursorPosition(0)
        self.secret_box.setVisible(True)
        self.secret.selectAll()
        self.secret.setFocus()

    def hide_secret(self) -> None:
        self.secret.clear()
        self.secret_words.clear()
        self.secret_box.setVisible(False)

    def show_failure(self, error: UserFacingError) -> None:
        self.make_button.setEnabled(True)
        self.fault.setText(f"{error.what} {error.remedy}")
        self.fault.setVisible(True)

    # -------------------------------------------------------- deeds

    def make(self) -> None:
        name = self.name.text().strip()
        self.fault.setVisible(False)
        if not name:
            self.name.setFocus()
            return
        self.make_button.setEnabled(False)
        self._load(
            lambda: self._service.make(name),
            self._made,
            on_error=self.show_failure,
            key="make key",
            title="Making a key",
        )

    def _made(self, made: NewKey) -> None:
        self.make_button.setEnabled(True)
        self.name.clear()
        self.show_secret(made)
        self.refresh()

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.secret.text())
        self.copy_button.setText("Copied")

    def ask_to_revoke(self, row: KeyListing) -> Question:
        meters = ", ".join(row.meters)
        lost = (
            f"These meters get no readings any more: {meters}."
            if meters
            else ("No meter goes by it.")
        )
        question = Question(
            self,
            f"Revoke the key {row.key.name}?",
            f"{lost} It cannot be made valid again; a new key of the same name can.",
            do="Revoke key",
            leave="Keep it",
        )
        question.answered.connect(lambda yes: self.revoke(row.key) if yes else None)
        question.open()
        return question

    def revoke(self, key: ApiKey) -> None:
        self._load(
            lambda: self._service.revoke(key.key_id),
            lambda _: self.refresh(),
            on_error=self.show_failure,
            key="revoke key",
            title="Revoking a key",
        )

    def refresh(self) -> None:
        self._load(
            self._service.load,
            lambda picture: self.show_keys(picture.keys),
            on_error=self.show_failure,
            key="keys",
        )


class HttpInRows:
    """The rows of HTTP in beside its settings: does it listen, keys, who posts without a meter."""

    def __init__(self, formats: Formats, service: HttpInService, load: Load) -> None:
        self._formats = formats
        self._service = service
        self._load = load
        self.state = FactRow("State", "Its page /docs describes what may be posted.")
        self.keys = KeysRow(formats, service, load)
        self.proposals = FactRow(
            "Posted without a meter",
            "A sensor does not add a meter by itself. Add one with an HTTP push link and this "
            "address, or mend the sensor.",
        )
        self.rows: tuple[SearchableRow, ...] = (self.state, self.keys, self.proposals)

    def reload(self) -> None:
        self._load(
            self._service.load, self.show_picture, on_error=self.keys.show_failure, key="http in"
        )

    def show_picture(self, picture: HttpInPicture) -> None:
        self.state.show_text(state_text(picture.state))
        self.keys.show_keys(picture.keys)
        lines = [proposal_text(self._formats, u) for u in picture.unclaimed[:_MOST_PROPOSALS]]
        more = len(picture.unclaimed) - _MOST_PROPOSALS
        if more > 0:
            lines.append(f"and {more} more")
        self.proposals.show_text("\n".join(lines) or "Nobody since the program was opened.")


def state_text(state: HttpInState | None) -> str:
    if state is None:
        return "Nothing is received by this program: it does not poll."
    if state.listens_on:
        return f"Listens on http://{state.listens_on}"
    if state.trouble:
        return state.trouble
    return "Starts in a moment." if state.wanted else "Off: nothing is received."


def key_text(formats: Formats, row: KeyListing) -> str:
    used = row.key.last_used_ms
    parts = [
        "for " + ", ".join(row.meters) if row.meters else "no meter has its address yet",
        f"made {formats.moment(row.key.made_at_ms)}",
        "never used" if used is None else f"last used {formats.moment(used)}",
    ]
    return " · ".join(parts)


def proposal_text(formats: Formats, unclaimed: Unclaimed) -> str:
    times = "once" if unclaimed.times == 1 else f"{unclaimed.times} times"
    return f"{unclaimed.address}: {times}, last {formats.moment(unclaimed.last_ms)}"

"""A setting as a row: name and meaning, field with unit, default with Reset, and what is wrong.

The row holds a draft until its group is saved. What is wrong is said under the field while one
types; nothing of a group is stored while any of its fields is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.settings import BadSetting, Declared
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel, button, glyph

_NAME_WIDTH = 290
_FIELD_WIDTH = 300
_UNIT_WIDTH = 30


class SearchableRow(QWidget):
    """A row that the search finds by its words."""

    words = ""

    def fits(self, asked: Sequence[str]) -> bool:
        return all(word in self.words for word in asked)

    def _frame(self, label: str, meaning: str) -> QGridLayout:
        self.words = f"{label} {meaning}".lower()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 4, 0, 4)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(3)
        grid.setColumnMinimumWidth(0, _NAME_WIDTH)
        grid.setColumnMinimumWidth(1, _FIELD_WIDTH)
        grid.setColumnStretch(0, 4)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 3)
        said = QVBoxLayout()
        said.setSpacing(1)
        said.addWidget(paint.label(label, "strong"))
        if meaning:
            said.addWidget(paint.label(meaning, "label", wrap=True))
        said.addStretch(1)
        grid.addLayout(said, 0, 0, 2, 1)
        return grid


class FactRow(SearchableRow):
    """Something to read, with what can be done about it."""

    def __init__(self, label: str, meaning: str = "", widgets: Sequence[QWidget] = ()) -> None:
        super().__init__()
        grid = self._frame(label, meaning)
        self._label = label
        self._value = paint.label("", wrap=True)
        self._value.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        grid.addWidget(self._value, 0, 1, Qt.AlignmentFlag.AlignTop)
        if widgets:
            row = QHBoxLayout()
            row.addStretch(1)
            for widget in widgets:
                row.addWidget(widget)
            grid.addLayout(row, 0, 2, Qt.AlignmentFlag.AlignTop)
        else:
            grid.addWidget(QWidget(), 0, 2)

    def show_text(self, text: str) -> None:
        self._value.setText(text)
        self.setAccessibleName(f"{self._label}: {text}")

    @property
    def text(self) -> str:
        return self._value.text()


class EntryRow(SearchableRow):
    """The field of one declared setting."""

    edited = Signal()

    def __init__(self, declared: Declared, formats: Formats) -> None:
        super().__init__()
        self.declared = declared
        self._formats = formats
        self._saved: Any = None
        self._shown_once = False
        self._filling = False
        grid = self._frame(declared.label, declared.help)
        self.field = self._make_field()
        self.field.setAccessibleName(declared.label)
        self.field.setAccessibleDescription(f"{declared.help} {declared.range_text}".strip())
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.field, 1)
        unit = paint.label(declared.unit, "label")
        unit.setMinimumWidth(_UNIT_WIDTH)  # fields end at one line, whatever their unit
        line.addWidget(unit)
        grid.addLayout(line, 0, 1, Qt.AlignmentFlag.AlignTop)
        self.notice = QWidget()
        warned = QHBoxLayout(self.notice)
        warned.setContentsMargins(0, 0, 0, 0)
        warned.setSpacing(6)
        warned.addWidget(glyph("alert-outline", "p2", 14), 0, Qt.AlignmentFlag.AlignTop)
        self._sentence = paint.label("", "label", wrap=True)
        warned.addWidget(self._sentence, 1)
        self.notice.setVisible(False)
        grid.addWidget(self.notice, 1, 1, Qt.AlignmentFlag.AlignTop)
        aside = QHBoxLayout()
        aside.setSpacing(8)
        usual = [self._default_text(), declared.range_text]
        aside.addWidget(paint.label(" · ".join(t for t in usual if t), "label", wrap=True), 1)
        self.reset_button = button("Reset", self.reset, kind="link")
        self.reset_button.setAccessibleName(f"Reset {declared.label}")
        if declared.default is None and declared.required:
            self.reset_button.setVisible(False)
        aside.addWidget(self.reset_button)
        grid.addLayout(aside, 0, 2, Qt.AlignmentFlag.AlignTop)

    def _make_field(self) -> QWidget:
        declared = self.declared
        if declared.choices:
            box = QComboBox()
            for value, label in declared.choices:
                box.addItem(label, value)
            box.currentIndexChanged.connect(self._on_edited)
            return box
        if declared.many_lines:
            area = QPlainTextEdit()
            area.setTabChangesFocus(True)
            area.setFixedHeight(area.fontMetrics().lineSpacing() * 3 + 16)
            area.textChanged.connect(self._on_edited)
            return area
        line = QLineEdit()
        line.textChanged.connect(self._on_edited)
        return line

    def _default_text(self) -> str:
        declared = self.declared
        if declared.default is None or declared.default in ("", ()):
            return "" if declared.required else "Default: none"
        if declared.choices:
            label = dict(declared.choices).get(str(declared.default), str(declared.default))
            return f"Default: {label}"
        return f"Default: {self._shown(declared.default)}"

    def _shown(self, value: Any) -> str:
        text = self.declared.write(value)
        if isinstance(value, float | Decimal):
            return text.replace(".", self._formats.symbols.decimal)
        return text

    # -------------------------------------------------------- draft

    @property
    def text(self) -> str:
        if isinstance(self.field, QComboBox):
            return str(self.field.currentData())
        if isinstance(self.field, QPlainTextEdit):
            return self.field.toPlainText()
        if isinstance(self.field, QLineEdit):
            return self.field.text()
        raise TypeError(type(self.field))

    def set_text(self, text: str) -> None:
        if isinstance(self.field, QComboBox):
            self.field.setCurrentIndex(self.field.findData(text))
        elif isinstance(self.field, QPlainTextEdit):
            self.field.setPlainText(text)
        elif isinstance(self.field, QLineEdit):
            self.field.setText(text)

    def show_value(self, value: Any) -> None:
        """What is stored. A draft that was not saved yet stays in the field."""
        keep = self.changed
        self._saved, self._shown_once = value, True
        if not keep:
            self._filling = True
            self.set_text(self._shown(value))
            self._filling = False
        self._judge()

    def undo(self) -> None:
        self._filling = True
        self.set_text(self._shown(self._saved))
        self._filling = False
        self._on_edited()

    def undo_to(self, value: Any) -> None:
        """`value` was stored: the draft is none any more."""
        self._saved = value
        self.undo()

    def reset(self) -> None:
        """The default becomes the draft; Save stores it."""
        self.set_text(self._shown(self.declared.default))

    @property
    def changed(self) -> bool:
        if not self._shown_once:
            return False
        return bool(self.text.strip()) if self._saved is None else self._differs()

    def _differs(self) -> bool:
        if self.text == self._shown(self._saved):
            return False
        try:
            return bool(self.declared.read(self.text) != self._saved)
        except BadSetting:
            return True

    @property
    def fault(self) -> str:
        """Why the draft cannot be stored; empty: it can, or is no draft."""
        if not self.changed:
            return ""
        try:
            self.declared.read(self.text)
        except BadSetting as error:
            return str(error)
        return ""

    def show_fault(self, sentence: str) -> None:
        self._sentence.setText(sentence)
        self.notice.setVisible(bool(sentence))
        self.notice.setAccessibleName(sentence)

    def offer(self, texts: Sequence[str]) -> None:
        """Completes what is typed from these, found anywhere in them."""
        if isinstance(self.field, QLineEdit):
            completer = QCompleter(list(texts), self.field)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            self.field.setCompleter(completer)

    def _on_edited(self) -> None:
        self._judge()
        if not self._filling:
            self.edited.emit()

    def _judge(self) -> None:
        if not hasattr(self, "reset_button"):
            return  # a field tells of its first value while the row is built
        self.show_fault(self.fault)
        self.reset_button.setEnabled(self.text != self._shown(self.declared.default))


class Group(Panel):
    """Rows under a title; Save and Undo appear with the first change."""

    edited = Signal()

    def __init__(
        self,
        title: str,
        subtitle: str = "",
        *,
        save: Callable[[dict[str, str]], object] | None = None,
        verb: str = "Save",
    ) -> None:
        super().__init__(title, subtitle)
        self.name = title
        self.rows: list[SearchableRow] = []
        self.entries: dict[str, EntryRow] = {}
        self._save = save
        self._lines = QVBoxLayout()
        self._lines.setSpacing(4)
        self.body.addLayout(self._lines)
        self.bar = QWidget()
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 4, 0, 0)
        self._state = paint.label("", "answer", wrap=True)
        self.save_button = button(verb, self.save, kind="primary", icon="content-save")
        self.undo_button = button("Undo changes", self.undo)
        row.addWidget(self._state, 1)
        row.addWidget(self.undo_button)
        row.addWidget(self.save_button)
        self.bar.setVisible(False)
        self.body.addWidget(self.bar)

    def add(self, row: SearchableRow) -> None:
        if self.rows:
            rule = paint.rule()
            self._lines.addWidget(rule)
            row.setProperty("rule", rule)
        self.rows.append(row)
        self._lines.addWidget(row)
        if isinstance(row, EntryRow):
            self.entries[row.declared.name] = row
            row.edited.connect(self._on_edited)

    def changes(self) -> dict[str, str]:
        return {name: row.text for name, row in self.entries.items() if row.changed}

    def save(self) -> None:
        """Hands all drafts over together; with a wrong one among them none."""
        wrong = [row for row in self.entries.values() if row.fault]
        if wrong:
            wrong[0].field.setFocus()
            return
        if self._save is not None and self.changes():
            self.save_button.setEnabled(False)
            self._save(self.changes())

    def undo(self) -> None:
        for row in self.entries.values():
            row.undo()

    def show_faults(self, faults: dict[str, str]) -> None:
        """What the check of the whole found, beside the fields it names."""
        self.save_button.setEnabled(True)
        for name, sentence in faults.items():
            if name in self.entries:
                self.entries[name].show_fault(sentence)

    def tell(self) -> None:
        """Brings the bar up to the drafts."""
        count = len(self.changes())
        wrong = sum(bool(row.fault) for row in self.entries.values())
        self.bar.setVisible(count > 0 and self._save is not None)
        self.save_button.setEnabled(count > 0 and not wrong)
        noun = "1 change is" if count == 1 else f"{count} changes are"
        mend = " Mend the marked field first." if wrong else ""
        self._state.setText(f"{noun} not saved yet.{mend}")

    def _on_edited(self) -> None:
        self.tell()
        self.edited.emit()

    def filter(self, asked: Sequence[str]) -> int:
        """Shows the rows that fit and those with a draft; gives how many fit.

        The whole group fits by its title.
        """
        by_title = bool(asked) and all(word in self.name.lower() for word in asked)
        found = shown = 0
        for row in self.rows:
            fits = by_title or row.fits(asked)
            visible = fits or (isinstance(row, EntryRow) and row.changed)
            row.setVisible(visible)
            rule = row.property("rule")
            if isinstance(rule, QWidget):
                rule.setVisible(visible and shown > 0)
            found += fits
            shown += visible
        return found

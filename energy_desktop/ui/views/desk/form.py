"""A form of captioned fields, each with its help and its mistake below it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.decimal_box import DecimalBox


class Form(QScrollArea):
    """Rows by key; what is wrong is told beside its field, and the first one is scrolled to."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        holder = QWidget()
        self._layout = QFormLayout(holder)
        self._layout.setContentsMargins(0, 0, 8, 0)
        self._layout.setVerticalSpacing(6)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.setWidget(holder)
        self._holders: dict[str, QWidget] = {}
        self._captions: dict[str, QLabel] = {}
        self._helps: dict[str, QLabel] = {}
        self.errors: dict[str, QLabel] = {}

    def add(self, key: str, text: str, field: QWidget, help_text: str = "") -> None:
        caption = paint.label(text, "label")
        if isinstance(field, QComboBox):  # a long model name must not widen the form
            field.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            field.setMinimumContentsLength(16)
        caption.setBuddy(field)
        field.setAccessibleName(text)
        field.setAccessibleDescription(help_text)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(field)
        advice = paint.label(help_text, "caption", wrap=True)
        column.addWidget(advice)
        advice.setVisible(bool(help_text))
        wrong = paint.label("", "strong", wrap=True)
        wrong.hide()
        column.addWidget(wrong)
        self._layout.addRow(caption, holder)
        self._holders[key] = holder
        self._captions[key] = caption
        self._helps[key] = advice
        self.errors[key] = wrong

    def add_note(self, key: str, note: QLabel) -> None:
        self._layout.addRow("", note)
        self._holders[key] = note

    def show_row(self, key: str, on: bool) -> None:
        self._layout.setRowVisible(self._holders[key], on)

    def is_row_shown(self, key: str) -> bool:
        return self._layout.isRowVisible(self._holders[key])

    def rename(self, key: str, text: str, help_text: str | None = None) -> None:
        self._captions[key].setText(text)
        if help_text is not None:
            self._helps[key].setText(help_text)
            self._helps[key].setVisible(bool(help_text))

    def tell(self, mistakes: Mapping[str, str]) -> None:
        for key, wrong in self.errors.items():
            wrong.setText(mistakes.get(key, ""))
            wrong.setVisible(key in mistakes)
        first = next((k for k in self.errors if k in mistakes), None)
        if first is not None:
            self.ensureWidgetVisible(self._holders[first])


def whole(low: int, high: int, value: int) -> QSpinBox:
    box = QSpinBox()
    box.setLocale(QLocale.c())
    box.lineEdit().setTextMargins(6, 0, 6, 0)
    box.setRange(low, high)
    box.setValue(value)
    return box


def number(low: float, high: float, value: float, suffix: str) -> DecimalBox:
    box = DecimalBox()
    box.setDecimals(3)
    box.setRange(low, high)
    box.setStepType(DecimalBox.StepType.AdaptiveDecimalStepType)
    box.setValue(value)
    box.setSuffix(suffix)
    return box

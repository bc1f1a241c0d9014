"""The rules behind the alarms, and the form in which a technician changes one."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.alarm import AlarmRule, Priority
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views import alarm_words as words
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.decimal_box import DecimalBox
from energy_desktop.ui.widgets.paint import Chip, Mark
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_PRIORITIES = (
    (Priority.HIGH, "1, critical"),
    (Priority.MEDIUM, "2, high"),
    (Priority.LOW, "3, low"),
)


def rules_table(formats: Formats, meter_names: dict[str, str]) -> Table[AlarmRule]:
    """`meter_names` may be filled later; cells look names up when they are painted."""

    def watched(rule: AlarmRule) -> str:
        meter = (
            "every meter" if rule.meter_id == "*" else meter_names.get(rule.meter_id, rule.meter_id)
        )
        return f"{meter} · {words.quantity_label(rule.quantity)}"

    def text(rule: AlarmRule) -> str:
        return "text" if rule.enabled else "text3"

    return Table(
        [
            Column(
                "Rule",
                lambda r: Cell(
                    r.name,
                    watched(r),
                    mark=Mark(int(r.priority), faint=not r.enabled),
                    token=text(r),
                ),
                stretch=3,
                sort_key=lambda r: r.name,
            ),
            Column(
                "Goes off",
                lambda r: Cell(words.limit_text(formats, r), token=text(r)),
                stretch=2,
            ),
            Column(
                "Deadband",
                lambda r: Cell(
                    words.deadband_text(formats, r) if r.deadband and not words.is_timed(r) else "",
                    token=text(r),
                ),
                width=88,
                number=True,
            ),
            Column(
                "On, off after",
                lambda r: Cell(
                    f"{formats.duration(r.on_delay_s)}, {formats.duration(r.off_delay_s)}",
                    token=text(r),
                ),
                width=104,
                number=True,
            ),
            Column(
                "State",
                lambda r: Cell(chip=Chip("On" if r.enabled else "Off", strong=r.enabled)),
                width=60,
                sort_key=lambda r: not r.enabled,
            ),
        ],
        key=lambda r: r.rule_id,
        two_lines=True,
        name="Alarm rules",
    )


class RuleForm(QWidget):
    """Edits one rule. `saved` carries the changed one; the page has it checked and stored."""

    saved = Signal(object)  # AlarmRule

    def __init__(self, formats: Formats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self._rule: AlarmRule | None = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self.panel = Panel("Rule")
        whole.addWidget(self.panel)
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.enabled = QCheckBox("Watch this")
        self.limit = _number("Limit", -1e12, 1e12)
        self.deadband = _number("Deadband", 0.0, 1e12)
        self.on_delay = _number("On delay", 0.0, 86_400.0, " s")
        self.off_delay = _number("Off delay", 0.0, 86_400.0, " s")
        self.priority = QComboBox()
        self.priority.setAccessibleName("Priority")
        for priority, text in _PRIORITIES:
            self.priority.addItem(text, int(priority))
        self.response = QPlainTextEdit()
        self.response.setAccessibleName("What to do")
        self.response.setTabChangesFocus(True)
        self.response.setMinimumHeight(56)
        self.consequence = QPlainTextEdit()
        self.consequence.setAccessibleName("If ignored")
        self.consequence.setTabChangesFocus(True)
        self.consequence.setMinimumHeight(44)
        self._condition = paint.label("", "label", wrap=True)
        self._deadband_name = paint.label("Deadband", "label")
        form.addRow(self._condition)
        form.addRow("", self.enabled)
        for name, field in (
            ("Limit", self.limit),
            (self._deadband_name, self.deadband),
            ("On after", self.on_delay),
            ("Off after", self.off_delay),
            ("Priority", self.priority),
        ):
            form.addRow(paint.label(name, "label") if isinstance(name, str) else name, field)
        self.panel.body.addLayout(form)
        self.panel.body.addWidget(paint.label("What to do", "label"))
        self.panel.body.addWidget(self.response, 2)
        self.panel.body.addWidget(paint.label("If ignored", "label"))
        self.panel.body.addWidget(self.consequence, 1)
        self._message = paint.label("", "label", wrap=True)
        self._message.setVisible(False)
        self.panel.body.addWidget(self._message)
        row = QHBoxLayout()
        self.save_button = button("Save rule", self._save, icon="content-save", kind="primary")
        self.undo_button = button("Undo changes", self._undo)
        row.addWidget(self.save_button)
        row.addWidget(self.undo_button)
        row.addStretch(1)
        self.panel.body.addLayout(row)
        for box in (self.limit, self.deadband, self.on_delay, self.off_delay):
            box.valueChanged.connect(self._tell_changes)
        self.enabled.toggled.connect(self._tell_changes)
        self.priority.currentIndexChanged.connect(self._tell_changes)
        self.response.textChanged.connect(self._tell_changes)
        self.consequence.textChanged.connect(self._tell_changes)
        self.show_nothing()

    def show_nothing(self) -> None:
        self._rule = None
        self.panel.set_title("Rule", "")
        self.panel.show_empty("Choose a rule to change its limit.", icon="bell-cog-outline")

    @property
    def changed(self) -> bool:
        return self._rule is not None and self.edited() != self._rule

    def show_rule(self, rule: AlarmRule) -> None:
        formats = self._formats
        scale = words.scale_of(formats, rule)
        self._rule = None  # the fields tell of no change while they are filled
        self.panel.show_body()
        self.panel.set_title(rule.name, "")
        self._condition.setText(
            f"Goes off {words.CONDITIONS[rule.condition]} the limit"
            if not words.is_timed(rule)
            else f"Goes off at {words.CONDITIONS[rule.condition]} this long"
        )
        decimals = scale.decimals + (0 if words.is_timed(rule) else 1)
        for box, value in ((self.limit, rule.limit), (self.deadband, rule.deadband)):
            box.setDecimals(max(decimals, 1 if scale.divisor > 1 else decimals))
            box.setSuffix(f" {scale.unit}" if scale.unit else "")
            box.setSingleStep(10.0**-scale.decimals)
            box.setValue(value / scale.divisor)
        timed = words.is_timed(rule)
        self._deadband_name.setVisible(not timed)
        self.deadband.setVisible(not timed)
        self.on_delay.setValue(rule.on_delay_s)
        self.off_delay.setValue(rule.off_delay_s)
        self.enabled.setChecked(rule.enabled)
        self.priority.setCurrentIndex(self.priority.findData(int(rule.priority)))
        self.response.setPlainText(rule.response)
        self.consequence.setPlainText(rule.consequence)
        self._rule = rule
        self.tell("")
        self._tell_changes()

    def edited(self) -> AlarmRule:
        """The rule as the fields say; a number that was not touched stays exactly as it was."""
        rule = self._rule
        if rule is None:
            raise ValueError("no rule is shown")
        divisor = words.scale_of(self._formats, rule).divisor
        return replace(
            rule,
            limit=_kept(self.limit, rule.limit, divisor),
            deadband=_kept(self.deadband, rule.deadband, divisor),
            on_delay_s=_kept(self.on_delay, rule.on_delay_s, 1.0),
            off_delay_s=_kept(self.off_delay, rule.off_delay_s, 1.0),
            enabled=self.enabled.isChecked(),
            priority=Priority(self.priority.currentData()),
            response=self.response.toPlainText(),
            consequence=self.consequence.toPlainText(),
        )

    def tell(self, sentence: str) -> None:
        self._message.setText(sentence)
        self._message.setVisible(bool(sentence))

    def _tell_changes(self) -> None:
        if self._rule is not None:
            self.save_button.setEnabled(self.changed)
            self.undo_button.setEnabled(self.changed)

    def _undo(self) -> None:
        if self._rule is not None:
            self.show_rule(self._rule)

    def _save(self) -> None:
        if self.changed:
            self.saved.emit(self.edited())


def _number(name: str, low: float, high: float, suffix: str = "") -> DecimalBox:
    box = DecimalBox()
    box.setRange(low, high)
    box.setSuffix(suffix)
    box.setDecimals(0 if suffix else 2)
    box.setAccessibleName(name)
    return box


def _kept(box: DecimalBox, before: float, divisor: float) -> float:
    shown_before = round(before / divisor, box.decimals())
    return before if box.value() == shown_before else box.value() * divisor

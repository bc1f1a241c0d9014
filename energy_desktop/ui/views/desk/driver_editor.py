"""Drivers as text: copy one, change a line, see at once what is wrong with it, try it, keep it.

The editor stays open beside the page, so that readings which are clicked there become lines here.
Shipped drivers are never changed: what is saved goes into the site's own folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.commissioning import InspectedRegister, Reading
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo, TestReading
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.recount import Past, PastUndecided
from energy_desktop.domain.site import Link
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.views.desk import driver_text
from energy_desktop.ui.views.desk.choose_file import choose_target
from energy_desktop.ui.views.desk.counting_question import CountingQuestion
from energy_desktop.ui.views.desk.driver_panels import DriverListPanel, MeterTrialPanel
from energy_desktop.ui.views.desk.line_dialog import LineDialog
from energy_desktop.ui.views.desk.list_dialog import ListDialog
from energy_desktop.ui.views.desk.naming import free, slug
from energy_desktop.ui.views.desk.ports import Desk, DriverCheck, Drivers
from energy_desktop.ui.views.desk.text_edit import NumberedEdit
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.question import Question
from energy_desktop.ui.widgets.table import Cell, Column, Table

R = TypeVar("R")

_CHECK_AFTER_MS = 400
Problem = tuple[int, str]


class DriverEditor(QDialog):
    """`saved` tells the driver id once the site has it."""

    saved = Signal(str)

    def __init__(
        self, parent: QWidget, context: ViewContext, drivers: Drivers, desk: Desk | None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Drivers")
        self.setModal(False)
        self.resize(1160, 680)
        self._context = context
        self._drivers = drivers
        self._desk = desk
        self._infos: tuple[DriverInfo, ...] = ()
        self._opened = ""  # the driver whose text this was
        self._unchanged = ""  # the text as it was read or saved
        self._opening = False
        self._waiting: list[Callable[[], object]] = []
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.setSpacing(8)
        self.notice = InlineNotice("", "", tone=2)
        self.notice.hide()
        outer.addWidget(self.notice)
        columns = QHBoxLayout()
        columns.setSpacing(8)
        self.list_panel = DriverListPanel(self.copy, self.begin_new, self.open_list)
        self.list_panel.chosen.connect(self._on_chosen)
        self.list = self.list_panel.table
        columns.addWidget(self.list_panel, 5)
        columns.addWidget(self._text_panel(), 12)
        self.trial_panel = MeterTrialPanel(context.formats, self.test)
        self.trial = self.trial_panel.trial
        columns.addWidget(self.trial_panel, 6)
        outer.addLayout(columns, 1)
        self._check_later = QTimer(self)
        self._check_later.setSingleShot(True)
        self._check_later.setInterval(_CHECK_AFTER_MS)
        self._check_later.timeout.connect(self.check)

    # -------------------------------------------------------- building

    def _text_panel(self) -> Panel:
        self.text_panel = Panel("Text", "choose a driver, or begin a new one")
        self.edit = NumberedEdit("Text of the driver")
        self.edit.textChanged.connect(self._on_edited)
        self.text_panel.set_content(self.edit)
        self.summary = paint.label("", wrap=True)
        self.text_panel.set_content(self.summary)
        self.problems: Table[Problem] = Table(
            [
                Column("Line", lambda p: str(p[0]), width=46, number=True),
                Column(
                    "What is wrong", lambda p: Cell(p[1], icon="alert-outline", icon_token="p2")
                ),
            ],
            key=lambda p: p,
            name="Problems by line",
        )
        self.problems.chosen.connect(self._go_to)
        self.problems.hide()
        self.text_panel.set_content(self.problems)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.save_button = button("Save to the site", lambda: self.save(), kind="primary")
        self.export_button = button("Export", self.export, icon="download")
        for one in (self.save_button, self.export_button):
            one.setEnabled(False)
            row.addWidget(one)
        row.addStretch(1)
        self.state = paint.label("", "caption")
        row.addWidget(self.state)
        self.text_panel.set_content(row)
        return self.text_panel

    # -------------------------------------------------------- what there is

    def show_site(self, drivers: Sequence[DriverInfo], configuration: Configuration) -> None:
        """The drivers to choose from, and the meters to try one on."""
        self._infos = tuple(drivers)
        self.list_panel.show_drivers(self._infos)
        self.trial_panel.show_meters(configuration)

    def choose_meter(self, meter_id: str) -> None:
        self.trial_panel.choose_meter(meter_id)

    def offer_unit(self, link: Link, unit_id: int) -> None:
        self.trial_panel.offer_unit(link, unit_id)

    def _on_chosen(self, row: DriverInfo) -> None:
        if row.driver_id != self._opened:
            self._after_asking(lambda: self.open_driver(row.driver_id))

    # -------------------------------------------------------- opening

    @property
    def changed(self) -> bool:
        return self.edit.toPlainText() != self._unchanged

    def _after_asking(self, then: Callable[[], object]) -> None:
        """Asks before a changed text is replaced by another."""
        if not self.changed:
            then()
            return
        self.question = Question(
            self,
            "Leave the changed text?",
            "It was not saved to the site.",
            do="Leave it",
            leave="Keep editing",
        )
        self.question.answered.connect(lambda yes: then() if yes else None)
        self.question.open()

    def open_driver(self, driver_id: str) -> None:
        self._opening = True

        def failed(error: UserFacingError) -> None:
            self._opening = False
            self._complain(error)

        self._context.jobs.start(
            partial(self._drivers.text, driver_id),
            lambda text: self.show_text(driver_id, text),
            failed,
            title=f"Open {driver_id}",
            guard=self,
        )

    def show_text(self, driver_id: str, text: str) -> None:
        """A text that is not changed yet."""
        self.trial.reset()
        self._opened, self._unchanged = driver_id, text
        self.list.choose(driver_id)
        self.edit.setPlainText(text)
        self.edit.document().clearUndoRedoStacks()
        self.check()
        self._opening = False
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            change()

    def _when_open(self, change: Callable[[], object]) -> None:
        """Changes the text that is being read as soon as it is there."""
        if self._opening:
            self._waiting.append(change)
        else:
            change()

    def copy(self) -> None:
        row = self.list.chosen_row()
        if row is None:
            return
        new_id = self._free_id(f"{row.driver_id}_own")
        self._after_asking(
            lambda: self._run(
                partial(self._drivers.copy, row.driver_id, new_id),
                lambda text: self.show_draft(text),
                f"Copy {row.driver_id}",
            )
        )

    def begin_new(self) -> None:
        self._after_asking(
            lambda: self.show_draft(driver_text.new_driver(self._free_id("my_meter")))
        )

    def show_draft(self, text: str) -> None:
        """A text that no file has yet."""
        self.trial.reset()
        self._opened, self._unchanged = "", ""
        self.list.clearSelection()
        self.edit.setPlainText(text)
        self.check()

    def open_list(self) -> None:
        self.lists = ListDialog(self, self._context, self._drivers, self._free_id("my_meter"))
        self.lists.made.connect(lambda text: self._after_asking(lambda: self.show_draft(text)))
        self.lists.open()
        self.lists.choose()

    def _free_id(self, stem: str) -> str:
        taken = {d.driver_id for d in self._infos}
        return free(slug(stem).replace("-", "_"), taken).replace("-", "_")

    # -------------------------------------------------------- lines from readings

    def take_reading(self, row: InspectedRegister, reading: Reading) -> None:
        """A reading that was clicked: what it is, is asked, then it becomes a line."""
        self._when_open(lambda: self._ask_for(row, reading))

    def _ask_for(self, row: InspectedRegister, reading: Reading) -> None:
        likely = driver_text.likely_quantity(reading.reads_as, self.edit.toPlainText(), row.address)
        self.line = LineDialog(self, row, reading, likely)
        self.line.chosen.connect(lambda name: self._add(row, reading, name))
        self.line.open()

    def _add(self, row: InspectedRegister, reading: Reading, name: str) -> None:
        desk = self._desk
        if desk is not None:
            self._run(
                lambda: desk.driver_line(row, reading, name),
                lambda line: self.add_lines([line]),
                "Make a line",
            )

    def take_order(self, function: int, value_format: str, word_order: str) -> None:
        """The order that the inspector proved becomes that of all registers of the driver."""
        self._when_open(lambda: self._put_order(function, value_format, word_order))

    def _put_order(self, function: int, value_format: str, word_order: str) -> None:
        self.edit.replace_text(
            driver_text.with_defaults(self._own_text(), function, value_format, word_order)
        )
        self.edit.show_line(driver_text.line_of(self.edit.toPlainText(), ["defaults"]))
        self.check()

    def add_lines(self, lines: Sequence[str]) -> None:
        """Puts them into the text; Ctrl Z takes them out again."""
        self.edit.replace_text(driver_text.with_lines(self._own_text(), lines))
        at = driver_text.line_of(
            self.edit.toPlainText(), [driver_text.key_of(line) for line in lines]
        )
        self.edit.show_line(at)
        self.check()

    def _own_text(self) -> str:
        """The text, under an id of its own where it is that of a shipped driver."""
        text = self.edit.toPlainText()
        if not text.strip():
            return driver_text.new_driver(self._free_id("my_meter"))
        driver_id = driver_text.driver_id_of(text)
        if any(d.driver_id == driver_id and not d.own for d in self._infos):
            return driver_text.with_id(text, self._free_id(f"{driver_id}_own"))
        return text

    # -------------------------------------------------------- checking

    def _on_edited(self) -> None:
        self.state.setText("changed, not saved" if self.changed else "")
        self._check_later.start()

    def check(self) -> None:
        """What is wrong, by line; in a job, since large drivers take a while."""
        self._check_later.stop()
        text = self.edit.toPlainText()
        if not text.strip():
            self.show_check(text, None)
            return
        self._run(
            partial(self._drivers.check, text),
            lambda found: self.show_check(text, found),
            "Check the driver",
        )

    def show_check(self, text: str, found: DriverCheck | None) -> None:
        """found None: there is no text. An answer about an older text is left alone."""
        if text != self.edit.toPlainText():
            return
        driver_id = driver_text.driver_id_of(text)
        own = next((d.own for d in self._infos if d.driver_id == driver_id), None)
        kept = {None: "not in the site yet", True: "of this site", False: "shipped"}[own]
        self.text_panel.set_title(driver_id or "Text", kept if driver_id else "")
        problems = () if found is None else found.problems
        self.edit.mark(dict(problems))
        self.problems.show_rows(problems)
        self.problems.setFixedHeight(self.problems.content_height(min(4, len(problems))))
        self.problems.setVisible(bool(problems))
        if problems:
            said = f"{words.count(len(problems), 'problem')}: it cannot be used as it is."
        else:
            said = "" if found is None else found.summary
        self.summary.setText(said)
        good = found is not None and not problems
        self.save_button.setEnabled(good and (self.changed or own is None))
        self.export_button.setEnabled(own is not None and not self.changed)

    def _go_to(self, row: object) -> None:
        if isinstance(row, tuple):
            self.edit.show_line(int(row[0]))

    # -------------------------------------------------------- trying, saving, sharing

    def test(self) -> None:
        target = self.trial_panel.target()
        if target is None:
            self._complain_text("There is no meter to try it on: add one, or scan a bus.")
            return
        text = self.edit.toPlainText()
        link, unit_id, address = target
        self.trial.begin()
        self._context.jobs.start(
            lambda: self._drivers.test(text, link, unit_id, address),
            self._on_tested,
            self._on_test_failed,
            title="Test the driver",
            guard=self,
        )

    def _on_tested(self, reading: TestReading) -> None:
        self.notice.hide()
        self.trial.show_reading(reading)

    def _on_test_failed(self, error: UserFacingError) -> None:
        self.trial.show_failure()
        self._complain(error)

    def save(self, past: Past | None = None) -> None:
        """past: the answer where meters are counted in another way than before."""
        text = self.edit.toPlainText()
        self.save_button.setEnabled(False)
        self._run(
            partial(self._drivers.save, text)
            if past is None
            else partial(self._drivers.save, text, past),
            lambda info: self._on_saved(info, text),
            "Save the driver",
        )

    def _on_saved(self, info: DriverInfo, text: str) -> None:
        others = tuple(d for d in self._infos if d.driver_id != info.driver_id)
        self._infos = (*others, info)
        self.list_panel.show_drivers(self._infos)
        self._opened, self._unchanged = info.driver_id, text
        self.list.choose(info.driver_id)
        self.state.setText("saved to the site")
        self.check()
        self.saved.emit(info.driver_id)

    def export(self) -> None:
        driver_id = driver_text.driver_id_of(self.edit.toPlainText())
        choose_target(
            self, "Export the driver", f"{driver_id}.toml", "Drivers (*.toml)",
            lambda path: self.export_to(driver_id, path),
        )  # fmt: skip

    def export_to(self, driver_id: str, path: Path) -> None:
        self._run(
            partial(self._drivers.export, driver_id, path),
            lambda _: self.state.setText(f"exported as {path.name}"),
            "Export the driver",
        )

    # -------------------------------------------------------- helpers

    def _run(self, work: Callable[[], R], then: Callable[[R], object], title: str) -> None:
        """Work in a job; a failure stands above the text until something went well."""

        def done(result: R) -> None:
            self.notice.hide()
            then(result)

        self._context.jobs.start(work, done, self._complain, title=title, guard=self)

    def _complain(self, error: UserFacingError) -> None:
        if isinstance(error, PastUndecided):
            self.save_button.setEnabled(True)
            self.counting_question = CountingQuestion(self, error.changes)
            self.counting_question.answered.connect(
                lambda past: None if past is None else self.save(past)
            )
            self.counting_question.open()
            return
        self.notice.set_text(error.what, f"{error.where}. {error.remedy}")
        self.notice.show()

    def _complain_text(self, what: str) -> None:
        self.notice.set_text(what)
        self.notice.show()

    def reject(self) -> None:
        """Esc and the close button: a changed text is asked about first."""
        self._after_asking(lambda: QDialog.reject(self))

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is checked in a window that is not seen, nor while the program closes."""
        self._check_later.stop()
        super().hideEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()  # Enter in the filter presses no button of the dialog
            return
        super().keyPressEvent(event)

"""A new run, or one made again: which files and how they are read, where the results go, on whose
clock, by which engine; and beside it what that would need.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.errors import ConfirmationNeeded, UserFacingError
from energy_desktop.domain.fleet import FileColumns, FleetPlan, FleetSummary, RunAsked
from energy_desktop.domain.fleet_wording import NEWER_ON_SITE
from energy_desktop.services.fleet import EngineName, FleetService
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet import remedies
from energy_desktop.ui.views.fleet.needs_panel import NeedsPanel
from energy_desktop.ui.views.fleet.run_request import RunRequest, plan, run
from energy_desktop.ui.widgets.elided_chooser import ElidedChooser
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.segmented import Segmented

AskFolder = Callable[[QWidget, str, Callable[[Path], object]], object]

_ROLES = ("household", "time", "value", "tariff")
_UNITS = ("Wh", "kWh", "W", "kW")
_STEPS = (15, 30, 60)
_EXAMPLE_TARIFFS = "left empty: two round example tariffs"
_ABOUT = (
    "CSV, plain or gzip: the layouts of the London release, or any file of quarter, half or whole "
    "hours. Nothing is dropped without being counted. A run that was stopped goes on where it was "
    "when it is started again with the same folders."
)


class RunPanel(Panel):
    """`finished` carries the folder of the results; `noted`, after it, what is to be known of them
    beside. ask_folder: a dialog, or a test's answer."""

    finished = Signal(object)  # Path
    noted = Signal(str)
    left = Signal()

    def __init__(
        self, host: BaseView, fleet: FleetService, ask_folder: AskFolder | None = None
    ) -> None:
        super().__init__("Run a fleet", "thousands of households from a folder of files")
        self._host = host
        self._fleet = fleet
        self._ask = ask_folder or ask_for_folder
        self._like: RunAsked | None = None
        self._typed: set[QWidget] = set()
        self.folder = _field("Folder of readings")
        self.out = _field("Folder for the results")
        self.zone = _field("Clock of the days")
        self.zone.setText(host.formats.zone_name)
        self.tariffs = _field("Tariffs, a TOML file")
        self.tariffs.setPlaceholderText(_EXAMPLE_TARIFFS)
        self.columns = {role: ElidedChooser(f"Column of the {role}") for role in _ROLES}
        self.unit = ElidedChooser("Unit of the values")
        self.step = ElidedChooser("Step of the readings")
        self._offer(None)
        self.stamp = Segmented([("start", "Start of its step"), ("end", "End")], name="A stamp is")
        self.groups = Segmented([(str(n), str(n)) for n in range(2, 9)], name="Groups")
        self.groups.set_value("4")
        self.engine = Segmented([("duckdb", "This PC"), ("spark", "Spark")], name="Engine")
        self.master = _field("Master of Spark")
        self.master.setPlaceholderText("left empty: all cores of this PC")
        self.with_site = QCheckBox("The site's own meters join")
        self.replace = QCheckBox("Replace the results that are there")
        self.replace.hide()
        self.notice = InlineNotice("", tone=2)
        self.notice.hide()
        self.start = button("Run", self.begin, icon="play", kind="primary")
        self.leave = button("Back", self.left.emit)
        self.needs = NeedsPanel(host.formats)
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.notice)
        column.addLayout(self._places())
        column.addWidget(label("How the files are read", "strong"))
        column.addLayout(self._reading())
        column.addWidget(self.with_site)
        column.addWidget(self.replace)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.leave)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addWidget(label(_ABOUT, "caption", wrap=True))
        column.addStretch(1)
        both = QHBoxLayout()
        both.setSpacing(16)
        both.addWidget(form, 7)
        both.addWidget(self.needs, 5)
        self.set_content(both)
        # Said of one folder, it does not hold for the next.
        self.out.textChanged.connect(lambda _: self.replace.setChecked(False))
        for field in (self.folder, self.out):
            field.textChanged.connect(lambda _: self.notice.hide())
        self.with_site.toggled.connect(lambda _: self.look())
        for field in (self.folder, self.out, self.zone, self.tariffs, self.master):
            field.editingFinished.connect(self.look)
        for chooser in (*self.columns.values(), self.unit, self.step):
            chooser.activated.connect(lambda _: self.look())
        for choice in (self.stamp, self.groups):
            choice.changed.connect(lambda _: self.look())
        self.engine.changed.connect(lambda _: self._on_engine())
        self._note_what_is_typed()
        self._on_engine()

    # -------------------------------------------------------- the form

    def _note_what_is_typed(self) -> None:
        """Only what a person does to a field, not what is put there."""
        for field in (self.folder, self.out, self.zone, self.tariffs, self.master):
            field.textEdited.connect(lambda _, field=field: self._typed.add(field))
        for chooser in (*self.columns.values(), self.unit, self.step):
            chooser.activated.connect(lambda _, chooser=chooser: self._typed.add(chooser))
        for choice in (self.stamp, self.groups, self.engine):
            choice.changed.connect(lambda _, choice=choice: self._typed.add(choice))
        self.with_site.clicked.connect(lambda _: self._typed.add(self.with_site))

    def _places(self) -> QGridLayout:
        grid = _grid()
        rows: tuple[tuple[QLineEdit, Callable[[], object] | None], ...] = (
            (self.folder, lambda: self._ask(self, "Folder of readings", self.take_folder)),
            (self.out, lambda: self._ask(self, "Folder for the results", self._take_out)),
            (self.zone, None),
            (self.tariffs, self._choose_tariffs),
        )
        for place, (field, choose) in enumerate(rows):
            _caption(grid, place, 0, field.accessibleName(), field)
            grid.addWidget(field, place, 1)
            if choose is not None:
                chosen = button("Choose", choose)
                chosen.setAccessibleName(f"Choose: {field.accessibleName()}")
                grid.addWidget(chosen, place, 2)
        grid.setColumnStretch(1, 1)
        return grid

    def _reading(self) -> QGridLayout:
        grid = _grid()
        of = self.columns
        # The column of the value often has the longest name: it says what is in it.
        rows = (
            (of["value"],),
            (of["household"], of["time"]),
            (of["tariff"], self.unit),
            (self.step,),
        )
        for row, choosers in enumerate(rows):
            for k, chooser in enumerate(choosers):
                name = chooser.accessibleName()
                text = name.removeprefix("Column of the ").capitalize()
                _caption(grid, row, 2 * k, text, chooser)
                wide = 3 if chooser is of["value"] else 1
                grid.addWidget(chooser, row, 2 * k + 1, 1, wide)
        below = len(rows)
        for row, choice in enumerate((self.stamp, self.groups, self.engine), below):
            _caption(grid, row, 0, choice.accessibleName().split(":")[0], choice)
            grid.addWidget(choice, row, 1, 1, 3)
        self._master_row = QWidget()
        line = QHBoxLayout(self._master_row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.master)
        grid.addWidget(self._master_row, below + 3, 1, 1, 3)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        return grid

    def _offer(self, seen: FleetPlan | None) -> None:
        """What can be chosen; the choice stays."""
        taken = {} if seen is None else seen.taken
        header = () if seen is None else seen.header
        for role, chooser in self.columns.items():
            _refill(chooser, taken.get(role), [(name, name) for name in header])
        _refill(self.unit, taken.get("unit"), [(unit, unit) for unit in _UNITS])
        step = f"{taken['step']} min" if "step" in taken else None
        _refill(self.step, step, [(f"{n} min", str(n)) for n in _STEPS])

    def take_folder(self, folder: Path) -> None:
        """The readings; the results go below the site when no other place was named."""
        self.folder.setText(str(folder))
        self._typed |= {self.folder, self.out}
        if not self.out.text():
            try:
                self.out.setText(str(self._fleet.new_run(folder.name)))
            except UserFacingError:  # no site is open: results stand beside the readings
                self.out.setText(str(folder.with_name(folder.name + " results")))
        self.look()

    def take_run(self, out: Path, asked: RunAsked) -> None:
        """The run in `out` once more, as it was asked. What somebody has typed since `begin_anew`
        stays: the answer to how it was asked takes its time.
        """
        options, columns = asked.options, asked.options.columns
        self._like = asked
        self.tariffs.setPlaceholderText(
            f"left empty: {options.tariff_a.name} and {options.tariff_b.name}, as before"
        )
        step = "" if columns.step_min is None else str(columns.step_min)
        put: list[tuple[QWidget, Callable[[], object]]] = [
            (self.folder, partial(self.folder.setText, str(asked.folder))),
            (self.out, partial(self.out.setText, str(out))),
            (self.zone, partial(self.zone.setText, options.zone)),
            (self.tariffs, self.tariffs.clear),
            (self.unit, partial(_choose, self.unit, columns.unit or "")),
            (self.step, partial(_choose, self.step, step)),
            (self.stamp, partial(self.stamp.set_value, "end" if columns.stamp_end else "start")),
            (self.groups, partial(self.groups.set_value, str(options.segments))),
            (self.with_site, partial(self.with_site.setChecked, asked.with_site)),
            (self.engine, partial(self.engine.set_value, asked.engine)),
        ]
        for role, chooser in self.columns.items():
            put.append((chooser, partial(_choose, chooser, getattr(columns, role) or "")))
        for widget, set_it in put:
            if widget not in self._typed:
                set_it()
        self._on_engine()

    def begin_anew(self) -> None:
        """The form comes to the front, and nobody has typed anything yet."""
        self._typed.clear()
        self.notice.hide()

    def _take_out(self, folder: Path) -> None:
        self._typed.add(self.out)
        self.out.setText(str(folder))
        self.look()

    def _choose_tariffs(self) -> None:
        dialog = QFileDialog(self, "Tariffs")
        dialog.setNameFilters(["Tariffs (*.toml)"])
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._take_tariffs)
        dialog.open()

    def _take_tariffs(self, path: str) -> None:
        self._typed.add(self.tariffs)
        self.tariffs.setText(path)
        self.look()

    def _on_engine(self) -> None:
        self._master_row.setVisible(self.engine.value == "spark")
        self.look()

    # -------------------------------------------------------- asking

    def request(self) -> RunRequest | str:
        """What is asked for, or which part of it is missing, in words."""
        folder, out = self.folder.text().strip(), self.out.text().strip()
        if not folder:
            return "Which files? Choose the folder that holds the readings."
        if not Path(folder).is_dir():
            return f"There is no folder {folder}. Choose the one that holds the readings."
        if not out:
            return "Where to? Choose a folder for the results."
        if not _is_zone(self.zone.text().strip()):
            return "There is no such clock. Write it as Europe/London."
        tariffs, step = self.tariffs.text().strip(), self.step.currentData()
        columns = FileColumns(
            **{role: chooser.currentData() or None for role, chooser in self.columns.items()},
            unit=self.unit.currentData() or None,
            step_min=int(step) if step else None,
            stamp_end=self.stamp.value == "end",
        )
        engine = cast(EngineName, self.engine.value)
        return RunRequest(
            Path(folder),
            Path(out),
            self.zone.text().strip(),
            self.with_site.isChecked(),
            Path(tariffs) if tariffs else None,
            columns,
            int(self.groups.value),
            engine,
            (self.master.text().strip() or None) if engine == "spark" else None,
            None if self._like is None else self._like.options,
            self.replace.isChecked(),
        )

    def look(self) -> None:
        """Looks at the files, and tells what the run would need, once nothing is missing."""
        request = self.request()
        if isinstance(request, str):
            return
        fleet, asked = self._fleet, request
        self._host.load(
            lambda: plan(fleet, asked), self.show_plan, panel=self.needs, title="Fleet plan"
        )

    def show_plan(self, seen: FleetPlan) -> None:
        self._offer(seen)
        self.needs.show_plan(seen)
        self._ask_to_replace(seen.state in ("replaces", "done"))

    def begin(self) -> None:
        request = self.request()
        if isinstance(request, str):
            self.notice.set_text(request)
            self.notice.show()
            return
        self.notice.hide()
        fleet, asked = self._fleet, request
        self._host.load_long(
            lambda progress: run(fleet, asked, progress),
            lambda summary: self._done(asked.out, summary),
            panel=self,
            title=f"Run {asked.folder.name}",
            on_error=self.tell,
        )

    def _done(self, out: Path, summary: FleetSummary) -> None:
        self.finished.emit(out)
        if summary.site_is_newer:
            self.noted.emit(remedies.in_window(NEWER_ON_SITE))

    def _ask_to_replace(self, asked: bool) -> None:
        if not asked:
            self.replace.setChecked(False)
        self.replace.setVisible(asked)

    def tell(self, error: UserFacingError) -> None:
        remedy = error.remedy
        if isinstance(error, ConfirmationNeeded):
            self._ask_to_replace(True)
            remedy = f"Name another folder for the results, or tick “{self.replace.text()}”."
        self.notice.set_text(f"{error.what} {remedy}", error.where)
        self.notice.show()


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(6)
    return grid


def _caption(grid: QGridLayout, row: int, column: int, text: str, of: QWidget) -> None:
    caption = label(text, "label")
    caption.setBuddy(of)
    grid.addWidget(caption, row, column)


def _field(name: str) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    return field


def _refill(chooser: QComboBox, taken: str | None, choices: list[tuple[str, str]]) -> None:
    """taken: what the files say by themselves; None: nobody has looked, "": they do not."""
    kept = chooser.currentData() or ""
    chooser.clear()
    said = "as the files say" if taken is None else f"found: {taken}" if taken else "none found"
    chooser.addItem(said, "")
    for text, value in choices:
        chooser.addItem(text, value)
    _choose(chooser, kept)


def _choose(chooser: QComboBox, value: str) -> None:
    """Chooses a value, also one that the files at hand do not have."""
    if chooser.findData(value) < 0:
        chooser.addItem(value, value)
    chooser.setCurrentIndex(chooser.findData(value))


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True


def ask_for_folder(parent: QWidget, title: str, then: Callable[[Path], object]) -> None:
    """A dialog that blocks nothing."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
    dialog.open()

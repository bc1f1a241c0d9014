"""A new run, or going on with one: which files, where the results go, on whose clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.fleet import FleetOptions, FleetSummary
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.services.fleet import FleetService, with_tariffs
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button

AskFolder = Callable[[QWidget, str, Callable[[Path], object]], object]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is asked for. tariffs: a TOML file, None for the example prices."""

    folder: Path
    out: Path
    zone: str
    with_site: bool = False
    tariffs: Path | None = None

    @property
    def options(self) -> FleetOptions:
        """Raises DataFileError for a tariff file that cannot be read."""
        options = FleetOptions(zone=self.zone)
        return options if self.tariffs is None else with_tariffs(options, self.tariffs)


def run(fleet: FleetService, request: RunRequest, progress: ProgressSink) -> FleetSummary:
    """For a job. Raises what services.fleet raises."""
    options = request.options
    if request.with_site:
        fleet.write_site(request.folder)
    return fleet.run(request.folder, request.out, options, progress=progress)


class RunPanel(Panel):
    """`finished` carries the folder of the results. ask_folder: a dialog, or a test's answer."""

    finished = Signal(object)  # Path
    left = Signal()

    def __init__(
        self, host: BaseView, fleet: FleetService, ask_folder: AskFolder | None = None
    ) -> None:
        super().__init__("Run a fleet", "thousands of households from a folder of files")
        self._host = host
        self._fleet = fleet
        self._ask = ask_folder or ask_for_folder
        self.folder = _field("Folder of readings")
        self.out = _field("Folder for the results")
        self.zone = _field("Clock of the days")
        self.zone.setText(host.formats.zone_name)
        self.tariffs = _field("Tariffs, a TOML file")
        self.tariffs.setPlaceholderText("left empty: two round example tariffs")
        self.with_site = QCheckBox("The site's own meters join, as files beside the readings")
        self.notice = InlineNotice("", tone=2)
        self.notice.hide()
        self.start = button("Run", self.begin, icon="play", kind="primary")
        self.leave = button("Back", self.left.emit)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(8)
        rows: tuple[tuple[QLineEdit, Callable[[], object] | None], ...] = (
            (self.folder, lambda: self._ask(self, "Folder of readings", self.take_folder)),
            (self.out, lambda: self._ask(self, "Folder for the results", self._take_out)),
            (self.zone, None),
            (self.tariffs, self._choose_tariffs),
        )
        for place, (field, choose) in enumerate(rows):
            caption = label(field.accessibleName(), "label")
            caption.setBuddy(field)
            grid.addWidget(caption, place, 0)
            grid.addWidget(field, place, 1)
            if choose is not None:
                chosen = button("Choose", choose)
                chosen.setAccessibleName(f"Choose: {field.accessibleName()}")
                grid.addWidget(chosen, place, 2)
        grid.setColumnStretch(1, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.leave)
        buttons.addStretch(1)
        form = QWidget()
        form.setMaximumWidth(860)
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.notice)
        column.addLayout(grid)
        column.addWidget(self.with_site)
        column.addLayout(buttons)
        column.addWidget(
            label(
                "CSV, plain or gzip: the layouts of the London release, or any file of quarter, "
                "half or whole hours whose columns say household, time and value. Nothing is "
                "dropped without being counted. A run that was stopped goes on where it was when "
                "it is started again with the same folders.",
                "caption",
                wrap=True,
            )
        )
        self.set_content(form)
        self.body.addStretch(1)

    def take_folder(self, folder: Path) -> None:
        """The readings; the results go below the site when no other place was named."""
        self.folder.setText(str(folder))
        if self.out.text():
            return
        try:
            self.out.setText(str(self._fleet.new_run(folder.name)))
        except UserFacingError:  # no site is open: results stand beside the readings
            self.out.setText(str(folder.with_name(folder.name + " results")))

    def _take_out(self, folder: Path) -> None:
        self.out.setText(str(folder))

    def _choose_tariffs(self) -> None:
        dialog = QFileDialog(self, "Tariffs")
        dialog.setNameFilters(["Tariffs (*.toml)"])
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.tariffs.setText)
        dialog.open()

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
        tariffs = self.tariffs.text().strip()
        return RunRequest(
            Path(folder),
            Path(out),
            self.zone.text().strip(),
            self.with_site.isChecked(),
            Path(tariffs) if tariffs else None,
        )

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
            lambda _: self.finished.emit(asked.out),
            panel=self,
            title=f"Run {asked.folder.name}",
            on_error=self.tell,
        )

    def tell(self, error: UserFacingError) -> None:
        self.notice.set_text(f"{error.what} {error.remedy}", error.where)
        self.notice.show()


def _field(name: str) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    return field


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

"""Does each link work, and is this meter read right?

At the left every meter under its link, with its state, how fast it answers and how often it fails;
at the right the chosen one, register by register as its manual numbers them, with the value that
came of each. An error stands with its remedy beside the meter that has it.

States and values are taken from memory once a second while the page is seen; the store is read
only when the page is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo, RegisterView
from energy_desktop.domain.errors import DriverFileError, UserFacingError
from energy_desktop.domain.ports import ProgressSink, Rings
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.snapshot import LinkState, Snapshot
from energy_desktop.services.importing import ImportResult, ImportService
from energy_desktop.services.meters import MeterListing, MeterService
from energy_desktop.services.site_file import SiteFileService
from energy_desktop.services.site_file.service import AppliedChanges
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.import_panel import ImportResultDialog, import_sentence
from energy_desktop.ui.views.meter_dialog import MeterDialog
from energy_desktop.ui.views.meter_words import ListRow
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import FactList
from energy_desktop.ui.widgets.panel import Button, InlineNotice, Panel, button
from energy_desktop.ui.widgets.question import Question
from energy_desktop.ui.widgets.table import Cell, Column, Table

_STALE_PERIODS = 3
_LINES_SHOWN = 8  # of a long list of mistakes; the rest is copied


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A register and its value; None: unknown, or too old to be shown as present."""

    view: RegisterView
    value: float | None


@dataclass(frozen=True, slots=True)
class MetersPage:
    """All that the page needs of the store and the driver files, read in one job."""

    listing: tuple[MeterListing, ...]
    configuration: Configuration
    drivers: tuple[DriverInfo, ...]
    driver_errors: tuple[DriverFileError, ...]


class MetersView(BaseView):
    """List, details, dialogs to add, change and stop a meter, and the files that come in."""

    view_id = "meters"
    title = "Meters"

    def __init__(
        self,
        context: ViewContext,
        meters: MeterService,
        importing: ImportService,
        site_file: SiteFileService,
        rings: Rings | None = None,
        feed: LiveFeed | None = None,
    ) -> None:
        """rings, feed None: no engine runs here; values are then those last stored."""
        super().__init__(context)
        self._meters = meters
        self._importing = importing
        self._site_file = site_file
        self._rings = rings
        self._feed = feed
        self._page: MetersPage | None = None
        self._chosen = ""
        self._registers: tuple[RegisterView, ...] = ()
        self._stored: Snapshot | None = None
        self._registers_of = ""
        self.notice_box = QVBoxLayout()
        self.body.addLayout(self.notice_box)
        columns = QHBoxLayout()
        columns.setSpacing(8)
        columns.addWidget(self._list_panel(), 23)
        right = QVBoxLayout()
        right.setSpacing(8)
        self.trouble = InlineNotice(
            "", "", tone=2, icon="lan-disconnect", buttons=[("Try now", self.try_now)]
        )
        self.trouble.hide()
        right.addWidget(self.trouble)
        right.addWidget(self._registers_panel(), 5)
        lower = QHBoxLayout()
        lower.setSpacing(8)
        lower.addWidget(self._facts_panel(), 1)
        lower.addWidget(self._driver_panel(), 1)
        right.addLayout(lower, 4)
        columns.addLayout(right, 20)
        self.body.addLayout(columns, 1)
        self.add_page_action("Import file", "file-import-outline", self.choose_import)
        self.add_page_action("Apply site file", "file-cog-outline", self.choose_site_file)

    # -------------------------------------------------------- building

    def _list_panel(self) -> Panel:
        self.list_panel = Panel("Links and meters")
        self.list: Table[ListRow] = Table(
            [
                Column("Link, meter", self._name_cell, stretch=4),
                Column("Unit", self._cell("unit"), width=44, number=True),
                Column("Model", self._cell("model"), width=78),
                Column("State", self._state_cell, width=86),
                Column("Age", self._cell("age"), width=56, number=True),
                Column(
                    "ms",
                    self._cell("round_trip"),
                    width=40,
                    number=True,
                    tooltip="Round trip; for a link, the share of its time that it is busy",
                ),
                Column(
                    "Err. %",
                    self._error_cell,
                    width=54,
                    number=True,
                    tooltip="Polls without a reading since the program began to ask",
                ),
                Column(
                    "Skipped",
                    self._cell("skipped"),
                    width=68,
                    number=True,
                    tooltip="Polls left out because the one before was not finished",
                ),
            ],
            key=lambda r: r.key,
            name="Links and meters",
        )
        self.list.chosen.connect(self._on_chosen)
        self.list.opened.connect(self._on_opened)
        self.list_panel.set_content(self.list)
        row = QHBoxLayout()
        self.add_button = button("Add meter", self.add_meter, icon="plus")
        row.addWidget(self.add_button)
        row.addStretch(1)
        self.list_panel.set_content(row)
        return self.list_panel

    def _registers_panel(self) -> Panel:
        self.registers_panel = Panel("Registers")
        self.registers: Table[RegisterRow] = Table(
            [
                Column("Wire", lambda r: Cell(f"0x{r.view.address:04X}", mono=True), width=58),
                Column("Manual", lambda r: Cell(r.view.manual_number, mono=True), width=64),
                Column(
                    "Fn",
                    lambda r: f"{r.view.function:02d}",
                    width=34,
                    tooltip="Modbus function: 03 holding, 04 input registers",
                ),
                Column("Format", lambda r: words.format_text(r.view), width=98),
                Column("Scale", lambda r: f"{r.view.scale:g}", width=50, number=True),
                Column("Reads as", lambda r: quantity(r.view.quantity).label, stretch=2),
                Column("Value", self._value_cell, width=86, number=True),
            ],
            key=lambda r: r.view.quantity,
            name="Registers",
        )
        self.registers_panel.set_content(self.registers)
        return self.registers_panel

    def _facts_panel(self) -> Panel:
        self.facts_panel = Panel("Meter")
        self.facts = FactList()
        self.facts_panel.set_content(_scrolling(self.facts))
        row = QHBoxLayout()
        row.setSpacing(6)
        self.edit_button = button("Edit meter", self.edit_meter)
        self.retire_button = button("Stop polling", self.ask_retire)
        self.history_button = button("History", self._open_history, kind="link")
        for one in (self.edit_button, self.retire_button, self.history_button):
            one.setEnabled(False)
            row.addWidget(one)
        row.addStretch(1)
        self.facts_panel.set_content(row)
        return self.facts_panel

    def _driver_panel(self) -> Panel:
        self.driver_panel = Panel("Driver")
        self.open_folder_button = button("Open folder", self._open_folder, kind="link")
        self.open_folder_button.setVisible(self._meters.drivers_folder is not None)
        self.driver_panel.add_header_widget(self.open_folder_button)
        texts = QWidget()
        column = QVBoxLayout(texts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.driver_problems = paint.label("", "strong", wrap=True)
        self.driver_problems.hide()
        self.driver_text = paint.label("", wrap=True)
        self.driver_doubts = paint.label("", wrap=True)
        self.driver_folder = paint.label("", "caption", wrap=True)
        for one in (
            self.driver_problems,
            self.driver_doubts,
            self.driver_text,
            self.driver_folder,
        ):
            one.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(one)
        column.addStretch(1)
        self.driver_panel.set_content(_scrolling(texts))
        return self.driver_panel

    # -------------------------------------------------------- reading

    def on_shown(self) -> None:
        if self._feed is not None:
            self._feed.heartbeat.connect(self.refresh)
        self.refresh()

    def on_hidden(self) -> None:
        if self._feed is not None:
            self._feed.heartbeat.disconnect(self.refresh)

    def reload(self) -> None:
        self.load(self._read_page, self.show_page, panel=self.list_panel, title="Meters")

    def _read_page(self) -> MetersPage:
        return MetersPage(
            self._meters.listing(),
            self._meters.configuration(),
            self._meters.drivers(),
            self._meters.driver_errors(),
        )

    def refresh(self) -> None:
        """Newest states and values from memory; no job, no store."""
        page = self._page
        if page is None or not page.listing:
            return
        statuses = self._meters.statuses()
        listing = []
        for row in page.listing:
            status = statuses.get(row.meter.meter_id, row.status)
            last_ms = row.last_ms if status.last_read_ms is None else status.last_read_ms
            listing.append(replace(row, status=status, last_ms=last_ms))
        self._page = replace(page, listing=tuple(listing))
        self._show_list()
        self._show_live()

    def show_page(self, page: MetersPage) -> None:
        """List, answer and drivers; then the details of the chosen meter."""
        self._page = page
        if not page.listing:
            self._chosen = ""
            self.set_answer("No meters yet.")
            self.list_panel.show_empty(
                "No meters yet. Add the first one, apply a site file, or import readings.",
                icon="meter-electric-outline",
                buttons=[("Add meter", self.add_meter), ("Apply site file", self.choose_site_file)],
            )
            self.registers_panel.show_empty("The registers of the chosen meter stand here.")
            self.trouble.hide()
            self._enable(False)
            self._show_driver(None)
            return
        self.list_panel.show_body()
        self._show_list()
        wanted = self._chosen or self.navigation.subject.meter_id
        known = [r.listing.meter.meter_id for r in self.list.rows_model.rows if r.listing]
        self._chosen = wanted if wanted in known else known[0]
        self.list.choose(self._chosen)
        self._registers_of = ""  # the driver file may have been changed
        self._show_details()

    def _show_list(self) -> None:
        if self._page is None:
            return
        listing = self._page.listing
        self.list.show_rows(words.list_rows(self.formats, listing))
        links = {r.meter.link_id for r in listing if r.link is not None}
        self.list_panel.set_subtitle(
            f"{len(listing)} meter{'' if len(listing) == 1 else 's'}, "
            f"{len(links)} link{'' if len(links) == 1 else 's'}"
        )
        self.set_answer(words.answer(listing))

    def on_subject_changed(self, subject: Subject) -> None:
        if subject.meter_id and subject.meter_id != self._chosen:
            self.list.choose(subject.meter_id)

    def focus_filter(self) -> None:
        self.list.setFocus()

    def _on_chosen(self, row: object) -> None:
        if isinstance(row, ListRow) and row.listing is not None and row.key != self._chosen:
            self._chosen = row.key
            self.navigation.choose(meter_id=row.key)
            self._show_details()

    def _on_opened(self, row: object) -> None:
        if isinstance(row, ListRow) and row.listing is not None:
            self._open_history()

    def _listing(self) -> MeterListing | None:
        if self._page is None:
            return None
        rows = self._page.listing
        return next((r for r in rows if r.meter.meter_id == self._chosen), None)

    # -------------------------------------------------------- details

    def _show_details(self) -> None:
        listing = self._listing()
        self._enable(listing is not None)
        if listing is None:
            return
        self._show_driver(listing)
        self._show_live()
        meter = listing.meter
        if listing.driver is None:
            self._registers, self._stored, self._registers_of = (), None, ""
            why = "It is not polled: its readings come from files."
            if meter.driver_id:
                why = f"There is no driver {meter.driver_id}: choose another one in Edit meter."
            self.registers_panel.show_empty(
                why,
                icon="file-import-outline",
                buttons=[("Open History", self._open_history)],
            )
            return
        if self._registers_of == meter.meter_id:
            return
        meter_id, driver_id = meter.meter_id, listing.driver.driver_id
        stored = self._rings is None

        def read() -> tuple[str, tuple[RegisterView, ...], Snapshot | None]:
            latest = self._meters.latest(meter_id) if stored else None
            return meter_id, self._meters.registers(driver_id), latest

        self.load(read, lambda r: self.show_registers(*r), panel=self.registers_panel)

    def show_registers(
        self, meter_id: str, registers: tuple[RegisterView, ...], stored: Snapshot | None = None
    ) -> None:
        """The registers of the chosen meter; values follow from memory, else from `stored`."""
        if meter_id != self._chosen:
            return
        self._registers, self._registers_of, self._stored = registers, meter_id, stored
        self.registers_panel.show_body()
        self._show_values()

    def _show_live(self) -> None:
        """What changes by itself: title, trouble, facts, values."""
        listing = self._listing()
        if listing is None or self._page is None:
            return
        meter, status = listing.meter, listing.status
        where = "imported, not polled"
        if listing.link is not None:
            where = f"{listing.link.address}, unit {meter.unit_id}"
            if status.round_trip_ms is not None and status.state is LinkState.GOOD:
                where += f", answered in {self.formats.number(status.round_trip_ms)} ms"
        self.registers_panel.set_title(f"Registers of {meter.name}", where)
        wrong = words.trouble(self.formats, listing, self._page.listing)
        if wrong is not None:
            self.trouble.set_text(f"{meter.name}: {wrong[0][0].lower()}{wrong[0][1:]}", wrong[1])
        self.trouble.setVisible(wrong is not None)
        self._show_facts(listing)
        if self._registers_of == meter.meter_id:
            self._show_values()

    def _show_values(self) -> None:
        listing = self._listing()
        if listing is None:
            return
        latest = self._stored if self._rings is None else self._rings.last(self._chosen)
        if latest is None or self._is_old(listing, latest):
            rows = [RegisterRow(v, None) for v in self._registers]
        else:
            rows = [RegisterRow(v, latest.value(v.quantity)) for v in self._registers]
        self.registers.show_rows(rows, empty="The driver names no register.")

    def _is_old(self, listing: MeterListing, latest: Snapshot) -> bool:
        if listing.status.state in words.LOST:
            return True
        age_s = (self.formats.now_ms() - latest.read_at_ms) / 1000
        # The page is up to a heartbeat behind, and what is stored up to a commit of a second.
        return age_s > _STALE_PERIODS * listing.meter.poll_interval_s + 2

    def _show_facts(self, listing: MeterListing) -> None:
        meter, status, formats = listing.meter, listing.status, self.formats
        self.facts_panel.set_title(meter.name, meter.meter_id)
        facts = [
            ("State", words.state_text(formats, listing)),
            ("Last reading", formats.moment(listing.last_ms)),
        ]
        if words.is_polled(listing):
            facts += [
                ("Polled every", f"{meter.poll_interval_s:g} s"),
                (
                    "Polls, failed",
                    f"{formats.count(status.polls)}, {formats.count(status.failures)}",
                ),
                ("Skipped slots", formats.count(status.skipped_slots)),
            ]
        facts.append(("Role", meter.role.value + (", sign turned" if meter.invert else "")))
        if meter.driver_id:
            facts.append(("CT, VT ratio", f"{meter.ct_ratio:g}, {meter.vt_ratio:g}"))
            facts.append(("MID", "approved" if meter.mid_approved else "not marked as approved"))
        if meter.equipment:
            facts.append(("Feeds", meter.equipment))
        if meter.serial_number:
            facts.append(("Serial number", meter.serial_number))
        self.facts.show_facts(facts)

    def _show_driver(self, listing: MeterListing | None) -> None:
        page = self._page
        if page is None:
            return
        driver = None if listing is None else listing.driver
        if driver is None:
            self.driver_panel.set_title("Drivers", f"{len(page.drivers)} models")
            self.driver_text.setText("")
            self.driver_doubts.setText("")
        else:
            own = ", of this site" if driver.own else ""
            self.driver_panel.set_title("Driver", "")
            models = ", ".join(driver.models)
            self.driver_text.setText(
                f"{driver.driver_id}{own}: {driver.manufacturer} {models}. "
                f"Source: {driver.source.rstrip('.')}."
            )
            doubts = words.readable("; ".join(d.rstrip(".") for d in driver.doubts))
            self.driver_doubts.setText(f"In doubt: {doubts}." if doubts else "Nothing in doubt.")
        problems = words.driver_problems_text(page.driver_errors)
        self.driver_problems.setText(problems)
        self.driver_problems.setVisible(bool(problems))
        folder = self._meters.drivers_folder
        self.driver_folder.setText(
            "" if folder is None else f"Own drivers go into {folder}; they are seen at once."
        )

    def _enable(self, on: bool) -> None:
        for one in (self.edit_button, self.retire_button, self.history_button):
            one.setEnabled(on)

    # -------------------------------------------------------- cells

    def _name_cell(self, row: ListRow) -> Cell:
        if row.listing is None:
            return Cell(
                row.title, bold=True, ground="inset", spoken=f"{row.title}, {row.state} answer"
            )
        state = row.listing.status.state
        icon, token = words.ICONS[state]
        if not row.listing.meter.driver_id:
            icon, token = "file-import-outline", "text3"
        return Cell(
            row.title,
            bold=state in words.LOST,
            icon=icon,
            icon_token=token,
            spoken=f"{row.title}, {row.state}",
        )

    @staticmethod
    def _cell(name: str) -> Callable[[ListRow], Cell]:
        def make(row: ListRow) -> Cell:
            head = row.listing is None
            return Cell(
                str(getattr(row, name)),
                ground="inset" if head else "",
                token="text2" if head else "text",
            )

        return make

    def _state_cell(self, row: ListRow) -> Cell:
        if row.listing is None:
            return Cell(row.state, token="text2", ground="inset")
        return Cell(row.state, bold=row.listing.status.state in words.LOST)

    def _error_cell(self, row: ListRow) -> Cell:
        return replace(self._cell("errors")(row), bold=row.often_wrong)

    def _value_cell(self, row: RegisterRow) -> Cell:
        if row.value is None:
            return Cell("–", token="text3")
        if row.value != row.value:
            return Cell("not available", token="text3")
        return Cell(self.formats.quantity(row.view.quantity, row.value), bold=True)

    # -------------------------------------------------------- commands

    def try_now(self) -> None:
        """Ends the back-off of the chosen meter."""
        self.load(
            partial(self._meters.try_now, self._chosen),
            lambda _: self.refresh(),
            key="try",
            on_error=self._tell,
        )

    def add_meter(self) -> None:
        self._open_dialog(None)

    def edit_meter(self) -> None:
        listing = self._listing()
        if listing is not None:
            self._open_dialog(listing)

    def _open_dialog(self, listing: MeterListing | None) -> None:
        if self._page is None:
            return
        self.dialog = MeterDialog(
            self,
            self.context,
            self._meters,
            self._page.configuration,
            self._page.drivers,
            None if listing is None else listing.meter,
        )
        self.dialog.saved.connect(self._on_saved)
        self.dialog.open()

    def _on_saved(self, meter_id: str) -> None:
        self._chosen = meter_id
        self.navigation.choose(meter_id=meter_id)
        self.say(f"Saved {meter_id}.", "It is polled from now on.", 0)
        self.reload()

    def ask_retire(self) -> None:
        listing = self._listing()
        if listing is None:
            return
        meter = listing.meter
        self.question = Question(
            self,
            f"Stop polling {meter.name}?",
            "It leaves the list. Its readings and bills stay, and a meter added under the id "
            f"{meter.meter_id} continues them.",
            do="Stop polling",
            leave="Keep polling",
        )
        self.question.answered.connect(lambda yes: self.retire(meter.meter_id) if yes else None)
        self.question.open()

    def retire(self, meter_id: str) -> None:
        """Stops polling; what hangs on the meter is told as an error instead."""
        self.load(
            partial(self._meters.retire, meter_id),
            lambda _: self._on_retired(meter_id),
            key="retire",
            title=f"Stop polling {meter_id}",
            on_error=self._tell,
        )

    def _on_retired(self, meter_id: str) -> None:
        self.say(f"{meter_id} is polled no longer.", "Its readings stay.", 0)
        self.reload()

    def _open_history(self) -> None:
        self.navigation.go("history", meter_id=self._chosen)

    def _open_folder(self) -> None:
        folder = self._meters.drivers_folder
        if folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    # -------------------------------------------------------- files

    def choose_import(self) -> None:
        self._choose_file(
            "Import readings",
            ["Readings (*.csv *.csv.gz *.txt *.gz)", "All files (*)"],
            lambda paths: self.import_files(tuple(paths)),
            several=True,
        )

    def choose_site_file(self) -> None:
        self._choose_file(
            "Apply a site file", ["Site files (*.toml)"], lambda paths: self.apply_file(paths[0])
        )

    def _choose_file(
        self,
        title: str,
        filters: list[str],
        then: Callable[[list[Path]], object],
        *,
        several: bool = False,
    ) -> None:
        place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        dialog = QFileDialog(self, title, place)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        modes = QFileDialog.FileMode
        dialog.setFileMode(modes.ExistingFiles if several else modes.ExistingFile)
        dialog.setNameFilters(filters)
        dialog.filesSelected.connect(lambda chosen: then([Path(c) for c in chosen]))
        dialog.open()

    def import_files(self, files: tuple[Path, ...]) -> None:
        """Reads the files in a job that can be cancelled, then shows what came of each."""

        def work(progress: ProgressSink) -> tuple[ImportResult, ...]:
            return self._importing.run(files, progress=progress)

        self.load_long(
            work,
            self.show_imported,
            panel=self.list_panel,
            title="Import readings",
            on_error=self._tell,
        )

    def show_imported(self, results: tuple[ImportResult, ...]) -> None:
        self.say("Imported.", import_sentence(self.formats, results), 0)
        self.import_result = ImportResultDialog(self, self.formats, results)
        self.import_result.open()
        self.reload()

    def apply_file(self, path: Path) -> None:
        """The whole file or nothing; every mistake is shown with its line."""
        self.load(
            partial(self._site_file.apply, path),
            self.show_applied,
            key="apply",
            title=f"Apply {path.name}",
            on_error=self._tell,
        )

    def show_applied(self, changes: AppliedChanges) -> None:
        self.say("Site file applied.", words.applied_text(changes), 0)
        self.reload()

    def _tell(self, error: UserFacingError) -> None:
        lines = f"{error.what}\n{error.remedy}".strip().splitlines()
        text = "\n".join(lines[:_LINES_SHOWN])
        copy: tuple[Button, ...] = ()
        if len(lines) > _LINES_SHOWN:
            text += f"\nand {len(lines) - _LINES_SHOWN} more"
            copy = (("Copy all", lambda: QGuiApplication.clipboard().setText(str(error))),)
        self.say(error.where, text, 2, copy)

    def say(self, what: str, where: str, tone: int, more: tuple[Button, ...] = ()) -> None:
        """A notice above the page until it is closed or another one comes."""
        _clear(self.notice_box)
        notice = InlineNotice(
            what, where, tone=tone, buttons=[("Close", lambda: notice.hide()), *more]
        )
        self.notice_box.addWidget(notice)


def _clear(box: QVBoxLayout) -> None:
    while (item := box.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.deleteLater()


def _scrolling(content: QWidget) -> QScrollArea:
    """Content that may be longer than its panel; it grows downwards from the top."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 4, 0)
    column.addWidget(content)
    column.addStretch(1)
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QScrollArea.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(holder)
    holder.setAutoFillBackground(False)
    scroll.viewport().setAutoFillBackground(False)
    return scroll

"""Does each link work, and is this meter read right?

At the left every meter under its link, with its state, how fast it answers and how often it fails;
at the right the chosen one, register by register as its manual numbers them, with the value that
came of each. An error stands with its remedy beside the meter that has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt, QTimer
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo, RegisterView
from energy_desktop.domain.errors import DriverFileError, UserFacingError
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.snapshot import LinkState, Snapshot
from energy_desktop.services.importing import ImportResult, ImportService
from energy_desktop.services.meters import MeterListing, MeterService
from energy_desktop.services.site_file import SiteFileService
from energy_desktop.services.site_file.service import AppliedChanges
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.import_panel import ImportResultDialog, import_sentence
from energy_desktop.ui.views.meter_dialog import MeterDialog
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import FactList
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.question import Question
from energy_desktop.ui.widgets.table import Cell, Column, Table

REFRESH_MS = 2000
_LATE_PERIODS = 3
_ICONS = {
    LinkState.GOOD: ("check", "text2"),
    LinkState.LATE: ("clock-outline", "p2"),
    LinkState.LOST: ("lan-disconnect", "p2"),
    LinkState.MISCONFIGURED: ("alert-outline", "p2"),
    LinkState.WAITING: ("timer-sand", "text3"),
    LinkState.STOPPED: ("pause", "text3"),
}
_WORDS = {
    LinkState.GOOD: "answers",
    LinkState.LATE: "late",
    LinkState.LOST: "lost",
    LinkState.MISCONFIGURED: "set up wrongly",
    LinkState.WAITING: "waiting for its first answer",
    LinkState.STOPPED: "not polled",
}


@dataclass(frozen=True, slots=True)
class _ListRow:
    """A link (listing None) or a meter below it."""

    key: str
    title: str
    note: str
    listing: MeterListing | None


@dataclass(frozen=True, slots=True)
class _RegisterRow:
    view: RegisterView
    value: float | None


@dataclass(frozen=True, slots=True)
class MetersPage:
    """All that the page needs, read in one job."""

    listing: tuple[MeterListing, ...]
    configuration: Configuration
    drivers: tuple[DriverInfo, ...]
    driver_errors: tuple[DriverFileError, ...]


class MetersView(BaseView):
    """List, details, dialogs to add, change and retire, and the files that come in."""

    view_id = "meters"
    title = "Meters"

    def __init__(
        self,
        context: ViewContext,
        meters: MeterService,
        importing: ImportService,
        site_file: SiteFileService,
    ) -> None:
        super().__init__(context)
        self._meters = meters
        self._importing = importing
        self._site_file = site_file
        self._page: MetersPage | None = None
        self._chosen = ""
        self._registers: tuple[RegisterView, ...] = ()
        self._registers_of = ""
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        self.notice_box = QVBoxLayout()
        self.body.addLayout(self.notice_box)
        columns = QHBoxLayout()
        columns.setSpacing(8)
        columns.addWidget(self._list_panel(), 6)
        right = QVBoxLayout()
        right.setSpacing(8)
        self.trouble_box = QVBoxLayout()
        right.addLayout(self.trouble_box)
        right.addWidget(self._registers_panel(), 3)
        lower = QHBoxLayout()
        lower.setSpacing(8)
        lower.addWidget(self._facts_panel(), 1)
        lower.addWidget(self._drivers_panel(), 1)
        right.addLayout(lower, 2)
        columns.addLayout(right, 9)
        self.body.addLayout(columns, 1)
        self.add_page_action("Import readings", "file-import-outline", self.choose_import)
        self.add_page_action("Add meter", "plus", self.add_meter)

    # -------------------------------------------------------- building

    def _list_panel(self) -> Panel:
        self.list_panel = Panel("Links and meters")
        self.list: Table[_ListRow] = Table(
            [
                Column("Link, meter", self._name_cell, stretch=3),
                Column("Unit", self._unit_cell, width=44, number=True),
                Column("Model", self._model_cell, stretch=2),
                Column("ms", self._round_trip_cell, width=46, number=True),
                Column("Err. %", self._error_cell, width=54, number=True),
            ],
            key=lambda r: r.key,
            name="Links and meters",
        )
        self.list.chosen.connect(self._on_chosen)
        self.list.opened.connect(self._on_opened)
        self.list_panel.set_content(self.list)
        row = QHBoxLayout()
        row.addWidget(button("Add meter", self.add_meter, icon="plus"))
        row.addWidget(button("Apply site file", self.choose_site_file, icon="file-cog-outline"))
        row.addStretch(1)
        self.list_panel.set_content(row)
        return self.list_panel

    def _registers_panel(self) -> Panel:
        self.registers_panel = Panel("Registers")
        self.registers: Table[_RegisterRow] = Table(
            [
                Column("Wire", lambda r: Cell(f"0x{r.view.address:04X}", mono=True), width=66),
                Column("Manual", lambda r: Cell(r.view.manual_number, mono=True), width=66),
                Column("Function", lambda r: f"{r.view.function:02d}", width=72),
                Column("Format", lambda r: r.view.value_format, width=70),
                Column("Order", lambda r: Cell(r.view.word_order, mono=True), width=60),
                Column("Reads as", lambda r: quantity(r.view.quantity).label, stretch=2),
                Column("Value", self._value_cell, width=120, number=True),
            ],
            key=lambda r: r.view.quantity,
            name="Registers",
        )
        self.registers_panel.set_content(self.registers)
        return self.registers_panel

    def _facts_panel(self) -> Panel:
        self.facts_panel = Panel("Meter")
        self.facts = FactList()
        self.facts_panel.set_content(self.facts)
        self.facts_panel.body.addStretch(1)
        row = QHBoxLayout()
        self.edit_button = button("Change", self.edit_meter, icon="pencil-outline")
        self.retire_button = button("Retire", self.ask_retire, icon="archive-outline")
        self.history_button = button("History", self._open_history, icon="calendar-clock")
        for one in (self.edit_button, self.retire_button, self.history_button):
            one.setEnabled(False)
            row.addWidget(one)
        row.addStretch(1)
        self.facts_panel.set_content(row)
        return self.facts_panel

    def _drivers_panel(self) -> Panel:
        self.drivers_panel = Panel("Drivers")
        self.drivers_text = paint.label("", wrap=True)
        self.drivers_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.drivers_panel.set_content(self.drivers_text)
        self.driver_problems = paint.label("", wrap=True)
        self.drivers_panel.set_content(self.driver_problems)
        self.drivers_panel.body.addStretch(1)
        return self.drivers_panel

    # -------------------------------------------------------- reading

    def on_shown(self) -> None:
        self._timer.start()

    def on_hidden(self) -> None:
        self._timer.stop()

    def reload(self) -> None:
        self.load(self._read_page, self.show_page, panel=self.list_panel, title="Meters")

    def _refresh(self) -> None:
        """States every two seconds; an error stays where `reload` told it."""
        self.load(self._read_page, self.show_page, key="refresh", on_error=lambda _: None)

    def _read_page(self) -> MetersPage:
        return MetersPage(
            self._meters.listing(),
            self._meters.configuration(),
            self._meters.drivers(),
            self._meters.driver_errors(),
        )

    def show_page(self, page: MetersPage) -> None:
        """List, answer and drivers; then the details of the chosen meter."""
        self._page = page
        self._show_drivers(page)
        if not page.listing:
            self.set_answer("No meters yet.")
            self.list_panel.show_empty(
                "No meters yet. Add the first one, apply a site file, or import readings.",
                icon="meter-electric-outline",
                buttons=[("Add meter", self.add_meter), ("Apply site file", self.choose_site_file)],
            )
            self.registers_panel.show_empty("The registers of the chosen meter stand here.")
            return
        self.list_panel.show_body()
        rows = _rows(page)
        self.list.show_rows(rows)
        links = {r.meter.link_id for r in page.listing if r.link is not None}
        self.list_panel.set_subtitle(
            f"{_count(len(page.listing), 'meter')}, {_count(len(links), 'link')}"
        )
        self.set_answer(_answer(page))
        wanted = self._chosen or self.navigation.subject.meter_id
        known = {r.meter.meter_id for r in page.listing}
        if wanted not in known:
            wanted = next((r.listing.meter.meter_id for r in rows if r.listing), "")
        if wanted != self._chosen or self.list.chosen_row() is None:
            self._chosen = wanted
            self.list.choose(wanted)
        self._show_details()

    def on_subject_changed(self, subject: Subject) -> None:
        if subject.meter_id and subject.meter_id != self._chosen:
            self.list.choose(subject.meter_id)

    def _on_chosen(self, row: _ListRow | None) -> None:
        if row is None or row.listing is None or row.key == self._chosen:
            return
        self._chosen = row.key
        self.navigation.choose(meter_id=row.key)
        self._show_details()

    def _listing(self) -> MeterListing | None:
        if self._page is None:
            return None
        rows = self._page.listing
        return next((r for r in rows if r.meter.meter_id == self._chosen), None)

    # -------------------------------------------------------- details

    def _show_details(self) -> None:
        listing = self._listing()
        for one in (self.edit_button, self.retire_button, self.history_button):
            one.setEnabled(listing is not None)
        if listing is None:
            return
        self._show_trouble(listing)
        self._show_facts(listing)
        if listing.driver is None:
            self.registers_panel.set_title(listing.meter.name, "imported, not polled")
            self.registers_panel.show_empty(
                "It is not polled: its readings come from files.",
                icon="file-import-outline",
                buttons=[("Open History", self._open_history)],
            )
            return
        link = listing.link
        where = "" if link is None else f"{link.address}, unit {listing.meter.unit_id}"
        trip = listing.status.round_trip_ms
        answered = "" if trip is None else f", answered in {self.formats.number(trip)} ms"
        self.registers_panel.set_title(f"Registers of {listing.meter.name}", where + answered)
        meter_id, driver_id = listing.meter.meter_id, listing.driver.driver_id

        def read() -> tuple[str, tuple[RegisterView, ...], Snapshot | None]:
            return meter_id, self._meters.registers(driver_id), self._meters.latest(meter_id)

        self.load(read, lambda r: self.show_registers(*r), key="registers", on_error=self._fail)

    def show_registers(
        self, meter_id: str, registers: tuple[RegisterView, ...], latest: Snapshot | None
    ) -> None:
        """Each register with the value that came of it; a lost meter shows none."""
        if meter_id != self._chosen:
            return
        listing = self._listing()
        live = listing is not None and not self._is_old(listing)
        self.registers_panel.show_body()
        self.registers.show_rows(
            [
                _RegisterRow(v, latest.value(v.quantity) if latest is not None and live else None)
                for v in registers
            ]
        )

    def _fail(self, error: UserFacingError) -> None:
        self.registers_panel.show_error(error, retry=self._show_details)

    def _is_old(self, listing: MeterListing) -> bool:
        if listing.last_ms is None:
            return True
        age_s = (self.formats.now_ms() - listing.last_ms) / 1000
        # A stored reading is up to a commit of a second and a refresh old when it is looked at.
        return age_s > _LATE_PERIODS * listing.meter.poll_interval_s + 3

    def _show_trouble(self, listing: MeterListing) -> None:
        status = listing.status
        _clear(self.trouble_box)
        if status.state not in (LinkState.LOST, LinkState.MISCONFIGURED, LinkState.LATE):
            return
        if not status.last_error:
            return
        since = status.lost_since_ms
        what = "It answers late"
        if status.state is LinkState.MISCONFIGURED:
            what = "It refuses what it is asked"
        elif status.state is LinkState.LOST:
            what = "No answer"
            if since is not None:
                age = (self.formats.now_ms() - since) / 1000
                what += f" for {self.formats.exact_duration(age)}"
        self.trouble_box.addWidget(
            InlineNotice(
                what,
                f"{status.last_error} {status.remedy}".strip(),
                tone=2,
                icon="lan-disconnect",
                buttons=[("Try now", self.try_now)],
            )
        )

    def _show_facts(self, listing: MeterListing) -> None:
        meter, status, formats = listing.meter, listing.status, self.formats
        self.facts_panel.set_title(meter.name, meter.meter_id)
        state = _WORDS[status.state] if meter.driver_id else "imported"
        if status.state is LinkState.STOPPED and meter.driver_id and not meter.enabled:
            state = "retired"
        facts = [("State", state), ("Last reading", formats.moment(listing.last_ms))]
        if meter.driver_id:
            facts += [
                ("Polled every", formats.duration(meter.poll_interval_s)),
                ("Asked, failed", f"{formats.count(status.polls)}, {status.failures}"),
                ("Skipped slots", formats.count(status.skipped_slots)),
            ]
            if status.next_try_ms is not None and status.state is LinkState.LOST:
                facts.append(("Next try", formats.clock_time(status.next_try_ms, seconds=True)))
            if meter.ct_ratio != 1.0 or meter.vt_ratio != 1.0:
                facts.append(("CT, VT ratio", f"{meter.ct_ratio:g}, {meter.vt_ratio:g}"))
            facts.append(("MID", "approved" if meter.mid_approved else "not marked as approved"))
        self.facts.show_facts(facts)

    def _show_drivers(self, page: MetersPage) -> None:
        own = [d for d in page.drivers if d.own]
        self.drivers_panel.set_subtitle(f"{len(page.drivers)} models, {len(own)} of this site")
        folder = self._meters.drivers_folder
        self.drivers_text.setText(
            ""
            if folder is None
            else f"A model of your own: put its TOML file into {folder}; no restart is needed."
        )
        self.driver_problems.setText("\n".join(str(e) for e in page.driver_errors[:4]))
        self.driver_problems.setVisible(bool(page.driver_errors))

    # -------------------------------------------------------- cells

    def _name_cell(self, row: _ListRow) -> Cell:
        if row.listing is None:
            return Cell(row.title, bold=True, ground="inset")
        icon, token = _ICONS[row.listing.status.state]
        word = _WORDS[row.listing.status.state]
        if not row.listing.meter.driver_id:
            icon, token, word = "file-import-outline", "text3", "imported"
        wrong = row.listing.status.state in (LinkState.LOST, LinkState.MISCONFIGURED)
        return Cell(
            row.title,
            bold=wrong,
            icon=icon,
            icon_token=token,
            spoken=f"{row.title}, {word}",
        )

    def _unit_cell(self, row: _ListRow) -> Cell:
        if row.listing is None:
            return Cell(ground="inset")
        return Cell(str(row.listing.meter.unit_id) if row.listing.link else "")

    def _model_cell(self, row: _ListRow) -> Cell:
        if row.listing is None:
            return Cell(row.note, token="text2", ground="inset")
        driver = row.listing.driver
        if driver is None:
            return Cell("imported" if not row.listing.meter.driver_id else "no driver")
        return Cell(driver.models[0] if driver.models else driver.driver_id)

    def _round_trip_cell(self, row: _ListRow) -> Cell:
        if row.listing is None:
            return Cell(ground="inset")
        trip = row.listing.status.round_trip_ms
        lost = row.listing.status.state is LinkState.LOST
        return Cell("–" if trip is None or lost else self.formats.number(trip))

    def _error_cell(self, row: _ListRow) -> Cell:
        if row.listing is None:
            return Cell(ground="inset")
        status = row.listing.status
        if not status.polls:
            return Cell("–")
        share = 100 * status.failures / status.polls
        return Cell(self.formats.number(share, 1), bold=share >= 5)

    def _value_cell(self, row: _RegisterRow) -> Cell:
        if row.value is None:
            return Cell("–")
        if row.value != row.value:
            return Cell("not available", token="text3")
        return Cell(self.formats.quantity(row.view.quantity, row.value), bold=True)

    # -------------------------------------------------------- commands

    def try_now(self) -> None:
        self.load(
            partial(self._meters.try_now, self._chosen),
            lambda _: self._refresh(),
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
        self.say("Saved; it is polled from now on.", meter_id, 0)
        self.reload()

    def ask_retire(self) -> None:
        listing = self._listing()
        if listing is None:
            return
        question = Question(
            self,
            f"Retire {listing.meter.name}?",
            "It is polled no longer. Its readings and bills stay.",
            do="Retire meter",
            leave="Keep polling",
        )
        meter_id = listing.meter.meter_id
        question.answered.connect(lambda yes: self.retire(meter_id) if yes else None)
        question.open()

    def retire(self, meter_id: str) -> None:
        self.load(
            partial(self._meters.retire, meter_id),
            lambda _: self.reload(),
            key="retire",
            on_error=self._tell,
        )

    def _on_opened(self, row: _ListRow) -> None:
        if row.listing is not None:
            self._open_history()

    def _open_history(self) -> None:
        self.navigation.go("history", meter_id=self._chosen)

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
        words = [
            f"{n} {what} {table}"
            for what, counts in (("new", changes.added), ("changed", changes.changed))
            for table, n in counts.items()
            if n
        ]
        self.say("Site file applied.", ", ".join(words) or "All was so already.", 0)
        self.reload()

    def _tell(self, error: UserFacingError) -> None:
        self.say(error.where, f"{error.what}\n{error.remedy}".strip(), 2)

    def say(self, what: str, where: str, tone: int) -> None:
        """A notice above the page until it is closed or another one comes."""
        _clear(self.notice_box)
        notice = InlineNotice(what, where, tone=tone, buttons=[("Close", lambda: notice.hide())])
        self.notice_box.addWidget(notice)


def _clear(box: QVBoxLayout) -> None:
    while (item := box.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.deleteLater()


def _rows(page: MetersPage) -> list[_ListRow]:
    """Each link with its meters below it; what is not polled last."""
    rows: list[_ListRow] = []
    for link in page.configuration.links:
        below = [r for r in page.listing if r.link is not None and r.meter.link_id == link.link_id]
        if not below:
            continue
        good = sum(r.status.state is LinkState.GOOD for r in below)
        rows.append(_ListRow(f"link {link.link_id}", link.address, f"{good} of {len(below)}", None))
        rows += [_ListRow(r.meter.meter_id, r.meter.name, "", r) for r in below]
    rest = [r for r in page.listing if r.link is None]
    if rest:
        rows.append(_ListRow("link", "Not polled", f"{len(rest)}", None))
        rows += [_ListRow(r.meter.meter_id, r.meter.name, "", r) for r in rest]
    return rows


def _answer(page: MetersPage) -> str:
    polled = [r for r in page.listing if r.meter.driver_id and r.meter.enabled]
    if not polled:
        return f"{_count(len(page.listing), 'meter')}, none of them polled."
    if all(r.status.state is LinkState.STOPPED for r in polled):
        return "Nothing is polled by this program right now."
    good = sum(r.status.state is LinkState.GOOD for r in polled)
    wrong = [r for r in polled if r.status.state in (LinkState.LOST, LinkState.MISCONFIGURED)]
    if not wrong:
        return f"{good} of {len(polled)} polled meters answer."
    names = ", ".join(r.meter.name for r in wrong[:2])
    more = f" and {len(wrong) - 2} more" if len(wrong) > 2 else ""
    return f"{good} of {len(polled)} answer; look at {names}{more}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""The commissioning desk: does each bus work, and is this meter read right?

At the left every bus with its meters: how full it is, how they answer, how often they fail. At the
right the chosen one: on the wire (registers in every word order, frames, plausibility) or as its
driver reads it (values, facts, driver). An error stands with its remedy beside the meter.

States and values are taken from memory once a second while the page is seen; the store is read
only when the page is loaded, and the wire only in jobs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout

from energy_desktop.domain.bus import BusStatistics
from energy_desktop.domain.commissioning import ScanHit
from energy_desktop.domain.driver import RegisterView
from energy_desktop.domain.ports import Rings
from energy_desktop.domain.snapshot import Snapshot
from energy_desktop.services.importing import ImportService
from energy_desktop.services.meters import MeterListing, MeterService
from energy_desktop.services.site_file import SiteFileService
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.desk.bus_panel import BusActions, BusPanel
from energy_desktop.ui.views.desk.bus_rows import bus_rows
from energy_desktop.ui.views.desk.deeds import Deeds
from energy_desktop.ui.views.desk.details import MeterDetails
from energy_desktop.ui.views.desk.files import FileImports
from energy_desktop.ui.views.desk.notices import Notices
from energy_desktop.ui.views.desk.page import DeskServices, Look, MetersPage
from energy_desktop.ui.views.desk.wire_page import WirePage
from energy_desktop.ui.widgets.panel import InlineNotice, button
from energy_desktop.ui.widgets.segmented import Segmented

_WIRE, _VALUES = "wire", "values"


class MetersView(BaseView):
    """Buses, the chosen meter, and the dialogs to find, add, change and stop meters."""

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
        services: DeskServices | None = None,
    ) -> None:
        """rings, feed None: no engine runs here; values are then those last stored."""
        super().__init__(context)
        self._meters = meters
        self._rings = rings
        self._feed = feed
        self._services = services or DeskServices()
        self._page: MetersPage | None = None
        self._statistics: tuple[BusStatistics, ...] = ()
        self._chosen = ""  # a meter
        self._bus = ""  # the link of a bus that was chosen instead
        self._is_visiting = False  # a unit is looked at that is no meter of the site
        self._registers: tuple[RegisterView, ...] = ()
        self._stored: Snapshot | None = None
        self._registers_of = ""
        self.notices = Notices()
        self.body.addLayout(self.notices)
        self.files = FileImports(
            self,
            importing,
            site_file,
            self._services.lists,
            self.notices,
        )
        self.wire = WirePage(self, self._services.desk)
        self.deeds = Deeds(
            self,
            meters,
            self._services,
            self.notices,
            look=self._look,
            on_changed=self._on_changed,
            on_inspect=self.inspect_hit,
            progress_panel=self.wire.plausibility,
        )
        self.list_panel = BusPanel(
            BusActions(self.deeds.scan, self.deeds.add_meter, self.files.actions)
        )
        self.list = self.list_panel.table
        self.list_panel.scan_button.setVisible(self._services.desk is not None)
        self.list_panel.meter_chosen.connect(self._on_meter_chosen)
        self.list_panel.bus_chosen.connect(self._on_bus_chosen)
        self.list_panel.opened.connect(lambda _: self._open_history())
        columns = QHBoxLayout()
        columns.setSpacing(8)
        columns.addWidget(self.list_panel, 12)
        columns.addLayout(self._right_side(), 21)
        self.body.addLayout(columns, 1)
        if self._services.drivers is not None:
            self.add_page_action("Drivers", "file-code-outline", self.deeds.open_editor)
        if self._services.desk is not None:
            self.add_page_action("Commissioning record", "file-pdf-box", self.print_pdf)

    def _right_side(self) -> QVBoxLayout:
        right = QVBoxLayout()
        right.setSpacing(8)
        self.trouble = InlineNotice(
            "", "", tone=2, icon="lan-disconnect", buttons=[("Try now", self.try_now)]
        )
        self.trouble.hide()
        right.addWidget(self.trouble)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.side = Segmented(((_WIRE, "On the wire"), (_VALUES, "Values and driver")), name="Show")
        self.side.changed.connect(self.show_side)
        row.addWidget(self.side)
        row.addStretch(1)
        self.edit_button = button("Edit meter", self.deeds.edit_meter, icon="pencil-outline")
        self.retire_button = button("Stop polling", self.deeds.ask_retire)
        self.history_button = button("History", self._open_history, kind="link")
        self.exchange_button = button("Meter exchange", self._open_exchange, kind="link")
        row.addWidget(self.exchange_button)
        for one in (self.history_button, self.edit_button, self.retire_button):
            one.setEnabled(False)
            row.addWidget(one)
        right.addLayout(row)
        self.wire.line_wanted.connect(self.deeds.take_line)
        self.wire.order_wanted.connect(self.deeds.take_order)
        self.wire.statistics_changed.connect(self.show_statistics)
        self.details = MeterDetails(self.formats, self._meters.drivers_folder)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.wire)
        self.pages.addWidget(self.details)
        right.addWidget(self.pages, 1)
        if self._services.desk is None:
            self.show_side(_VALUES)
        return right

    # -------------------------------------------------------- reading

    def on_shown(self) -> None:
        if self._feed is not None:
            self._feed.heartbeat.connect(self.refresh)
        self.wire.start()
        self.refresh()

    def on_hidden(self) -> None:
        if self._feed is not None:
            self._feed.heartbeat.disconnect(self.refresh)
        self.wire.stop()

    def reload(self) -> None:
        self.load(self._read_page, self.show_page, panel=self.list_panel, title="Meters")

    def _read_page(self) -> MetersPage:
        desk = self._services.desk
        return MetersPage(
            self._meters.listing(),
            self._meters.configuration(),
            self._meters.drivers(),
            self._meters.driver_errors(),
            () if desk is None else tuple(desk.serial_ports()),
        )

    def refresh(self) -> None:
        """Newest states and values from memory; no job but that of the bus statistics."""
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
        self.wire.beat(self._listing())

    def show_page(self, page: MetersPage) -> None:
        """List, answer and drivers; then the details of the chosen meter."""
        self._page = page
        if not page.listing:
            self._chosen = ""
            self.set_answer("No meters yet.")
            scan = [("Scan a bus", self.deeds.scan)] if self._services.desk is not None else []
            self.list_panel.show_empty(
                "No meters yet. Add the first one, scan a bus, or import a list or readings.",
                icon="meter-electric-outline",
                buttons=[
                    ("Add meter", self.deeds.add_meter),
                    *scan,
                    ("Import", self.list_panel.open_import_menu),
                ],
            )
            self.details.registers_panel.show_empty("The values of the chosen meter stand here.")
            self.trouble.hide()
            self._enable(False)
            self.details.show_driver(None, page.drivers, page.driver_errors)
            return
        self.list_panel.show_body()
        self._show_list()
        self._registers_of = ""  # the driver file may have been changed
        wanted = self._chosen or ("" if self._bus else self.navigation.subject.meter_id)
        known = [r.meter.meter_id for r in page.listing]
        if self._is_visiting or (self._bus and self.list.choose(f"link {self._bus}")):
            return
        self._bus = ""
        first = next(r.key for r in self.list.rows_model.rows if r.listing is not None)
        self._chosen = wanted if wanted in known else first
        self.list.choose(self._chosen)
        self._show_details()

    def _show_list(self) -> None:
        page = self._page
        if page is None:
            return
        self.list_panel.show_buses(
            bus_rows(self.formats, page.configuration, page.listing, self._statistics)
        )
        self.set_answer(words.answer(page.listing))

    def show_statistics(self, statistics: tuple[BusStatistics, ...]) -> None:
        if statistics != self._statistics:
            self._statistics = statistics
            self._show_list()

    # -------------------------------------------------------- choosing

    def on_subject_changed(self, subject: Subject) -> None:
        if subject.meter_id and subject.meter_id != self._chosen:
            self.list.choose(subject.meter_id)

    def focus_filter(self) -> None:
        self.list.setFocus()

    def show_side(self, side: str) -> None:
        self.side.set_value(side)
        self.pages.setCurrentIndex(0 if side == _WIRE else 1)

    def _on_meter_chosen(self, meter_id: str) -> None:
        if meter_id != self._chosen:
            self._chosen, self._bus, self._is_visiting = meter_id, "", False
            self.navigation.choose(meter_id=meter_id)
            self._show_details()

    def _on_bus_chosen(self, link_id: str) -> None:
        link = None if self._page is None else self._page.configuration.link(link_id)
        if link is None:
            return
        self._chosen, self._bus, self._registers_of = "", link_id, ""
        self._is_visiting = False
        self._enable(False)
        self.trouble.hide()
        self.wire.show_bus(link)
        self.details.registers_panel.show_empty("Choose a meter of this bus.")

    def _listing(self) -> MeterListing | None:
        if self._page is None:
            return None
        rows = self._page.listing
        return next((r for r in rows if r.meter.meter_id == self._chosen), None)

    # -------------------------------------------------------- details

    def _show_details(self) -> None:
        listing, page = self._listing(), self._page
        self._enable(listing is not None)
        if listing is None or page is None:
            return
        self.details.show_driver(listing, page.drivers, page.driver_errors)
        self._show_live()
        meter = listing.meter
        if listing.driver is None:
            self._registers, self._stored, self._registers_of = (), None, ""
            why = "It is not polled: its readings come from files."
            if meter.driver_id:
                why = f"There is no driver {meter.driver_id}: choose another one in Edit meter."
            self.details.registers_panel.show_empty(
                why,
                icon="file-import-outline",
                buttons=[("Open History", self._open_history)],
            )
            self.wire.show_meter(listing, ())
            return
        if self._registers_of == meter.meter_id:
            return
        meter_id, driver_id = meter.meter_id, listing.driver.driver_id
        stored = self._rings is None

        def read() -> tuple[str, tuple[RegisterView, ...], Snapshot | None]:
            latest = self._meters.latest(meter_id) if stored else None
            return meter_id, self._meters.registers(driver_id), latest

        self.load(read, lambda r: self.show_registers(*r), panel=self.details.registers_panel)

    def show_registers(
        self, meter_id: str, registers: tuple[RegisterView, ...], stored: Snapshot | None = None
    ) -> None:
        """The registers of the chosen meter; values follow from memory, else from `stored`."""
        listing = self._listing()
        if meter_id != self._chosen or listing is None:
            return
        self._registers, self._registers_of, self._stored = registers, meter_id, stored
        self.wire.show_meter(listing, registers)
        self._show_values(listing)

    def _show_live(self) -> None:
        """What changes by itself: title, trouble, facts, values."""
        listing = self._listing()
        if listing is None or self._page is None:
            return
        self.details.show_title(listing)
        meter = listing.meter
        wrong = words.trouble(self.formats, listing, self._page.listing)
        if wrong is not None:
            self.trouble.set_text(f"{meter.name}: {wrong[0][0].lower()}{wrong[0][1:]}", wrong[1])
        self.trouble.setVisible(wrong is not None)
        self.details.show_facts(listing)
        if self._registers_of == meter.meter_id:
            self._show_values(listing)

    def _show_values(self, listing: MeterListing) -> None:
        latest = self._stored if self._rings is None else self._rings.last(self._chosen)
        self.details.show_values(listing, self._registers, latest)

    def _enable(self, on: bool) -> None:
        for one in (
            self.edit_button,
            self.retire_button,
            self.history_button,
            self.exchange_button,
        ):
            one.setEnabled(on)

    # -------------------------------------------------------- commands

    def _look(self) -> Look:
        return Look(self._page, self._listing(), self._bus, self.wire.unit)

    def inspect_hit(self, hit: ScanHit) -> None:
        """A unit that a scan found: its registers, though it is no meter of the site yet."""
        self._chosen, self._bus, self._is_visiting = "", hit.link.link_id, True
        self.list.clearSelection()
        self._enable(False)
        self.trouble.hide()
        self.show_side(_WIRE)
        self.wire.show_unit(hit.link, hit.unit_id)
        self.details.registers_panel.show_empty("It is no meter of the site yet: add it first.")

    def _on_changed(self, meter_id: str) -> None:
        if meter_id:
            self._chosen, self._bus, self._is_visiting = meter_id, "", False
            self.navigation.choose(meter_id=meter_id)
        self.reload_changed()  # the past may have been counted anew

    def try_now(self) -> None:
        """Ends the back-off of the chosen meter."""
        self.load(
            partial(self._meters.try_now, self._chosen),
            lambda _: self.refresh(),
            key="try",
            on_error=self.notices.tell,
        )

    def print_pdf(self) -> None:
        self.deeds.print_pdf()

    def _open_history(self) -> None:
        self.navigation.go("history", meter_id=self._chosen)

    def _open_exchange(self) -> None:
        """The exchange is entered where its effect on the energy is seen."""
        self.navigation.go("quality", meter_id=self._chosen, item_id="exchange")

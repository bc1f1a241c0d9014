"""What the buttons of the desk do: dialogs that find, add, change and stop meters, and drivers.

Nothing here waits; what a command brought is told in the notices of the page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QWidget

from energy_desktop.domain.commissioning import InspectedRegister, Reading, ScanHit
from energy_desktop.services.meters import MeterListing, MeterService
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.choose_file import choose_target, write_file
from energy_desktop.ui.views.desk.driver_editor import DriverEditor
from energy_desktop.ui.views.desk.meter_dialog import MeterDialog
from energy_desktop.ui.views.desk.notices import Notices
from energy_desktop.ui.views.desk.page import DeskServices, Look
from energy_desktop.ui.views.desk.scan_dialog import ScanDialog
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.question import Question


class Deeds:
    """view: runs the jobs and is the parent of the dialogs."""

    def __init__(
        self,
        view: BaseView,
        meters: MeterService,
        services: DeskServices,
        notices: Notices,
        *,
        look: Callable[[], Look],
        on_changed: Callable[[str], object],
        on_inspect: Callable[[ScanHit], object],
        progress_panel: Panel,
    ) -> None:
        """on_changed: called with the meter that was saved, or with "" when one left.

        on_inspect: shows the registers of a unit that a scan found.
        """
        self._view = view
        self._meters = meters
        self._services = services
        self._notices = notices
        self._look = look
        self._on_changed = on_changed
        self._on_inspect = on_inspect
        self._saved_driver = ""
        self._progress_panel = progress_panel
        self.editor: DriverEditor | None = None

    def add_meter(self) -> None:
        """On the bus or unit that is looked at, with the driver that was saved last, if any."""
        unit = self._look().unit
        dialog = self._open_dialog(None)
        if dialog is not None and unit is not None:
            dialog.take_hit(unit[0], unit[1], self._saved_driver)

    def edit_meter(self) -> None:
        listing = self._look().listing
        if listing is not None:
            self._open_dialog(listing)

    def _open_dialog(
        self, listing: MeterListing | None, parent: QWidget | None = None
    ) -> MeterDialog | None:
        page = self._look().page
        if page is None:
            return None
        self.dialog = MeterDialog(
            parent or self._view,
            self._view.context,
            self._meters,
            page.configuration,
            page.drivers,
            None if listing is None else listing.meter,
            ports=page.ports,
            passwords=self._services.passwords,
        )
        self.dialog.saved.connect(self._on_saved)
        self.dialog.open()
        return self.dialog

    def _on_saved(self, meter_id: str) -> None:
        self._notices.say(f"Saved {meter_id}.", "It is polled from now on.", 0)
        self._on_changed(meter_id)

    def scan(self) -> None:
        page, desk = self._look().page, self._services.desk
        if page is None or desk is None:
            return
        self.scanner = ScanDialog(
            self._view, self._view.context, desk, page.configuration, page.ports
        )
        self.scanner.add_wanted.connect(self.add_hit)
        self.scanner.inspect_wanted.connect(self._on_inspect)
        self.scanner.open()

    def add_hit(self, hit: ScanHit) -> None:
        """A unit that the scan found, in the dialog that adds a meter."""
        dialog = self._open_dialog(None, self.scanner)
        if dialog is None:
            return
        best = hit.fits[0] if hit.fits else None
        if best is not None and best.word_order:
            dialog.take_hit(hit.link, hit.unit_id, "")
            dialog.tell_turned(best.driver_id, best.word_order)
        else:
            dialog.take_hit(hit.link, hit.unit_id, "" if best is None else best.driver_id)

    def open_editor(self) -> DriverEditor | None:
        """The drivers as text, in a window that stays open beside the page."""
        page, drivers = self._look().page, self._services.drivers
        if page is None or drivers is None:
            return None
        if self.editor is None:
            self.editor = DriverEditor(self._view, self._view.context, drivers, self._services.desk)
            self.editor.saved.connect(self._on_driver_saved)
        listing, unit = self._look().listing, self._look().unit
        self.editor.show_site(page.drivers, page.configuration)
        if unit is not None:
            self.editor.offer_unit(*unit)
        if listing is not None:
            self.editor.choose_meter(listing.meter.meter_id)
            if listing.meter.driver_id and not self.editor.isVisible():
                self.editor.open_driver(listing.meter.driver_id)
        self.editor.show()
        self.editor.raise_()
        self.editor.activateWindow()
        return self.editor

    def _on_driver_saved(self, driver_id: str) -> None:
        self._saved_driver = driver_id
        what_next = "Choose it in Edit meter."
        if self._look().unit is not None:
            what_next = "Add meter proposes it for the unit that you look at."
        self._notices.say(f"Saved the driver {driver_id}.", what_next, 0)
        self._view.reload_changed()  # the past may have been counted anew

    def take_line(self, row: InspectedRegister, reading: Reading) -> None:
        """A reading that was clicked becomes a line of the driver in the editor."""
        editor = self.open_editor()
        if editor is not None:
            editor.take_reading(row, reading)

    def take_order(self, function: int, value_format: str, word_order: str) -> None:
        """The proved order becomes that of the driver in the editor."""
        editor = self.open_editor()
        if editor is not None:
            editor.take_order(function, value_format, word_order)

    def print_pdf(self) -> None:
        """The commissioning record of the chosen meter as PDF."""
        desk, listing = self._services.desk, self._look().listing
        if desk is None or listing is None:
            self._notices.say(
                "No meter is chosen.", "A commissioning record is made for one meter.", 2
            )
            return
        meter = listing.meter

        def made(pdf: bytes) -> None:
            choose_target(
                self._view,
                "Save the commissioning record",
                f"commissioning-{meter.meter_id}.pdf",
                "PDF (*.pdf)",
                lambda path: self._view.load(
                    partial(write_file, path, pdf),
                    lambda written: self._notices.say(
                        "Commissioning record saved.", str(written), 0
                    ),
                    key="record",
                    on_error=self._notices.tell,
                ),
            )

        self._view.load_long(
            lambda progress: desk.record(meter.meter_id, progress),
            made,
            panel=self._progress_panel,
            title=f"Commissioning record of {meter.name}",
            on_error=self._notices.tell,
        )

    def ask_retire(self) -> None:
        listing = self._look().listing
        if listing is None:
            return
        meter = listing.meter
        self.question = Question(
            self._view,
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
        self._view.load(
            partial(self._meters.retire, meter_id),
            lambda _: self._on_retired(meter_id),
            key="retire",
            title=f"Stop polling {meter_id}",
            on_error=self._notices.tell,
        )

    def _on_retired(self, meter_id: str) -> None:
        self._notices.say(f"{meter_id} is polled no longer.", "Its readings stay.", 0)
        self._on_changed("")

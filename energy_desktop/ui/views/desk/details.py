"""What a meter says as its driver reads it: last values, facts, and the driver itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.driver import DriverInfo, RegisterView
from energy_desktop.domain.errors import DriverFileError
from energy_desktop.domain.link_kinds import kind_info
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.snapshot import LinkState, Snapshot
from energy_desktop.services.meters import MeterListing
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.desk.scrolling import scrolling
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.marks import FactList
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_STALE_PERIODS = 3


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A quantity and its value; value None: unknown, or too old to be shown as present.

    register None: the quantity does not come from a register (a telegram, a topic).
    """

    name: str
    value: float | None
    register: RegisterView | None = None


class MeterDetails(QWidget):
    """Three panels about the chosen meter; shows only what it is given."""

    def __init__(self, formats: Formats, drivers_folder: Path | None) -> None:
        super().__init__()
        self._formats = formats
        self._folder = drivers_folder
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._registers_panel(), 5)
        lower = QHBoxLayout()
        lower.setSpacing(8)
        self.facts_panel = Panel("Meter")
        self.facts = FactList()
        self.facts_panel.set_content(scrolling(self.facts))
        lower.addWidget(self.facts_panel, 1)
        lower.addWidget(self._driver_panel(), 1)
        column.addLayout(lower, 4)

    def _registers_panel(self) -> Panel:
        self.registers_panel = Panel("Values")
        self.registers: Table[ValueRow] = Table(
            [
                Column("Wire", lambda r: self._of_register(r, "address"), width=58),
                Column("Manual", lambda r: self._of_register(r, "manual_number"), width=64),
                Column(
                    "Fn",
                    lambda r: "" if r.register is None else f"{r.register.function:02d}",
                    width=34,
                    tooltip="Modbus function: 03 holding, 04 input registers",
                ),
                Column(
                    "Format",
                    lambda r: "" if r.register is None else words.format_text(r.register),
                    width=98,
                ),
                Column(
                    "Scale",
                    lambda r: "" if r.register is None else f"{r.register.scale:g}",
                    width=50,
                    number=True,
                ),
                Column("Reads as", lambda r: quantity(r.name).label, stretch=2),
                Column("Value", self._value_cell, width=110, number=True),
            ],
            key=lambda r: r.name,
            name="Values",
        )
        self.registers_panel.set_content(self.registers)
        return self.registers_panel

    def _driver_panel(self) -> Panel:
        self.driver_panel = Panel("Driver")
        self.open_folder_button = button("Open folder", self._open_folder, kind="link")
        self.driver_panel.add_header_widget(self.open_folder_button)
        self.open_folder_button.setVisible(self._folder is not None)
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
        self.driver_panel.set_content(scrolling(texts))
        return self.driver_panel

    # -------------------------------------------------------- values

    def show_title(self, listing: MeterListing) -> None:
        meter, status = listing.meter, listing.status
        where = "imported, not polled"
        if listing.link is not None:
            where = listing.link.address
            if kind_info(listing.link).uses_unit and not meter.address:
                where += f", unit {meter.unit_id}"
            elif meter.address:
                where += f", {meter.address}"
            if status.round_trip_ms is not None and status.state is LinkState.GOOD:
                where += f", answered in {self._formats.number(status.round_trip_ms)} ms"
        self.registers_panel.set_title(f"Values of {meter.name}", where)

    def show_values(
        self,
        listing: MeterListing,
        registers: tuple[RegisterView, ...],
        latest: Snapshot | None,
    ) -> None:
        """Each register with its value, then what came from elsewhere than a register."""
        if latest is not None and self._is_old(listing, latest):
            latest = None
        rows = [
            ValueRow(v.quantity, None if latest is None else latest.value(v.quantity), v)
            for v in registers
        ]
        known = {v.quantity for v in registers}
        named = () if listing.driver is None else listing.driver.quantities
        if latest is not None:
            named = latest.layout.quantities
        rows += [
            ValueRow(name, None if latest is None else latest.value(name))
            for name in named
            if name not in known
        ]
        self.registers_panel.show_body()
        self.registers.show_rows(rows, empty="The driver names no quantity before it was read.")

    def _is_old(self, listing: MeterListing, latest: Snapshot) -> bool:
        if listing.status.state in words.LOST:
            return True
        age_s = (self._formats.now_ms() - latest.read_at_ms) / 1000
        # The page is up to a heartbeat behind, and what is stored up to a commit of a second.
        return age_s > _STALE_PERIODS * listing.meter.poll_interval_s + 2

    @staticmethod
    def _of_register(row: ValueRow, name: str) -> Cell:
        if row.register is None:
            return Cell("")
        text = f"0x{row.register.address:04X}" if name == "address" else row.register.manual_number
        return Cell(text, mono=True)

    def _value_cell(self, row: ValueRow) -> Cell:
        if row.value is None:
            return Cell("–", token="text3")
        if row.value != row.value:
            return Cell("not available", token="text3")
        return Cell(self._formats.quantity(row.name, row.value), bold=True)

    # -------------------------------------------------------- facts and driver

    def show_facts(self, listing: MeterListing) -> None:
        meter, status, formats = listing.meter, listing.status, self._formats
        self.facts_panel.set_title(meter.name, meter.meter_id)
        facts = [
            ("State", words.state_text(formats, listing)),
            ("Last reading", formats.moment(listing.last_ms)),
        ]
        if words.is_polled(listing):
            facts += [
                ("Age of it", words.age_text(formats, listing.last_ms)),
                ("Polled every", f"{meter.poll_interval_s:g} s"),
                (
                    "Polls, failed",
                    f"{formats.count(status.polls)}, {formats.count(status.failures)}",
                ),
                ("Skipped slots", formats.count(status.skipped_slots)),
                ("Booked in", f"{meter.interval_min} min"),
            ]
            if status.clock_ahead_s is not None:
                facts.append(("Its own clock", words.clock_text(formats, status.clock_ahead_s)))
        facts.append(("Role", meter.role.value + (", sign turned" if meter.invert else "")))
        if meter.driver_id:
            facts.append(("CT, VT ratio", f"{meter.ct_ratio:g}, {meter.vt_ratio:g}"))
            facts.append(("MID", "approved" if meter.mid_approved else "not marked as approved"))
        if meter.equipment:
            facts.append(("Feeds", meter.equipment))
        if meter.serial_number:
            facts.append(("Serial number", meter.serial_number))
        self.facts.show_facts(facts)

    def show_driver(
        self,
        listing: MeterListing | None,
        drivers: tuple[DriverInfo, ...],
        errors: tuple[DriverFileError, ...],
    ) -> None:
        """listing None: no meter is chosen; the models there are stand in the title."""
        driver = None if listing is None else listing.driver
        if driver is None:
            self.driver_panel.set_title("Drivers", f"{len(drivers)} models")
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
        problems = words.driver_problems_text(errors)
        self.driver_problems.setText(problems)
        self.driver_problems.setVisible(bool(problems))
        self.driver_folder.setText(
            ""
            if self._folder is None
            else f"Own drivers go into {self._folder}; they are seen at once."
        )

    def _open_folder(self) -> None:
        if self._folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))

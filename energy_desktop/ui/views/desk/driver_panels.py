"""The two sides of the driver editor: the drivers there are, and a meter to try one on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.link_kinds import kind_info
from energy_desktop.domain.site import Link
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.desk.trial import TrialPanel
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

_UNIT = "\0unit"  # no meter is called so


class DriverListPanel(Panel):
    """`chosen` tells a DriverInfo; the site's own stand first."""

    chosen = Signal(object)

    def __init__(
        self,
        copy: Callable[[], object],
        begin_new: Callable[[], object],
        open_list: Callable[[], object],
    ) -> None:
        super().__init__("Drivers")
        self._infos: tuple[DriverInfo, ...] = ()
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Maker or model")
        self.filter.setAccessibleName("Filter the drivers")
        self.filter.textChanged.connect(lambda _: self._show())
        self.set_content(self.filter)
        self.table: Table[DriverInfo] = Table(
            [Column("Model", self._cell, stretch=1)],
            key=lambda d: d.driver_id,
            two_lines=True,
            name="Drivers",
        )
        self.table.chosen.connect(self._on_chosen)
        self.set_content(self.table)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.copy_button = button("Copy", copy, icon="content-copy")
        self.copy_button.setEnabled(False)
        row.addWidget(self.copy_button)
        row.addWidget(button("New", begin_new, icon="plus"))
        row.addWidget(button("From a list", open_list, icon="table-large"))
        row.addStretch(1)
        self.set_content(row)

    def show_drivers(self, drivers: Sequence[DriverInfo]) -> None:
        self._infos = tuple(sorted(drivers, key=lambda d: (not d.own, d.driver_id)))
        own = sum(d.own for d in self._infos)
        self.set_subtitle(f"{len(self._infos)}, {own} of this site")
        self._show()

    def _show(self) -> None:
        wanted = self.filter.text().strip().casefold()
        found = [
            d
            for d in self._infos
            if wanted in f"{d.driver_id} {d.manufacturer} {' '.join(d.models)}".casefold()
        ]
        self.table.show_rows(found, empty="No driver is called so.")

    def _on_chosen(self, row: object) -> None:
        self.copy_button.setEnabled(isinstance(row, DriverInfo))
        if isinstance(row, DriverInfo):
            self.chosen.emit(row)

    @staticmethod
    def _cell(driver: DriverInfo) -> Cell:
        models = f"{driver.manufacturer} {', '.join(driver.models)}"
        icon = "account-outline" if driver.own else "package-variant-closed"
        spoken = f"{driver.driver_id}, {models}, {'of this site' if driver.own else 'shipped'}"
        return Cell(driver.driver_id, models, bold=driver.own, icon=icon, spoken=spoken)


class MeterTrialPanel(Panel):
    """Which meter of the site a driver is tried on, and what it said."""

    def __init__(self, formats: Formats, test: Callable[[], object]) -> None:
        super().__init__("Try it live")
        self._configuration = Configuration()
        self._unit: tuple[Link, int, str] | None = None
        self.meter = QComboBox()
        self.meter.setAccessibleName("Meter to try it on")
        self.meter.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.meter.setMinimumContentsLength(14)
        self.trial = TrialPanel(formats, test, "Test")
        self.meter.currentIndexChanged.connect(lambda _: self.trial.reset())
        self.set_content(self.meter)
        self.body.addWidget(self.trial, 1)

    def show_meters(self, configuration: Configuration) -> None:
        """Those that hang on a link; the choice stays."""
        self._configuration = configuration
        chosen = str(self.meter.currentData() or "")
        self.meter.clear()
        for meter in configuration.meters:
            link = configuration.link(meter.link_id)
            if link is not None:
                self.meter.addItem(f"{meter.name}: {link.address}", meter.meter_id)
        if self._unit is not None and chosen == _UNIT:
            self.offer_unit(self._unit[0], self._unit[1])
        self.choose_meter(chosen)
        self.trial.button.setEnabled(self.meter.count() > 0)

    def offer_unit(self, link: Link, unit_id: int) -> None:
        """A unit that is no meter of the site yet; it is chosen."""
        self._unit = (link, unit_id, "")
        at = self.meter.findData(_UNIT)
        text = f"Unit {unit_id}: {link.address}"
        if at < 0:
            self.meter.insertItem(0, text, _UNIT)
            at = 0
        self.meter.setItemText(at, text)
        self.meter.setCurrentIndex(at)
        self.trial.button.setEnabled(True)

    def choose_meter(self, meter_id: str) -> None:
        at = self.meter.findData(meter_id)
        if at >= 0:
            self.meter.setCurrentIndex(at)

    def target(self) -> tuple[Link, int, str] | None:
        """Link, unit and address of the chosen meter; None: there is none."""
        if self.meter.currentData() == _UNIT:
            return self._unit
        meter = self._configuration.meter(str(self.meter.currentData() or ""))
        link = None if meter is None else self._configuration.link(meter.link_id)
        if meter is None or link is None:
            return None
        return link, meter.unit_id, meter.address if kind_info(link).uses_address else ""

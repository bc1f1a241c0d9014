"""Which part of a run is looked at: one year, the households on one tariff."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from energy_desktop.domain.fleet import FleetOverview
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.widgets.segmented import Segmented

_MOST_TARIFFS = 4


def tariffs_offered(overview: FleetOverview) -> tuple[str, ...]:
    """One label alone, or very many, is nothing to choose by."""
    labels = tuple(name for name in overview.tariffs if name)
    return labels if 2 <= len(labels) <= _MOST_TARIFFS else ()


class Filters(QWidget):
    """year, tariff: what is shown, None: all of it. `wanted` carries what somebody chose; what
    the choosers say stays what is shown, until that is read.
    """

    wanted = Signal(object, object)  # int | None, str | None

    def __init__(self) -> None:
        super().__init__()
        self.year: int | None = None
        self.tariff: str | None = None
        self.years = QComboBox()
        self.years.setAccessibleName("Year")
        self.years.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.years.activated.connect(lambda _: self._on_year())
        self.tariffs = Segmented([("", "All")], name="Tariff")
        self.tariffs.changed.connect(self._on_tariff)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.years)
        row.addWidget(self.tariffs)

    def show_overview(self, overview: FleetOverview) -> None:
        """What can be chosen in a run, and what is."""
        self.year, self.tariff = overview.year, overview.tariff
        self.years.clear()
        self.years.addItem("All years", None)
        for year in overview.years:
            self.years.addItem(str(year), year)
        self.tariffs.set_choices(
            [
                ("", "All"),
                *((name, words.tariff_name(name)) for name in tariffs_offered(overview)),
            ]
        )
        self.show_chosen()

    def show_chosen(self) -> None:
        """Back to what is shown, when another choice could not be read."""
        self.years.setCurrentIndex(self.years.findData(self.year))
        self.tariffs.set_value(self.tariff or "")

    def offer(self, *, by_year: bool, by_tariff: bool, overview: FleetOverview) -> None:
        """Only what the part that is looked at can do."""
        self.years.setVisible(by_year and bool(overview.years))
        self.tariffs.setVisible(by_tariff and bool(tariffs_offered(overview)))

    def _on_year(self) -> None:
        year = self.years.currentData()
        self.show_chosen()
        self.wanted.emit(year, self.tariff)

    def _on_tariff(self, tariff: str) -> None:
        self.show_chosen()
        self.wanted.emit(self.year, tariff or None)

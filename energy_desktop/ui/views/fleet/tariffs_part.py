"""What the fleet would pay under one tariff and under another: who wins, who loses."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal, cast

from energy_desktop.domain.fleet import TariffRow, TariffSummary
from energy_desktop.domain.fleet_wording import EXAMPLE_TARIFFS
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.views.fleet.columns import tariff_column, yearly_columns
from energy_desktop.ui.views.fleet.part import Part
from energy_desktop.ui.widgets.marks import Figure, FigureRow
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

_WHOLE = "The whole fleet"
_NO_RESPONSE = (
    "Too few households on each tariff to say how those with time of use shift their use."
)


class TariffsPart(Part):
    """The whole fleet above, household by household below."""

    by_tariff = by_year = True

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats) -> None:
        super().__init__(host, fleet, formats)
        self.panel = Panel(_WHOLE)
        self.figures = FigureRow()
        self.response = label("", wrap=True)
        self.panel.set_content(self.figures)
        self.panel.set_content(self.response)
        self.list_panel = Panel("By household")
        self.order = Segmented(
            [("saving", "Largest saving first"), ("loss", "Largest loss first")], name="Order"
        )
        self.order.changed.connect(lambda _: self._list())
        self.list_panel.add_header_widget(self.order)
        self.table: Table[TariffRow] = Table(
            [
                Column("Household", lambda r: r.household, stretch=1),
                tariff_column("On"),
                Column(
                    "Bill, first", lambda r: formats.money(r.bill_a_units), width=110, number=True
                ),
                Column(
                    "Bill, second", lambda r: formats.money(r.bill_b_units), width=110, number=True
                ),
                Column("Change", self._change, width=110, number=True),
                *yearly_columns(formats),
                Column("A year it", self._yearly, width=150, number=True),
            ],
            key=lambda r: r.household,
            name="Bills under both tariffs",
        )
        self.paged = self.paged_households(self.list_panel, self.table)
        self.body.addWidget(self.panel)
        self.body.addWidget(self.list_panel, 1)

    @property
    def front(self) -> Panel:
        return self.list_panel

    def read(self, out: Path) -> None:
        fleet, tariff, year = self.fleet, self.tariff, self.year
        self.host.load(
            lambda: fleet.tariffs(out, limit=1, tariff=tariff, year=year),
            self.show_tariffs,
            panel=self.panel,
            title="Fleet",
        )
        self._list()

    def show_tariffs(self, found: TariffSummary) -> None:
        """The figures are those of the households that are listed; the response compares them."""
        formats = self.formats
        money = partial(words.fleet_money, formats)
        change = found.total_b_units - found.total_a_units
        share = 100 * change / found.total_a_units if found.total_a_units else None
        self.figures.show_figures(
            [
                Figure(f"First: {found.name_a}", money(found.total_a_units), "", "what was read"),
                Figure(f"Second: {found.name_b}", money(found.total_b_units), "", "what was read"),
                Figure("Change", money(change), "", formats.percent(share, 1, signed=True)),
                Figure("Pay less", formats.count(found.winners), "", "households"),
                Figure("Pay more", formats.count(found.losers), "", "households"),
                Figure("The same", formats.count(found.unchanged), "", "households"),
            ]
        )  # fmt: skip
        whole = self.tariff is None
        self.panel.set_title(
            _WHOLE if whole else f"The households on {words.tariff_name(self.tariff or '')}",
            words.tariff_answer(formats, found, self.tariff),
        )
        response = found.response or _NO_RESPONSE
        self.response.setText(f"{EXAMPLE_TARIFFS} {response}" if found.example else response)

    def _change(self, row: TariffRow) -> Cell:
        change = row.change_units
        said = "less" if change < 0 else "more" if change > 0 else "the same"
        text = self.formats.money(change)
        return Cell(text, spoken=f"{text}, {said}")

    def _yearly(self, row: TariffRow) -> str:
        change = row.cost_b_per_year - row.cost_a_per_year
        word = "saves" if change < 0 else "costs more"
        return f"{word} {self.formats.money_value(abs(change))}"

    def _list(self) -> None:
        if self.out is None:
            return
        fleet, out, tariff, year = self.fleet, self.out, self.tariff, self.year
        order = cast(Literal["saving", "loss"], self.order.value)
        self.paged.begin(
            lambda offset, limit: (
                fleet.tariffs(
                    out, offset=offset, limit=limit, order=order, tariff=tariff, year=year
                ).rows
            ),
            empty="No household could be priced.",
        )

"""Columns that several lists of households share."""

from __future__ import annotations

from typing import Protocol, TypeVar

from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.widgets.table import Column


class Priced(Protocol):
    """A household under both tariffs, in currency a year."""

    @property
    def tariff(self) -> str: ...
    @property
    def cost_a_per_year(self) -> float: ...
    @property
    def cost_b_per_year(self) -> float: ...


P = TypeVar("P", bound=Priced)


def tariff_column(head: str) -> Column[P]:
    """The tariff that a household is on, in words."""
    return Column(head, lambda row: words.tariff_name(row.tariff), width=116)


def yearly_columns(formats: Formats) -> list[Column[P]]:
    """What a household would pay a year under the first and under the second tariff."""
    return [
        Column(
            "Year, first",
            lambda row: formats.money_value(row.cost_a_per_year),
            width=106,
            number=True,
            tooltip="A year under the first tariff",
        ),
        Column(
            "Year, second",
            lambda row: formats.money_value(row.cost_b_per_year),
            width=106,
            number=True,
            tooltip="A year under the second tariff",
        ),
    ]

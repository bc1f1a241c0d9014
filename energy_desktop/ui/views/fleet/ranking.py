"""What is out of line, strongest first, each with its reason in words."""

from __future__ import annotations

import math

from energy_desktop.domain.fleet import FleetAnomaly
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.widgets.paint import Bar, Chip, Spark
from energy_desktop.ui.widgets.table import Cell, Column, Table

_FULL_BAR_DAYS = 10.0  # a stretch worth this many usual days fills the bar


def spark(values: tuple[float | None, ...]) -> Spark:
    return Spark(tuple(math.nan if v is None else v for v in values))


def state(row: FleetAnomaly) -> Chip:
    """Whether somebody should look at it."""
    return {"new": Chip("New", tone=2), "seen": Chip("Seen")}.get(row.state, Chip("Earlier"))


def ranking(formats: Formats, *, times: bool = False) -> Table[FleetAnomaly]:
    """times: with a column that says when; the key is one stretch."""

    def score(row: FleetAnomaly) -> Cell:
        said = f"worth {formats.number(row.score, 1)} usual days"
        return Cell(bar=Bar(row.score / _FULL_BAR_DAYS), spoken=said)

    def last_days(row: FleetAnomaly) -> Cell:
        said = ", ".join(words.kwh(formats, v) for v in row.last_days_kwh)
        return Cell(spark=spark(row.last_days_kwh), spoken=f"last days, kWh: {said}")

    when = Column[FleetAnomaly]("When", lambda row: words.span(formats, row), width=230)
    energy = [
        Column[FleetAnomaly](
            "Was, kWh", lambda row: words.kwh(formats, row.actual_kwh), width=82, number=True
        ),
        Column[FleetAnomaly](
            "Usual, kWh", lambda row: words.kwh(formats, row.expected_kwh), width=92, number=True
        ),
    ]
    return Table(
        [
            Column(
                "Household and reason",
                lambda row: Cell(row.household, row.reason, bold=row.state == "new"),
                stretch=1,
            ),
            *((when, *energy) if times else ()),
            Column("Last 7 days", last_days, width=88),
            Column("Score", score, width=56, tooltip="How many of its usual days it is worth"),
            Column("", lambda row: formats.number(row.score, 1), width=48, number=True),
            Column(
                "kWh/day", lambda row: words.kwh(formats, row.kwh_per_day), width=76, number=True
            ),
            Column("State", lambda row: Cell(chip=state(row)), width=70),
        ],
        key=lambda row: (row.household, row.kind, row.start_ms),
        two_lines=True,
        name="Out of line, strongest first",
    )

"""The next day of each household, and how well it was foretold, held against the naives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from energy_desktop.domain.fleet import HouseholdForecast, Scores
from energy_desktop.domain.fleet_wording import models_sentence
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet import words
from energy_desktop.ui.views.fleet.part import Part
from energy_desktop.ui.widgets.paint import Bar, label
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table

_WHY_TWO = (
    "R² pooled is one figure over all households: the spread between large and small ones alone "
    "makes it high. Within a household, the median of all, says how well a day is foretold. "
    "Judged on days after those learnt from; no feature sees the day itself."
)


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    scores: Scores
    worst_mae: float  # of all models, for the bar


@dataclass(frozen=True, slots=True)
class Judged:
    """refusals: why a model has no answer, in sentences."""

    scores: dict[str, Scores]
    refusals: tuple[str, ...]


def models(scores: dict[str, Scores]) -> tuple[Model, ...]:
    """The best first."""
    worst = max((s.mae_kwh for s in scores.values()), default=0.0)
    ordered = sorted(scores.items(), key=lambda one: one[1].mae_kwh)
    return tuple(Model(name, one, worst) for name, one in ordered)


class ForecastsPart(Part):
    """Models above, households below."""

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats) -> None:
        super().__init__(host, fleet, formats)
        self.models_panel = Panel("How well the next day is foretold")
        self.models: Table[Model] = Table(
            [
                Column("Model", lambda m: words.MODEL_NAMES.get(m.name, m.name), stretch=1),
                Column(
                    "Off by, kWh", lambda m: formats.number(m.scores.mae_kwh, 2), width=90,
                    number=True,
                ),
                Column("Mean error", self._bar, width=160),
                Column(
                    "RMSE, kWh", lambda m: formats.number(m.scores.rmse_kwh, 2), width=90,
                    number=True,
                ),
                Column(
                    "R² within a household",
                    lambda m: formats.number(m.scores.r2_within_median, 3),
                    width=150,
                    number=True,
                ),
                Column(
                    "R² pooled", lambda m: formats.number(m.scores.r2_pooled, 3), width=90,
                    number=True,
                ),
            ],
            key=lambda m: m.name,
            name="Models of the next day",
        )  # fmt: skip
        self.models.setFixedHeight(self.models.content_height(5))
        self.note = label(_WHY_TWO, "caption", wrap=True)
        self.models_panel.set_content(self.models)
        self.models_panel.set_content(self.note)
        self.models_panel.body.addStretch(1)
        self.list_panel = Panel("The next day of each household")
        self.table: Table[HouseholdForecast] = Table(
            [
                Column("Household", lambda f: f.household, stretch=1),
                Column("Day", lambda f: formats.day(f.day, year=True), width=140),
                Column("Expected, kWh", lambda f: words.kwh(formats, f.kwh), width=110,
                       number=True),
                Column("By regression", lambda f: words.kwh(formats, f.linear_kwh), width=110,
                       number=True),
                Column("Usually off by", lambda f: words.kwh(formats, f.mae_kwh), width=110,
                       number=True),
                Column("Regression off by", lambda f: words.kwh(formats, f.linear_mae_kwh),
                       width=130, number=True),
                Column("Days judged", lambda f: formats.count(f.judged_days), width=96,
                       number=True),
            ],
            key=lambda f: f.household,
            name="Forecasts by household",
        )  # fmt: skip
        self.paged = self.paged_households(self.list_panel, self.table)
        self.body.addWidget(self.models_panel)
        self.body.addWidget(self.list_panel, 1)

    @property
    def front(self) -> Panel:
        return self.models_panel

    def read(self, out: Path) -> None:
        fleet = self.fleet
        self.host.load(
            lambda: Judged(fleet.summary(out).scores, fleet.refusals(out)),
            self.show_models,
            panel=self.models_panel,
            title="Fleet",
        )
        self.paged.begin(
            lambda offset, limit: fleet.forecasts(out, offset=offset, limit=limit),
            empty="No household has enough days for a forecast.",
        )

    def show_models(self, judged: Judged) -> None:
        rows = models(judged.scores)
        self.models.show_rows(rows, empty="No model could be judged.")
        beaten = models_sentence(judged.scores)
        self.note.setText(" ".join(one for one in (*judged.refusals, beaten, _WHY_TWO) if one))
        if rows:
            name = words.MODEL_NAMES.get(rows[0].name, rows[0].name)
            best = self.formats.number(rows[0].scores.mae_kwh, 2)
            self.models_panel.set_subtitle(f"best: {name}, off by {best} kWh on a mean day")

    def _bar(self, model: Model) -> Cell:
        share = model.scores.mae_kwh / model.worst_mae if model.worst_mae else 0.0
        token = "typical" if model.name.startswith("naive") else "forecast"
        said = f"{self.formats.number(model.scores.mae_kwh, 2)} kWh"
        return Cell(bar=Bar(share, token), spoken=said)

"""The sentences, charts and rows of the forecast page, made from its values alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_desktop.domain.forecast import Forecast
from energy_desktop.domain.plan import Plan
from energy_desktop.services.planning import BatteryOutlook
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets.chart_data import (
    Bars,
    ChartData,
    Fan,
    Limit,
    Line,
    Moment,
    Steps,
)

QUARTER_S = 900.0

METHOD_WORDS = {
    "naive_week": "the same time a week ago",
    "naive_mean4": "the mean of four like weekdays",
    "profile_median": "the median of like days",
    "ridge": "ridge regression",
    "lightgbm": "gradient-boosted quantiles",
    "blend": "a blend of methods",
}


def method_words(method: str) -> str:
    return METHOD_WORDS.get(method, method.replace("_", " "))


def answer(outlook: BatteryOutlook, limit_w: float | None, formats: Formats) -> str:
    """Will demand hold, and what does the plan earn?"""
    money = outlook.plan.money
    gain = money.without_battery - money.cost
    peak_w = max((p.import_w for p in outlook.plan.points), default=0.0)
    earns = f"the battery earns {formats.money_value(gain)} in 48 h."
    if limit_w is None:
        return f"Demand reaches {formats.power(peak_w)}; {earns}"
    if peak_w <= limit_w:
        return f"Demand stays under {formats.power(limit_w)}; {earns}"
    return f"Demand reaches {formats.power(peak_w)}, over the contract's {formats.power(limit_w)}."


def _seconds(forecast: Forecast) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([p.start_ms / 1000 for p in forecast.points])


def _power(values: list[float], step_min: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Energy per step in Wh as mean power in W."""
    return np.array(values) * (60 / step_min)


def fan_chart(
    forecast: Forecast,
    past_s: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    past_w: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    formats: Formats,
    limit_w: float | None = None,
    x_range: tuple[float, float] | None = None,
) -> ChartData:
    """Measured past, median ahead, 80 and 95 % bands, one axis with a now line."""
    x = _seconds(forecast)
    step = forecast.step_min
    median = _power([p.energy_wh for p in forecast.points], step)
    origin_s = forecast.origin_ms / 1000
    top = int(np.argmax(median)) if median.size else 0
    highest = (
        f"Highest expected {formats.power(float(median[top]))} at "
        f"{formats.clock_time(forecast.points[top].start_ms)}."
        if median.size
        else ""
    )
    return ChartData(
        lines=(
            Line("measured", past_s, past_w, "text"),
            Line("median", x, median, "forecast", style="dash"),
        ),
        fans=(
            Fan(
                "95 %",
                x,
                _power([p.lower95_wh for p in forecast.points], step),
                _power([p.upper95_wh for p in forecast.points], step),
                "forecast",
                alpha=46,
            ),
            Fan(
                "80 %",
                x,
                _power([p.lower80_wh for p in forecast.points], step),
                _power([p.upper80_wh for p in forecast.points], step),
                "forecast",
                alpha=80,
            ),
        ),
        limits=()
        if limit_w is None
        else (Limit(limit_w, f"contract {formats.power(limit_w)}", below=True),),
        moments=(Moment(origin_s, "now"),),
        x_range=x_range,
        y_zero=True,
        description=f"{highest} The 80 % band held {formats.percent(forecast.backtest.coverage80)} "
        "of the past.",
    )


def price_chart(
    outlook: BatteryOutlook, formats: Formats, x_range: tuple[float, float]
) -> ChartData:
    """Price steps; what is expected and not published is drawn apart."""
    slots = outlook.slots
    expected = outlook.prices_expected_from_ms
    published = [s for s in slots if expected is None or s.start_ms < expected]
    guessed = [s for s in slots if expected is not None and s.start_ms >= expected]
    steps = []
    for name, part, style in (("published", published, "solid"), ("expected", guessed, "dot")):
        if part:
            edges = np.array([s.start_ms / 1000 for s in part] + [part[-1].end_ms / 1000])
            values = np.array([s.import_per_kwh for s in part])
            steps.append(
                Steps(name, edges, values, "price", "solid" if style == "solid" else "dot", True)
            )
    dearest = max(slots, key=lambda s: s.import_per_kwh)
    cheapest = min(slots, key=lambda s: s.import_per_kwh)
    return ChartData(
        steps=tuple(steps),
        moments=(Moment(outlook.plan.points[0].start_ms / 1000, ""),),
        x_range=x_range,
        y_zero=True,
        description=f"Dearest {formats.unit_price(dearest.import_per_kwh)} at "
        f"{formats.moment(dearest.start_ms)}, cheapest "
        f"{formats.unit_price(cheapest.import_per_kwh)} at {formats.moment(cheapest.start_ms)}.",
    )


def plan_chart(
    outlook: BatteryOutlook, formats: Formats, x_range: tuple[float, float]
) -> ChartData:
    """Discharge above zero, charge below, what was measured before; level on the right axis."""
    points = outlook.plan.points
    x = np.array([p.start_ms / 1000 for p in points])
    discharge = np.array([p.discharge_w for p in points])
    charge = -np.array([p.charge_w for p in points])
    past = outlook.measured
    past_x = past.start_ms / 1000
    past_w = (past.discharge_wh - past.charge_wh) * 4
    level_x = np.append(x[:1], [p.end_ms / 1000 for p in points])
    level = np.append([outlook.soc_start_pct], [p.soc_pct for p in points])
    return ChartData(
        bars=(
            Bars("measured", past_x, past_w, QUARTER_S, "typical"),
            Bars("discharge", x, np.where(discharge > 0, discharge, np.nan), QUARTER_S, "battery"),
            Bars("charge", x, np.where(charge < 0, charge, np.nan), QUARTER_S, "grid_import"),
        ),
        lines=(Line("level planned", level_x, level, "forecast", style="dash", axis="right"),),
        moments=(Moment(float(x[0]), "now"),),
        x_range=x_range,
        y_zero=True,
        description=f"{cycles_words(outlook.plan, formats)}; the level ends at "
        f"{formats.percent(points[-1].soc_pct)}.",
    )


def cycles_words(plan: Plan, formats: Formats) -> str:
    return f"{formats.number(plan.cycles, 2)} cycles planned"


@dataclass(frozen=True, slots=True)
class IdleStretch:
    """Slots one after another in which the battery rests for the same reason."""

    start_ms: int
    end_ms: int
    reason: str


def idle_stretches(plan: Plan) -> tuple[IdleStretch, ...]:
    """The reasons change a little from slot to slot; the first of each stretch is told."""
    found: list[IdleStretch] = []
    for point in plan.points:
        if not point.idle_reason:
            continue
        kind = point.idle_reason.split(": ")[0]
        if found and found[-1].end_ms == point.start_ms and found[-1].reason.split(": ")[0] == kind:
            found[-1] = IdleStretch(found[-1].start_ms, point.end_ms, found[-1].reason)
        else:
            found.append(IdleStretch(point.start_ms, point.end_ms, point.idle_reason))
    return tuple(found)


def money_facts(plan: Plan, formats: Formats) -> list[tuple[str, str] | tuple[str, str, bool]]:
    """What the 48 h cost, against doing nothing and both rivals, and where the gain comes from."""
    m = plan.money
    return [
        ("Bought cheap, used dear", formats.money_value(m.energy_gain)),
        ("Demand charge avoided", formats.money_value(m.demand_gain)),
        (f"Wear; {formats.energy(m.losses_wh)} lost, in the above", formats.money_value(-m.wear)),
        ("Cost with this plan", formats.money_value(m.cost), True),
        ("… without the battery", formats.money_value(m.without_battery)),
        ("… self-consumption", formats.money_value(m.self_consumption)),
        ("… sold at the peak", formats.money_value(m.rule_peak)),
    ]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One measure of past error, ours beside the weekly naive; None: it has none."""

    name: str
    ours: str
    naive: str


def score_rows(forecast: Forecast, formats: Formats) -> tuple[ScoreRow, ...]:
    b = forecast.backtest
    per_step = 60 / forecast.step_min
    naive_wape = b.wape * b.naive_week_mae_wh / b.mae_wh if b.mae_wh else float("nan")
    return (
        ScoreRow(
            "Mean error",
            formats.power(b.mae_wh * per_step),
            formats.power(b.naive_week_mae_wh * per_step),
        ),
        ScoreRow("WAPE", formats.percent(100 * b.wape, 1), formats.percent(100 * naive_wape, 1)),
        ScoreRow("MASE", formats.number(b.mase, 2), "–"),
        ScoreRow("Held by the 80 % band", formats.percent(b.coverage80, 1), "–"),
        ScoreRow("Held by the 95 % band", formats.percent(b.coverage95, 1), "–"),
        *(
            ScoreRow(f"… {method_words(c.method)}", formats.power(c.mae_wh * per_step), "–")
            for c in forecast.candidates
            if c.method != forecast.method
        ),
    )

"""What the fleet commands answer: their JSON documents, and the same in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from energy_desktop.app.commands.common import table
from energy_desktop.domain import fleet_wording, wording
from energy_desktop.domain.fleet import (
    DropReason,
    FleetAnomaly,
    FleetOverview,
    FleetPlan,
    FleetSummary,
    HouseholdView,
    Scores,
    Segment,
    TariffSummary,
)
from energy_desktop.domain.money import to_decimal

UNFINISHED = "This run is not finished; run it again to go on where it stopped. So far:"

_NAMES = {
    "regression": "linear regression",
    "lightgbm": "LightGBM",
    "naive_yesterday": "as yesterday",
    "naive_last_week": "as a week ago",
    "naive_month_mean": "as the month's mean",
}


def summary_document(summary: FleetSummary, tariffs: TariffSummary | None) -> dict[str, Any]:
    """tariffs None: the fleet is not priced yet."""
    scores = summary.scores
    none = Scores(math.nan, math.nan, math.nan, math.nan)
    return {
        "rows_read": summary.rows_read,
        "rows_used": summary.rows_used,
        "dropped": summary.dropped,
        "households": summary.households,
        "household_days": summary.household_days,
        "seconds": summary.seconds,
        "estimated_seconds": summary.estimated_s,
        "peak_mb": summary.peak_mb,
        "regression": plain(scores.get("regression", none)),
        "lightgbm": plain(scores.get("lightgbm", none)),
        "anomalies": summary.anomalies,
        "segments": [plain(one) for one in summary.segments],
        "tariffs": None if tariffs is None else tariffs_document(tariffs, summary.currency),
        "naive": {name: plain(one) for name, one in scores.items() if name.startswith("naive")},
        "anomaly_methods": summary.anomaly_methods,
        "segment_stability": {str(k): value for k, value in summary.stability.items()},
        "broken_files": [plain(one) for one in summary.broken],
        "refusals": list(summary.refusals),
        "notes": list(fleet_wording.notes(summary)),
        "engine": summary.engine,
        "finished": summary.finished,
        "first_day": summary.first_day or None,
        "last_day": summary.last_day or None,
        "zone": summary.zone,
        "currency": summary.currency,
    }


def tariffs_document(tariffs: TariffSummary, currency: str) -> dict[str, Any]:
    """What all households together pay for what was read, under both tariffs."""
    return {
        "name_a": tariffs.name_a,
        "name_b": tariffs.name_b,
        "total_a": f"{to_decimal(tariffs.total_a_units):.2f}",
        "total_b": f"{to_decimal(tariffs.total_b_units):.2f}",
        "currency": currency,
        "winners": tariffs.winners,
        "losers": tariffs.losers,
        "unchanged": tariffs.unchanged,
        "response": tariffs.response,
        "example_prices": tariffs.example,
    }


_STATES = {
    "new": "It is a new run.",
    "goes_on": "It goes on where it stopped.",
    "done": "It is done already: nothing is done again but with --replace.",
    "replaces": "The results there are of other files or options: only --replace replaces them.",
    "busy": "Another process works on these results: wait until it is done, or end it.",
}


def place_of(name: str, folder: Path | None) -> str:
    """A file as it is found below the folder that was read; others by their whole path."""
    path = Path(name)
    return str(path.relative_to(folder)) if folder and folder in path.parents else name


def plan_text(plan: FleetPlan, folder: Path) -> str:
    seconds = "" if plan.seconds is None else f", about {plan.seconds:,.0f} s on two cores"
    kinds = ", ".join(f"{n:,} with {how}" for how, n in plan.kinds)
    lines = [
        f"{plan.files:,} files ({kinds or 'none can be read'}), about {plan.rows:,} readings"
        f"{seconds}.",
        f"About {plan.memory_mb:,} MB of memory and {plan.disk_bytes / 1e6:,.0f} MB of disk, "
        f"of which {plan.free_bytes / 1e6:,.0f} MB are free.",
        *(f"Left out whole: {place_of(one.name, folder)}: {one.why}" for one in plan.refused),
        plan.lacking,
        _STATES[plan.state],
    ]
    return "\n".join(line for line in lines if line)


def summary_text(
    summary: FleetSummary,
    tariffs: TariffSummary | None,
    out: Path,
    folder: Path | None = None,
) -> str:
    """tariffs None: the fleet is not priced yet. folder: of the files that were read; None: nobody
    knows.
    """
    left_out = summary.rows_read - summary.rows_used
    known = summary.households is not None and summary.first_day
    whose = (
        f" of {wording.count(summary.households or 0, 'household')}, {summary.first_day} to "
        f"{summary.last_day}"
        if known
        else ""
    )
    days = f"{summary.household_days:,} household-days count. " if known else ""
    memory = "" if summary.peak_mb is None else f", {summary.peak_mb:,.0f} MB at most"
    lines = [
        f"{summary.rows_read:,} rows{whose}: {summary.rows_used:,} used, {left_out:,} left out"
        + (f" ({dropped_words(summary.dropped)})." if left_out else "."),
        f"{days}{sum(summary.seconds.values()):.1f} s in all{_estimated(summary)}{memory}.",
        *(f"Left out whole: {place_of(one.name, folder)}: {one.why}" for one in summary.broken),
        "",
    ]
    if not summary.finished:
        lines.insert(0, _unfinished(summary))
    rows = [
        (
            _NAMES.get(name, name),
            wording.number(one.r2_pooled, 3),
            wording.number(one.r2_within_median, 3),
            wording.number(one.mae_kwh, 2),
            wording.number(one.rmse_kwh, 2),
        )
        for name, one in summary.scores.items()
    ]
    heads = ("next day", "R2 pooled", "R2 within a household", "MAE kWh", "RMSE kWh")
    lines += [table(heads, rows, frozenset(range(1, 5))), ""] if rows else []
    beaten = fleet_wording.models_sentence(summary.scores)
    lines += [beaten, ""] if beaten else []
    lines += [*summary.refusals, ""] if summary.refusals else []
    profile = summary.anomaly_methods.get("profile", {})
    hybrid = summary.anomaly_methods.get("kmeans_residual", {})
    if profile:
        lines.append(
            f"Strange by profile and flat runs: {profile['found']:,} stretches in "
            f"{profile['households']:,} of {profile['judged']:,} households."
        )
    if hybrid:
        lines.append(
            f"By k-means and residual, the reference: {hybrid['both']:,} days of "
            f"{hybrid['days']:,} (k-means {hybrid['kmeans']:,}, residual {hybrid['residual']:,})."
        )
    lines += ["", "Segments:"] if summary.segments else []
    lines += _segment_lines(summary.segments, summary.currency)
    if summary.stability:
        alike = ", ".join(f"{k}: {wording.number(v, 2)}" for k, v in summary.stability.items())
        lines.append(f"How alike they stay in half of the fleet (1 the same), by number: {alike}.")
    lines += _tariff_lines(tariffs, summary.currency)
    lines += _before_use(summary)
    return "\n".join([*lines, "", f"Results: {out}"])


def _unfinished(summary: FleetSummary) -> str:
    if summary.no_readings:
        return f"{fleet_wording.NO_READINGS} {fleet_wording.LOOK_AT_QUALITY}"
    return UNFINISHED


def _tariff_lines(tariffs: TariffSummary | None, currency: str) -> list[str]:
    """The sums under both tariffs, who pays less, and how the use is shifted."""
    if tariffs is None:
        return []
    change = tariffs.total_b_units - tariffs.total_a_units
    word = "more" if change > 0 else "less"
    response = tariffs.response or (
        "Too few households on each tariff to say how those with time of use shift their use."
    )
    return [
        "",
        f"All bills together for what was read: {wording.money(tariffs.total_a_units)} {currency} "
        f"under {tariffs.name_a} (A), {wording.money(tariffs.total_b_units)} {currency} under "
        f"{tariffs.name_b} (B), which is {wording.money(abs(change))} {currency} {word}.",
        f"With B {wording.count(tariffs.winners, 'household pays', 'households pay')} less, "
        f"{tariffs.losers:,} more, {tariffs.unchanged:,} the same. {response}",
    ]


def _before_use(summary: FleetSummary) -> list[str]:
    """How far groups and costs are to be believed."""
    if not summary.segments:
        return []
    groups = len(summary.segments)
    steadier = fleet_wording.steadier(groups, summary.stability)
    said = fleet_wording.groups_sentence(groups, summary.stability)
    said += f" A run with --segments {steadier} makes them." if steadier else ""
    costs = fleet_wording.EXAMPLE_TARIFFS if summary.example_tariffs else ""
    return [line for line in (said, costs) if line]


def _estimated(summary: FleetSummary) -> str:
    if summary.estimated_s is None or not summary.finished:
        return ""
    return f" (estimated on two cores: about {summary.estimated_s:,.0f} s)"


def year_document(overview: FleetOverview, tariffs: TariffSummary) -> dict[str, Any]:
    currency = overview.summary.currency
    return {
        "year": overview.year,
        "households": overview.households,
        "kwh_per_day": overview.kwh_per_day,
        "missing_pct": overview.missing_pct,
        "households_by_tariff": overview.tariffs,
        "tariffs": tariffs_document(tariffs, currency),
        "households_with_anomalies": overview.households_with_anomalies,
        "new_anomalies": overview.new_anomalies,
        "segments": [plain(one) for one in overview.segments],
    }


def year_text(overview: FleetOverview, tariffs: TariffSummary) -> str:
    lines = [
        f"{overview.year}: {overview.households:,} households, "
        f"{wording.number(overview.kwh_per_day)} kWh a day, "
        f"{wording.number(overview.missing_pct)} % missing; "
        f"{overview.households_with_anomalies:,} were out of line.",
        "",
        "Segments of the whole run, figures of the year:",
        *_segment_lines(overview.segments, overview.summary.currency),
        *_tariff_lines(tariffs, overview.summary.currency),
        *_before_use(overview.summary),
    ]
    return "\n".join(lines)


def _segment_lines(segments: Sequence[Segment], currency: str) -> list[str]:
    return [
        f"  {one.segment}  {one.households:>6,} "
        f"{'household ' if one.households == 1 else 'households'} ({one.share_pct:.0f} %)  "
        f"{one.kwh_per_day:5.1f} kWh/day  {one.cost_per_year:9,.0f} {currency} a year  {one.words}"
        for one in segments
    ]


def state_word(one: FleetAnomaly) -> str:
    return {"new": " New.", "seen": " Seen."}.get(one.state, "")


def household_document(view: HouseholdView) -> dict[str, Any]:
    document: dict[str, Any] = plain(view)
    return {**document.pop("row"), **document}


def household_text(view: HouseholdView) -> str:
    row = view.row
    lines = [
        f"{row.household}: {wording.number(row.kwh_per_day)} kWh a day, {row.first_day} to "
        f"{row.last_day}, {wording.number(row.missing_pct)} % missing.",
        f"Segment {row.segment}: {view.segment_words}." if view.segment_words else
        "Too little data for a segment.",
        f"A year costs {wording.number(row.cost_a_per_year, 2)} under tariff A and "
        f"{wording.number(row.cost_b_per_year, 2)} under B.",
        *([fleet_wording.EXAMPLE_TARIFFS] if view.example_tariffs else []),
    ]  # fmt: skip
    if view.forecast is not None:
        lines.append(
            f"{wording.day(view.forecast.day)}: {wording.number(view.forecast.kwh)} kWh expected, "
            f"off by {wording.number(view.forecast.mae_kwh)} kWh on usual days."
        )
    return "\n".join([*lines, *(one.reason for one in view.anomalies)])


def plain(value: Any) -> Any:
    """A frozen value as JSON knows it."""
    from dataclasses import fields, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else value


def dropped_words(dropped: dict[str, int]) -> str:
    return (
        ", ".join(f"{n:,} {reason_words(reason)}" for reason, n in dropped.items())
        or "none left out"
    )


def reason_words(reason: str) -> str:
    return DropReason(reason).words

"""What the Fleet page says, from figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from energy_desktop.domain.fleet import (
    DroppedRow,
    DropReason,
    FleetAnomaly,
    FleetOverview,
    FleetSummary,
    HouseholdView,
    Segment,
    TariffSummary,
)
from energy_desktop.domain.money import UNITS
from energy_desktop.ui.formatting import MINUS, THIN, UNKNOWN, Formats

MODEL_NAMES = {
    "lightgbm": "LightGBM, one for all",
    "regression": "Linear regression",
    "naive_yesterday": "As yesterday",
    "naive_last_week": "As a week ago",
    "naive_month_mean": "As the month's mean",
}
STAGES = {
    "ingest": "Reading files",
    "daily": "Cleaning, adding up days",
    "features": "Looking back from each day",
    "regression": "Linear regression",
    "lightgbm": "LightGBM",
    "anomalies": "What is out of line",
    "segments": "Groups",
    "tariffs": "Tariffs",
}
_CURVES = 6
_MANY = 1_000_000


def curve(segment: int) -> str:
    """The colour of a segment; it keeps it on every part of the page."""
    return f"curve{(segment - 1) % _CURVES + 1}"


def kwh(formats: Formats, value: float | None, decimals: int = 1) -> str:
    """kWh as a number alone; unknown is an en dash."""
    return UNKNOWN if value is None or not math.isfinite(value) else formats.number(value, decimals)


def many(formats: Formats, n: int) -> str:
    """A count as one says it: 835,608 but 167.5 M."""
    return formats.count(n) if n < _MANY else f"{formats.number(n / _MANY, 1)} M"


def size(formats: Formats, n_bytes: float) -> str:
    """Bytes in the decimal units that disks are sold in."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            decimals = 1 if n_bytes < 10 * factor else 0
            return f"{formats.number(n_bytes / factor, decimals)} {unit}"
    return f"{formats.number(n_bytes)} bytes"


def about(formats: Formats, seconds: float | None) -> str:
    """How long a run takes, no more exactly than it is known."""
    if seconds is None:
        return "not measured on a cluster"
    if seconds < 90:
        step = 1 if seconds < 20 else 5
        return f"about {formats.number(step * max(1, round(seconds / step)))} s on two cores"
    return f"about {formats.number(round(seconds / 60))} min on two cores"


def fleet_money(formats: Formats, units: int) -> str:
    """What a fleet pays, in 1e-4 units; from a million on without its small change."""
    if abs(units) < _MANY * UNITS:
        return formats.money(units)
    sign = MINUS + THIN if units < 0 else ""
    said = many(formats, round(abs(units) / UNITS))
    return f"{sign}{formats.sign_of(formats.currency)}{THIN}{said}"


def households(formats: Formats, n: int) -> str:
    return f"{formats.count(n)} household{'' if n == 1 else 's'}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def tariff_name(label: str) -> str:
    """The labels of the London files in words; others as they are."""
    return {"Std": "Standard rate", "ToU": "Time of use", "": "No tariff"}.get(label, label)


def _inside(name: str) -> str:
    """A name of ours inside a sentence; a label of the files stays as it is."""
    ours = name in ("Standard rate", "Time of use", "No tariff")
    return name[:1].lower() + name[1:] if ours else name


def segment_titles(segments: Sequence[Segment]) -> tuple[str, ...]:
    """The shape of the day, and the level too where two have the same shape; where two have both
    the same, what else their words say apart, and without such words their numbers.
    """
    parts = [tuple(segment.words.split(", ")) for segment in segments]
    titles = []
    for segment, (level, shape, *rest) in zip(segments, parts, strict=True):
        same = [one for one in parts if one[:2] == (level, shape)]
        shaped = sum(one[1] == shape for one in parts)
        title = f"{shape}, {level}" if shaped > len(same) else shape
        if len(same) > 1:
            places = enumerate(rest, 2)
            own = [said for k, said in places if sum(said in one[k : k + 1] for one in same) == 1]
            # What tells them apart stands where a narrow card still shows it.
            title = f"{shape}, {own[-1]}" if own else f"{title} ({segment.segment})"
        titles.append(capital(title))
    return tuple(titles)


def segment_line(formats: Formats, segment: Segment) -> str:
    share = formats.percent(segment.share_pct)
    return f"{share} of households, {kwh(formats, segment.kwh_per_day)} kWh a day"


def run_name(out: Path, found: int | None = None, formats: Formats | None = None) -> str:
    if found is None or formats is None:
        return out.name
    return f"{out.name}, {households(formats, found)}"


def left_out(summary: FleetSummary) -> int:
    return summary.rows_read - summary.rows_used


def facts_line(formats: Formats, overview: FleetOverview) -> str:
    """How much was read how fast, and what is missing: it stands above every part. Of the
    households on one tariff, how many they are and what is missing of theirs.
    """
    summary = overview.summary
    if overview.tariff is not None:
        return (
            f"{tariff_name(overview.tariff)}: {formats.count(overview.households)} of "
            f"{households(formats, sum(overview.tariffs.values()))}, "
            f"{formats.percent(overview.missing_pct, 1)} missing"
        )
    seconds = sum(summary.seconds.values())
    time = formats.number(seconds, 1) + " s" if seconds < 60 else formats.exact_duration(seconds)
    text = (
        f"{many(formats, summary.rows_read)} readings in {time}, "
        f"{formats.percent(overview.missing_pct, 1)} missing, "
        f"{many(formats, left_out(summary))} rows left out"
    )
    if summary.broken:
        text += f", {len(summary.broken)} file{'s' if len(summary.broken) > 1 else ''} not readable"
    return text


def answer(formats: Formats, overview: FleetOverview) -> str:
    """Which few of them need me."""
    summary = overview.summary
    if not summary.finished:
        return "This run is not finished; run it again to go on where it stopped."
    if not overview.households:
        return "No household has usable readings."
    of = "" if overview.tariff is None else f" on {_inside(tariff_name(overview.tariff))}"
    strange = overview.households_with_anomalies
    when = "at some time" if overview.year is None else f"in {overview.year}"
    if not strange:
        during = "" if overview.year is None else f" {when}"
        return f"None of {households(formats, overview.households)}{of} is out of line{during}."
    new = overview.new_anomalies
    stretches = "1 stretch is" if new == 1 else f"{formats.count(new)} stretches are"
    fresh = f"{stretches} new" if new else "nothing is new"
    total = households(formats, overview.households)
    return f"{formats.count(strange)} of {total}{of} were out of line {when}; {fresh}."


def reason(name: str) -> str:
    """A reason for dropping a row, in words; one of a newer program as it is written."""
    try:
        return DropReason(name).words
    except ValueError:
        return name


def why(row: DroppedRow) -> str:
    """Why a row is not used, and which other file has its time too."""
    return reason(row.reason) + (f", also in {Path(row.other).name}" if row.other else "")


def span(formats: Formats, anomaly: FleetAnomaly) -> str:
    """From when to when, with the year: fleets are often looked at years later."""
    first, last = formats.local(anomaly.start_ms), formats.local(anomaly.end_ms)
    start = formats.day(first.date(), weekday=False, year=True)
    end = formats.clock_time(anomaly.end_ms)
    if last.date() != first.date():
        end = f"{formats.day(last.date(), weekday=False)} {end}"
    return f"{start} {formats.clock_time(anomaly.start_ms)} to {end}"


def tariff_answer(formats: Formats, found: TariffSummary, tariff: str | None = None) -> str:
    """Who wins, and by how much the bill changes: the whole fleet's, or that of the households on
    one tariff.
    """
    change = found.total_b_units - found.total_a_units
    word = "less" if change < 0 else "more"
    who = "The fleet pays" if tariff is None else f"Those on {_inside(tariff_name(tariff))} pay"
    total = f"{who} the same" if change == 0 else f"{who} {formats.money(abs(change))} {word}"
    return (
        f"{total} under {found.name_b} than under {found.name_a}: "
        f"{formats.count(found.winners)} win, {formats.count(found.losers)} lose."
    )


def household_answer(formats: Formats, view: HouseholdView) -> str:
    row = view.row
    text = f"{kwh(formats, row.kwh_per_day)} kWh a day"
    if view.segment_words:
        text += f", {view.segment_words}"
    if view.anomalies:
        return f"{text}. Strongest: {view.anomalies[0].reason.rstrip('.')}."
    return f"{text}. Nothing out of line."

"""The stages that judge: what is strange, who is alike, who pays what."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.money import UNITS
from energy_desktop.fleet import anomalies, segments, tariffs
from energy_desktop.fleet.forecast import MOST_KEPT
from energy_desktop.fleet.workplace import Workplace, if_enough, stored, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energy_desktop.fleet.anomalies import HourRule

HYBRID = "hybrid"
_TIME_OF_USE = ("tou", "time of use", "dtou")


def anomalies_of(place: Workplace, rule: HourRule) -> None:
    """The reference over all days, then each household's hours by the rule, part by part."""
    strange_days(place)
    strange_hours(place, rule)


def strange_days(place: Workplace) -> None:
    place.chunks("anomalies", [HYBRID], if_enough(lambda _chunk: _hybrid(place)))


def strange_hours(place: Workplace, rule: HourRule) -> None:
    left = [k for k in place.filled() if not place.manifest.is_done("anomalies", str(k))]
    tasks = [anomalies.HourTask(place.part("clean", k), place.options.zone) for k in left]
    began = time.perf_counter()
    place.tell("anomalies", 0, max(len(left), 1))
    answers = place.engine.map(anomalies.hour_rule(rule), tasks)
    for done, (k, answer) in enumerate(zip(left, answers, strict=True)):
        write(answer.found, place.part("anomalies", k))
        note = {
            "found": answer.found.num_rows,
            "households": pc.count_distinct(answer.found["household"]).as_py(),
            "judged": answer.judged,
            "too_short": answer.too_short,
        }
        now = time.perf_counter()
        place.note("anomalies", str(k), note, now - began)
        began = now
        place.tell("anomalies", done, len(left))


def _hybrid(place: Workplace) -> dict[str, int]:
    parts = place.parts_of("regression")
    if not parts:
        raise NotEnoughData(
            where="Fleet anomalies",
            what="Without a regression there is no residual.",
            remedy="Give a longer period.",
        )

    total = sum(about["household_days"] for about in place.manifest.done("daily").values())
    kept: dict[int, pa.Table] | None = {} if total <= MOST_KEPT else None

    def tables() -> Iterator[tuple[int, pa.Table]]:
        for k in place.parts:
            if not place.part("regression", k).exists():
                continue
            table = None if kept is None else kept.get(k)
            if table is None:
                engine = place.engine
                days = engine.parquet([place.part("days", k)], "days")
                said = engine.parquet([place.part("regression", k)], "forecasts")
                table = engine.fetch(engine.asked(anomalies.days_and_residuals, days, said))
            if kept is not None:
                kept[k] = table
            yield k, table

    kinds = anomalies.fit_kinds((t for _, t in tables()), total, seed=place.options.seed)
    counts: dict[str, int] = {}
    for k, table in tables():
        found, part = anomalies.hybrid_found(table, kinds, place.options.zone)
        write(found, place.part("hybrid", k))
        for name, n in part.items():
            counts[name] = counts.get(name, 0) + n
    return counts


def segments_of(place: Workplace) -> None:
    """Groups households, and gathers the days of the whole fleet."""

    def group(_chunk: str) -> Any:
        weeks = _weeks(place)
        of = segments.shapes(weeks)
        labels = segments.group(of, place.options.segments, seed=place.options.seed)
        cost = tariffs.yearly(tariffs.bills(weeks, place.options.tariff_a), weeks) / UNITS
        stability = segments.stabilities(of, seed=place.options.seed)
        write(_trends(place), place.out / "trends.parquet")
        return {
            "segments": [asdict(one) for one in segments.describe(of, labels, cost)],
            "labels": labels.tolist(),
            "stability": {str(k): value for k, value in stability.items()},
            "too_short": int((labels < 0).sum()),
        }

    place.chunks("segments", ["all"], group)


def tariffs_of(place: Workplace) -> None:
    """Both bills of each household; writes households.parquet."""

    def price(_chunk: str) -> Any:
        weeks = _weeks(place)
        labels = place.manifest.done("segments")["all"]["labels"]
        counts = anomaly_counts(place, weeks.names)
        table, about = priced(place, weeks, meters(place), labels, counts)
        write(table, place.out / "households.parquet")
        return about

    place.chunks("tariffs", ["all"], price)


def priced(
    place: Workplace,
    weeks: tariffs.Weeks,
    of_meters: dict[str, dict[str, Any]],
    labels: Sequence[int],
    strange: Sequence[int],
) -> tuple[pa.Table, dict[str, Any]]:
    """A row a household with both of its bills, and what is noted of the fleet's.

    of_meters: see `meters`. labels, strange: segment (-1: none) and number of strange stretches,
    in the order of the names of `weeks`.
    """
    a = tariffs.bills(weeks, place.options.tariff_a)
    b = tariffs.bills(weeks, place.options.tariff_b)
    share = tariffs.peak_share(weeks, place.options.tariff_b)
    of = segments.shapes(weeks)
    each = [of_meters[name] for name in weeks.names]
    label = [one["tariff"] or "" for one in each]
    time_of_use = np.array([one.strip().lower() in _TIME_OF_USE for one in label], np.bool_)
    per_day = weeks.kwh / np.maximum(weeks.days, 1e-9)
    table = pa.table(
        {
            "household": list(weeks.names),
            "tariff": label,
            "step_min": [int(one["step_min"]) for one in each],
            "first_day": [int(one["first"]) for one in each],
            "last_day": [int(one["last"]) for one in each],
            "complete_days": [int(one["complete"]) for one in each],
            "missing_pct": [float(one["missing_pct"]) for one in each],
            "kwh": weeks.kwh,
            "kwh_per_day": per_day,
            "night_share": of.night_share,
            "peak_share": share,
            "weekend_ratio": of.weekend,
            "segment": np.array(labels, np.int64) + 1,
            "bill_a_units": a,
            "bill_b_units": b,
            "cost_a_per_year": tariffs.yearly(a, weeks) / UNITS,
            "cost_b_per_year": tariffs.yearly(b, weeks) / UNITS,
            "anomalies": list(strange),
        }
    )
    change = b - a
    answer = tariffs.response(share, per_day, time_of_use)
    return table, {
        "total_a_units": int(a.sum()),
        "total_b_units": int(b.sum()),
        "winners": int((change < 0).sum()),
        "losers": int((change > 0).sum()),
        "unchanged": int((change == 0).sum()),
        "response": None if answer is None else {**asdict(answer), "words": answer.words},
    }


def segment_of_each(place: Workplace) -> dict[str, int]:
    """The segment of each household, -1: none."""
    labels = place.manifest.done("segments")["all"]["labels"]
    return dict(zip(_weeks(place).names, labels, strict=True))


def _weeks(place: Workplace) -> tariffs.Weeks:
    return tariffs.weeks_of(stored([place.part("week", k) for k in place.filled()]))


def meters(place: Workplace, within: tuple[int, int] | None = None) -> dict[str, dict[str, Any]]:
    """What the files and the days say of each household; within: from local day to local day.

    first, last, complete (days that count), covered (minutes), tariff, step_min, missing_pct: of
    the time from the first to the last day of the household, as far as it lies within.
    """
    found = {}
    for k in place.filled():
        day = place.engine.parquet([place.part("days", k)])
        said = place.engine.parquet([place.part("meters", k)])
        inside = ibis.literal(True) if within is None else day.local_day.between(*within)
        spans = day.group_by("household").aggregate(
            first=day.local_day.min(),
            last=day.local_day.max(),
            complete=ibis.ifelse(inside & day.complete, 1, 0).sum().cast("int64"),
            covered=ibis.ifelse(inside, day.covered_min, 0).sum().cast("int64"),
        )
        for row in place.engine.fetch(spans.join(said, "household")).to_pylist():
            if within is not None:
                row["first"] = max(row["first"], within[0])
                row["last"] = min(row["last"], within[1])
            minutes = (row["last"] - row["first"] + 1) * 1440
            row["missing_pct"] = max(0.0, 100.0 * (1.0 - row["covered"] / max(minutes, 1)))
            found[row["household"]] = row
    return found


def _trends(place: Workplace) -> pa.Table:
    """By local day: households whose day counts, their energy, and that at the dearest rate."""
    days = place.engine.parquet([place.part("days", k) for k in place.filled()])
    counted = days.filter(days.complete)
    return place.engine.fetch(
        counted.group_by("local_day")
        .aggregate(
            households=counted.count(),
            mwh=counted.mwh.sum().cast("int64"),
            peak_mwh=counted.peak_mwh.sum().cast("int64"),
            off_mwh=counted.off_mwh.sum().cast("int64"),
        )
        .order_by("local_day")
    )


def anomaly_counts(
    place: Workplace, names: Sequence[str], within_ms: tuple[int, int] | None = None
) -> list[int]:
    """How many strange stretches each household has; within_ms: those that touch that time."""
    parts = place.parts_of("anomalies")
    if not parts:
        return [0] * len(names)
    found = stored(parts)
    if within_ms is not None:
        touches = pc.and_(
            pc.less(found["start_ms"], within_ms[1]), pc.greater(found["end_ms"], within_ms[0])
        )
        found = found.filter(touches)
    counted = found["household"].value_counts().to_pylist()
    by_name = {one["values"]: one["counts"] for one in counted}
    return [by_name.get(name, 0) for name in names]

"""The stages that judge: what is strange, who is alike, who pays what."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.money import UNITS
from energy_desktop.fleet import anomalies, segments, tariffs
from energy_desktop.fleet.workplace import Workplace, if_enough, stored, write

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        place.manifest.note("anomalies", str(k), note, now - began)
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

    def tables() -> Iterator[tuple[int, pa.Table]]:
        for k in place.parts:
            if not place.part("regression", k).exists():
                continue
            days = place.engine.parquet([place.part("days", k)])
            said = place.engine.parquet([place.part("regression", k)])
            yield k, place.engine.fetch(anomalies.days_and_residuals(days, said))

    total = sum(about["household_days"] for about in place.manifest.done("daily").values())
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
        a = tariffs.bills(weeks, place.options.tariff_a)
        b = tariffs.bills(weeks, place.options.tariff_b)
        share = tariffs.peak_share(weeks, place.options.tariff_b)
        of = segments.shapes(weeks)
        meters = _meters(place)
        label = [meters[name]["tariff"] or "" for name in weeks.names]
        time_of_use = np.array([one.strip().lower() in _TIME_OF_USE for one in label], np.bool_)
        labels = place.manifest.done("segments")["all"]["labels"]
        per_day = weeks.kwh / np.maximum(weeks.days, 1e-9)
        write(
            pa.table(
                {
                    "household": list(weeks.names),
                    "tariff": label,
                    "step_min": [int(meters[name]["step_min"]) for name in weeks.names],
                    "first_day": [int(meters[name]["first"]) for name in weeks.names],
                    "last_day": [int(meters[name]["last"]) for name in weeks.names],
                    "complete_days": [int(meters[name]["complete"]) for name in weeks.names],
                    "missing_pct": [float(meters[name]["missing_pct"]) for name in weeks.names],
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
                    "anomalies": _anomaly_counts(place, weeks.names),
                }
            ),
            place.out / "households.parquet",
        )
        change = b - a
        answer = tariffs.response(share, per_day, time_of_use)
        return {
            "total_a_units": int(a.sum()),
            "total_b_units": int(b.sum()),
            "winners": int((change < 0).sum()),
            "losers": int((change > 0).sum()),
            "unchanged": int((change == 0).sum()),
            "response": None if answer is None else {**asdict(answer), "words": answer.words},
        }

    place.chunks("tariffs", ["all"], price)


def _weeks(place: Workplace) -> tariffs.Weeks:
    return tariffs.weeks_of(stored([place.part("week", k) for k in place.filled()]))


def _meters(place: Workplace) -> dict[str, dict[str, Any]]:
    """What the files and the days say of each household."""
    found = {}
    for k in place.filled():
        day = place.engine.parquet([place.part("days", k)])
        said = place.engine.parquet([place.part("meters", k)])
        spans = day.group_by("household").aggregate(
            first=day.local_day.min(),
            last=day.local_day.max(),
            complete=day.complete.cast("int64").sum(),
            covered=day.covered_min.sum().cast("int64"),
        )
        for row in place.engine.fetch(spans.join(said, "household")).to_pylist():
            minutes = (row["last"] - row["first"] + 1) * 1440
            row["missing_pct"] = max(0.0, 100.0 * (1.0 - row["covered"] / minutes))
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


def _anomaly_counts(place: Workplace, names: tuple[str, ...]) -> list[int]:
    parts = place.parts_of("anomalies")
    if not parts:
        return [0] * len(names)
    counted = stored(parts)["household"].value_counts().to_pylist()
    by_name = {one["values"]: one["counts"] for one in counted}
    return [by_name.get(name, 0) for name in names]

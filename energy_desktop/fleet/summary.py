"""What the manifest of a run says by itself, without a look into its tables."""

from __future__ import annotations

from typing import Any

from energy_desktop.domain.fleet import (
    FLAT,
    TIME_OF_USE,
    BrokenFile,
    DataQuality,
    FileQuality,
    FleetSummary,
    Page,
    Scores,
    Segment,
)
from energy_desktop.fleet import clock, options
from energy_desktop.fleet import segments as grouping
from energy_desktop.fleet.manifest import Manifest


def summary(manifest: Manifest) -> FleetSummary:
    """The run in one value. Of a run that is not finished, the stages that are."""
    daily = _days(manifest)
    files = files_of(manifest)
    scores: dict[str, Scores] = {}
    for stage in ("regression", "lightgbm"):
        said = manifest.done(stage).get("all", {}).get("scores", {})
        scores |= {name: _scores(one) for name, one in said.items()}
    methods = _methods(manifest)
    peak_mb = manifest.facts.get("peak_mb")
    first = [about["first_day"] for about in daily if about["households"]]
    last = [about["last_day"] for about in daily if about["households"]]
    return FleetSummary(
        engine=str(manifest.about["engine"]),
        finished=manifest.finished,
        rows_read=sum(file.rows_read for file in files),
        rows_used=sum(file.rows_used for file in files),
        dropped=_added(files),
        broken=broken(manifest),
        households=sum(about["households"] for about in daily) if daily else None,
        household_days=sum(about.get("household_days", 0) for about in daily) if daily else None,
        seconds={name: round(value, 3) for name, value in manifest.seconds.items()},
        peak_mb=round(float(peak_mb), 1) if peak_mb else None,
        scores=scores,
        anomalies=methods["profile"].get("found"),
        anomaly_methods=methods,
        segments=segments(manifest),
        stability=stability(manifest),
        first_day=clock.day_of(min(first)).isoformat() if first else "",
        last_day=clock.day_of(max(last)).isoformat() if last else "",
        zone=str(manifest.about["zone"]),
        currency=str(manifest.about["currency"]),
        refusals=refusals(manifest),
        estimated_s=manifest.facts.get("estimated_s"),
        example_tariffs=example_tariffs(manifest),
        no_readings=manifest.no_readings,
    )


def segments(manifest: Manifest) -> tuple[Segment, ...]:
    said = manifest.done("segments").get("all", {}).get("segments", [])
    found = tuple(Segment(**{**one, "shape": tuple(one["shape"])}) for one in said)
    return grouping.told_apart(found)  # older programs did not


def stability(manifest: Manifest) -> dict[int, float]:
    """Number of segments -> how stable they would be, 1 at best."""
    said = manifest.done("segments").get("all", {}).get("stability", {})
    return {int(k): float(value) for k, value in said.items()}


def example_tariffs(manifest: Manifest) -> bool:
    """Whether the fleet was priced at the prices that come with the program."""
    if "options" not in manifest.about:  # an older program made it, nobody knows
        return False
    asked = options.from_document(manifest.about["options"])
    return (asked.tariff_a, asked.tariff_b) == (FLAT, TIME_OF_USE)


def refusals(manifest: Manifest) -> tuple[str, ...]:
    """Why a stage has no answer, in sentences; what several have in common is said once."""
    return tuple(
        dict.fromkeys(
            str(about["refused"])
            for stage in ("regression", "lightgbm", "anomalies")
            for about in manifest.done(stage).values()
            if "refused" in about
        )
    )


def quality(manifest: Manifest, *, offset: int, limit: int | None) -> DataQuality:
    """The files with most rows dropped first."""
    files = sorted(files_of(manifest), key=lambda f: (-sum(f.dropped.values()), f.name))
    until = None if limit is None else offset + limit
    return DataQuality(
        Page(tuple(files[offset:until]), len(files), offset), broken(manifest), _added(files)
    )


def broken(manifest: Manifest) -> tuple[BrokenFile, ...]:
    said = [*manifest.facts.get("unknown_files", []), *manifest.facts.get("left_out", [])]
    for chunk in manifest.done("ingest").values():
        said += chunk["broken"]
    return tuple(sorted((BrokenFile(*one) for one in said), key=lambda b: b.name))


def files_of(manifest: Manifest) -> list[FileQuality]:
    """What became of the rows of each file, by name."""
    names = manifest.about["files"]
    later: dict[str, dict[str, int]] = {}
    for chunk in manifest.done("daily").values():
        for index, reasons in chunk["dropped"].items():
            mine = later.setdefault(index, {})
            for reason, n in reasons.items():
                mine[reason] = mine.get(reason, 0) + n
    found = []
    for chunk in manifest.done("ingest").values():
        for index, counts in chunk["files"].items():
            at_once = counts["dropped"]
            repeats = later.get(index, {})
            read = counts["used"] + sum(at_once.values())
            used = counts["used"] - sum(repeats.values())
            found.append(FileQuality(names[int(index)], read, used, {**at_once, **repeats}))
    return sorted(found, key=lambda file: file.name)


def _days(manifest: Manifest) -> list[dict[str, Any]]:
    """What was noted of the days of each part; []: not all parts are added up yet."""
    daily = list(manifest.done("daily").values())
    return daily if daily and len(daily) == manifest.facts.get("parts", len(daily)) else []


def _methods(manifest: Manifest) -> dict[str, dict[str, int]]:
    """What each method found; nothing of one that has not looked at every household yet."""
    found = manifest.done("anomalies")
    rule = [about for chunk, about in found.items() if chunk != "hybrid"]
    filled = sum(about["households"] > 0 for about in _days(manifest))
    counted = ("found", "households", "judged", "too_short") if 0 < filled == len(rule) else ()
    return {
        "profile": {name: sum(about[name] for about in rule) for name in counted},
        "kmeans_residual": {
            name: n for name, n in found.get("hybrid", {}).items() if name != "refused"
        },
    }


def _added(files: list[FileQuality]) -> dict[str, int]:
    """Reason -> rows, over all files."""
    dropped: dict[str, int] = {}
    for file in files:
        for reason, n in file.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + n
    return dropped


def _scores(said: dict[str, float | None]) -> Scores:
    return Scores(**{k: float("nan") if v is None else v for k, v in said.items()})

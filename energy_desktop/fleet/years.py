"""One year of a run: who used what in it, from the readings that the run has cleaned.

Made when it is first asked for and kept beside the results. Households stay in the groups of the
whole run, so that nobody changes groups by looking; the groups' figures are those of the year.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_desktop.domain.errors import NotFound, StoreError
from energy_desktop.domain.fleet import Segment
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.fleet import clock, options, segments, summary
from energy_desktop.fleet.stored_run import StoredRun

if TYPE_CHECKING:
    import pyarrow as pa

    from energy_desktop.fleet.engine import DuckDbEngine
    from energy_desktop.fleet.workplace import Workplace

FOLDER = "years"
_NOTE, _HOUSEHOLDS, _WEEK = "year.json", "households.parquet", "week.parquet"


@dataclass(frozen=True, slots=True)
class YearOfRun:
    """A year that was made. days: day numbers of its first and last local day. households, week:
    for the FROM of a query. priced: as the run notes it of the tariffs stage.
    """

    year: int
    days: tuple[int, int]
    start_ms: int
    end_ms: int
    households: str
    week: str
    segments: tuple[Segment, ...]
    priced: dict[str, Any]


def of(run: StoredRun) -> tuple[int, ...]:
    """The years with data, in order; none when there is but one, or the run is not finished."""
    manifest = run.manifest
    if not manifest.finished or "options" not in manifest.about:
        return ()
    first, last = _span(run)
    return tuple(range(first, last + 1)) if last > first else ()


def _span(run: StoredRun) -> tuple[int, int]:
    """The first and the last year of a finished run."""
    daily = [about for about in run.manifest.done("daily").values() if about["households"]]
    first = clock.day_of(min(about["first_day"] for about in daily)).year
    last = clock.day_of(max(about["last_day"] for about in daily)).year
    return first, last


def _one_year(run: StoredRun) -> str:
    """What to do where the whole is all there is."""
    if "options" not in run.manifest.about:
        return "An older program made it; made anew (--replace) it can be."
    return f"It has one year only, {_span(run)[0]}: leave the year out."


def is_made(run: StoredRun, year: int) -> bool:
    return (_folder(run, year) / _NOTE).exists()


def read(run: StoredRun, year: int) -> YearOfRun:
    """Raises NotFound when the run has no such year, or it was not made yet."""
    folder = _folder(run, year)
    if year not in of(run) or not is_made(run, year):
        run.refuse_unfinished()
        known = ", ".join(str(one) for one in of(run))
        raise NotFound(
            where=f"Year {year}",
            what="This run cannot be looked at for that year alone.",
            remedy=f"It can be for: {known}." if known else _one_year(run),
        )
    note = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
    zone = str(run.manifest.about["zone"])
    first, last = _days(year)
    name = f"{FOLDER}/{year}/"
    return YearOfRun(
        year=year,
        days=(first, last),
        start_ms=clock.start_of_day_ms(first, zone),
        end_ms=clock.start_of_day_ms(last + 1, zone),
        households=run.table(name + _HOUSEHOLDS),
        week=run.table(name + _WEEK),
        segments=tuple(
            Segment(**{**one, "shape": tuple(one["shape"])}) for one in note["segments"]
        ),
        priced=note["priced"],
    )


def make(run: StoredRun, year: int, progress: ProgressSink = no_progress) -> None:
    """Counts the year from the run's clean readings, part by part; what is there is not made anew.

    Blocks: half a minute for a hundred million readings. Raises NotFound for a year without data,
    JobCancelled, StoreError when the folder of the results cannot be written, FleetBusy when
    another process works there.
    """
    if is_made(run, year):
        return
    if year not in of(run):
        read(run, year)  # says which there are
    from energy_desktop.fleet.workplace import Workplace

    with _engine(run) as engine:
        if is_made(run, year):  # by who had the folder before
            return
        asked = options.from_document(run.manifest.about["options"])
        place = Workplace(run.out, engine, asked, run.manifest, progress)
        week = _week(place, year)
        households, note = _counted(place, year, week)
        _keep(run, year, week, households, note)
    progress(1.0, "done")


def _week(place: Workplace, year: int) -> pa.Table:
    """What each household used in each half hour of the week, in that year."""
    import pyarrow as pa

    from energy_desktop.fleet import days
    from energy_desktop.fleet.stage_read import in_half_hours

    first, last = _days(year)
    zone = place.options.zone
    low, high = (clock.start_of_day_ms(n, zone) // 60_000 for n in (first, last + 1))
    found = []
    parts = place.filled()
    for done, k in enumerate(parts):
        raise_if_cancelled(f"Year {year}")
        place.progress(done / len(parts), f"counting {year}, {done + 1} of {len(parts)}")
        rows = place.engine.parquet([place.part("clean", k)])
        rows = rows.filter((rows.t_min >= low) & (rows.t_min < high))
        rows = in_half_hours(place.engine, rows, zone)
        found.append(place.engine.fetch(days.week(rows, zone, place.engine)))
    schema = found[0].schema
    return pa.concat_tables([table.cast(schema) for table in found])


def _counted(place: Workplace, year: int, week: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """A row a household, and what is noted of the groups and the prices."""
    import numpy as np

    from energy_desktop.fleet import stage_judge, tariffs

    first, last = _days(year)
    zone = place.options.zone
    span_ms = (clock.start_of_day_ms(first, zone), clock.start_of_day_ms(last + 1, zone))
    weeks = tariffs.weeks_of(week)
    of_run = stage_judge.segment_of_each(place)
    labels = [of_run[name] for name in weeks.names]
    households, priced = stage_judge.priced(
        place,
        weeks,
        stage_judge.meters(place, (first, last)),
        labels,
        stage_judge.anomaly_counts(place, weeks.names, span_ms),
    )
    shapes = segments.shapes(weeks)
    counted = np.where(shapes.usable, np.array(labels, np.int64), -1)
    cost = households["cost_a_per_year"].to_numpy()
    words = {one.segment: one.words for one in summary.segments(place.manifest)}
    groups = segments.describe(shapes, counted, cost)
    return households, {
        "segments": [asdict(replace(one, words=words[one.segment])) for one in groups],
        "priced": priced,
    }


def _keep(
    run: StoredRun, year: int, week: pa.Table, households: pa.Table, note: dict[str, Any]
) -> None:
    """The note last: a year without it was not made."""
    from energy_desktop.fleet.workplace import write

    folder = _folder(run, year)
    try:
        write(week, folder / _WEEK)
        write(households, folder / _HOUSEHOLDS)
        beside = folder / (_NOTE + ".new")
        beside.write_text(json.dumps(note), encoding="utf-8")
        beside.replace(folder / _NOTE)
    except OSError as error:
        raise StoreError(
            where=str(folder),
            what=f"The year cannot be kept: {error.strerror or error}.",
            remedy="Copy the results to a folder that can be written.",
        ) from error


@contextmanager
def _engine(run: StoredRun) -> Iterator[DuckDbEngine]:
    from energy_desktop.fleet.claim import claimed
    from energy_desktop.fleet.engine import DuckDbEngine

    with claimed(run.out) as scratch:
        # Somebody waits before a window: one core stays with it.
        engine = DuckDbEngine(scratch, threads=max(1, (os.cpu_count() or 2) - 1))
        try:
            yield engine
        finally:
            engine.close()


def _days(year: int) -> tuple[int, int]:
    """Day numbers of its first and last day."""
    return clock.day_number(date(year, 1, 1)), clock.day_number(date(year, 12, 31))


def _folder(run: StoredRun, year: int) -> Path:
    return run.out / FOLDER / str(year)

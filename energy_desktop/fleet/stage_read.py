"""The first two stages: from files to readings, and from readings to days.

Ingest goes by files, and sorts readings into parts by household; from there on everything goes by
parts. Rows that are not used go to a part of their own, so that one pass over a file both keeps
and counts.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy_desktop.domain.errors import DataFileError
from energy_desktop.domain.fleet import DropReason
from energy_desktop.domain.fleet_wording import LOOK_AT_QUALITY, NO_READINGS
from energy_desktop.fleet import clock, days, readings
from energy_desktop.fleet.engine import Engine
from energy_desktop.fleet.layout import SourceFile
from energy_desktop.fleet.parquet import read_all, remove
from energy_desktop.fleet.workplace import Workplace, write

if TYPE_CHECKING:
    from ibis.expr.types import Table

_CHUNK_BYTES = 256_000_000
_MOST_FILES = 64
_BYTES_PER_ROW = 60


def divide(place: Workplace, of_bytes: int) -> None:
    """Says once into how many parts the households are divided. of_bytes: about, of all files."""
    if "parts" not in place.manifest.facts:
        place.manifest.set_facts(parts=place.engine.parts_for(of_bytes // _BYTES_PER_ROW))


def ingest(place: Workplace, files: Sequence[SourceFile]) -> None:
    """Each file, or a group of small ones, to readings by part; those that are done stay so."""
    groups = _grouped(files)

    def read(here: Workplace, chunk: str) -> Any:
        group = groups[int(chunk)]
        try:
            return _read_files(here, group, chunk)
        except here.engine.errors:
            broken = _broken(here.engine, group)
            if not broken:
                raise  # as a full disk does: no file is to blame
        sound = [file for file in group if file.index not in broken]
        if sound:
            noted = _read_files(here, sound, chunk)
        else:
            remove(_readings(here) / chunk)
            noted = {"files": {}}
        return noted | {"broken": [[str(f.path), broken[f.index]] for f in group if f not in sound]}

    place.side_by_side("ingest", [str(k) for k in range(len(groups))], read)


def refuse_without_readings(place: Workplace) -> None:
    """Raises DataFileError when the files have none that can be used, and notes it."""
    chunks = place.manifest.done("ingest").values()
    files = [counts for chunk in chunks for counts in chunk["files"].values()]
    if any(counts["used"] for counts in files):
        return
    place.manifest.set_facts(no_readings=True)
    reasons: Counter[str] = Counter()
    for counts in files:
        reasons.update(counts["dropped"])
    said = [f"{DropReason(name).words} in {n:,} rows" for name, n in reasons.most_common()]
    broken = sum(len(chunk["broken"]) for chunk in chunks)
    if broken:
        said.append(f"{broken:,} that cannot be read to the end")
    raise DataFileError(
        where=str(place.manifest.about["folder"]),
        what=f"{NO_READINGS[:-1]}: {', '.join(said)}." if said else NO_READINGS,
        remedy=LOOK_AT_QUALITY,
    )


def _read_files(place: Workplace, group: Sequence[SourceFile], chunk: str) -> dict[str, Any]:
    path = _readings(place) / chunk
    engine, layout, zone = place.engine, group[0].layout, place.options.zone
    text = engine.text(group)
    rows = engine.asked(readings.readings, text, layout, zone, len(place.parts), engine)
    engine.write(rows, path, by="part", folders=len(place.parts) + 1)
    counts: dict[str, dict[str, Any]] = {
        str(file.index): {"used": 0, "dropped": {}} for file in group
    }
    listed = []
    folder = path / f"part={readings.DROPPED}"
    if folder.exists():
        unused = engine.parquet([folder], "unused")
        why = engine.asked(readings.reasons, unused, layout, zone, engine)
        listed.append(_as_listed(engine.fetch(why)))
        remove(folder)
    rejected = engine.rejected()
    if rejected:
        listed.append(_rejected_table(rejected))
    if listed:
        dropped = pa.concat_tables(listed)
        write(dropped, place.out / "dropped" / f"ingest-{chunk}.parquet")
        for one in dropped.group_by(["file", "reason"]).aggregate([([], "count_all")]).to_pylist():
            counts[str(one["file"])]["dropped"][one["reason"]] = one["count_all"]
    if any(path.rglob("*.parquet")):
        used = engine.asked(readings.by_file, engine.parquet([path], "used"))
        for one in engine.fetch(used).to_pylist():
            counts[str(one["file"])]["used"] = one["n"]
    # For rows that are found to be repeats only when no file is looked at any more.
    marks = {"utc": layout.naive_utc, "after_min": layout.step_min if layout.stamp_end else 0}
    return {"files": counts, "stamps": marks, "broken": []}


def _broken(engine: Engine, group: Sequence[SourceFile]) -> dict[int, str]:
    """Index of each file that cannot be read to its end -> why. Each is read by itself, and
    nothing is written: what fails then is the file, unless it is gone, as with a network folder.
    """
    found = {}
    engine.rejected()  # what was said of the whole group
    for file in group:
        try:
            engine.fetch(engine.asked(readings.read_through, engine.text([file])))
        except engine.errors as error:
            if not engine.blames_file(error) or not file.path.exists():
                raise
            found[file.index] = engine.why(error)[:300]
        engine.rejected()
    return found


def daily(place: Workplace) -> None:
    """By part: each time once, days, and the week's profile."""
    place.side_by_side("daily", [str(k) for k in place.parts], _days_of_part)
    if _readings(place).exists():
        # Said twice, so that the state before says too that they are not needed any more.
        place.manifest.set_facts(added_up=True)
        remove(_readings(place))


def _days_of_part(place: Workplace, chunk: str) -> dict[str, Any]:
    k = int(chunk)
    stored = sorted(_readings(place).glob(f"*/part={k}"))
    if not stored:
        return {"households": 0, "household_days": 0, "dropped": {}}
    engine, zone = place.engine, place.options.zone
    rows = engine.parquet(stored, "readings")
    unused = []
    with engine.kept("seen", engine.asked(days.seen, rows)) as seen:
        meters = place.part("meters", k)
        engine.write(engine.asked(days.meters, seen), meters)
        names = read_all([meters])["household"].to_pylist()
        if strange := [name for name in names if not _is_text(name)]:
            named = engine.small(f"no_text_{k}", pa.table({"household": strange}))
            unused.append(engine.fetch(days.of_households(rows, named)))
            rows, seen = (
                table.anti_join(named, "household").select(*table.columns) for table in (rows, seen)
            )
            engine.write(days.meters(seen), meters)
        unused.append(_clean_part(place, rows, seen, k))
    dropped = _list_unused(place, pa.concat_tables(unused, promote_options="permissive"), k)
    clean = engine.parquet([place.part("clean", k)], "clean")
    by_slot = in_half_hours(engine, clean, zone)
    by_day = engine.asked(days.days, by_slot, zone, place.options.tariff_b, engine)
    engine.write(by_day, place.part("days", k))
    engine.write(engine.asked(days.week, by_slot, zone, engine), place.part("week", k))
    totals = engine.fetch(
        engine.asked(days.totals, engine.parquet([place.part("days", k)], "days"))
    ).to_pylist()[0]
    return {
        "households": int(totals["households"]),
        "household_days": int(totals["household_days"] or 0),
        "first_day": totals["first"],
        "last_day": totals["last"],
        "dropped": dropped,
    }


def in_half_hours(engine: Engine, clean: Table, zone: str) -> Table:
    """Clean readings for `days.days` and `days.week`. They are divided only where one needs it,
    since that takes longer than all that is asked of them.
    """
    divide = bool(engine.fetch(engine.asked(days.spans, clean, zone))["spans"][0].as_py())
    return engine.asked(days.in_half_hours, clean, zone, divide)


def _clean_part(place: Workplace, rows: Table, seen: Table, k: int) -> pa.Table:
    """Writes each time once; what that leaves out, as `days.repeats`."""
    target = place.part("clean", k)
    remove(target)
    engine = place.engine
    plain, crowded = engine.asked(days.told_apart, rows, seen)
    engine.write(plain, target / "plain.parquet")
    with engine.kept("crowded", crowded) as few, contextlib.ExitStack() as kept:
        single = kept.enter_context(engine.kept("single", engine.asked(days.once, few)))
        if engine.fetch(engine.asked(days.crossed, single))["days"][0].as_py():
            # Apart, since it takes longer than all the rest, and hardly any fleet needs it.
            single = kept.enter_context(engine.kept("untangled", days.untangled(few)))
        engine.write(engine.asked(days.clean, single), target / "once.parquet")
        return engine.fetch(engine.asked(days.repeats, few, single))


def _is_text(name: str) -> bool:
    """Whether people can see a name and any store can take it: without control characters."""
    return not any(character < " " for character in name)


def _list_unused(place: Workplace, repeats: pa.Table, k: int) -> dict[str, dict[str, int]]:
    """Lists rows as `days.repeats` beside the other dropped ones; file -> reason -> rows."""
    if not repeats.num_rows:
        return {}
    counted = repeats.group_by(["file", "reason"]).aggregate([("rows", "sum")]).to_pylist()
    # A time that one file repeats several times is as many rows of the list.
    repeats = repeats.take(np.repeat(np.arange(repeats.num_rows), repeats["rows"].to_numpy()))
    value = pc.divide(pc.cast(repeats["low"], pa.float64()), 1e6)
    other = pc.divide(pc.cast(repeats["high"], pa.float64()), 1e6)
    both = pc.binary_join_element_wise(
        pc.cast(value, pa.string()), pc.cast(other, pa.string()), " / "
    )
    differ = pc.not_equal(repeats["low"], repeats["high"])
    n = repeats.num_rows
    table = pa.table(
        {
            "file": repeats["file"],
            "household": repeats["household"],
            "time": _as_stamped(place, repeats),
            "value": pc.binary_join_element_wise(
                pc.if_else(differ, both, pc.cast(value, pa.string())), "kWh", " "
            ),
            "reason": repeats["reason"],
            "line": pa.nulls(n, pa.int64()),
            "text": pa.nulls(n, pa.string()),
            "other": repeats["other"],
        }
    ).cast(_DROPPED)
    write(table, place.out / "dropped" / f"daily-{k}.parquet")
    found: dict[str, dict[str, int]] = {}
    for one in counted:
        found.setdefault(str(one["file"]), {})[one["reason"]] = int(one["rows_sum"])
    return found


def _as_stamped(place: Workplace, repeats: pa.Table) -> pa.Array:
    """The times of rows as `days.repeats`, as their files count them, each with its offset."""
    said = {
        int(file): chunk.get("stamps", {})
        for chunk in place.manifest.done("ingest").values()
        for file in chunk["files"]
    }
    files, place_of = np.unique(repeats["file"].to_numpy(), return_inverse=True)
    marks = [said.get(file, {}) for file in files.tolist()]
    in_utc = np.array([one.get("utc", False) for one in marks])[place_of]
    after = np.array([one.get("after_min", 0) for one in marks], np.int64)[place_of]
    at = repeats["t_min"].to_numpy().astype(np.int64) + after
    utc, local = clock.stamps(at, "UTC"), clock.stamps(at, place.options.zone)
    return pc.if_else(pa.array(in_utc), utc, local)


def _readings(place: Workplace) -> Path:
    return place.out / "readings"


_DROPPED = pa.schema(
    [
        ("file", pa.int64()),
        ("household", pa.string()),
        ("time", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
        ("line", pa.int64()),
        ("text", pa.string()),
        ("other", pa.int64()),
    ]
)


def _as_listed(table: pa.Table) -> pa.Table:
    """Rows with their reasons, in the columns of the list; no engine knows their lines."""
    table = table.rename_columns(["text" if n == "broken" else n for n in table.column_names])
    for name in ("line", "other"):
        table = table.append_column(name, pa.nulls(table.num_rows, pa.int64()))
    return table.select(_DROPPED.names).cast(_DROPPED)


def _rejected_table(rows: list[tuple[int, int | None, str]]) -> pa.Table:
    n = len(rows)
    return pa.table(
        {
            "file": [row[0] for row in rows],
            "household": pa.nulls(n, pa.string()),
            "time": pa.nulls(n, pa.string()),
            "value": pa.nulls(n, pa.string()),
            "reason": [DropReason.WRONG_COLUMNS.value] * n,
            "line": [row[1] for row in rows],
            "text": [row[2] for row in rows],
            "other": pa.nulls(n, pa.int64()),
        },
        schema=_DROPPED,
    )


def _grouped(files: Sequence[SourceFile]) -> list[list[SourceFile]]:
    """Files of one layout that are read in one go: small ones together, large ones alone."""
    groups: list[list[SourceFile]] = []
    size = 0
    for file in files:
        fits = groups and groups[-1][0].layout == file.layout and len(groups[-1]) < _MOST_FILES
        if fits and size + file.bytes <= _CHUNK_BYTES:
            groups[-1].append(file)
            size += file.bytes
        else:
            groups.append([file])
            size = file.bytes
    return groups

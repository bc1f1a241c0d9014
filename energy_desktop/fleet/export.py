"""Results for other programs: CSV, JSON lines that a document store imports, PostgreSQL.

What is brought out is one finished run, whole: half of one, or a table of this run beside one of
before, reads like an answer and is none. So nothing is written before all that was asked for is
known to be there, and everything is put in place at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from energy_desktop.domain.errors import StoreError, WrongUse
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.fleet import inventory, summary
from energy_desktop.fleet.export_columns import (
    EMPTY,
    SORTED,
    Column,
    as_it_is,
    columns,
    inert,
    text,
)
from energy_desktop.fleet.parquet import connected
from energy_desktop.fleet.stored_run import MAKE_ANEW

if TYPE_CHECKING:
    from energy_desktop.fleet.results import FleetResults

READINGS = "clean"
"""Left out unless asked for by name: it is as large as the data themselves."""

_SERVERS = ("postgresql://", "postgres://", "postgresql+psycopg://")


@dataclass(frozen=True, slots=True)
class Exported:
    """A table that was brought out; target: the file, or the table of the database.

    note: what is to be known of it, in a sentence: why it is empty, what of it could not be written
    as it is; "" when there is nothing.
    """

    table: str
    target: str
    rows: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExportDone:
    """notes: what is to be known of the target, in sentences."""

    tables: tuple[Exported, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaving:
    """A result on its way out. stored: its files, for messages; source: for the FROM of a query;
    why_none: why the run has nothing of it, "" when it has.
    """

    name: str
    stored: Path
    source: str
    columns: tuple[Column, ...]
    why_none: str = ""

    def select(self, value: Callable[[Column], str]) -> str:
        told = ", ".join(f'{value(column)} AS "{column.name}"' for column in self.columns)
        order = " ORDER BY ALL" if self.name in SORTED else ""
        return f"SELECT {told} FROM {self.source}{order}"

    def unreadable(self, error: duckdb.Error) -> StoreError:
        return StoreError(
            where=str(self.stored),
            what=f"This result cannot be read ({_first_line(error)}).",
            remedy=MAKE_ANEW,
        )


def export(
    results: FleetResults,
    target: str,
    export_format: str,
    *,
    tables: tuple[str, ...] = (),
    progress: ProgressSink = no_progress,
) -> ExportDone:
    """See FleetService.export."""
    _refuse_target(results.out, target, export_format)
    results.run.refuse_unfinished()
    for name in tables:
        if name not in inventory.EXPORTED:
            raise WrongUse(
                where=f"--table {name}",
                what="The run has no such result.",
                remedy=f"It has: {', '.join(sorted(inventory.EXPORTED))}.",
            )
    wanted = tuple(dict.fromkeys(tables)) or tuple(
        name for name in inventory.EXPORTED if name != READINGS
    )
    results.run.refuse_incomplete(wanted)
    leaving = [_leaving(results, name) for name in wanted]
    if export_format == "postgresql":
        from energy_desktop.fleet.export_postgresql import to_postgresql

        done = to_postgresql(leaving, target, results.run.refuse_changed, progress)
    else:
        folder = Path(target)
        done = _to_files(leaving, folder, export_format, results.run.refuse_changed, progress)
    progress(1.0, "written")
    return done


def of_before(names: Sequence[str]) -> tuple[str, ...]:
    """A note on what lies at the target and was not written now."""
    if not names:
        return ()
    are, stay = (
        ("is", "it stays as it was") if len(names) == 1 else ("are", "they stay as they were")
    )
    return (f"{', '.join(names)} there {are} of an earlier export; {stay}.",)


def _refuse_target(out: Path, target: str, export_format: str) -> None:
    """Raises WrongUse for a target that the format does not go into."""
    if export_format == "postgresql":
        if not target.startswith(_SERVERS):
            raise WrongUse(
                where="The target of the export",
                what="This is no address of a database.",
                remedy="Write it as postgresql://user@host/base, or say --format csv for a folder.",
            )
        return
    if target.startswith(_SERVERS):
        raise WrongUse(
            where="The target of the export",
            what=f"This is the address of a database, and {export_format} goes into a folder.",
            remedy="Say --format postgresql, or name a folder.",
        )
    folder, results = Path(target).resolve(), out.resolve()
    if results in (folder, *folder.parents):
        raise WrongUse(
            where=target,
            what="This is the folder of the results, where only runs write.",
            remedy="Name another folder for the export.",
        )
    if folder.exists() and not folder.is_dir():
        raise WrongUse(
            where=target,
            what=f"This is a file, and {export_format} goes into a folder, a file a table.",
            remedy="Name a folder; it is made when it is not there.",
        )


def _leaving(results: FleetResults, name: str) -> Leaving:
    run = results.run
    about = run.manifest.about
    stored = results.out / inventory.place_of(name)
    if inventory.parts_of(run.manifest, name):
        source = run.table(stored.name)
        try:
            described = [row[:2] for row in run.rows(f"DESCRIBE SELECT * FROM {source}")]
        except duckdb.Error as error:
            raise Leaving(name, stored, source, ()).unreadable(error) from error
    else:
        described = list(EMPTY[name])
        typed = ", ".join(f'CAST(NULL AS {kind}) AS "{column}"' for column, kind in described)
        source = f"(SELECT {typed} WHERE false)"
    words = {one.segment: one.words for one in summary.segments(run.manifest)}
    told = columns(described, about["files"], str(about["currency"]), words)
    return Leaving(name, stored, source, told, inventory.why_none(run.manifest, name))


def _to_files(
    leaving: Sequence[Leaving],
    folder: Path,
    suffix: str,
    check: Callable[[], None],
    progress: ProgressSink,
) -> ExportDone:
    """All files, or none: those of before stay until every new one is whole, and `check` passes.

    JSON lines are an object a line, as `mongoimport` and the bulk loaders of document stores take.
    """
    value, how = {"csv": (inert, "HEADER"), "jsonl": (as_it_is, "FORMAT json")}[suffix]
    done: list[Exported] = []
    with ExitStack() as partials:
        new: list[tuple[Path, Path]] = []
        for k, one in enumerate(leaving):
            raise_if_cancelled("Fleet export")
            progress(k / len(leaving), f"writing {one.name}")
            file = folder / f"{one.name}.{suffix}"
            partial = file.with_name(f".{file.name}.part")
            partials.callback(_discard, partial)
            rows = _written(one, file, partial, one.select(value), how)
            new.append((partial, file))
            done.append(Exported(one.name, str(file), rows, one.why_none))
        check()
        _put_in_place(new)
    written = {one.table for one in done}
    others = [
        f"{name}.{suffix}"
        for name in inventory.EXPORTED
        if name not in written and (folder / f"{name}.{suffix}").exists()
    ]
    return ExportDone(tuple(done), of_before(others))


def _written(leaving: Leaving, file: Path, partial: Path, query: str, how: str) -> int:
    """The number of rows; they are in the file under its partial name."""
    if file.is_dir():
        raise _not_written(file, "a folder of that name is there")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()  # a folder that takes nothing says so in the system's words
        with connected({"threads": 2}) as connection:
            row = connection.execute(f"COPY ({query}) TO {text(str(partial))} ({how})").fetchone()
    except duckdb.Error as error:
        if str(leaving.stored) in str(error):
            raise leaving.unreadable(error) from error
        raise _not_written(file, _first_line(error)) from error
    except OSError as error:
        raise _not_written(file, error.strerror or str(error)) from error
    return 0 if row is None else int(row[0])


def _put_in_place(new: Sequence[tuple[Path, Path]]) -> None:
    """new: each file under its partial name, and its own. One that cannot be replaced, as one that
    a spreadsheet holds open on Windows, leaves all of them as they were.
    """
    aside = []
    with ExitStack() as undone:
        for partial, file in new:
            before = file.with_name(f".{file.name}.before")
            try:
                if file.exists():
                    file.replace(before)
                    undone.callback(before.replace, file)
                    aside.append(before)
                else:
                    undone.callback(_discard, file)
                partial.replace(file)
            except OSError as error:
                raise _not_written(file, error.strerror or str(error)) from error
        undone.pop_all()
    for before in aside:
        _discard(before)


def _discard(file: Path) -> None:
    file.unlink(missing_ok=True)


def _not_written(file: Path, why: str) -> StoreError:
    return StoreError(
        where=str(file),
        what=f"It cannot be written ({why}).",
        remedy="Make room there, or name another folder.",
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)

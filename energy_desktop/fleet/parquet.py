"""Results on disk, read with DuckDB alone.

Who looks at results needs no more, and need not wait while ibis is imported, which takes longer
than most answers.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from energy_desktop.domain.errors import DataFileError
from energy_desktop.fleet import names

if TYPE_CHECKING:
    import pyarrow as pa


def connected(config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory."""
    return without_progress_bar(duckdb.connect(config=config))


def without_progress_bar(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """It would go to stdout, where the one JSON document stands."""
    connection.execute("SET enable_progress_bar = false")
    return connection


def parquet_files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The files below paths, each a file or a folder of them. Raises DataFileError without any."""
    found: list[Path] = []
    paths = tuple(paths)
    for path in paths:
        # Spark makes folders named like files.
        found += (
            sorted(p for p in path.rglob("*.parquet") if p.is_file()) if path.is_dir() else [path]
        )
    if not found:
        raise DataFileError(
            where=", ".join(str(p) for p in paths[:3]) or "Fleet results",
            what="A result of an earlier stage is not there.",
            remedy="Run again into an empty folder.",
        )
    return tuple(found)


def read_all(
    paths: Iterable[Path], columns: Sequence[str] | None = None, *, coded: Sequence[str] = ()
) -> pa.Table:
    """The parts of a result as one table, whichever engine wrote each of them. columns None: all.
    coded: texts that stay numbers of a dictionary, which takes a fraction of the memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [
        pq.ParquetFile(file, read_dictionary=list(coded)).read(columns)
        for file in parquet_files(paths)
    ]
    # Spark says of some columns that they are never null, and of others nothing.
    return pa.concat_tables(
        [t.cast(pa.schema([field.with_nullable(True) for field in t.schema])) for t in tables]
    )


def remove(path: Path) -> None:
    """A result half written by a run that was killed goes before it is written anew."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_parquet(paths: Iterable[Path]) -> str:
    """Stored results for the FROM of a query of DuckDB. Raises DataFileError as `parquet_files`."""
    files = (names.told(file, names.duckdb_pattern) for file in parquet_files(paths))
    return f"read_parquet([{', '.join(map(sql_text, files))}], hive_partitioning = false)"


def sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

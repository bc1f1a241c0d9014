"""What the stages ask of whoever computes: DuckDB here, Spark in spark.py.

The stages hand over ibis expressions and get Parquet or Arrow back. Only reading text and writing
Parquet differ between engines, so only that stands here; all arithmetic is in the expressions.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import duckdb
import ibis
import ibis.expr.datatypes as dt
from ibis.backends.sql.compilers.duckdb import compiler as duckdb_compiler

from energy_desktop.domain.jobs import end_with_parent
from energy_desktop.fleet import memory, names, quoted
from energy_desktop.fleet.estimate import ROWS_OF_A_PART
from energy_desktop.fleet.layout import SourceFile
from energy_desktop.fleet.parquet import (
    connected,
    read_parquet,
    remove,
    sql_text,
    without_progress_bar,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.expr.types import IntegerValue, StringValue, Table

I = TypeVar("I")  # noqa: E741
Q = TypeVar("Q")
R = TypeVar("R")

_QUESTIONS = 100
_WAITING, _MOST_WAITING = 30_720, 524_288
"""Rows that a thread gathers for each folder, and for all: few enough not to need new memory."""
_READ_AT_ONCE = 4 << 20
"""Bytes of a file. Memory touched for the first time costs more than what is read into it."""

_BLANK = "".join(map(chr, range(33)))
"""A line of these alone is no row, as one without a character."""

TEXT_COLUMNS = ("file", "household", "time", "value", "tariff", "broken")


class Engine(Protocol):
    """One computation. Not for several threads at once."""

    name: str
    any_digits: bool
    """Whether it takes digits of other scripts for a number too."""

    errors: tuple[type[Exception], ...]
    """What it raises for a damaged file, a full disk and the like, and not for our mistakes."""

    def why(self, error: Exception) -> str:
        """What one of these says is wrong, in a line."""
        ...

    def blames_file(self, error: Exception) -> bool:
        """Whether one of these, raised where a file was read and nothing written, is due to it."""
        ...

    def text(self, files: Sequence[SourceFile]) -> Table:
        """Rows of files of one layout as text, columns TEXT_COLUMNS."""
        ...

    def rejected(self) -> list[tuple[int, int | None, str]]:
        """(file, line, text) of rows the reader itself could not split, since the last call."""
        ...

    def parquet(self, paths: Sequence[Path], name: str | None = None) -> Table:
        """Stored results; a path is a Parquet file or a folder of them. name: other results take
        its place under the same name, so that questions to it can be asked again.
        """
        ...

    def asked(self, build: Callable[..., Q], *of: Any) -> Q:
        """build(*of): tables, or several. Of tables with the same names and columns it is put
        together once, since that takes longer than a small part takes to answer.
        """
        ...

    def small(self, name: str, table: pa.Table) -> Table:
        """A table of this process, for joining."""
        ...

    def seconds(self, stamp: StringValue) -> IntegerValue:
        """Since 1970, of a stamp without an offset (2013-03-31 00:30, or with seconds); 24:00 is
        the midnight after. null: there is no such time.
        """
        ...

    def bucket(self, column: StringValue, parts: int) -> IntegerValue:
        """0 to parts - 1, the same for the same text."""
        ...

    def kept(self, name: str, expression: Table) -> contextlib.AbstractContextManager[Table]:
        """The expression computed once, to be used several times inside the block."""
        ...

    def write(
        self, expression: Table, path: Path, *, by: str | None = None, folders: int = 1
    ) -> None:
        """Replaces `path` by the rows; `by`: a folder for each of the values of that column, of
        which there are about `folders`.
        """
        ...

    def fetch(self, expression: Table) -> pa.Table: ...

    def twins(self) -> Sequence[Engine]:
        """This one, and others that may compute beside it, each in a thread of its own. They are
        closed with it.
        """
        ...

    def map(self, function: Callable[[I], R], items: Sequence[I]) -> Iterator[R]:
        """The answers in the order of the items, computed side by side."""
        ...

    def parts_for(self, rows: int) -> int:
        """Into how many parts households are divided, so that one part fits into memory."""
        ...

    def memory_mb(self) -> float:
        """The most memory that this process and those that the engine runs beside it on this
        machine held, in MB of 2**20 bytes: never less than what they held at a time.
        """
        ...

    def close(self) -> None: ...


class DuckDbEngine:
    """DuckDB embedded in this process.

    threads None: all cores. Intermediate results that do not fit go to `scratch`.
    """

    name = "duckdb"
    any_digits = False
    errors: tuple[type[Exception], ...] = (duckdb.IOException, duckdb.InvalidInputException)
    _rows_of_a_part = ROWS_OF_A_PART

    def __init__(self, scratch: Path, *, threads: int | None = None, memory_mb: int = 2500) -> None:
        self.threads = threads or os.cpu_count() or 1
        scratch.mkdir(parents=True, exist_ok=True)
        self._links = scratch / "names"
        self._connection = connected(
            {
                "threads": self.threads,
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": str(scratch),
                "preserve_insertion_order": False,
            }
        )
        self._pool: ProcessPoolExecutor | None = None
        self._workers = memory.Workers()
        self._twin: DuckDbEngine | None = None
        self._shared = _Shared()

    def why(self, error: Exception) -> str:
        return next(iter(str(error).strip().splitlines()), type(error).__name__)

    def blames_file(self, error: Exception) -> bool:
        return isinstance(error, self.errors)

    def text(self, files: Sequence[SourceFile]) -> Table:
        paths = [names.opened(file.path, names.duckdb_pattern, self._links) for file in files]
        self._files = {str(path): file.index for path, file in zip(paths, files, strict=True)}
        if files[0].layout.quoted:
            return quoted.split(self._lines(paths, files), files[0].layout)
        selects = []
        for path, file in zip(paths, files, strict=True):
            layout = file.layout
            columns = [f"c{k}" for k in range(len(layout.columns))]
            household = (
                sql_text(file.household)
                if layout.household is None
                else f"trim({columns[layout.household]})"
            )
            tariff = "NULL" if layout.tariff is None else f"trim({columns[layout.tariff]})"
            time, value = columns[layout.time], columns[layout.value]
            if layout.cells:  # a row is a day: a reading is a column of it
                steps = ", ".join(sql_text(after) for _, after in layout.cells)
                time = f"trim({time}) || unnest([{steps}])"
                value = f"unnest([{', '.join(columns[k] for k, _ in layout.cells)}])"
            selects.append(
                f"SELECT {file.index}::INTEGER AS file, {household} AS household, "
                f"{time} AS time, {value} AS value, "
                f"{tariff}::VARCHAR AS tariff, NULL::VARCHAR AS broken "
                f"FROM {_read_csv(path, layout.delimiter, columns)}"
            )
        return self._view("text_rows", selects)

    def _lines(self, paths: Sequence[Path], files: Sequence[SourceFile]) -> Table:
        """Whole lines, columns file, named, line, broken."""
        return self._view(
            "text_lines",
            [
                f"SELECT {file.index}::INTEGER AS file, {sql_text(file.household)} AS named, line, "
                f"NULL::VARCHAR AS broken "
                f"FROM {_read_csv(path, quoted.BETWEEN, ['line'])}"
                for path, file in zip(paths, files, strict=True)
            ],
        )

    def _view(self, name: str, selects: Sequence[str]) -> Table:
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {name} AS {' UNION ALL '.join(selects)}"
        )
        return self._table(name)

    def rejected(self) -> list[tuple[int, int | None, str]]:
        known = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'"
        if not self._one(known):
            return []
        # A row may be told of several times, once for each of its faults.
        rows = self._connection.execute(
            "SELECT s.file_path, e.line, any_value(e.csv_line) FROM reject_errors e "
            "JOIN reject_scans s USING (scan_id, file_id) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        self._connection.execute("DROP TABLE reject_errors")
        self._connection.execute("DROP TABLE reject_scans")
        return [
            (self._files[path], int(line), said)
            for path, line, text in rows
            if (said := str(text).strip(_BLANK))
        ]

    def parquet(self, paths: Sequence[Path], name: str | None = None) -> Table:
        rows = read_parquet(paths)
        name = name or f"stored_{abs(hash(rows)):x}"
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {rows}")
        return self._table(name)

    def asked(self, build: Callable[..., Q], *of: Any) -> Q:
        key = (build, *(_by_content(one) for one in of if one is not self))
        with self._shared.lock:
            if key not in self._shared.questions:
                self._shared.questions[key] = build(*of)
            found: Q = self._shared.questions[key]
            return found

    def small(self, name: str, table: pa.Table) -> Table:
        # In the database and not in this connection: what is asked of it, a twin asks as well.
        with self._shared.lock:
            if self._shared.small.get(name) is not table:
                self._connection.register("arriving", table)
                self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM arriving")
                self._connection.unregister("arriving")
                self._shared.small[name] = table
        return self._table(name)

    def seconds(self, stamp: StringValue) -> IntegerValue:
        return stamp.try_cast("timestamp").epoch_seconds().cast("int64")

    def bucket(self, column: StringValue, parts: int) -> IntegerValue:
        return (_hash(column) % parts).cast("int32")

    @contextlib.contextmanager
    def kept(self, name: str, expression: Table) -> Iterator[Table]:
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS {self._query(expression)}"
        )
        try:
            yield self._table(name)
        finally:
            self._connection.execute(f"DROP TABLE IF EXISTS {name}")

    def write(
        self, expression: Table, path: Path, *, by: str | None = None, folders: int = 1
    ) -> None:
        remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        options = "FORMAT parquet, COMPRESSION zstd"
        if by is not None:
            options += f", PARTITION_BY ({by}), WRITE_PARTITION_COLUMNS false"
            waiting = min(folders * _WAITING, _MOST_WAITING)
            self._connection.execute(f"SET partitioned_write_flush_threshold = {waiting}")
        self._connection.execute(
            f"COPY ({self._query(expression)}) TO {sql_text(str(path))} ({options})"
        )

    def fetch(self, expression: Table) -> pa.Table:
        return self._connection.sql(self._query(expression)).to_arrow_table()

    def twins(self) -> Sequence[Engine]:
        """Two share the threads and the memory: while one writes in order, the other reads."""
        if self.threads < 2:
            return (self,)
        if self._twin is None:
            self._twin = copy.copy(self)
            self._twin._connection = without_progress_bar(self._connection.cursor())
            self._twin._pool = None
        return (self, self._twin)

    def map(self, function: Callable[[I], R], items: Sequence[I]) -> Iterator[R]:
        if len(items) < 2 or self.threads < 2:
            yield from map(function, items)
            return
        if self._pool is None:
            self._pool = worker_pool(self.threads)
        futures = [self._pool.submit(memory.measured, function, item) for item in items]
        try:
            for future in futures:
                process_id, peak, answer = future.result()
                self._workers.saw(process_id, peak)
                yield answer
        finally:
            for future in futures:
                future.cancel()

    def parts_for(self, rows: int) -> int:
        return max(1, -(-rows // self._rows_of_a_part))

    def memory_mb(self) -> float:
        return self._workers.together_mb

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._twin is not None:
            self._twin._connection.close()
        self._connection.close()

    def _query(self, expression: Table) -> str:
        """The SQL of an expression, with sums of integers as wide as everywhere else: DuckDB makes
        them 128 bits, which a Parquet file keeps as floats.
        """
        with self._shared.lock:
            sql = self._shared.sql(expression.op())
        asked = self._connection.sql(sql)
        wide = [
            f'CAST("{name}" AS BIGINT) AS "{name}"'
            for name, kind in zip(asked.columns, asked.types, strict=True)
            if str(kind) == "HUGEINT"
        ]
        return f"SELECT * REPLACE ({', '.join(wide)}) FROM ({sql})" if wide else sql

    def _table(self, name: str) -> Table:
        """A table that ibis knows by its columns alone: it compiles, DuckDB is asked here."""
        none = self._connection.sql(f"SELECT * FROM {name} LIMIT 0").to_arrow_table()
        return ibis.table(ibis.Schema.from_pyarrow(none.schema), name=name)

    def _one(self, sql: str) -> object:
        row = self._connection.execute(sql).fetchone()
        return None if row is None else row[0]


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]
def _hash(text: str) -> dt.uint64:
    """64 bits without a sign; ibis would turn them into bits and back."""


class _Shared:
    """What an engine and its twins know together."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.questions: dict[tuple[Any, ...], Any] = {}
        self.small: dict[str, pa.Table] = {}
        self.sql = functools.lru_cache(_QUESTIONS)(
            lambda node: compiled(node.to_expr(), duckdb_compiler)
        )


def _by_content(one: Any) -> Any:
    return one.op() if isinstance(one, ibis.Table) else one


def compiled(expression: Table, compiler: Any) -> str:
    """The SQL of an expression. compiler: ibis's own for a dialect, imported by its name in the
    code: what a library finds by itself at run time, a bundled program lacks.
    """
    return str(compiler.to_sqlglot(expression.unbind()).sql(dialect=compiler.dialect))


def worker_pool(count: int) -> ProcessPoolExecutor:
    """Spawned, because a fork would copy the locks of DuckDB's threads."""
    import multiprocessing

    return ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker
    )


def _begin_worker() -> None:
    end_with_parent()
    # Two OpenMP threads on busy cores are many times slower than one.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"


def _read_csv(path: Path, delimiter: str, columns: Sequence[str]) -> str:
    """A file for the FROM of a query; quotation marks are text like any other."""
    file = sql_text(names.told(path, names.duckdb_pattern))
    each = ", ".join(f"'{column}': 'VARCHAR'" for column in columns)
    return (
        f"read_csv({file}, columns = {{{each}}}, header = true, delim = {sql_text(delimiter)}, "
        f"quote = '', escape = '', auto_detect = false, hive_partitioning = false, "
        f"ignore_errors = true, store_rejects = true, rejects_limit = 0, "
        f"buffer_size = {_READ_AT_ONCE})"
    )

"""The same expressions on Spark: for data that outgrow one machine.

Needs the extra `fleet-spark` and Java 17 or newer. With a master elsewhere, the folder of files
and the folder of results must be one that every worker sees under the same name, and the workers
need this program's packages: the rule for hours runs there, in Python, household by household.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import os
import shutil
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import ibis

from energy_desktop.domain.errors import UserFacingError, WrongUse
from energy_desktop.fleet import cluster, names, quoted
from energy_desktop.fleet.engine import compiled
from energy_desktop.fleet.layout import SourceFile
from energy_desktop.fleet.memory import Workers, measured, peak_mb, peak_of_mb
from energy_desktop.fleet.parquet import parquet_files, remove

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.expr.types import IntegerValue, StringValue, Table

I = TypeVar("I")  # noqa: E741
Q = TypeVar("Q")
R = TypeVar("R")

LOCAL = "local[*]"
_STANDALONE = "spark://"
_MASTERS = ("local", _STANDALONE, "yarn", "k8s://")
_ADDRESS = "Write it as its web page shows it: spark://HOST:7077; local[2] is this machine."
_ANSWERS_S = 4.0
_BROKEN = "_broken"
_FAILED_READ = "[FAILED_READ_FILE"
"""What Spark says of a file it cannot read to its end, and of nothing else."""
_MIDNIGHT = r"^\d{4}-\d\d-\d\d[ T]24:00(:00(\.0*)?)?$"
_BYTES = "ISO-8859-1"
_NOWHERE = "\u0100"
"""A character that no byte makes."""
_COLLAPSE = "org.apache.spark.sql.catalyst.optimizer.CollapseProject"
_ROWS_OF_A_PART = 20_000_000
_JAVA_OPTIONS = "spark.driver.extraJavaOptions"
_NO_LOG = """\
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = off
rootLogger.level = off
rootLogger.appenderRef.nobody.ref = nobody
appender.nobody.type = Null
appender.nobody.name = nobody
"""
"""Without an appender Spark takes a configuration for none, and its own."""
_SHUFFLE = "spark.sql.shuffle.partitions"
_PIECES_OF_A_CORE = 4
_ASKED_OF_A_CORE = 4
"""Questions for each core of a cluster: the first come to whoever is there first."""


def java_home() -> str | None:
    """Where Java is; None: Spark cannot run here."""
    found = shutil.which("java")
    return os.environ.get("JAVA_HOME") or (None if found is None else str(Path(found).resolve()))


class SparkEngine:
    """Spark, started in this process and stopped with `close`. master: `local[2]`, or a cluster's.

    settings: of Spark itself, over those made here.

    Raises UserFacingError when Java or the extra is missing, or the master does not answer.
    """

    name = "spark"
    any_digits = True

    def __init__(
        self,
        scratch: Path,
        *,
        master: str = LOCAL,
        memory_mb: int = 2500,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        refuse_silent(master)
        if java_home() is None:
            raise UserFacingError(
                where="Spark",
                what="There is no Java on this machine.",
                remedy="Install Java 17 (Debian: openjdk-17-jre-headless), or use --engine duckdb.",
            )
        try:
            with _quiet():
                from ibis.backends.sql.compilers.pyspark import compiler
                from py4j.protocol import Py4JError
                from pyspark.errors import PySparkException
                from pyspark.sql import SparkSession

                _ = ibis.pyspark.name  # asking for it loads its settings
        except ImportError as error:
            raise UserFacingError(
                where="Spark",
                what="pyspark is not installed.",
                remedy="Install it: pip install 'energy-desktop[fleet-spark]'.",
            ) from error
        self.errors: tuple[type[Exception], ...] = (Py4JError, PySparkException)
        self._quiet = _quiet
        self._compiler = compiler
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = (
            SparkSession.builder.master(master)
            .appName("energy-desktop fleet")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.memory", f"{memory_mb}m")
            .config("spark.local.dir", str(scratch))
            .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
            # Both engines must read a stamp the same way, wherever the machine stands.
            .config("spark.sql.session.timeZone", "UTC")
            # Put into one, the steps of reading a row would each be computed several times over.
            .config("spark.sql.optimizer.excludedRules", _COLLAPSE)
            # A row with a column too many is told from a good one only if all of it is parsed.
            .config("spark.sql.csv.parser.columnPruning.enabled", "false")
            .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        )
        if master.startswith("local"):
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
            builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
            builder = builder.config("spark.driver.host", "127.0.0.1")
        for key, value in (settings or {}).items():
            builder = builder.config(key, value)
        scratch.mkdir(parents=True, exist_ok=True)
        if _JAVA_OPTIONS not in (settings or {}):
            # What goes wrong is told in a sentence, not in a hundred lines.
            log = scratch / "log4j2.properties"
            log.write_text(_NO_LOG, encoding="ascii")
            option = f"-Dlog4j2.configurationFile={log.resolve().as_uri()}"
            builder = builder.config(_JAVA_OPTIONS, option)
        self._scratch = scratch
        self._links = scratch / "names"
        self.session: Any = self._begun(builder, master)
        # Why a task failed is told in a sentence, by whoever asked.
        context = self.session.sparkContext
        context.setLogLevel("FATAL")
        if not context.getConf().contains(_SHUFFLE):
            # As it comes, Spark cuts each table into 200, however small it is and few the cores.
            self.session.conf.set(_SHUFFLE, str(_PIECES_OF_A_CORE * context.defaultParallelism))
        self._tables = 0
        self._here = master.startswith("local")
        self._workers = Workers()

    def _begun(self, builder: Any, master: str) -> Any:
        try:
            with _quiet():
                return builder.getOrCreate()
        except Exception as error:
            why = self.why(error)[:300].rstrip(".")  # asked of Java, which goes now
            _end_machine()
            if not isinstance(error, (*self.errors, OSError)):
                raise
            may_be = "; what answers there may be no master of Spark"
            raise UserFacingError(
                where=f"Spark, master {master}",
                what=f"It does not begin{may_be if master.startswith(_STANDALONE) else ''}: {why}.",
                remedy="Check the address of the master and look into its log; without a master "
                "Spark runs on this machine.",
            ) from error

    def refuse_unshared(self, files: Sequence[Path]) -> None:
        """Asks the workers of a cluster whether they see the files and the folder of results.

        Raises UserFacingError naming who does not see what, or why a worker cannot look.
        """
        if self._here:
            return
        context = self.session.sparkContext
        times = _ASKED_OF_A_CORE * max(2, context.defaultParallelism)

        def ask(look: Callable[[int], tuple[str, str]], numbers: Sequence[int]) -> Any:
            with self._quiet():
                return context.parallelize(numbers, len(numbers)).map(look).collect()

        cluster.refuse_unshared(ask, self.errors, self._scratch, files, times)

    def why(self, error: Exception) -> str:
        lines = str(error).strip().splitlines()
        causes = [line for line in lines if line.startswith("Caused by: ")][-1:]
        said = causes or [line for line in lines if line.startswith(": ")] or lines
        first = next(iter(said), type(error).__name__)
        return first.removeprefix("Caused by").removeprefix(": ")

    def blames_file(self, error: Exception) -> bool:
        return isinstance(error, self.errors) and _FAILED_READ in str(error)

    def text(self, files: Sequence[SourceFile]) -> Table:
        from pyspark.sql import functions as f

        layout = files[0].layout
        if layout.quoted:
            return quoted.split(self._lines(files), layout)
        columns = [f"c{k}" for k in range(len(layout.columns))]
        asked = {layout.household, layout.time, layout.value, layout.tariff}
        asked |= {k for k, _ in layout.cells}
        used = [columns[k] for k in sorted(k for k in asked if k is not None)]
        rows = None
        for file in files:
            one = self._read_csv(file, layout.delimiter, columns, used)
            household = (
                f.lit(file.household)
                if layout.household is None
                else f.trim(columns[layout.household])
            )
            tariff = f.lit(None).cast("string") if layout.tariff is None else f.trim(
                columns[layout.tariff]
            )  # fmt: skip
            broken, time, value = f.col(_BROKEN), columns[layout.time], columns[layout.value]
            if layout.cells:  # a row is a day: a reading is a column of it, a broken row is one
                steps = [
                    f.struct(
                        f.concat(f.trim(time), f.lit(after)).alias("time"),
                        f.col(columns[k]).alias("v"),
                    )
                    for k, after in layout.cells
                ]
                shut = f.array(f.struct(f.col(time).alias("time"), f.col(value).alias("v")))
                each = f.when(broken.isNotNull(), shut).otherwise(f.array(*steps))
                one = one.withColumn("step", f.explode(each))
                time, value = "step.time", "step.v"
            one = one.select(
                f.lit(file.index).alias("file"),
                household.alias("household"),
                f.col(time).alias("time"),
                f.col(value).alias("value"),
                tariff.alias("tariff"),
                broken.alias("broken"),
            )
            rows = one if rows is None else rows.unionAll(one)
        return self._table(rows)

    def _lines(self, files: Sequence[SourceFile]) -> Table:
        """Whole lines, columns file, named, line, broken."""
        from pyspark.sql import functions as f

        rows = None
        for file in files:
            one = self._read_csv(file, _NOWHERE, ["line"], ["line"]).select(
                f.lit(file.index).alias("file"),
                f.lit(file.household).alias("named"),
                f.col("line"),
                f.col(_BROKEN).alias("broken"),
            )
            rows = one if rows is None else rows.unionAll(one)
        return self._table(rows)

    def _read_csv(
        self, file: SourceFile, delimiter: str, columns: Sequence[str], used: Sequence[str]
    ) -> Any:
        """The columns that are used, and _BROKEN: the line that has other columns than these, or
        is not UTF-8 in one that is used. Quotation marks are text like any other.
        """
        from pyspark.sql import functions as f
        from pyspark.sql.types import StringType, StructField, StructType

        # Byte by byte: reading UTF-8, Spark would put a sign for what is none, and go on.
        path = names.opened(file.path, names.hadoop_pattern, self._links)
        rows = self.session.read.csv(
            names.told(path, names.hadoop_pattern),
            schema=StructType([StructField(name, StringType()) for name in (*columns, _BROKEN)]),
            sep=delimiter,
            header=True,
            enforceSchema=True,
            encoding=_BYTES,
            quote=_NOWHERE,
            escape=_NOWHERE,
            mode="PERMISSIVE",
            columnNameOfCorruptRecord=_BROKEN,
        )
        rows = rows.select(
            *(f.encode(name, _BYTES).cast("string").alias(name) for name in (*used, _BROKEN))
        )
        strange = functools.reduce(operator.or_, (~f.is_valid_utf8(name) for name in used))
        said = f.make_valid_utf8(f.coalesce(_BROKEN, f.concat_ws(delimiter, *used)))
        return rows.select(
            *(f.make_valid_utf8(name).alias(name) for name in used),
            f.when(f.col(_BROKEN).isNotNull() | strange, said).alias(_BROKEN),
        )

    def rejected(self) -> list[tuple[int, int | None, str]]:
        """Spark marks such rows in the column `broken` and goes on."""
        return []

    def parquet(self, paths: Sequence[Path], name: str | None = None) -> Table:
        files = (names.told(file, names.hadoop_pattern) for file in parquet_files(paths))
        frame = self.session.read.parquet(*files)
        return self._table(frame, name)

    def asked(self, build: Callable[..., Q], *of: Any) -> Q:
        """Anew each time: beside what Spark does with it, putting it together is nothing."""
        return build(*of)

    def small(self, name: str, table: pa.Table) -> Table:
        with self._quiet():
            frame = self.session.createDataFrame(table)
        return self._table(frame, name)

    def seconds(self, stamp: StringValue) -> IntegerValue:
        midnight = stamp.re_search(_MIDNIGHT)  # which Spark knows as 00:00 alone
        stamp = ibis.ifelse(midnight, stamp.substr(0, 11) + "00:00", stamp)
        at = stamp.try_cast("timestamp").epoch_seconds().cast("int64")
        return at + ibis.ifelse(midnight, 86_400, 0)

    def bucket(self, column: StringValue, parts: int) -> IntegerValue:
        return (column.hash() % parts).abs().cast("int32")

    @contextlib.contextmanager
    def kept(self, name: str, expression: Table) -> Iterator[Table]:
        frame = self._frame(expression).persist()
        try:
            yield self._table(frame, name)
        finally:
            frame.unpersist()

    def write(
        self,
        expression: Table,
        path: Path,
        *,
        by: str | None = None,
        folders: int = 1,  # noqa: ARG002
    ) -> None:
        remove(path)
        frame = self._frame(expression)
        if self._here:
            _save(frame, path, by)
            return
        from pyspark.sql import Observation
        from pyspark.sql import functions as f

        written = Observation()
        _save(frame.observe(written, f.count(f.lit(1)).alias("rows")), path, by)
        cluster.refuse_lost_rows(path, int(written.get["rows"]))

    def fetch(self, expression: Table) -> pa.Table:
        with self._quiet():
            table: pa.Table = self._frame(expression).toArrow()
        return table

    def twins(self) -> Sequence[SparkEngine]:
        """Spark divides each question among its executors by itself."""
        return (self,)

    def map(self, function: Callable[[I], R], items: Sequence[I]) -> Iterator[R]:
        if not items:
            return
        context = self.session.sparkContext
        asked = context.parallelize(items, len(items)).map(functools.partial(measured, function))
        with self._quiet():
            for process_id, peak, answer in asked.toLocalIterator():
                if self._here:
                    self._workers.saw(process_id, peak)
                yield answer

    def parts_for(self, rows: int) -> int:
        return max(1, -(-rows // _ROWS_OF_A_PART))

    def memory_mb(self) -> float:
        process = getattr(getattr(self.session.sparkContext, "_gateway", None), "proc", None)
        machine = 0.0 if process is None else peak_of_mb(int(process.pid))
        return peak_mb() + machine + self._workers.peaks_mb

    def close(self) -> None:
        self.session.stop()
        _end_machine()

    def _frame(self, expression: Table) -> Any:
        return self.session.sql(compiled(expression, self._compiler))

    def _table(self, frame: Any, name: str | None = None) -> Table:
        """A table that ibis knows by its columns alone: it compiles, Spark is asked here."""
        if name is None:
            self._tables += 1
            name = f"table_{self._tables}"
        frame.createOrReplaceTempView(name)
        with self._quiet():
            from pyspark.sql.pandas.types import to_arrow_schema

            schema = to_arrow_schema(frame.schema)
        return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)


def _save(frame: Any, path: Path, by: str | None) -> None:
    writer = frame.write.mode("overwrite").option("compression", "zstd")
    if by is not None:
        writer = writer.partitionBy(by)
    writer.parquet(str(path))


def refuse_silent(master: str) -> None:
    """Told at once: Spark itself takes more than a minute and many lines to say it. Several
    addresses stand for one master, so one that answers is enough.

    Raises WrongUse for what Spark knows no master by, UserFacingError when nobody answers.
    """
    if not master.startswith(_MASTERS):
        raise WrongUse(
            where=f"Master {master}",
            what="Spark knows no such master.",
            remedy=_ADDRESS,
        )
    if not master.startswith(_STANDALONE):
        return
    why = ""
    for place in master.removeprefix(_STANDALONE).split(","):
        try:
            at = urlsplit(f"//{place}")
            host, port = at.hostname, at.port
        except ValueError:
            host = port = None
        if not host or port is None:
            raise WrongUse(
                where=f"Master {master}", what=f"{place!r} is no host and port.", remedy=_ADDRESS
            )
        try:
            socket.create_connection((host, port), _ANSWERS_S).close()
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return
    raise UserFacingError(
        where=f"Master {master}",
        what=f"The master of Spark does not answer there ({why}).",
        remedy="Check its address, and that it runs and can be reached from here.",
    )


def _end_machine() -> None:
    """The virtual machine of this process goes: the next engine gets one of its own."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    SparkContext._gateway = SparkContext._jvm = None
    if gateway is None:
        return
    process = getattr(gateway, "proc", None)
    gateway.shutdown()
    if process is not None:
        # Without this it outlives the session until this process ends.
        if process.stdin is not None:
            process.stdin.close()
        process.wait(timeout=30)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """pyspark warns of pandas 3 wherever it touches Arrow; pandas itself is not used here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield

"""The store as the rest of the program sees it: opened once, handed around by its parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from energy_desktop.domain.clock import Clock, from_ms, system_clock, to_ms
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.errors import DamagedStore, StoreError
from energy_desktop.domain.keeping import DailyRoom
from energy_desktop.storage import backup as backups
from energy_desktop.storage import lock, migrations, timescale
from energy_desktop.storage.check import find_damage
from energy_desktop.storage.database import Database, parse_target
from energy_desktop.storage.repositories.clock_jumps import StoredClockJumps
from energy_desktop.storage.repositories.configuration import StoredConfiguration
from energy_desktop.storage.repositories.events import (
    StoredAlarms,
    StoredFindings,
    StoredQuarantine,
)
from energy_desktop.storage.repositories.invoices import StoredInvoices
from energy_desktop.storage.repositories.pushing import StoredApiKeys, StoredPushAnswers
from energy_desktop.storage.series.bookkeeping import Bookkeeper
from energy_desktop.storage.series.bulk import BulkLoader
from energy_desktop.storage.series.chunks import TimelineCache
from energy_desktop.storage.series.editing import LedgerEditor
from energy_desktop.storage.series.exchanges import RegisterEvents
from energy_desktop.storage.series.gauges import ImportedGauges
from energy_desktop.storage.series.ledger import StoredLedger
from energy_desktop.storage.series.names import Names
from energy_desktop.storage.series.proofs import Prover
from energy_desktop.storage.series.reading import StoredHistory
from energy_desktop.storage.series.recounting import StoredRecounting
from energy_desktop.storage.series.retention import Retention, RetentionRules
from energy_desktop.storage.series.room import daily_room
from energy_desktop.storage.series.sealing import Sealer
from energy_desktop.storage.writer import SAVE_GAP, Writer, WriterOptions


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What a status bar shows. free_disk_bytes, disk_bytes None: a server's disk is not ours to
    see."""

    waiting: int
    spilled: int
    committed: int
    lost: int
    last_commit_ms: int | None
    failing: str
    database_bytes: int
    free_disk_bytes: int | None
    disk_bytes: int | None


class Store:
    """Made by `open_store`. Usable from any thread; `close()` ends it.

    Only the holder of the engine lock writes series: `writer` and `bulk` raise StoreError without
    it. Configuration, invoices, imported intervals and imported readings of gauges may be written
    beside a running engine.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine_lock: lock.EngineLock | None,
        writer_options: WriterOptions | None = None,
        retention: RetentionRules | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._lock = engine_lock
        self._known_bytes = 0
        names, cache = Names(database), TimelineCache()
        self._names = names
        self.configuration = StoredConfiguration(database)
        zone = self.configuration.zone
        self.history = StoredHistory(database, names, cache, zone)
        self.ledger = StoredLedger(database, names, cache, clock)
        keeper = Bookkeeper(names, cache, self.configuration.register_rules, clock)
        self.gauges = ImportedGauges(database, names, cache, keeper, zone)
        self.editing = LedgerEditor(database, names)
        self.exchanges = RegisterEvents(database, keeper, clock)
        self.clock_jumps = StoredClockJumps(database)
        self.recounting = StoredRecounting(database, keeper, clock)
        self.invoices = StoredInvoices(database)
        self.alarms = StoredAlarms(database)
        self.findings = StoredFindings(database)
        self.quarantine = StoredQuarantine(database)
        self.api_keys = StoredApiKeys(database)
        self.push_answers = StoredPushAnswers(database)
        self._sealer = Sealer(database, names, cache, zone)
        self._writer = Writer(
            database, names, keeper, self._sealer, _spill_path(database), clock, writer_options
        )
        self._retention = Retention(
            database,
            names,
            cache,
            zone,
            self.configuration.retention if retention is None else lambda: retention,
            self._writer.turn,
        )
        self._prover = Prover(database, self._writer.turn)
        self._bulk = BulkLoader(database, names, cache, keeper, zone)
        self.configuration.on_zone_changed = self._retention.rebuild_days

    @property
    def where(self) -> str:
        """The file or server, for sentences."""
        return self._database.where

    @property
    def software(self) -> str:
        """What keeps the data, with its version: "SQLite 3.50.4"."""
        name, question = (
            ("SQLite", "SELECT sqlite_version()")
            if self._database.is_sqlite
            else ("PostgreSQL", "SHOW server_version")
        )
        with self._database.reading() as session:
            row = session.row(question)
        return f"{name} {row[0]}" if row else name

    @property
    def encrypted(self) -> bool:
        """Whether the file is of use to whoever takes it; a server's disk is its own affair."""
        return self._database.key is not None

    @property
    def recovered_from(self) -> lock.Owner | None:
        """The engine that died holding the lock before this one, if one did."""
        return self._lock.previous if self._lock is not None else None

    @property
    def writer(self) -> Writer:
        self._require_engine()
        return self._writer

    @property
    def bulk(self) -> BulkLoader:
        self._require_engine()
        return self._bulk

    def start(self) -> None:
        """Starts the writer thread, which first writes what an earlier run left waiting."""
        self.writer.start()

    def close(self) -> None:
        """Commits or spills what waits, ends the thread, lets go of the lock. Twice is fine."""
        if self._lock is not None:
            self._writer.stop()
            self._lock.release()
            self._lock = None
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def backup(self, target: Path) -> None:
        """Implements domain.ports.BackupStore."""
        backups.backup(self._database, target)

    def find_damage(self) -> tuple[str, ...]:
        """A sentence per damaged place; empty: all that has a checksum or a digest is sound."""
        return find_damage(self._database, self._names)

    def daily_room(self) -> DailyRoom | None:
        """What a day of this site takes on the disk; None: too little is stored to tell."""
        with self._database.reading() as session:
            return daily_room(session)

    def record_gap(self, gap: Gap) -> None:
        """Returns at once beside a running writer; the same meter and start again changes it."""
        if self._lock is not None:
            self._writer.put_gap(gap)
            return
        with self._database.writing() as session:
            session.run(
                SAVE_GAP, (gap.meter_id, gap.start_ms, gap.end_ms, gap.cause.value, gap.detail)
            )

    def maintain(self, now_ms: int | None = None, *, seconds: float = 1.0) -> bool:
        """Seals and thins out for about `seconds`. True: more is to be done."""
        now_ms = to_ms(self._clock()) if now_ms is None else now_ms
        if self.writer.upkeep(now_ms, seconds=seconds):
            return True
        if self._retention.run(now_ms, seconds=seconds):
            return True
        return self._prover.run(now_ms, seconds=seconds)

    def stats(self) -> StoreStats:
        of_writer = self._writer.stats()
        disk = self._database.disk_bytes()
        return StoreStats(
            waiting=of_writer.waiting,
            spilled=of_writer.spilled,
            committed=of_writer.committed,
            lost=of_writer.lost,
            last_commit_ms=of_writer.last_commit_ms,
            failing=of_writer.failing,
            database_bytes=self._size_bytes(of_writer.failing),
            free_disk_bytes=None if disk is None else disk[0],
            disk_bytes=None if disk is None else disk[1],
        )

    def _size_bytes(self, failing: str) -> int:
        """The last size known, while the database does not answer: `failing` tells that."""
        if not failing:
            with suppress(StoreError):
                self._known_bytes = self._database.size_bytes()
        return self._known_bytes

    def _require_engine(self) -> None:
        if self._lock is None:
            raise StoreError(
                where=self._database.where,
                what="it was opened without its engine, so it takes no readings.",
                remedy="Open it as the engine.",
            )


def open_store(
    url_or_path: str | os.PathLike[str],
    *,
    key: str | None = None,
    engine_owner: str | None = None,
    read_only: bool = False,
    clock: Clock = system_clock,
    writer_options: WriterOptions | None = None,
    retention: RetentionRules | None = None,
) -> Store:
    """Opens a database, makes it when it is not there, and brings its schema up to date.

    engine_owner: a name for the sentence that a second engine reads; takes the engine lock.
    retention: instead of what the site says.
    Raises EngineAlreadyRunning, and StoreError for everything else that a person can act on:
    no database, a newer schema, a wrong key, no permission, a full disk.
    """
    database = Database(parse_target(url_or_path), key=key, read_only=read_only)
    engine_lock: lock.EngineLock | None = None
    try:
        if database.path is not None:
            _check_file(database.path, database.where, read_only=read_only)
        if engine_owner is not None:
            engine_lock = lock.acquire(database, engine_owner, to_ms(clock()))
        if database.path is not None and not database.path.exists():
            _create(database.path, key)
        if read_only:
            if migrations.pending(database):
                raise StoreError(
                    where=database.where,
                    what="its schema is older than this program's.",
                    remedy="Open it once for writing.",
                )
        else:
            migrations.migrate(database, before=_backup_before(database, clock))
        if engine_lock is not None:
            timescale.partition(database)
        return Store(database, clock, engine_lock, writer_options, retention)
    except BaseException as error:
        if engine_lock is not None:
            engine_lock.release()
        database.close()
        if isinstance(error, OSError):
            raise StoreError(
                where=database.where,
                what=f"it cannot be opened ({error.strerror or error}).",
                remedy="Check the path and the rights of this user.",
            ) from error
        raise


def _check_file(path: Path, where: str, *, read_only: bool) -> None:
    if not path.exists():
        if read_only:
            raise StoreError(where=where, what="there is no database.", remedy="Check the path.")
        path.parent.mkdir(parents=True, exist_ok=True)
    elif path.is_dir():
        raise StoreError(where=where, what="this is a folder.", remedy="Name a file in it.")
    elif path.stat().st_size == 0:
        # Ours are made whole under another name first, so an empty one was emptied.
        raise DamagedStore(
            where=where,
            what="the file is empty, so its content was lost.",
            remedy="Restore the newest backup, or delete the empty file to begin anew.",
        )


def _create(path: Path, key: str | None) -> None:
    """A new database gets its name only when it is complete."""
    temporary = path.with_name(f"{path.name}.new-{os.getpid()}")
    fresh = Database(parse_target(temporary), key=key)
    try:
        migrations.migrate(fresh)
        fresh.close()
        with suppress(FileExistsError):  # another process was faster: its database counts
            _link_or_rename(temporary, path)
    finally:
        fresh.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{temporary}{suffix}").unlink(missing_ok=True)


def _link_or_rename(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        temporary.replace(path)


def _backup_before(database: Database, clock: Clock) -> Callable[[str], None]:
    def before(revision: str) -> None:
        if database.path is None:
            return  # the server's own backups; the steps run in one transaction
        stamp = from_ms(to_ms(clock())).strftime("%Y%m%dT%H%M%SZ")
        name = f"{database.path.stem}.before-update-{revision}-{stamp}.db"
        backups.backup(database, database.path.with_name(name))

    return before


def _spill_path(database: Database) -> Path:
    if database.path is not None:
        return database.path.with_name(database.path.name + ".waiting")
    folder = Path(os.environ.get("ENERGY_DESKTOP_SPILL_FOLDER", Path.home()))
    label = "".join(c if c.isalnum() else "-" for c in database.where)
    return folder / f".energy-desktop-{label}.waiting"

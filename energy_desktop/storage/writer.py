"""The writer: one thread, the only one that writes readings.

`put` appends to a queue and returns. Once a second the thread commits what came; a reading is
*acknowledged* when that commit has returned, and `on_committed` says so. When the database cannot
take them (locked, disk full, server gone) the readings wait in memory, beyond a limit in a file
(spill.py), and are written in the order in which they came. Nothing is dropped silently: only
when memory and disk are both exhausted are readings refused, counted in `stats().lost` and logged.

Between commits the thread closes intervals and seals hours, in slices.
"""

from __future__ import annotations

import logging
import math
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.energy import QUARTER_HOUR_MS, Gap
from energy_desktop.domain.errors import StoreError, UserFacingError
from energy_desktop.domain.snapshot import Layout, Quality, Snapshot
from energy_desktop.storage.database import Database, DirectWriter, Session
from energy_desktop.storage.series import book, hot
from energy_desktop.storage.series.bookkeeping import Bookkeeper
from energy_desktop.storage.series.names import Names
from energy_desktop.storage.series.register import REGISTERS
from energy_desktop.storage.series.sealing import Sealer
from energy_desktop.storage.spill import Spill

log = logging.getLogger("energy_desktop.storage")

SAVE_GAP = (
    "INSERT INTO gaps (meter_id, start_ms, end_ms, cause, detail) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (meter_id, start_ms) DO UPDATE SET end_ms = excluded.end_ms,"
    " cause = excluded.cause, detail = excluded.detail"
)

OnCommitted = Callable[[Sequence[Snapshot]], None]


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """memory_readings: so many wait in memory before they go to the spill file (100 meters at
    1 s: 10 min). most_readings: so many when the spill file cannot be written either."""

    commit_interval_s: float = 1.0
    memory_readings: int = 60_000
    most_readings: int = 600_000
    batch_readings: int = 20_000
    busy_ms: int = 500
    upkeep_share: float = 0.3  # of the time between commits that sealing may use


@dataclass(frozen=True, slots=True)
class WriterStats:
    """waiting: readings not acknowledged yet, spilled ones included. failing: in words, or ''."""

    waiting: int
    spilled: int
    committed: int
    lost: int
    last_commit_ms: int | None
    failing: str


@dataclass(slots=True)
class _LayoutWriter:
    """has_all_registers: false for a partial poll that left out a register of the ledger."""

    layout: Layout
    key: int
    pack: Callable[..., bytes]
    registers: tuple[str, ...]
    has_all_registers: bool


class Writer:
    """Implements domain.ports.SnapshotSink."""

    def __init__(
        self,
        database: Database,
        names: Names,
        keeper: Bookkeeper,
        sealer: Sealer,
        spill_path: Path,
        clock: Clock,
        options: WriterOptions | None = None,
    ) -> None:
        self._database = database
        self._names = names
        self._keeper = keeper
        self._sealer = sealer
        self._clock = clock
        self.options = options or WriterOptions()
        self.on_committed: OnCommitted | None = None
        self._direct = DirectWriter(database)
        self._spill = Spill(spill_path)
        self._queue: deque[Snapshot] = deque()
        self._gaps: deque[Gap] = deque()
        self._layouts: dict[str, _LayoutWriter] = {}
        # Key, end and start of its interval, newest stamp.
        self._meters: dict[str, list[int]] = {}
        self._steps_ms: dict[str, int] = {}  # by meter, where no quarter hour
        self._due: dict[tuple[str, str], None] = {}  # registers whose interval is over
        self._part_ends: dict[tuple[str, int], int] = {}  # the same, by meter and layout
        self._late: dict[str, tuple[int, int]] = {}  # meters with readings of closed intervals
        self._disorder: dict[str, tuple[int, int]] = {}  # stamps that came in another order
        # Of all meters, from before this start: what comes with an older stamp is out of order.
        with database.reading() as session:
            self._newest_before = hot.newest_ms(session) or 0
        self._in_hand = 0
        self._committed = 0
        self._lost = 0
        self._last_commit_ms: int | None = None
        self._failing = ""
        self._retry_at = 0.0
        self._retry_wait_s = 0.0
        self._upkeep_failing = ""
        self._upkeep_at = 0.0
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        # Serialises the thread with flush(), upkeep() and thinning out in another one.
        self.turn = threading.RLock()

    # --- any thread -----------------------------------------------------------------------------

    def put(self, snapshot: Snapshot) -> None:
        self._queue.append(snapshot)

    def put_gap(self, gap: Gap) -> None:
        """Recorded with the next commit. The same start again changes it (an end is known)."""
        self._gaps.append(gap)

    def stats(self) -> WriterStats:
        return WriterStats(
            waiting=len(self._queue) + self._in_hand + self._spill.waiting,
            spilled=self._spill.waiting,
            committed=self._committed,
            lost=self._lost,
            last_commit_ms=self._last_commit_ms,
            failing=self._failing,
        )

    def flush(self) -> bool:
        """Commits all that was put before the call. False: the database did not take it."""
        with self.turn:
            self._retry_at = 0.0
            return self._write_all()

    def upkeep(self, now_ms: int, *, seconds: float = float("inf")) -> bool:
        """Closes intervals and seals hours for at most `seconds`. True: more is to be done."""
        end = time.monotonic() + seconds
        with self.turn:
            while self._close_one() or self._take_late() or self._sealer.step(now_ms):
                if time.monotonic() >= end:
                    return True
        return False

    def close_quarters(self) -> None:
        """Brings the ledger up to what is stored, for every meter: after a start."""
        with self._database.reading() as session:
            meters = self._names.meter_ids(session)
            known = [r for r in REGISTERS if self._names.quantity(session, r) is not None]
        for meter_id in meters.values():
            for register in known:
                self._due[meter_id, register] = None

    def start(self) -> None:
        if self._thread is not None:
            return
        self._stopping = False
        self.close_quarters()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Commits what waits; what the database does not take goes to the spill file."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if not self.flush() and self._queue:
            self._spill_queue()
        self._direct.close()

    # --- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        interval_s = self.options.commit_interval_s
        due = time.monotonic() + interval_s
        while not self._stopping:
            self._wake.wait(max(due - time.monotonic(), 0))
            if self._stopping:
                return
            due = max(due + interval_s, time.monotonic())
            try:
                with self.turn:
                    written = time.monotonic() < self._retry_at or self._write_all()
                if written and not self._failing:
                    self._keep_up(interval_s * self.options.upkeep_share)
            except UserFacingError as error:
                self._note_failure(error)
            except Exception as error:  # the edge of the thread: it must not end
                log.exception("the writer met an error of its own and goes on")
                self._note_failure(error)
            if len(self._queue) > self.options.memory_readings and self._failing:
                self._spill_queue()

    def _keep_up(self, seconds: float) -> None:
        """Upkeep that fails (a damaged chunk) must not keep readings from being written."""
        if time.monotonic() < self._upkeep_at:
            return
        try:
            self.upkeep(to_ms(self._clock()), seconds=seconds)
            self._upkeep_failing = ""
        except StoreError as error:
            if str(error) != self._upkeep_failing:
                log.warning("sealing waits: %s", error)
            self._upkeep_failing = str(error)
            self._upkeep_at = time.monotonic() + 60.0

    def _write_all(self) -> bool:
        try:
            if self._spill.waiting:
                self._replay()
            while self._queue or self._gaps:
                self._write_some()
        except StoreError as error:
            self._note_failure(error)
            return False
        self._note_success()
        return True

    def _write_some(self) -> None:
        n = min(len(self._queue), self.options.batch_readings)
        batch = [self._queue.popleft() for _ in range(n)]
        self._in_hand = n
        try:
            self._commit(batch)
        except BaseException:
            self._queue.extendleft(reversed(batch))
            raise
        finally:
            self._in_hand = 0

    def _replay(self) -> None:
        """What was spilled comes before what is in memory: it is older."""
        batch: list[Snapshot] = []
        for snapshot in self._spill.readings():
            batch.append(snapshot)
            if len(batch) >= self.options.batch_readings:
                self._commit(batch)
                batch = []
        self._commit(batch)
        log.info("%s: %d readings that had waited are stored", self._spill.path, len(batch))
        self._spill.clear()

    def _commit(self, batch: list[Snapshot]) -> None:
        rows, rejected = self._rows(batch)
        gaps = [self._gaps[i] for i in range(len(self._gaps))]
        if rows or rejected or gaps:
            with self._direct.writing(busy_ms=self.options.busy_ms) as session:
                if rows:
                    session.many(hot.INSERT, rows)
                self._write_rest(session, rejected, gaps)
        for _ in gaps:
            self._gaps.popleft()
        if rows:
            self._sealer.arrived([row[0] for row in rows])
        self._committed += len(batch)
        self._last_commit_ms = to_ms(self._clock())
        if self.on_committed is not None and batch:
            self.on_committed(batch)

    @staticmethod
    def _write_rest(
        session: Session, rejected: list[tuple[str, str, int, float | None, str]], gaps: list[Gap]
    ) -> None:
        if rejected:
            session.many(book.QUARANTINE, rejected)
        if gaps:
            session.many(
                SAVE_GAP,
                [(g.meter_id, g.start_ms, g.end_ms, g.cause.value, g.detail) for g in gaps],
            )

    def _rows(
        self, batch: list[Snapshot]
    ) -> tuple[
        list[tuple[int, int, int, bytearray]], list[tuple[str, str, int, float | None, str]]
    ]:
        meters, due = self._meters, self._due
        rows: list[tuple[int, int, int, bytearray]] = []
        rejected: list[tuple[str, str, int, float | None, str]] = []
        good = Quality.GOOD
        layout: Layout | None = None
        for snapshot in batch:  # a hundred thousand times a second if need be: no call is wasted
            at_ms = snapshot.read_at_ms
            meter_id = snapshot.meter_id
            if snapshot.layout is not layout:
                layout = snapshot.layout
                entry = self._layouts.get(layout.layout_id)
                if entry is None or entry.layout is not layout:
                    entry = self._layout_writer(layout)
                layout_key, pack, registers = entry.key, entry.pack, entry.registers
                has_all_registers = entry.has_all_registers
            meter = meters.get(meter_id)
            if meter is None:
                key = self._ensure_meter(meter_id)
                meter = meters[meter_id] = [key, 0, 0, self._newest_before]
            if at_ms >= meter[3]:
                meter[3] = at_ms
            else:
                low, high = self._disorder.get(meter_id, (at_ms, meter[3]))
                self._disorder[meter_id] = (min(low, at_ms), max(high, meter[3]))
            if not has_all_registers:
                self._part_came(meter_id, layout_key, registers, at_ms)
            elif at_ms >= meter[1]:
                if not meter[1]:
                    self._note_late(meter_id, at_ms)
                step_ms = self._steps_ms.get(meter_id, QUARTER_HOUR_MS)
                meter[2] = at_ms // step_ms * step_ms
                meter[1] = meter[2] + step_ms
                for register in registers:
                    due[meter_id, register] = None
            elif at_ms < meter[2]:
                self._note_late(meter_id, at_ms)
            try:
                packed = bytearray(pack(*snapshot.values))
            except struct.error as error:
                # A reading of the wrong shape is a bug upstream: kept out, but never silently.
                rejected.append((meter_id, "*", at_ms, None, f"unreadable reading: {error}"))
                log.error("%s: a reading of the wrong shape was set aside: %s", meter_id, error)
                continue
            # The driver is slow with an IntEnum, and with bytes: both go through its adapters.
            quality = 0 if snapshot.quality is good else int(snapshot.quality)
            rows.append((at_ms << hot.METER_BITS | meter[0], layout_key, quality, packed))
            if snapshot.rejected:
                for r in snapshot.rejected:
                    value = None if math.isnan(r.value) else float(r.value)
                    rejected.append((meter_id, r.quantity, at_ms, value, r.reason))
        rows.sort()
        return rows, rejected

    def _part_came(
        self, meter_id: str, layout_key: int, registers: tuple[str, ...], at_ms: int
    ) -> None:
        """A reading without some register of its meter: it closes the intervals of those that
        it has, because a meter that sends each in a message of its own never has them together."""
        if not registers:
            return
        end_ms = self._part_ends.get((meter_id, layout_key), 0)
        step_ms = self._steps_ms.get(meter_id, QUARTER_HOUR_MS)
        if not end_ms or at_ms < end_ms - step_ms:
            self._note_late(meter_id, at_ms)
        if at_ms >= end_ms:
            self._part_ends[meter_id, layout_key] = (at_ms // step_ms + 1) * step_ms
            for register in registers:
                self._due[meter_id, register] = None

    def _note_late(self, meter_id: str, at_ms: int) -> None:
        """A reading of an interval that may be closed already; so may be the first one of a
        meter since the start."""
        first, last = self._late.get(meter_id, (at_ms, at_ms))
        self._late[meter_id] = (min(first, at_ms), max(last, at_ms))

    def _take_late(self) -> bool:
        """Redraws the intervals of one meter whose readings came late. False: none did."""
        if not self._late:
            return False
        meter_id, (first_ms, last_ms) = next(iter(self._late.items()))
        with self._database.writing(busy_ms=self.options.busy_ms) as session:
            for register in REGISTERS:
                changed = self._keeper.take_late(session, meter_id, register, first_ms, last_ms)
                if changed:
                    log.info(
                        "%s: %d intervals of %s were redrawn by readings that came late",
                        meter_id,
                        changed,
                        register,
                    )
        del self._late[meter_id]
        return True

    def _ensure_meter(self, meter_id: str) -> int:
        return self._names.ensure_meter(meter_id, busy_ms=self.options.busy_ms)

    def _layout_writer(self, layout: Layout) -> _LayoutWriter:
        entry = self._layouts.get(layout.layout_id)
        if entry is not None and entry.layout == layout:
            entry.layout = layout  # an equal one, made anew: next time it is recognised at once
            return entry
        whole = layout.whole or layout
        entry = _LayoutWriter(
            layout=layout,
            key=self._names.ensure_layout(layout, busy_ms=self.options.busy_ms),
            pack=struct.Struct(f"<{len(layout.quantities)}d").pack,
            registers=tuple(r for r in REGISTERS if r in layout.index),
            has_all_registers=not any(
                r in whole.index and r not in layout.index for r in REGISTERS
            ),
        )
        self._layouts[layout.layout_id] = entry
        return entry

    def _close_one(self) -> bool:
        """Closes the intervals of one register. False: none is due."""
        if not self._due:
            return False
        meter_id, register = next(iter(self._due))
        with self._database.writing(busy_ms=self.options.busy_ms) as session:
            self._keeper.advance(session, meter_id, register, self._disorder.get(meter_id))
        step_ms = self._keeper.step_ms(meter_id)
        if step_ms != self._steps_ms.get(meter_id, QUARTER_HOUR_MS):
            self._steps_ms[meter_id] = step_ms
        del self._due[meter_id, register]
        return True

    # --- trouble --------------------------------------------------------------------------------

    def _note_failure(self, error: Exception) -> None:
        sentence = str(error)
        if not self._failing:
            log.warning("readings wait, because the database does not take them: %s", sentence)
        self._failing = sentence
        self._retry_wait_s = min(max(self._retry_wait_s * 2, 1.0), 30.0)
        self._retry_at = time.monotonic() + self._retry_wait_s

    def _note_success(self) -> None:
        if self._failing:
            log.info("the database takes readings again; %d were stored", self._committed)
        self._failing = ""
        self._retry_wait_s = 0.0
        self._retry_at = 0.0

    def _spill_queue(self) -> None:
        with self.turn:
            waiting = [self._queue.popleft() for _ in range(len(self._queue))]
            try:
                self._spill.append(waiting)
            except OSError as error:
                keep = waiting[: self.options.most_readings]
                if len(keep) < len(waiting):
                    self._lost += len(waiting) - len(keep)
                    log.error(
                        "%d readings are lost: neither the database nor %s can be written (%s)",
                        len(waiting) - len(keep),
                        self._spill.path,
                        error,
                    )
                self._queue.extendleft(reversed(keep))
            else:
                log.warning("%s: %d readings wait there", self._spill.path, self._spill.waiting)

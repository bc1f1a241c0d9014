"""Digests of energy and history by the day and the week, so that a flipped bit in them is found.

SQLite gives back a flipped cell as if it had been written so. Chunks and invoices carry a checksum
of their own; intervals and rollups are plain rows that any tool can read, and are too many and too
often written for one each. So the rows of a day (of a week for rollups) are digested together once
they have come to rest, in the time between commits.

Whoever changes such a row later need not know of it: a trigger takes the digest away, and it is
made again. Rows that are added to a block change its count, which is no harm. Without its triggers
(another tool built the table anew) nothing is digested and nothing is accused.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.storage.database import Database, Session

_RESTED_MS = 2 * DAY_MS
_PASS_EVERY_MS = DAY_MS // 4
_BLOCKS_A_STEP = 60
_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Subject:
    """A table whose rows are digested by blocks of time."""

    number: int
    table: str
    key: str  # the column beside meter_key: which register or quantity
    block_ms: int
    columns: str
    meaning: str


SUBJECTS = (
    Subject(
        1,
        "intervals",
        "register_key",
        DAY_MS,
        "start_ms, energy_wh, quality, version, opening_wh, closing_wh, segment, edit_id",
        "energy by interval",
    ),
    Subject(
        2,
        "rollups",
        "quantity_key",
        7 * DAY_MS,
        "start_ms, n, mean, minimum, maximum, first, last",
        "history",
    ),
)

Series = tuple[int, int, int]  # meter_key, register_key or quantity_key, step_s

_OF = " WHERE subject = ? AND meter_key = ? AND series_key = ? AND step_s = ?"
_SAVE = (
    "INSERT INTO proofs (subject, meter_key, series_key, step_s, block_ms, n, digest)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (subject, meter_key, series_key, step_s, block_ms)"
    " DO UPDATE SET n = excluded.n, digest = excluded.digest"
)


class Prover:
    """Makes the digests that are missing, in slices."""

    def __init__(self, database: Database, turn: AbstractContextManager[object]) -> None:
        self._database = database
        self._turn = turn
        self._subject = 0
        self._series: Series = (0, 0, 0)
        self._next_pass_ms = 0

    def run(self, now_ms: int, *, seconds: float = float("inf")) -> bool:
        """Digests for at most about `seconds`. True: more is to be done."""
        if not self._database.is_sqlite or now_ms < self._next_pass_ms:
            return False
        end = time.monotonic() + seconds
        while self._step(now_ms):
            if time.monotonic() >= end:
                return True
            time.sleep(_PAUSE_S)
        self._next_pass_ms = now_ms + _PASS_EVERY_MS
        return False

    def _step(self, now_ms: int) -> bool:
        """Some blocks of one series. False: the pass is over."""
        subject = SUBJECTS[self._subject]
        with self._database.reading() as session:
            series = _next_series(session, subject, self._series) if _watched(session) else None
            blocks = [] if series is None else _to_do(session, subject, series, now_ms)
        if series is None:
            self._series = (0, 0, 0)
            self._subject = (self._subject + 1) % len(SUBJECTS)
            return self._subject != 0
        if blocks:
            with self._turn, self._database.writing(durable=False) as session:
                session.many(
                    _SAVE,
                    [
                        (subject.number, *series, block, *_digest(session, subject, series, block))
                        for block in blocks[:_BLOCKS_A_STEP]
                    ],
                )
        if len(blocks) <= _BLOCKS_A_STEP:
            self._series = series
        return True


def disproved(
    session: Session, meters: Mapping[int, str], quantities: Mapping[int, str]
) -> Iterator[str]:
    """A sentence per block that is not what was digested. SQLite only."""
    if not _watched(session):
        return
    for subject in SUBJECTS:
        proofs = session.rows(
            "SELECT meter_key, series_key, step_s, block_ms, n, digest FROM proofs"
            " WHERE subject = ? AND digest IS NOT NULL",
            (subject.number,),
        )
        for meter_key, series_key, step_s, block_ms, n, digest in proofs:
            series = (meter_key, series_key, step_s)
            now_n, now_digest = _digest(session, subject, series, block_ms)
            if now_n == n and now_digest != digest:
                yield (
                    f"{meters.get(meter_key, meter_key)},"
                    f" {quantities.get(series_key, series_key)}, from {iso_utc(block_ms)}:"
                    f" {subject.meaning} ({step_s // 60} min) is not what was written. Restore a"
                    " backup from before."
                )


def _watched(session: Session) -> bool:
    row = session.row(
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%\\_proof\\_%'"
        " ESCAPE '\\'"
    )
    return row is not None and int(row[0]) == 2 * len(SUBJECTS)


def _next_series(session: Session, subject: Subject, after: Series) -> Series | None:
    row = session.row(
        f"SELECT meter_key, {subject.key}, step_s FROM {subject.table}"
        f" WHERE (meter_key, {subject.key}, step_s) > (?, ?, ?)"
        f" ORDER BY meter_key, {subject.key}, step_s LIMIT 1",
        after,
    )
    return None if row is None else (int(row[0]), int(row[1]), int(row[2]))


def _to_do(session: Session, subject: Subject, series: Series, now_ms: int) -> list[int]:
    """Starts of blocks that have come to rest and have no digest, ascending."""
    of = (subject.number, *series)
    taken_away = session.rows("SELECT block_ms FROM proofs" + _OF + " AND digest IS NULL", of)
    blocks = [int(row[0]) for row in taken_away]
    bounds = session.row(
        f"SELECT MIN(start_ms), MAX(start_ms) FROM {subject.table}" + _rows_of(subject), series
    )
    if bounds is None or bounds[0] is None:
        return blocks
    newest = session.row("SELECT MAX(block_ms) FROM proofs" + _OF, of)
    if newest is not None and newest[0] is not None:
        first = int(newest[0]) + subject.block_ms
    else:
        first = int(bounds[0]) // subject.block_ms * subject.block_ms
    last = int(bounds[1]) // subject.block_ms * subject.block_ms
    while first <= last and first + subject.block_ms <= now_ms - _RESTED_MS:
        blocks.append(first)
        first += subject.block_ms
    return blocks


def _rows_of(subject: Subject) -> str:
    return f" WHERE meter_key = ? AND {subject.key} = ? AND step_s = ?"


def _digest(session: Session, subject: Subject, series: Series, block_ms: int) -> tuple[int, int]:
    """How many rows the block has, and 64 bits of their hash."""
    rows = session.rows(
        f"SELECT {subject.columns} FROM {subject.table}"
        + _rows_of(subject)
        + " AND start_ms >= ? AND start_ms < ? ORDER BY start_ms",
        (*series, block_ms, block_ms + subject.block_ms),
    )
    # As float64, NULL as NaN: ten times faster than text, and Wh and ms are exact in it.
    table = np.array(rows, "<f8").tobytes()
    made = hashlib.blake2b(table, digest_size=8).digest()
    return len(rows), int.from_bytes(made, "big", signed=True)

"""The newest readings, as they came: an append-only table in the order of time.

One row a reading, its values packed as float64. The row's key is read_at_ms * 2^20 + meter_key:
inserts land at the end of the tree (a key of meter and time costs thirty times the log), any span
of time is one range, and the same meter and time cannot be there twice, for nothing extra.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.storage.database import Session
from energy_desktop.storage.series.names import Names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]
    UInt8s = NDArray[np.uint8]

METER_BITS = 20
METER_MASK = (1 << METER_BITS) - 1

INSERT = (
    "INSERT INTO hot (reading_key, layout_key, quality, vals) VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)


def reading_key(read_at_ms: int, meter_key: int) -> int:
    return (read_at_ms << METER_BITS) | meter_key


@dataclass(frozen=True, slots=True)
class HotReadings:
    """Readings of one meter under one layout: time_ms (n,), quality (n,), values (n, width)."""

    layout_key: int
    time_ms: Int64s
    quality: UInt8s
    values: Floats


def of_quantity(
    session: Session, names: Names, meter_key: int, quantity: str, start_ms: int, end_ms: int
) -> tuple[Int64s, Floats]:
    """Times and values (n,) of one quantity in [start_ms, end_ms), ascending; not rounded."""
    pieces = []
    for layout_key, position in names.columns(session, quantity).items():
        rows = session.rows(
            "SELECT reading_key, substr(vals, ?, 8) FROM hot"
            " WHERE reading_key >= ? AND reading_key < ?"
            f" AND (reading_key & {METER_MASK}) = ? AND layout_key = ? ORDER BY reading_key",
            (
                1 + 8 * position,
                start_ms << METER_BITS,
                end_ms << METER_BITS,
                meter_key,
                layout_key,
            ),
        )
        if rows:
            keys = np.fromiter((row[0] for row in rows), np.int64, len(rows))
            values = np.frombuffer(b"".join([row[1] for row in rows]), "<f8")
            pieces.append((keys >> METER_BITS, values.astype(np.float64)))
    if not pieces:
        return np.empty(0, np.int64), np.empty(0)
    if len(pieces) == 1:
        return pieces[0]
    times = np.concatenate([piece[0] for piece in pieces])
    values = np.concatenate([piece[1] for piece in pieces])
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def of_meter(session: Session, meter_key: int, start_ms: int, end_ms: int) -> list[HotReadings]:
    """All readings of a meter in [start_ms, end_ms), a block per layout, ascending."""
    rows = session.rows(
        "SELECT reading_key, layout_key, quality, vals FROM hot"
        " WHERE reading_key >= ? AND reading_key < ?"
        f" AND (reading_key & {METER_MASK}) = ? ORDER BY reading_key",
        (start_ms << METER_BITS, end_ms << METER_BITS, meter_key),
    )
    by_layout: dict[int, list[tuple[int, int, int, bytes]]] = {}
    for row in rows:
        by_layout.setdefault(row[1], []).append(row)
    blocks = []
    for layout_key, found in by_layout.items():
        n = len(found)
        keys = np.fromiter((row[0] for row in found), np.int64, n)
        quality = np.fromiter((row[2] for row in found), np.uint8, n)
        values = np.frombuffer(b"".join([row[3] for row in found]), "<f8").reshape(n, -1)
        blocks.append(HotReadings(layout_key, keys >> METER_BITS, quality, values))
    return blocks


def meters_between(session: Session, start_ms: int, end_ms: int) -> list[int]:
    """Keys of the meters that have hot readings in [start_ms, end_ms)."""
    rows = session.rows(
        f"SELECT DISTINCT reading_key & {METER_MASK} FROM hot"
        " WHERE reading_key >= ? AND reading_key < ?",
        (start_ms << METER_BITS, end_ms << METER_BITS),
    )
    return sorted(int(row[0]) for row in rows)


def oldest_ms(session: Session) -> int | None:
    row = session.row("SELECT MIN(reading_key) FROM hot")
    return None if row is None or row[0] is None else int(row[0]) >> METER_BITS


def newest_ms(session: Session) -> int | None:
    row = session.row("SELECT MAX(reading_key) FROM hot")
    return None if row is None or row[0] is None else int(row[0]) >> METER_BITS


def last_row(session: Session, meter_key: int) -> tuple[int, int, int, bytes] | None:
    """(read_at_ms, layout_key, quality, packed values) of the meter's newest hot reading."""
    row = session.row(
        "SELECT reading_key, layout_key, quality, vals FROM hot"
        f" WHERE (reading_key & {METER_MASK}) = ? ORDER BY reading_key DESC LIMIT 1",
        (meter_key,),
    )
    return None if row is None else (int(row[0]) >> METER_BITS, row[1], row[2], bytes(row[3]))


def last_under(
    session: Session, meter_key: int, layout_id: str, from_ms: int, before_ms: int
) -> tuple[int, bytes] | None:
    """(read_at_ms, packed values) of the newest reading of that layout in [from_ms, before_ms)."""
    row = session.row(
        "SELECT reading_key, vals FROM hot WHERE reading_key >= ? AND reading_key < ?"
        f" AND (reading_key & {METER_MASK}) = ? AND layout_key IN"
        " (SELECT layout_key FROM series_layouts WHERE layout_id = ?)"
        " ORDER BY reading_key DESC LIMIT 1",
        (from_ms << METER_BITS, before_ms << METER_BITS, meter_key, layout_id),
    )
    return None if row is None else (int(row[0]) >> METER_BITS, bytes(row[1]))


def first_ms(session: Session, meter_key: int) -> int | None:
    row = session.row(
        f"SELECT MIN(reading_key) FROM hot WHERE (reading_key & {METER_MASK}) = ?", (meter_key,)
    )
    return None if row is None or row[0] is None else int(row[0]) >> METER_BITS


def delete_before(session: Session, start_ms: int, end_ms: int) -> int:
    return session.run(
        "DELETE FROM hot WHERE reading_key >= ? AND reading_key < ?",
        (start_ms << METER_BITS, end_ms << METER_BITS),
    )

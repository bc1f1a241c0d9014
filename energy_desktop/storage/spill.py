"""Readings that the database could not take yet, kept in order in a file of our own.

The database may be locked, its disk full or its server gone for longer than memory lasts. Then
the waiting readings are appended here and fsynced, and written to the database in the same order
when it is back, after a restart too. The format is append-only: length, checksum, record. A
record that a power cut tore off ends the file.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from energy_desktop.domain.snapshot import Layout, Quality, Rejected, Snapshot

log = logging.getLogger("energy_desktop.storage")

_MAGIC = b"EDSPILL1"
_HEAD = struct.Struct("<II")
_LAYOUT, _READING, _REJECTED = 1, 2, 3
_READING_HEAD = struct.Struct("<BqBHHH")
_LARGEST = 1 << 20


class Spill:
    """One file. Used by the writer thread only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._layouts: dict[tuple[str, tuple[str, ...]], int] = {}
        self.waiting = sum(1 for _ in self.readings()) if path.exists() else 0

    def append(self, snapshots: Iterable[Snapshot]) -> int:
        """Adds and fsyncs; returns how many. Raises OSError; then nothing of it counts."""
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        if fresh:
            self._layouts.clear()
        elif not self._layouts:
            self._learn_layouts()
        records = [_MAGIC] if fresh else []
        n = 0
        for snapshot in snapshots:
            records.extend(self._records(snapshot))
            n += 1
        size_before = 0 if fresh else self.path.stat().st_size
        try:
            with self.path.open("ab") as file:
                file.write(b"".join(records))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._layouts.clear()
            with self.path.open("ab") as file:  # half a record must not stand before whole ones
                file.truncate(size_before)
            raise
        self.waiting += n
        return n

    def readings(self) -> Iterator[Snapshot]:
        """Everything in the file, oldest first; ends at a torn record with a line in the log."""
        layouts: list[Layout] = []
        pending: Snapshot | None = None
        for record in self._raw_records():
            kind = record[0]
            if kind == _LAYOUT:
                layout_id, *quantities = record[1:].decode().split("\n")
                layouts.append(Layout(layout_id, tuple(quantities)))
            elif kind == _READING:
                if pending is not None:
                    yield pending
                pending = _reading(record, layouts)
            elif kind == _REJECTED and pending is not None:
                pending = _with_rejected(pending, record)
        if pending is not None:
            yield pending

    def clear(self) -> None:
        """After everything in it was committed."""
        self.path.unlink(missing_ok=True)
        self._layouts.clear()
        self.waiting = 0

    def _records(self, snapshot: Snapshot) -> Iterator[bytes]:
        layout = snapshot.layout
        identity = (layout.layout_id, layout.quantities)
        number = self._layouts.get(identity)
        if number is None:
            number = self._layouts[identity] = len(self._layouts)
            text = "\n".join((layout.layout_id, *layout.quantities))
            yield _framed(bytes((_LAYOUT,)) + text.encode())
        meter = snapshot.meter_id.encode()
        values = struct.pack(f"<{len(snapshot.values)}d", *snapshot.values)
        yield _framed(
            _READING_HEAD.pack(
                _READING,
                snapshot.read_at_ms,
                int(snapshot.quality),
                number,
                len(meter),
                len(snapshot.values),
            )
            + meter
            + values
        )
        for rejected in snapshot.rejected:
            text = f"{rejected.quantity}\n{rejected.reason}"
            yield _framed(bytes((_REJECTED,)) + struct.pack("<d", rejected.value) + text.encode())

    def _learn_layouts(self) -> None:
        for record in self._raw_records():
            if record[0] == _LAYOUT:
                layout_id, *quantities = record[1:].decode().split("\n")
                self._layouts[(layout_id, tuple(quantities))] = len(self._layouts)

    def _raw_records(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                log.warning("%s is no file of waiting readings; it is left alone", self.path)
                return
            while head := file.read(_HEAD.size):
                if len(head) == _HEAD.size:
                    length, check = _HEAD.unpack(head)
                    record = file.read(length) if length <= _LARGEST else b""
                    if len(record) == length and zlib.crc32(record) == check:
                        yield record
                        continue
                log.warning("%s: its last record is incomplete and left out", self.path)
                return


def _framed(record: bytes) -> bytes:
    return _HEAD.pack(len(record), zlib.crc32(record)) + record


def _reading(record: bytes, layouts: list[Layout]) -> Snapshot:
    _, at_ms, quality, number, meter_size, n = _READING_HEAD.unpack_from(record)
    at = _READING_HEAD.size + meter_size
    return Snapshot(
        meter_id=record[_READING_HEAD.size : at].decode(),
        read_at_ms=at_ms,
        layout=layouts[number],
        values=struct.unpack_from(f"<{n}d", record, at),
        quality=Quality(quality),
    )


def _with_rejected(snapshot: Snapshot, record: bytes) -> Snapshot:
    (value,) = struct.unpack_from("<d", record, 1)
    quantity, _, reason = record[9:].decode().partition("\n")
    return Snapshot(
        snapshot.meter_id,
        snapshot.read_at_ms,
        snapshot.layout,
        snapshot.values,
        snapshot.quality,
        (*snapshot.rejected, Rejected(quantity, value, reason)),
    )

"""Turns an hour (or a day) of readings into a few bytes, and back without loss.

A chunk is two things that compress very differently. Its *timeline* (when, and of what quality)
is the same for all twenty quantities of a meter, and for a regular grid the same for every hour
of every meter: it is stored once, under a key that is the hash of its bytes. Its *values* are
integers at the resolution of the quantity, first differences, zigzag coded so that small numbers
of either sign have zero high bytes, with the bytes of equal weight side by side for zstd.

Decoding checks a checksum that also covers whose chunk it is. Plain SQLite returns a flipped byte
as if nothing had happened; here it is found, and named.
"""

from __future__ import annotations

import hashlib
import struct
import threading
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import zstandard

from energy_desktop.domain.quantities import QUANTITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    UInt64s = NDArray[np.uint64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    UInt8s = NDArray[np.uint8]

_LEVEL = 3
_LARGEST = 2**62  # of an integer that is kept; beyond it a float has lost the digits anyway

_VALUES_HEAD = struct.Struct("<BqI")  # width and flags, first integer, count
_HAS_MASK = 0x80
_TIMES_HEAD = struct.Struct("<BIqq")  # kind and flags, count, first offset, step
_GRID, _FREE = 1, 2
_HAS_QUALITY = 0x80
_QUALITY_RUN = struct.Struct("<BI")
_IDENTITY = struct.Struct("<qqqqq")

_WIDTHS: dict[int, np.dtype[np.unsignedinteger]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}
_local = threading.local()


class DamagedChunk(ValueError):
    """Bytes that are not what was written."""


def _compress(data: bytes) -> bytes:
    # A compressor may not be shared between threads, and making one costs more than a chunk.
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(
            level=_LEVEL, write_content_size=True, write_checksum=False
        )
    return compressor.compress(data)


def _decompress(data: bytes) -> bytes:
    decompressor: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    try:
        return decompressor.decompress(data)
    except zstandard.ZstdError as error:
        raise DamagedChunk(str(error)) from error


# --- resolution ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scale:
    """How a quantity's values become integers: value = integer x multiply / divide.

    One of the two is 1. Dividing by 100 gives the float nearest to 230.12; multiplying by 0.01
    does not.
    """

    multiply: float
    divide: float

    @classmethod
    def of_resolution(cls, resolution: float) -> Scale:
        inverse = round(1 / resolution) if resolution < 1 else 0
        if inverse and abs(inverse * resolution - 1) < 1e-9:
            return cls(1.0, float(inverse))
        return cls(resolution, 1.0)

    def to_integers(self, values: Floats) -> tuple[Int64s, Bools | None]:
        """Integers (n,), and a mask (n,) that is True where there is a value; None: everywhere.

        NaN, infinities and numbers too large to be exact count as "no value". Where there is none
        the integer repeats the one before, so that the gap costs nothing.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = values * self.divide if self.multiply == 1.0 else values / self.multiply
            known = np.abs(scaled) < _LARGEST
        if known.all():
            return np.rint(scaled).astype(np.int64), None
        integers = np.rint(np.where(known, scaled, 0.0)).astype(np.int64)
        last_known = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
        integers = np.where(last_known >= 0, integers[np.maximum(last_known, 0)], 0)
        return integers, known

    def to_values(self, integers: Int64s, known: Bools | None) -> Floats:
        values = integers.astype(np.float64)
        if self.divide != 1.0:
            values /= self.divide
        elif self.multiply != 1.0:
            values *= self.multiply
        if known is not None:
            values[~known] = np.nan
        return values

    def round(self, values: Floats) -> Floats:
        """What the values will read as once they are sealed."""
        return self.to_values(*self.to_integers(values))


def scale_of(quantity: str) -> Scale:
    """The scale of a quantity of the table; thousandths for a name that is not in it."""
    row = QUANTITIES.get(quantity)
    return Scale.of_resolution(row.resolution if row is not None else 0.001)


# --- integers to bytes --------------------------------------------------------------------------


def zigzag_differences(integers: Int64s) -> UInt64s:
    """First differences, the first being 0, as unsigned: 0, -1, 1, -2, 2 -> 0, 1, 2, 3, 4."""
    differences = np.empty(len(integers), np.int64)
    if len(integers):
        differences[0] = 0
        np.subtract(integers[1:], integers[:-1], out=differences[1:])
    return zigzag(differences)


def zigzag(signed: Int64s) -> UInt64s:
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _unzigzag(coded: NDArray[np.unsignedinteger]) -> Int64s:
    wide = coded.astype(np.int64)
    return (wide >> 1 & np.int64(0x7FFFFFFFFFFFFFFF)) ^ -(wide & 1)


def _width_of(largest: int) -> int:
    if largest == 0:
        return 0
    return 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8


def _to_planes(coded: UInt64s, width: int) -> bytes:
    """The numbers at `width` bytes, all lowest bytes first, then all next ones."""
    narrow = coded.astype(_WIDTHS[width])
    if width == 1:
        return narrow.tobytes()
    return np.ascontiguousarray(narrow.view(np.uint8).reshape(-1, width).T).tobytes()


def _from_planes(data: bytes, width: int, n: int) -> NDArray[np.unsignedinteger]:
    if len(data) != n * width:
        raise DamagedChunk(f"{len(data)} bytes where {n * width} were written")
    if width == 1:
        return np.frombuffer(data, np.uint8)
    planes = np.frombuffer(data, np.uint8).reshape(width, n)
    return np.ascontiguousarray(planes.T).reshape(-1).view(_WIDTHS[width])


def encode_values(integers: Int64s, known: Bools | None) -> bytes:
    """Payload of a chunk. `known` as Scale.to_integers gives it."""
    coded = zigzag_differences(integers)
    return encode_coded(int(integers[0]) if len(integers) else 0, coded, known)


def encode_coded(
    first: int, coded: UInt64s, known: Bools | None, largest: int | None = None
) -> bytes:
    """As `encode_values`, of differences that are already coded (the bulk loader does a year at
    once); coded[0] must be 0."""
    if largest is None:
        largest = int(coded.max()) if len(coded) else 0
    width = _width_of(largest)
    body = b"" if known is None else np.packbits(known).tobytes()
    if width:
        body += _to_planes(coded, width)
    head = _VALUES_HEAD.pack(width | (0 if known is None else _HAS_MASK), first, len(coded))
    return head + (_compress(body) if body else b"")


def decode_values(payload: bytes) -> tuple[Int64s, Bools | None]:
    """Integers (n,) and the mask. Raises DamagedChunk."""
    if len(payload) < _VALUES_HEAD.size:
        raise DamagedChunk("shorter than its head")
    flags, first, n = _VALUES_HEAD.unpack_from(payload)
    width = flags & 0x0F
    body = _decompress(payload[_VALUES_HEAD.size :]) if len(payload) > _VALUES_HEAD.size else b""
    known: Bools | None = None
    if flags & _HAS_MASK:
        mask_size = (n + 7) // 8
        bits = np.frombuffer(body[:mask_size], np.uint8)
        if len(bits) != mask_size:
            raise DamagedChunk("its mask is cut off")
        known = np.unpackbits(bits, count=n).view(np.bool_)
        body = body[mask_size:]
    if not width:
        return np.full(n, first, np.int64), known
    integers = np.cumsum(_unzigzag(_from_planes(body, width, n)))
    integers += first
    return integers, known


# --- timelines ----------------------------------------------------------------------------------


def encode_timeline(offset_ms: Int64s, quality: UInt8s | None) -> bytes:
    """Bytes of the offsets from the chunk's start (n >= 1, ascending) and the qualities.

    A regular grid is its first offset and its step; any other is second differences. Quality None
    means GOOD throughout.
    """
    n = len(offset_ms)
    steps = np.diff(offset_ms)
    step = int(steps[0]) if n > 1 else 0
    if n == 1 or bool((steps == step).all()):
        kind, body = _GRID, b""
    else:
        kind = _FREE
        second = np.empty(n, np.int64)
        second[:2] = 0
        np.subtract(steps[1:], steps[:-1], out=second[2:])
        coded = zigzag(second)
        width = _width_of(int(coded.max()))
        body = bytes((width,)) + _to_planes(coded, width)
    runs = b"" if quality is None or not quality.any() else _quality_runs(quality)
    flags = kind | (_HAS_QUALITY if runs else 0)
    head = _TIMES_HEAD.pack(flags, n, int(offset_ms[0]), step)
    tail = runs + body
    return head + (_compress(tail) if tail else b"")


def _quality_runs(quality: UInt8s) -> bytes:
    starts = np.flatnonzero(np.diff(quality)) + 1
    edges = [0, *starts.tolist(), len(quality)]
    runs = [_QUALITY_RUN.pack(int(quality[a]), b - a) for a, b in pairwise(edges)]
    return struct.pack("<I", len(runs)) + b"".join(runs)


def decode_timeline(payload: bytes) -> tuple[Int64s, UInt8s | None]:
    """Offsets (n,) in ms and qualities (n,), None when all are GOOD. Raises DamagedChunk."""
    if len(payload) < _TIMES_HEAD.size:
        raise DamagedChunk("its times are cut off")
    flags, n, first, step = _TIMES_HEAD.unpack_from(payload)
    body = _decompress(payload[_TIMES_HEAD.size :]) if len(payload) > _TIMES_HEAD.size else b""
    quality: UInt8s | None = None
    if flags & _HAS_QUALITY:
        (count,) = struct.unpack_from("<I", body)
        size = 4 + count * _QUALITY_RUN.size
        runs = list(_QUALITY_RUN.iter_unpack(body[4:size]))
        quality = np.repeat(
            np.array([q for q, _ in runs], np.uint8), np.array([length for _, length in runs])
        )
        if len(quality) != n:
            raise DamagedChunk("its qualities do not cover its times")
        body = body[size:]
    if flags & 0x0F == _GRID:
        return first + step * np.arange(n, dtype=np.int64), quality
    steps = np.cumsum(_unzigzag(_from_planes(body[1:], body[0], n)))
    steps += step
    steps[0] = first
    return np.cumsum(steps), quality


def timeline_key(payload: bytes) -> int:
    """The key under which equal timelines are stored once: 63 bits of a hash of the bytes."""
    return int.from_bytes(hashlib.blake2b(payload, digest_size=8).digest(), "big") >> 1


def checksum(
    meter_key: int, quantity_key: int, tier: int, start_ms: int, timeline: int, payload: bytes
) -> int:
    """CRC of the payload and of whose it is, so that a chunk cannot pass as another's."""
    identity = _IDENTITY.pack(meter_key, quantity_key, tier, start_ms, timeline)
    return zlib.crc32(payload, zlib.crc32(identity))

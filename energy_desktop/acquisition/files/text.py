"""Lines of a text file from outside, plain or gzip, inside limits.

A file from outside is not trusted: a gzip of 1 MB may hold a gigabyte of zeros, a line may have
no end. Everything is read in blocks, and each limit ends with a sentence instead of a full memory.
Line numbers are those of an editor: the header is line 1, blank lines count.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from energy_desktop.domain.errors import DataFileError

BLOCK_BYTES = 4 << 20
RATIO_COUNTS_FROM_BYTES = 16 << 20
DELIMITERS = (";", "\t", "|", ",")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold. Real half-hourly files unpack to about 10 times their size."""

    text_bytes: int = 2 << 30
    gzip_ratio: int = 200
    line_bytes: int = 16_384
    rows: int = 20_000_000
    rejects: int = 10_000


DEFAULT_LIMITS = Limits()


Watch = Callable[[float], None]
"""Told the share that was read, 0 to 1; may raise, as a job does that was cancelled."""


def unwatched(share: float) -> None:
    """For callers that watch nothing."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines without their ends; numbers[i] is the line number of lines[i].

    Blank lines are left out, so numbers may jump.
    """

    numbers: list[int]
    lines: list[str]


def place(path: Path, line: int | None = None) -> str:
    """`prices.csv, line 12`: how an error names where it stands."""
    return path.name if line is None else f"{path.name}, line {line}"


def check_readable(path: Path) -> None:
    """Raises DataFileError for what is no file, or one that may not be read."""
    try:
        if path.is_file():
            path.open("rb").close()
            return
    except OSError as error:
        raise _unreadable(path, error) from error
    raise DataFileError(
        where=str(path), what="there is no such file.", remedy="Check its name and folder."
    )


def _unreadable(path: Path, error: OSError) -> DataFileError:
    return DataFileError(
        where=str(path),
        what=f"it cannot be read: {error.strerror or error}.",
        remedy="Check its rights and its disk.",
    )


def read_header(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """The first line. Raises DataFileError when the file is missing, empty or no text."""
    for block in read_blocks(path, limits, after_line=0):
        if block.numbers[0] != 1:
            break
        return block.lines[0]
    raise DataFileError(
        where=place(path, 1),
        what="there is no header line.",
        remedy="The first line must name the columns.",
    )


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive whole lines as they stand in the file."""

    first_line: int
    line_count: int
    body: bytes


class Decoder:
    """UTF-8, or from the first byte that is none on, the western code page of old loggers."""

    def __init__(self) -> None:
        self._encoding = "utf-8"

    def block(self, piece: Piece) -> Block:
        """The lines of a piece that are not blank."""
        try:
            text = piece.body.decode(self._encoding)
        except UnicodeDecodeError:
            self._encoding = "cp1252"
            text = piece.body.decode("cp1252", errors="replace")
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        numbers = list(range(piece.first_line, piece.first_line + len(lines)))
        if "\r" in text:
            lines = [line.rstrip("\r") for line in lines]
        if "" in lines or any(line.isspace() for line in lines):
            kept = [
                (number, line) for number, line in zip(numbers, lines, strict=True) if line.strip()
            ]
            numbers, lines = [number for number, _ in kept], [line for _, line in kept]
        return Block(numbers, lines)


def read_pieces(
    path: Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    after_line: int = 1,
    watch: Watch = unwatched,
) -> Iterator[Piece]:
    """The lines after `after_line`, some megabytes at a time. watch: told the share read, before
    each piece; what it raises ends the reading."""
    for piece in _whole_lines(path, limits, watch):
        skipped = after_line + 1 - piece.first_line
        if skipped <= 0:
            yield piece
        elif skipped < piece.line_count:
            body = piece.body
            for _ in range(skipped):
                body = body[body.index(b"\n") + 1 :]
            yield Piece(after_line + 1, piece.line_count - skipped, body)


def read_blocks(
    path: Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    after_line: int = 1,
    watch: Watch = unwatched,
) -> Iterator[Block]:
    """The lines after `after_line` without blank ones."""
    decoder, rows = Decoder(), 0
    for piece in read_pieces(path, limits, after_line=after_line, watch=watch):
        block = decoder.block(piece)
        rows += len(block.lines)
        check_rows(path, limits, rows, piece.first_line + piece.line_count - 1)
        if block.lines:
            yield block


def check_rows(path: Path, limits: Limits, rows: int, line: int) -> None:
    """Raises DataFileError when that many rows, up to that line, are too many."""
    if rows > limits.rows + 1:
        raise DataFileError(
            where=place(path, line),
            what=f"the file has more than {limits.rows:,} rows.",
            remedy="Split it, for example into years.",
        )


def split_fields(path: Path, block: Block, delimiter: str) -> list[list[str]]:
    """The fields of each line. A quoted field may hold the delimiter, but no line end."""
    if not any('"' in line for line in block.lines):
        return [line.split(delimiter) for line in block.lines]
    rows = []
    for number, line in zip(block.numbers, block.lines, strict=True):
        try:
            rows.append(next(csv.reader([line], delimiter=delimiter, strict=True)))
        except csv.Error as error:
            raise DataFileError(
                where=place(path, number),
                what="a quotation mark is opened and not closed.",
                remedy="Put every field, with its quotation marks, on one line.",
            ) from error
    return rows


def sniff_delimiter(header: str) -> str:
    """The delimiter that splits the header into most columns; a comma when none does."""
    return max(DELIMITERS, key=lambda one: (header.count(one), one == ","))


def _whole_lines(path: Path, limits: Limits, watch: Watch) -> Iterator[Piece]:
    """Bytes that end at a line end, block by block."""
    check_readable(path)
    packed_bytes = path.stat().st_size
    total, line, carry = 0, 1, b""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            file = gzip.GzipFile(fileobj=raw) if packed else raw
            while True:
                watch(raw.tell() / max(packed_bytes, 1))
                chunk = file.read(BLOCK_BYTES)
                _refuse_other_encodings(path, chunk, line, first=total == 0)
                if total == 0:
                    chunk = chunk.removeprefix(b"\xef\xbb\xbf")
                total += len(chunk)
                _check_size(path, limits, total, packed_bytes if packed else None)
                data = carry + chunk
                cut = data.rfind(b"\n") + 1 if chunk else len(data)
                body, carry = data[:cut], data[cut:]
                if body:
                    count = _count_lines(path, limits, body, line)
                    yield Piece(line, count, body)
                    line += count
                if len(carry) > limits.line_bytes:
                    raise _line_too_long(path, limits, line)
                if not chunk:
                    return
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataFileError(
            where=place(path, line),
            what="the compressed file is damaged or cut off here.",
            remedy="Fetch it again.",
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _refuse_other_encodings(path: Path, chunk: bytes, line: int, *, first: bool) -> None:
    if first and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataFileError(
            where=place(path, 1), what="it is written in UTF-16.", remedy="Save it as UTF-8."
        )
    if b"\x00" in chunk:
        before = chunk[: chunk.index(b"\x00")].count(b"\n")
        raise DataFileError(
            where=place(path, line + before),
            what="it is not a text file: it holds a zero byte.",
            remedy="Export it as CSV.",
        )


def _check_size(path: Path, limits: Limits, total: int, packed_bytes: int | None) -> None:
    if total > limits.text_bytes:
        raise DataFileError(
            where=path.name,
            what=f"it holds more than {limits.text_bytes / 2**20:,.0f} MiB of text.",
            remedy="Split it.",
        )
    if (
        packed_bytes is not None
        and total > RATIO_COUNTS_FROM_BYTES
        and total > limits.gzip_ratio * packed_bytes
    ):
        raise DataFileError(
            where=path.name,
            what=f"it unpacks to more than {limits.gzip_ratio} times its size; "
            "readings do not do that.",
            remedy="If it is meant, unpack it first.",
        )


def _count_lines(path: Path, limits: Limits, body: bytes, first_line: int) -> int:
    """How many lines it has, after none was found too long."""
    ends = np.flatnonzero(np.frombuffer(body, np.uint8) == 10)
    lengths = np.diff(ends, prepend=-1, append=len(body) if body[-1] != 10 else ends[-1:])
    too_long = np.flatnonzero(lengths > limits.line_bytes + 1)
    if len(too_long):
        raise _line_too_long(path, limits, first_line + int(too_long[0]))
    return len(ends) + (body[-1] != 10)


def _line_too_long(path: Path, limits: Limits, line: int) -> DataFileError:
    return DataFileError(
        where=place(path, line),
        what=f"the line is longer than {limits.line_bytes:,} bytes.",
        remedy="Check that this is a CSV file.",
    )

"""Lines of a text file from outside, plain or gzip, inside limits.

A file from outside is not trusted: a gzip of 1 MB may hold a gigabyte of zeros, a line may have
no end. Everything is read in blocks, and each limit ends with a sentence instead of a full memory.
Line numbers are those of an editor: the header is line 1, blank lines count.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


def read_header(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """The first line. Raises DataFileError when the file is missing, empty or no text."""
    for block in read_blocks(path, limits, with_header=True):
        if block.numbers[0] != 1:
            break
        return block.lines[0]
    raise DataFileError(
        where=place(path, 1),
        what="there is no header line.",
        remedy="The first line must name the columns.",
    )


def read_blocks(
    path: Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    with_header: bool = False,
) -> Iterator[Block]:
    """Yields the lines after the header, some megabytes at a time, without blank ones."""
    next_line, rows = 1, 0
    for text in _whole_lines(path, limits):
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        numbers = list(range(next_line, next_line + len(lines)))
        first = next_line
        next_line += len(lines)
        if first == 1 and not with_header:
            lines, numbers = lines[1:], numbers[1:]
        if "\r" in text:
            lines = [line.rstrip("\r") for line in lines]
        if "" in lines or any(line.isspace() for line in lines):
            kept = [
                (number, line) for number, line in zip(numbers, lines, strict=True) if line.strip()
            ]
            numbers, lines = [number for number, _ in kept], [line for _, line in kept]
        rows += len(lines)
        if rows > limits.rows + 1:
            raise DataFileError(
                where=place(path, next_line - 1),
                what=f"the file has more than {limits.rows:,} rows.",
                remedy="Split it, for example into years.",
            )
        if lines:
            yield Block(numbers, lines)


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


def _whole_lines(path: Path, limits: Limits) -> Iterator[str]:
    """Text that ends at a line end, block by block."""
    if not path.is_file():
        raise DataFileError(
            where=str(path), what="there is no such file.", remedy="Check its name and folder."
        )
    packed_bytes = path.stat().st_size
    total, line, carry = 0, 1, b""
    encoding = "utf-8"
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            while True:
                chunk = file.read(BLOCK_BYTES)
                if total == 0:
                    _refuse_other_encodings(path, chunk)
                    chunk = chunk.removeprefix(b"\xef\xbb\xbf")
                total += len(chunk)
                _check_size(path, limits, total, packed_bytes if packed else None)
                data = carry + chunk
                cut = data.rfind(b"\n") + 1 if chunk else len(data)
                body, carry = data[:cut], data[cut:]
                if body:
                    _check_lines(path, limits, body, line)
                    text, encoding = _decoded(body, encoding)
                    line += body.count(b"\n")
                    yield text
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
        raise DataFileError(
            where=str(path),
            what=f"it cannot be read: {error.strerror or error}.",
            remedy="Check its rights and its disk.",
        ) from error


def _refuse_other_encodings(path: Path, beginning: bytes) -> None:
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataFileError(
            where=place(path, 1), what="it is written in UTF-16.", remedy="Save it as UTF-8."
        )
    if b"\x00" in beginning[:65_536]:
        raise DataFileError(
            where=place(path, 1), what="it is not a text file.", remedy="Export it as CSV."
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


def _check_lines(path: Path, limits: Limits, body: bytes, first_line: int) -> None:
    if len(body) <= limits.line_bytes:
        return
    longest = max(body.split(b"\n"), key=len)
    if len(longest) > limits.line_bytes:
        before = body[: body.index(longest)].count(b"\n")
        raise _line_too_long(path, limits, first_line + before)


def _line_too_long(path: Path, limits: Limits, line: int) -> DataFileError:
    return DataFileError(
        where=place(path, line),
        what=f"the line is longer than {limits.line_bytes:,} bytes.",
        remedy="Check that this is a CSV file.",
    )


def _decoded(body: bytes, encoding: str) -> tuple[str, str]:
    """UTF-8, or from the first byte that is none on, the western code page of old loggers."""
    try:
        return body.decode(encoding), encoding
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace"), "cp1252"

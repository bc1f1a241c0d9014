"""The first lines of a file of readings, and what can be told from them without reading the rest.

Engines differ where a file is not plain: one takes a blank line for the header, one stops at a
line that ends otherwise than the first, one reads on. Such a file is refused here, before either
sees it, so that no count depends on the engine.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from pathlib import Path

from energy_desktop.domain.errors import DataFileError

_BYTES = 65_536
_LINE_END = re.compile(rb"\r\n|\r|\n")
_SAID = {b"\n": "LF", b"\r": "CR", b"\r\n": "CR LF"}


def is_packed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def first_lines(path: Path) -> list[str]:
    """The whole lines at the head of a file that are not blank, the header first.

    Raises DataFileError for what no engine should be given: not UTF-8 text, empty, a blank line
    above the header, or lines that do not all end alike (looked for at the head, and at the tail
    of a file that is not packed).
    """
    try:
        head, tail = _ends(path)
        whole = len(head) < _BYTES
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise refused(path, "it is not UTF-8 text but UTF-16.", "Export it as UTF-8.")
        # Cut in the middle of a character it is still UTF-8.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=whole)
    except (OSError, EOFError, zlib.error) as error:
        raise refused(path, f"it cannot be unpacked or read ({error}).", "Fetch it again.") from (
            error
        )
    except UnicodeDecodeError as error:
        raise refused(path, "it is not UTF-8 text.", "Export it as UTF-8.") from error
    if "\0" in text:
        raise refused(path, "it is not text.", "Give the CSV, not the program's own file.")
    lines = text.splitlines()
    if not whole and len(lines) > 1:
        lines.pop()  # cut in the middle
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise refused(path, "it is empty.", "Export it again.")
    if not lines[0].strip():
        raise refused(path, "a blank line stands above its header.",
                      "Take the blank lines above the header away.")  # fmt: skip
    _refuse_mixed_ends(path, head, tail)
    return filled


def rows_about(path: Path) -> int:
    """About how many rows a file has, from those at its head. Raises DataFileError."""
    size = path.stat().st_size
    packed = min(size, _BYTES)
    try:
        with path.open("rb") as file:
            head = file.read(packed)
        if is_packed(path):
            head = zlib.decompressobj(wbits=31).decompress(head)
    except (OSError, zlib.error) as error:
        raise refused(path, f"it cannot be unpacked or read ({error}).", "Fetch it again.") from (
            error
        )
    return round(len(_LINE_END.findall(head)) * size / max(packed, 1))


def refused(path: Path, what: str, remedy: str) -> DataFileError:
    return DataFileError(where=path.name, what=what, remedy=remedy)


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first bytes of a file as text, and its last; b"": it is packed, or the head is all."""
    if is_packed(path):
        with gzip.open(path) as packed:
            return packed.read(_BYTES), b""
    with path.open("rb") as plain:
        head = plain.read(_BYTES)
        plain.seek(max(path.stat().st_size - _BYTES, len(head)))
        return head, plain.read()


def _refuse_mixed_ends(path: Path, head: bytes, tail: bytes) -> None:
    # A piece may begin or end between CR and LF: there half of an end is no end of its own.
    kinds = set(_LINE_END.findall(head.removesuffix(b"\r") if len(head) == _BYTES else head))
    kinds |= set(_LINE_END.findall(tail.removeprefix(b"\n")))
    if len(kinds) > 1:
        said = " and ".join(sorted(_SAID[kind] for kind in kinds))
        raise refused(
            path,
            f"its lines end in different ways ({said}).",
            "Save it again with one kind of line end; any text editor can.",
        )

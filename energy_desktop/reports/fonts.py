"""Fonts of the paper: Inter, embedded, with digits of equal width.

Inter's digits are proportional by default, and a column of amounts then does not line up. The font
carries tabular digits behind the OpenType feature `tnum`, which reportlab cannot switch on. So the
feature's substitution is read from the font here and put into the character map: every document
gets aligned figures, and copied text still reads as plain digits.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_desktop.domain.errors import UserFacingError

if TYPE_CHECKING:
    from reportlab.pdfbase.ttfonts import TTFont

REGULAR = "Inter"
BOLD = "Inter-SemiBold"
_FILES = {REGULAR: "Inter-Regular.ttf", BOLD: "Inter-SemiBold.ttf"}
_TABULAR_CHARACTERS = "0123456789"


@cache
def register_fonts(folder: Path) -> None:
    """Makes REGULAR and BOLD known to reportlab. Raises UserFacingError when a file is missing."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    for name, file in _FILES.items():
        path = folder / file
        try:
            font = TTFont(name, str(path))
        except (TTFError, OSError) as error:
            raise UserFacingError(
                where=str(path), what=f"the font cannot be read ({error}).", remedy="Reinstall."
            ) from error
        _use_tabular_digits(font, path.read_bytes())
        pdfmetrics.registerFont(font)


def _use_tabular_digits(font: TTFont, data: bytes) -> None:
    substitution = single_substitutions(data, "tnum")
    face: Any = font.face
    for character in map(ord, _TABULAR_CHARACTERS):
        glyph = substitution.get(face.charToGlyph[character])
        if glyph is not None:
            face.charToGlyph[character] = glyph
            face.charWidths[character] = face.hmetrics[glyph][0] * 1000 / face.unitsPerEm


def single_substitutions(data: bytes, feature: str) -> dict[int, int]:
    """Glyph to glyph, by the single substitutions (GSUB lookup type 1) of an OpenType feature.

    Empty where the font has no such feature. Layout: OpenType 1.9, chapters GSUB and Common.
    """
    tables = {
        data[at : at + 4]: _u32(data, at + 8) for at in range(12, 12 + 16 * _u16(data, 4), 16)
    }
    gsub = tables.get(b"GSUB")
    if gsub is None:
        return {}
    features, lookups = gsub + _u16(data, gsub + 6), gsub + _u16(data, gsub + 8)
    chosen: set[int] = set()
    for i in range(_u16(data, features)):
        record = features + 2 + 6 * i
        if data[record : record + 4] == feature.encode():
            table = features + _u16(data, record + 4)
            chosen |= {_u16(data, table + 4 + 2 * k) for k in range(_u16(data, table + 2))}
    result: dict[int, int] = {}
    for index in sorted(chosen):
        lookup = lookups + _u16(data, lookups + 2 + 2 * index)
        for k in range(_u16(data, lookup + 4)):
            kind, subtable = _u16(data, lookup), lookup + _u16(data, lookup + 6 + 2 * k)
            if kind == 7:  # extension: the real subtable lies further away
                kind, subtable = _u16(data, subtable + 2), subtable + _u32(data, subtable + 4)
            if kind == 1:
                result |= _single(data, subtable)
    return result


def _single(data: bytes, at: int) -> dict[int, int]:
    covered = _coverage(data, at + _u16(data, at + 2))
    if _u16(data, at) == 1:
        delta = _u16(data, at + 4)
        return {glyph: (glyph + delta) % 65_536 for glyph in covered}
    return {glyph: _u16(data, at + 6 + 2 * i) for i, glyph in enumerate(covered)}


def _coverage(data: bytes, at: int) -> list[int]:
    count = _u16(data, at + 2)
    if _u16(data, at) == 1:
        return [_u16(data, at + 4 + 2 * i) for i in range(count)]
    ranges = [struct.unpack_from(">HH", data, at + 4 + 6 * i) for i in range(count)]
    return [glyph for first, last in ranges for glyph in range(first, last + 1)]


def _u16(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">H", data, at)[0])


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">L", data, at)[0])

"""Ids made of names, so that nobody has to invent one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet


def slug(name: str) -> str:
    """An id made of a name: `Kühlung 2. OG` becomes `kuhlung-2-og`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60]


def free(stem: str, taken: AbstractSet[str]) -> str:
    """`stem`, or `stem-2` and on when that is taken."""
    number, name = 2, stem
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name

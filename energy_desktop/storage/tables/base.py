"""What every table stands on, and the schema as a whole (METADATA)."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass


METADATA = Base.metadata


def later(target: str) -> ForeignKey:
    """Checked at the commit: a difference is written table by table."""
    return ForeignKey(target, deferrable=True, initially="DEFERRED")

"""How long readings are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

REVISION = "0010"


def upgrade(op: Operations) -> None:
    for name, days in (("raw_days", "31"), ("minute_days", "730")):
        op.add_column("site", sa.Column(name, sa.Integer(), nullable=False, server_default=days))

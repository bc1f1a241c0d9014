"""Digests of intervals and rollups, and what takes them away when a row is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

REVISION = "0011"

_DAY_MS = 86_400_000
_SUBJECTS = (
    (1, "intervals", "register_key", _DAY_MS),
    (2, "rollups", "quantity_key", 7 * _DAY_MS),
)


def upgrade(op: Operations) -> None:
    op.create_table(
        "proofs",
        sa.Column("subject", sa.SmallInteger(), nullable=False),
        sa.Column("meter_key", sa.Integer(), nullable=False),
        sa.Column("series_key", sa.Integer(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("block_ms", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("digest", sa.BigInteger()),
        sa.PrimaryKeyConstraint("subject", "meter_key", "series_key", "step_s", "block_ms"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name != "sqlite":
        return  # a server has checksums of its own pages
    for number, table, key, block_ms in _SUBJECTS:
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_proof_{event.lower()} AFTER {event} ON {table} "
                f"BEGIN UPDATE proofs SET digest = NULL WHERE subject = {number} "
                f"AND meter_key = OLD.meter_key AND series_key = OLD.{key} "
                "AND step_s = OLD.step_s "
                f"AND block_ms = OLD.start_ms / {block_ms} * {block_ms}; END"
            )

"""How long intervals are and since when, and when the clock of this computer was set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

REVISION = "0007"


def upgrade(op: Operations) -> None:
    op.add_column(
        "meters", sa.Column("interval_min", sa.Integer(), nullable=False, server_default="15")
    )
    op.create_table(
        "ledger_grids",
        sa.Column("meter_key", sa.Integer(), nullable=False),
        sa.Column("register_key", sa.Integer(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("meter_key", "register_key", "from_ms"),
    )
    op.create_table(
        "clock_jumps",
        sa.Column("after_ms", sa.BigInteger(), nullable=False),
        sa.Column("before_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("after_ms", "before_ms"),
    )

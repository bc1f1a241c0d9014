"""Corrections of intervals with who, when and why; exchanges and resets of registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

REVISION = "0004"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    op.create_table(
        "edits",
        sa.Column("edit_id", ROW_ID, nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("intervals", sa.Integer(), nullable=False),
        sa.Column("before_wh", sa.BigInteger()),
        sa.Column("after_wh", sa.BigInteger()),
        sa.Column("undone_by", sa.BigInteger()),
        sa.PrimaryKeyConstraint("edit_id"),
    )
    op.create_index("edits_by_meter", "edits", ["meter_id", "start_ms"])
    op.create_table(
        "register_events",
        sa.Column("event_id", ROW_ID, nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("old_end_wh", sa.BigInteger()),
        sa.Column("new_start_wh", sa.BigInteger()),
        sa.Column("old_serial", sa.Text(), nullable=False),
        sa.Column("new_serial", sa.Text(), nullable=False),
        sa.Column("old_ct_ratio", sa.Float()),
        sa.Column("new_ct_ratio", sa.Float()),
        sa.Column("modulus_wh", sa.BigInteger()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("photo", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("entered_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        sa.UniqueConstraint("meter_id", "register", "at_ms", name="one_event_at_a_time"),
    )
    op.add_column("intervals", sa.Column("edit_id", sa.BigInteger()))
    op.add_column("interval_versions", sa.Column("edit_id", sa.BigInteger()))

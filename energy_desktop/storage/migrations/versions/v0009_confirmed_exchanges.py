"""Whether a person stood by the readings of an exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

REVISION = "0009"


def upgrade(op: Operations) -> None:
    # What was booked before anybody asked stays booked.
    op.add_column(
        "register_events",
        sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.true()),
    )

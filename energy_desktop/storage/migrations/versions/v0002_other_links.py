"""Links of more kinds: what only some kinds have, and meters told apart by more than a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

REVISION = "0002"


def upgrade(op: Operations) -> None:
    op.add_column("links", sa.Column("options", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("meters", sa.Column("address", sa.Text(), nullable=False, server_default=""))

"""Every schema step, oldest first. Named one by one: a frozen program finds no files to scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy_desktop.storage.migrations.versions import (
    v0001_first,
    v0002_other_links,
    v0003_api_keys,
    v0004_edits,
    v0005_virtual_meters,
    v0007_time,
    v0009_confirmed_exchanges,
    v0010_keeping,
    v0011_proofs,
)

if TYPE_CHECKING:
    from alembic.operations import Operations


@dataclass(frozen=True, slots=True)
class Step:
    revision: str
    upgrade: Callable[[Operations], None]


STEPS: tuple[Step, ...] = (
    Step(v0001_first.REVISION, v0001_first.upgrade),
    Step(v0002_other_links.REVISION, v0002_other_links.upgrade),
    Step(v0003_api_keys.REVISION, v0003_api_keys.upgrade),
    Step(v0004_edits.REVISION, v0004_edits.upgrade),
    Step(v0005_virtual_meters.REVISION, v0005_virtual_meters.upgrade),
    Step(v0007_time.REVISION, v0007_time.upgrade),
    Step(v0009_confirmed_exchanges.REVISION, v0009_confirmed_exchanges.upgrade),
    Step(v0010_keeping.REVISION, v0010_keeping.upgrade),
    Step(v0011_proofs.REVISION, v0011_proofs.upgrade),
)

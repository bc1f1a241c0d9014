"""The commissioning desk of a command: a wire of its own, and words while it works."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energy_desktop.app.commands.known_site import known_site
from energy_desktop.domain.clock import system_clock
from energy_desktop.domain.configuration import Configuration

if TYPE_CHECKING:
    from energy_desktop.acquisition.field import Field
    from energy_desktop.domain.snapshot import Snapshot
    from energy_desktop.services.commissioning import CommissioningService


class _Nowhere:
    """Where readings go when a command only looks."""

    def put(self, snapshot: Snapshot) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk with a wire of its own, and the site as it was when the command began."""

    service: CommissioningService
    configuration: Configuration
    field: Field


@contextmanager
def desk_of(
    site: Path | None, file: Path | None, secret: str | None = None, *, needed: bool = True
) -> Iterator[Desk]:
    """With the drivers and settings of the site, where there is one. secret: for every link.

    needed: as `known_site` has it, which says what is raised.
    """
    from energy_desktop.acquisition.field import Field
    from energy_desktop.app.user import user_name
    from energy_desktop.app.wiring import render_record
    from energy_desktop.services.commissioning import CommissioningService

    with known_site(site, file, needed=needed) as known:
        password = known.password if secret is None else lambda _: secret or None
        field = Field(known.library, _Nowhere(), clock=system_clock, password=password)
        service = CommissioningService(
            known, known.library, field, system_clock, render_record, who=user_name()
        )
        try:
            yield Desk(service, known.configuration, field)
        finally:
            field.stop()


def narrator(as_json: bool) -> Callable[[float, str], None]:
    """On stderr, one line that overwrites itself; nothing beside JSON or into a file."""

    def tell(fraction: float, doing: str) -> None:
        if not as_json and sys.stderr.isatty():
            end = "\n" if fraction >= 1.0 else ""
            sys.stderr.write(f"\r\033[K{100 * fraction:3.0f} %  {doing}{end}")
            sys.stderr.flush()

    return tell

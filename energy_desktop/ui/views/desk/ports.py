"""What the desk asks of its services: Protocols, so that a test hands in values.

Every method may wait for the wire or a file, so all of them are called in jobs, never in the GUI
thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from energy_desktop.domain.bus import BusStatistics, Frame
from energy_desktop.domain.commissioning import (
    BulkPlan,
    InspectedRegister,
    Judgement,
    Reading,
    ScanHit,
    ScanPlan,
)
from energy_desktop.domain.driver import DriverInfo, TestReading
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.domain.recount import Past
from energy_desktop.domain.register_list import RegisterList
from energy_desktop.domain.site import Link


class InspectedRange(Protocol):
    """One read of a range in every type and word order.

    best_order empty: none is proved. best_format: the type in which it is.
    """

    @property
    def rows(self) -> tuple[InspectedRegister, ...]: ...
    @property
    def best_order(self) -> str: ...
    @property
    def best_format(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def round_trip_ms(self) -> float: ...


class Desk(Protocol):
    """The wire, and what is made of it."""

    def serial_ports(self) -> Sequence[str]: ...

    def warning(self, link: Link) -> str:
        """Why a scan of this line disturbs somebody; empty: nothing speaks against it."""
        ...

    def scan(
        self, plan: ScanPlan, progress: ProgressSink, on_hit: Callable[[ScanHit], object]
    ) -> tuple[ScanHit, ...]:
        """Reads only, one request at a time; `on_hit` is called in the job's thread."""
        ...

    def inspect(
        self, link: Link, unit_id: int, function: int, address: int, count: int
    ) -> InspectedRange: ...

    def driver_line(self, row: InspectedRegister, reading: Reading, quantity: str) -> str: ...

    def check_meter(self, meter_id: str, progress: ProgressSink) -> tuple[Judgement, ...]:
        """Takes some seconds where a meter is not polled often enough to be judged from memory."""
        ...

    def frames(self, link_id: str, after: int = 0) -> tuple[Frame, ...]: ...

    def bus_statistics(self) -> tuple[BusStatistics, ...]: ...

    def record(self, meter_id: str, progress: ProgressSink) -> bytes:
        """The commissioning record as PDF."""
        ...


class DriverCheck(Protocol):
    """problems: line (from 1) and what is wrong with it."""

    @property
    def problems(self) -> tuple[tuple[int, str], ...]: ...
    @property
    def summary(self) -> str: ...


class LinkPasswords(Protocol):
    """Passwords of links, kept apart from the site under the link's id."""

    @property
    def where(self) -> str:
        """Where they are kept, as a sentence."""
        ...

    def set(self, link_id: str, password: str) -> None: ...


class Drivers(Protocol):
    """Driver files as text."""

    def text(self, driver_id: str) -> str: ...

    def copy(self, driver_id: str, new_id: str) -> str: ...

    def check(self, text: str) -> DriverCheck: ...

    def test(self, text: str, link: Link, unit_id: int, address: str = "") -> TestReading: ...

    def save(self, text: str, past: Past | None = None) -> DriverInfo: ...

    def export(self, driver_id: str, path: Path) -> object: ...

    def read_list(self, path: Path, *, numbering: str = "") -> RegisterList: ...

    def from_list(self, listing: RegisterList, driver_id: str, function: int) -> str: ...


class BulkLists(Protocol):
    """Lists of meters to commission in one go."""

    def read(self, path: Path) -> BulkPlan: ...

    def apply(self, plan: BulkPlan) -> int:
        """All or nothing; returns how many meters were added or changed."""
        ...

    def template(self, path: Path) -> Path:
        """Writes an example list to be filled in."""
        ...

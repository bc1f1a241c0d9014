"""What reads the meters of one link, whatever the wire: a Modbus poller or a listener to telegrams.

The field knows links only by this protocol, so that a new kind of wire is a row in the table of
links/__init__.py and no branch anywhere else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.profiles import DriverProfile
from energy_desktop.acquisition.reading import Correction
from energy_desktop.acquisition.tracking import MeterTrack
from energy_desktop.domain.bus import BusStatistics
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.ports import SnapshotSink
from energy_desktop.domain.push import PushedReading, PushOutcome
from energy_desktop.domain.snapshot import MeterStatus


@dataclass(slots=True)
class MeterOnLink:
    """A meter as a link sees it: its schedule and state, what it yields, and what stands between
    its values and those of the circuit."""

    track: MeterTrack
    profile: DriverProfile
    correction: Correction

    @property
    def meter_id(self) -> str:
        return self.track.meter.meter_id


@dataclass(slots=True)
class Outlets:
    """Where a link's findings go. Callables return at once and may be called at any reading.

    password: of a link by its id; None: it has none. It may ask the system's key store, so it is
    called in a thread. zone: of the site, which clocks without a zone are set to; None: not known.
    """

    sink: SnapshotSink
    clock: Clock
    statuses: dict[str, MeterStatus]
    on_event: Callable[[MeterStatus], None]
    on_gap: Callable[[Gap], None]
    password: Callable[[str], str | None] = lambda _: None
    zone: Callable[[], ZoneInfo | None] = lambda: None

    def now_ms(self) -> int:
        return to_ms(self.clock())


class LinkTask(Protocol):
    """The task of one link. Made and called in the loop's thread, but for `log` and `statistics`,
    which any thread may ask."""

    @property
    def meters(self) -> Mapping[str, MeterOnLink]:
        """By meter id."""
        ...

    @property
    def log(self) -> FrameLog: ...

    def put(self, meter: MeterOnLink) -> None:
        """Reads this meter from now on, in place of one of the same id."""
        ...

    def remove(self, meter_id: str) -> object:
        """Stops reading a meter; a gap that is open is reported up to now."""
        ...

    def try_now(self, meter_id: str) -> bool:
        """Ends the back-off of a meter. False: it is not on this link."""
        ...

    def end(self) -> None:
        """Makes `run` return soon, if its task is not cancelled."""
        ...

    async def run(self) -> None:
        """Until `end` or cancelled; leaves no connection open."""
        ...

    def statistics(self) -> BusStatistics:
        """What the link's frames add up to, as of now."""
        ...


@runtime_checkable
class TakesReadings(Protocol):
    """A link whose meters send by themselves, through another door of this program."""

    @property
    def meters(self) -> Mapping[str, MeterOnLink]: ...

    def arrive(self, reading: PushedReading) -> PushOutcome:
        """A reading of one of its meters came; called in the loop's thread."""
        ...

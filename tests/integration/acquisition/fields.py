"""Builders for tests of the field thread: a sink that remembers, links, meters, waiting."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus, Snapshot

DRIVERS = Path(__file__).resolve().parents[3] / "drivers"
PERIOD_S = 0.1


class Sink:
    """Keeps every snapshot, by meter."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self._lock = threading.Lock()

    def put(self, snapshot: Snapshot) -> None:
        with self._lock:
            self.snapshots.append(snapshot)

    def of(self, meter_id: str) -> list[Snapshot]:
        with self._lock:
            return [s for s in self.snapshots if s.meter_id == meter_id]


class Watched:
    """A field with all that came out of it."""

    def __init__(self, *own_folders: Path) -> None:
        self.sink = Sink()
        self.events: list[MeterStatus] = []
        self.gaps: list[Gap] = []
        self.field = Field(
            ProfileLibrary([DRIVERS, *own_folders]),
            self.sink,
            on_event=self.events.append,
            on_gap=self.gaps.append,
        )

    def state(self, meter_id: str) -> LinkState | None:
        status = self.field.statuses().get(meter_id)
        return None if status is None else status.state


@contextmanager
def polling(configuration: Configuration, *own_folders: Path) -> Iterator[Watched]:
    watched = Watched(*own_folders)
    watched.field.reconfigure(configuration)
    watched.field.start()
    try:
        yield watched
    finally:
        assert watched.field.stop(timeout_s=5.0)


def tcp(port: int, link_id: str = "tcp", timeout_s: float = 0.1) -> Link:
    return Link(link_id, LinkKind.MODBUS_TCP, host="127.0.0.1", port=port, timeout_s=timeout_s)


def a_meter(meter_id: str, unit_id: int = 1, **more: object) -> Meter:
    fields = {
        "driver_id": "eastron_sdm120",
        "link_id": "tcp",
        "poll_interval_s": PERIOD_S,
        "name": meter_id.title(),
    } | more
    return Meter(meter_id=meter_id, unit_id=unit_id, **fields)


def wait_until(condition: Callable[[], bool], within_s: float = 5.0) -> float:
    """Seconds that it took. Fails when the condition does not come true in time."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within_s, "it did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - started

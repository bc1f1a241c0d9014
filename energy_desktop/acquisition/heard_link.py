"""Meters that send by themselves: who is heard, who falls silent, what comes twice or late.

The base of links that listen (a broker, sensors that post). A meter is late after one and a half of
its intervals and lost after two and a half, whatever the times in its readings say: what counts
for that is when they came. A reading of the past (kept by the sensor while it was offline) is
stored at its time and marked late, so that no live value and no alarm takes it for the present.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import seconds_text
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.tracking import log
from energy_desktop.domain.bus import BusError, BusStatistics
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.site import Link
from energy_desktop.domain.snapshot import LinkState, Snapshot

LATE_AFTER_PERIODS = 1.5
LOST_AFTER_PERIODS = 2.5
TIMES_REMEMBERED = 4_096  # of the newest readings of a meter, to know one that comes twice
NO_UNIT = 0  # of a link whose meters have no unit number


@dataclass(slots=True)
class Times:
    """The newest times of a meter's readings; the oldest is forgotten for a new one."""

    kept: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=TIMES_REMEMBERED))
    known: dict[tuple[str, int], int] = field(default_factory=dict)

    def is_new(self, read_at_ms: int, part: str = "", mark: int = 0) -> bool:
        """Whether no reading (of this part of the meter) had this time; remembers it.

        mark: what tells this reading from another one of the same time.
        """
        key = (part, read_at_ms)
        if key in self.known:
            return False
        if len(self.kept) == self.kept.maxlen:
            del self.known[self.kept[0]]
        self.kept.append(key)
        self.known[key] = mark
        return True

    def mark(self, read_at_ms: int, part: str = "") -> int | None:
        """The mark of the reading that has this time; None: there is none."""
        return self.known.get((part, read_at_ms))


@dataclass(slots=True)
class HeardMeter:
    """A meter that sends. since_s: from when silence is counted while nothing has come."""

    meter: MeterOnLink
    since_s: float
    times: Times = field(default_factory=Times)
    newest_ms: int = 0

    @property
    def period_s(self) -> float:
        return self.meter.track.slots.period_s


class HeardLink(ABC):
    """Implements LinkTask but for what is special to a wire. All of it in the loop's thread."""

    def __init__(self, link: Link, outlets: Outlets) -> None:
        self.link = link
        self.outlets = outlets
        self.loop = asyncio.get_running_loop()
        self.counters = BusCounters()
        self._heard: dict[str, HeardMeter] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._log = FrameLog()

    @abstractmethod
    def remedy(self, meter: MeterOnLink) -> tuple[str, str]:
        """What is known of why a meter is silent ("": nothing), and what to do."""

    @abstractmethod
    def added(self, heard: HeardMeter) -> None:
        """A meter is put; for what a link prepares for it. May raise WrongUse."""

    @abstractmethod
    def removed(self, heard: HeardMeter) -> None:
        """A meter was removed."""

    @property
    def meters(self) -> Mapping[str, MeterOnLink]:
        return {meter_id: heard.meter for meter_id, heard in self._heard.items()}

    @property
    def log(self) -> FrameLog:
        return self._log

    def put(self, meter: MeterOnLink) -> None:
        self.remove(meter.meter_id)
        now_s = self.loop.time()
        heard = HeardMeter(meter, now_s)
        self.added(heard)
        self._heard[meter.meter_id] = heard
        meter.track.begin(now_s, self.outlets.now_ms())
        self.outlets.statuses[meter.meter_id] = meter.track.status
        self._wake.set()

    def remove(self, meter_id: str) -> MeterOnLink | None:
        heard = self._heard.pop(meter_id, None)
        if heard is None:
            return None
        self.removed(heard)
        self._report(heard.meter.track.open_gap(self.outlets.now_ms()))
        return heard.meter

    def try_now(self, meter_id: str) -> bool:
        """Nothing can be asked of a meter that sends by itself; it is only known here."""
        return meter_id in self._heard

    def end(self) -> None:
        self._ending = True
        self._wake.set()

    async def run(self) -> None:
        """Watches for silence until `end`."""
        while not self._ending:
            self._wake.clear()
            now_s = self.loop.time()
            due_s = [self._judge(heard, now_s) for heard in self._heard.values()]
            waits = [due - now_s for due in due_s if due is not None]
            try:
                async with asyncio.timeout(max(0.01, min(waits)) if waits else None):
                    await self._wake.wait()
            except TimeoutError:
                continue  # somebody's interval is over

    def statistics(self) -> BusStatistics:
        return replace(self.counters.statistics(self.link.link_id, None), busy_pct=None)

    # --- readings -------------------------------------------------------------------------------

    def is_late(self, heard: HeardMeter, read_at_ms: int) -> bool:
        """Whether a reading of this time says nothing of the present."""
        old_ms = self.outlets.now_ms() - read_at_ms
        return read_at_ms < heard.newest_ms or (
            old_ms > max(LATE_AFTER_PERIODS * heard.period_s, 1.0) * 1000
        )

    def take(self, heard: HeardMeter, snapshot: Snapshot) -> None:
        """Hands a reading on; one of the present makes its meter good."""
        self.outlets.sink.put(snapshot)
        self.counters.answered(NO_UNIT, 0.0)
        if snapshot.late:
            return
        heard.newest_ms = snapshot.read_at_ms
        track = heard.meter.track
        before = track.status.state
        gap = track.answered(self.loop.time(), snapshot.read_at_ms, 0.0, 0)
        track.status = replace(track.status, round_trip_ms=None)
        self._report(gap)
        self._publish(heard, before)
        self._wake.set()

    # --- silence --------------------------------------------------------------------------------

    def _judge(self, heard: HeardMeter, now_s: float) -> float | None:
        """Sets the state that silence has led to; gives when to look again, None: not by time."""
        track = heard.meter.track
        last_s = track.last_answer_s
        since_s = heard.since_s if last_s is None else last_s
        late_s = since_s + LATE_AFTER_PERIODS * heard.period_s
        lost_s = since_s + LOST_AFTER_PERIODS * heard.period_s
        if now_s < late_s and last_s is not None:
            return late_s
        if now_s < lost_s:
            if last_s is not None and track.status.state is LinkState.GOOD:
                self._silent(heard, LinkState.LATE, now_s - since_s)
            return lost_s
        if not track.is_lost:
            self._silent(heard, LinkState.LOST, now_s - since_s)
        return None

    def _silent(self, heard: HeardMeter, state: LinkState, since_s: float) -> None:
        track = heard.meter.track
        before = track.status
        known, remedy = self.remedy(heard.meter)
        what = known or (
            f"no reading came within {seconds_text(since_s)} s; "
            f"one every {seconds_text(heard.period_s)} s is expected."
        )
        lost = state is LinkState.LOST
        track.status = replace(
            before,
            state=state,
            lost_since_ms=(before.last_read_ms or track.first_try_ms) if lost else None,
            last_error=what,
            remedy=remedy,
            polls=before.polls + 1,
            failures=before.failures + 1,
        )
        self.counters.failed(NO_UNIT, BusError.TIMEOUT)
        if lost:
            log.warning("%s: %s", track.where, what)
        self._publish(heard, before.state)

    def _publish(self, heard: HeardMeter, before: LinkState) -> None:
        status = heard.meter.track.status
        self.outlets.statuses[status.meter_id] = status
        if status.state is not before:
            self.outlets.on_event(status)

    def _report(self, gap: Gap | None) -> None:
        if gap is not None and (gap.end_ms is None or gap.end_ms > gap.start_ms):
            self.outlets.on_gap(gap)

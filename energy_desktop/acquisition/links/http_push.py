"""Meters that post their readings: this end waits, and notices who falls silent.

There is no wire here; the HTTP server runs in a thread of its own and hands readings to `arrive`
in the field's loop. A meter is late after one and a half of its intervals and lost after two and a
half, whatever the times in its readings say: what counts for that is when they came.

A reading of the past (kept by the sensor while it was offline) is stored at its time and is marked
late, so that no live value and no alarm takes it for the present.
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from energy_desktop.acquisition.driver_profile import DriverProfile
from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import seconds_text
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.point_values import PointValues
from energy_desktop.acquisition.tracking import log
from energy_desktop.domain.bus import BusError, BusStatistics
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.push import PushedReading, PushOutcome
from energy_desktop.domain.site import Link
from energy_desktop.domain.snapshot import LinkState, Rejected

LATE_AFTER_PERIODS = 1.5
LOST_AFTER_PERIODS = 2.5
TIMES_REMEMBERED = 4_096  # of the newest readings of a meter, to know one that comes twice
_UNIT = 0  # of a link whose meters have no unit number


@dataclass(slots=True)
class _Pushing:
    """A meter that posts."""

    meter: MeterOnLink
    values: PointValues
    names: dict[str, str]  # name in the body -> quantity of the driver
    since_s: float  # from when silence is counted while nothing has come
    times: deque[int] = field(default_factory=lambda: deque(maxlen=TIMES_REMEMBERED))
    known: set[int] = field(default_factory=set)
    newest_ms: int = 0

    @property
    def period_s(self) -> float:
        return self.meter.track.slots.period_s

    def is_new(self, read_at_ms: int) -> bool:
        """Whether no reading of this time came before; remembers it."""
        if read_at_ms in self.known:
            return False
        if len(self.times) == self.times.maxlen:
            self.known.discard(self.times[0])
        self.times.append(read_at_ms)
        self.known.add(read_at_ms)
        return True


class HttpPushLink:
    """Implements LinkTask for meters that post."""

    def __init__(self, link: Link, outlets: Outlets) -> None:
        self._link = link
        self._outlets = outlets
        self._loop = asyncio.get_running_loop()
        self._pushing: dict[str, _Pushing] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._log = FrameLog()
        self._counters = BusCounters()

    @property
    def meters(self) -> Mapping[str, MeterOnLink]:
        return {meter_id: pushing.meter for meter_id, pushing in self._pushing.items()}

    @property
    def log(self) -> FrameLog:
        return self._log

    def put(self, meter: MeterOnLink) -> None:
        now_s = self._loop.time()
        self._pushing[meter.meter_id] = _Pushing(
            meter, PointValues(meter.profile, meter.correction), _names(meter.profile), now_s
        )
        meter.track.begin(now_s, self._outlets.now_ms())
        self._outlets.statuses[meter.meter_id] = meter.track.status
        self._wake.set()

    def remove(self, meter_id: str) -> MeterOnLink | None:
        pushing = self._pushing.pop(meter_id, None)
        if pushing is None:
            return None
        self._report(pushing.meter.track.open_gap(self._outlets.now_ms()))
        return pushing.meter

    def try_now(self, meter_id: str) -> bool:
        """Nothing can be asked of a sensor that posts; it is only known here."""
        return meter_id in self._pushing

    def end(self) -> None:
        self._ending = True
        self._wake.set()

    async def run(self) -> None:
        while not self._ending:
            self._wake.clear()
            now_s = self._loop.time()
            due_s = [self._judge(pushing, now_s) for pushing in self._pushing.values()]
            waits = [due - now_s for due in due_s if due is not None]
            try:
                async with asyncio.timeout(max(0.01, min(waits)) if waits else None):
                    await self._wake.wait()
            except TimeoutError:
                continue  # somebody's interval is over

    def statistics(self) -> BusStatistics:
        return replace(self._counters.statistics(self._link.link_id, None), busy_pct=None)

    # --- readings -------------------------------------------------------------------------------

    def arrive(self, reading: PushedReading) -> PushOutcome:
        """A reading of a meter of this link came; to be called in the loop's thread."""
        pushing = self._pushing[reading.meter_id]
        track = pushing.meter.track
        self._log.received(
            json.dumps(dict(reading.values)).encode(), lambda: f"posted for {track.meter.name}"
        )
        used = {
            quantity: reading.values[name]
            for name, quantity in pushing.names.items()
            if name in reading.values
        }
        unused = tuple(name for name in reading.values if name not in pushing.names)
        if not used:
            return PushOutcome(
                "none of its values is known to the meter's driver.",
                f"{track.meter.name} reads: {', '.join(pushing.names)}.",
            )
        now_s, now_ms = self._loop.time(), self._outlets.now_ms()
        late = reading.read_at_ms < pushing.newest_ms or (
            now_ms - reading.read_at_ms > LATE_AFTER_PERIODS * pushing.period_s * 1000
        )
        duplicate = not pushing.is_new(reading.read_at_ms)
        set_aside: tuple[Rejected, ...] = ()
        if not duplicate:
            snapshot = pushing.values.snapshot(
                reading.meter_id, reading.read_at_ms, used, late=late
            )
            set_aside = snapshot.rejected
            self._outlets.sink.put(snapshot)
        if not late and not duplicate:
            pushing.newest_ms = reading.read_at_ms
            self._heard(pushing, now_s, reading.read_at_ms)
        self._counters.answered(_UNIT, 0.0)
        return PushOutcome(duplicate=duplicate, unused=unused, set_aside=set_aside)

    def _heard(self, pushing: _Pushing, now_s: float, read_at_ms: int) -> None:
        track = pushing.meter.track
        before = track.status.state
        gap = track.answered(now_s, read_at_ms, 0.0, 0)
        track.status = replace(track.status, round_trip_ms=None)
        self._report(gap)
        self._publish(pushing, before)
        self._wake.set()

    # --- silence --------------------------------------------------------------------------------

    def _judge(self, pushing: _Pushing, now_s: float) -> float | None:
        """Sets the state that silence has led to; gives when to look again, None: not by time."""
        track = pushing.meter.track
        last_s = track.last_answer_s
        since_s = pushing.since_s if last_s is None else last_s
        late_s = since_s + LATE_AFTER_PERIODS * pushing.period_s
        lost_s = since_s + LOST_AFTER_PERIODS * pushing.period_s
        if now_s < late_s and last_s is not None:
            return late_s
        if now_s < lost_s:
            if last_s is not None and track.status.state is LinkState.GOOD:
                self._silent(pushing, LinkState.LATE, now_s - since_s)
            return lost_s
        if track.status.state is not LinkState.LOST:
            self._silent(pushing, LinkState.LOST, now_s - since_s)
        return None

    def _silent(self, pushing: _Pushing, state: LinkState, since_s: float) -> None:
        track = pushing.meter.track
        before = track.status
        what = (
            f"no reading came within {seconds_text(since_s)} s; "
            f"one every {seconds_text(pushing.period_s)} s is expected."
        )
        lost = state is LinkState.LOST
        track.status = replace(
            before,
            state=state,
            lost_since_ms=(before.last_read_ms or track.first_try_ms) if lost else None,
            last_error=what,
            remedy="Check that the sensor runs, that HTTP in is switched on in Settings, and that "
            f"a key of the name in {track.meter.address!r} exists.",
            polls=before.polls + 1,
            failures=before.failures + 1,
        )
        self._counters.failed(_UNIT, BusError.TIMEOUT)
        if lost:
            log.warning("%s: %s", track.where, what)
        self._publish(pushing, before.state)

    def _publish(self, pushing: _Pushing, before: LinkState) -> None:
        status = pushing.meter.track.status
        self._outlets.statuses[status.meter_id] = status
        if status.state is not before:
            self._outlets.on_event(status)

    def _report(self, gap: Gap | None) -> None:
        if gap is not None and (gap.end_ms is None or gap.end_ms > gap.start_ms):
            self._outlets.on_gap(gap)


def _names(profile: DriverProfile) -> dict[str, str]:
    """What the body calls each quantity; without a reference, by the quantity's own name."""
    return {point.reference or point.quantity: point.quantity for point in profile.points}

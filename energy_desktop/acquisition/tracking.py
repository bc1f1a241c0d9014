"""What is known of one polled meter, and what follows from an answer or a failure.

No sockets and no clock here: times are handed in, so that every rule (lost after three failures,
one line in the log when lost and one when back, waits that grow) is tested without waiting.
"""

import logging
from dataclasses import dataclass, field

from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.meter_clock import RIGHT_S, WRONG_S
from energy_desktop.acquisition.schedule import Backoff, Slots
from energy_desktop.domain.energy import Gap, GapCause
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus

log = logging.getLogger("energy_desktop.acquisition")

LOST_AFTER_FAILURES = 3
LOST_AFTER_PERIODS = 2.5  # seen at the second timeout, so that the third period need not pass
BUSY_TRIES = 3
BUSY_WAIT_S = (0.1, 0.5)


@dataclass(slots=True)
class MeterTrack:
    """Schedule and live state of one meter. `status` is replaced whole at each change.

    Times named _s are seconds of the monotonic clock, times named _ms UTC epoch milliseconds.
    """

    meter: Meter
    where: str
    slots: Slots
    backoff: Backoff = field(init=False)
    status: MeterStatus = field(init=False)
    failures_in_row: int = 0
    first_try_ms: int | None = None
    last_answer_s: float | None = None
    clock_ahead_s: float | None = None
    _clock_is_wrong: bool = False
    _busy_tries: int = 0
    _retry_s: float | None = None

    def __post_init__(self) -> None:
        self.backoff = Backoff(self.meter.meter_id)
        self.status = MeterStatus(self.meter.meter_id, LinkState.WAITING)

    @property
    def due_s(self) -> float:
        return self.slots.due_s if self._retry_s is None else self._retry_s

    @property
    def is_lost(self) -> bool:
        return self.status.state in (LinkState.LOST, LinkState.MISCONFIGURED)

    def begin(self, now_s: float, now_ms: int) -> int:
        """A poll starts. Returns how many slots were skipped because it starts too late."""
        if self.first_try_ms is None:
            self.first_try_ms = now_ms
        if self._retry_s is None:
            return self.slots.take(now_s)
        self._retry_s = None
        self.slots.resume(now_s)
        return 0

    def answered(self, now_s: float, now_ms: int, round_trip_ms: float, skipped: int) -> Gap | None:
        """A poll brought a reading. Returns the gap that it ends, if the meter was lost."""
        gap = None
        if self.is_lost:
            gap = self.open_gap(now_ms)
            since_ms = now_ms if gap is None else gap.start_ms
            lost_s = (now_ms - since_ms) / 1000
            log.info("%s: answers again after %s.", self.where, duration_text(lost_s))
        self.failures_in_row = 0
        self._busy_tries = 0
        self.backoff.tries = 0
        self.last_answer_s = now_s
        before = self.status
        self.status = MeterStatus(
            meter_id=before.meter_id,
            state=LinkState.LATE if skipped else LinkState.GOOD,
            last_read_ms=now_ms,
            polls=before.polls + 1,
            failures=before.failures,
            skipped_slots=self.slots.skipped,
            round_trip_ms=round_trip_ms,
            clock_ahead_s=self.clock_ahead_s,
        )
        return gap

    def clock_showed(self, shown_ms: int, now_ms: int) -> None:
        """The meter told its own time; it is in the next status. Logged when the clock is found
        wrong, and once more when it is right again."""
        ahead_s = (shown_ms - now_ms) / 1000
        self.clock_ahead_s = ahead_s
        if not self._clock_is_wrong and abs(ahead_s) > WRONG_S:
            self._clock_is_wrong = True
            log.warning(
                "%s: its own clock is %s. Readings carry the time of this computer; set the "
                "meter's clock.",
                self.where,
                clock_text(ahead_s),
            )
        elif self._clock_is_wrong and abs(ahead_s) <= RIGHT_S:
            self._clock_is_wrong = False
            log.info("%s: its own clock is right again.", self.where)

    def failed(
        self, failure: RequestFailed, now_s: float, now_ms: int, retry_s: float | None = None
    ) -> None:
        """A poll brought nothing. retry_s: when the link is tried again, if that is what failed."""
        if failure.kind is FailureKind.BUSY and self._busy_tries < BUSY_TRIES:
            self._busy_tries += 1
            self._retry_s = now_s + self.backoff.between(*BUSY_WAIT_S)
            return
        self._busy_tries = 0
        self.failures_in_row += 1
        was_lost = self.is_lost
        state = self._state_after(failure, now_s)
        what = failure.what
        if state is LinkState.MISCONFIGURED:
            self._retry_s = now_s + self.backoff.ceiling_wait_s()
        elif state is LinkState.LOST:
            wait_s = self.backoff.next_wait_s() if retry_s is None else retry_s - now_s
            self._retry_s = now_s + max(wait_s, 0.0)
            if self.failures_in_row > 1 and failure.kind is FailureKind.NO_ANSWER:
                tries = f"in {self.failures_in_row} tries"
                what = what.replace("within", f"{tries} of").replace(
                    "no answer.", f"no answer {tries}."
                )
        before = self.status
        lost = state in (LinkState.LOST, LinkState.MISCONFIGURED)
        self.status = MeterStatus(
            meter_id=before.meter_id,
            state=state,
            last_read_ms=before.last_read_ms,
            lost_since_ms=self._lost_since() if lost else None,
            next_try_ms=now_ms + round(max(0.0, self.due_s - now_s) * 1000),
            last_error=what,
            remedy=failure.remedy,
            polls=before.polls + 1,
            failures=before.failures + 1,
            skipped_slots=self.slots.skipped,
            round_trip_ms=before.round_trip_ms,
            clock_ahead_s=self.clock_ahead_s,
        )
        if lost and not was_lost:
            rarely = (
                "Trying again once a minute."
                if state is LinkState.MISCONFIGURED
                else "Trying again, ever more rarely."
            )
            log.warning("%s: %s %s", self.where, what, rarely)

    def try_now(self, now_s: float) -> None:
        """The next poll is due at once, whatever the back-off says."""
        self.backoff.reset()
        self._retry_s = now_s

    def open_gap(self, end_ms: int) -> Gap | None:
        """The stretch without readings up to `end_ms`; None unless the meter is lost."""
        if not self.is_lost or self.status.lost_since_ms is None:
            return None
        return Gap(
            meter_id=self.meter.meter_id,
            start_ms=self.status.lost_since_ms,
            end_ms=end_ms,
            cause=GapCause.COMMUNICATION,
            detail=self.status.last_error,
        )

    def _state_after(self, failure: RequestFailed, now_s: float) -> LinkState:
        if failure.kind is FailureKind.REFUSED:
            return LinkState.MISCONFIGURED
        many = self.failures_in_row >= LOST_AFTER_FAILURES
        # With a timeout as long as the period, three failures would take four periods.
        long = (
            self.failures_in_row >= 2
            and self.last_answer_s is not None
            and now_s - self.last_answer_s >= LOST_AFTER_PERIODS * self.slots.period_s
        )
        return LinkState.LOST if many or long or self.is_lost else LinkState.LATE

    def _lost_since(self) -> int | None:
        last = self.status.last_read_ms
        return self.first_try_ms if last is None else last


def clock_text(ahead_s: float) -> str:
    """`1 h 2 min ahead`, `5 min 4 s behind`."""
    return f"{duration_text(abs(ahead_s))} {'ahead' if ahead_s > 0 else 'behind'}"


def duration_text(seconds: float) -> str:
    """`4 min 20 s`, `2 h 5 min`, `3 d 4 h`: the two largest units."""
    rest = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])

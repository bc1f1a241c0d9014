"""Takes what sensors post: reads the body, finds the meter, hands it on, answers in words.

The body is judged here and not by the web framework, so that each mistake is one sentence that
the maker of the sensor can act on. A key writes to its own meters only: those whose address is its
name, or name/facility. An address that no meter has is remembered as a proposal and its readings
are refused in words: a sensor must not add meters to a site by itself, because a typo in a
facility would then open a second account for the same current.

What was answered as stored is on the disk. A request with an idempotency key is answered again as
the first time; one that was cut off keeps the time at which it first came, so that the same meter
and time meet again and are stored once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from energy_desktop.domain.clock import Clock, iso_utc, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.ports import PushAnswerStore, PushIntake
from energy_desktop.domain.push import (
    ApiKey,
    PushAnswer,
    PushedReading,
    PushOutcome,
    Unclaimed,
)
from energy_desktop.domain.site import LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.push_body import (
    FIELDS,
    MOST_READINGS,
    BodyRefused,
    Posted,
    read_body,
)
from energy_desktop.services.push_reply import PushReply, error_document, refused, reply_to

log = logging.getLogger("energy_desktop.http_in")

RECENT_MS = 60_000
AHEAD_MS = 120_000  # a clock may be so far ahead of ours
OLDEST_DAYS = 28  # readings of each second are kept for 31 days: older ones have no place
ANSWERS_KEPT_DAYS = 3
_FORGET_EVERY_MS = 3_600_000
_MOST_UNCLAIMED = 100


@dataclass(frozen=True, slots=True)
class _Recent:
    """The newest values of a meter as the sensor sent them."""

    read_at_ms: int
    values: Mapping[str, float]


class PushService:
    """Usable from any thread; calls block until the readings are on the disk.

    intake: the field. flush: commits what was put so far; False: the store did not take it.
    """

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        intake: PushIntake,
        answers: PushAnswerStore,
        flush: Callable[[], bool],
        statuses: Callable[[], Mapping[str, MeterStatus]],
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._intake = intake
        self._answers = answers
        self._flush = flush
        self._statuses = statuses
        self._clock = clock
        self._lock = Lock()
        self._in_hand: dict[tuple[str, str], Lock] = {}
        self._recent: dict[str, _Recent] = {}
        self._unclaimed: OrderedDict[str, Unclaimed] = OrderedDict()
        self._forget_at_ms = 0

    # --- taking ---------------------------------------------------------------------------------

    def receive(self, key: ApiKey, body: bytes, idempotency_key: str = "") -> PushReply:
        """Stores the readings of one request. Failures are replies, too."""
        now_ms = to_ms(self._clock())
        try:
            posted, named = read_body(body, idempotency_key)
        except BodyRefused as refusal:
            return refused(422, "The body of the request", refusal.what, refusal.remedy)
        if not named:
            return self._store(key, posted, now_ms)
        with self._lock:
            turn = self._in_hand.setdefault((key.key_id, named), Lock())
        with turn:
            try:
                return self._once(key, posted, named, hashlib.sha256(body).hexdigest(), now_ms)
            finally:
                with self._lock:
                    self._in_hand.pop((key.key_id, named), None)

    def _once(
        self,
        key: ApiKey,
        posted: tuple[Posted | BodyRefused, ...],
        named: str,
        digest: str,
        now_ms: int,
    ) -> PushReply:
        self._forget_old(now_ms)
        try:
            known = self._answers.begin(key.key_id, named, PushAnswer(digest, now_ms))
        except UserFacingError as error:
            return _try_again(error)
        if known.digest != digest:
            return refused(
                422,
                f"Idempotency key {named!r}",
                "It was used for another body before.",
                "Give each request its own; the same one only to repeat it unchanged.",
            )
        if known.status:
            return PushReply(known.status, json.loads(known.body))
        reply = self._store(key, posted, known.received_at_ms)
        if reply.status != 503:
            try:
                self._answers.finish(key.key_id, named, reply.status, json.dumps(reply.document))
            except UserFacingError as error:
                return _try_again(error)
        return reply

    def _store(
        self, key: ApiKey, posted: tuple[Posted | BodyRefused, ...], received_ms: int
    ) -> PushReply:
        now_ms = to_ms(self._clock())
        readings: list[PushedReading] = []
        places: list[int] = []
        turned_away: dict[int, BodyRefused] = {}
        for index, one in enumerate(posted):
            if isinstance(one, BodyRefused):
                turned_away[index] = one
                continue
            try:
                readings.append(self._reading(key, one, received_ms, now_ms))
                places.append(index)
            except BodyRefused as refusal:
                turned_away[index] = refusal
        try:
            outcomes = self._intake.push(readings) if readings else ()
            on_disk = self._flush() if readings else True
        except UserFacingError as error:
            return _try_again(error)
        taken: dict[int, PushOutcome] = {}
        for index, outcome in zip(places, outcomes, strict=True):
            if outcome.refused:
                turned_away[index] = BodyRefused(outcome.refused, outcome.remedy)
            else:
                taken[index] = outcome
        if not on_disk:
            return PushReply(
                503,
                error_document(
                    "The store",
                    "It does not take readings just now, so these are not safe yet.",
                    "Send the same request again in some seconds; nothing is stored twice.",
                ),
                retry_after_s=5,
            )
        self._remember(readings, outcomes)
        return reply_to(taken, turned_away, received_ms)

    def _reading(self, key: ApiKey, posted: Posted, received_ms: int, now_ms: int) -> PushedReading:
        meter = self._meter_of(key, posted, now_ms)
        read_at_ms = received_ms if posted.read_at_ms is None else posted.read_at_ms
        ahead_ms = read_at_ms - now_ms
        if ahead_ms > AHEAD_MS:
            raise BodyRefused(
                f"its time {iso_utc(read_at_ms)} is {_span(ahead_ms)} ahead of this computer's "
                f"{iso_utc(now_ms)}.",
                "Set the sensor's clock by NTP, or send no timestamp.",
            )
        if -ahead_ms > OLDEST_DAYS * DAY_MS:
            raise BodyRefused(
                f"its time {iso_utc(read_at_ms)} is more than {OLDEST_DAYS} days ago.",
                "Set the sensor's clock by NTP. Readings so old are imported from a file: "
                "`energy-desktop import`.",
            )
        own_time = posted.read_at_ms is not None
        return PushedReading(meter.meter_id, read_at_ms, posted.values, own_time)

    def _meter_of(self, key: ApiKey, posted: Posted, now_ms: int) -> Meter:
        mine = _meters_of(self._configuration(), key)
        if posted.facility:
            found = mine.get(f"{key.name}/{posted.facility}")
        else:
            found = mine.get(key.name) or (next(iter(mine.values())) if len(mine) == 1 else None)
        if found is not None:
            return found
        address = f"{key.name}/{posted.facility}" if posted.facility else key.name
        if not posted.facility and mine:
            raise BodyRefused(
                f"the key {key.name} has {len(mine)} meters, and no facility_id says which.",
                "Send facility_id; they are: " + ", ".join(sorted(mine)) + ".",
            )
        self._propose(address, posted, now_ms)
        raise BodyRefused(
            f"no meter of this site has the address {address}.",
            f"Add a meter with an HTTP push link and the address {address}, then send again.",
        )

    def _propose(self, address: str, posted: Posted, now_ms: int) -> None:
        with self._lock:
            before = self._unclaimed.pop(address, None)
            times = 1 if before is None else before.times + 1
            self._unclaimed[address] = Unclaimed(address, times, now_ms, tuple(posted.values))
            while len(self._unclaimed) > _MOST_UNCLAIMED:
                self._unclaimed.popitem(last=False)

    def _remember(self, readings: Iterable[PushedReading], outcomes: Iterable[PushOutcome]) -> None:
        with self._lock:
            for reading, outcome in zip(readings, outcomes, strict=True):
                last = self._recent.get(reading.meter_id)
                if outcome.refused or (last and last.read_at_ms >= reading.read_at_ms):
                    continue
                aside = outcome.set_aside_names
                values = {k: v for k, v in reading.values.items() if k not in aside}
                self._recent[reading.meter_id] = _Recent(reading.read_at_ms, values)

    def _forget_old(self, now_ms: int) -> None:
        with self._lock:
            if now_ms < self._forget_at_ms:
                return
            self._forget_at_ms = now_ms + _FORGET_EVERY_MS
        try:
            self._answers.forget_before(now_ms - ANSWERS_KEPT_DAYS * DAY_MS)
        except UserFacingError as error:
            log.warning("Old answers were not cleared: %s", error)

    # --- telling --------------------------------------------------------------------------------

    def unclaimed(self) -> tuple[Unclaimed, ...]:
        """Addresses that posted and have no meter, the newest first."""
        mine = {m.address for m in _push_meters(self._configuration())}
        with self._lock:
            found = [u for u in self._unclaimed.values() if u.address not in mine]
        return tuple(reversed(found))

    def status(self, key: ApiKey) -> dict[str, Any]:
        """The meters of a key and how they stand."""
        now_ms = to_ms(self._clock())
        statuses = self._statuses()
        rows = []
        for address, meter in _meters_of(self._configuration(), key).items():
            known = statuses.get(meter.meter_id)
            state = LinkState.STOPPED if known is None else known.state
            last_ms = None if known is None else known.last_read_ms
            rows.append(
                {
                    "meter": meter.meter_id,
                    "name": meter.name,
                    "facility_id": address.partition("/")[2] or None,
                    "state": state.name.lower(),
                    "last_read_at_utc": None if last_ms is None else iso_utc(last_ms),
                    "expected_every_s": meter.poll_interval_s,
                    "trouble": "" if known is None else known.last_error,
                }
            )
        return {
            "status": "success",
            "key": key.name,
            "server_time_utc": iso_utc(now_ms),
            "has_recent_data": bool(self._fresh(key, now_ms)),
            "meters": rows,
        }

    def config(self, key: ApiKey, requests_per_minute: int, most_bytes: int) -> dict[str, Any]:
        """What a sensor has to know: fields with units, limits, and the time."""
        meters = _meters_of(self._configuration(), key)
        return {
            "status": "success",
            "key": key.name,
            "server_time_utc": iso_utc(to_ms(self._clock())),
            "fields": [
                {"name": f.name, "unit": f.unit, "required": f.required, "meaning": f.meaning}
                for f in FIELDS
            ],
            "meters": [
                {
                    "meter": m.meter_id,
                    "facility_id": address.partition("/")[2] or None,
                    "send_every_s": m.poll_interval_s,
                }
                for address, m in meters.items()
            ],
            "limits": {
                "requests_per_minute": requests_per_minute,
                "body_bytes": most_bytes,
                "readings_per_request": MOST_READINGS,
                "oldest_days": OLDEST_DAYS,
                "clock_ahead_s": AHEAD_MS // 1000,
            },
        }

    def latest(self, key: ApiKey) -> PushReply:
        """The values of the last 60 s, as they were sent; the newest of the key's meters first."""
        now_ms = to_ms(self._clock())
        fresh = self._fresh(key, now_ms)
        if not fresh:
            return PushReply(
                404,
                error_document(
                    f"The sensors of {key.name}",
                    "No reading came in the last 60 s.",
                    "Look at /api/hardware/status for when the last one came.",
                ),
            )
        rows = []
        for address, meter, recent in fresh:
            facts = {
                "meter": meter.meter_id,
                "facility_id": address.partition("/")[2] or None,
                "timestamp": iso_utc(recent.read_at_ms),
            }
            # A value may be called as a fact is: it does not stand for it.
            rows.append({**facts, **_finite(recent.values), **facts})
        return PushReply(200, {"status": "success", "data": rows[0], "meters": rows})

    def check(self, key: ApiKey) -> dict[str, Any]:
        """Whether any reading of the last 60 s is there."""
        now_ms = to_ms(self._clock())
        times = [r.read_at_ms for _, _, r in self._recents(key)]
        return {
            "status": "success",
            "has_recent_data": bool(self._fresh(key, now_ms)),
            "last_data_time": iso_utc(max(times)) if times else None,
        }

    def _recents(self, key: ApiKey) -> list[tuple[str, Meter, _Recent]]:
        mine = _meters_of(self._configuration(), key)
        with self._lock:
            found = [
                (address, meter, self._recent[meter.meter_id])
                for address, meter in mine.items()
                if meter.meter_id in self._recent
            ]
        return sorted(found, key=lambda row: -row[2].read_at_ms)

    def _fresh(self, key: ApiKey, now_ms: int) -> list[tuple[str, Meter, _Recent]]:
        return [row for row in self._recents(key) if now_ms - row[2].read_at_ms <= RECENT_MS]


def _try_again(error: UserFacingError) -> PushReply:
    document = error_document("This program", error.what, "Send the same request again later.")
    return PushReply(503, document, retry_after_s=5)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _push_meters(configuration: Configuration) -> list[Meter]:
    links = {k.link_id for k in configuration.links if k.kind is LinkKind.HTTP_PUSH}
    return [m for m in configuration.meters if m.link_id in links]


def _meters_of(configuration: Configuration, key: ApiKey) -> dict[str, Meter]:
    """By address: the meters that this key, and no other, may write to."""
    return {
        m.address: m
        for m in _push_meters(configuration)
        if m.enabled and (m.address == key.name or m.address.startswith(f"{key.name}/"))
    }


def _span(ms: int) -> str:
    seconds = round(ms / 1000)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds} s"

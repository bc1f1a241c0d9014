"""Meter exchanges and resets as people tell them, now or long after.

Serial number, transformer ratio and modulus belong to a period of the measuring point. What hung
there when is not kept twice: it follows from the events and from what hangs there now.

A changed ratio is the delicate part. Readings are stored as counted with the ratio of their
moment, so a ratio that changes while the meter is read would make a step of the register that
nobody used. It is taken over only while nothing is read, and the step is entered as an event of
its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.vee.measured import measured_wh
from energy_desktop.domain import wording
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.editing import MeterPeriod, RegisterEvent, RegisterEventKind
from energy_desktop.domain.energy import DAY_MS, IntervalQuality, RegisterReading
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, History, Ledger, RegisterEventStore
from energy_desktop.domain.recount import begins_at, starts_at
from energy_desktop.domain.site import Meter
from energy_desktop.services.exchange_doubts import held_back, to_confirm
from energy_desktop.services.own_meters import own_meter
from energy_desktop.services.registers import positive_register

_LOOK_AHEAD_MS = 40 * DAY_MS
_TOO_MUCH_TIMES = 3.0  # the highest measured interval of the weeks before
_STILL_READ_POLLS = 10
_STILL_READ_MS = 60_000
_MOST_WH = 10**15  # a power station counts a thousand years for it


@dataclass(frozen=True, slots=True)
class ExchangeEntry:
    """What a person knows of an exchange or reset. old_end_wh, new_start_wh: as the meters showed
    them, times their transformer ratios. register empty: the one the meter is there for.

    serial_number, ct_ratio, modulus_wh: of the new meter; None: as before. confirmed: the person
    stands by readings that would book far more than the meter ever used.
    """

    meter_id: str
    at_ms: int
    old_end_wh: int
    new_start_wh: int
    register: str = ""
    kind: RegisterEventKind = RegisterEventKind.EXCHANGE
    serial_number: str | None = None
    ct_ratio: float | None = None
    modulus_wh: int | None = None
    note: str = ""
    photo: str = ""
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class ExchangeResult:
    """events: what was entered, the exchange first. meter: as it is now. warnings: sentences."""

    events: tuple[RegisterEvent, ...]
    meter: Meter
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadingsAround:
    """What the register showed before and after a moment; None: nothing is stored there."""

    before: RegisterReading | None
    after: RegisterReading | None


class ExchangeService:
    """`who` is the name of the person at this program; on_changed: who follows a changed
    configuration; on_corrected: whoever remembers some of the ledger."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        history: History,
        ledger: Ledger,
        events: RegisterEventStore,
        clock: Clock,
        who: str,
        on_changed: Callable[[Configuration], None] | None = None,
        on_corrected: Callable[[], None] | None = None,
    ) -> None:
        self._configuration = configuration
        self._history = history
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self._who = who
        self._on_changed = on_changed
        self._on_corrected = on_corrected

    def events(self, meter_id: str) -> tuple[RegisterEvent, ...]:
        """Exchanges and resets of the meter, oldest first. Raises NotFound."""
        self._meter(meter_id)
        return self._events.events(meter_id)

    def around(self, meter_id: str, at_ms: int, register: str = "") -> ReadingsAround:
        """The stored readings that an exchange at that moment must fit between."""
        register = self._register(self._meter(meter_id), register)
        later = self._history.raw(meter_id, register, at_ms + 1, at_ms + _LOOK_AHEAD_MS)
        known = np.flatnonzero(np.isfinite(later.values))
        after = None
        if len(known):
            i = int(known[0])
            after = RegisterReading(
                meter_id, register, int(later.time_ms[i]), round(float(later.values[i]))
            )
        before = self._ledger.register_reading(meter_id, at_ms, register=register)
        return ReadingsAround(before, after)

    def periods(self, meter_id: str) -> tuple[MeterPeriod, ...]:
        """What hung at the measuring point, oldest first; the last one hangs there now."""
        meter = self._meter(meter_id)
        period = MeterPeriod(
            meter_id, 0, meter.serial_number, meter.ct_ratio, meter.vt_ratio,
            meter.counter_modulus_wh,
        )  # fmt: skip
        found: list[MeterPeriod] = []
        # Backwards from what hangs there now: each event tells what it replaced.
        for event in reversed(self._events.events(meter_id)):
            told = replace(
                period,
                serial_number=event.new_serial or period.serial_number,
                ct_ratio=period.ct_ratio if event.new_ct_ratio is None else event.new_ct_ratio,
                modulus_wh=period.modulus_wh if event.modulus_wh is None else event.modulus_wh,
            )
            same_moment = found and found[-1].valid_from_ms == event.at_ms
            if not same_moment and _tells(event):
                found.append(replace(told, valid_from_ms=event.at_ms))
            period = replace(
                told,
                # Without a new number nothing is said of the old one, which may be unknown (empty).
                serial_number=event.old_serial if event.new_serial else told.serial_number,
                ct_ratio=told.ct_ratio if event.old_ct_ratio is None else event.old_ct_ratio,
            )
        extent = self._history.extent(meter_id)
        begin = extent[0] if extent is not None else 0
        if found:
            begin = min(begin, found[-1].valid_from_ms)
        return (replace(period, valid_from_ms=begin), *reversed(found))

    def enter(self, entry: ExchangeEntry) -> ExchangeResult:
        """Books the energy across the exchange and, where told, changes the meter.

        Raises NotFound, WrongUse when it does not fit the stored readings, lies in the future or
        changes the transformer ratio of a meter that is being read, and ConfirmationNeeded, with
        the figure, when it would book far more than the meter ever used; then nothing changed.
        """
        meter = self._meter(entry.meter_id)
        zone = ZoneInfo(self._configuration.load().site.zone)
        register = self._register(meter, entry.register)
        self._check(entry, meter)
        self._refuse_from_files(meter, register, entry)
        before = self._in_force(meter.meter_id, entry.at_ms)
        # An exchange before another one says what hung there then, not what hangs there now.
        newest = not self._followed(entry)
        new_ratio = entry.ct_ratio
        ratio_changes = newest and new_ratio is not None and new_ratio != meter.ct_ratio
        last = self._last_reading(meter.meter_id, register) if ratio_changes else None
        read_since = last is not None and last.read_at_ms > entry.at_ms
        counted_start = entry.new_start_wh
        if ratio_changes and read_since:
            assert new_ratio is not None and last is not None
            self._refuse_while_read(meter, last.read_at_ms)
            # What was read since was still counted with the old ratio, and so is the start.
            first = self.around(meter.meter_id, entry.at_ms, register).after
            counted_start = starts_at(
                entry.new_start_wh,
                meter.ct_ratio / new_ratio,
                None if first is None else first.value_wh,
            )
        event = RegisterEvent(
            event_id=0,
            meter_id=meter.meter_id,
            register=register,
            at_ms=entry.at_ms,
            kind=entry.kind,
            old_end_wh=entry.old_end_wh,
            new_start_wh=counted_start,
            old_serial=before.serial_number,
            new_serial=entry.serial_number or "",
            old_ct_ratio=before.ct_ratio,
            new_ct_ratio=before.ct_ratio if read_since else new_ratio,
            modulus_wh=entry.modulus_wh,
            note=entry.note.strip(),
            photo=entry.photo,
            by=self._who,
            confirmed=entry.confirmed,
        )
        if not entry.confirmed and (doubt := self._events.doubt(event)) is not None:
            raise to_confirm(meter, doubt)
        made = [self._events.add_event(event)]
        warnings = self._other_registers(meter, register)
        if not made[0].confirmed:
            warnings.append(
                "It was not read on both sides of the exchange yet. Should the next reading book "
                "far more than the meter ever used, that is held back until you confirm it."
            )
        if ratio_changes and read_since:
            assert new_ratio is not None and last is not None
            made.append(self._ratio_step(meter, register, last, new_ratio, made[0]))
            warnings.append(_counted_wrong(entry.at_ms, last.read_at_ms, meter, new_ratio, zone))
        warnings.extend(self._booked_too_much(meter, register, made[0]))
        if newest:
            meter = self._take_over(meter, entry)
        self._tell()
        return ExchangeResult(tuple(made), meter, tuple(warnings))

    def held(self, meter_id: str) -> frozenset[int]:
        """Ids of its exchanges whose energy is held back until a person confirms it."""
        return held_back(self._ledger, self.events(meter_id))

    def confirm(self, event_id: int, meter_id: str) -> None:
        """Books what is held back: a person stands by the readings. Raises NotFound."""
        self._of_meter(event_id, meter_id)
        self._events.confirm_event(event_id)
        self._tell()

    def remove(self, event_id: int, meter_id: str) -> None:
        """As if it had never been entered; the meter's serial number and ratio stay as they are.

        Raises NotFound.
        """
        self._of_meter(event_id, meter_id)
        self._events.remove_event(event_id)
        self._tell()

    def _of_meter(self, event_id: int, meter_id: str) -> None:
        if not any(e.event_id == event_id for e in self.events(meter_id)):
            raise NotFound(
                where=f"Meter {meter_id}",
                what=f"It has no exchange or reset {event_id}.",
                remedy="See the list of its exchanges.",
            )

    # --- parts ----------------------------------------------------------------------------------

    def _tell(self) -> None:
        if self._on_corrected is not None:
            self._on_corrected()

    def _meter(self, meter_id: str) -> Meter:
        return own_meter(self._configuration.load(), meter_id)

    def _register(self, meter: Meter, register: str) -> str:
        """One that the meter has; empty: the one that it is there for. Raises NotFound."""
        known = self._ledger.registers(meter.meter_id)
        if register and known and register not in known:
            raise NotFound(
                where=meter.name,
                what=f"It does not count {register}.",
                remedy=f"It has: {', '.join(known)}.",
            )
        return register or positive_register(self._ledger, meter.meter_id)

    def _in_force(self, meter_id: str, at_ms: int) -> MeterPeriod:
        periods = self.periods(meter_id)
        return next((p for p in reversed(periods) if p.valid_from_ms <= at_ms), periods[0])

    def _followed(self, entry: ExchangeEntry) -> bool:
        return any(
            e.at_ms > entry.at_ms and e.kind is RegisterEventKind.EXCHANGE
            for e in self._events.events(entry.meter_id)
        )

    @staticmethod
    def _check(entry: ExchangeEntry, meter: Meter) -> None:
        wrong = ""
        if entry.old_end_wh < 0 or entry.new_start_wh < 0:
            wrong = "A register shows nothing below 0."
        elif max(entry.old_end_wh, entry.new_start_wh, entry.modulus_wh or 0) > _MOST_WH:
            wrong = "No register counts that far: readings are in Wh."
        elif entry.ct_ratio is not None and not 0 < entry.ct_ratio < float("inf"):
            wrong = f"{entry.ct_ratio:g} is no transformer ratio."
        elif entry.modulus_wh is not None and entry.modulus_wh <= entry.new_start_wh:
            wrong = "The register's modulus is not above its start reading."
        if wrong:
            raise WrongUse(
                where=f"Exchange of {meter.name}",
                what=wrong,
                remedy="Check it against the exchange protocol.",
            )

    def _last_reading(self, meter_id: str, register: str) -> RegisterReading | None:
        extent = self._history.extent(meter_id)
        if extent is None:
            return None
        return self._ledger.register_reading(meter_id, extent[1], register=register)

    def _refuse_while_read(self, meter: Meter, last_ms: int) -> None:
        """A ratio changes between two readings; while they come, nobody knows between which."""
        quiet_ms = max(_STILL_READ_MS, round(_STILL_READ_POLLS * 1000 * meter.poll_interval_s))
        if meter.driver_id and meter.enabled and to_ms(self._clock()) - last_ms < quiet_ms:
            raise WrongUse(
                where=f"Exchange of {meter.name}",
                what="The transformer ratio cannot change while the meter is being read: "
                "readings on their way would be counted with the old one.",
                remedy="Switch the meter off (enabled = false), enter the exchange, switch it on.",
            )

    def _refuse_from_files(self, meter: Meter, register: str, entry: ExchangeEntry) -> None:
        """What came from files alone has no readings here that could be booked across."""
        if meter.driver_id or register not in self._ledger.registers(meter.meter_id):
            return
        if self._history.extent(meter.meter_id) is not None and self._last_reading(
            meter.meter_id, register
        ):
            return
        near = (entry.at_ms - _LOOK_AHEAD_MS, entry.at_ms + _LOOK_AHEAD_MS)
        before, after = (
            self._ledger.reconciliation(meter.meter_id, first, last, register=register)
            for first, last in ((near[0], entry.at_ms), (entry.at_ms, near[1]))
        )
        remedy = "Correct the span of the exchange with the energy that both meters counted there."
        if before.closing is not None and after.opening is not None:
            old_wh = entry.old_end_wh - before.closing.value_wh
            new_wh = after.opening.value_wh - entry.new_start_wh
            if old_wh >= 0 and new_wh >= 0:
                zone = ZoneInfo(self._configuration.load().site.zone)
                remedy = (
                    f"Correct the span from {wording.stamp(before.closing.read_at_ms, zone)} to "
                    f"{wording.stamp(after.opening.read_at_ms, zone)}: spread "
                    f"{wording.exact_kwh(old_wh + new_wh)} kWh, which both meters counted there "
                    "by these readings."
                )
        raise WrongUse(
            where=f"Exchange of {meter.name}",
            what="Its energy comes from files, which are not booked anew; where a register fell, "
            "the import left the steps open.",
            remedy=remedy,
        )

    def _ratio_step(
        self,
        meter: Meter,
        register: str,
        last: RegisterReading,
        new_ratio: float,
        exchange: RegisterEvent,
    ) -> RegisterEvent:
        """From the last reading on, the same register counts with another ratio."""
        try:
            return self._events.add_event(
                RegisterEvent(
                    event_id=0,
                    meter_id=meter.meter_id,
                    register=register,
                    at_ms=last.read_at_ms,
                    kind=RegisterEventKind.RATIO,
                    old_end_wh=last.value_wh,
                    new_start_wh=begins_at(last.value_wh, new_ratio / meter.ct_ratio),
                    old_ct_ratio=meter.ct_ratio,
                    new_ct_ratio=new_ratio,
                    note=f"Taken over with exchange {exchange.event_id}.",
                    by=self._who,
                    confirmed=True,
                )
            )
        except WrongUse:
            self._events.remove_event(exchange.event_id)
            raise

    def _take_over(self, meter: Meter, entry: ExchangeEntry) -> Meter:
        """Changes what hangs there now."""
        changed = replace(
            meter,
            serial_number=entry.serial_number or meter.serial_number,
            ct_ratio=meter.ct_ratio if entry.ct_ratio is None else entry.ct_ratio,
            counter_modulus_wh=meter.counter_modulus_wh
            if entry.modulus_wh is None
            else entry.modulus_wh,
        )
        if changed != meter:
            self._configuration.save_meter(changed, None)
            if self._on_changed is not None:
                self._on_changed(self._configuration.load())
        return changed

    def _booked_too_much(self, meter: Meter, register: str, event: RegisterEvent) -> list[str]:
        """Where no limit of the connection is known, a slip of a digit would go unseen."""
        step_ms = 1000 * self._ledger.intervals(meter.meter_id, 0, 0, register=register).step_s
        around = self.around(meter.meter_id, event.at_ms, register)
        first = event.at_ms if around.before is None else around.before.read_at_ms
        last = event.at_ms if around.after is None else around.after.read_at_ms
        first, last = first // step_ms * step_ms, -(-(last + 1) // step_ms) * step_ms
        across = self._ledger.intervals(meter.meter_id, first, last, register=register)
        past = self._ledger.intervals(
            meter.meter_id, first - _LOOK_AHEAD_MS, first, register=register
        )
        usual = measured_wh(past)
        usual = usual[np.isfinite(usual)]
        found = []
        if (across.quality == IntervalQuality.QUARANTINED).any():
            found.append(
                "Energy across it stays quarantined: more than the connection carries, or the "
                "register fell once more. Check both readings and the time."
            )
        booked = across.energy_wh[np.isfinite(across.energy_wh)]
        if len(booked) and len(usual) and booked.max() > _TOO_MUCH_TIMES * max(usual.max(), 1.0):
            found.append(
                f"{wording.exact_kwh(round(float(booked.max())))} kWh are booked in one interval, "
                f"the highest before it was {wording.exact_kwh(round(float(usual.max())))} kWh. "
                f"Check both readings; if one is wrong, remove exchange {event.event_id} and "
                "enter it anew."
            )
        return found

    def _other_registers(self, meter: Meter, register: str) -> list[str]:
        others = [r for r in self._ledger.registers(meter.meter_id) if r != register]
        return [
            f"{meter.name} counts {other} too: enter its readings of the exchange as well."
            for other in others
        ]


def _tells(event: RegisterEvent) -> bool:
    """Whether something else hangs there since: a reset alone changes nothing."""
    return event.kind is not RegisterEventKind.RESET or bool(event.new_serial)


def _counted_wrong(
    start_ms: int, end_ms: int, meter: Meter, new_ratio: float, zone: ZoneInfo
) -> str:
    factor = Decimal(repr(new_ratio)) / Decimal(repr(meter.ct_ratio))
    return (
        f"From {wording.stamp(start_ms, zone)} to {wording.stamp(end_ms, zone)} the new meter was "
        f"counted with the old ratio {meter.ct_ratio:g}. Scale that span by {factor:.6g}."
    )

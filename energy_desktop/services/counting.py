"""Another modulus or another transformer ratio for a meter that has counted already.

Readings are stored as they were counted at their time. A register that counts on with another
factor makes a step that nobody used, and one with another modulus may have rolled over where the
book saw a reset. So a person says what becomes of the past: it stays and the new way of counting
holds from the last reading on, or it is calculated again, as corrections and earlier versions that
can be looked at. Either way no step of the register is booked as energy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from energy_desktop.domain import wording
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.editing import (
    EditMethod,
    EditParameters,
    RegisterEvent,
    RegisterEventKind,
)
from energy_desktop.domain.energy import RegisterReading
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.ports import (
    ConfigurationStore,
    History,
    Ledger,
    Recounting,
    RegisterEventStore,
)
from energy_desktop.domain.recount import CountingChange, Past, PastUndecided, begins_at
from energy_desktop.domain.site import Meter
from energy_desktop.services.editing import EditingService
from energy_desktop.services.registers import NEGATIVE, POSITIVE

REGISTERS = (*POSITIVE, NEGATIVE)
_QUIET_MS = 60_000
_QUIET_POLLS = 10
_SETTLED_S = 2.5  # the writer commits each second
_LONGEST_WAIT_S = 15.0


class CountingService:
    """who: the person at this program. modulus_of_driver: what the energy register of a driver
    counts to, before transformers. follow: whoever follows a changed configuration; None: nobody
    in this program polls, so that a meter that is read elsewhere cannot be held."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        history: History,
        ledger: Ledger,
        events: RegisterEventStore,
        recounting: Recounting,
        editing: EditingService,
        clock: Clock,
        who: str,
        modulus_of_driver: Callable[[str], int | None],
        follow: Callable[[Configuration], None] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._configuration = configuration
        self._history = history
        self._ledger = ledger
        self._events = events
        self._recounting = recounting
        self._editing = editing
        self._clock = clock
        self._who = who
        self._modulus_of_driver = modulus_of_driver
        self._follow = follow
        self._pause = pause

    # --- looking --------------------------------------------------------------------------------

    def changes(self, before: Configuration, after: Configuration) -> tuple[CountingChange, ...]:
        """Meters with energy in the book that `after` counts in another way than `before`."""
        found = []
        for meter in after.meters:
            old = before.meter(meter.meter_id)
            if old is not None and old != meter and (change := self._change(old, meter)):
                found.append(change)
        return tuple(found)

    def need_answer(self, changes: Sequence[CountingChange]) -> None:
        """Raises PastUndecided when there is something to decide: energy that is booked."""
        changes = [change for change in changes if change.is_booked]
        if changes:
            raise PastUndecided(
                where=", ".join(change.name for change in changes),
                what=" ".join(change.sentence for change in changes),
                remedy="Say whether the past is recalculated or kept as it was booked "
                "(`--past recalculate` or `--past keep`); nothing was stored.",
                changes=tuple(changes),
            )

    def driver_changes(
        self,
        driver_id: str,
        factors: Mapping[str, float],
        modulus_before_wh: int | None,
        modulus_wh: int | None,
    ) -> tuple[CountingChange, ...]:
        """Meters with energy in the book whose driver is to count in another way.

        factors: by register, new readings over old ones. modulus: of the driver, before
        transformers. Raises WrongUse when it changes the registers of a meter by several factors.
        """
        found = []
        for meter in self._configuration.load().meters:
            if meter.driver_id != driver_id:
                continue
            own = {factors.get(name, 1.0) for name in self._registers(meter.meter_id)}
            if len(own) > 1:
                raise WrongUse(
                    where=f"Driver {driver_id}",
                    what=f"It would change the registers of {meter.name}, which have counted "
                    "already, by several factors.",
                    remedy="Save it under another id, and enter an exchange for each register.",
                )
            if own:
                factor = own.pop()
                before = _behind_transformers(meter, modulus_before_wh)
                now = _behind_transformers(meter, modulus_wh)
                if before is not None and meter.counter_modulus_wh is None:
                    before = round(before * factor)  # in readings as they come from now on
                said = f"Its readings are {factor:.6g} times those of before."
                change = self._changed(meter, factor, said, before, now)
                if change is not None:
                    found.append(change)
        return tuple(found)

    def _change(self, old: Meter, new: Meter) -> CountingChange | None:
        factor = (new.ct_ratio * new.vt_ratio) / (old.ct_ratio * old.vt_ratio)
        said = f"Its readings are multiplied by {_number(new)} from now on, not by {_number(old)}."
        before, now = self._modulus(old), self._modulus(new)
        if before is not None and old.counter_modulus_wh is None:
            before = round(before * factor)  # a driver's goes with the transformers by itself
        elif before is not None and factor != 1.0 and before != now:
            before = round(before * factor)
        return self._changed(new, factor, said, before, now)

    def _changed(
        self, new: Meter, factor: float, words: str, before: int | None, now: int | None
    ) -> CountingChange | None:
        """words: of the factor. before, now: what it counts to, in the readings that come."""
        registers = self._registers(new.meter_id)
        if abs(factor - 1.0) < 1e-9:
            factor = 1.0
        if not registers or (factor == 1.0 and before == now):
            return None
        said, keep, again = [], [], []
        if factor != 1.0:
            said.append(words)
            keep.append("What is booked stays; the new way counts from the last reading on.")
            again.append(
                f"Everything booked so far is multiplied by {factor:.6g}, as a correction that "
                "can be undone; the new way counts from the last reading on."
            )
        if before != now:
            said.append(f"Its register counts {_to(now)}, not {_to(before)}.")
            if factor == 1.0:
                keep.append("What is booked stays; the next time that it falls this counts.")
            shown = [
                self._recounting.preview(new.meter_id, name, _as_read(now, factor))
                for name in registers
            ]
            intervals = sum(one.intervals for one in shown)
            many = wording.count(intervals, "interval")
            grows = wording.kwh(sum(one.energy_wh for one in shown))
            again.append(
                f"The falls of its register are judged again: {many} "
                f"{'changes' if intervals == 1 else 'change'}, the energy by {grows} kWh."
                if intervals
                else "No fall of its register would be judged otherwise."
            )
        return CountingChange(
            new.meter_id, new.name, factor, before, now,
            f"{new.name}: {' '.join(said)}", " ".join(keep), " ".join(again),
            bool(self._ledger.registers(new.meter_id)),
        )  # fmt: skip

    def _registers(self, meter_id: str) -> tuple[str, ...]:
        """Those that were ever read, also before the first interval of theirs is over."""
        read = self._history.quantities(meter_id)
        booked = self._ledger.registers(meter_id)
        return tuple(name for name in REGISTERS if name in read or name in booked)

    def _modulus(self, meter: Meter) -> int | None:
        of_driver = self._modulus_of_driver(meter.driver_id) if meter.driver_id else None
        return _behind_transformers(meter, of_driver)

    # --- doing ----------------------------------------------------------------------------------

    def carry_out(
        self,
        changes: Sequence[CountingChange],
        past: Past,
        store: Callable[[], object],
        *,
        resume: bool = False,
    ) -> None:
        """Stores the new way of counting with `store`, and does to the past what was decided.

        resume: `store` does not store the meters, so those held for the moment go on as before.
        Raises WrongUse, and nothing changed: a meter with another ratio is being read by another
        program, which cannot be held for the moment of the change.
        """
        turned = [change for change in changes if change.factor != 1.0]
        before = self._configuration.load()
        held = self._hold(before, [change.meter_id for change in turned])
        made: list[RegisterEvent] = []
        try:
            for change in turned:
                made += self._turn(change)
            store()
        except BaseException:
            for event in made:
                self._events.remove_event(event.event_id)
            self._resume(held)
            raise
        if resume:
            self._resume(held)
        for change in changes:
            if past is Past.RECALCULATE:
                self._recalculate(change, made)
            elif (
                change.is_booked
                and change.modulus_before_wh != change.modulus_wh
                and change.modulus_wh is not None
            ):
                self._note_modulus(change)

    def _resume(self, held: Sequence[Meter]) -> None:
        for meter in held:
            self._configuration.save_meter(meter, None)
        if held and self._follow is not None:
            self._follow(self._configuration.load())

    def _hold(self, before: Configuration, meter_ids: Sequence[str]) -> list[Meter]:
        """Stops reading these meters, so that no reading is on its way; gives those stopped."""
        held = []
        for meter_id in meter_ids:
            meter = before.meter(meter_id)
            if meter is None or not self._is_read(meter):
                continue
            if self._follow is None:
                raise WrongUse(
                    where=meter.name,
                    what="Its counting cannot change while another program reads it: readings on "
                    "their way would be counted in the old way.",
                    remedy="Change it in the window that reads it, or stop that program first.",
                )
            self._configuration.save_meter(replace(meter, enabled=False), None)
            held.append(meter)
        if held and self._follow is not None:
            self._follow(self._configuration.load())
            self._wait_until_stored([meter.meter_id for meter in held])
        return held

    def _is_read(self, meter: Meter) -> bool:
        if not (meter.driver_id and meter.enabled):
            return False
        extent = self._history.extent(meter.meter_id)
        quiet_ms = max(_QUIET_MS, round(_QUIET_POLLS * 1000 * meter.poll_interval_s))
        return extent is not None and to_ms(self._clock()) - extent[1] < quiet_ms

    def _wait_until_stored(self, meter_ids: Sequence[str]) -> None:
        """Until what was read before is in the store."""
        waited_s, seen = 0.0, [self._history.extent(meter_id) for meter_id in meter_ids]
        while waited_s < _LONGEST_WAIT_S:
            self._pause(_SETTLED_S)
            waited_s += _SETTLED_S
            now = [self._history.extent(meter_id) for meter_id in meter_ids]
            if now == seen:
                return
            seen = now

    def _turn(self, change: CountingChange) -> list[RegisterEvent]:
        """From its last reading on each register counts with the new factor."""
        made = []
        for register in self._registers(change.meter_id):
            last = self._last(change.meter_id, register)
            if last is None:
                continue
            made.append(
                self._events.add_event(
                    RegisterEvent(
                        event_id=0,
                        meter_id=change.meter_id,
                        register=register,
                        at_ms=last.read_at_ms,
                        kind=RegisterEventKind.RATIO,
                        old_end_wh=last.value_wh,
                        new_start_wh=begins_at(last.value_wh, change.factor),
                        note=change.sentence,
                        by=self._who,
                    )
                )
            )
        return made

    def _last(self, meter_id: str, register: str) -> RegisterReading | None:
        extent = self._history.extent(meter_id)
        if extent is None:
            return None
        return self._ledger.register_reading(meter_id, extent[1], register=register)

    def _recalculate(self, change: CountingChange, turned: Sequence[RegisterEvent]) -> None:
        for register in self._ledger.registers(change.meter_id):
            if change.modulus_before_wh != change.modulus_wh:
                modulus_wh = _as_read(change.modulus_wh, change.factor)
                self._recounting.recount(change.meter_id, register, modulus_wh)
            if change.factor != 1.0:
                until = next(
                    (
                        event.at_ms
                        for event in turned
                        if (event.meter_id, event.register) == (change.meter_id, register)
                    ),
                    to_ms(self._clock()),
                )
                self._scale(change, register, until)

    def _scale(self, change: CountingChange, register: str, until_ms: int) -> None:
        """One correction for each stretch of intervals of one length, all of the past."""
        extent = self._history.extent(change.meter_id)
        if extent is None:
            return
        for start_ms, end_ms, _ in self._recounting.lengths(
            change.meter_id, register, extent[0], until_ms
        ):
            if start_ms >= end_ms:
                continue
            try:
                preview = self._editing.preview(
                    change.meter_id,
                    register,
                    start_ms,
                    end_ms,
                    EditMethod.SCALE,
                    EditParameters(factor=Decimal(f"{change.factor:.12g}")),
                )
            except NotEnoughData:  # no energy is known in it
                continue
            self._editing.apply(preview, f"Counted with a wrong ratio. {change.sentence}")

    def _note_modulus(self, change: CountingChange) -> None:
        """From when on the register counts so: what hung there before is told apart."""
        register = self._registers(change.meter_id)[0]
        self._events.add_event(
            RegisterEvent(
                event_id=0,
                meter_id=change.meter_id,
                register=register,
                at_ms=to_ms(self._clock()),
                kind=RegisterEventKind.MODULUS,
                old_end_wh=None,
                new_start_wh=None,
                modulus_wh=change.modulus_wh,
                note=change.sentence,
                by=self._who,
            )
        )


def _behind_transformers(meter: Meter, of_driver_wh: int | None) -> int | None:
    """What the meter's register counts to in its readings; its own word counts before the
    driver's."""
    if meter.counter_modulus_wh is not None:
        return meter.counter_modulus_wh
    return None if of_driver_wh is None else round(of_driver_wh * meter.ct_ratio * meter.vt_ratio)


def _as_read(modulus_wh: int | None, factor: float) -> int | None:
    """In readings of the past, which were counted with the old factor."""
    return None if modulus_wh is None else round(modulus_wh / factor)


def _number(meter: Meter) -> str:
    return f"{meter.ct_ratio * meter.vt_ratio:g}"


def _to(modulus_wh: int | None) -> str:
    return "to no end that is known" if modulus_wh is None else f"to {wording.kwh(modulus_wh)} kWh"

"""Virtual meters: formulas over meters that answer like one.

The door is a ledger in front of the ledger: whoever asks it for `virtual:...` gets the sum of the
terms, and every other id is passed on. So History, exports and forecasts need not know of them. A
step in which any term is unknown is unknown: a sum of what happens to be known would be a wrong
number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import Clock, local_day_bounds_ms, system_clock
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import (
    IntervalQuality,
    Intervals,
    Reconciliation,
    RegisterReading,
    RegisterShown,
)
from energy_desktop.domain.errors import NotEnoughData, NotFound, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, Ledger
from energy_desktop.domain.site import VIRTUAL, Meter, VirtualMeter
from energy_desktop.services.formulas import made_of_others
from energy_desktop.services.registers import positive_register

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats

REGISTER = "energy_import_wh"
_TOTAL = "energy_total_wh"


class VirtualLedger:
    """Implements domain.ports.Ledger over another one."""

    def __init__(self, ledger: Ledger, configuration: ConfigurationStore) -> None:
        self._ledger = ledger
        self._configuration = configuration

    def intervals(
        self,
        meter_id: str,
        start_ms: int,
        end_ms: int,
        *,
        register: str = REGISTER,
        step_s: int | None = None,
    ) -> Intervals:
        """As the ledger; of a virtual meter the sum of factor x energy, quality the worst of its
        terms. The finest step that all terms fit into, unless one is asked for."""
        virtual = self._virtual(meter_id)
        if virtual is None:
            return self._ledger.intervals(
                meter_id, start_ms, end_ms, register=register, step_s=step_s
            )
        return self.sum_of(virtual, start_ms, end_ms, register=register, step_s=step_s)

    def sum_of(
        self,
        virtual: VirtualMeter,
        start_ms: int,
        end_ms: int,
        *,
        register: str = REGISTER,
        step_s: int | None = None,
    ) -> Intervals:
        """As `intervals`, of a formula that need not be saved."""
        wanted = step_s or math.lcm(
            *(
                self._ledger.intervals(m, at_ms, at_ms, register=self._of(m, register)).step_s
                for m, _ in virtual.terms
                for at_ms in (start_ms, max(end_ms - 1, start_ms))
            )
        )
        total: Floats | None = None
        quality = starts = None
        for term, factor in virtual.terms:
            found = self._ledger.intervals(
                term, start_ms, end_ms, register=self._of(term, register), step_s=wanted
            )
            part = factor * found.energy_wh
            total = part if total is None else total + part
            starts = found.start_ms
            worse = found.quality if quality is None else np.maximum(quality, found.quality)
            quality = worse.astype(np.int8)
        assert total is not None and starts is not None and quality is not None
        quality[np.isnan(total) & (quality < IntervalQuality.QUARANTINED)] = IntervalQuality.MISSING
        return Intervals(virtual.meter_id, register, wanted, starts, total, quality)

    def add_intervals(self, intervals: Intervals, shown: RegisterShown | None = None) -> int:
        if self._virtual(intervals.meter_id) is not None:
            raise WrongUse(
                where=intervals.meter_id,
                what="a virtual meter is computed and takes no readings.",
                remedy="Import into the meters that it is made of.",
            )
        return self._ledger.add_intervals(intervals, shown)

    def reconciliation(
        self, meter_id: str, start_ms: int, end_ms: int, *, register: str = REGISTER
    ) -> Reconciliation:
        """Of a virtual meter: its sum, and no register to hold it against."""
        virtual = self._virtual(meter_id)
        if virtual is None:
            return self._ledger.reconciliation(meter_id, start_ms, end_ms, register=register)
        found = self.intervals(meter_id, start_ms, end_ms, register=register)
        known = ~np.isnan(found.energy_wh)
        guessed = known & (found.quality == IntervalQuality.ESTIMATED)
        edited = known & (found.quality == IntervalQuality.EDITED)
        return Reconciliation(
            meter_id,
            register,
            None,
            None,
            None,
            interval_sum_wh=round(float(found.energy_wh[known].sum())),
            estimated_wh=round(float(found.energy_wh[guessed].sum())),
            edited_wh=round(float(found.energy_wh[edited].sum())),
            missing_intervals=int((~known).sum()),
        )

    def register_reading(
        self, meter_id: str, at_ms: int, *, register: str = REGISTER
    ) -> RegisterReading | None:
        if self._virtual(meter_id) is not None:
            return None
        return self._ledger.register_reading(meter_id, at_ms, register=register)

    def registers(self, meter_id: str) -> tuple[str, ...]:
        virtual = self._virtual(meter_id)
        if virtual is None:
            return self._ledger.registers(meter_id)
        return (REGISTER,) if all(self._ledger.registers(m) for m, _ in virtual.terms) else ()

    def _virtual(self, meter_id: str) -> VirtualMeter | None:
        if not meter_id.startswith(VIRTUAL):
            return None
        configuration = self._configuration.load()
        found = configuration.virtual_meter(meter_id)
        if found is None:
            known = ", ".join(v.meter_id for v in configuration.virtual_meters) or "none yet"
            raise NotFound(
                where=meter_id,
                what="the site has no such virtual meter.",
                remedy=f"It has: {known}.",
            )
        return found

    def _of(self, meter_id: str, register: str) -> str:
        """A meter that only counts a total stands with that."""
        has = self._ledger.registers(meter_id)
        return (
            _TOTAL if register == REGISTER and register not in has and _TOTAL in has else register
        )


@dataclass(frozen=True, slots=True, eq=False)
class TermPreview:
    """One term of a formula over the day. energy_wh None: not known in all of it."""

    meter: Meter
    factor: float
    energy_wh: float | None
    missing: int  # intervals


@dataclass(frozen=True, slots=True, eq=False)
class VirtualPreview:
    """What a formula would have counted on the last whole day."""

    start_ms: int
    end_ms: int
    intervals: Intervals
    terms: tuple[TermPreview, ...]

    @property
    def energy_wh(self) -> float | None:
        """None: not known in all of the day."""
        known = ~np.isnan(self.intervals.energy_wh)
        return float(self.intervals.energy_wh.sum()) if known.size and known.all() else None

    @property
    def missing(self) -> int:
        return int(np.isnan(self.intervals.energy_wh).sum())

    @property
    def negative(self) -> int:
        """Intervals below nothing: a rest that no meter could count."""
        return int(np.count_nonzero(self.intervals.energy_wh < 0))


class VirtualMeterService:
    """Lists, checks, previews, saves and removes virtual meters.

    ledger None: no previews. on_changed: told the new configuration after a change.
    """

    def __init__(
        self,
        store: ConfigurationStore,
        ledger: VirtualLedger | None = None,
        clock: Clock = system_clock,
        on_changed: Callable[[Configuration], object] | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._on_changed = on_changed

    def listing(self) -> tuple[VirtualMeter, ...]:
        return self._store.load().virtual_meters

    def meters(self) -> tuple[Meter, ...]:
        """What a formula can be made of."""
        return self._store.load().meters

    def preview(self, virtual: VirtualMeter) -> VirtualPreview:
        """The last whole local day of a formula, saved or not. Raises WrongUse for terms that
        there are not, and NotEnoughData for a meter that has never counted."""
        configuration = self._store.load()
        _check(configuration, virtual)
        if self._ledger is None:
            raise WrongUse(where=virtual.name, what="no readings can be looked at here.", remedy="")
        meters = [(configuration.meter(m), factor) for m, factor in virtual.terms]
        zone = ZoneInfo(configuration.site.zone)
        today = self._clock().astimezone(zone).date()
        start_ms, end_ms = local_day_bounds_ms(today - timedelta(days=1), zone)
        terms = []
        for meter, factor in meters:
            assert meter is not None  # _check found all of them
            if not self._ledger.registers(meter.meter_id):
                raise NotEnoughData(
                    where=meter.name,
                    what="it has counted nothing yet.",
                    remedy="Wait for a quarter hour of readings, or import intervals.",
                )
            found = self._ledger.intervals(
                meter.meter_id,
                start_ms,
                end_ms,
                register=positive_register(self._ledger, meter.meter_id),
            )
            missing = int(np.isnan(found.energy_wh).sum())
            whole = None if missing else float(found.energy_wh.sum())
            terms.append(TermPreview(meter, factor, whole, missing))
        summed = self._ledger.sum_of(virtual, start_ms, end_ms)
        return VirtualPreview(start_ms, end_ms, summed, tuple(terms))

    def save(self, virtual: VirtualMeter, *, new: bool = False) -> None:
        """Adds or changes one. new: it must not be there yet. Raises WrongUse for terms that
        there are not, and for an id or a name that is taken."""
        configuration = self._store.load()
        _check(configuration, virtual)
        others = tuple(
            v for v in configuration.virtual_meters if v.virtual_id != virtual.virtual_id
        )
        if new and len(others) < len(configuration.virtual_meters):
            raise WrongUse(
                where=f"Virtual meter {virtual.virtual_id}",
                what="there is one with this id already.",
                remedy="Choose another id, or change that one.",
            )
        if any(v.name.casefold() == virtual.name.casefold() for v in others):
            raise WrongUse(
                where=f"Virtual meter {virtual.virtual_id}",
                what=f"another one is called {virtual.name} already.",
                remedy="Choose another name.",
            )
        order = {v.virtual_id: i for i, v in enumerate(configuration.virtual_meters)}
        kept = sorted((*others, virtual), key=lambda v: order.get(v.virtual_id, len(order)))
        self._replace(replace(configuration, virtual_meters=tuple(kept)))

    def remove(self, virtual_id: str) -> VirtualMeter:
        """Gives what was removed, so that it can be put back. Raises NotFound."""
        configuration = self._store.load()
        removed = configuration.virtual_meter(VIRTUAL + virtual_id)
        if removed is None:
            raise NotFound(
                where=f"Virtual meter {virtual_id}",
                what="there is no such one.",
                remedy="See `virtual list`.",
            )
        kept = tuple(v for v in configuration.virtual_meters if v is not removed)
        self._replace(replace(configuration, virtual_meters=kept))
        return removed

    def _replace(self, configuration: Configuration) -> None:
        self._store.replace(configuration)
        if self._on_changed is not None:
            self._on_changed(self._store.load())


def _check(configuration: Configuration, virtual: VirtualMeter) -> None:
    """Raises WrongUse with the first thing that does not hold."""
    missing = [m for m, _ in virtual.terms if configuration.meter(m) is None]
    named = [m for m, _ in virtual.terms]
    twice = next((m for m in named if named.count(m) > 1), None)
    computed = next((v for m in missing if (v := configuration.virtual_meter(m))), None)
    if computed is not None:
        what = made_of_others(computed)
    elif missing:
        what = f"there is no meter {', '.join(missing)}."
    elif not virtual.terms or not virtual.virtual_id or not virtual.name.strip():
        what = "it lacks id, name or terms."
    elif twice is not None:
        what = f"{twice} is there twice."
    elif any(factor == 0 or not math.isfinite(factor) for _, factor in virtual.terms):
        what = "a factor is 0 or no number."
    else:
        return
    raise WrongUse(
        where=f"Virtual meter {virtual.virtual_id or '(no id)'}",
        what=what,
        remedy="Name meters of the site with their factors.",
    )

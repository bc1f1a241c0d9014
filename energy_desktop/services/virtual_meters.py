"""Virtual meters: formulas over meters that answer like one.

The door is a ledger in front of the ledger: whoever asks it for `virtual:...` gets the sum of the
terms, and every other id is passed on. So History, exports and forecasts need not know of them. A
step in which any term is unknown is unknown: a sum of what happens to be known would be a wrong
number.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import (
    IntervalQuality,
    Intervals,
    Reconciliation,
    RegisterReading,
)
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, Ledger
from energy_desktop.domain.site import VIRTUAL, VirtualMeter

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
        terms. The finest step that all terms have, unless one is asked for."""
        virtual = self._virtual(meter_id)
        if virtual is None:
            return self._ledger.intervals(
                meter_id, start_ms, end_ms, register=register, step_s=step_s
            )
        wanted = step_s or max(
            self._ledger.intervals(m, start_ms, start_ms, register=self._of(m, register)).step_s
            for m, _ in virtual.terms
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
        return Intervals(meter_id, register, wanted, starts, total, quality)

    def add_intervals(self, intervals: Intervals) -> int:
        if self._virtual(intervals.meter_id) is not None:
            raise WrongUse(
                where=intervals.meter_id,
                what="a virtual meter is computed and takes no readings.",
                remedy="Import into the meters that it is made of.",
            )
        return self._ledger.add_intervals(intervals)

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
        return Reconciliation(
            meter_id,
            register,
            None,
            None,
            None,
            interval_sum_wh=round(float(found.energy_wh[known].sum())),
            estimated_wh=round(float(found.energy_wh[guessed].sum())),
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


class VirtualMeterService:
    """Lists, saves and removes virtual meters."""

    def __init__(self, store: ConfigurationStore) -> None:
        self._store = store

    def listing(self) -> tuple[VirtualMeter, ...]:
        return self._store.load().virtual_meters

    def save(self, virtual: VirtualMeter) -> None:
        """Adds or changes one. Raises WrongUse for terms that there are not."""
        configuration = self._store.load()
        missing = [m for m, _ in virtual.terms if configuration.meter(m) is None]
        if missing or not virtual.terms or not virtual.virtual_id or not virtual.name.strip():
            what = (
                f"there is no meter {', '.join(missing)}."
                if missing
                else "it lacks id, name or terms."
            )
            raise WrongUse(
                where=f"Virtual meter {virtual.virtual_id or '(no id)'}",
                what=what,
                remedy="Name meters of the site with their factors.",
            )
        others = (v for v in configuration.virtual_meters if v.virtual_id != virtual.virtual_id)
        self._store.replace(replace(configuration, virtual_meters=(*others, virtual)))

    def remove(self, virtual_id: str) -> None:
        """Raises NotFound."""
        configuration = self._store.load()
        kept = tuple(v for v in configuration.virtual_meters if v.virtual_id != virtual_id)
        if len(kept) == len(configuration.virtual_meters):
            raise NotFound(
                where=f"Virtual meter {virtual_id}", what="there is no such one.", remedy=""
            )
        self._store.replace(replace(configuration, virtual_meters=kept))

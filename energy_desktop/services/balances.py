"""Main meters held against the meters behind them, with the rest and its likely cause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_desktop.analytics.balance import Cause, Rest, explain
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import HOUR_MS
from energy_desktop.domain.errors import NotEnoughData, NotFound
from energy_desktop.domain.ports import ConfigurationStore, Ledger
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.site import Meter
from energy_desktop.services.registers import positive_register

STEP_S = 3_600


@dataclass(frozen=True, slots=True)
class SubMeter:
    """A meter behind the main one; energy_wh None: not known in all of the period."""

    meter: Meter
    energy_wh: float | None
    known_steps: int


@dataclass(frozen=True, slots=True)
class NodeBalance:
    """A main meter, what is behind it, and the rest. steps: hours of the period."""

    meter: Meter
    subs: tuple[SubMeter, ...]
    start_ms: int
    end_ms: int
    steps: int
    rest: Rest

    @property
    def suspect(self) -> Meter | None:
        """The sub-meter that the cause points at."""
        index = self.rest.suspect
        return None if index is None else self.subs[index].meter

    @property
    def closed(self) -> bool:
        return self.rest.cause in (Cause.CLOSED, Cause.RESOLUTION)


class BalanceService:
    """Every meter that has meters behind it (`parent` in the site file) is a main meter."""

    def __init__(self, configuration: ConfigurationStore, ledger: Ledger) -> None:
        self._configuration = configuration
        self._ledger = ledger

    def nodes(self, start_ms: int, end_ms: int) -> tuple[NodeBalance, ...]:
        """All main meters whose energy is known at all, in the order of the site."""
        configuration = self._configuration.load()
        found = []
        for meter in configuration.meters:
            if self._subs(configuration, meter):
                try:
                    found.append(self._node(configuration, meter, start_ms, end_ms))
                except NotEnoughData:
                    continue
        return tuple(found)

    def node(self, meter_id: str, start_ms: int, end_ms: int) -> NodeBalance:
        """Raises NotFound, and NotEnoughData when a meter has no energy in the period."""
        configuration = self._configuration.load()
        meter = configuration.meter(meter_id)
        if meter is None:
            raise NotFound(
                where=f"Meter {meter_id}",
                what="the site has no such meter.",
                remedy="See `meters`.",
            )
        if not self._subs(configuration, meter):
            raise NotEnoughData(
                where=meter.name,
                what="no meter stands behind this one.",
                remedy="Give the meters behind it this one as their parent.",
            )
        return self._node(configuration, meter, start_ms, end_ms)

    def _subs(self, configuration: Configuration, meter: Meter) -> tuple[Meter, ...]:
        return tuple(m for m in configuration.meters if m.parent_id == meter.meter_id)

    def _node(
        self, configuration: Configuration, meter: Meter, start_ms: int, end_ms: int
    ) -> NodeBalance:
        start_ms = -(-start_ms // HOUR_MS) * HOUR_MS
        end_ms = end_ms // HOUR_MS * HOUR_MS
        main, resolution = self._energy(meter, start_ms, end_ms)
        subs = self._subs(configuration, meter)
        energies = []
        for sub in subs:
            energy, own = self._energy(sub, start_ms, end_ms)
            energies.append(energy)
            resolution = max(resolution, own)
        table = np.vstack(energies)
        names = tuple(sub.name for sub in subs)
        rest = explain(main, table, resolution_wh=resolution, names=names)
        listed = tuple(
            SubMeter(
                sub,
                None if np.isnan(energy).any() else float(energy.sum()),
                int((~np.isnan(energy)).sum()),
            )
            for sub, energy in zip(subs, energies, strict=True)
        )
        return NodeBalance(meter, listed, start_ms, end_ms, len(main), rest)

    def _energy(
        self, meter: Meter, start_ms: int, end_ms: int
    ) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], float]:
        """Energy by hour (n,), and the step of the counter as far as its values show it."""
        register = positive_register(self._ledger, meter.meter_id)
        if register not in self._ledger.registers(meter.meter_id):
            raise NotEnoughData(
                where=meter.name,
                what="it has no energy in the ledger yet.",
                remedy="Wait for a quarter hour of readings, or import intervals.",
            )
        found = self._ledger.intervals(
            meter.meter_id, start_ms, end_ms, register=register, step_s=STEP_S
        )
        known = found.energy_wh[~np.isnan(found.energy_wh)].astype(np.int64)
        shown = int(np.gcd.reduce(known)) if known.size and known.any() else 1
        return found.energy_wh, max(float(shown), QUANTITIES[register].resolution)

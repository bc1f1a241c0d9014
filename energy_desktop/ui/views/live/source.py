"""Where the points of a curve come from: the store for what is older, then the rings.

While the picture is paused a curve stays as it was; reading goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from energy_desktop.services.live import LiveService
from energy_desktop.ui.widgets.chart_data import Floats
from energy_desktop.ui.widgets.decimate import break_at_gaps

_GAP_PERIODS = 3.0
_LEAST_GAP_S = 3.0
_NOT_WORTH_ASKING_MS = 5_000

OlderKey = tuple[str, str]
"""Meter id and quantity."""


@dataclass(frozen=True, slots=True)
class Window:
    """What part of which quantity is looked at. end_s: UTC epoch."""

    kind: str
    phase: str
    length_s: int
    end_s: float

    @property
    def start_s(self) -> float:
        return self.end_s - self.length_s


@dataclass(frozen=True, slots=True)
class Missing:
    """What the rings cannot give of a window: to be asked of the store."""

    meter_id: str
    quantity: str
    start_ms: int
    end_ms: int


class CurveSource:
    """Curves of meters in a window. Times are UTC seconds; NaN where a gap is."""

    def __init__(self, live: LiveService) -> None:
        self._live = live
        self._older: dict[OlderKey, tuple[Floats, Floats]] = {}
        self._asked: set[tuple[str, str, int]] = set()
        self._frozen: dict[str, tuple[Floats, Floats]] = {}

    def quantity(self, meter_id: str, window: Window) -> str:
        return self._live.quantity(meter_id, window.kind, window.phase)

    def curve(self, meter_id: str, window: Window) -> tuple[Floats, Floats]:
        """Older readings from the store, then the rings; as it was frozen, if it was."""
        if meter_id in self._frozen:
            return self._frozen[meter_id]
        quantity = self.quantity(meter_id, window)
        if not quantity:
            return np.empty(0), np.empty(0)
        x, y = self._live.curve(meter_id, quantity, window.length_s)
        older = self._older.get((meter_id, quantity))
        if older is not None and older[0].size:
            until = x[0] if x.size else math.inf
            before = (older[0] < until) & (older[0] >= window.start_s)
            x = np.concatenate((older[0][before], x))
            y = np.concatenate((older[1][before], y))
        meter = self._live.configuration().meter(meter_id)
        period = 1.0 if meter is None else meter.poll_interval_s
        return break_at_gaps(x, y, max(_LEAST_GAP_S, _GAP_PERIODS * period))

    def freeze(self, meter_ids: Iterable[str], window: Window) -> None:
        self._frozen = {}
        self._frozen = {i: self.curve(i, window) for i in meter_ids}

    def thaw(self) -> None:
        self._frozen = {}

    def drop(self, meter_id: str) -> None:
        """It is drawn no more."""
        self._frozen.pop(meter_id, None)

    # -------------------------------------------------------- the store

    def missing(self, meter_ids: Iterable[str], window: Window) -> tuple[Missing, ...]:
        """What the rings cannot give, each told once."""
        start_ms = round(window.start_s * 1000)
        wanted = []
        for meter_id in meter_ids:
            quantity = self.quantity(meter_id, window)
            key = (meter_id, quantity, window.length_s)
            if not quantity or key in self._asked:
                continue
            x, _ = self._live.curve(meter_id, quantity, window.length_s)
            begin_ms = round(x[0] * 1000) if x.size else round(window.end_s * 1000)
            if begin_ms - start_ms < _NOT_WORTH_ASKING_MS:
                continue
            self._asked.add(key)
            wanted.append(Missing(meter_id, quantity, start_ms, begin_ms))
        return tuple(wanted)

    def read(self, wanted: Iterable[Missing]) -> dict[OlderKey, tuple[Floats, Floats]]:
        """Reads the store: for a job."""
        return {
            (m.meter_id, m.quantity): self._live.older(m.meter_id, m.quantity, m.start_ms, m.end_ms)
            for m in wanted
        }

    def take(self, read: dict[OlderKey, tuple[Floats, Floats]]) -> None:
        self._older.update(read)

    def forget(self) -> None:
        self._older.clear()
        self._asked.clear()

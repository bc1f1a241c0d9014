"""Main meters held against the meters behind them, with the rest and its likely cause.

Every meter that has meters behind it (`parent` in the site file) is a main meter. What was used
behind it is what it took in plus what was yielded and discharged there, less what left again: only
then is a consumer the only thing that lowers the rest. An hour in which any part is unknown is
unknown as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.balance import explain, like_rest
from energy_desktop.domain.balance import (
    BalanceBranch,
    BalancePart,
    BalanceSlices,
    Cause,
    NodeBalance,
    Rest,
    Way,
)
from energy_desktop.domain.clock import from_ms, local_midnight_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import HOUR_MS, IntervalQuality
from energy_desktop.domain.errors import NotEnoughData, NotFound, WrongUse
from energy_desktop.domain.ports import (
    ConfigurationStore,
    Ledger,
    ProgressSink,
    no_progress,
)
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.site import Meter, Role
from energy_desktop.services.interval_steps import at_step
from energy_desktop.services.local_days import days_touched
from energy_desktop.services.registers import negative_register, positive_register

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Floats, Int64s

    Bools = NDArray[np.bool_]

_ALIKE = 0.8  # correlation by hour above which a meter may well be the one that is missed
HOUR_S = 3_600
QUARTER_S = 900

# What the two registers of a meter behind a node count, by what it is.
_WAYS = {
    Role.SOLAR: (Way.YIELDED, Way.USED),
    Role.BATTERY: (Way.DISCHARGED, Way.CHARGED),
}


class BalanceService:
    """on_changed: told the new configuration after `put_behind`."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        ledger: Ledger,
        on_changed: Callable[[Configuration], object] | None = None,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._on_changed = on_changed

    # -------------------------------------------------------- who stands behind whom

    def tree(self) -> tuple[BalanceBranch, ...]:
        """All meters in the order of the site, each before those behind it. Meters that stand in
        a ring hang on nothing."""
        configuration = self._configuration.load()
        found: list[BalanceBranch] = []
        placed: set[str] = set()

        def place(meter: Meter, depth: int) -> None:
            if meter.meter_id in placed:
                return
            placed.add(meter.meter_id)
            behind = _behind(configuration, meter)
            found.append(BalanceBranch(meter, depth, bool(behind)))
            for sub in behind:
                place(sub, depth + 1)

        for meter in configuration.meters:
            if meter.parent_id is None or configuration.meter(meter.parent_id) is None:
                place(meter, 0)
        for meter in configuration.meters:
            place(meter, 0)
        return tuple(found)

    def put_behind(self, meter_id: str, parent_id: str | None) -> Configuration:
        """Says which meter is upstream of this one; None: none. Gives the configuration as it is
        now. Raises NotFound, and WrongUse for a ring."""
        configuration = self._configuration.load()
        meter = _found(configuration, meter_id)
        if parent_id is not None:
            above: Meter | None = _found(configuration, parent_id)
            seen: set[str] = set()
            while above is not None and above.meter_id not in seen:
                if above.meter_id == meter_id:
                    raise WrongUse(
                        where=meter.name,
                        what="it would stand behind itself.",
                        remedy=f"Take {_found(configuration, parent_id).name} out from behind it "
                        "first.",
                    )
                seen.add(above.meter_id)
                above = configuration.meter(above.parent_id) if above.parent_id else None
        moved = replace(meter, parent_id=parent_id)
        changed = replace(
            configuration,
            meters=tuple(moved if m.meter_id == meter_id else m for m in configuration.meters),
        )
        self._configuration.replace(changed)
        changed = self._configuration.load()
        if self._on_changed is not None:
            self._on_changed(changed)
        return changed

    # -------------------------------------------------------- what it adds up to

    def nodes(
        self, start_ms: int, end_ms: int, progress: ProgressSink = no_progress
    ) -> tuple[NodeBalance, ...]:
        """All main meters whose energy is known at all, in the order of the site."""
        configuration = self._configuration.load()
        reading = _Reading(configuration, self._ledger, start_ms, end_ms)
        mains = [m for m in configuration.meters if _behind(configuration, m)]
        found = []
        for number, meter in enumerate(mains):
            progress(number / len(mains), meter.name)
            if reading.is_known(meter):
                found.append(_node(configuration, reading, meter))
        return tuple(found)

    def node(self, meter_id: str, start_ms: int, end_ms: int) -> NodeBalance:
        """Raises NotFound, and NotEnoughData when the main meter has no energy in the period."""
        configuration = self._configuration.load()
        meter = _found(configuration, meter_id)
        if not _behind(configuration, meter):
            raise NotEnoughData(
                where=meter.name,
                what="no meter stands behind this one.",
                remedy="Give the meters behind it this one as their parent.",
            )
        reading = _Reading(configuration, self._ledger, start_ms, end_ms)
        if not reading.is_known(meter):
            raise NotEnoughData(
                where=meter.name,
                what="it has no energy in this period.",
                remedy="Wait for a quarter hour of readings, or import intervals.",
            )
        return _node(configuration, reading, meter)

    def slices(self, node: NodeBalance, *, by_month: bool = False) -> BalanceSlices:
        """The node by local days, or by local months."""
        zone = ZoneInfo(self._configuration.load().site.zone)
        edges = days_touched(*node.period_ms, zone)
        if by_month:
            edges = _month_edges(edges, zone)
        slices = len(edges) - 1
        at = np.searchsorted(edges, node.start_ms, side="right") - 1
        known = ~np.isnan(node.rest.rest_wh)
        count = np.bincount(at[known], minlength=slices)

        def summed(energy_wh: Floats) -> Floats:
            total = np.bincount(at[known], energy_wh[known], minlength=slices).astype(np.float64)
            total[count == 0] = np.nan
            return total

        parts = [summed(p.energy_wh) for p in node.parts]
        rest = summed(node.rest.rest_wh)
        used = np.zeros(slices)
        for part, total in zip(node.parts, parts, strict=True):
            used += total if part.way.comes_in else 0.0
            used -= total if part.way in (Way.FED_OUT, Way.CHARGED) else 0.0
        used[count == 0] = np.nan
        return BalanceSlices(
            edges,
            np.bincount(at, minlength=slices),
            count,
            np.vstack(parts),
            used,
            rest,
        )


class _Reading:
    """The hours of a period, each meter's energy read once."""

    def __init__(
        self, configuration: Configuration, ledger: Ledger, start_ms: int, end_ms: int
    ) -> None:
        self._ledger = ledger
        zone = ZoneInfo(configuration.site.zone)
        # Lord Howe's days begin on the hour in summer and on the half in winter.
        whole_hours = not np.any(days_touched(start_ms, end_ms, zone) % HOUR_MS)
        self.step_s = HOUR_S if whole_hours else QUARTER_S
        step_ms = 1000 * self.step_s
        self.start_ms: Int64s = np.arange(
            -(-start_ms // step_ms) * step_ms, end_ms // step_ms * step_ms, step_ms, dtype=np.int64
        )
        self._parts: dict[str, tuple[BalancePart, ...]] = {}
        self.resolution_wh = 1.0

    @property
    def step_name(self) -> str:
        return "hour" if self.step_s == HOUR_S else "quarter hour"

    def is_known(self, meter: Meter) -> bool:
        return any(part.known_steps for part in self.main(meter))

    def main(self, meter: Meter) -> tuple[BalancePart, ...]:
        """Both directions of a main meter."""
        return self._of(meter, (Way.TAKEN, Way.FED_OUT))

    def behind(self, meter: Meter) -> tuple[BalancePart, ...]:
        """Both directions of a meter behind another one."""
        return self._of(meter, _WAYS.get(meter.role, (Way.USED, Way.FED_BACK)))

    def _of(self, meter: Meter, ways: tuple[Way, Way]) -> tuple[BalancePart, ...]:
        parts = self._parts.get(meter.meter_id)
        if parts is None:
            parts = tuple(self._read(meter))
            self._parts[meter.meter_id] = parts
        return tuple(replace(part, way=way) for part, way in zip(parts, ways, strict=False))

    def _read(self, meter: Meter) -> Iterator[BalancePart]:
        """The positive direction, and the other one where anything ever went that way."""
        positive = positive_register(self._ledger, meter.meter_id)
        yield self._part(meter, positive)
        negative = negative_register(self._ledger, meter.meter_id)
        if negative is not None:
            part = self._part(meter, negative)
            if part.known_wh > 0:
                yield part

    def _part(self, meter: Meter, register: str) -> BalancePart:
        if not self.start_ms.size:
            nothing = np.empty(0)
            return BalancePart(
                meter, Way.USED, nothing, nothing.astype(np.bool_), None, 0.0, 0, 0.0
            )
        end_ms = int(self.start_ms[-1]) + 1000 * self.step_s
        found = at_step(
            self._ledger,
            meter.meter_id,
            int(self.start_ms[0]),
            end_ms,
            register=register,
            step_s=self.step_s,
        )
        known = ~np.isnan(found.energy_wh)
        whole = found.energy_wh[known].astype(np.int64)
        shown = int(np.gcd.reduce(whole)) if whole.size and whole.any() else 1
        self.resolution_wh = max(self.resolution_wh, float(shown), QUANTITIES[register].resolution)
        estimated = known & np.isin(
            found.quality, (IntervalQuality.ESTIMATED, IntervalQuality.EDITED)
        )
        total = float(found.energy_wh[known].sum())
        return BalancePart(
            meter,
            Way.USED,
            found.energy_wh,
            estimated,
            total if known.all() else None,
            total,
            int(known.sum()),
            float(found.energy_wh[estimated].sum()),
        )


def _node(configuration: Configuration, reading: _Reading, meter: Meter) -> NodeBalance:
    parts = list(reading.main(meter))
    absent = []
    for sub in _behind(configuration, meter):
        own = reading.behind(sub)
        if any(part.known_steps for part in own):
            parts += own
        elif sub.enabled:  # one that was retired before is none of it
            absent.append(sub)
    ordered = tuple(sorted(parts, key=lambda p: not p.way.comes_in))
    used = sum(
        (p.energy_wh if p.way.comes_in else -p.energy_wh) for p in ordered if p.way is not Way.USED
    )
    assert not isinstance(used, int)  # the main meter is always a part
    subs = [i for i, p in enumerate(ordered) if p.way is Way.USED]
    sources = [i for i, p in enumerate(ordered) if p.way in (Way.YIELDED, Way.DISCHARGED)]
    steps = len(reading.start_ms)
    table = np.array([ordered[i].energy_wh for i in subs]).reshape(len(subs), steps)
    if absent:
        rest = _untold(table, used, absent)
    else:
        rest = explain(
            used,
            table,
            resolution_wh=reading.resolution_wh,
            names=tuple(ordered[i].meter.name for i in (*subs, *sources)),
            sources_wh=np.array([ordered[i].energy_wh for i in sources]).reshape(-1, steps),
            step=reading.step_name,
        )
    if rest.suspect is not None:  # an index among the subs and sources; the node counts all parts
        rest = replace(rest, suspect=(*subs, *sources)[rest.suspect])
    shared = ~np.isnan(rest.rest_wh)
    if shared.any():
        ordered = tuple(
            replace(part, shared_wh=float(part.energy_wh[shared].sum())) for part in ordered
        )
    candidate = None
    if rest.cause is Cause.MISSING_METER:
        candidate, like = _candidate(configuration, reading, meter, rest)
        if candidate is not None:
            rest = replace(
                rest,
                sentence=f"{rest.sentence} {candidate.name} stands behind no meter and has the "
                f"course of the rest (r = {like:.2f}).",
            )
    return NodeBalance(
        meter, ordered, tuple(absent), reading.start_ms, reading.step_s, rest, candidate
    )


def _candidate(
    configuration: Configuration, reading: _Reading, main: Meter, rest: Rest
) -> tuple[Meter | None, float]:
    """The meter behind none that looks most like the rest, and how much; above _ALIKE only."""
    best: tuple[Meter | None, float] = (None, _ALIKE)
    for meter in configuration.meters:
        stands_alone = meter.parent_id is None and not _behind(configuration, meter)
        if stands_alone and meter is not main and meter.role in (Role.LOAD, Role.OTHER):
            like = like_rest(rest.rest_wh, reading.behind(meter)[0].energy_wh)
            if like > best[1]:
                best = (meter, like)
    return best


def _untold(subs_wh: Floats, used_wh: Floats, absent: list[Meter]) -> Rest:
    """With a meter of which nothing is known there is no rest, only a sum of what is known."""
    names = ", ".join(m.name for m in absent)
    has = "has" if len(absent) == 1 else "have"
    known = ~np.isnan(used_wh + subs_wh.sum(axis=0))
    return Rest(
        np.full(len(used_wh), np.nan),
        float(used_wh[known].sum()),
        float(subs_wh[:, known].sum()),
        float("nan"),
        0,
        Cause.OPEN,
        f"{names} {has} no energy in this period, so the rest cannot be told.",
    )


def _behind(configuration: Configuration, meter: Meter) -> tuple[Meter, ...]:
    return tuple(m for m in configuration.meters if m.parent_id == meter.meter_id)


def _found(configuration: Configuration, meter_id: str) -> Meter:
    meter = configuration.meter(meter_id)
    if meter is None:
        raise NotFound(
            where=f"Meter {meter_id}", what="the site has no such meter.", remedy="See `meters`."
        )
    return meter


def _month_edges(days: Int64s, zone: ZoneInfo) -> Int64s:
    """The month beginnings around local days (n + 1,), as edges."""
    months = [from_ms(int(e)).astimezone(zone).date().replace(day=1) for e in days[:-1]]
    starts = [months[0]] + [b for a, b in pairwise(months) if b != a]
    last = starts[-1]
    after = last.replace(year=last.year + last.month // 12, month=last.month % 12 + 1)
    return np.array([local_midnight_ms(d, zone) for d in (*starts, after)], dtype=np.int64)

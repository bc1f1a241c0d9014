"""Which switchable loads to turn off in dear hours, and what that saves in truth.

Energy that is not used in a dear hour often comes back: the car still has to be charged and the
rooms are cooled again. The share that comes back is bought right after the pause, at the prices
of that time, and only the rest is saved; without it every switched-off kWh would count as won.

The pauses of a device are the best set of windows in the dear slots: none longer than its
`longest_off_min`, and after each it stays on for at least as long as it was off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from energy_desktop.domain.device import Device, DeviceKind
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.plan import PlanSlot, ShedAction, ShedPlan

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

REBOUND = {  # share of the energy that is used after the pause instead (assumed, not measured)
    DeviceKind.LIGHTING: 0.0,
    DeviceKind.HVAC: 0.7,
    DeviceKind.EV_CHARGER: 1.0,
    DeviceKind.COMPRESSOR: 0.9,
    DeviceKind.APPLIANCE: 1.0,
    DeviceKind.OTHER: 0.5,
}
DEAR_QUANTILE = 0.75  # of the day's slots, by price
DEAR_FACTOR = 1.1  # above the day's median; a flat day has no dear hour
HOUR_MS = 3_600_000
LEAST_SAVING = 1e-6
TIE = 1e-12


@dataclass(frozen=True, slots=True)
class _Window:
    first: int
    after: int  # first slot that is on again
    end_ms: int
    energy_wh: float
    saving: float
    price: float  # mean while off
    price_after: float  # mean while catching up


def plan_shedding(
    devices: Sequence[Device],
    usage_w: Mapping[str, Sequence[float] | Floats],
    slots: Sequence[PlanSlot],
    *,
    currency: str,
    zone: str = "UTC",
    rebound: Mapping[DeviceKind, float] = REBOUND,
    budget_w: float | None = None,
) -> ShedPlan:
    """Pauses for the switchable loads of a site over the slots ahead.

    usage_w: expected mean power per slot by device_id, each of len(slots); devices without are
    left out, as are those whose shed_order is None. slots: their load and solar power are the
    site's, for a kWh that would have been exported is worth the export price only.
    budget_w: the most that may be off at once; lower shed_order goes first. None: no limit.

    Raises WrongUse when a usage does not fit the slots.
    """
    sheddable = sorted(
        (one for one in devices if one.shed_order is not None and one.device_id in usage_w),
        key=lambda one: (one.shed_order, one.device_id),
    )
    if not slots or not sheddable:
        return ShedPlan((), 0.0, 0.0, currency)
    usage = {one.device_id: _usage(one, usage_w[one.device_id], len(slots)) for one in sheddable}
    price = np.array([s.import_per_kwh if s.load_w > s.pv_w else s.export_per_kwh for s in slots])
    dearest = _dearest_hour(slots, price)
    dear = _dear_slots(slots, price, ZoneInfo(zone))
    dear[dearest] = True
    off_w = np.zeros(len(slots))
    actions: list[ShedAction] = []
    saving = naive = 0.0
    for device in sheddable:
        power, share = usage[device.device_id], rebound.get(device.kind, 1.0)
        allowed = dear.copy()
        if budget_w is not None:
            allowed &= off_w + power <= budget_w
        for window in _best_windows(slots, price, power, allowed, device.longest_off_min, share):
            off_w[window.first : window.after] += power[window.first : window.after]
            saving += window.saving
            actions.append(_action(device, slots, window, share, currency))
        first = int(dearest[0])
        longest_ms = min(HOUR_MS, device.longest_off_min * 60_000)
        pause = _window(slots, price, power, first, longest_ms, share, int(dearest[-1]) + 1)
        naive += pause.saving if pause else 0.0
    actions.sort(key=lambda one: one.start_ms)
    return ShedPlan(tuple(actions), saving, naive, currency)


def typical_powers(
    start_ms: Int64s, power_w: Floats, slots: Sequence[PlanSlot], *, zone: str
) -> Floats:
    """What a device usually draws in each slot ahead: shape (len(slots),), W.

    The median of its past powers at the same local hour on the same kind of day (Monday to
    Friday, or weekend); of the same hour on any day, or 0, where there are none.
    start_ms, power_w: shape (n,), mean powers of the past; NaN is left out.
    """
    local = ZoneInfo(zone)
    known = np.isfinite(power_w)
    past = [_hour_and_weekend(int(ms), local) for ms in start_ms[known]]
    by_kind: dict[tuple[int, bool], list[float]] = {}
    by_hour: dict[int, list[float]] = {}
    for (hour, weekend), power in zip(past, power_w[known].tolist(), strict=True):
        by_kind.setdefault((hour, weekend), []).append(power)
        by_hour.setdefault(hour, []).append(power)
    kind_median = {key: float(np.median(values)) for key, values in by_kind.items()}
    hour_median = {key: float(np.median(values)) for key, values in by_hour.items()}
    ahead = [_hour_and_weekend(slot.start_ms, local) for slot in slots]
    return np.array([kind_median.get(key, hour_median.get(key[0], 0.0)) for key in ahead])


def _hour_and_weekend(at_ms: int, zone: ZoneInfo) -> tuple[int, bool]:
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    return local.hour, local.weekday() >= 5


def _usage(device: Device, usage: Sequence[float] | Floats, count: int) -> Floats:
    power = np.asarray(usage, dtype=np.float64)
    if power.shape != (count,) or not np.all(np.isfinite(power)):
        raise WrongUse(
            where=f"Load {device.name}",
            what=f"its expected power does not fit {count} slots.",
            remedy="Give a power in W for every slot.",
        )
    return np.maximum(power, 0.0)


def _dear_slots(slots: Sequence[PlanSlot], price: Floats, zone: ZoneInfo) -> NDArray[np.bool_]:
    """The dear quarter of each local day, where it stands out from the day's median."""
    day = np.array([datetime.fromtimestamp(s.start_ms / 1000, zone).toordinal() for s in slots])
    weight = np.array([s.end_ms - s.start_ms for s in slots], dtype=np.float64)
    dear = np.zeros(len(slots), dtype=np.bool_)
    for one in np.unique(day):
        mine = np.flatnonzero(day == one)
        order = mine[np.argsort(price[mine], kind="stable")]
        reached = np.cumsum(weight[order]) / weight[mine].sum()
        median = price[order[np.searchsorted(reached, 0.5)]]
        high = price[order[np.searchsorted(reached, DEAR_QUANTILE)]]
        dear[mine] = (price[mine] >= high) & (
            price[mine] > median + abs(median) * (DEAR_FACTOR - 1)
        )
    return dear


def _dearest_hour(slots: Sequence[PlanSlot], price: Floats) -> NDArray[np.intp]:
    """The consecutive slots of up to an hour whose mean price is highest; at least one."""
    best, found = -np.inf, np.array([0])
    for first in range(len(slots)):
        after = first + 1
        while after < len(slots) and slots[after].end_ms - slots[first].start_ms <= HOUR_MS:
            after += 1
        mean = _mean_price(slots, price, slots[first].start_ms, slots[after - 1].end_ms, first)
        if mean > best:
            best, found = mean, np.arange(first, after)
    return found


def _mean_price(
    slots: Sequence[PlanSlot], price: Floats, start_ms: int, end_ms: int, from_slot: int
) -> float:
    """Time-weighted mean over a stretch that begins in or after `from_slot`.

    Past the last slot the last price goes on.
    """
    total = 0.0
    at_ms, t = start_ms, min(from_slot, len(slots) - 1)
    while at_ms < end_ms:
        until = end_ms if t == len(slots) - 1 else min(end_ms, slots[t].end_ms)
        total += max(0, until - at_ms) * float(price[t])
        at_ms, t = max(at_ms, until), min(t + 1, len(slots) - 1)
    return total / (end_ms - start_ms)


def _window(
    slots: Sequence[PlanSlot],
    price: Floats,
    power: Floats,
    first: int,
    longest_ms: int,
    rebound: float,
    at_most_after: int,
) -> _Window | None:
    """The longest pause from slot `first` on that ends by slot `at_most_after`."""
    start_ms = slots[first].start_ms
    after = first + 1
    while after < at_most_after and slots[after].end_ms - start_ms <= longest_ms:
        after += 1
    end_ms = min(slots[after - 1].end_ms, start_ms + longest_ms)
    if end_ms <= start_ms:
        return None
    hours = np.array([(min(s.end_ms, end_ms) - s.start_ms) / HOUR_MS for s in slots[first:after]])
    energy = hours * power[first:after]
    total_wh = float(energy.sum())
    if total_wh <= 0:
        return None
    spared = float((energy * price[first:after]).sum()) / 1000
    resumed_in = after - 1 if end_ms < slots[after - 1].end_ms else after
    price_after = _mean_price(slots, price, end_ms, 2 * end_ms - start_ms, resumed_in)
    saving = spared - rebound * total_wh / 1000 * price_after
    return _Window(first, after, end_ms, total_wh, saving, spared / total_wh * 1000, price_after)


def _best_windows(
    slots: Sequence[PlanSlot],
    price: Floats,
    power: Floats,
    allowed: NDArray[np.bool_],
    longest_off_min: int,
    rebound: float,
) -> list[_Window]:
    """The set of pauses that saves most, by dynamic programming from the last slot backwards."""
    count = len(slots)
    starts = np.array([slot.start_ms for slot in slots])
    best = np.zeros(count + 1)
    choice: list[tuple[_Window, int] | None] = [None] * count
    for first in range(count - 1, -1, -1):
        best[first] = best[first + 1]
        after = first
        while after < count and allowed[after]:
            after += 1
            window = _window(slots, price, power, first, longest_off_min * 60_000, rebound, after)
            if window is None or window.after < after:
                break
            rested_ms = 2 * window.end_ms - slots[first].start_ms
            following = max(int(np.searchsorted(starts, rested_ms)), window.after)
            worth = window.saving + best[following]
            tied = worth >= best[first] - TIE and choice[first] is None  # of equals, the sooner
            if window.saving > LEAST_SAVING and (worth > best[first] or tied):
                best[first], choice[first] = worth, (window, following)
    windows, t = [], 0
    while t < count:
        chosen = choice[t]
        if chosen is None:
            t += 1
        else:
            windows.append(chosen[0])
            t = chosen[1]
    return windows


def _action(
    device: Device, slots: Sequence[PlanSlot], window: _Window, rebound: float, currency: str
) -> ShedAction:
    dear, later = window.price * 1000, window.price_after * 1000
    reason = f"A kWh costs {dear:.0f} {currency}/MWh in this time, {later:.0f} right after"
    if rebound > 0:
        reason += f"; {rebound * 100:.0f} % of the energy is taken to be used then."
    else:
        reason += "; none of the energy is taken to be used later."
    return ShedAction(
        device_id=device.device_id,
        device_name=device.name,
        start_ms=slots[window.first].start_ms,
        end_ms=window.end_ms,
        energy_wh=window.energy_wh,
        saving=window.saving,
        reason=reason,
    )

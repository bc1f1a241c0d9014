"""Whether an exchange or reset, as a person tells it, fits the readings that are stored around it.

The readings are what the event must explain. A wrong time, or a digit that slipped, is told before
anything is booked on it, with what the register showed instead. Pure arithmetic, no disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.editing import RegisterEvent, RegisterEventKind
from energy_desktop.domain.errors import WrongUse
from energy_desktop.storage.series.accepting import lasts
from energy_desktop.storage.series.jumps import Jump
from energy_desktop.storage.series.points import FAR_MS
from energy_desktop.storage.series.register import RegisterRules, rolls_over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]


def refused(event: RegisterEvent, what: str, remedy: str) -> WrongUse:
    return WrongUse(
        where=f"{event.kind.value.capitalize()} of {event.meter_id} at {iso_utc(event.at_ms)}",
        what=what,
        remedy=remedy,
    )


def check_complete(event: RegisterEvent, now_ms: int) -> None:
    """Raises WrongUse for an event that is to come, or an exchange without both readings."""
    if event.at_ms > now_ms:
        raise refused(event, "it lies in the future.", "Enter it when it has happened.")
    needs_both = event.kind in (RegisterEventKind.EXCHANGE, RegisterEventKind.RATIO)
    if needs_both and (event.old_end_wh is None or event.new_start_wh is None):
        raise refused(
            event,
            "it lacks the end reading of the old or the start reading of the new meter.",
            "Enter both; they stand on the exchange protocol.",
        )


def check_fit(
    event: RegisterEvent,
    time_ms: Int64s,
    register_wh: Int64s,
    rules: RegisterRules,
    jumps: Sequence[Jump],
) -> None:
    """Raises WrongUse where the stored readings (n,) around the event contradict it.

    jumps: the events of this register that are known already.
    """
    split = int(np.searchsorted(time_ms, event.at_ms, side="right"))
    _check_old_end(event, time_ms[:split], register_wh[:split], rules)
    _check_new_start(event, time_ms[split:], register_wh[split:])
    if event.old_end_wh is not None and event.new_start_wh is not None:
        since = max((j.at_ms for j in jumps if j.at_ms < event.at_ms), default=0)
        until = min((j.at_ms for j in jumps if j.at_ms > event.at_ms), default=FAR_MS)
        here = (time_ms > since) & (time_ms <= until)
        _check_place(event, event.old_end_wh, event.new_start_wh, time_ms[here], register_wh[here])


def _check_old_end(
    event: RegisterEvent, time_ms: Int64s, register_wh: Int64s, rules: RegisterRules
) -> None:
    """Against the readings of the old register."""
    if event.old_end_wh is None or not len(time_ms):
        return
    last_ms, last_wh = int(time_ms[-1]), int(register_wh[-1])
    began_again = rolls_over(last_wh, event.old_end_wh, event.at_ms - last_ms, rules)
    if last_wh > event.old_end_wh and not began_again and not _is_outlier(register_wh):
        raise refused(
            event,
            f"the old register showed {last_wh} Wh at {iso_utc(last_ms)}, "
            f"more than its end reading of {event.old_end_wh} Wh.",
            "Check the end reading and the time of the exchange.",
        )


def _is_outlier(values: Int64s) -> bool:
    """Whether the last value is a spike over those before it, which the book leaves out."""
    return len(values) > 2 and int(values[-1]) > 2 * int(values[-2]) >= int(values[-3])


def _check_new_start(event: RegisterEvent, time_ms: Int64s, register_wh: Int64s) -> None:
    """Against the readings of the new register."""
    if event.new_start_wh is None or not len(time_ms):
        return
    if int(register_wh[0]) < event.new_start_wh:
        raise refused(
            event,
            f"the new register showed {int(register_wh[0])} Wh at {iso_utc(int(time_ms[0]))}, "
            f"less than its start reading of {event.new_start_wh} Wh.",
            "Check the start reading and the time of the exchange.",
        )


def _check_place(
    event: RegisterEvent, old_end_wh: int, new_start_wh: int, time_ms: Int64s, register_wh: Int64s
) -> None:
    """Against the fall that the readings (n,) around the event show."""
    split = int(np.searchsorted(time_ms, event.at_ms, side="right"))
    fell = _fell_elsewhere(split, old_end_wh, new_start_wh, register_wh)
    if fell is not None:
        raise refused(
            event,
            "the register went on there; it fell between "
            f"{iso_utc(int(time_ms[fell - 1]))} and {iso_utc(int(time_ms[fell]))}.",
            "Enter the exchange for a moment between these two.",
        )


def _fell_elsewhere(
    split: int, old_end_wh: int, new_start_wh: int, register_wh: Int64s
) -> int | None:
    """Where the fall is that the event explains, if not before `split`, where it is told to be:
    with a wrong time both readings seem to fit, and the old meter would be booked once more."""
    values = register_wh
    if not 0 < split < len(values) or values[split] < values[split - 1]:
        return None
    old, new = values[:split], values[split:]
    top = split - 1 - int(np.argmax(old[::-1]))
    bottom = split + int(np.argmin(new))
    if old[-1] < values[top] <= old_end_wh and lasts(values, top + 1):
        return top + 1
    if new_start_wh <= values[bottom] < new[0] and lasts(values, bottom):
        return bottom
    return None

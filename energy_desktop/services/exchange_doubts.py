"""What of an exchange is not believed, and how it is said to whoever entered it.

Nothing that is doubted is booked silently: entering it asks for a word, and what a later reading
belies is held back until somebody gives one.
"""

from __future__ import annotations

from collections.abc import Sequence

from energy_desktop.domain import wording
from energy_desktop.domain.editing import ExchangeDoubt, RegisterEvent
from energy_desktop.domain.energy import HOUR_MS, QUARTER_HOUR_MS, IntervalQuality
from energy_desktop.domain.errors import ConfirmationNeeded
from energy_desktop.domain.ports import Ledger
from energy_desktop.domain.site import Meter


def held_back(ledger: Ledger, events: Sequence[RegisterEvent]) -> frozenset[int]:
    """Ids of those that nobody confirmed and across which nothing is booked."""
    found = set()
    for event in events:
        if not event.confirmed:
            step_ms = (
                1000
                * ledger.intervals(
                    event.meter_id, event.at_ms, event.at_ms, register=event.register
                ).step_s
            )
            start_ms = event.at_ms // step_ms * step_ms
            across = ledger.intervals(
                event.meter_id, start_ms, start_ms + step_ms, register=event.register
            )
            if (across.quality == IntervalQuality.QUARANTINED).any():
                found.add(event.event_id)
    return frozenset(found)


def to_confirm(meter: Meter, doubt: ExchangeDoubt) -> ConfirmationNeeded:
    """The refusal, with the figure that the person would have to stand by."""
    hours = max(doubt.duration_ms, QUARTER_HOUR_MS) / HOUR_MS
    limit_w = meter.connection_limit_w
    by_connection = limit_w is not None and doubt.energy_wh > limit_w * hours
    most = (
        f"the connection carries {wording.kw(limit_w)} kW"
        if by_connection
        else f"by what the meter used in the weeks around it, {wording.kw(doubt.most_w)} kW are "
        "believed there"
    )
    then = (
        "confirm them; the energy stays quarantined until the limit of the connection is right"
        if by_connection
        else "confirm them (--confirm), and it is booked"
    )
    return ConfirmationNeeded(
        where=f"Exchange of {meter.name}",
        what=f"Its {doubt.side} reading would book {wording.exact_kwh(doubt.energy_wh)} kWh in "
        f"{wording.hours(hours * 60)} ({wording.kw(doubt.energy_wh / hours)} kW); {most}.",
        remedy=f"Check both readings and the time. If they are right, {then}.",
    )

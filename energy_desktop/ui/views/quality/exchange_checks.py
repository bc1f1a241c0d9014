"""Whether what a person tells of an exchange fits the readings around it; said while he types.

The service refuses what cannot be; these sentences stand beside the fields before that, and they
also tell how much flowed unseen, which is what a slip of a digit shows in first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from energy_desktop.domain.energy import RegisterReading
from energy_desktop.domain.site import Meter
from energy_desktop.services.exchanges import ReadingsAround
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.quality.words import with_kwh

_HOUR_MS = 3_600_000


class Verdict(Enum):
    FITS = "fits"
    UNKNOWN = "unknown"  # nothing to hold it against
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What was entered; readings in Wh with the transformer ratios applied, None: not yet."""

    at_ms: int
    old_end_wh: int | None
    new_start_wh: int | None


def checks(
    formats: Formats, told: Told, around: ReadingsAround | None, meter: Meter, now_ms: int
) -> dict[str, Check]:
    """By field: at, old_end, new_start, and `across` for both together.

    around None: the readings there are still being looked up.
    """
    return {
        "at": _time(formats, told, now_ms),
        "old_end": _old_end(formats, told, around),
        "new_start": _new_start(formats, told, around),
        "across": _across(formats, told, around, meter),
    }


def is_wrong(found: dict[str, Check]) -> bool:
    return any(check.verdict is Verdict.WRONG for check in found.values())


def _time(formats: Formats, told: Told, now_ms: int) -> Check:
    if told.at_ms > now_ms:
        return Check(Verdict.WRONG, "It lies in the future: enter it when it has happened.")
    ago = formats.duration((now_ms - told.at_ms) / 1000)
    return Check(Verdict.FITS, f"{ago} ago; the book is made again from there.")


def _at(formats: Formats, reading: RegisterReading) -> str:
    return f"{with_kwh(formats, reading.value_wh)} on {formats.full_moment(reading.read_at_ms)}"


def _old_end(formats: Formats, told: Told, around: ReadingsAround | None) -> Check:
    if around is None:
        return Check(Verdict.UNKNOWN, "Looking up the reading before.")
    if around.before is None:
        return Check(Verdict.UNKNOWN, "No reading is stored before that time.")
    last = f"The last reading was {_at(formats, around.before)}"
    if told.old_end_wh is None:
        return Check(Verdict.UNKNOWN, f"{last}.")
    flowed = told.old_end_wh - around.before.value_wh
    if flowed < 0:
        return Check(Verdict.WRONG, f"{last}: more than the end reading.")
    return Check(Verdict.FITS, f"{last}; {with_kwh(formats, flowed)} more until the exchange.")


def _new_start(formats: Formats, told: Told, around: ReadingsAround | None) -> Check:
    if around is None:
        return Check(Verdict.UNKNOWN, "Looking up the reading after.")
    if around.after is None:
        return Check(
            Verdict.UNKNOWN, "No reading is stored after that time yet: the next ones follow on."
        )
    first = f"The first reading was {_at(formats, around.after)}"
    if told.new_start_wh is None:
        return Check(Verdict.UNKNOWN, f"{first}.")
    flowed = around.after.value_wh - told.new_start_wh
    if flowed < 0:
        return Check(Verdict.WRONG, f"{first}: less than the start reading.")
    return Check(Verdict.FITS, f"{first}; {with_kwh(formats, flowed)} since the exchange.")


def _across(formats: Formats, told: Told, around: ReadingsAround | None, meter: Meter) -> Check:
    """What would be booked between the two stored readings."""
    if around is None or around.before is None or around.after is None:
        return Check(Verdict.UNKNOWN, "")
    if told.old_end_wh is None or told.new_start_wh is None:
        return Check(Verdict.UNKNOWN, "")
    old = told.old_end_wh - around.before.value_wh
    new = around.after.value_wh - told.new_start_wh
    if old < 0 or new < 0:
        return Check(Verdict.UNKNOWN, "")
    hours = (around.after.read_at_ms - around.before.read_at_ms) / _HOUR_MS
    energy_wh = old + new
    booked = f"Across the exchange {with_kwh(formats, energy_wh)} would be booked"
    if hours <= 0:
        return Check(Verdict.FITS, f"{booked}.")
    mean_w = energy_wh / hours
    pace = f"{booked} in {formats.duration(hours * 3600)}, {formats.power(mean_w)} on average"
    limit_w = meter.connection_limit_w
    if limit_w is not None and mean_w > limit_w:
        return Check(
            Verdict.WRONG,
            f"{pace}: more than the connection carries ({formats.power(limit_w)}). "
            "Check both readings and the time.",
        )
    return Check(Verdict.FITS, f"{pace}.")

"""The states of meters and links in words: what is seen, how old it is, and the likely cause.

A meter alone cannot tell whether it or its cable is dead; its neighbours on the same link can.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from energy_desktop.domain.driver import RegisterView
from energy_desktop.domain.errors import DriverFileError
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.snapshot import LinkState
from energy_desktop.services.meters import MeterListing
from energy_desktop.services.site_file.service import AppliedChanges
from energy_desktop.ui.formatting import Formats

LOST = (LinkState.LOST, LinkState.MISCONFIGURED)
CLOCK_WRONG_S = 60.0
ANSWERING = (LinkState.GOOD, LinkState.LATE)
ICONS = {
    LinkState.GOOD: ("check", "text2"),
    LinkState.LATE: ("clock-outline", "p2"),
    LinkState.LOST: ("lan-disconnect", "p2"),
    LinkState.MISCONFIGURED: ("alert-outline", "p2"),
    LinkState.WAITING: ("timer-sand", "text3"),
    LinkState.STOPPED: ("pause", "text3"),
}
_STATES = {
    LinkState.GOOD: "good",
    LinkState.LATE: "late",
    LinkState.LOST: "lost",
    LinkState.MISCONFIGURED: "misconfigured",
    LinkState.WAITING: "not asked yet",
    LinkState.STOPPED: "stopped",
}


def is_polled(listing: MeterListing) -> bool:
    return bool(listing.meter.driver_id) and listing.meter.enabled


def state_text(formats: Formats, listing: MeterListing) -> str:
    """Such as `good`, `lost 15 min`, `misconfigured`, `imported`."""
    if not listing.meter.driver_id:
        return "imported"
    if not listing.meter.enabled:
        return "off"
    status = listing.status
    if status.state is LinkState.LOST and status.lost_since_ms is not None:
        return f"lost {formats.duration((formats.now_ms() - status.lost_since_ms) / 1000)}"
    return _STATES[status.state]


def clock_text(formats: Formats, ahead_s: float) -> str:
    """What a meter's own clock is worth: `right`, `12 min 30 s ahead`."""
    if abs(ahead_s) <= CLOCK_WRONG_S:
        return "right"
    side = "ahead" if ahead_s > 0 else "behind"
    return f"{formats.exact_duration(abs(ahead_s))} {side}; readings carry our time"


def age_text(formats: Formats, last_ms: int | None) -> str:
    """How old the newest reading is."""
    if last_ms is None:
        return "never"
    return formats.duration(max(0.0, (formats.now_ms() - last_ms) / 1000))


def likely_cause(listing: MeterListing, everyone: Sequence[MeterListing]) -> str:
    """What the neighbours on the link say of a lost meter; empty for one that answers."""
    if listing.status.state is not LinkState.LOST or listing.link is None:
        return ""
    address = listing.link.address
    others = [
        r
        for r in everyone
        if r.meter.link_id == listing.meter.link_id
        and r.meter.meter_id != listing.meter.meter_id
        and is_polled(r)
        and r.status.state not in (LinkState.WAITING, LinkState.STOPPED)
    ]
    silent = [r for r in others if r.status.state is LinkState.LOST]
    if not others:
        return f"No other meter is on {address}: it can be the meter, its cable or the adapter."
    if len(silent) == len(others):
        return (
            f"All {len(others) + 1} meters on {address} are lost: likely the link itself, "
            "so check its power, cable and adapter first."
        )
    if not silent:
        return (
            f"{_other(len(others))} on {address} answer{'s' if len(others) == 1 else ''}, so the "
            "link works: likely the meter itself."
        )
    names = ", ".join(r.meter.name for r in silent[:3])
    more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
    return (
        f"{len(silent)} of {len(others)} others on {address} are lost too ({names}{more}): "
        "likely the cable between those that answer and those that do not."
    )


def trouble(
    formats: Formats, listing: MeterListing, everyone: Sequence[MeterListing]
) -> tuple[str, str] | None:
    """What is wrong with a meter, and what to do about it; None: nothing."""
    status = listing.status
    if not is_polled(listing) or not status.last_error:
        return None
    if status.state not in (*LOST, LinkState.LATE):
        return None
    what = {
        LinkState.LATE: "It answers late",
        LinkState.MISCONFIGURED: "It refuses what it is asked",
        LinkState.LOST: "No answer",
    }[status.state]
    if status.state is LinkState.LOST and status.lost_since_ms is not None:
        age_s = (formats.now_ms() - status.lost_since_ms) / 1000
        what += f" for {formats.exact_duration(age_s)}"
    sentences = [sentence_of(status.last_error), likely_cause(listing, everyone)]
    sentences.append(sentence_of(status.remedy))
    if status.next_try_ms is not None:
        sentences.append(f"Next try {formats.clock_time(status.next_try_ms, seconds=True)}.")
    return what, " ".join(s for s in sentences if s)


def answer(listing: Sequence[MeterListing]) -> str:
    """The title's sentence."""
    polled = [r for r in listing if is_polled(r)]
    if not polled:
        return f"{count(len(listing), 'meter')}, none of them polled."
    if all(r.status.state is LinkState.STOPPED for r in polled):
        return "This program polls nothing right now."
    good = sum(r.status.state in ANSWERING for r in polled)
    wrong = [r for r in polled if r.status.state in LOST]
    if not wrong:
        waiting = len(polled) - good
        rest = f"; {waiting} not asked yet" if waiting else ""
        return f"{good} of {len(polled)} polled meters answer{rest}."
    names = ", ".join(r.meter.name for r in wrong[:2])
    more = f" and {len(wrong) - 2} more" if len(wrong) > 2 else ""
    return f"{good} of {len(polled)} answer; look at {names}{more}."


def format_text(view: RegisterView) -> str:
    """`float32 ABCD`; a single register has no word order."""
    one_word = view.value_format.endswith("16")
    return view.value_format if one_word else f"{view.value_format} {view.word_order}"


def readable(text: str) -> str:
    """Names of quantities as labels: `frequency_hz is in doubt` becomes `Frequency is in doubt`."""
    return re.sub(
        r"[a-z][a-z0-9_]+",
        lambda m: QUANTITIES[m.group()].label if m.group() in QUANTITIES else m.group(),
        text,
    )


def driver_problems_text(errors: Sequence[DriverFileError]) -> str:
    """Each driver file that could not be used, with its line and what to do."""
    if not errors:
        return ""
    noun = "1 driver file cannot be used" if len(errors) == 1 else ""
    head = noun or f"{len(errors)} driver files cannot be used"
    return "\n".join((f"{head}:", *(str(e) for e in errors)))


def applied_text(changes: AppliedChanges) -> str:
    """`New: 2 meters, 1 link. Changed: 1 tariff.`"""
    parts = []
    for what, counts in (("New", changes.added), ("Changed", changes.changed)):
        listed = [_table_count(n, table) for table, n in counts.items() if n]
        if listed:
            parts.append(f"{what}: {', '.join(listed)}.")
    return " ".join(parts) or "Everything in it was so already."


def _table_count(number: int, table: str) -> str:
    if table == "site":
        return "the site"
    singular = {"batteries": "battery", "alarms": "alarm rule"}.get(table, table.removesuffix("s"))
    plural = "alarm rules" if table == "alarms" else table
    return f"{number} {singular if number == 1 else plural}"


def sentence_of(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def _other(number: int) -> str:
    return "The other meter" if number == 1 else f"The {number} other meters"


def count(number: int, noun: str) -> str:
    """`1 meter`, `2 meters`, `2 buses`."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else ending}"

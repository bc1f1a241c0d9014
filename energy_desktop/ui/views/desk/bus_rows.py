"""Buses and their meters as rows: how full each bus is, how each unit answers.

Errors and times are those of the last hour where the link keeps them; a meter whose link keeps
none shows what its poller counted since the program began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from energy_desktop.domain.bus import BusError, BusStatistics
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.link_kinds import kind_info
from energy_desktop.domain.site import Link
from energy_desktop.domain.snapshot import LinkState
from energy_desktop.services.meters import MeterListing
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views import meter_words as words

MISCONFIGURED = LinkState.MISCONFIGURED
_OFTEN_PCT = 5.0  # from this share of failures on a unit is set in bold
_FULL_PCT = 100.0
NOT_POLLED = "link "


@dataclass(frozen=True, slots=True)
class BusRow:
    """A bus (listing None) or a meter below it. load: `61 % of its cycle`, empty for a meter."""

    key: str
    title: str
    link_id: str = ""
    unit: str = ""
    model: str = ""
    load: str = ""
    p95: str = ""
    errors: str = ""
    state: str = ""
    spoken: str = ""
    doubtful: bool = False  # the bus is overfull or shared, the unit fails often
    listing: MeterListing | None = field(default=None)


def bus_rows(
    formats: Formats,
    configuration: Configuration,
    listing: Sequence[MeterListing],
    statistics: Sequence[BusStatistics] = (),
) -> list[BusRow]:
    """Each link with its meters below it, in the order of the site; what is not polled last."""
    by_link = {s.link_id: s for s in statistics}
    below: dict[str, list[MeterListing]] = {k.link_id: [] for k in configuration.links}
    for one in listing:
        below.setdefault("" if one.link is None else one.meter.link_id, []).append(one)
    rows: list[BusRow] = []
    for link_id, meters in below.items():
        link = configuration.link(link_id)
        if link is None:
            link = meters[0].link if meters else None
        if link is None or not link_id:
            continue
        bus = by_link.get(link_id)
        rows.append(_bus_row(formats, link, meters, bus))
        rows += [_meter_row(formats, one, bus) for one in meters]
    imported = below.get("", [])
    if imported:
        rows.append(BusRow(NOT_POLLED, "Not polled", load=words.count(len(imported), "meter")))
        rows += [_meter_row(formats, one, None) for one in imported]
    return rows


def _bus_row(
    formats: Formats, link: Link, meters: Sequence[MeterListing], bus: BusStatistics | None
) -> BusRow:
    polled = [m for m in meters if words.is_polled(m)]
    answering = sum(m.status.state in words.ANSWERING for m in polled)
    needed = None if bus is None else bus.needed_pct
    busy = None if bus is None else bus.busy_pct
    share = needed if needed is not None else busy
    load = "" if share is None else f"{formats.percent(share)} of its cycle"
    if not load and not meters:
        load = "no meter yet"
    elif not load and kind_info(link).listens:
        load = "listens"
    spoken = [f"{link.link_id}, {link.address}", f"{answering} of {len(polled)} answer"]
    if needed is not None:
        spoken.append(f"its meters need {formats.percent(needed)} of its time")
    if busy is not None:
        spoken.append(f"busy {formats.percent(busy)} of the last minute")
    shared = "" if bus is None else bus.shared
    if shared:
        spoken.append(shared)
    return BusRow(
        f"link {link.link_id}",
        link.address,
        link.link_id,
        load=load,
        errors=_errors(formats, bus, polled),
        spoken="; ".join(spoken),
        doubtful=bool(shared) or (share is not None and share > _FULL_PCT),
    )


def _errors(formats: Formats, bus: BusStatistics | None, polled: Sequence[MeterListing]) -> str:
    units = () if bus is None else bus.units
    asked = sum(u.requests for u in units)
    if bus is not None and asked:
        refused = sum(refusals(bus, u.unit_id) for u in units)
        failed = max(0, sum(u.failures for u in units) - refused)
        return _share(formats, 100 * failed / asked)
    polls = sum(m.status.polls for m in polled)
    failures = sum(m.status.failures for m in polled)
    return formats.number(100 * failures / polls if polls else None, 1) if polled else ""


def refusals(bus: BusStatistics, unit_id: int) -> int:
    """Exception answers of a unit in the last hour: a scan asks for much that a meter has not."""
    return sum(
        e.times_last_hour
        for e in bus.errors
        if e.unit_id == unit_id and e.error is BusError.EXCEPTION
    )


def errors_text(formats: Formats, bus: BusStatistics, unit_id: int | None = None) -> str:
    """`no answer 10, exception 2: 6` of the last hour; unit_id None: of all units."""
    counts: dict[str, int] = {}
    for one in bus.errors:
        if unit_id not in (None, one.unit_id) or not one.times_last_hour:
            continue
        name = one.error.value if one.code is None else f"{one.error.value} {one.code}:"
        counts[name] = counts.get(name, 0) + one.times_last_hour
    most_first = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {formats.count(times)}" for name, times in most_first)


def _meter_row(formats: Formats, listing: MeterListing, bus: BusStatistics | None) -> BusRow:
    meter, status = listing.meter, listing.status
    state = words.state_text(formats, listing)
    model = meter.driver_id or "no driver"
    if listing.driver is not None and listing.driver.models:
        model = listing.driver.models[0]
    row = BusRow(
        meter.meter_id,
        meter.name,
        meter.link_id,
        model=model,
        state=state,
        spoken=f"{meter.name}, {state}",
        listing=listing,
    )
    if not words.is_polled(listing):
        return row
    by_unit = listing.link is not None and kind_info(listing.link).uses_unit and not meter.address
    unit = None
    if bus is not None and by_unit:
        unit = next((u for u in bus.units if u.unit_id == meter.unit_id), None)
    if bus is not None and unit is not None and unit.requests:
        # A refusal is an answer: the line is well, and the state tells of a driver that is not.
        refused = 0 if status.state is MISCONFIGURED else refusals(bus, unit.unit_id)
        p95 = unit.p95_ms
        failed: float | None = 100 * max(0, unit.failures - refused) / unit.requests
    else:
        failed = 100 * status.failures / status.polls if status.polls else None
        p95 = status.round_trip_ms
    if status.state in words.LOST:
        p95 = None
    return BusRow(
        row.key,
        row.title,
        row.link_id,
        unit=str(meter.unit_id) if by_unit else meter.address,
        model=model,
        p95=formats.number(p95),
        errors=_share(formats, failed),
        state=state,
        spoken=row.spoken,
        doubtful=failed is not None and failed >= _OFTEN_PCT,
        listing=listing,
    )


def _share(formats: Formats, failed_pct: float | None) -> str:
    """`100`, else one decimal: the column stays narrow."""
    if failed_pct is not None and failed_pct >= 99.95:
        return formats.number(failed_pct)
    return formats.number(failed_pct, 1)

"""Contract hours on the wall clock, answered for many UTC moments at once.

A contract says "08:00 to 20:00" and means the clock on the wall, whatever its offset. Every UTC
minute has exactly one wall time, so the question is asked per minute in that direction: the
missing hour of spring never comes up, the repeated hour of autumn is judged twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import local_midnight_ms, local_month_bounds_ms, parse_month
from energy_desktop.domain.contract import ContractVersion, TariffVersion, WeeklyHours
from energy_desktop.domain.energy import QUARTER_HOUR_MS
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.site import Site

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.domain.energy import Int64s

    Bools = NDArray[np.bool_]

MINUTE_MS = 60_000
MINUTES_OF_DAY = 1440
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

Holidays = Mapping[date, str]
"""Names of public holidays by local date."""


def public_holidays(site: Site, first: date, last: date) -> dict[date, str]:
    """Holidays of the site's country between two dates, both inclusive.

    Raises WrongUse when the country or its subdivision is not known.
    """
    import holidays

    try:
        known = holidays.country_holidays(
            site.country,
            subdiv=site.subdivision or None,
            years=range(first.year, last.year + 1),
        )
    except NotImplementedError as error:
        raise WrongUse(
            where=f"Site {site.name}",
            what=f"no public holidays are known for {site.country} {site.subdivision}".strip()
            + ".",
            remedy="Set country and subdivision to ISO 3166 codes, such as DE and BE.",
        ) from error
    return {day: name for day, name in sorted(known.items()) if first <= day <= last}


def month_days(month: str) -> list[date]:
    """Every date of `2026-03`. Raises WrongUse when it is no month."""
    try:
        year, number = parse_month(month)
    except ValueError as error:
        raise WrongUse(
            where="Month", what=f"{month!r} is no month.", remedy="Write it as 2026-03."
        ) from error
    first = date(year, number, 1)
    after = date(year + number // 12, number % 12 + 1, 1)
    return [first + timedelta(days=i) for i in range((after - first).days)]


def month_bounds(month: str, zone: ZoneInfo) -> tuple[int, int]:
    month_days(month)
    return local_month_bounds_ms(*parse_month(month), zone)


def wall_minutes(time_ms: Int64s, zone: ZoneInfo) -> Int64s:
    """Minutes of the wall clock since 1970-01-01T00:00 local, for UTC epoch ms; shape kept.

    Offsets are asked per quarter hour: clocks of today change on one, everywhere.
    """
    quarters, where = np.unique(time_ms // QUARTER_HOUR_MS, return_inverse=True)
    offsets = np.empty(quarters.shape, dtype=np.int64)
    for i, quarter in enumerate(quarters.tolist()):
        moment = datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone)
        shift = moment.utcoffset()
        assert shift is not None
        offsets[i] = round(shift.total_seconds() / 60)
    result: Int64s = time_ms // MINUTE_MS + offsets[where].reshape(time_ms.shape)
    return result


def day_of(wall_minute: int) -> date:
    return date.fromordinal(int(wall_minute) // MINUTES_OF_DAY + _EPOCH_ORDINAL)


def week_table(hours: WeeklyHours) -> Bools:
    """Shape (8, 1440): in contract by weekday (0 Monday) and minute; row 7 is a holiday that
    falls outside the contract."""
    table = np.zeros((8, MINUTES_OF_DAY), dtype=np.bool_)
    for weekday, spans in enumerate(hours.days):
        for start, end in spans:
            table[weekday, start:end] = True
    return table


def version_on(day: date, versions: Iterable[ContractVersion]) -> ContractVersion | None:
    """The version of one contract that holds on a local day; None: no version does."""
    held = [v for v in versions if v.valid_from <= day]
    latest = max(held, key=lambda v: (v.valid_from, v.version), default=None)
    if latest is None or (latest.valid_to is not None and day >= latest.valid_to):
        return None
    return latest


def tariff_on(day: date, tariff_id: str, tariffs: Iterable[TariffVersion]) -> TariffVersion | None:
    held = [t for t in tariffs if t.tariff_id == tariff_id and t.valid_from <= day]
    return max(held, key=lambda t: (t.valid_from, t.version), default=None)


def governing(
    day: date, client_id: str, space_id: str | None, contracts: Sequence[ContractVersion]
) -> list[ContractVersion]:
    """The contracts of a client that cover a space on a day: one, none, or (a mistake) more."""
    own: dict[str, list[ContractVersion]] = {}
    for version in contracts:
        if version.client_id == client_id:
            own.setdefault(version.contract_id, []).append(version)
    in_force = (version_on(day, versions) for versions in own.values())
    return [v for v in in_force if v is not None and space_id in v.space_ids]


def billed_period(
    *,
    client_id: str,
    space_id: str | None,
    contracts: Sequence[ContractVersion],
    month: str,
    zone: ZoneInfo,
) -> tuple[int, int] | None:
    """Start and end (UTC ms) of the part of a month in which a client rents a space.

    From the first covered local day to the end of the last: a client who moved in on the 10th is
    billed from the 10th. Register readings and intervals are to be asked for this period.
    """
    covered = [d for d in month_days(month) if governing(d, client_id, space_id, contracts)]
    if not covered:
        return None
    return (
        local_midnight_ms(covered[0], zone),
        local_midnight_ms(covered[-1] + timedelta(days=1), zone),
    )


@dataclass(frozen=True, slots=True)
class ContractState:
    """The contract at n intervals; all shapes (n,).

    inside: any of its minutes lies in contract hours. straddles: some do and some do not.
    covered: a contract holds on the local day of its start. wall_minute: its start.
    """

    inside: Bools
    straddles: Bools
    covered: Bools
    wall_minute: Int64s


def contract_state(
    start_ms: Int64s,
    step_s: int,
    *,
    by_day: Mapping[date, ContractVersion | None],
    zone: ZoneInfo,
    holidays: Holidays,
) -> ContractState:
    """Judges intervals [start, start + step) minute by minute.

    An interval that straddles a boundary counts as inside: how its energy lay within it is not
    known, and the doubt goes to the client. by_day: the contract version of each local day.
    """
    offsets = np.arange(0, step_s * 1000, MINUTE_MS, dtype=np.int64)
    minutes = wall_minutes(start_ms[:, None] + offsets[None, :], zone)
    days = minutes // MINUTES_OF_DAY
    unique_days, where = np.unique(days, return_inverse=True)
    table = np.zeros((len(unique_days), MINUTES_OF_DAY), dtype=np.bool_)
    covered_days = np.zeros(len(unique_days), dtype=np.bool_)
    for i, number in enumerate(unique_days.tolist()):
        day = date.fromordinal(number + _EPOCH_ORDINAL)
        version = by_day.get(day)
        if version is not None:
            covered_days[i] = True
            row = 7 if day in holidays and not version.hours.on_holidays else day.weekday()
            table[i] = week_table(version.hours)[row]
    where = where.reshape(minutes.shape)
    inside_minutes = table[where, minutes % MINUTES_OF_DAY].sum(axis=1)
    return ContractState(
        inside=inside_minutes > 0,
        straddles=(inside_minutes > 0) & (inside_minutes < len(offsets)),
        covered=covered_days[where[:, 0]],
        wall_minute=minutes[:, 0],
    )

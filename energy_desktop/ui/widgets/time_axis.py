"""Round local times for an axis of UTC seconds, right over both changes of the clock.

Steps below an hour are the same in every zone with whole-hour changes; longer ones are counted on
the local calendar, so a 23-hour day has its midnight where the site has it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from energy_desktop.ui.formatting import Formats

_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 14400, 21600, 43200, 86400, 2 * 86400, 7 * 86400, 14 * 86400,
)  # fmt: skip
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)


def time_ticks(low: float, high: float, at_most: int, formats: Formats) -> list[tuple[float, str]]:
    """(UTC seconds, text) of at most `at_most` ticks in [low, high], ascending."""
    if high < low:
        low, high = high, low
    span = high - low
    if span <= 0 or at_most < 1:
        return []
    for step in _STEPS_S:
        if span / step <= at_most:
            ticks = _ticks_at(low, high, step, formats)
            if len(ticks) <= at_most:
                return [(t, _text(t, step, formats)) for t in ticks]
    for months in _MONTH_STEPS:
        moments = _months(low, high, months, formats)
        if len(moments) <= at_most:
            return [(t, _month_text(t, months, formats)) for t in moments]
    return []


def _ticks_at(low: float, high: float, step: int, formats: Formats) -> list[float]:
    zone = formats.zone
    start = datetime.fromtimestamp(low, zone)
    if step >= 86400:
        days = step // 86400
        day = start.date()
        # Counted from a Monday, so that weeks begin on one whatever the window shows.
        day -= timedelta(days=(day.toordinal() - 1) % days)
        days_ticks: list[float] = []
        while True:
            moment = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
            if moment > high:
                return days_ticks
            if moment >= low:
                days_ticks.append(moment)
            day += timedelta(days=days)
    if step < 3600:
        # The offset itself may be no multiple of the step: +05:45 and 10 min.
        shift = (start.utcoffset() or timedelta()).total_seconds() % step
        first = -(-(low + shift) // step) * step - shift
        return [first + i * step for i in range(int((high - first) // step) + 1)]
    ticks: list[float] = []
    # Wall clock without a zone, so that adding hours stays on the dial.
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    while midnight.replace(tzinfo=zone).timestamp() <= high:
        for second in range(0, 86400, step):
            wall = midnight + timedelta(seconds=second)
            for fold in (0, 1):
                stamp = wall.replace(tzinfo=zone, fold=fold).timestamp()
                exists = datetime.fromtimestamp(stamp, zone).replace(tzinfo=None) == wall
                if exists and low <= stamp <= high and (not ticks or stamp > ticks[-1]):
                    ticks.append(stamp)
        midnight += timedelta(days=1)
    return ticks


def _months(low: float, high: float, months: int, formats: Formats) -> list[float]:
    start = datetime.fromtimestamp(low, formats.zone)
    count = (start.year * 12 + start.month - 1) // months * months
    ticks: list[float] = []
    while True:
        moment = datetime(count // 12, count % 12 + 1, 1, tzinfo=formats.zone).timestamp()
        if moment > high:
            return ticks
        if moment >= low:
            ticks.append(moment)
        count += months


def _text(moment: float, step: int, formats: Formats) -> str:
    local = datetime.fromtimestamp(moment, UTC).astimezone(formats.zone)
    if step >= 86400:
        return formats.day(local.date(), weekday=False)
    if step < 60:
        return formats.clock_time(round(moment * 1000), seconds=True)
    if (local.hour, local.minute) == (0, 0) and step >= 3600:
        return formats.day(local.date())
    return formats.clock_time(round(moment * 1000))


def _month_text(moment: float, months: int, formats: Formats) -> str:
    local = datetime.fromtimestamp(moment, formats.zone)
    if months >= 12:
        return str(local.year)
    name = formats.symbols.months[local.month - 1]
    return f"{name} {local.year}" if local.month == 1 else name

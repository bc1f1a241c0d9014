"""From the rows of one meter, as the file has them, to energy per fixed step or readings in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.acquisition.files import counter
from energy_desktop.acquisition.files.columns import Bools, Floats, Int64s, to_utc_ms
from energy_desktop.acquisition.files.gauges import Gauge
from energy_desktop.acquisition.files.layout import W_PER, WH_PER, CsvLayout, Unit
from energy_desktop.acquisition.files.series import (
    IMPORT,
    Collector,
    Parsed,
    ParsedReadings,
    RejectedLine,
    Rows,
    finished,
    refuse_many,
    without_repeats,
)
from energy_desktop.acquisition.files.text import place
from energy_desktop.domain.clock import from_ms, iso_utc
from energy_desktop.domain.errors import DataFileError

_REGISTER_ROWS = 48  # so many values in a row that never fall are no consumption
_FEWEST_TO_DOUBT = 3
_DAY_MS = 86_400_000
_ENDING = (
    "The times look like the ends of the intervals: the first is one step after midnight, the last "
    "is midnight. If they are, say so (--stamp end; in the wizard: the end of its interval)."
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the columns mean, once header and layout were read. gauge None: energy, of `register`
    and in `unit`; else the values are in the unit of its quantity already."""

    unit: Unit
    zone: ZoneInfo | None
    named_register: bool
    gauge: Gauge | None = None
    register: str = IMPORT


def series_of(
    path: Path, collector: Collector, meter_id: str, meaning: Meaning, layout: CsvLayout
) -> Parsed:
    """Raises DataFileError where the rows make no series."""
    every, absent = _in_utc(collector.rows(meter_id), meaning, layout)
    rejected = [*collector.rejected(meter_id), *absent]
    stamps = _each_once(every.time_ms)
    if meaning.gauge is not None:
        return _readings(collector, meter_id, meaning.gauge, every, stamps, rejected, layout)
    usable = ~np.isnan(every.value)
    if not usable.all():
        every = Rows(every.line[usable], every.time_ms[usable], every.value[usable])
    rows, duplicates, conflicts = without_repeats(every)
    rejected += conflicts
    rows_read = collector.rows_read[meter_id]
    step_s = layout.step_s or _step_s(path, meter_id, stamps, rejected)
    rows, off_grid = _on_grid(rows, step_s, stamps)
    rejected += off_grid
    is_register, notes = _register_or_not(rows.value, meaning, layout)
    if absent and layout.summer_time:
        notes = (
            *notes,
            f"{len(absent)} stamps are skipped by the clock of {meaning.zone}. If the logger does "
            "not follow summer time, say so.",
        )
    if is_register:
        if meaning.unit not in WH_PER:
            raise DataFileError(
                where=place(path, 1),
                what=f"readings of a counter cannot be in {meaning.unit}.",
                remedy="Say their unit in Wh or kWh.",
            )
        counted = counter.counted(rows, step_s, meaning.unit)
        return finished(
            meter_id,
            step_s,
            counted.start_ms,
            counted.energy_wh,
            rows_read=rows_read,
            duplicates=duplicates,
            rejected=[*rejected, *counted.left_out],
            notes=(*notes, *counted.notes),
            register=meaning.register,
            quality=counted.quality,
            lines=counted.line,
            shown=counted.shown,
        )
    if layout.stamp == "start" and _looks_ending(rows.time_ms, step_s, meaning.zone):
        notes = (*notes, _ENDING)
    factor = WH_PER.get(meaning.unit) or W_PER[meaning.unit] * step_s / 3600
    return finished(
        meter_id,
        step_s,
        rows.time_ms - (step_s * 1000 if layout.stamp == "end" else 0),
        np.round(rows.value * factor, 6),
        rows_read=rows_read,
        duplicates=duplicates,
        rejected=rejected,
        notes=notes,
        register=meaning.register,
        lines=rows.line,
    )


def _readings(
    collector: Collector,
    meter_id: str,
    gauge: Gauge,
    every: Rows,
    stamps: Int64s,
    rejected: list[RejectedLine],
    layout: CsvLayout,
) -> ParsedReadings:
    """Readings as they come; a stamp that marks the end of a mean is put to its start."""
    usable = ~np.isnan(every.value)
    rows, duplicates, conflicts = without_repeats(
        Rows(every.line[usable], every.time_ms[usable], every.value[usable])
    )
    step_ms = layout.step_s * 1000 if layout.step_s else _commonest_ms(stamps)
    times = rows.time_ms - (step_ms if layout.stamp == "end" else 0)
    empty = not len(times)
    distances = np.diff(times)
    notes: tuple[str, ...] = ()
    if step_ms >= _DAY_MS:
        notes = ("One value a day tells no hours: degree days need at least a value an hour.",)
    return ParsedReadings(
        meter_id,
        gauge.quantity.name,
        step_ms // 1000,
        times,
        rows.value,
        rows_read=collector.rows_read[meter_id],
        duplicates=duplicates,
        rejected=tuple(sorted([*rejected, *conflicts])),
        gaps=int((distances[distances > 1.5 * step_ms] // step_ms - 1).sum()) if step_ms else 0,
        first_ms=None if empty else int(times[0]),
        last_ms=None if empty else int(times[-1]),
        notes=notes,
        lines=rows.line,
    )


def _in_utc(rows: Rows, meaning: Meaning, layout: CsvLayout) -> tuple[Rows, list[RejectedLine]]:
    """The rows in UTC, and those whose time the clock of the zone never shows.

    All of a meter at once and in file order, so that the doubled hour is told apart wherever a
    block of the file ends.
    """
    own = np.zeros(len(rows.line), np.bool_) if rows.own is None else rows.own
    times = rows.time_ms
    if layout.midnight_ends:
        times = np.where(~own & (times % _DAY_MS == 0), times + _DAY_MS, times)
    if meaning.zone is None or bool(own.all()):
        return Rows(rows.line, times, rows.value), []
    clock = np.flatnonzero(~own)
    times = times.copy()
    absent = np.zeros(len(times), np.bool_)
    times[clock], absent[clock] = _by_clock(times[clock], meaning.zone, layout)
    if not absent.any():
        return Rows(rows.line, times, rows.value), []
    refuse_many(rows.line[absent], f"the clock of {meaning.zone} skips their times")
    skipped = [
        RejectedLine(int(rows.line[k]), f"{_clock(rows, k)!r} is skipped by the clock of that zone")
        for k in np.flatnonzero(absent & ~np.isnan(rows.value)).tolist()
    ]
    shown = ~absent
    return Rows(rows.line[shown], times[shown], rows.value[shown]), skipped


def _by_clock(times: Int64s, zone: ZoneInfo, layout: CsvLayout) -> tuple[Int64s, Bools]:
    """UTC of stamps (n,) that a clock of the zone wrote, and which of them it never shows.

    On the days of a clock change there are two ways to stamp the end of an interval: the start
    plus the step, so that the last one before the spring change ends at a time that no clock shows
    (01:30, 02:00, 03:30); or what the clock shows at that moment (01:30, 03:00, 03:30). The file
    tells: read the wrong way, one of its stamps does not exist or stands there twice.
    """
    at_end, absent = to_utc_ms(times, zone, summer_time=layout.summer_time)
    if layout.stamp == "start" or not layout.summer_time:
        return at_end, absent
    step_ms = layout.step_s * 1000 if layout.step_s else _commonest_ms(_each_once(at_end))
    if not step_ms:
        return at_end, absent
    start, start_absent = to_utc_ms(times - step_ms, zone)
    if _misfits(at_end, absent) < _misfits(start, start_absent):
        return at_end, absent
    return start + step_ms, start_absent


def _misfits(times: Int64s, absent: Bools) -> int:
    """How many stamps (n,) do not exist or stand there more than once."""
    shown = times[~absent]
    return len(times) - len(_each_once(shown))


def _looks_ending(times: Int64s, step_s: int, zone: ZoneInfo | None) -> bool:
    """Whether stamps (n,) run from one step after midnight up to a midnight, as those do that mark
    the end of each interval of whole days."""
    if len(times) * step_s * 1000 < _DAY_MS // 2 or step_s * 1000 >= _DAY_MS:
        return False
    clock = [from_ms(int(at)).astimezone(zone or UTC) for at in (times[0], times[-1])]
    first, last = (60 * at.hour + at.minute for at in clock)
    return first * 60 == step_s and last == 0


def _each_once(times: Int64s) -> Int64s:
    """Ascending times without repeats, sorted only where they are not."""
    return np.unique(times) if bool(np.any(times[1:] <= times[:-1])) else times


def _commonest_ms(times: Int64s) -> int:
    """The commonest distance of ascending times (n,); 0: there are not two."""
    if len(times) < 2:
        return 0
    distances, counts = np.unique(np.diff(times), return_counts=True)
    return int(distances[counts.argmax()])


def _clock(rows: Rows, k: int) -> str:
    said = iso_utc(int(rows.time_ms[k])).removesuffix("Z").replace("T", " ")
    return said.removesuffix(":00")


def _register_or_not(
    value: Floats, meaning: Meaning, layout: CsvLayout
) -> tuple[bool, tuple[str, ...]]:
    """Whether values (n,) are readings of a counter, and what a person should know of the choice.

    Consumption read as a register is noticed at once; a register read as consumption books the
    life of the meter on every step. So a name that says register decides where nothing falls.
    """
    if layout.values != "auto" or meaning.unit not in WH_PER:
        return layout.values == "register", ()
    change = np.diff(value)
    falls = int(np.count_nonzero(change < 0))
    rises = len(change) > 0 and not falls
    # A register that dips, rolls over or is exchanged falls now and then; consumption always.
    seldom = falls * (20 if meaning.named_register else 100) <= len(change)
    if seldom and ((rises and meaning.named_register) or _rises_long(value)):
        said = "and are called so" if meaning.named_register else "over many rows"
        never = f"fall at {falls} of {len(value)} rows only" if falls else "never fall"
        return True, (
            f"The values {never} {said}: they were read as a counter, and their differences "
            "stored.",
        )
    if meaning.named_register and len(value) > 1:
        return False, (
            "The column is called like a counter, but its values fall: they were read as the "
            "energy of each step. If they are readings of a counter, say so.",
        )
    if rises and len(value) >= _FEWEST_TO_DOUBT and bool(np.any(np.diff(value) > 0)):
        return False, (
            f"The {len(value)} values never fall: they were read as the energy of each step. "
            "If they are readings of a counter, say so.",
        )
    return False, ()


def _step_s(path: Path, meter_id: str, time_ms: Int64s, rejected: list[RejectedLine]) -> int:
    """The commonest distance of neighbouring stamps, those of unusable values too."""
    if len(time_ms) < 2:
        raise DataFileError(
            where=f"{path.name}, meter {meter_id}",
            what=f"{len(time_ms)} usable rows do not tell the step"
            + (f" ({len(rejected)} cannot be used)." if rejected else "."),
            remedy=f"Line {rejected[0][0]}: {rejected[0][1]}."
            if rejected
            else "Say the step in seconds.",
        )
    distances, counts = np.unique(np.diff(time_ms), return_counts=True)
    step_ms, times = int(distances[counts.argmax()]), int(counts.max())
    if step_ms % 1000 or step_ms > _DAY_MS or times * 2 < len(time_ms) - 1:
        raise DataFileError(
            where=f"{path.name}, meter {meter_id}",
            what="the times have no even step of whole seconds up to a day.",
            remedy="Say the step in seconds, or export even steps.",
        )
    return step_ms // 1000


def _on_grid(rows: Rows, step_s: int, stamps: Int64s) -> tuple[Rows, list[RejectedLine]]:
    """Keeps the rows on the commonest phase of the step among all stamps (n,)."""
    if len(rows.time_ms) == 0:
        return rows, []
    phase = rows.time_ms % (step_s * 1000)
    phases, counts = np.unique(stamps % (step_s * 1000), return_counts=True)
    on = phase == phases[counts.argmax()]
    refuse_many(rows.line[~on], "they are off the grid of the times")
    off = [
        RejectedLine(
            int(rows.line[k]), f"{iso_utc(int(rows.time_ms[k]))} is off the {step_s} s grid"
        )
        for k in np.flatnonzero(~on).tolist()
    ]
    return Rows(rows.line[on], rows.time_ms[on], rows.value[on]), off


def _rises_long(value: Floats) -> bool:
    """Values (n,) that never fall go on rising for longer than any consumption does."""
    change = np.diff(value)
    return len(value) >= _REGISTER_ROWS and int(np.count_nonzero(change)) * 5 > len(change)

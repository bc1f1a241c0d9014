"""Energy by interval from a file, beside the ledger: what it adds, and what it corrects.

What is new is added. What replaces something is a correction that can be undone, and for a polled
meter everything is one: its ledger is the register's, and a file only stands in for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.clock import Clock, iso_utc, to_ms
from energy_desktop.domain.editing import Edit, EditMethod
from energy_desktop.domain.energy import DAY_MS, IntervalQuality, Intervals
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.ports import Ledger, LedgerEditing
from energy_desktop.domain.site import Meter
from energy_desktop.services.import_changes import (
    Change,
    Compared,
    ImportRules,
    added,
    compared,
    counted,
    fitted,
)
from energy_desktop.services.import_values import FileSeries, ImportResult, SeriesPreview

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from energy_desktop.acquisition.files.series import ParsedSeries

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

_EDIT_CHUNK = 200_000
_LEAVABLE = (
    Change.ESTIMATED, Change.MEASURED, Change.EDITED, Change.FILLS, Change.LATER, Change.KNOWN,
)  # fmt: skip


class EnergyImport:
    """Compares and stores. editing None: nothing is replaced, only added. who: the name that
    corrections carry."""

    def __init__(
        self, ledger: Ledger, editing: LedgerEditing | None, clock: Clock | None, who: str
    ) -> None:
        self._ledger = ledger
        self._editing = editing
        self._clock = clock
        self._who = who

    def check(self, parsed: ParsedSeries, meter_id: str) -> None:
        """Raises WrongUse where the ledger's step cannot be made of the file's."""
        fitted(parsed, self._kept_step_s(meter_id, parsed))

    def preview(
        self, one: FileSeries, parsed: ParsedSeries, meter_id: str, known: Meter | None
    ) -> SeriesPreview:
        """What the series would change; nothing is stored. known: the meter, if the site has it.
        Raises WrongUse."""
        series, notes, ledgered = self._ready(parsed, meter_id, known)
        changes = counted(np.empty(0, np.int8))
        days: dict[int, tuple[float, float]] = {}
        estimated = 0
        for part in ledgered:
            changes = added(changes, counted(part.change))
            estimated += _estimated(part)
            _add_days(days, part)
        ordered = sorted(days)
        warnings = () if known is None or not known.driver_id else self._register_says(series)
        return SeriesPreview(
            one,
            meter_id,
            known is None,
            changes,
            series.step_s,
            parsed.duplicates,
            tuple((r.line, r.reason) for r in parsed.rejected),
            parsed.gaps,
            (*parsed.notes, *notes, *warnings),
            np.array(ordered, np.int64) * DAY_MS,
            np.array([days[day][0] for day in ordered]),
            np.array([days[day][1] for day in ordered]),
            estimated=estimated,
        )

    def store(
        self,
        one: FileSeries,
        parsed: ParsedSeries,
        meter_id: str,
        known: Meter | None,
        rules: ImportRules,
        reason: str,
        told: Callable[[int], None],
    ) -> ImportResult:
        """Stores what the rules take. told: how many intervals are done. Raises WrongUse."""
        polled = known is not None and bool(known.driver_id)
        series, notes, parts = self._ready(parsed, meter_id, known)
        # Asked before: what is stored fills the gaps that the register knows of.
        said = () if known is None or not known.driver_id else self._register_says(series)
        changes = counted(np.empty(0, np.int8))
        replacing: list[tuple[Int64s, Floats, NDArray[np.int8]]] = []
        stored = done = estimated = 0
        for part in parts:
            told(done)
            changes = added(changes, counted(part.change))
            new = part.change == Change.NEW
            taken = np.isin(part.change, [c for c in Change if rules.takes(c)])
            estimated += int(np.count_nonzero(taken & (part.quality == IntervalQuality.ESTIMATED)))
            corrects = taken if polled else taken & ~new
            adds = taken & ~corrects
            if adds.any():
                stored += self._ledger.add_intervals(
                    Intervals(
                        meter_id,
                        series.register,
                        series.step_s,
                        part.start_ms[adds],
                        part.file_wh[adds],
                        part.quality[adds],
                    ),
                    None if part.shown is None else part.shown.at(adds),
                )
            if corrects.any():
                replacing.append(
                    (part.start_ms[corrects], part.file_wh[corrects], part.quality[corrects])
                )
            done += len(part.start_ms)
        edits = self._correct(series, replacing, reason or f"imported from {one.path.name}", one)
        replaced = sum(edit.intervals for edit in edits)
        left = sum(
            changes[c]
            for c in _LEAVABLE
            if not rules.takes(c) or (c is not Change.LATER and self._editing is None)
        )
        return ImportResult(
            file=one.path,
            meter_id=meter_id,
            rows_read=parsed.rows_read,
            stored=stored + replaced,
            duplicates=parsed.duplicates + changes[Change.EQUAL],
            already_stored=changes[Change.EQUAL],
            rejected=tuple((r.line, r.reason) for r in parsed.rejected),
            gaps=series.gaps,
            first_ms=series.first_ms,
            last_ms=series.last_ms,
            step_s=series.step_s,
            notes=(*parsed.notes, *notes, *said),
            replaced=replaced,
            left=left,
            edits=tuple(edit.edit_id for edit in edits),
            quantity=series.register,
            estimated=estimated,
        )

    def _ready(
        self, parsed: ParsedSeries, meter_id: str, known: Meter | None
    ) -> tuple[ParsedSeries, tuple[str, ...], Iterator[Compared]]:
        """The series in the ledger's step and beside it. Raises WrongUse."""
        polled = known is not None and bool(known.driver_id)
        if polled and self._editing is None:
            raise WrongUse(
                where=f"Meter {meter_id}",
                what="It is polled, so its energy comes from its own register.",
                remedy="Import under another meter id.",
            )
        series = replace(parsed, meter_id=meter_id)
        kept = self._kept_step_s(meter_id, series)
        booked_s = None if known is None or not polled else known.interval_min * 60
        series, notes = fitted(series, kept or booked_s)
        until_ms = self._read_until(meter_id, series) if polled else None
        parts = compared(self._ledger, series, fresh=kept is None, until_ms=until_ms)
        return series, notes, parts

    def _kept_step_s(self, meter_id: str, series: ParsedSeries) -> int | None:
        """The step that the ledger keeps in the period of the file, and the finest one where it
        has several or nothing there; None: it keeps nothing of this register."""
        register, ledger = series.register, self._ledger
        if register not in ledger.registers(meter_id):
            return None
        finest = ledger.intervals(meter_id, 0, 0, register=register).step_s
        if series.first_ms is None or series.last_ms is None:
            return finest
        period = (series.first_ms, series.last_ms + series.step_s * 1000)
        common = ledger.intervals(meter_id, *period, register=register).step_s
        if common == finest:
            return finest
        fine = ledger.intervals(meter_id, *period, register=register, step_s=finest)
        any_fine = bool(np.any(fine.quality != IntervalQuality.MISSING))
        return finest if any_fine else common

    def _read_until(self, meter_id: str, series: ParsedSeries) -> int:
        """Up to where the meter's own register has come; a meter never read yet: up to now."""
        last = (series.last_ms or 0) + series.step_s * 1000
        now = to_ms(self._clock()) if self._clock is not None else last
        reading = self._ledger.register_reading(meter_id, max(now, last), register=series.register)
        return now if reading is None else reading.read_at_ms

    def _register_says(self, series: ParsedSeries) -> tuple[str, ...]:
        """Gaps whose energy the meter's register knows, and the file tells otherwise."""
        if self._editing is None or series.first_ms is None or series.last_ms is None:
            return ()
        said = []
        end_ms = series.last_ms + series.step_s * 1000
        for gap in self._editing.gaps(series.meter_id, series.register, series.first_ms, end_ms):
            a, b = np.searchsorted(series.start_ms, [gap.start_ms, gap.end_ms])
            if gap.known_wh is None or b - a != gap.intervals:
                continue
            told = int(series.energy_wh[a:b].sum())
            if abs(told - gap.known_wh) > max(gap.known_wh // 100, 10):
                said.append(
                    f"For the gap from {iso_utc(gap.start_ms)} the register knows "
                    f"{gap.known_wh / 1000:,.2f} kWh, the file tells {told / 1000:,.2f} kWh."
                )
        return tuple(said)

    def _correct(
        self,
        series: ParsedSeries,
        replacing: Sequence[tuple[Int64s, Floats, NDArray[np.int8]]],
        reason: str,
        one: FileSeries,
    ) -> list[Edit]:
        """Puts what replaces something in force, as corrections that can be undone."""
        if not replacing or self._editing is None or self._clock is None:
            return []
        starts, energy, quality = (np.concatenate(column) for column in zip(*replacing,
                                                                          strict=True))  # fmt: skip
        edits = []
        for begin in range(0, len(starts), _EDIT_CHUNK):
            part = slice(begin, begin + _EDIT_CHUNK)
            edit = Edit(
                edit_id=0,
                meter_id=series.meter_id,
                register=series.register,
                step_s=series.step_s,
                start_ms=int(starts[part][0]),
                end_ms=int(starts[part][-1]) + series.step_s * 1000,
                method=EditMethod.IMPORT,
                reason=reason,
                by=self._who,
                at_ms=to_ms(self._clock()),
                parameters=f"{one.path.name}, {one.key}",
            )
            edits.append(
                self._editing.apply_edit(
                    edit, starts[part], np.rint(energy[part]).astype(np.int64), quality[part]
                )
            )
        return edits


def _estimated(part: Compared) -> int:
    """How many intervals that the ledger lacks would come as estimates of the file."""
    lacking = np.isin(part.change, (Change.NEW, Change.FILLS))
    return int(np.count_nonzero(lacking & (part.quality == IntervalQuality.ESTIMATED)))


def _add_days(days: dict[int, tuple[float, float]], part: Compared) -> None:
    """Sums a stretch into UTC days: of the file, and of the ledger in the same intervals."""
    found, first = np.unique(part.start_ms // DAY_MS, return_index=True)
    there = ~np.isnan(part.stored_wh)
    file_wh = np.add.reduceat(part.file_wh, first)
    kept = np.add.reduceat(np.where(there, part.stored_wh, 0.0), first)
    any_kept = np.add.reduceat(there.astype(np.int64), first) > 0
    for day, file_sum, kept_sum, has in zip(
        found.tolist(), file_wh.tolist(), kept.tolist(), any_kept.tolist(), strict=True
    ):
        before_file, before_kept = days.get(day, (0.0, np.nan))
        now = kept_sum if has else np.nan
        both = now if np.isnan(before_kept) else before_kept + (0.0 if np.isnan(now) else now)
        days[day] = (before_file + file_sum, both)

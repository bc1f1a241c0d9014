"""Brings readings from files into the energy ledger; a file imported twice stores nothing twice.

A person sees what would change before anything does: `look` at a file, `stage` it, `preview` it
against the ledger, `apply` it. What is new is added. What replaces something (a quarantined
reading, an estimate, with leave a measured or corrected value) is a correction with who, when and
why, and can be undone.

A polled meter may be filled from a file, up to where its own register has come; its readings to
come are not anticipated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.acquisition.files import guess
from energy_desktop.acquisition.files.gauges import (
    ENERGY,
    GAUGES,
    is_gauge_name,
    quantity_of_name,
    unit_of_gauge,
    units_of,
)
from energy_desktop.acquisition.files.guess import FileLook, ReadRow
from energy_desktop.acquisition.files.headers import unit_of
from energy_desktop.acquisition.files.layout import CsvLayout
from energy_desktop.acquisition.files.reading import Format, stage_file
from energy_desktop.acquisition.files.series import (
    Parsed,
    ParsedReadings,
    ParsedSeries,
    Staged,
)
from energy_desktop.domain.clock import Clock, iso_utc, to_ms
from energy_desktop.domain.editing import Edit, EditMethod
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import DataFileError, UserFacingError, WrongUse
from energy_desktop.domain.ports import (
    ConfigurationStore,
    GaugeIntake,
    History,
    Ledger,
    LedgerEditing,
    ProgressSink,
    no_progress,
)
from energy_desktop.domain.site import Meter, Role
from energy_desktop.services.import_changes import (
    Change,
    Compared,
    ImportRules,
    added,
    compared,
    counted,
    fitted,
)
from energy_desktop.services.import_gauges import GaugeImport, needs_gauges
from energy_desktop.services.import_layouts import RememberedLayouts
from energy_desktop.services.import_values import (
    FileSeries,
    ImportResult,
    SeriesPreview,
    StagedImport,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = [
    "Change",
    "CsvLayout",
    "FileLook",
    "FileSeries",
    "ImportResult",
    "ImportRules",
    "ImportService",
    "ReadRow",
    "SeriesPreview",
    "StagedImport",
    "column_says",
    "measurable",
    "units_of",
]

_DAY_MS = 86_400_000
_EDIT_CHUNK = 200_000
_FORMATS: Mapping[str, Format] = {
    "table": "csv",
    "workbook": "excel",
    "green button": "green-button",
    "london": "lcl",
}


class ImportService:
    """A meter that the file names and the site lacks is added; it is not polled.

    editing None: nothing is replaced, only added. who: the name that corrections carry. history,
    gauges None: only energy is taken.
    """

    def __init__(
        self,
        configuration: ConfigurationStore,
        ledger: Ledger,
        editing: LedgerEditing | None = None,
        clock: Clock | None = None,
        who: str = "",
        history: History | None = None,
        gauges: GaugeIntake | None = None,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._gauges = (
            None
            if history is None or gauges is None
            else GaugeImport(history, gauges, self._now_ms)
        )
        self._editing = editing
        self._clock = clock
        self._who = who
        self._layouts = RememberedLayouts(configuration)

    # --- the steps of a person -------------------------------------------------------------------

    def look(self, path: Path, layout: CsvLayout | None = None) -> FileLook:
        """What a file seems to be. Raises DataFileError."""
        found = guess.look(path, layout)
        return found if layout is not None else self._layouts.recall(found)

    def sample(self, found: FileLook, layout: CsvLayout) -> tuple[ReadRow, ...]:
        """What the first rows are read as. Raises DataFileError that says what is missing."""
        return guess.read_sample(found, layout)

    def site_zone(self) -> str:
        return str(self._configuration.load().site.zone)

    def meters(self) -> tuple[Meter, ...]:
        return self._configuration.load().meters

    def stage(
        self,
        files: Sequence[tuple[FileLook, CsvLayout]],
        progress: ProgressSink = no_progress,
    ) -> StagedImport:
        """Reads whole files; nothing is stored. Raises DataFileError and JobCancelled."""
        with ExitStack() as stack:
            made: dict[Path, Staged] = {}
            series: list[FileSeries] = []
            for number, (found, layout) in enumerate(files):
                staged = stage_file(
                    found.path,
                    _FORMATS[found.kind],
                    layout=layout,
                    site_zone=self.site_zone(),
                    watch=_watch(progress, number, len(files), f"Reading {found.path.name}"),
                )
                stack.callback(staged.close)
                made[found.path] = staged
                self._layouts.remember(found, layout)
                series += [self._told(found.path, staged, key) for key in staged.meters]
            stack.pop_all()
        return StagedImport(tuple(series), made)

    def preview(
        self,
        staged: StagedImport,
        targets: Mapping[tuple[Path, str], str] | None = None,
        progress: ProgressSink = no_progress,
    ) -> tuple[SeriesPreview, ...]:
        """What each series would change. targets: the meter for (file, key), where it is not the
        proposed one; empty: left out."""
        found = []
        for number, one in enumerate(staged.series):
            progress(number / len(staged.series), f"Comparing {one.key}")
            meter_id = (targets or {}).get((one.path, one.key), one.meter_id)
            if meter_id and not one.refused:
                found.append(self._preview(one, staged.parsed(one), meter_id))
        return tuple(found)

    def apply(
        self,
        staged: StagedImport,
        previews: Sequence[SeriesPreview],
        rules: ImportRules,
        *,
        reason: str = "",
        progress: ProgressSink = no_progress,
    ) -> tuple[ImportResult, ...]:
        """Stores what was previewed and not refused, series by series.

        Cancelled, what was stored stays, and importing again stores nothing twice.
        """
        wanted = [preview for preview in previews if not preview.refused]
        self._know(preview.meter_id for preview in wanted)
        total = max(sum(preview.series.intervals for preview in wanted), 1)
        done, results = 0, []
        for preview in wanted:
            doing = f"Storing {preview.meter_id}"
            start = done

            def told(intervals: int, start: int = start, doing: str = doing) -> None:
                progress((start + intervals) / total, doing)

            parsed = staged.parsed(preview.series)
            results.append(self._store(preview.series, parsed, preview.meter_id, rules, reason,
                                       told))  # fmt: skip
            done += preview.series.intervals
        progress(1.0, "Imported")
        return tuple(results)

    def undo(self, results: Sequence[ImportResult], reason: str) -> tuple[Edit, ...]:
        """Takes back what an import replaced; what it added stays. Raises WrongUse."""
        if self._editing is None or self._clock is None:
            return ()
        at_ms = to_ms(self._clock())
        return tuple(
            self._editing.undo(edit, self._who, reason, at_ms)
            for result in reversed(results)
            for edit in reversed(result.edits)
        )

    # --- in one go -------------------------------------------------------------------------------

    def run(
        self,
        files: Sequence[Path],
        *,
        file_format: Format = "auto",
        meter_id: str | None = None,
        layout: CsvLayout | None = None,
        rules: ImportRules | None = None,
        progress: ProgressSink = no_progress,
    ) -> tuple[ImportResult, ...]:
        """Every file is read before anything of it is stored.

        Raises DataFileError naming file and line, and WrongUse; files before it stay imported,
        and importing them again stores nothing twice.
        """
        results: list[ImportResult] = []
        for number, path in enumerate(files):
            watch = _watch(progress, number, len(files), f"Reading {path.name}", of_file=0.3)
            staged = stage_file(
                path,
                file_format,
                meter_id=meter_id,
                layout=layout or CsvLayout(),
                site_zone=self.site_zone(),
                watch=watch,
            )
            with staged:
                series = [(self._told(path, staged, key), key) for key in staged.meters]
                for one, key in series:
                    if one.refused:
                        staged.series(key)  # raises what was refused, as it is
                    parsed = staged.series(key)
                    if isinstance(parsed, ParsedSeries):
                        fitted(parsed, self._kept_step_s(one.meter_id, parsed))
                self._know(one.meter_id for one, _ in series)
                for k, (one, key) in enumerate(series):
                    progress(
                        (number + 0.3 + 0.7 * k / len(series)) / len(files), f"Storing {one.key}"
                    )
                    results.append(
                        self._store(
                            one, staged.series(key), one.meter_id, rules or ImportRules(), "",
                            lambda _: None,
                        )
                    )  # fmt: skip
        progress(1.0, "Imported")
        return tuple(results)

    # --- parts -----------------------------------------------------------------------------------

    def _now_ms(self) -> int:
        """Without a clock nothing is later than now."""
        return to_ms(self._clock()) if self._clock is not None else 1 << 62

    def _told(self, path: Path, staged: Staged, key: str) -> FileSeries:
        try:
            parsed = staged.series(key)
        except DataFileError as error:
            return FileSeries(path, key, key, refused=str(error))
        known = {meter.serial_number: meter.meter_id for meter in self.meters() if
                 meter.serial_number}  # fmt: skip
        of_file = FileSeries(
            path,
            key,
            known.get(parsed.meter_id, parsed.meter_id),
            parsed.rows_read,
            step_s=parsed.step_s,
            first_ms=parsed.first_ms,
            last_ms=parsed.last_ms,
        )
        if isinstance(parsed, ParsedReadings):
            values = parsed.values
            low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
            return replace(
                of_file, intervals=len(values), quantity=parsed.quantity, low=low, high=high
            )
        return replace(
            of_file,
            intervals=len(parsed.start_ms),
            quantity=parsed.register,
            total_wh=float(parsed.energy_wh.sum()),
        )

    def _preview(self, one: FileSeries, parsed: Parsed, meter_id: str) -> SeriesPreview:
        known = self._configuration.load().meter(meter_id)
        try:
            if isinstance(parsed, ParsedReadings):
                gauges = needs_gauges(self._gauges, meter_id, parsed.quantity)
                polled = known is not None and bool(known.driver_id)
                return gauges.preview(one, parsed, meter_id, new=known is None, polled=polled)
            series, notes, ledgered = self._ready(parsed, meter_id, known)
        except UserFacingError as error:
            nothing = np.empty(0)
            return SeriesPreview(
                one, meter_id, known is None, {}, one.step_s, parsed.duplicates,
                tuple((r.line, r.reason) for r in parsed.rejected), parsed.gaps, parsed.notes,
                nothing.astype(np.int64), nothing, nothing,
                refused=f"{error.what} {error.remedy}",
            )  # fmt: skip
        changes = counted(np.empty(0, np.int8))
        days: dict[int, tuple[float, float]] = {}
        for part in ledgered:
            changes = added(changes, counted(part.change))
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
            np.array(ordered, np.int64) * _DAY_MS,
            np.array([days[day][0] for day in ordered]),
            np.array([days[day][1] for day in ordered]),
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

    def _know(self, meter_ids: Iterable[str]) -> None:
        """Adds the meters that the site lacks."""
        configuration = self._configuration.load()
        missing = []
        for meter_id in dict.fromkeys(meter_ids):
            if configuration.meter(meter_id) is None:
                missing.append(Meter(meter_id, meter_id, role=Role.OTHER))
        if missing:
            self._configuration.replace(
                replace(configuration, meters=(*configuration.meters, *missing))
            )

    def _store(
        self,
        one: FileSeries,
        parsed: Parsed,
        meter_id: str,
        rules: ImportRules,
        reason: str,
        told: Callable[[int], None],
    ) -> ImportResult:
        known = self._configuration.load().meter(meter_id)
        polled = known is not None and bool(known.driver_id)
        if isinstance(parsed, ParsedReadings):
            gauges = needs_gauges(self._gauges, meter_id, parsed.quantity)
            return gauges.store(one, parsed, meter_id, rules, told, polled=polled)
        series, notes, parts = self._ready(parsed, meter_id, known)
        # Asked before: what is stored fills the gaps that the register knows of.
        said = () if known is None or not known.driver_id else self._register_says(series)
        changes = counted(np.empty(0, np.int8))
        replacing: list[tuple[Int64s, Floats, NDArray[np.int8]]] = []
        stored = done = 0
        for part in parts:
            told(done)
            changes = added(changes, counted(part.change))
            new = part.change == Change.NEW
            taken = np.isin(part.change, [c for c in Change if rules.takes(c)])
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
                    )
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
            for c in (Change.ESTIMATED, Change.MEASURED, Change.EDITED, Change.FILLS, Change.LATER)
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
        )

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


def measurable() -> tuple[str, ...]:
    """Quantities that can be imported: energy first, then gauges."""
    return (*ENERGY, *GAUGES)


def column_says(name: str) -> tuple[str, str]:
    """Quantity and unit that a column's name tells; empty: it does not tell."""
    if is_gauge_name(name):
        quantity = quantity_of_name(name) or ""
        return quantity, unit_of_gauge(name, quantity) or ""
    return "", unit_of(name) or ""


def _watch(
    progress: ProgressSink, number: int, count: int, doing: str, *, of_file: float = 1.0
) -> Callable[[float], None]:
    return lambda share: progress((number + share * of_file) / count, doing)


def _add_days(days: dict[int, tuple[float, float]], part: Compared) -> None:
    """Sums a stretch into UTC days: of the file, and of the ledger in the same intervals."""
    found, first = np.unique(part.start_ms // _DAY_MS, return_index=True)
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

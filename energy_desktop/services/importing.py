"""Brings energy and readings from files into the site; a file imported twice stores nothing twice.

A person sees what would change before anything does: `look` at a file, `stage` it, `preview` it
against what is stored, `apply` it. What is new is added. What replaces energy (a quarantined
reading, an estimate, with leave a measured or corrected value) is a correction with who, when and
why, and can be undone. Energy and gauges go ways of their own (import_energy, import_gauges).

A polled meter may be filled from a file, up to where its own register has come; its readings to
come are not anticipated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

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
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.editing import Edit
from energy_desktop.domain.errors import DataFileError, UserFacingError
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
from energy_desktop.services.import_changes import Change, ImportRules
from energy_desktop.services.import_energy import EnergyImport
from energy_desktop.services.import_gauges import GaugeImport, needs_gauges
from energy_desktop.services.import_layouts import RememberedLayouts
from energy_desktop.services.import_values import (
    FileSeries,
    ImportResult,
    SeriesPreview,
    StagedImport,
)

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
        self._energy = EnergyImport(ledger, editing, clock, who)
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
                        self._energy.check(parsed, one.meter_id)
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
            return self._energy.preview(one, parsed, meter_id, known)
        except UserFacingError as error:
            nothing = np.empty(0)
            return SeriesPreview(
                one, meter_id, known is None, {}, one.step_s, parsed.duplicates,
                tuple((r.line, r.reason) for r in parsed.rejected), parsed.gaps, parsed.notes,
                nothing.astype(np.int64), nothing, nothing,
                refused=f"{error.what} {error.remedy}",
            )  # fmt: skip

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
        if isinstance(parsed, ParsedReadings):
            gauges = needs_gauges(self._gauges, meter_id, parsed.quantity)
            polled = known is not None and bool(known.driver_id)
            return gauges.store(one, parsed, meter_id, rules, told, polled=polled)
        return self._energy.store(one, parsed, meter_id, known, rules, reason, told)


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

"""Brings readings from files into the energy ledger; a file imported twice stores nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from energy_desktop.acquisition.files.general_csv import CsvLayout
from energy_desktop.acquisition.files.reading import Format, parse_file
from energy_desktop.acquisition.files.series import ParsedSeries
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.ports import ConfigurationStore, Ledger, ProgressSink, no_progress
from energy_desktop.domain.site import Meter, Role

REGISTER = "energy_import_wh"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What one file gave for one meter: rows_read = stored + duplicates + rejected.

    stored: intervals that were new. duplicates: repeated in the file or stored before;
    already_stored: those of them that were stored before.
    """

    file: Path
    meter_id: str
    rows_read: int
    stored: int
    duplicates: int
    already_stored: int
    rejected: tuple[tuple[int, str], ...]  # line, reason
    gaps: int
    first_ms: int | None
    last_ms: int | None
    step_s: int
    notes: tuple[str, ...]


class ImportService:
    """A meter that the file names and the site lacks is added; it is not polled."""

    def __init__(self, configuration: ConfigurationStore, ledger: Ledger) -> None:
        self._configuration = configuration
        self._ledger = ledger

    def run(
        self,
        files: Sequence[Path],
        *,
        file_format: Format = "auto",
        meter_id: str | None = None,
        layout: CsvLayout | None = None,
        progress: ProgressSink = no_progress,
    ) -> tuple[ImportResult, ...]:
        """Every file is read before anything of it is stored.

        Raises DataFileError naming file and line, and WrongUse; files before it stay imported,
        and importing them again stores nothing twice.
        """
        results: list[ImportResult] = []
        for number, path in enumerate(files):
            progress(number / len(files), f"Reading {path.name}")
            parsed = parse_file(path, file_format, meter_id=meter_id, layout=layout or CsvLayout())
            self._know(series.meter_id for series in parsed)
            results.extend(self._store(path, series) for series in parsed)
        progress(1.0, "Imported")
        return tuple(results)

    def _know(self, meter_ids: Iterable[str]) -> None:
        """Adds what the site lacks; refuses to mix imported energy into a polled meter."""
        configuration = self._configuration.load()
        missing = []
        for meter_id in meter_ids:
            known = configuration.meter(meter_id)
            if known is None:
                missing.append(Meter(meter_id, meter_id, role=Role.OTHER))
            elif known.driver_id:
                raise WrongUse(
                    where=f"Meter {meter_id}",
                    what="It is polled, so its energy comes from its own register.",
                    remedy="Import under another meter id.",
                )
        if missing:
            self._configuration.replace(
                replace(configuration, meters=(*configuration.meters, *missing))
            )

    def _store(self, path: Path, series: ParsedSeries) -> ImportResult:
        stored = self._ledger.add_intervals(
            Intervals(
                series.meter_id,
                REGISTER,
                series.step_s,
                series.start_ms,
                series.energy_wh,
                np.full(series.start_ms.shape, IntervalQuality.RAW, dtype=np.int8),
            )
        )
        already = int(series.start_ms.size) - stored
        return ImportResult(
            file=path,
            meter_id=series.meter_id,
            rows_read=series.rows_read,
            stored=stored,
            duplicates=series.duplicates + already,
            already_stored=already,
            rejected=tuple((r.line, r.reason) for r in series.rejected),
            gaps=series.gaps,
            first_ms=series.first_ms,
            last_ms=series.last_ms,
            step_s=series.step_s,
            notes=series.notes,
        )

"""What an import shows and gives: the series of a file, what they would change, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from energy_desktop.acquisition.files.gauges import ENERGY
from energy_desktop.acquisition.files.series import Parsed, Staged
from energy_desktop.services.import_changes import Change, ImportRules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Floats = NDArray[np.float64]

REGISTER = "energy_import_wh"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What one file gave for one meter: rows_read = stored + duplicates + left + rejected, where
    the steps of the file are those of the ledger.

    stored: intervals or readings that were new or replaced something; replaced: those of them that
    did. duplicates: repeated in the file or stored before; already_stored: those of them that were
    stored before. left: what differs from what is stored and was not to be replaced. edits: the
    corrections that were made, which can be undone. estimated: intervals among the stored ones that
    the file does not have as measured.
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
    replaced: int = 0
    left: int = 0
    edits: tuple[int, ...] = ()
    quantity: str = REGISTER
    estimated: int = 0

    @property
    def is_energy(self) -> bool:
        return self.quantity in ENERGY


@dataclass(frozen=True, slots=True)
class FileSeries:
    """A series of a staged file, as the file tells it. refused: why it makes none.

    intervals: of energy, or readings of a gauge. total_wh: of energy; low, high: the range of a
    gauge, in its unit.
    """

    path: Path
    key: str  # what the file calls it
    meter_id: str  # what is proposed
    rows_read: int = 0
    intervals: int = 0
    step_s: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    total_wh: float = 0.0
    quantity: str = REGISTER
    refused: str = ""
    low: float = 0.0
    high: float = 0.0

    @property
    def is_energy(self) -> bool:
        return self.quantity in ENERGY


@dataclass(frozen=True, slots=True)
class SeriesPreview:
    """What one series would change. days_ms (d,): the UTC days with an interval or reading.
    file_daily, kept_daily (d,): energy (or the mean of a gauge) in the file, and of what is stored
    at the same times, NaN where nothing is. estimated: intervals that the ledger lacks and the file
    does not have as measured."""

    series: FileSeries
    meter_id: str
    is_new_meter: bool
    changes: Mapping[Change, int]
    step_s: int
    duplicates: int
    rejected: tuple[tuple[int, str], ...]
    gaps: int
    notes: tuple[str, ...]
    days_ms: Int64s
    file_daily: Floats
    kept_daily: Floats
    refused: str = ""
    estimated: int = 0

    def taken(self, rules: ImportRules) -> int:
        """How many intervals or readings would be stored."""
        return sum(count for change, count in self.changes.items() if rules.takes(change))


@dataclass(slots=True)
class StagedImport:
    """Files that were read and are not stored; to be closed."""

    series: tuple[FileSeries, ...]
    _files: dict[Path, Staged] = field(default_factory=dict)

    def parsed(self, one: FileSeries) -> Parsed:
        return self._files[one.path].series(one.key)

    def close(self) -> None:
        for staged in self._files.values():
            staged.close()
        self._files.clear()

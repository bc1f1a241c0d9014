"""Stored readings as a file: CSV, Excel or Parquet, one row per reading or step.

What is seen on the history page goes the same way: its table as it stands there, its paper as PDF.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import (
    HOUR_MS,
    QUARTER_HOUR_MS,
    IntervalQuality,
    Resolution,
)
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.history_paper import HistoryPaper
from energy_desktop.domain.ports import ConfigurationStore, History, Ledger
from energy_desktop.domain.quantities import QUANTITIES, quantity
from energy_desktop.services.history.seen import SeenTable
from energy_desktop.services.local_days import day_edges
from energy_desktop.services.table_files import Column, put_in_place, write_table, writer_of

_STEP_MS = {
    Resolution.QUARTER: QUARTER_HOUR_MS,
    Resolution.HOUR: HOUR_MS,
}


@dataclass(frozen=True, slots=True)
class ExportedFile:
    path: Path
    rows: int
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


class ExportService:
    """Writes what `History` and `Ledger` hold."""

    def __init__(
        self,
        history: History,
        ledger: Ledger,
        configuration: ConfigurationStore,
        render_paper: Callable[[HistoryPaper], bytes] | None = None,
    ) -> None:
        self._history = history
        self._ledger = ledger
        self._configuration = configuration
        self._render_paper = render_paper

    def export_seen(self, seen: SeenTable, out: Path) -> ExportedFile:
        """Writes what a picture shows, with meter, period, zone and quality beside each row.

        Raises WrongUse (file type, a file that cannot be written) and NotEnoughData.
        """
        writer_of(out)
        if not seen.rows:
            raise NotEnoughData(
                where=seen.title,
                what="There is nothing in this picture to export.",
                remedy="Choose a period in which the meter was read.",
            )
        write_table(out, seen.columns, about=seen.about, sheet="seen")
        return ExportedFile(out, seen.rows, tuple(name for name, _ in seen.columns))

    def export_paper(self, paper: HistoryPaper, out: Path) -> ExportedFile:
        """Writes the picture as PDF, drawn from its values. Raises WrongUse."""
        if self._render_paper is None:
            raise WrongUse(
                where=out.name,
                what="No PDF can be made here.",
                remedy="Export it from the window, or choose another file type.",
            )
        pdf = self._render_paper(paper)

        def fill(partial: Path) -> None:
            partial.write_bytes(pdf)

        put_in_place(out, fill)
        return ExportedFile(out, len(paper.curves), tuple(c.name for c in paper.curves))

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._configuration.load().site.zone)

    def export(
        self,
        meter_id: str,
        quantity_name: str,
        start_ms: int,
        end_ms: int,
        resolution: Resolution,
        out: Path,
    ) -> ExportedFile:
        """Columns: time_utc, then what the quantity and resolution give.

        raw: the reading. Steps of a gauge: mean, minimum, maximum, count. Steps of a counter:
        first and last register reading, and the ledger's energy with its quality, whose sum is the
        difference of the register. A meter that was imported has no register: its steps are
        the energy of each interval with its quality; a local day
        also says how many of its intervals are missing. A step between known ones that is not
        fully known is there with its energy empty. Days are local days wholly inside the period;
        a note says what was left out.
        Raises WrongUse (unknown quantity, file type, empty period, a file that cannot be written)
        and NotEnoughData.
        """
        if quantity_name not in QUANTITIES:
            try:
                quantity(quantity_name)
            except KeyError as error:
                raise WrongUse(
                    where=f"--quantity {quantity_name}",
                    what=f"{error.args[0]}.",
                    remedy="Take a name from `drivers --json`.",
                ) from None
        if end_ms <= start_ms:
            raise WrongUse(
                where="export", what="The period is empty.", remedy="Let --to be after --from."
            )
        writer_of(out)  # a name that cannot be written is refused before anything is read
        notes: tuple[str, ...] = ()
        if resolution is Resolution.DAY:
            start_ms, end_ms, notes = _whole_days(start_ms, end_ms, self._zone())
        times, columns = self._columns(meter_id, quantity_name, start_ms, end_ms, resolution)
        if times.size == 0:
            raise NotEnoughData(
                where=f"Meter {meter_id}, {quantity_name}",
                what=f"Nothing is stored from {iso_utc(start_ms)} to {iso_utc(end_ms)}.",
                remedy="See `meters` for what there is, and choose another period.",
            )
        write_table(out, [("time_utc", times), *columns])
        names = ("time_utc", *(name for name, _ in columns))
        return ExportedFile(out, int(times.size), names, notes)

    def _columns(
        self, meter_id: str, name: str, start_ms: int, end_ms: int, resolution: Resolution
    ) -> tuple[np.ndarray[Any, Any], list[Column]]:
        if name in self._ledger.registers(meter_id) and name not in self._history.quantities(
            meter_id
        ):
            return self._interval_columns(meter_id, name, start_ms, end_ms, resolution)
        if resolution is Resolution.RAW:
            series = self._history.raw(meter_id, name, start_ms, end_ms)
            return series.time_ms, [(name, series.values)]
        b = self._history.buckets(meter_id, name, start_ms, end_ms, resolution)
        filled = b.n > 0
        if quantity(name).is_counter:
            readings: list[Column] = [
                (f"{name}_first", b.first[filled]),
                (f"{name}_last", b.last[filled]),
                ("readings", b.n[filled]),
            ]
            if name not in self._ledger.registers(meter_id) or resolution is Resolution.MINUTE:
                return b.start_ms[filled], readings
            try:
                booked = self._interval_columns(meter_id, name, start_ms, end_ms, resolution)
            except NotEnoughData:  # its ledger is kept in coarser steps than these
                return b.start_ms[filled], readings
            return _beside((b.start_ms[filled], readings), booked)
        return b.start_ms[filled], [
            (name, b.mean[filled]),
            (f"{name}_min", b.minimum[filled]),
            (f"{name}_max", b.maximum[filled]),
            ("readings", b.n[filled]),
        ]

    def _interval_columns(
        self, meter_id: str, name: str, start_ms: int, end_ms: int, resolution: Resolution
    ) -> tuple[np.ndarray[Any, Any], list[Column]]:
        if resolution is Resolution.DAY:
            return self._days(meter_id, name, start_ms, end_ms)
        step_ms = _STEP_MS.get(resolution)
        try:
            ledger = self._ledger.intervals(
                meter_id,
                start_ms,
                end_ms,
                register=name,
                step_s=None if step_ms is None else step_ms // 1000,
            )
        except WrongUse as error:  # the request is sound; what is stored is too coarse for it
            raise NotEnoughData(where=error.where, what=error.what, remedy=error.remedy) from None
        known = np.isfinite(ledger.energy_wh)
        quality = ledger.quality
        if step_ms is not None:
            # Steps that are partly known, and those between, are rows: a hole is seen as a hole.
            fine = self._ledger.intervals(meter_id, start_ms, end_ms, register=name)
            stored = fine.start_ms[np.isfinite(fine.energy_wh)]
            if stored.size:
                quality = np.where(known, quality, IntervalQuality.MISSING).astype(np.int8)
                known = (ledger.start_ms > stored[0] - step_ms) & (ledger.start_ms <= stored[-1])
        return ledger.start_ms[known], [
            (_energy_column(name), ledger.energy_wh[known]),
            ("quality", _words(quality[known])),
        ]

    def _days(
        self, meter_id: str, name: str, start_ms: int, end_ms: int
    ) -> tuple[np.ndarray[Any, Any], list[Column]]:
        """Local days of the site that begin in the period, summed from the finest intervals kept.

        A day with unknown intervals has the sum of the known ones beside how many it lacks: a
        household that misses one half hour in a year would otherwise lose a day each time.
        """
        edges = day_edges(start_ms, end_ms, self._zone())
        if edges.size < 2:
            return np.empty(0, np.int64), []
        fine = self._ledger.intervals(meter_id, int(edges[0]), int(edges[-1]), register=name)
        known = np.isfinite(fine.energy_wh)
        day = np.searchsorted(edges, fine.start_ms, side="right") - 1
        days = edges.size - 1
        sums = np.bincount(day[known], fine.energy_wh[known], minlength=days)
        found = np.bincount(day[known], minlength=days)
        worst = np.zeros(days, np.int8)
        np.maximum.at(worst, day[known], fine.quality[known])
        missing = np.bincount(day[~known], minlength=days)
        filled = found > 0
        return edges[:-1][filled], [
            (_energy_column(name), sums[filled]),
            ("quality", _words(worst[filled])),
            ("missing_intervals", missing[filled]),
        ]


def _whole_days(start_ms: int, end_ms: int, zone: ZoneInfo) -> tuple[int, int, tuple[str, ...]]:
    """The period cut down to the local days wholly inside, and a note of what that leaves out.

    Raises WrongUse when there is no such day.
    """
    edges = day_edges(start_ms, end_ms, zone)
    inside = edges[edges <= end_ms]
    if inside.size < 2:
        raise WrongUse(
            where="export --resolution day",
            what=f"No whole day of {zone.key} lies between {iso_utc(start_ms)} and "
            f"{iso_utc(end_ms)}.",
            remedy="Ask for a longer period, or for hours.",
        )
    first, last = int(inside[0]), int(inside[-1])
    left_out = [
        f"{iso_utc(begin)} to {iso_utc(end)}"
        for begin, end in ((start_ms, first), (last, end_ms))
        if begin < end
    ]
    if not left_out:
        return first, last, ()
    note = f"Left out, as it is no whole day of {zone.key}: {' and '.join(left_out)}."
    return first, last, (note,)


def _beside(
    left: tuple[np.ndarray[Any, Any], list[Column]],
    right: tuple[np.ndarray[Any, Any], list[Column]],
) -> tuple[np.ndarray[Any, Any], list[Column]]:
    """Two tables by their times: every time of either, cells that one lacks are empty."""
    times = np.union1d(left[0], right[0])
    columns: list[Column] = []
    for own, table in (left, right):
        place = np.searchsorted(times, own)
        for name, values in table:
            empty: Any = {"i": 0, "f": np.nan}.get(values.dtype.kind)
            wide = np.full(times.shape, empty, dtype=values.dtype)
            wide[place] = values
            columns.append((name, wide))
    return times, columns


def _energy_column(register: str) -> str:
    """The energy of an interval, called after its direction: export stays export."""
    return register.replace("_import", "").replace("_total", "")


def _words(quality: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array([IntervalQuality(q).name.lower() for q in quality.tolist()], dtype=object)

"""What became of the rows of each file: none is left out without being counted and listed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout

from energy_desktop.domain.fleet import BrokenFile, DroppedRow, FileQuality, FleetSummary, Page
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet import remedies, words
from energy_desktop.ui.views.fleet.part import PagedTable, Part
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table


@dataclass(frozen=True, slots=True)
class Reason:
    name: str
    rows: int
    share_pct: float  # of all rows read


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    seconds: float


_SUMS = {"all": "In all", "estimated": "Estimated, on two cores"}


def _stage_word(stage: Stage) -> str:
    return _SUMS.get(stage.name) or words.STAGES.get(stage.name, stage.name)


def reasons(summary: FleetSummary) -> tuple[Reason, ...]:
    """The most frequent first."""
    read = summary.rows_read or 1
    ordered = sorted(summary.dropped.items(), key=lambda one: -one[1])
    return tuple(Reason(name, n, 100 * n / read) for name, n in ordered if n)


def stages(summary: FleetSummary) -> list[Stage]:
    """All of them first, beside what was thought they would take; then each."""
    rows = [Stage("all", sum(summary.seconds.values()))]
    if summary.estimated_s is not None and summary.finished:
        rows.append(Stage("estimated", summary.estimated_s))
    return rows + [Stage(name, seconds) for name, seconds in summary.seconds.items()]


class QualityPart(Part):
    """Reasons, stages, files, and the rows themselves."""

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats) -> None:
        super().__init__(host, fleet, formats)
        self._reason: str | None = None
        self.reasons_panel = Panel("Why rows are left out")
        self.reasons: Table[Reason] = Table(
            [
                Column("Reason", lambda r: words.capital(words.reason(r.name)), stretch=1),
                Column("Rows", lambda r: formats.count(r.rows), width=90, number=True),
                Column("%", lambda r: formats.number(r.share_pct, 3), width=66, number=True),
            ],
            key=lambda r: r.name,
            name="Reasons for leaving rows out",
        )
        self.reasons.chosen.connect(self._on_reason)
        self.reasons_panel.set_content(self.reasons)
        self.stages_panel = Panel("Run")
        self.stages: Table[Stage] = Table(
            [
                Column(
                    "Stage",
                    lambda s: _SUMS.get(s.name) or words.STAGES.get(s.name, s.name),
                    stretch=1,
                ),
                Column("Seconds", lambda s: formats.number(s.seconds, 1), width=70, number=True),
            ],
            key=lambda s: s.name,
            name="Stages of the run",
        )
        self.stages_panel.set_content(self.stages)
        self.broken_panel = Panel("Files left out whole")
        self.broken: Table[BrokenFile] = Table(
            [
                Column(
                    "File and why",
                    lambda b: Cell(Path(b.name).name, remedies.in_window(b.why)),
                    stretch=1,
                )
            ],
            key=lambda b: b.name,
            two_lines=True,
            name="Files left out whole",
        )
        self.broken_panel.set_content(self.broken)
        self.files_panel = Panel("Files")
        self.files: Table[FileQuality] = Table(
            [
                Column("File", lambda f: Path(f.name).name, stretch=1, elide_middle=True),
                Column("Read", lambda f: formats.count(f.rows_read), width=82, number=True),
                Column("Used", lambda f: formats.count(f.rows_used), width=82, number=True),
                Column("Left out", self._left_out, width=72, number=True),
            ],
            key=lambda f: f.name,
            name="Files",
        )
        self.files_panel.set_content(self.files)
        self.paged_files: PagedTable[FileQuality] = PagedTable(
            host, self.files_panel, self.files, "files, most left out first"
        )
        self.rows_panel = Panel("Rows left out")
        self.rows: Table[DroppedRow] = Table(
            [
                Column("File", self._place, stretch=2, elide_middle=True),
                Column("Household", lambda r: r.household, width=90),
                # London writes seven decimals of a second.
                Column("Time", lambda r: r.time.removesuffix(".0000000"), width=182),
                Column("Value", lambda r: r.value, width=84),
                Column("Why", lambda r: words.why(r), stretch=3),
            ],
            key=lambda r: r,
            name="Rows left out",
        )
        self.rows_panel.set_content(self.rows)
        self.paged_rows: PagedTable[DroppedRow] = PagedTable(
            host, self.rows_panel, self.rows, "rows"
        )
        above, below = QHBoxLayout(), QHBoxLayout()
        for line in (above, below):
            line.setSpacing(8)
        above.addWidget(self.reasons_panel, 5)
        above.addWidget(self.stages_panel, 3)
        above.addWidget(self.broken_panel, 4)
        below.addWidget(self.files_panel, 3)
        below.addWidget(self.rows_panel, 5)
        self.body.addLayout(above, 2)
        self.body.addLayout(below, 3)

    @property
    def front(self) -> Panel:
        return self.files_panel

    def read(self, out: Path) -> None:
        fleet = self.fleet
        self.host.load(
            lambda: fleet.summary(out),
            self.show_summary,
            panels=(self.reasons_panel, self.stages_panel, self.broken_panel),
            title="Fleet",
        )

        def files(offset: int, limit: int) -> Page[FileQuality]:
            return fleet.quality(out, offset=offset, limit=limit).files

        self._reason = None
        self.paged_files.begin(files, empty="No file was read yet.")
        self._list_rows()

    def show_summary(self, summary: FleetSummary) -> None:
        formats = self.formats
        self.reasons.show_rows(reasons(summary), empty="Every row is used.")
        self.reasons_panel.set_subtitle(
            f"{formats.count(words.left_out(summary))} of {formats.count(summary.rows_read)} rows"
        )
        self.stages.show_rows(stages(summary))
        held = f", {formats.number(summary.peak_mb)} MB at most" if summary.peak_mb else ""
        self.stages_panel.set_subtitle(summary.engine + held)
        self.broken.show_rows(summary.broken, empty="Every file could be read.")

    def _left_out(self, file: FileQuality) -> str:
        return self.formats.count(file.rows_read - file.rows_used)

    def _place(self, row: DroppedRow) -> str:
        name = Path(row.file).name
        return name if row.line is None else f"{name}, line {row.line}"

    def _on_reason(self, reason: Reason | None) -> None:
        self._reason = None if reason is None else reason.name
        self._list_rows()

    def _list_rows(self) -> None:
        if self.out is None:
            return
        fleet, out = self.fleet, self.out
        reason = self._reason
        self.rows_panel.set_title(
            "Rows left out" if reason is None else f"Left out: {words.reason(reason)}"
        )
        self.paged_rows.begin(
            lambda offset, limit: fleet.dropped(out, offset=offset, limit=limit, reason=reason),
            empty="No row is left out.",
        )

"""What leaves the Fleet page: the report for managers as PDF, all results as CSV files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from energy_desktop.domain.errors import UserFacingError, WrongUse
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.services.fleet_report import FleetReportService
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.choose_file import choose_target, write_file
from energy_desktop.ui.views.fleet.run_panel import AskFolder
from energy_desktop.ui.widgets.panel import Panel


class FleetPapers:
    """host: whose job runner it uses. say(what, where): a notice on the page."""

    def __init__(
        self,
        host: BaseView,
        papers: FleetReportService,
        ask_folder: AskFolder,
        say: Callable[[str, str], object],
    ) -> None:
        self._host = host
        self._papers = papers
        self._ask_folder = ask_folder
        self._say = say

    def ask_pdf(self, out: Path | None, year: int | None) -> None:
        """Asks where the report goes. out None: refused in words."""
        if out is None:
            self._tell(_no_run())
            return
        name = f"fleet {out.name}.pdf" if year is None else f"fleet {out.name} {year}.pdf"

        def save(target: Path) -> None:
            self.save_pdf(out, year, target)

        choose_target(self._host, "Save the fleet report", name, "PDF (*.pdf)", save)

    def save_pdf(self, out: Path, year: int | None, target: Path) -> None:
        self._host.load(
            lambda: write_file(target, self._papers.pdf(out, year=year)),
            lambda path: self._say("Saved.", str(path)),
            key="pdf",
            title="Fleet report",
            on_error=self._tell,
        )

    def ask_csv(self, out: Path | None, panel: Panel) -> None:
        """Asks for a folder; the work is told in `panel`. out None: refused in words."""
        if out is None:
            self._tell(_no_run())
            return

        def save(folder: Path) -> None:
            self.save_csv(out, folder, panel)

        self._ask_folder(self._host, "Folder for the CSV files", save)

    def save_csv(self, out: Path, folder: Path, panel: Panel) -> None:
        def work(progress: ProgressSink) -> int:
            return self._papers.csv(out, folder, progress)

        def done(files: int) -> None:
            self._say(f"{files} CSV files are written.", str(folder))

        self._host.load_long(
            work, done, panel=panel, key="csv", title="Export", on_error=self._tell
        )

    def _tell(self, error: UserFacingError) -> None:
        self._say(f"{error.what} {error.remedy}", error.where)


def _no_run() -> WrongUse:
    return WrongUse(
        where="Fleet", what="There is no fleet run yet.", remedy="Run a fleet or open results."
    )

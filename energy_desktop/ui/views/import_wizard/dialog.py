"""The import wizard: file, columns, meters, preview, result.

Nothing is stored before the person has seen what would change and says so. Every step that reads
or writes runs in a job, shows its progress and can be cancelled; the window stays free.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from energy_desktop.domain.errors import JobCancelled, UserFacingError
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.domain.site import Meter
from energy_desktop.services.importing import (
    FileLook,
    ImportResult,
    ImportService,
    SeriesPreview,
    StagedImport,
)
from energy_desktop.ui.jobs import JobHandle
from energy_desktop.ui.views.base import ViewContext
from energy_desktop.ui.views.desk.choose_file import choose_files
from energy_desktop.ui.views.import_wizard.columns_step import ColumnsStep
from energy_desktop.ui.views.import_wizard.meters_step import MetersStep
from energy_desktop.ui.views.import_wizard.preview_step import PreviewStep
from energy_desktop.ui.views.import_wizard.result_step import ResultStep
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import Panel, button

R = TypeVar("R")

STEPS = ("File", "Columns", "Meters", "Preview", "Result")
_FILE, _COLUMNS, _METERS, _PREVIEW, _RESULT = range(5)
_FILTERS = [
    "Readings (*.csv *.txt *.xlsx *.xml *.gz)",
    "All files (*)",
]


class ImportWizard(QDialog):
    """`imported`: a tuple of ImportResult, once something was stored or taken back."""

    imported = Signal(object)

    def __init__(
        self, parent: QWidget | None, context: ViewContext, importing: ImportService
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle("Import readings")
        self.resize(1080, 680)
        self._context = context
        self._importing = importing
        self._looks: tuple[FileLook, ...] = ()
        self._staged: StagedImport | None = None
        self._previews: tuple[SeriesPreview, ...] = ()
        self._results: tuple[ImportResult, ...] = ()
        self._job: JobHandle | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        column.addLayout(self._step_line())
        self.answer = paint.label("", "", wrap=True)
        column.addWidget(self.answer)
        self.panel = Panel()
        self.stack = QStackedWidget()
        self.panel.set_content(self.stack)
        formats = context.formats
        self.columns = ColumnsStep(formats, formats.zone_name)
        self.meters = MetersStep(formats)
        self.preview = PreviewStep(formats)
        self.outcome = ResultStep(formats)
        for page in (QWidget(), self.columns, self.meters, self.preview, self.outcome):
            self.stack.addWidget(page)
        self.columns.changed.connect(self._sample)
        self.columns.look_wanted.connect(self._look_again)
        self.preview.rules_changed.connect(self._tell_step)
        self.outcome.undo_wanted.connect(self.undo)
        column.addWidget(self.panel, 1)
        column.addLayout(self._buttons())
        self.finished.connect(self._on_finished)
        self._go(_FILE)
        self._ask_for_files()

    def _step_line(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(18)
        self.step_labels: list[QLabel] = []
        for number, name in enumerate(STEPS, start=1):
            label = paint.label(f"{number}  {name}", "label")
            self.step_labels.append(label)
            row.addWidget(label)
        row.addStretch(1)
        return row

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.back_button = button("Back", self.back)
        row.addWidget(self.back_button)
        row.addStretch(1)
        self.leave_button = button("Leave without importing", self.reject)
        row.addWidget(self.leave_button)
        self.next_button = button("Choose a file", self.next, kind="primary")
        self.next_button.setDefault(True)
        for other in (self.back_button, self.leave_button):
            other.setAutoDefault(False)
        row.addWidget(self.next_button)
        return row

    def _ask_for_files(self) -> None:
        self.panel.show_empty(
            "CSV and text, Excel (.xlsx), Green Button (ESPI XML), and published data sets; plain "
            "or gzip. Several files at once, if their columns are alike. Nothing is stored before "
            "you have seen what would change.",
            icon="file-upload-outline",
        )

    # -------------------------------------------------------- steps

    @property
    def step(self) -> int:
        return self.stack.currentIndex()

    def _go(self, step: int) -> None:
        self.stack.setCurrentIndex(step)
        self.panel.show_body()
        if step == _FILE:
            self._ask_for_files()
        for number, label in enumerate(self.step_labels):
            label.setProperty("role", "strong" if number == step else "label")
            label.style().polish(label)
        self._tell_step()

    def _tell_step(self) -> None:
        step, preview = self.step, self.preview
        texts = ("Choose a file", "Read the whole file", "Show what would change",
                 f"Import {self._context.formats.count(preview.taken)} {preview.unit_word}",
                 "Close")  # fmt: skip
        self.next_button.setText(texts[step])
        self.back_button.setVisible(step in (_COLUMNS, _METERS, _PREVIEW))
        self.leave_button.setVisible(step != _RESULT)
        needs_reason = preview.needs_reason
        self.next_button.setEnabled(step != _PREVIEW or (preview.taken > 0 and not needs_reason))
        self.next_button.setToolTip(
            "Say why values are replaced." if step == _PREVIEW and needs_reason else ""
        )

    def next(self) -> None:
        acts: tuple[Callable[[], object], ...] = (
            self.choose, self.read_files, self.compare, self.store, self.accept,
        )  # fmt: skip
        acts[self.step]()

    def back(self) -> None:
        if self._job is not None and not self._job.done:
            self._job.cancel()
        several = self.step > _COLUMNS and not self._has_columns
        self._go(_FILE if several and self.step == _METERS else self.step - 1)
        self._tell_answer()

    @property
    def _has_columns(self) -> bool:
        return bool(self._looks) and self._looks[0].kind in ("table", "workbook")

    def choose(self) -> None:
        choose_files(self, "Import readings", _FILTERS, self.open_files, several=True)

    def open_files(self, paths: list[Path] | tuple[Path, ...]) -> None:
        """Looks at the files; the first one's columns are shown."""

        def work(_: ProgressSink) -> tuple[FileLook, ...]:
            return tuple(self._importing.look(path) for path in paths)

        self._run(work, self._show_looks, "Looking at the file", self._on_no_look)

    def _on_no_look(self, error: UserFacingError) -> None:
        self._go(_FILE)
        self.panel.show_error(error, self.choose)

    def _show_looks(self, looks: tuple[FileLook, ...]) -> None:
        self._looks = looks
        self._tell_answer()
        if not self._has_columns:
            self.read_files()
            return
        self.columns.show_look(looks[0])
        self._go(_COLUMNS)
        self._sample()

    def _tell_answer(self) -> None:
        if not self._looks:
            self.answer.setText("")
            return
        first = self._looks[0]
        name = first.path.name if len(self._looks) == 1 else (
            f"{first.path.name} and {len(self._looks) - 1} more"
        )  # fmt: skip
        self.answer.setText(f"{name}: {first.title or 'no layout that is known'}")

    def _sample(self) -> None:
        found, layout = self._looks[0], self.columns.layout_chosen()
        self._context.jobs.start(
            partial(self._importing.sample, found, layout),
            self._show_sample,
            self._on_no_sample,
            title="Read the first rows",
            guard=self,
        )

    def _show_sample(self, rows: object) -> None:
        self.columns.show_sample(rows)  # type: ignore[arg-type]
        self.next_button.setEnabled(True)

    def _on_no_sample(self, error: UserFacingError) -> None:
        self.columns.show_problem(error)
        if self.step == _COLUMNS:
            self.next_button.setEnabled(False)

    def _look_again(self) -> None:
        layout = self.columns.layout_chosen()
        path = self._looks[0].path

        def show(found: FileLook) -> None:
            self._looks = (found, *self._looks[1:])
            self.columns.show_look(found)
            self._sample()

        self._context.jobs.start(
            partial(self._importing.look, path, layout), show, self._on_no_sample,
            title=f"Look at {path.name}", guard=self,
        )  # fmt: skip

    def read_files(self) -> None:
        """Reads the whole files into a spool; nothing is stored."""
        first = self._looks[0]
        layout = self.columns.layout_chosen() if self._has_columns else first.layout
        alike = [
            (found, layout if found.columns == first.columns else found.layout)
            for found in self._looks
        ]
        self._forget()

        def work(progress: ProgressSink) -> tuple[StagedImport, tuple[Meter, ...]]:
            return self._importing.stage(alike, progress), self._importing.meters()

        self._run(work, self._show_series, "Reading")

    def _show_series(self, found: tuple[StagedImport, tuple[Meter, ...]]) -> None:
        self._staged, meters = found
        self.meters.show_series(self._staged.series, meters)
        self._go(_METERS)

    def compare(self) -> None:
        staged = self._staged
        if staged is None:
            return
        targets = self.meters.targets()
        self._run(
            lambda progress: self._importing.preview(staged, targets, progress),
            self._show_previews,
            "Comparing",
        )

    def _show_previews(self, previews: tuple[SeriesPreview, ...]) -> None:
        self._previews = previews
        self.preview.show_previews(previews)
        self._go(_PREVIEW)

    def store(self) -> None:
        """Stores what the preview shows; cancelled, what was stored so far stays."""
        staged = self._staged
        if staged is None:
            return
        rules, reason = self.preview.rules(), self.preview.reason.text().strip()
        previews = self._previews
        self._run(
            lambda progress: self._importing.apply(
                staged, previews, rules, reason=reason, progress=progress
            ),
            self._show_results,
            "Storing",
        )

    def _show_results(self, results: tuple[ImportResult, ...]) -> None:
        self._results = results
        self.outcome.show_results(results)
        self._go(_RESULT)
        self.imported.emit(results)

    def undo(self) -> None:
        """Takes back what the import replaced."""
        results = self._results
        self._run(
            lambda _: self._importing.undo(results, "the import was taken back"),
            lambda edits: self._show_undone(len(edits)),
            "Taking back",
        )

    def _show_undone(self, corrections: int) -> None:
        self.outcome.show_undone(corrections)
        self.imported.emit(self._results)

    # -------------------------------------------------------- jobs

    def _run(
        self,
        work: Callable[[ProgressSink], R],
        show: Callable[[R], object],
        title: str,
        on_error: Callable[[UserFacingError], object] | None = None,
    ) -> None:
        """A job whose progress and Cancel stand in the panel; Back cancels it too."""

        def done() -> None:
            self.panel.set_idle()
            self.panel.show_body()
            self.next_button.setEnabled(True)

        def succeeded(result: R) -> None:
            done()
            show(result)

        def failed(error: UserFacingError) -> None:
            done()
            self._tell_step()
            if isinstance(error, JobCancelled):
                self.answer.setText(
                    "Cancelled. What was stored before stays; importing again stores nothing twice."
                    if self.step == _PREVIEW
                    else "Cancelled; nothing was stored."
                )
                if self.step == _FILE:
                    self._ask_for_files()
            elif on_error is not None:
                on_error(error)
            else:
                self.panel.show_error(error, lambda: self._run(work, show, title, on_error))

        self.next_button.setEnabled(False)
        self._job = self._context.jobs.start_long(
            work, succeeded, failed, progress=self.panel.set_progress, title=title, guard=self,
        )  # fmt: skip
        self.panel.set_busy(self._job)

    def _forget(self) -> None:
        if self._staged is not None:
            self._staged.close()
            self._staged = None

    def _on_finished(self, _: int) -> None:
        if self._job is not None and not self._job.done:
            self._job.drop()  # its rows are given back when it ends
            self._staged = None
        self._forget()

"""Files that come in: readings, site files, lists of meters. What came of each is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.recount import Past, PastUndecided
from energy_desktop.services.importing import ImportResult, ImportService
from energy_desktop.services.site_file import SiteFileService
from energy_desktop.services.site_file.service import AppliedChanges
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.bulk_dialog import BulkDialog
from energy_desktop.ui.views.desk.choose_file import choose_files
from energy_desktop.ui.views.desk.counting_question import CountingQuestion
from energy_desktop.ui.views.desk.notices import Notices
from energy_desktop.ui.views.desk.ports import BulkLists
from energy_desktop.ui.views.import_wizard.dialog import ImportWizard
from energy_desktop.ui.views.import_wizard.result_step import import_sentence


class FileImports:
    """The entries of the Import menu. view: runs the jobs."""

    def __init__(
        self,
        view: BaseView,
        importing: ImportService,
        site_file: SiteFileService,
        lists: BulkLists | None,
        notices: Notices,
    ) -> None:
        self._view = view
        self._importing = importing
        self._site_file = site_file
        self._lists = lists
        self._notices = notices

    @property
    def actions(self) -> tuple[tuple[str, Callable[[], object]], ...]:
        lists = () if self._lists is None else (("Meters from a list", self.open_list),)
        return (
            *lists,
            ("Readings from files", self.choose_import),
            ("Apply a site file", self.choose_site_file),
        )

    def open_list(self) -> None:
        if self._lists is None:
            return
        self.bulk = BulkDialog(self._view, self._view.context, self._lists)
        self.bulk.applied.connect(self._on_list_applied)
        self.bulk.open()
        self.bulk.choose()

    def _on_list_applied(self, number: int) -> None:
        self._notices.say("List applied.", f"{words.count(number, 'meter')} added or changed.", 0)
        self._view.reload()

    def choose_import(self) -> None:
        """The wizard, from the file to what came of it."""
        self.wizard = ImportWizard(self._view, self._view.context, self._importing)
        self.wizard.imported.connect(self._on_imported)
        self.wizard.open()
        self.wizard.choose()

    def _on_imported(self, results: tuple[ImportResult, ...]) -> None:
        self._notices.say("Imported.", import_sentence(self._view.formats, results), 0)
        self._view.reload_changed()

    def choose_site_file(self) -> None:
        choose_files(
            self._view,
            "Apply a site file",
            ["Site files (*.toml)"],
            lambda paths: self.apply_file(paths[0]),
        )

    def apply_file(self, path: Path, past: Past | None = None) -> None:
        """The whole file or nothing; every mistake is shown with its line. past: the answer where
        the file counts a meter in another way than before."""
        self._view.load(
            partial(self._site_file.apply, path)
            if past is None
            else partial(self._site_file.apply, path, past),
            self.show_applied,
            key="apply",
            title=f"Apply {path.name}",
            on_error=lambda error: self._not_applied(path, error),
        )

    def _not_applied(self, path: Path, error: UserFacingError) -> None:
        if not isinstance(error, PastUndecided):
            self._notices.tell(error)
            return
        self.question = CountingQuestion(self._view, error.changes)
        self.question.answered.connect(
            lambda past: None if past is None else self.apply_file(path, past)
        )
        self.question.open()

    def show_applied(self, changes: AppliedChanges) -> None:
        self._notices.say("Site file applied.", words.applied_text(changes), 0)
        self._view.reload_changed()  # the past may have been counted anew

"""What the window does about a store that is damaged or gone: finds and restores a whole backup.

Both take seconds per gigabyte and run in a thread; the outcome comes back as signals. Nothing is
restored before a person asked for it: what was read after the backup is only in the damaged file.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.errors import PassphraseNeeded, UserFacingError, WrongKey
from energy_desktop.ui.jobs import as_user_facing
from energy_desktop.ui.views.starting_view import StartingView

if TYPE_CHECKING:
    from energy_desktop.app.restoring import GoodBackup
    from energy_desktop.app.site_key import Ask

_LOG = logging.getLogger("energy_desktop.ui")


class Rescue(QObject):
    """restored: the backup is in place, and the site may be opened. ask: what was typed as its
    passphrase, if anything was."""

    restored = Signal()
    _doing = Signal(str)
    _found = Signal(object)

    def __init__(self, folder: SiteFolder, ask: Ask) -> None:
        super().__init__()
        self._folder = folder
        self._ask = ask
        self._views: list[StartingView] = []
        self._outcome: GoodBackup | UserFacingError | None = None
        self._thread: threading.Thread | None = None
        self._doing.connect(self._show_doing)
        self._found.connect(self._keep_outcome)

    def seek(self, before: Callable[[], object] | None = None) -> None:
        """Looks for a backup in a thread; `before` runs there first."""
        self._outcome = None

        def work() -> GoodBackup:
            from energy_desktop.app.restoring import newest_good

            if before is not None:
                before()
            return newest_good(self._folder, self._ask, lambda _, doing: self._doing.emit(doing))

        self._run(work)

    def restore(self) -> None:
        """Puts the backup that was found in place, if one was."""
        found = self._outcome
        if found is None or isinstance(found, UserFacingError):
            return
        self._show_doing("Restoring the backup")

        def work() -> None:
            from energy_desktop.app.restoring import restore_site

            restore_site(self._folder, Path(found.backup.file), self._ask)

        self._run(work)

    def show(self, view: StartingView, error: UserFacingError) -> None:
        """A page shows what is damaged, and from then on what is found."""
        view.show_damage(error)
        if view not in self._views:
            view.restore_wanted.connect(self.restore)
            self._views.append(view)
        if self._outcome is not None:
            self._show_outcome(view)

    def forget_pages(self) -> None:
        self._views.clear()

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, work: Callable[[], GoodBackup | None]) -> None:
        def guarded() -> None:
            try:
                found: object = work()
            except Exception as error:  # noqa: BLE001 - the edge of the thread: shown and logged
                _LOG.error("No backup was restored: %s", error)
                found = as_user_facing(error, "Restoring a backup")
            self._found.emit(found)

        self._thread = threading.Thread(target=guarded, name="rescue", daemon=True)
        self._thread.start()

    def _show_doing(self, doing: str) -> None:
        for view in self._views:
            view.show_search(doing)

    def _keep_outcome(self, found: GoodBackup | UserFacingError | None) -> None:
        if found is None:
            self.restored.emit()
            return
        self._outcome = found
        for view in self._views:
            self._show_outcome(view)

    def _show_outcome(self, view: StartingView) -> None:
        if isinstance(self._outcome, PassphraseNeeded | WrongKey):
            view.ask_for_backup(self._outcome)
        elif isinstance(self._outcome, UserFacingError):
            view.show_none(self._outcome)
        elif self._outcome is not None:
            view.show_backup(self._outcome.backup, self._outcome.passed_over)

"""A part of the Fleet page, and a table whose rows come in pages.

A part reads when it is first looked at and when the run or the tariff changes, not before: of
seven parts one is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.fleet import Page
from energy_desktop.services.fleet import FleetService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Table


class OfHousehold(Protocol):
    """A row about a household."""

    @property
    def household(self) -> str: ...


Row = TypeVar("Row")
HouseholdRow = TypeVar("HouseholdRow", bound=OfHousehold)

PAGE_ROWS = 100


class Part(QWidget):
    """host: whose job runner it uses. formats: with the clock and the currency of the run, which
    need not be those of the site. Override `read`."""

    opened = Signal(str)  # a household
    marked = Signal()  # somebody has looked at something: what counts it is to be read again
    by_tariff = False  # whether it can show the households of one tariff alone
    by_year = False  # whether it can show one year alone

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats) -> None:
        super().__init__()
        self.host = host
        self.fleet = fleet
        self.formats = formats
        self.out: Path | None = None
        self.tariff: str | None = None
        self.year: int | None = None
        self._stale = True
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(8)

    def choose(self, out: Path, tariff: str | None, year: int | None) -> None:
        """Another run, tariff or year; it is read once the part is looked at."""
        self.out, self.tariff, self.year = out, tariff, year
        self._stale = True

    def forget(self) -> None:
        """What is shown holds no more; it is read again when the part is looked at."""
        self._stale = True

    @property
    def front(self) -> Panel:
        """The panel in which work for the whole part is told."""
        raise NotImplementedError

    def look(self) -> None:
        """The part has come to the front."""
        if self._stale and self.out is not None:
            self._stale = False
            self.read(self.out)

    def read(self, out: Path) -> None:
        """Asks for what the part shows of the run in `out`, its `tariff` and its `year`."""

    def paged_households(
        self, panel: Panel, table: Table[HouseholdRow], what: str = "households"
    ) -> PagedTable[HouseholdRow]:
        """The table page by page in its panel; a row that is opened opens its household."""
        table.opened.connect(lambda row: self.opened.emit(row.household))
        panel.set_content(table)
        return PagedTable(self.host, panel, table, what)

    @staticmethod
    def column(*panels: tuple[QWidget, int]) -> QVBoxLayout:
        """Panels under each other, each with its share of the height."""
        made = QVBoxLayout()
        made.setSpacing(8)
        for panel, share in panels:
            made.addWidget(panel, share)
        return made


class PagedTable(Generic[Row]):
    """Fills a table page by page: the next comes when the last rows are scrolled into sight.

    words: what a row is, for the panel's subtitle ("100 of 5,567 households").
    """

    def __init__(
        self, host: BaseView, panel: Panel, table: Table[Row], words: str, *, page: int = PAGE_ROWS
    ) -> None:
        self._host = host
        self.panel = panel
        self.table = table
        self._words = words
        self._page = page
        self._read: Callable[[int, int], Page[Row]] | None = None
        self._rows: list[Row] = []
        self._total = 0
        self._asked = False
        self._empty = ""
        self._on_first: Callable[[Page[Row]], object] | None = None
        table.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    @property
    def total(self) -> int:
        return self._total

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(self._rows)

    def begin(
        self,
        read: Callable[[int, int], Page[Row]],
        *,
        empty: str,
        on_first: Callable[[Page[Row]], object] | None = None,
    ) -> None:
        """read(offset, limit) blocks and runs as a job. on_first: called with the first page."""
        self._read, self._empty, self._on_first = read, empty, on_first
        self._asked = True
        size = self._page
        self._host.load(
            lambda: read(0, size), self._show_first, panel=self.panel, key=self, title="Fleet"
        )

    def _show_first(self, page: Page[Row]) -> None:
        self.show_first(page, empty=self._empty)
        if self._on_first is not None:
            self._on_first(page)

    def show_first(self, page: Page[Row], *, empty: str = "") -> None:
        """The beginning of the list."""
        self._asked = False
        self._rows, self._total = list(page.rows), page.total
        self.table.show_rows(self._rows, empty=empty)
        self.table.scrollToTop()
        self._tell()

    def _on_scrolled(self, value: int) -> None:
        bar = self.table.verticalScrollBar()
        near_end = value >= bar.maximum() - bar.pageStep()
        read = self._read
        if not near_end or self._asked or read is None or len(self._rows) >= self._total:
            return
        self._asked = True
        offset, size = len(self._rows), self._page
        self._host.load(
            lambda: read(offset, size), self._append, key=self, title="Fleet", on_error=self._failed
        )

    def _append(self, page: Page[Row]) -> None:
        self._asked = False
        self._rows += page.rows
        self.table.show_rows(self._rows)
        self._tell()

    def replace(self, change: Callable[[Row], Row]) -> None:
        """Rows that were changed here, without asking again and without losing the place."""
        self._rows = [change(row) for row in self._rows]
        self.table.show_rows(self._rows)

    def _failed(self, error: UserFacingError) -> None:
        self._asked = False
        self.panel.set_subtitle(f"The next rows could not be read: {error.what}")

    def _tell(self) -> None:
        formats = self._host.formats
        loaded = len(self._rows)
        total = f"{formats.count(self._total)} {self._words}"
        self.panel.set_subtitle(
            total if loaded >= self._total else f"{formats.count(loaded)} of {total}"
        )

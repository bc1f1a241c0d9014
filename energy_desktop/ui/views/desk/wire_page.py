"""The wire of the chosen meter: registers, frames and judgements, each asked for in a job.

A meter that answers is read once when it was chosen for a moment; one that is lost is not, since
each try would stop its bus for a timeout: the button does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.bus import BusStatistics
from energy_desktop.domain.commissioning import Judgement
from energy_desktop.domain.driver import RegisterView
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.site import Link
from energy_desktop.services.meters import MeterListing
from energy_desktop.ui.views import meter_words as words
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.choose_file import choose_target, write_file
from energy_desktop.ui.views.desk.frames import FramesPanel
from energy_desktop.ui.views.desk.inspector import Inspector
from energy_desktop.ui.views.desk.plausibility import PlausibilityPanel
from energy_desktop.ui.views.desk.ports import Desk, InspectedRange

_SETTLE_MS = 350
_JUDGE_EVERY = 30  # heartbeats
_STATISTICS_EVERY = 2


class WirePage(QWidget):
    """`line_wanted`, `order_wanted` pass on what is to stand in a driver."""

    line_wanted = Signal(object, object)  # InspectedRegister, Reading
    order_wanted = Signal(int, str, str)  # function, type, word order
    statistics_changed = Signal(object)  # tuple of BusStatistics

    def __init__(self, view: BaseView, desk: Desk | None) -> None:
        """view: runs the jobs. desk None: no engine runs in this program."""
        super().__init__()
        self._view = view
        self._desk = desk
        self._listing: MeterListing | None = None
        self._link: Link | None = None
        self._beats = 0
        self._judging = False
        self._subject = 0  # grows with each choice: an answer about another one is not shown
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.inspector = Inspector(view.formats)
        self.frames = FramesPanel(view.formats)
        self.plausibility = PlausibilityPanel()
        column.addWidget(self.inspector, 10)
        lower = QHBoxLayout()
        lower.setSpacing(8)
        lower.addWidget(self.frames, 17)
        lower.addWidget(self.plausibility, 10)
        column.addLayout(lower, 9)
        self.inspector.read_wanted.connect(self._read)
        self.inspector.line_wanted.connect(self.line_wanted)
        self.inspector.order_wanted.connect(self.order_wanted)
        self.frames.frames_wanted.connect(self._ask_frames)
        self.frames.save_wanted.connect(self.save_frames)
        self.plausibility.again_wanted.connect(self.judge)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MS)
        self._settled.timeout.connect(self._on_settled)
        if desk is None:
            why = "No engine runs in this program, so nothing can be asked on the wire."
            for panel in (self.inspector, self.frames, self.plausibility):
                panel.show_empty(why)
        else:
            self.inspector.show_state()
            self._show_unjudged()

    # -------------------------------------------------------- subject

    def show_meter(self, listing: MeterListing, registers: Sequence[RegisterView]) -> None:
        if self._desk is None:
            return
        self._subject += 1
        self._listing, self._link, self._judging = listing, listing.link, False
        self.inspector.show_target(listing.link, listing.meter, registers)
        self.frames.show_bus(listing.link)
        self._show_unjudged()
        self._settled.start()

    def show_bus(self, link: Link) -> None:
        """A bus without one of its meters: any unit on it can be read."""
        if self._desk is None:
            return
        self._subject += 1
        self._listing, self._link, self._judging = None, link, False
        self.inspector.show_target(link, None)
        self.frames.show_bus(link)
        self._show_unjudged()

    def show_unit(self, link: Link, unit_id: int) -> None:
        """A unit that is no meter of the site yet: its registers are read at once."""
        self.show_bus(link)
        self.inspector.show_unit(unit_id)
        self.inspector.read()

    @property
    def unit(self) -> tuple[Link, int] | None:
        """The bus and unit that are looked at without being a meter of the site."""
        if self._listing is not None or self._link is None:
            return None
        return self._link, self.inspector.unit.value()

    def _show_unjudged(self) -> None:
        listing = self._listing
        if listing is None:
            self.plausibility.show_none("Choose a meter: what it reads is judged here.")
        elif words.is_polled(listing):
            self.plausibility.show_judgements(())
        else:
            self.plausibility.show_none("It is not polled: there is nothing to judge by.")

    def _on_settled(self) -> None:
        listing = self._listing
        if not self.isVisible() or listing is None or not words.is_polled(listing):
            return
        if listing.status.state in words.ANSWERING:
            self.inspector.read()
        self.judge()

    # -------------------------------------------------------- running

    def start(self) -> None:
        if self._desk is not None:
            self.frames.start()
            self._settled.start()

    def stop(self) -> None:
        self.frames.stop()
        self._settled.stop()

    def beat(self, listing: MeterListing | None) -> None:
        """Once a second while the page is seen; listing: the chosen meter in its newest state."""
        if self._desk is None:
            return
        self._beats += 1
        if self._listing is not None and listing is not None:
            self._listing = listing
        if self._beats % _STATISTICS_EVERY == 0:
            self._view.load(
                self._desk.bus_statistics,
                self.show_statistics,
                key="bus statistics",
                on_error=_say_nothing,
            )
        if self.isVisible() and self._beats % _JUDGE_EVERY == 0 and not self._judging:
            self._judge(quietly=True)

    def show_statistics(self, statistics: tuple[BusStatistics, ...]) -> None:
        link_id = "" if self._link is None else self._link.link_id
        self.frames.show_statistics(next((s for s in statistics if s.link_id == link_id), None))
        self.statistics_changed.emit(statistics)

    # -------------------------------------------------------- jobs

    def _read(self, unit_id: int, function: int, address: int, count: int) -> None:
        desk, link = self._desk, self.inspector.link
        if desk is None or link is None:
            return
        subject = self._subject

        def came(found: InspectedRange) -> None:
            if subject == self._subject:
                self.inspector.show_range(found)
            else:  # it is of a meter that was left since
                self.inspector.show_state()

        def failed(error: UserFacingError) -> None:
            if subject == self._subject:
                self.inspector.show_failure(error)

        self._view.load(
            lambda: desk.inspect(link, unit_id, function, address, count),
            came,
            panel=self.inspector,
            title="Read registers",
            on_error=failed,
        )

    def _ask_frames(self, link_id: str, after: int) -> None:
        desk = self._desk
        if desk is None:
            return
        self._view.load(
            lambda: desk.frames(link_id, after),
            lambda frames: self.frames.show_frames(link_id, frames),
            key="frames",
            on_error=lambda _: self.frames.not_told(),
        )

    def judge(self) -> None:
        """Looks anew, as a person asked for it: the panel shows how far it is."""
        self._judge(quietly=False)

    def _judge(self, *, quietly: bool) -> None:
        desk, listing = self._desk, self._listing
        if desk is None or listing is None or not words.is_polled(listing):
            return
        meter_id, subject = listing.meter.meter_id, self._subject
        self._judging = True

        def failed(error: UserFacingError) -> None:
            if subject != self._subject:
                return
            self._judging = False
            if not quietly:
                self.plausibility.show_error(error, self.judge)

        def judged(judgements: tuple[Judgement, ...]) -> None:
            if subject == self._subject:
                self._judging = False
                self.plausibility.show_judgements(judgements)
            elif not self._judging:
                self._show_unjudged()

        self._view.load_long(
            lambda progress: desk.check_meter(meter_id, progress),
            judged,
            panel=None if quietly else self.plausibility,
            key=self.plausibility,
            title="Plausibility",
            on_error=failed,
        )

    def save_frames(self) -> None:
        """Asks where, then writes what the filter leaves as CSV."""
        text = self.frames.as_csv()
        name = "frames" if self._link is None else f"frames-{self._link.link_id}"
        choose_target(
            self,
            "Save frames",
            f"{name}.csv",
            "Frames (*.csv)",
            lambda path: self.write_frames(path, text),
        )

    def write_frames(self, path: Path, text: str) -> None:
        self._view.load(
            lambda: write_file(path, text.encode()),
            lambda _: self.frames.set_subtitle(f"saved as {path.name}"),
            key="save frames",
            title=f"Save {path.name}",
            on_error=lambda error: self.frames.show_error(error, self.frames.show_body),
        )


def _say_nothing(_: UserFacingError) -> None:
    """The statistics are asked for again two seconds later; the page keeps the last ones."""

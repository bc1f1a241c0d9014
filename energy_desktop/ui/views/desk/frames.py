"""What goes over a bus, frame by frame, newest first.

New frames are asked for in a job at most five times a second and shown together, so that a fast
bus costs no more to look at than a slow one. While the list is scrolled down it stands still and
says how many wait.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy

from energy_desktop.domain.bus import BusStatistics, Frame
from energy_desktop.domain.site import Link
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.desk.bus_rows import errors_text
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel, button
from energy_desktop.ui.widgets.table import Cell, Column, Table

INTERVAL_MS = 250
KEPT = 2_000
_SHOWN = 400
_BYTES_SHOWN = 40
_ROW_HEIGHT = 22
_AFTER_FAILURE_MS = 2_000
Shown = tuple[str, Frame]  # link id and frame


class FramesPanel(Panel):
    """`frames_wanted` tells link and last number while it runs; `show_frames` takes the answer."""

    frames_wanted = Signal(str, int)
    save_wanted = Signal()

    def __init__(self, formats: Formats) -> None:
        super().__init__("Frames")
        self._formats = formats
        self._kept: deque[Shown] = deque(maxlen=KEPT)
        self._link_id = ""
        self._last = 0
        self._paused = False
        self._asking = False
        self._waiting = 0
        self._bus: BusStatistics | None = None
        self.pause_button = button("Pause", self._on_pause, icon="pause", kind="link")
        self.save_button = button("Save", self.save_wanted.emit, icon="download", kind="link")
        self.add_header_widget(self.pause_button)
        self.add_header_widget(self.save_button)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.unit = QComboBox()
        self.unit.addItem("All units", None)
        self.unit.setAccessibleName("Unit")
        self.which = QComboBox()
        self.which.addItem("All frames", False)
        self.which.addItem("Errors only", True)
        self.which.setAccessibleName("Which frames")
        for box in (self.unit, self.which):
            box.currentIndexChanged.connect(lambda _: self._on_filter())
            row.addWidget(box)
        self.load_text = paint.label("", "caption")
        row.addStretch(1)
        row.addWidget(self.load_text)
        self.set_content(row)
        self.errors = ElidedLabel("", "caption")
        self.set_content(self.errors)
        self.shared = paint.label("", "strong", wrap=True)
        self.shared.hide()
        self.set_content(self.shared)
        self.table: Table[Shown] = Table(
            [
                Column("Time", lambda r: Cell(self._time(r[1])), width=98),
                Column("", self._direction_cell, width=32, tooltip="To the meter, from the meter"),
                Column("Frame", self._frame_cell, stretch=5),
                Column("Meaning", self._meaning_cell, stretch=6),
            ],
            key=lambda r: (r[0], r[1].number),
            row_height=_ROW_HEIGHT,
            name="Frames",
        )
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.table.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.body.addWidget(self.table, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.ask)

    # -------------------------------------------------------- running

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def show_bus(self, link: Link | None) -> None:
        """Whose frames are seen from now on."""
        link_id = "" if link is None else link.link_id
        if link_id == self._link_id:
            return
        self._link_id, self._last, self._asking = link_id, 0, False
        self._kept.clear()
        self.set_title("Frames" if link is None else f"Frames on {link.address.split()[0]}", "")
        self.unit.blockSignals(True)
        self.unit.clear()
        self.unit.addItem("All units", None)
        self.unit.blockSignals(False)
        self.show_statistics(None)
        self._show()
        self.ask()

    def ask(self) -> None:
        """Once at a time: an answer that is late delays the next question, not the window."""
        if self._link_id and not self._asking and not self._paused:
            self._asking = True
            self.frames_wanted.emit(self._link_id, self._last)

    def show_frames(self, link_id: str, frames: Iterable[Frame]) -> None:
        if link_id != self._link_id:
            return
        self._asking = False
        new = [f for f in frames if f.number > self._last]
        if not new:
            return
        self._last = new[-1].number
        self._kept.extend((link_id, f) for f in new)
        self._offer_units(new)
        held = self.table.verticalScrollBar().value() > 0
        self._waiting = self._waiting + len(new) if held else 0
        if held:
            self.set_subtitle(f"scrolled down, {self._formats.count(self._waiting)} new")
        else:
            self._show()

    def _on_scrolled(self, value: int) -> None:
        if value == 0 and self._waiting:
            self._show()

    def not_told(self) -> None:
        """The question failed: it is asked again after a while."""
        QTimer.singleShot(_AFTER_FAILURE_MS, self, self._may_ask)

    def _may_ask(self) -> None:
        self._asking = False

    def show_statistics(self, bus: BusStatistics | None) -> None:
        """Busy share and errors by kind of the chosen bus, and the suspicion of a second master."""
        self.shared.setVisible(bus is not None and bool(bus.shared))
        self.shared.setText("" if bus is None else bus.shared)
        text = ""
        if bus is not None and bus.busy_pct is not None:
            text = f"busy {self._formats.percent(bus.busy_pct)}"
        self.load_text.setText(text)
        self._bus = bus
        self._show_errors()

    def _show_errors(self) -> None:
        """By kind, of the unit that is filtered for."""
        bus, unit = self._bus, self.unit.currentData()
        said = "" if bus is None else errors_text(self._formats, bus, unit)
        whose = "all units" if unit is None else f"unit {unit}"
        self.errors.set_text(f"Last hour, {whose}: {said or 'no error'}." if bus else "")

    def _on_filter(self) -> None:
        self._show_errors()
        self._show()

    def _on_pause(self) -> None:
        self._paused = not self._paused
        self.pause_button.setText("Go on" if self._paused else "Pause")
        self.set_subtitle("paused" if self._paused else "")
        self.ask()

    def _offer_units(self, frames: Iterable[Frame]) -> None:
        known = {self.unit.itemData(i) for i in range(self.unit.count())}
        for unit in sorted({f.unit_id for f in frames if f.unit_id is not None} - known):
            self.unit.addItem(f"Unit {unit}", unit)

    # -------------------------------------------------------- showing

    def chosen(self) -> list[Shown]:
        """What the filter leaves, oldest first."""
        unit, errors = self.unit.currentData(), bool(self.which.currentData())
        return [
            shown
            for shown in self._kept
            if (unit is None or shown[1].unit_id == unit)
            and (not errors or shown[1].error is not None)
        ]

    def _show(self) -> None:
        self._waiting = 0
        if not self._paused:
            self.set_subtitle("")
        newest = self.chosen()[-_SHOWN:][::-1]
        empty = "No frame yet." if not self._kept else "No such frame."
        self.table.show_rows(newest, empty=empty)

    def as_csv(self) -> str:
        """All kept frames that the filter leaves, with whole bytes, oldest first."""
        out = io.StringIO()
        rows = csv.writer(out)
        rows.writerow(("time", "direction", "unit", "frame", "meaning", "after_ms", "error"))
        for _, frame in self.chosen():
            rows.writerow(
                (
                    self._full_time(frame),
                    "sent" if frame.sent else "received" if frame.data else "",
                    "" if frame.unit_id is None else frame.unit_id,
                    frame.data.hex(" ").upper(),
                    frame.meaning,
                    "" if frame.after_ms is None else f"{frame.after_ms:.1f}",
                    "" if frame.error is None else frame.error.value,
                )
            )
        return out.getvalue()

    def _time(self, frame: Frame) -> str:
        whole_ms = int(frame.time_ms)
        return f"{self._formats.clock_time(whole_ms, seconds=True)}.{whole_ms % 1000:03d}"

    def _full_time(self, frame: Frame) -> str:
        """Local date and time with milliseconds and offset, as any program reads it."""
        return self._formats.local(int(frame.time_ms)).isoformat(timespec="milliseconds")

    @staticmethod
    def _direction_cell(row: Shown) -> Cell:
        frame = row[1]
        if not frame.data:
            return Cell("", spoken="noticed")
        icon = "arrow-right" if frame.sent else "arrow-left"
        return Cell("", icon=icon, spoken="sent" if frame.sent else "received")

    @staticmethod
    def _frame_cell(row: Shown) -> Cell:
        data = row[1].data
        text = data[:_BYTES_SHOWN].hex(" ").upper()
        return Cell(text + (" …" if len(data) > _BYTES_SHOWN else ""), mono=True)

    @staticmethod
    def _meaning_cell(row: Shown) -> Cell:
        frame = row[1]
        if frame.error is None:
            return Cell(frame.meaning)
        return Cell(frame.meaning, bold=True, icon="alert-outline", icon_token="p2")

"""Repairs a year of readings in the real window with mouse and keys, then tells what follows.

    python -m tests.e2e.repair_child SITE_FOLDER OLD_END_KWH [PICTURES_FOLDER]

The site is the one of tests/support/quality_year.py; OLD_END_KWH is what the exchanged meter showed
at its end. Prints one JSON object: the figures of the other pages before and after.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QPushButton,
    QWidget,
)

from energy_desktop.app.desktop import Desktop
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.clock import system_clock
from energy_desktop.domain.editing import EditMethod
from energy_desktop.ui.views.quality.exchange_dialog import ExchangeDialog
from energy_desktop.ui.views.quality.page import CORRECT, SUMS
from energy_desktop.ui.views.quality.period import YEAR
from energy_desktop.ui.widgets.question import Question
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.shell.rail import RailEntry
from tests.e2e.window_child import Watcher, wait
from tests.support import quality_year as year
from tests.support.quality_year import METER, at

STARTS = at("2026-12-31 23:50")  # the year is over, its last day is still today
NOVEMBER, TODAY = at("2026-11-24 00:00"), at("2026-12-31 00:00")


class Person:
    """Who sits at the window: a mouse, a keyboard, and eyes for what the pages show."""

    def __init__(self, folder: Path, pictures: Path | None) -> None:
        self.app = QApplication([])
        self.pictures = pictures
        ahead = timedelta(milliseconds=STARTS - 1000 * time.time())
        self.desktop = Desktop(self.app, SiteFolder(folder), clock=lambda: system_clock() + ahead)
        self.desktop.show()
        assert self.until(lambda: self.desktop.engine is not None, 60), str(self.desktop.failure)
        self.window = self.desktop.window
        self.window.setFixedSize(1366, 768)
        self.settle()

    def until(self, met, limit_s=20.0) -> bool:
        return wait(self.app, met, limit_s)

    def settle(self) -> None:
        for _ in range(3):  # an answer may ask again
            self.until(lambda: False, 0.02)
            assert self.until(lambda: not self.busy(), 30), "still busy"

    def busy(self) -> bool:
        """The advice of the overview forecasts for many seconds; nobody waits for it here."""
        return any(job.title != "What to do" for job in self.desktop.context.jobs.running())

    @property
    def page(self):
        return self.window.current_view

    def look(self, name: str) -> None:
        if self.pictures is not None:
            self.window.grab().save(str(self.pictures / f"repair-{name}.png"))

    # ------------------------------------------------------- hands

    def click(self, widget: QWidget, place: QPoint | None = None) -> None:
        assert widget.isVisible() and widget.isEnabled(), widget.accessibleName()
        QTest.mouseClick(
            widget,
            Qt.MouseButton.LeftButton,
            pos=widget.rect().center() if place is None else place,
        )
        self.settle()

    def go(self, view_id: str):
        entries = self.window.findChildren(RailEntry)
        self.click(next(e for e in entries if e.spec.view_id == view_id))
        assert self.window.current_page == view_id
        return self.page

    def press(self, text: str) -> None:
        """A button of the window that can be seen, by what stands on it."""
        buttons = self.window.findChildren(QPushButton)
        self.click(next(b for b in buttons if b.text() == text and b.isVisible()))

    def choose(self, box: QComboBox, value: str) -> None:
        """With the arrow keys."""
        wanted = box.findData(value)
        assert wanted >= 0, value
        box.setFocus()
        while box.currentIndex() != wanted:
            down = box.currentIndex() < wanted
            QTest.keyClick(box, Qt.Key.Key_Down if down else Qt.Key.Key_Up)
        self.settle()

    def switch(self, choices: Segmented, value: str) -> None:
        choices.setFocus()
        for _ in range(8):
            if choices.value == value:
                break
            QTest.keyClick(choices, Qt.Key.Key_Right)
            self.settle()
        assert choices.value == value

    def pick(self, table: QAbstractItemView, row: int) -> None:
        index = table.model().index(row, 0)
        table.scrollTo(index)
        self.click(table.viewport(), table.visualRect(index).center())

    def type_into(self, field: QWidget, text: str) -> None:
        field.setFocus()
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Tab)
        self.settle()

    # ------------------------------------------------------- deeds

    def issue(self, month: str) -> None:
        billing = self.go("billing")
        self.choose(billing.month, month)
        self.click(billing.draft_panel.issue_button)
        self.click(billing.findChild(Question).do_button)

    def open_quality(self) -> None:
        quality = self.go("quality")
        self.switch(quality.period.length, YEAR)

    def take_meter(self, meter_id: str) -> None:
        meters = self.page.meters.table
        self.pick(meters, meters.rows_model.row_of(meter_id))

    def tell_the_exchange(self, old_end_kwh: str) -> None:
        doubts = self.page.doubts.table
        rows = doubts.rows_model.rows
        self.pick(doubts, next(i for i, d in enumerate(rows) if d.cause == "Quarantined"))
        self.press("Enter meter exchange")
        dialog = self.page.findChild(ExchangeDialog)
        assert dialog.at.ms == year.EXCHANGED  # the time of the doubt that was chosen
        self.type_into(dialog.old_end, old_end_kwh)
        self.type_into(dialog.new_start, f"{year.NEW_START_WH / 1000:.3f}")
        self.type_into(dialog.serial, "SN-2077")
        self.click(dialog.enter_button)

    def estimate_all(self) -> None:
        self.press("Estimate all gaps")
        self.apply("Gaps of the year")

    def scale_day(self, start_ms: int, factor: str) -> None:
        quality = self.page
        self.switch(quality.side, SUMS)
        sums = quality.sums.table
        self.pick(sums, sums.rows_model.row_of((start_ms, False)))
        self.switch(quality.side, CORRECT)
        self.choose(quality.correction.method, EditMethod.SCALE.value)
        self.type_into(quality.correction.factor.lineEdit(), factor)
        self.click(quality.correction.preview_button)
        self.apply("The transformers were 150/5, not 100/5")

    def apply(self, reason: str) -> None:
        panel = self.page.correction
        self.type_into(panel.reason, reason)
        self.click(panel.apply_button)
        assert not panel.reason.text(), "it was not applied"

    # ------------------------------------------------------- eyes

    def figures(self, name: str) -> dict:
        """What the other pages say, each opened from the rail."""
        services = self.desktop.services
        billing = self.go("billing")
        told = {"billing_answer": billing.answer, "bills": {}}
        for month in ("2026-11", "2026-06", "2026-03"):
            self.choose(billing.month, month)
            panel = billing.draft_panel
            told["bills"][month] = {
                "lines_wh": sum(line.energy_wh for line in panel.lines.rows_model.rows),
                "used_wh": sum(m.inside_wh + m.outside_wh for m in panel.meters.rows_model.rows),
                "against_it": panel.blockers.text() if panel.blockers.isVisible() else "",
                "may_issue": panel.issue_button.isVisible() and panel.issue_button.isEnabled(),
            }
        told["to_be_corrected"] = [
            [c.invoice.number, c.outside_difference_wh + c.inside_difference_wh]
            for c in billing.corrections.table.rows_model.rows
        ]
        self.look(f"{name}-billing")
        reports = self.go("reports")
        told["reports_wh"] = {}
        for month in ("2026-11", "2026-06"):
            self.choose(reports.month, month)
            rows = reports.meters.rows_model.rows
            told["reports_wh"][month] = next(m.imported_wh for m in rows if m.meter_id == METER)
        balance = self.go("balance")
        self.switch(balance.period.length, YEAR)
        (node,) = (n for n in balance.sums.nodes if n.meter.meter_id == "grid")
        told["balance_wh"] = [node.rest.main_wh, node.rest.sub_wh]
        self.look(f"{name}-balance")
        overview = self.go("overview")
        texts = [label.text() for label in overview.cost_panel.findChildren(QLabel)]
        told["cost_today"] = next(t for t in texts if "€" in t)
        told["today_wh"] = services.overview.today().cost.import_wh
        self.look(f"{name}-overview")
        return told


def main() -> None:
    began = time.monotonic()
    pictures = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    person = Person(Path(sys.argv[1]), pictures)
    watcher = Watcher()
    person.issue("2026-11")
    before = person.figures("before")

    person.open_quality()
    person.take_meter(METER)
    doubted = person.page.answer
    person.tell_the_exchange(sys.argv[2])
    person.estimate_all()
    repaired = person.page.answer
    person.scale_day(NOVEMBER, "1.5")
    person.take_meter("grid")
    person.scale_day(TODAY, "2")
    person.look("quality")
    after = person.figures("after")

    told = {
        "platform": person.app.platformName(),
        "doubted": doubted,
        "repaired": repaired,
        "before": before,
        "after": after,
        "gap_max_ms": max(watcher.gaps_ms),
        "page_failures": {k: str(v) for k, v in person.window.failures.items()},
        "seconds": time.monotonic() - began,
    }
    person.window.close()
    person.app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    print(json.dumps(told))


if __name__ == "__main__":
    main()

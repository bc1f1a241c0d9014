"""History: what is chosen is what is read, and a drag is the period everywhere."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from energy_desktop.domain.clock import from_ms
from energy_desktop.services.exporting import ExportedFile
from energy_desktop.services.history import Against, MarkKind, QualityMark
from energy_desktop.ui.views.history.page import HistoryView
from tests.unit.services.history.test_history import DAY_MS, START, a_service


class Exports:
    def __init__(self):
        self.asked = []

    def export_seen(self, seen, out):
        self.asked.append(dict(seen.columns))
        return ExportedFile(out, seen.rows, tuple(name for name, _ in seen.columns))

    def export_paper(self, paper, out):
        self.asked.append(paper)
        return ExportedFile(out, len(paper.curves), ())


@pytest.fixture
def view(qtbot, context):
    context.formats.clock = lambda: from_ms(START + 400 * DAY_MS)
    made = HistoryView(context, a_service([100.0, 300.0] * 24 * 26), Exports())
    made.resize(1180, 640)
    qtbot.addWidget(made)
    made.show()
    return made


def opened(qtbot, view):
    view.shown()
    qtbot.waitUntil(lambda: bool(view.answer) and bool(view.day_panel.text.text()))
    return view


def test_the_title_answers_with_the_energy_of_the_period(qtbot, view):
    opened(qtbot, view)

    assert view.answer.startswith("249.6\u00a0kWh")
    assert view.navigation.subject.meter_id == "m"
    assert view.picture.carpet.chosen_day is not None
    assert "imported" in view.totals_panel.text.text()


def test_a_drag_is_the_period_everywhere(qtbot, view):
    opened(qtbot, view)
    span = (START + 3 * DAY_MS, START + 5 * DAY_MS)

    view.picture.carpet.period_selected.emit(*span)
    qtbot.waitUntil(lambda: view.answer.startswith("19.2\u00a0kWh"))

    subject = view.navigation.subject
    assert (subject.start_ms, subject.end_ms) == span
    assert view.pickers.span.value == "0"


def test_the_period_chosen_elsewhere_is_followed(qtbot, view):
    opened(qtbot, view)

    view.navigation.choose(period_ms=(START, START + DAY_MS))

    qtbot.waitUntil(lambda: view.answer.startswith("9.6\u00a0kWh"))


def test_each_look_and_step_shows_the_same_period(qtbot, view):
    opened(qtbot, view)
    for look in ("curve", "calendar", "week", "table", "carpet"):
        view.picture.choice.set_value(look)
        view.picture.choice.changed.emit(look)
    assert view.picture.table is not None
    assert view.picture.table.model().rowCount() == 30

    before = view.navigation.subject.start_ms
    view.pickers.step(-1)

    assert view.navigation.subject.start_ms == pytest.approx(before - 30 * DAY_MS, abs=DAY_MS)


def test_a_period_without_readings_says_so_in_its_place(qtbot, view):
    opened(qtbot, view)

    view.navigation.choose(period_ms=(START - 50 * DAY_MS, START - 40 * DAY_MS))

    qtbot.waitUntil(lambda: view.picture.state == "error")
    assert "Nothing is stored" in view.answer


def test_without_any_reading_the_page_says_what_to_do(qtbot, view):
    view.show_subjects(())

    assert view.picture.state == "empty"
    assert view.answer == "Nothing is stored yet."


def test_what_is_seen_is_exported(qtbot, view, tmp_path):
    opened(qtbot, view)

    view.export_to(tmp_path / "seen.csv")
    qtbot.waitUntil(lambda: view.notice_box.count() == 1)

    (asked,) = view._exporting.asked
    look = view._look
    assert set(asked["meter_id"]) == {"m"}
    assert set(asked["zone"]) == {"Europe/Berlin"}
    assert set(asked["period_start_utc"]) == {look.start_ms}
    assert asked["value_w"].size == look.slots.values.size
    assert set(asked["quality"]) == {"measured", "missing"}


@pytest.mark.parametrize("theme_name", ["light", "dark"])
@pytest.mark.parametrize("size", [(1180, 640), (1728, 950)])
def test_it_paints_in_both_themes_and_sizes(qtbot, view, themed, theme_name, size):
    themed(theme_name)
    view.resize(*size)
    opened(qtbot, view)

    picture = view.grab().toImage()

    assert picture.width() == size[0]
    assert np.isfinite(view.picture.curves.chart.x_range).all()


def test_a_picture_and_a_paper_of_what_is_seen(qtbot, view, tmp_path):
    opened(qtbot, view)

    for look in ("carpet", "curve", "calendar", "week"):
        view.show_as(look)
        view.export_to(tmp_path / f"{look}.png")
        assert (tmp_path / f"{look}.png").read_bytes().startswith(b"\x89PNG")
    view.export_to(tmp_path / "seen.pdf")
    qtbot.waitUntil(lambda: bool(view._exporting.asked))

    (paper,) = view._exporting.asked
    assert paper.zone == "Europe/Berlin"
    assert paper.site == "Works"
    assert paper.carpet.values.shape == (30, 48)
    assert paper.duration.base == pytest.approx(200.0)


def test_the_picture_that_cannot_be_written_is_said(qtbot, view, tmp_path):
    opened(qtbot, view)
    (tmp_path / "file").write_text("in the way")

    view.export_to(tmp_path / "file" / "seen.png")

    assert view.notice_box.count() == 1
    assert "cannot be written" in view.notice_box.itemAt(0).widget().accessibleName()


def test_a_gap_offers_the_page_where_it_can_be_put_right(qtbot, view):
    opened(qtbot, view)
    wanted = []
    view.navigation.requested.connect(lambda page, _: wanted.append(page))
    mark = QualityMark(MarkKind.GAP, START, START + 3_600_000, "power", "dark", 900)

    view.picture.curves.mark_chosen.emit(mark)
    notice = view.notice_box.itemAt(0).widget()
    assert "power" in notice.accessibleName()
    assert "0.9\u00a0kWh" in notice.accessibleName()
    notice.findChildren(QPushButton)[0].click()

    assert wanted == ["quality"]
    subject = view.navigation.subject
    assert (subject.meter_id, subject.start_ms, subject.end_ms) == ("m", START, START + 3_600_000)


def test_a_period_is_held_against_another_or_against_none(qtbot, view):
    opened(qtbot, view)
    view.navigation.choose(period_ms=(START + 7 * DAY_MS, START + 14 * DAY_MS))
    qtbot.waitUntil(lambda: "than in the period before" in view.answer)

    view.compare_with(Against.NOTHING)

    qtbot.waitUntil(lambda: view.answer.endswith("in this period."))


def test_a_day_chosen_in_the_calendar_is_the_day_beside_it(qtbot, view):
    opened(qtbot, view)
    view.show_as("calendar")

    view.picture.calendar.setFocus()
    qtbot.keyClick(view.picture.calendar, Qt.Key.Key_Left)

    chosen = view.picture.calendar.chosen_day
    assert view.picture.carpet.chosen_day == chosen
    day = view.formats.day(view._look.carpet.day_start_ms[chosen])
    qtbot.waitUntil(lambda: view.day_panel.text.text().startswith(day))

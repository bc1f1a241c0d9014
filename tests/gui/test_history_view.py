"""History: what is chosen is what is read, and a drag is the period everywhere."""

import numpy as np
import pytest

from energy_desktop.domain.clock import from_ms
from energy_desktop.services.exporting import ExportedFile
from energy_desktop.ui.views.history_view import HistoryView
from tests.unit.services.test_history import DAY_MS, START, a_service


class Exports:
    def __init__(self):
        self.asked = []

    def export(self, meter_id, quantity, start_ms, end_ms, resolution, out):
        self.asked.append((meter_id, quantity, start_ms, end_ms, resolution.value))
        return ExportedFile(out, 48, ("time_utc", "energy_wh"))


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
    qtbot.waitUntil(lambda: bool(view.answer) and bool(view.day_text.text()))
    return view


def test_the_title_answers_with_the_energy_of_the_period(qtbot, view):
    opened(qtbot, view)

    assert view.answer.startswith("249.6\u00a0kWh")
    assert view.navigation.subject.meter_id == "m"
    assert view.carpet.chosen_day is not None
    assert "imported" in view.sum_text.text()


def test_a_drag_is_the_period_everywhere(qtbot, view):
    opened(qtbot, view)
    span = (START + 3 * DAY_MS, START + 5 * DAY_MS)

    view.carpet.period_selected.emit(*span)
    qtbot.waitUntil(lambda: view.answer.startswith("19.2\u00a0kWh"))

    subject = view.navigation.subject
    assert (subject.start_ms, subject.end_ms) == span
    assert view.span.value == "0"


def test_the_period_chosen_elsewhere_is_followed(qtbot, view):
    opened(qtbot, view)

    view.navigation.choose(period_ms=(START, START + DAY_MS))

    qtbot.waitUntil(lambda: view.answer.startswith("9.6\u00a0kWh"))


def test_each_look_and_step_shows_the_same_period(qtbot, view):
    opened(qtbot, view)
    for look in ("curve", "table", "carpet"):
        view.look_choice.set_value(look)
        view.look_choice.changed.emit(look)
    assert view.table is not None
    assert view.table.model().rowCount() == 90

    before = view.navigation.subject.start_ms
    view._step(-1)

    assert view.navigation.subject.start_ms == pytest.approx(before - 90 * DAY_MS, abs=DAY_MS)


def test_a_period_without_readings_says_so_in_its_place(qtbot, view):
    opened(qtbot, view)

    view.navigation.choose(period_ms=(START - 50 * DAY_MS, START - 40 * DAY_MS))

    qtbot.waitUntil(lambda: view.picture_panel.state == "error")
    assert "Nothing is stored" in view.answer


def test_without_any_reading_the_page_says_what_to_do(qtbot, view):
    view.show_subjects(())

    assert view.picture_panel.state == "empty"
    assert view.answer == "Nothing is stored yet."


def test_what_is_seen_is_exported(qtbot, view, tmp_path):
    opened(qtbot, view)

    view.export_to(tmp_path / "seen.csv")
    qtbot.waitUntil(lambda: view.notice_box.count() == 1)

    (asked,) = view._exporting.asked
    look = view._look
    assert asked == ("m", "energy_import_wh", look.start_ms, look.end_ms, "raw")


@pytest.mark.parametrize("theme_name", ["light", "dark"])
@pytest.mark.parametrize("size", [(1180, 640), (1728, 950)])
def test_it_paints_in_both_themes_and_sizes(qtbot, view, themed, theme_name, size):
    themed(theme_name)
    view.resize(*size)
    opened(qtbot, view)

    picture = view.grab().toImage()

    assert picture.width() == size[0]
    assert np.isfinite(view.curve.x_range).all()

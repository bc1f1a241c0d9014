"""The window around its pages: built when shown, reached by keys, readable with long names."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from energy_desktop.domain.errors import NotFound
from energy_desktop.ui.main_window import MainWindow
from energy_desktop.ui.palette import SearchPalette
from energy_desktop.ui.shell import AlarmSummary, PageSpec, SearchHit
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.widgets.panel import ElidedLabel, Panel, button
from tests.gui.fakes import FakeShell

PAGES = (
    ("overview", "Overview", "view-dashboard-outline", "Now"),
    ("live", "Live", "chart-line", "Now"),
    ("alarms", "Alarms", "bell-outline", "Now"),
    ("history", "History", "calendar-clock-outline", "Analyse"),
    ("forecast", "Forecast & battery", "battery-clock-outline", "Plan"),
)


class Page(BaseView):
    def __init__(self, context, view_id):
        super().__init__(context)
        self.calls = []
        self.panel = Panel(view_id)
        self.panel.set_content(button("Try now"))
        self.panel.set_content(button("Shelve"))
        self.body.addWidget(self.panel)
        self.set_answer(f"All is well on {view_id}.")

    def on_shown(self):
        self.calls.append("shown")

    def on_hidden(self):
        self.calls.append("hidden")

    def reload(self):
        self.calls.append("reload")

    def export(self):
        self.calls.append("export")

    def on_subject_changed(self, subject):
        self.calls.append(("subject", subject.meter_id))


@pytest.fixture
def made():
    return {}


@pytest.fixture
def open_window(qtbot, context, made):
    windows = []

    def build(*, shell=None, size=(1366, 768), suffix="", **other):
        def factory(view_id):
            def make():
                made[view_id] = Page(context, view_id)
                return made[view_id]

            return make

        specs = [PageSpec(i, t + suffix, icon, g + suffix, factory(i)) for i, t, icon, g in PAGES]
        window = MainWindow(specs, shell or FakeShell(), context, **other)
        qtbot.addWidget(window)
        windows.append(window)
        window.resize(*size)
        window.show()
        qtbot.waitUntil(lambda: window.current_page == "overview", timeout=3000)
        return window

    yield build
    for window in windows:
        window.close()


def press(qtbot, window, key, modifier=Qt.KeyboardModifier.ControlModifier):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=3000)
    qtbot.keyClick(window, key, modifier)
    QApplication.processEvents()


def test_a_page_is_built_when_it_is_first_shown(open_window, made):
    window = open_window()

    assert set(made) == {"overview"}
    window.show_page("live")
    assert set(made) == {"overview", "live"}
    assert made["overview"].calls == ["reload", "shown", "hidden"]
    assert made["live"].is_shown and not made["overview"].is_shown


def test_ctrl_numbers_and_f5_and_alt_left(qtbot, open_window, made):
    window = open_window()

    press(qtbot, window, Qt.Key.Key_2)
    assert window.current_page == "live"
    press(qtbot, window, Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier)
    assert made["live"].calls[-1] == "reload"
    press(qtbot, window, Qt.Key.Key_E)
    assert made["live"].calls[-1] == "export"
    press(qtbot, window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window.current_page == "overview"


def test_every_shortcut_stands_in_a_menu(open_window):
    window = open_window()

    def in_menu(menu):
        for action in menu.actions():
            if action.menu() is not None:
                yield from in_menu(action.menu())
            else:
                yield action

    listed = {a.shortcut().toString() for a in in_menu(window._menu_button.menu())}
    assert {
        "Ctrl+1", "Ctrl+K", "F5", "F6", "Ctrl+F", "Ctrl+E", "Ctrl+P", "Ctrl+L", "Alt+Left",
        "F1", "?",
    } <= listed  # fmt: skip


def test_the_subject_travels_and_comes_back(open_window, context, made):
    window = open_window()
    context.navigation.choose(meter_id="lathe")

    context.navigation.go("history", meter_id="mill")
    assert window.current_page == "history"
    assert context.navigation.subject.meter_id == "mill"
    window.go_back()

    assert context.navigation.subject.meter_id == "lathe"
    assert window.current_page == "overview"


def test_a_hidden_page_hears_nothing_of_the_subject(open_window, context, made):
    window = open_window()
    window.show_page("live")

    context.navigation.choose(meter_id="lathe")

    assert ("subject", "lathe") in made["live"].calls
    assert ("subject", "lathe") not in made["overview"].calls


def test_the_strip_shows_a_priority_1_everywhere_but_on_the_alarm_page(open_window):
    shell = FakeShell()
    window = open_window(shell=shell)

    assert window._strip.isVisible()
    window.show_page("alarms")
    assert not window._strip.isVisible()
    window.show_page("overview")
    window._strip.acknowledge_button.click()
    assert shell.acknowledged == [7]
    shell.summary = AlarmSummary()
    window.refresh_shell()
    assert not window._strip.isVisible()


def test_a_priority_1_that_went_back_to_normal_says_so_and_not_what_to_do_about_it(open_window):
    shell = FakeShell()
    urgent = shell.summary.urgent
    returned = replace(urgent, returned_ms=urgent.since_ms + 120_000)
    shell.summary = replace(shell.summary, urgent=returned)

    strip = open_window(shell=shell)._strip

    texts = " ".join(one.text() for one in strip.findChildren(QLabel))
    assert "back to normal" in texts
    assert urgent.response not in texts
    assert strip.accessibleName().startswith("Priority 1, returned, not acknowledged: Chiller 2")


def test_a_page_that_cannot_be_built_says_so_in_its_place(qtbot, context):
    def broken():
        raise NotFound(where="Forecast", what="no meter to forecast.", remedy="Add one.")

    spec = PageSpec("forecast", "Forecast", "chart-line", "Plan", broken)
    window = MainWindow([spec], FakeShell(), context)
    qtbot.addWidget(window)
    window.show()

    qtbot.waitUntil(lambda: window.current_view is not None)
    labels = [w.text() for w in window.current_view.findChildren(QLabel)]
    assert "no meter to forecast." in labels


def test_a_locked_page_names_the_role_that_may(qtbot, context):
    spec = PageSpec("billing", "Billing", "receipt", "Analyse", pytest.fail, "Energy manager")
    window = MainWindow([spec], FakeShell(), context)
    qtbot.addWidget(window)
    window.show()

    qtbot.waitUntil(lambda: window.current_view is not None)
    assert "Needs: Energy manager" in [w.text() for w in window.current_view.findChildren(QLabel)]


def test_under_1200_pixels_the_rail_has_icons_only(qtbot, open_window):
    window = open_window(size=(1366, 768))
    assert window._rail.width() >= 176

    window.resize(1100, 700)
    qtbot.waitUntil(lambda: window._rail.width() == 52, timeout=2000)


def test_the_palette_finds_pages_actions_and_what_the_shell_knows(qtbot, open_window):
    opened = []
    shell = FakeShell(hits=[SearchHit("Lathe", "meter", "gauge", lambda: opened.append("lathe"))])
    window = open_window(shell=shell)

    titles = [h.title for h in window._search("hist")]
    assert titles == ["Lathe", "History"]
    assert "Dark theme" in [h.title for h in window._search("dark")]

    window.open_search()
    palette = window.findChild(SearchPalette)
    qtbot.keyClicks(palette.field, "hist")
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.current_page == "history" and opened == []


def test_closing_ends_what_runs_once(open_window):
    closed = []
    window = open_window(on_close=lambda: closed.append(1))

    window.close()
    window.close()

    assert closed == [1]
    assert not window._second.isActive()


def test_a_switch_of_the_theme_is_asked_of_the_program(open_window, themed):
    asked = []

    def switch(name):
        asked.append(name)
        themed(name)

    window = open_window(on_theme=switch)
    before = window.grab().toImage()
    window.toggle_theme()

    assert asked == ["dark"] and window.grab().toImage() != before


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
@pytest.mark.parametrize("theme_name", ["light", "dark"])
def test_no_text_is_cut_with_names_two_fifths_longer(open_window, themed, size, theme_name):
    themed(theme_name)
    shell = FakeShell()
    shell.site_name += "xxxxxxx"
    window = open_window(shell=shell, size=size, suffix=" weekly")
    QApplication.processEvents()

    for label in window.findChildren(QLabel):
        if not label.isVisible() or isinstance(label, ElidedLabel) or label.wordWrap():
            continue
        need = QFontMetrics(label.font()).horizontalAdvance(label.text())
        assert label.width() >= need - 1, label.text()
    for made in window.findChildren(QPushButton):
        if made.isVisible() and made.text():
            assert made.width() >= made.fontMetrics().horizontalAdvance(made.text()), made.text()
            assert made.height() >= made.fontMetrics().height(), made.text()
    for entry in window._rail.entries:
        assert window._rail.width() >= entry.width()
        from energy_desktop.ui.widgets import paint

        assert entry.width() - 54 >= paint.text_width(entry.spec.title, 13, 600)


def test_tab_walks_through_bar_rail_strip_and_page(qtbot, open_window, made):
    window = open_window()
    window.activateWindow()
    seen = []
    for _ in range(60):
        QApplication.sendEvent(window, QEvent(QEvent.Type.WindowActivate))
        window.focusNextPrevChild(True)
        focused = window.focusWidget()
        if focused in seen:
            break
        seen.append(focused)

    kinds = {type(w).__name__ for w in seen}
    assert {"SearchField", "RailEntry", "_Counts"} <= kinds
    texts = {w.text() for w in seen if isinstance(w, QPushButton)}
    assert {"Acknowledge", "Try now", "Shelve"} <= texts
    # Reading order: the bar, then the rail, then the page.
    order = [window.mapFromGlobal(w.mapToGlobal(QPoint(0, 0))) for w in seen]
    bar = [i for i, p in enumerate(order) if p.y() < 48]
    rail = [i for i, p in enumerate(order) if p.y() >= 48 and p.x() < 170]
    assert len(rail) >= len(PAGES) and bar


def test_a_newer_question_is_not_overwritten_by_an_older_answer(qtbot, context):
    import threading

    view, shown, hold = BaseView(context), [], threading.Event()
    qtbot.addWidget(view)
    panel = Panel("x")
    view.body.addWidget(panel)

    view.load(lambda: hold.wait(5) and "old", shown.append, panel=panel)
    view.load(lambda: "new", shown.append, panel=panel)
    qtbot.waitUntil(lambda: shown == ["new"], timeout=3000)
    hold.set()
    qtbot.wait(100)

    assert shown == ["new"] and not panel.busy


def test_an_error_of_a_load_is_shown_in_its_panel(qtbot, context):
    view, panel = BaseView(context), Panel("x")
    qtbot.addWidget(view)
    view.body.addWidget(panel)

    def work():
        raise NotFound(where="Meter", what="is not there.", remedy="Look again.")

    view.load(work, pytest.fail, panel=panel)

    qtbot.waitUntil(lambda: panel.state == "error", timeout=3000)

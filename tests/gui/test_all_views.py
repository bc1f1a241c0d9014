"""Every page of the program, in the real window, at both design sizes and in both themes."""

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QWidget,
)

from energy_desktop.app.pages import make_page, page_specs
from energy_desktop.domain.site import Meter, Role
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.main_window import MainWindow
from energy_desktop.ui.widgets.panel import ElidedLabel
from tests.gui.fakes import FakeShell
from tests.support.store_builders import a_configuration

SIZES = ((1366, 768), (1920, 1080))
VIEW_IDS = (
    "overview", "live", "alarms", "history", "quality", "balance", "billing", "maintenance",
    "fleet", "forecast", "loads", "meters", "reports", "settings",
)  # fmt: skip


class Looks:
    """What the settings page may ask of the window."""

    locale = "en"

    def use_theme(self, name):
        pass

    def use_locale(self, name):
        pass

    def site_changed(self, site):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site of three meters that has not measured yet; nothing polls."""
    from energy_desktop.app.engine import Engine
    from energy_desktop.app.paths import SiteFolder
    from energy_desktop.app.wiring import make_services
    from energy_desktop.storage import open_store

    folder = SiteFolder(tmp_path_factory.mktemp("pages") / "site")
    folder.make()
    store = open_store(folder.store)
    store.configuration.replace(
        a_configuration(
            meters=(
                Meter("grid", "Grid connection", "eastron_sdm630", "l", role=Role.GRID),
                Meter("m", "Lights of the second hall", "eastron_sdm120", "l", 2, space_id="z1"),
                Meter("press", "Press", "eastron_sdm120", "l", 3, equipment="compressor"),
            )
        )
    )
    store.close()
    engine = Engine(folder)
    yield engine, make_services(engine.store, engine.library, engine=engine)
    engine.stop()


@pytest.fixture
def window(qtbot, context, site):
    engine, services = site
    feed = LiveFeed(engine.rings.version)
    pages = page_specs(lambda i: make_page(i, context, services, engine, feed, Looks()))
    made = MainWindow(pages, FakeShell(), context)

    def finish(_):
        qtbot.waitUntil(lambda: not context.jobs.running(), timeout=20_000)

    qtbot.addWidget(made, before_close_func=finish)
    made.resize(*SIZES[0])
    made.show()
    return made


def opened(window, qtbot, context, view_id):
    """The page with its answers in it."""
    window.show_page(view_id)
    qtbot.waitUntil(lambda: window.current_page == view_id, timeout=3_000)
    qtbot.waitUntil(lambda: not context.jobs.running(), timeout=20_000)
    QApplication.processEvents()
    return window.view(view_id)


def shades(picture):
    """How many colours stand on a coarse grid."""
    image = picture.toImage()
    return len(
        {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 5)}
    )


def in_sight(part):
    """Whether any of it is drawn: not hidden, and not scrolled out of its area."""
    return part.isVisible() and not part.visibleRegion().isEmpty()


def cut_texts(page):
    """Texts that are wider, or words that are taller, than the place they have."""
    found = []
    for part in page.findChildren(QWidget):
        if not in_sight(part) or isinstance(part, ElidedLabel):
            continue
        if isinstance(part, QLabel):
            text, room = part.text(), part.contentsRect()
            if not text or part.textFormat() == Qt.TextFormat.RichText:
                continue
            metrics = QFontMetrics(part.font())
            if part.wordWrap():
                flags = int(Qt.TextFlag.TextWordWrap)
                needed = metrics.boundingRect(QRect(0, 0, room.width(), 10_000), flags, text)
            else:
                needed = QRect(0, 0, max(map(metrics.horizontalAdvance, text.split("\n"))), 0)
                needed.setHeight(metrics.capHeight() + metrics.descent())
            if needed.width() > room.width() + 1 or needed.height() > room.height() + 2:
                found.append(f"label {text!r}: {needed.size()} in {room.size()}")
        elif isinstance(part, QPushButton | QToolButton) and part.text():
            if part.width() < part.minimumSizeHint().width():
                found.append(f"button {part.text()!r}: {part.width()} px")
            if part.width() < QFontMetrics(part.font()).horizontalAdvance(part.text()):
                found.append(f"button {part.text()!r}: {part.width()} px")
    return found


def nameless(page):
    return [
        f"{type(b).__name__} {b.objectName()}"
        for b in page.findChildren(QAbstractButton)
        if b.focusPolicy() != Qt.FocusPolicy.NoFocus and in_sight(b)
        if not (b.accessibleName() or b.text())
    ]


def test_every_page_of_the_rail_is_looked_at(window):
    assert tuple(spec.view_id for spec in window.pages) == VIEW_IDS


@pytest.mark.parametrize("size", SIZES, ids=lambda s: str(s[0]))
@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_page_shows_its_texts_whole(window, qtbot, context, themed, name, size):
    themed(name)
    window.resize(*size)
    wrong = []
    for view_id in VIEW_IDS:
        page = opened(window, qtbot, context, view_id)
        assert page.width() <= size[0], view_id
        assert shades(page.grab()) > 8, f"{view_id} is blank"
        for _ in range(20):  # answers that came last are still being laid out
            cut = cut_texts(page)
            if not cut:
                break
            qtbot.wait(25)
        wrong += [f"{view_id}: {text}" for text in cut]
    assert (window.width(), window.height()) == size, "a page asked for more than the screen"
    assert not wrong, "\n".join(wrong)


def test_a_narrowed_window_keeps_names_of_meters_and_every_choice(window, qtbot, context):
    """1100 px: the rail shows its icons only, and a page has as much as in a half screen."""
    window.resize(1100, 768)

    buses = opened(window, qtbot, context, "meters").list_panel.table
    opened(window, qtbot, context, "history")
    spans = window.view("history").pickers.span

    assert buses.columnWidth(0) >= 140
    assert buses.horizontalScrollBar().maximum() == 0
    assert spans.width() >= spans.sizeHint().width()
    assert spans.mapTo(window, spans.rect().topRight()).x() < 1100
    assert spans.visibleRegion().boundingRect().width() == spans.width()


def test_no_part_of_a_page_appears_as_a_window_of_its_own(window, qtbot, context, appearances):
    """A part shown before it has its place flashes over the screen and takes the keyboard."""
    for view_id in VIEW_IDS:
        opened(window, qtbot, context, view_id)
    assert not appearances, "\n".join(appearances)


def test_buttons_have_names_and_the_keyboard_walks_each_page(window, qtbot, context):
    stuck, unnamed = [], []
    for view_id in VIEW_IDS:
        page = opened(window, qtbot, context, view_id)
        unnamed += [f"{view_id}: {b}" for b in nameless(page)]
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=3_000)
        seen = []
        for _ in range(60):
            QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
            seen.append(window.focusWidget())
        inside = {w for w in seen if w is not None and page.isAncestorOf(w)}
        longest = max(seen.count(w) for w in set(seen))
        if len(set(seen)) <= 3 or not inside or longest > 20:
            stuck.append(f"{view_id}: {len(set(seen))} reached, {len(inside)} in the page")
    assert not unnamed, "\n".join(unnamed)
    assert not stuck, "\n".join(stuck)


def test_a_scrolled_area_never_scrolls_sideways(window, qtbot, context):
    for view_id in VIEW_IDS:
        page = opened(window, qtbot, context, view_id)
        for area in page.findChildren(QScrollArea):
            if in_sight(area):
                assert area.horizontalScrollBar().maximum() == 0, view_id

"""Tables tell only what changed, keep the selection, copy with headers."""

from dataclasses import dataclass, replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF, QGuiApplication

from energy_desktop.ui import theme
from energy_desktop.ui.widgets.paint import Mark
from energy_desktop.ui.widgets.table import Cell, Column, Table


@dataclass(frozen=True)
class Reading:
    name: str
    power: float | None


def a_table(qtbot, rows):
    table = Table(
        [
            Column("Meter", lambda r: Cell(r.name, "second"), sort_key=lambda r: r.name),
            Column(
                "kW",
                lambda r: "–" if r.power is None else f"{r.power:.1f}",
                width=70,
                number=True,
                sort_key=lambda r: r.power,
            ),
        ],
        key=lambda r: r.name,
        name="Meters",
    )
    qtbot.addWidget(table)
    table.resize(300, 200)
    table.show_rows(rows)
    return table


ROWS = (Reading("Lathe", 3.0), Reading("Mill", 1.0), Reading("Press", None))


def names(table):
    return [r.name for r in table.rows_model.rows]


def test_only_the_changed_rows_are_told(qtbot):
    table = a_table(qtbot, ROWS)
    changed, resets = [], []
    table.rows_model.dataChanged.connect(lambda a, b: changed.append((a.row(), b.row())))
    table.rows_model.modelReset.connect(lambda: resets.append(1))

    table.show_rows((ROWS[0], replace(ROWS[1], power=2.0), ROWS[2]))

    assert changed == [(1, 1)] and resets == []
    assert table.rows_model.cell(1, 1).text == "2.0"


def test_a_new_row_above_does_not_move_the_selection(qtbot):
    table = a_table(qtbot, ROWS)
    table.choose("Mill")

    table.show_rows((Reading("Alarm", 9.0), *ROWS))

    assert table.chosen_row() == ROWS[1]
    assert names(table) == ["Alarm", "Lathe", "Mill", "Press"]


def test_a_removed_and_moved_row_keeps_the_others_selection(qtbot):
    table = a_table(qtbot, ROWS)
    table.choose("Press")

    table.show_rows((ROWS[2], ROWS[0]))

    assert names(table) == ["Press", "Lathe"]
    assert table.chosen_row() == ROWS[2]


def test_unknown_values_sort_last_in_both_orders(qtbot):
    table = a_table(qtbot, ROWS)

    table.rows_model.sort(1, Qt.SortOrder.AscendingOrder)
    assert names(table) == ["Mill", "Lathe", "Press"]
    table.rows_model.sort(1, Qt.SortOrder.DescendingOrder)
    assert names(table) == ["Lathe", "Mill", "Press"]


def test_rows_do_not_sort_themselves_under_the_cursor(qtbot):
    table = a_table(qtbot, ROWS)
    table.rows_model.sort(1, Qt.SortOrder.DescendingOrder)

    table.show_rows((Reading("Lathe", 0.1), Reading("Mill", 99.0), ROWS[2]))

    assert names(table) == ["Lathe", "Mill", "Press"]


def test_ctrl_c_copies_with_headers(qtbot):
    table = a_table(qtbot, ROWS)
    table.choose("Lathe")

    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)

    assert QGuiApplication.clipboard().text() == "Meter\tkW\nLathe, second\t3.0"


def test_numbers_and_their_headers_are_right_aligned(qtbot):
    table = a_table(qtbot, ROWS)
    model = table.rows_model
    role = Qt.ItemDataRole.TextAlignmentRole

    assert model.data(model.index(0, 1), role) & int(Qt.AlignmentFlag.AlignRight)
    assert model.headerData(1, Qt.Orientation.Horizontal, role) & int(Qt.AlignmentFlag.AlignRight)


def test_a_mark_is_spoken():
    assert Cell("Meter lost", mark=Mark(2)).plain == "Priority 2, Meter lost"


@pytest.mark.parametrize("theme_name", ["light", "dark"])
def test_an_empty_table_says_so(qtbot, themed, theme_name):
    themed(theme_name)
    table = a_table(qtbot, ())
    blank = table.grab().toImage()

    table.show_rows((), empty="No meters yet.")

    assert table.grab().toImage() != blank


def drawn(monkeypatch, table):
    """The texts as they are painted, shortened where they are."""
    from energy_desktop.ui.widgets import paint

    texts = []

    def note(painter, rect, text, *, px=12, weight=400, elide=Qt.TextElideMode.ElideRight, **_):
        metrics = QFontMetricsF(theme.font(px, weight))
        texts.append(metrics.elidedText(text, elide, rect.width()))

    monkeypatch.setattr(paint, "draw_text", note)
    table.grab()
    return texts


def test_names_that_begin_alike_are_told_apart_when_they_are_shortened(qtbot, monkeypatch):
    rows = [Reading(f"Sub-distribution board, northern hall, row {n}", 1.0) for n in range(3)]
    table = Table(
        [Column("Meter", lambda r: Cell(r.name), elide_middle=True)], key=lambda r: r.name
    )
    qtbot.addWidget(table)
    table.resize(150, 200)
    table.show_rows(rows)

    texts = [t for t in drawn(monkeypatch, table) if t.startswith("Sub")]

    assert len(set(texts)) == 3
    assert all("\u2026" in t and t.endswith(f"{n}") for n, t in enumerate(texts))


def test_the_sentence_of_an_empty_table_is_wrapped_and_read_out(qtbot):
    table = a_table(qtbot, ())
    told = "No zone with a lighting meter and a contract: add them to the site, then look again."

    table.show_rows((), empty=told)

    picture = table.viewport().grab().toImage()
    ground = picture.pixel(1, 1)
    inked = [
        y
        for y in range(picture.height())
        if any(picture.pixel(x, y) != ground for x in range(8, picture.width(), 2))
    ]
    assert max(inked) - min(inked) > 24  # more than one line
    assert table.accessibleDescription() == told
    table.show_rows(ROWS)
    assert table.accessibleDescription() == ""


def test_where_there_is_no_room_a_spare_column_goes_before_names_are_cut_to_nothing(qtbot):
    table = Table(
        [
            Column("Meter", lambda r: r.name, least=140),
            Column("Model", lambda r: "SDM630", spare=True),
            Column("kW", lambda r: f"{r.power}", width=70, number=True),
        ],
        key=lambda r: r.name,
    )
    qtbot.addWidget(table)
    table.show_rows(ROWS)

    table.resize(230, 200)
    table.show()

    assert table.isColumnHidden(1)
    assert table.columnWidth(0) >= 140
    assert table.horizontalScrollBar().maximum() == 0
    assert "SDM630" in table.as_text()
    table.resize(400, 200)
    assert not table.isColumnHidden(1)


def test_a_column_that_a_page_hides_stays_hidden_and_takes_no_room(qtbot):
    table = a_table(qtbot, ROWS)
    table.show_column(1, False)

    table.show()
    table.resize(340, 200)

    assert table.isColumnHidden(1)
    assert table.columnWidth(0) == table.viewport().width()
    table.show_column(1, True)
    assert table.columnWidth(1) == 70
    assert table.columnWidth(0) == table.viewport().width() - 70

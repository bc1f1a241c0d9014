"""Tokens keep their contrast; a switch recolours what was painted."""

import pytest
from PySide6.QtGui import QColor, QFontInfo
from PySide6.QtWidgets import QLabel, QLineEdit, QToolButton

from energy_desktop.ui import theme

TEXTS = ("text", "text2", "text3", "accent", "p1")
MARKS = (
    "line2", "focus", "p2", "p2_edge", "p3_edge", "grid_import", "grid_export", "solar",
    "battery", "load", "out_of_contract", "forecast", "price", "estimated",
)  # fmt: skip


@pytest.mark.parametrize("tokens", theme.THEMES.values(), ids=theme.THEMES)
def test_text_keeps_four_and_a_half_to_one(tokens):
    for name in TEXTS:
        assert theme.contrast(getattr(tokens, name), tokens.surface) >= 4.5, name
    for tint in ("tint1", "tint2", "tint3", "sel", "inset", "rail", "bg"):
        assert theme.contrast(tokens.text, getattr(tokens, tint)) >= 4.5, tint
    for name in ("rail", "bg", "inset"):
        assert theme.contrast(tokens.text2, getattr(tokens, name)) >= 4.5, name
    for on, ground in (
        ("on_accent", "accent"),
        ("on_p1", "p1"),
        ("on_p2", "p2"),
        ("on_p3", "p3"),
    ):
        assert theme.contrast(getattr(tokens, on), getattr(tokens, ground)) >= 4.5, on


@pytest.mark.parametrize("tokens", theme.THEMES.values(), ids=theme.THEMES)
def test_marks_keep_three_to_one(tokens):
    for name in MARKS:
        assert theme.contrast(getattr(tokens, name), tokens.surface) >= 3.0, name
    for shade in tokens.curves:
        assert theme.contrast(shade, tokens.surface) >= 3.0, shade


def test_a_switch_changes_tokens_and_style_sheet(qapp, themed):
    themed("dark")

    assert theme.current().is_dark
    assert theme.DARK.surface in qapp.styleSheet()
    assert theme.color("text") == QColor(theme.DARK.text)


def test_inter_with_tabular_digits_is_what_labels_use(qapp):
    wide = [theme.font(13) for _ in range(2)]
    assert QFontInfo(wide[0]).family() == "Inter"
    label = QLabel("111")
    label.ensurePolished()
    narrow = label.fontMetrics().horizontalAdvance("1111111111")
    assert narrow == label.fontMetrics().horizontalAdvance("8888888888")


def test_an_unknown_icon_fails_when_it_is_asked_for():
    with pytest.raises(KeyError):
        theme.icon("no-such-glyph-anywhere")


def test_an_icon_follows_the_theme(qapp, themed):
    def darkest():
        image = theme.icon("bell-outline", "text").pixmap(32, 32).toImage()
        shades = [image.pixelColor(x, y) for x in range(32) for y in range(32)]
        return max(shades, key=lambda c: c.alpha()).name().upper()

    assert darkest() == theme.LIGHT.text
    themed("dark")
    assert darkest() == theme.DARK.text


def test_curve_tokens_go_round():
    assert theme.color("curve1") == theme.color("curve7")


def test_an_icon_stands_in_the_middle_of_its_field(qtbot, themed):
    field = QLineEdit()
    qtbot.addWidget(field)
    field.setPlaceholderText("Search settings")
    field.addAction(theme.icon("magnify", "text2"), QLineEdit.ActionPosition.LeadingPosition)
    field.resize(300, 28)

    field.show()

    (icon,) = field.findChildren(QToolButton)
    assert icon.geometry().bottom() <= field.height()
    assert abs(icon.geometry().center().y() - field.rect().center().y()) <= 1

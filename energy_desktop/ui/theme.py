"""The tokens of both themes, and what Qt is told of them: palette, style sheet, fonts and icons.

One module holds every colour, so that style sheet, charts and delegates cannot disagree. Painted
widgets read `current()` in their paint event and need nothing else; what keeps a colour between
two paints asks `is_theme_change(event)` in `changeEvent`: Qt sends StyleChange to every widget
when the style sheet is replaced, so no list of listeners is kept here.

Icons are glyphs of the Material Design Icons and Phosphor fonts that QtAwesome ships. Its module
is not imported (it loads eleven fonts and costs 0.15 s); an icon looks its colour up when painted,
so a switch of the theme recolours it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QIcon,
    QIconEngine,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtWidgets import QApplication, QStyleFactory


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of a theme, as #RRGGBB. Text keeps 4.5:1 on `surface`, marks keep 3:1."""

    name: str
    bg: str
    rail: str
    surface: str
    inset: str
    line: str
    line2: str
    text: str
    text2: str
    text3: str
    accent: str
    on_accent: str
    sel: str
    focus: str
    p1: str
    on_p1: str
    p2: str
    on_p2: str
    p2_edge: str
    p3: str
    on_p3: str
    p3_edge: str
    tint1: str
    tint2: str
    tint3: str
    grid_import: str
    grid_export: str
    solar: str
    battery: str
    load: str
    typical: str
    out_of_contract: str
    forecast: str
    price: str
    estimated: str
    curves: tuple[str, ...]
    carpet: tuple[str, ...]

    @property
    def is_dark(self) -> bool:
        return self.name == "dark"


LIGHT: Final = Tokens(
    name="light",
    bg="#E4E7EA",
    rail="#D9DDE1",
    surface="#F9FAFB",
    inset="#EDF0F2",
    line="#CBD1D7",
    line2="#76818B",
    text="#1A2026",
    text2="#46515C",
    text3="#55606B",
    accent="#1B5E91",
    on_accent="#FFFFFF",
    sel="#D5E3EF",
    focus="#0B6BCB",
    p1="#B3142B",
    on_p1="#FFFFFF",
    p2="#DB6600",
    on_p2="#1A2026",
    p2_edge="#A34C00",
    p3="#F2C230",
    on_p3="#1A2026",
    p3_edge="#8A6A00",
    tint1="#F8E3E5",
    tint2="#FBE9D9",
    tint3="#FAF1D2",
    grid_import="#0B66A8",
    grid_export="#3A8FC7",
    solar="#AD7400",
    battery="#0B8F6C",
    load="#46515C",
    typical="#8A96A1",
    out_of_contract="#B5287A",
    forecast="#5B4FA0",
    price="#7A4A20",
    estimated="#66717C",
    curves=("#0B66A8", "#8A8A00", "#6B2A08", "#8458E8", "#BE6F6F", "#40263C"),
    carpet=("#F1F3F4", "#A9C4D6", "#6E9DBD", "#3B729C", "#0C2740"),
)

DARK: Final = Tokens(
    name="dark",
    bg="#14181C",
    rail="#101316",
    surface="#1D2227",
    inset="#262C32",
    line="#353D45",
    line2="#7C8792",
    text="#E4E8EC",
    text2="#B4BEC8",
    text3="#9CA7B2",
    accent="#5AA5DC",
    on_accent="#0E1316",
    sel="#1F3B54",
    focus="#7CC0F5",
    p1="#FF6370",
    on_p1="#16191C",
    p2="#FF9A3D",
    on_p2="#16191C",
    p2_edge="#FF9A3D",
    p3="#EBC94A",
    on_p3="#16191C",
    p3_edge="#EBC94A",
    tint1="#44232A",
    tint2="#43301F",
    tint3="#3C3720",
    grid_import="#5AA9E6",
    grid_export="#8CCBEF",
    solar="#E0A63A",
    battery="#3FC39B",
    load="#B4BEC8",
    typical="#6C7782",
    out_of_contract="#D9609F",
    forecast="#A99BEB",
    price="#D9A06B",
    estimated="#939EA9",
    curves=("#5AA9E6", "#C3E06A", "#FFD9C2", "#9272F2", "#A8747C", "#6F9420"),
    carpet=("#20262C", "#2C5470", "#3F7DA3", "#6AA9CC", "#E6F4FB"),
)

THEMES: Final = {"light": LIGHT, "dark": DARK}

SPACE: Final = (4, 8, 12, 16, 24)
RADIUS: Final = 4
CONTROL_HEIGHT: Final = 28
ROW_HEIGHT: Final = 28
ROW_HEIGHT_TWO_LINES: Final = 40
HEADER_HEIGHT: Final = 26
NAVIGATION_HEIGHT: Final = 32
ICON_SIZE: Final = 16

_in_force: list[Tokens] = [LIGHT]


def current() -> Tokens:
    """The tokens in force."""
    return _in_force[0]


def color(token: str, alpha: int = 255) -> QColor:
    """The colour that `token` names now: a field of Tokens, `curve1` to `curve6`, or #RRGGBB.

    Raises AttributeError when there is no such token.
    """
    if token.startswith("#"):
        value = token
    elif token.startswith("curve") and token[5:].isdigit():
        value = current().curves[(int(token[5:]) - 1) % len(current().curves)]
    else:
        value = getattr(current(), token)
    shade = QColor(value)
    shade.setAlpha(alpha)
    return shade


def is_theme_change(event: QEvent) -> bool:
    """Whether a `changeEvent` may mean that the theme was switched."""
    return event.type() is QEvent.Type.StyleChange


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two #RRGGBB colours, 1 to 21."""

    def luminance(text: str) -> float:
        parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# ---------------------------------------------------------------- fonts

FAMILY: Final = "Inter"
MONO_FAMILY: Final = "JetBrains Mono"
_FONT_FILES: Final = ("Inter-Regular.ttf", "Inter-SemiBold.ttf", "JetBrainsMono-Regular.ttf")


@cache
def _load_fonts(fonts_dir: Path) -> bool:
    return all(QFontDatabase.addApplicationFont(str(fonts_dir / name)) >= 0 for name in _FONT_FILES)


@cache
def font(px: int = 13, weight: int = 400, *, italic: bool = False, mono: bool = False) -> QFont:
    """A face of the type scale: 24/600, 18/600, 15/600, 13/600, 13/400, 12/400, 11/400.

    Cached, so delegates may ask in each paint; the result must not be changed. Digits are tabular.
    """
    face = QFont(MONO_FAMILY if mono else FAMILY)
    face.setPixelSize(px)
    face.setWeight(QFont.Weight(weight))
    face.setItalic(italic)
    if not mono:
        face.setFeature(QFont.Tag("tnum"), 1)
    return face


# ---------------------------------------------------------------- icons

_GLYPH_FILES: Final = {
    "mdi6": (
        "materialdesignicons6-webfont-6.9.96.ttf",
        "materialdesignicons6-webfont-charmap-6.9.96.json",
    ),
    "ph": ("phosphor-1.3.0.ttf", "phosphor-charmap-1.3.0.json"),
}


@cache
def _glyph_set(prefix: str) -> tuple[str, dict[str, str]]:
    """Family name and characters by icon name of one icon font."""
    spec = find_spec("qtawesome")
    if spec is None or spec.origin is None:
        raise RuntimeError("QtAwesome, which carries the icon fonts, is not installed")
    folder = Path(spec.origin).parent / "fonts"
    font_file, map_file = _GLYPH_FILES[prefix]
    family_id = QFontDatabase.addApplicationFont(str(folder / font_file))
    families = QFontDatabase.applicationFontFamilies(family_id)
    if not families:
        raise RuntimeError(f"the icon font {font_file} could not be loaded")
    codes: dict[str, str] = json.loads((folder / map_file).read_text(encoding="utf-8"))
    return families[0], codes


@cache
def _glyph(name: str) -> tuple[str, str]:
    prefix, dot, bare = name.partition(".")
    if not dot:
        prefix, bare = "mdi6", name
    family, codes = _glyph_set(prefix)
    return family, chr(int(codes[bare], 16))


@cache
def _glyph_font(family: str, px: int) -> QFont:
    face = QFont(family)
    face.setPixelSize(px)
    face.setStyleStrategy(QFont.StyleStrategy.NoFontMerging)
    return face


def draw_icon(painter: QPainter, rect: QRect | QRectF, name: str, token: str = "text2") -> None:
    """Paints a glyph into `rect`. `name`: of Material Design Icons, or `ph.` and of Phosphor.

    Raises KeyError for a name that the set does not have.
    """
    family, character = _glyph(name)
    painter.save()
    painter.setFont(_glyph_font(family, max(1, round(min(rect.width(), rect.height())))))
    painter.setPen(color(token))
    painter.drawText(QRectF(rect), int(Qt.AlignmentFlag.AlignCenter), character)
    painter.restore()


class _GlyphEngine(QIconEngine):
    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        _glyph(name)  # a wrong name fails here, not in a paint event
        self._name = name
        self._token = token

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _: QIcon.State) -> None:
        draw_icon(
            painter, rect, self._name, "typical" if mode == QIcon.Mode.Disabled else self._token
        )

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _GlyphEngine(self._name, self._token)


_engines: list[_GlyphEngine] = []


@cache
def icon(name: str, token: str = "text") -> QIcon:
    """An icon in the colour of `token`, which follows a switch of the theme."""
    engine = _GlyphEngine(name, token)
    _engines.append(engine)  # Qt owns it, Python must not collect its overrides
    return QIcon(engine)


# ---------------------------------------------------------------- application


def apply_theme(app: QApplication, name: str, fonts_dir: Path) -> Tokens:
    """Puts the theme `light` or `dark` in force for the whole program.

    Raises KeyError for another name and RuntimeError when a shipped font cannot be loaded.
    """
    tokens = THEMES[name]
    if not _load_fonts(fonts_dir):
        raise RuntimeError(f"a font in {fonts_dir} cannot be loaded")
    _in_force[0] = tokens
    if app.style().name().lower() != "fusion":
        app.setStyle(QStyleFactory.create("Fusion"))
    app.setFont(font(13))
    app.setPalette(_palette(tokens))
    marks = fonts_dir.parent / "icons"
    app.setStyleSheet(style_sheet(tokens) + _marks_sheet(tokens, marks))
    return tokens


def _marks_sheet(t: Tokens, folder: Path) -> str:
    """The chevron of a list field and the tick of a box: a style sheet takes them from files."""
    theme_name = "dark" if t.is_dark else "light"
    chevron = (folder / f"chevron-{theme_name}.png").as_posix()
    check = (folder / f"check-{theme_name}.png").as_posix()
    return f"""
QComboBox::down-arrow, QDateTimeEdit::down-arrow {{
    image: url("{chevron}"); width: 12px; height: 12px; }}
QCheckBox::indicator {{
    width: 14px; height: 14px; background: {t.surface}; border: 1px solid {t.line2};
    border-radius: 3px; }}
QCheckBox::indicator:checked {{
    background: {t.accent}; border-color: {t.accent}; image: url("{check}"); }}
QCheckBox::indicator:disabled {{ background: {t.inset}; border-color: {t.line}; }}
"""


def _palette(t: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, value in (
        (role.Window, t.bg),
        (role.WindowText, t.text),
        (role.Base, t.surface),
        (role.AlternateBase, t.inset),
        (role.Text, t.text),
        (role.PlaceholderText, t.text3),
        (role.Button, t.surface),
        (role.ButtonText, t.text),
        (role.BrightText, t.text),
        (role.Highlight, t.sel),
        (role.HighlightedText, t.text),
        (role.Link, t.accent),
        (role.LinkVisited, t.accent),
        (role.ToolTipBase, t.surface),
        (role.ToolTipText, t.text),
        (role.Light, t.surface),
        (role.Midlight, t.inset),
        (role.Mid, t.line),
        (role.Dark, t.line2),
        (role.Shadow, t.line2),
        (role.Accent, t.accent),
    ):
        palette.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(t.typical))
    return palette


def style_sheet(t: Tokens) -> str:
    """The whole style sheet. Properties `kind` and `role` on a widget choose its look:

    QPushButton kind: (none), primary, link, quiet. QLabel role: page, title, step, figure, caption,
    label, strong. QFrame kind: panel, inset, strip1 to strip3.
    """
    return f"""
* {{ font-family: "{FAMILY}"; font-size: 13px; color: {t.text}; }}
QWidget {{ background: transparent; }}
QMainWindow, QDialog, QWidget[kind="page"] {{ background: {t.bg}; }}
QDialog {{ background: {t.surface}; }}
QToolTip {{ background: {t.surface}; color: {t.text}; border: 1px solid {t.line2}; padding: 4px; }}
QLabel[role="page"] {{ font-size: 18px; font-weight: 600; }}
QLabel[role="step"] {{ font-size: 15px; font-weight: 600; }}
QLabel[role="title"] {{ font-weight: 600; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="figure"] {{ font-size: 24px; font-weight: 600; }}
QLabel[role="answer"] {{ color: {t.text2}; }}
QLabel[role="label"] {{ font-size: 12px; color: {t.text2}; }}
QLabel[role="caption"] {{ font-size: 11px; color: {t.text3}; }}
QLabel[role="mono"] {{ font-family: "{MONO_FAMILY}"; font-size: 11px; }}
QFrame[kind="panel"] {{
    background: {t.surface}; border: 1px solid {t.line}; border-radius: {RADIUS}px; }}
QFrame[kind="inset"] {{ background: {t.inset}; border: none; border-radius: {RADIUS}px; }}
QFrame[kind="strip1"] {{ background: {t.tint1}; border: none; border-bottom: 1px solid {t.p1}; }}
QFrame[kind="notice1"] {{
    background: {t.tint1}; border: 1px solid {t.p1}; border-radius: {RADIUS}px; }}
QFrame[kind="notice2"] {{
    background: {t.tint2}; border: 1px solid {t.p2}; border-radius: {RADIUS}px; }}
QFrame[kind="notice3"] {{
    background: {t.tint3}; border: 1px solid {t.p3_edge}; border-radius: {RADIUS}px; }}
QFrame[kind="notice0"] {{
    background: {t.inset}; border: 1px solid {t.line2}; border-radius: {RADIUS}px; }}
QFrame[kind="rule"] {{ background: {t.line}; border: none; }}
QPushButton, QToolButton {{
    background: {t.surface}; color: {t.text}; border: 1px solid {t.line2};
    border-radius: {RADIUS}px; padding: 0 10px; min-height: 26px; font-weight: 600;
    font-size: 12px; }}
QPushButton:hover, QToolButton:hover {{ background: {t.inset}; }}
QPushButton:pressed, QToolButton:pressed, QPushButton:checked, QToolButton:checked {{
    background: {t.sel}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {t.typical}; border-color: {t.line}; }}
QPushButton:focus, QToolButton:focus, QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus,
QPlainTextEdit:focus, QTextEdit:focus {{ border: 2px solid {t.focus}; }}
QPushButton:focus, QToolButton:focus {{ padding: 0 9px; min-height: 24px; }}
QPushButton[kind="primary"] {{
    background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; }}
QPushButton[kind="primary"]:disabled {{
    background: {t.inset}; color: {t.typical}; border-color: {t.line}; }}
QPushButton[kind="primary"]:focus {{ border: 2px solid {t.focus}; }}
QPushButton[kind="link"], QToolButton[kind="link"], QPushButton[kind="quiet"],
QToolButton[kind="quiet"] {{
    background: transparent; border: 1px solid transparent; padding: 0 6px; }}
QPushButton[kind="link"], QToolButton[kind="link"] {{ color: {t.accent}; }}
QPushButton[kind="link"]:disabled, QToolButton[kind="link"]:disabled {{ color: {t.typical}; }}
QPushButton[kind="link"]:focus, QToolButton[kind="link"]:focus, QPushButton[kind="quiet"]:focus,
QToolButton[kind="quiet"]:focus {{ border: 2px solid {t.focus}; padding: 0 5px; }}
QToolButton[kind="quiet"]:hover, QPushButton[kind="quiet"]:hover {{ background: {t.inset}; }}
QToolButton[kind="site"] {{
    background: transparent; border: 1px solid transparent; padding: 0 6px; font-size: 15px; }}
QToolButton[kind="site"]:hover {{ background: {t.inset}; }}
QToolButton[kind="site"]:focus {{ border: 2px solid {t.focus}; padding: 0 5px; }}
QPushButton::menu-indicator, QToolButton::menu-indicator {{ image: none; width: 0; }}
QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit, QTextEdit {{
    background: {t.surface}; color: {t.text}; border: 1px solid {t.line2};
    border-radius: {RADIUS}px; selection-background-color: {t.sel};
    selection-color: {t.text}; }}
QLineEdit, QComboBox, QAbstractSpinBox {{ min-height: 26px; padding: 0 8px; }}
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{ min-height: 24px; padding: 0 7px; }}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled {{
    color: {t.typical}; border-color: {t.line}; }}
QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{
    border: none; padding: 0 7px; min-height: 0; background: transparent; }}
QLineEdit QToolButton {{
    border: none; padding: 0; min-height: 0; background: transparent; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: 0; border: none; }}
QComboBox {{ font-weight: 600; font-size: 12px; }}
QComboBox::drop-down, QDateTimeEdit::drop-down {{ border: none; width: 20px; }}
QComboBox QAbstractItemView {{
    background: {t.surface}; border: 1px solid {t.line2}; outline: none;
    selection-background-color: {t.sel}; selection-color: {t.text}; }}
QCheckBox, QRadioButton {{ spacing: 8px; min-height: 24px; }}
QMenu {{ background: {t.surface}; border: 1px solid {t.line2}; padding: 4px; }}
QMenu::item {{ padding: 5px 24px 5px 12px; border-radius: 3px; }}
QMenu::item:selected {{ background: {t.sel}; }}
QMenu::item:disabled {{ color: {t.typical}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}
QMenuBar {{ background: {t.surface}; }}
QMenuBar::item {{ padding: 3px 8px; font-size: 12px; }}
QMenuBar::item:selected {{ background: {t.sel}; }}
QTableView, QTreeView, QListView {{
    background: transparent; border: none; outline: none; font-size: 12px;
    selection-background-color: {t.sel}; selection-color: {t.text}; }}
QTreeView::item {{ min-height: 24px; }}
QTreeView::item:selected, QListView::item:selected {{ background: {t.sel}; color: {t.text}; }}
QTableView:focus, QTreeView:focus, QListView:focus {{ border: none; }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{
    background: {t.surface}; color: {t.text2}; border: none;
    border-bottom: 1px solid {t.line2}; padding: 0 8px; font-size: 11px; height: 25px; }}
QTableCornerButton::section {{ background: transparent; border: none; }}
QScrollArea {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {t.line2}; border-radius: 3px; margin: 3px; }}
QScrollBar::handle:vertical {{ min-height: 24px; }}
QScrollBar::handle:horizontal {{ min-width: 24px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{
    background: {t.inset}; border: 1px solid {t.line}; border-radius: 3px; height: 8px;
    max-height: 8px; text-align: center; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
QSplitter::handle {{ background: {t.bg}; }}
QTabWidget::pane {{ border: 1px solid {t.line}; }}
QTabBar::tab {{ padding: 5px 12px; border: 1px solid {t.line}; background: {t.inset}; }}
QTabBar::tab:selected {{ background: {t.surface}; font-weight: 600; }}
QGroupBox {{ border: 1px solid {t.line}; border-radius: {RADIUS}px; margin-top: 8px; }}
"""

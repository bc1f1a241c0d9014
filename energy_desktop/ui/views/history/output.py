"""What is seen, as a file: the table behind the picture, the picture, or a paper of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QPoint, QRect
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtWidgets import QWidget

from energy_desktop.domain.history_paper import (
    HistoryPaper,
    PaperBars,
    PaperCarpet,
    PaperCurve,
    PaperDuration,
    PaperFigure,
    PaperMark,
)
from energy_desktop.domain.quantities import quantity
from energy_desktop.services.history import HistoryLook
from energy_desktop.services.history.seen import (
    SeenTable,
    curves_seen,
    days_seen,
    slots_seen,
    week_seen,
)
from energy_desktop.services.table_files import put_in_place
from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.history import drawing, words
from energy_desktop.ui.views.history.curve_set import CurveSet, stitched, unit_of
from energy_desktop.ui.widgets import paint

FILTERS = (
    "CSV (*.csv)",
    "Excel (*.xlsx)",
    "Parquet (*.parquet)",
    "Picture (*.png)",
    "PDF (*.pdf)",
)
_HEAD = 46
_PIXELS = 2.0  # a picture that is put into a report is looked at closer than a screen


def seen_table(
    look: HistoryLook, choice: str, curves: CurveSet, window: tuple[float, float], formats: Formats
) -> SeenTable:
    """The table behind the chosen look. window: what the curves show, in UTC seconds."""
    if choice == "curve":
        drawn = [
            curves.fine.get(k, curves.whole[k]) if _covers(curves, k, window) else curves.whole[k]
            for k in curves.keys
            if k in curves.whole
        ]
        span = round(window[0] * 1000), round(window[1] * 1000)
        return curves_seen(drawn, curves.marks, span, formats.zone)
    if choice in ("calendar", "table"):
        return days_seen(look, formats.zone)
    if choice == "week":
        return week_seen(look, formats.zone)
    return slots_seen(look, formats.zone)


def _covers(curves: CurveSet, key: tuple[str, str], window: tuple[float, float]) -> bool:
    fine = curves.fine.get(key)
    return (
        fine is not None and fine.start_ms <= window[0] * 1000 and fine.end_ms >= window[1] * 1000
    )


def save_picture(widget: QWidget, heading: str, caption: str, out: Path) -> None:
    """The widget as PNG under a line that says what it is. Raises WrongUse."""
    size = widget.size()
    image = QImage(
        round(size.width() * _PIXELS),
        round((size.height() + _HEAD) * _PIXELS),
        QImage.Format.Format_RGB32,
    )
    image.setDevicePixelRatio(_PIXELS)
    image.fill(theme.color("surface"))
    painter = QPainter(image)
    wide = size.width() - 24
    paint.draw_text(painter, QRect(12, 6, wide, 20).toRectF(), heading, px=15, weight=600)
    paint.draw_text(painter, QRect(12, 26, wide, 16).toRectF(), caption, px=11, token="text2")
    painter.translate(0, _HEAD)
    widget.render(painter, QPoint(0, 0))
    painter.end()
    image.setText("Title", heading)
    image.setText("Description", caption)

    def fill(partial: Path) -> None:
        writer = QImageWriter(str(partial), QByteArray(b"png"))
        if not writer.write(image):
            raise OSError(writer.errorString())

    put_in_place(out, fill)


def caption_of(formats: Formats, look: HistoryLook, window_ms: tuple[int, int]) -> str:
    """Meter, quantity, period, zone and how much was measured."""
    return " · ".join(
        (
            f"{look.subject.meter.name}, {quantity(look.quantity).label.lower()}",
            formats.period(*window_ms),
            formats.zone_name,
            f"{formats.number(float(np.floor(look.facts.completeness_pct * 10) / 10), 1)} % "
            "measured",
            words.marks_count(look.marks),
        )
    )


def paper_of(
    look: HistoryLook,
    choice: str,
    curves: CurveSet,
    window: tuple[float, float],
    formats: Formats,
    site: str,
) -> HistoryPaper:
    """The picture for print, in the units that the screen shows. No widget is asked."""
    scale = words.scale_of(formats, look)
    alone = choice == "curve"
    span = (
        (round(window[0] * 1000), round(window[1] * 1000))
        if alone
        else (
            look.start_ms,
            look.end_ms,
        )
    )
    return HistoryPaper(
        site=site,
        title=f"{look.subject.meter.name}, {quantity(look.quantity).label.lower()}",
        answer=words.sentence(formats, look),
        period=formats.period(*span),
        zone=formats.zone_name,
        start_ms=span[0],
        end_ms=span[1],
        made_at_ms=formats.now_ms(),
        figures=tuple(
            PaperFigure(
                f.caption, f"{'≈ ' if f.estimated else ''}{f.number} {f.unit}".strip(), f.note
            )
            for f in words.figures(formats, look, scale)
        ),
        curves=_paper_curves(curves, formats, span) if alone or choice == "table" else (),
        marks=tuple(
            PaperMark(
                m.kind.value,
                m.start_ms,
                m.end_ms,
                words.mark_what(formats, m),
                words.mark_more(formats, m),
            )
            for m in look.marks
            if m.start_ms < span[1] and m.end_ms > span[0]
        ),
        carpet=PaperCarpet(
            scale.unit,
            look.carpet.day_start_ms,
            look.carpet.values / scale.divisor,
            look.carpet.day_slots,
            look.carpet.slot_s,
            float(np.nanpercentile(look.carpet.values, 99)) / scale.divisor,
        )
        if not alone and len(look.carpet.day_start_ms) > 1
        else None,
        duration=None
        if alone
        else PaperDuration(
            scale.unit,
            look.duration / scale.divisor,
            look.duration_before / scale.divisor,
            ("this period", words.other_name(look.against)),
            None if look.facts.base_load is None else look.facts.base_load.power_w / scale.divisor,
            words.base_load_words(formats, look, scale),
        ),
        bars=None if alone else _paper_bars(look, formats),
        proof=words.reconciled(formats, look),
    )


def _paper_curves(
    curves: CurveSet, formats: Formats, span: tuple[int, int]
) -> tuple[PaperCurve, ...]:
    drawn = curves.drawn(formats, (span[0] / 1000, span[1] / 1000), "")
    units = list(dict.fromkeys(unit_of(k) for k in curves.keys))
    made = []
    for key in curves.keys:
        whole = curves.whole.get(key)
        if whole is None:
            continue
        right = len(units) > 1 and unit_of(key) == units[1]
        scale = drawn.right if right and drawn.right is not None else drawn.left
        axis = "right" if right else "left"
        x, y, _, _ = stitched(whole, curves.fine.get(key))
        inside = (x * 1000 >= span[0]) & (x * 1000 <= span[1])
        made.append(
            PaperCurve(
                curves.name_of(whole),
                scale.unit,
                (x[inside] * 1000).astype(np.int64),
                y[inside] / scale.divisor,
                axis,
            )
        )
        near = curves.fine.get(key, whole)
        if near.stand_in.size:
            made.append(
                PaperCurve(
                    f"{curves.name_of(whole)}, estimated",
                    scale.unit,
                    near.stand_in_ms,
                    near.stand_in / scale.divisor,
                    axis,
                    dotted=True,
                )
            )
    return tuple(made)


def _paper_bars(look: HistoryLook, formats: Formats) -> PaperBars:
    t = look.totals
    scale = drawing.total_scale(formats, look, np.concatenate((t.totals, t.before)))

    def shown(values: NDArray[np.float64]) -> tuple[float | None, ...]:
        return tuple(float(v) / scale.divisor if np.isfinite(v) else None for v in values)

    return PaperBars(
        title=f"{'Energy' if t.is_energy else 'Mean'} per {t.per}",
        unit=scale.unit,
        labels=tuple(formats.day(int(e), weekday=False) for e in t.edges_ms[:-1]),
        values=shown(t.totals),
        before=shown(t.before) if np.isfinite(t.before).any() else (),
        names=("this period", words.other_name(look.against)),
    )

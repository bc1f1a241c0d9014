"""From the values of a period to what its charts draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.quantities import quantity
from energy_desktop.services.history import (
    DayAgainstLike,
    HistoryLook,
    MarkKind,
    QualityMark,
)
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.views.history import words
from energy_desktop.ui.widgets.carpet import Carpet
from energy_desktop.ui.widgets.chart_data import (
    Bars,
    ChartData,
    Fan,
    HatchKind,
    Limit,
    Line,
    Region,
)
from energy_desktop.ui.widgets.day_calendar import CalendarEntry

_REGION: dict[MarkKind, HatchKind] = {
    MarkKind.GAP: "gap",
    MarkKind.ESTIMATED: "estimated",
    MarkKind.EDITED: "edited",
    MarkKind.QUARANTINED: "quarantined",
}
_TIMES = ((0.0, "0 %"), (25.0, "25 %"), (50.0, "50 %"), (75.0, "75 %"), (100.0, "100 %"))


def from_zero(name: str) -> bool:
    """Whether zero belongs on the axis of the quantity."""
    return quantity(name).unit in ("W", "Wh", "A", "var", "VA")


def regions(marks: tuple[QualityMark, ...]) -> tuple[Region, ...]:
    return tuple(
        Region(
            m.start_ms / 1000,
            m.end_ms / 1000,
            _REGION[m.kind],
            m.cause if m.kind is MarkKind.GAP else "",
        )
        for m in marks
    )


def mark_at(marks: tuple[QualityMark, ...], at_ms: float, slack_ms: float) -> QualityMark | None:
    """The stretch at a moment, the shortest of several; within `slack_ms` of its ends."""
    hits = [m for m in marks if m.start_ms - slack_ms <= at_ms <= m.end_ms + slack_ms]
    return min(hits, key=lambda m: m.end_ms - m.start_ms, default=None)


def carpet(look: HistoryLook) -> Carpet:
    c = look.carpet
    dotted: NDArray[np.bool_] | None = None
    if c.quality is not None:
        stands_in = (IntervalQuality.ESTIMATED, IntervalQuality.EDITED)
        dotted = np.isin(c.quality, stands_in) & np.isfinite(c.values)
        dotted = dotted if dotted.any() else None
    return Carpet(c.day_start_ms, c.values, c.slot_s, c.day_slots, not_measured=dotted)


def calendar(look: HistoryLook) -> tuple[CalendarEntry, ...]:
    d = look.days
    return tuple(
        CalendarEntry(
            int(start),
            None if not np.isfinite(total) else float(total),
            incomplete=bool(missing),
            estimated=bool(estimated),
        )
        for start, total, missing, estimated in zip(
            d.edges_ms[:-1], d.totals, d.missing, d.not_measured, strict=True
        )
    )


def total_scale(formats: Formats, look: HistoryLook, values: NDArray[np.float64]) -> Scale:
    unit = "Wh" if look.days.is_energy else quantity(look.quantity).unit
    finite = np.abs(values[np.isfinite(values)])
    return formats.scale(unit, [float(finite.max()) if finite.size else 0.0])


def week(look: HistoryLook, formats: Formats, scale: Scale) -> ChartData:
    """Boxes by hour of the week, joined to steps: 5 to 95 and 25 to 75 in 100, the median."""
    w = look.week
    edges = np.repeat(np.arange(169, dtype=np.float64), 2)[1:-1]

    def steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(values, 2)

    days = formats.symbols.days
    ticks = tuple((24.0 * i + 12, days[i]) for i in range(7))
    said = "Not enough measured hours for a week yet."
    if np.isfinite(w.median).any():
        top = int(np.nanargmax(w.median))
        quiet = int(np.nanargmin(w.median))
        said = (
            f"Highest on {days[top // 24]} at {top % 24:02d}:00 "
            f"({scale.with_unit(float(w.median[top]))}), lowest on {days[quiet // 24]} at "
            f"{quiet % 24:02d}:00 ({scale.with_unit(float(w.median[quiet]))})."
        )
    return ChartData(
        lines=(Line("median", edges, steps(w.median), "text"),),
        fans=(
            Fan("9 in 10", edges, steps(w.p05), steps(w.p95), "grid_import", 46),
            Fan("half of all", edges, steps(w.p25), steps(w.p75), "grid_import", 96),
        ),
        x_range=(0.0, 168.0),
        y_zero=from_zero(look.quantity),
        tick_texts=ticks,
        description=said,
    )


def duration(look: HistoryLook, scale: Scale) -> ChartData:
    """Share of the time above a level, beside the compared period's."""
    lines = []
    for name, values, token in (
        (words.other_name(look.against), look.duration_before, "typical"),
        ("this period", look.duration, "grid_import"),
    ):
        if values.size:
            share = 100 * (np.arange(values.size) + 0.5) / values.size
            lines.append(Line(name, share, values, token))
    limits: tuple[Limit, ...] = ()
    said = "How much of the time a level was exceeded."
    base = look.facts.base_load
    if base is not None:
        text = f"base load {scale.with_unit(base.power_w)}"
        limits = (Limit(base.power_w, text, dashed=True),)
        half = scale.with_unit(float(np.median(look.duration)))
        said = f"{text}; half of the time above {half}."
    return ChartData(
        lines=tuple(lines),
        limits=limits,
        x_range=(0.0, 100.0),
        y_zero=from_zero(look.quantity),
        tick_texts=_TIMES,
        description=said,
    )


def totals(look: HistoryLook, formats: Formats) -> tuple[ChartData, Scale, str]:
    """Bars per day or week beside those compared with; their scale; the title."""
    t = look.totals
    both = np.concatenate((t.totals, t.before))
    scale = total_scale(formats, look, both)
    finite = both[np.isfinite(both)]
    n = t.totals.size
    x = np.arange(n, dtype=np.float64)
    bars = [Bars("this period", x + 0.5, t.totals, 0.36, "grid_import")]
    if np.isfinite(t.before).any():
        name = words.other_name(look.against)
        bars.insert(0, Bars(name, x + 0.12, t.before, 0.36, "typical"))
    every = -(-n // 6)
    ticks = tuple(
        (i + 0.5, formats.day(int(t.edges_ms[i]), weekday=False)) for i in range(0, n, every)
    )
    top = 1.08 * float(np.abs(finite).max()) if finite.size else 1.0
    said = "Nothing is known of this period."
    if np.isfinite(t.totals).any():
        best = int(np.nanargmax(t.totals))
        said = (
            f"Most in the {t.per} from {formats.day(int(t.edges_ms[best]))}: "
            f"{scale.with_unit(float(t.totals[best]))}."
        )
    data = ChartData(
        bars=tuple(bars),
        x_range=(0.0, float(n)),
        y_range=(min(0.0, *finite.tolist(), 0.0), top or 1.0),
        tick_texts=ticks,
        y_zero=True,
        description=said,
    )
    return data, scale, scale.header(f"{'Energy' if t.is_energy else 'Mean'} per {t.per}")


def day(value: DayAgainstLike, formats: Formats, name: str) -> ChartData:
    """A day beside its like; what was not measured is dotted."""
    weekday = formats.local(value.day_start_ms).strftime("%A")
    x = (value.start_ms + value.step_s * 500) / 1000
    fans: tuple[Fan, ...] = ()
    if np.isfinite(value.low).any():
        fans = (Fan(f"other {weekday}s", x, value.low, value.high),)
    lines = [Line("day", x, value.values, "text")]
    if value.quality is not None:
        dotted = value.quality == IntervalQuality.ESTIMATED
        if dotted.any():
            near = dotted.copy()  # the dots reach to the measured neighbours
            near[1:] |= dotted[:-1]
            near[:-1] |= dotted[1:]
            lines = [
                Line("day", x, np.where(dotted, np.nan, value.values), "text"),
                Line("estimated", x, np.where(near, value.values, np.nan), "estimated", "dot"),
            ]
    said = f"{formats.day(value.day_start_ms)}: "
    if value.total_wh is None:
        said += f"beside {value.like_days} {weekday}s before it."
    elif value.typical_total_wh:
        said += (
            f"{formats.energy(value.total_wh)}; {weekday}s use "
            f"{formats.energy(value.typical_total_wh)}, 8 of 10 lie in the band."
        )
    else:
        said += (
            f"{formats.energy(value.total_wh)}; with {value.like_days} {weekday}s before "
            "there is no usual yet."
        )
    return ChartData(
        lines=tuple(lines),
        fans=fans,
        regions=regions(value.marks),
        y_zero=from_zero(name),
        description=said,
    )

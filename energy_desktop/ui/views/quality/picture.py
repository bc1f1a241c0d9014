"""Raw, validated and estimated energy as marks of one chart; pure: values in, marks out.

Up to some weeks every interval is drawn. Over a longer window days are: 35,000 steps on 700 pixels
show nothing but their peaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from energy_desktop.domain.editing import EditPreview, ThreeSeries
from energy_desktop.domain.energy import DAY_MS, HOUR_MS, IntervalQuality
from energy_desktop.services.data_quality import QualityLook
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.quality.words import Doubt
from energy_desktop.ui.widgets.chart_data import ChartData, Floats, Moment, Points, Region, Steps

INTERVALS_UP_TO_MS = 40 * DAY_MS
_EDGE_MARKS = 200  # hollow triangles at the edge; more of them are one band


@dataclass(frozen=True, slots=True)
class Window:
    """What of the period is seen."""

    start_ms: int
    end_ms: int

    @property
    def by_day(self) -> bool:
        return self.end_ms - self.start_ms > INTERVALS_UP_TO_MS


def around(start_ms: int, end_ms: int, first_ms: int, last_ms: int) -> Window:
    """The span with enough on both sides to compare it with, inside [first, last)."""
    room = max(DAY_MS, (end_ms - start_ms) // 2)
    start = max(first_ms, (start_ms - room) // HOUR_MS * HOUR_MS)
    end = min(last_ms, -(-(end_ms + room) // HOUR_MS) * HOUR_MS)
    return Window(start, end) if start < end else Window(first_ms, last_ms)


def picture(
    formats: Formats,
    look: QualityLook,
    doubts: Sequence[Doubt],
    window: Window,
    span: tuple[int, int] | None = None,
    preview: EditPreview | None = None,
) -> ChartData:
    """The chart of a window. span: the one that is to be corrected; it is shaded."""
    series = look.report.series
    if window.by_day:
        steps, points = _by_day(look, preview)
    else:
        steps, points = _by_interval(series, doubts, window, preview)
    regions = [*_gap_regions(series, doubts, window)]
    moments: list[Moment] = []
    if span is not None and not (span[0] <= window.start_ms and window.end_ms <= span[1]):
        regions.append(Region(span[0] / 1000, span[1] / 1000, "shade"))
        moments = [Moment(at / 1000, "", "accent") for at in span]
    return ChartData(
        steps=tuple(steps),
        points=tuple(points),
        regions=tuple(regions),
        moments=tuple(moments),
        x_range=(window.start_ms / 1000, window.end_ms / 1000),
        y_zero=True,
        description=describe(formats, look, window),
    )


def describe(formats: Formats, look: QualityLook, window: Window) -> str:
    """The picture in one sentence, over the intervals of the window."""
    series = look.report.series
    seen = (series.start_ms >= window.start_ms) & (series.start_ms < window.end_ms)
    quality = series.quality[seen]
    counts = {q: int(np.count_nonzero(quality == q)) for q in IntervalQuality}
    measured = counts[IntervalQuality.RAW] + counts[IntervalQuality.VALIDATED]
    words = [f"{formats.count(measured)} of {formats.count(len(quality))} intervals measured"]
    for kind, word in (
        (IntervalQuality.ESTIMATED, "estimated"),
        (IntervalQuality.EDITED, "edited"),
        (IntervalQuality.QUARANTINED, "quarantined"),
        (IntervalQuality.MISSING, "missing"),
    ):
        if counts[kind]:
            words.append(f"{formats.count(counts[kind])} {word}")
    period = formats.period(window.start_ms, window.end_ms)
    return f"{look.meter.name}, {period}: {', '.join(words)}."


def _by_interval(
    series: ThreeSeries, doubts: Sequence[Doubt], window: Window, preview: EditPreview | None
) -> tuple[list[Steps], list[Points]]:
    step_ms = 1000 * series.step_s
    first = int(np.searchsorted(series.start_ms, window.start_ms - step_ms))
    last = int(np.searchsorted(series.start_ms, window.end_ms))
    part = slice(first, last)
    starts, quality = series.start_ms[part], series.quality[part]
    if not len(starts):
        return [], []
    edges = np.append(starts, starts[-1] + step_ms) / 1000
    estimated, stands = series.estimated_wh[part], quality == IntervalQuality.EDITED
    edited = np.where(stands, estimated, np.nan)
    estimated = np.where(stands, np.nan, estimated)
    raw = series.raw_wh[part]
    steps = [
        Steps("Raw", edges, raw, "typical", fill=True),
        Steps("Validated", edges, series.validated_wh[part], "text"),
    ]
    points: list[Points] = []
    if np.isfinite(estimated).any():
        steps.append(Steps("Estimated", edges, estimated, "estimated", "dot"))
    if stands.any():
        steps.append(Steps("Edited", edges, edited, "text", legend=False))
        begins = np.flatnonzero(stands & ~np.concatenate(([False], stands[:-1])))
        middle = (starts[begins] + step_ms / 2) / 1000
        points.append(Points("Edited", middle, edited[begins], "text", "dot", 6.0))
    if preview is not None:
        steps.append(_after(series, starts, edges, preview))
    top = float(np.nanmax([np.fmax.reduce(s.y) for s in steps] + [1.0]))
    points += _not_believed(starts, step_ms, quality, raw, doubts, top)
    return steps, points


def _after(series: ThreeSeries, starts: np.ndarray, edges: Floats, preview: EditPreview) -> Steps:
    after = np.full(len(starts), np.nan)
    if preview.step_s == series.step_s:
        inside = np.isin(preview.start_ms, starts)
        after[np.searchsorted(starts, preview.start_ms[inside])] = preview.after_wh[inside]
    return Steps("After the correction", edges, after, "accent", "dash")


def _not_believed(
    starts: np.ndarray,
    step_ms: int,
    quality: np.ndarray,
    raw: Floats,
    doubts: Sequence[Doubt],
    top: float,
) -> list[Points]:
    """Hollow triangles: at the edge where there is no value, at the value that failed a rule."""
    at = starts[quality == IntervalQuality.QUARANTINED]
    x, y = (at + step_ms / 2) / 1000, np.full(len(at), top)
    if len(at) > _EDGE_MARKS:
        keep = np.linspace(0, len(at) - 1, _EDGE_MARKS).astype(int)
        x, y = x[keep], y[keep]
    for doubt in doubts:
        if not doubt.is_gap:
            here = (starts >= doubt.start_ms) & (starts < doubt.end_ms) & np.isfinite(raw)
            x = np.concatenate((x, (starts[here] + step_ms / 2) / 1000))
            y = np.concatenate((y, raw[here]))
    order = np.argsort(x, kind="stable")
    if not len(x):
        return []
    return [Points("Not plausible", x[order], y[order], "text2", "hollow", 8.0)]


def _by_day(look: QualityLook, preview: EditPreview | None) -> tuple[list[Steps], list[Points]]:
    """Totals of local days; a day counts what it knows, and a gap is hatched over it."""
    series = look.report.series
    if not look.days or not len(series.start_ms):
        return [], []
    midnights = np.array([d.start_ms for d in look.days], np.int64)
    edges = np.append(midnights, look.days[-1].end_ms)
    of = np.searchsorted(midnights, series.start_ms, side="right") - 1
    in_days = (of >= 0) & (series.start_ms < edges[-1])

    def total(values: Floats) -> Floats:
        known = in_days & np.isfinite(values)
        sums = np.bincount(of[known], values[known], len(midnights))
        return np.where(np.bincount(of[known], minlength=len(midnights)) > 0, sums, np.nan)

    force = np.where(np.isfinite(series.estimated_wh), series.estimated_wh, series.validated_wh)
    stands = np.isfinite(total(series.estimated_wh))
    seconds = edges / 1000
    steps = [
        Steps("Raw", seconds, total(series.raw_wh), "typical", fill=True),
        Steps("Validated", seconds, total(series.validated_wh), "text"),
    ]
    if stands.any():
        whole = np.where(stands, total(force), np.nan)
        steps.append(Steps("With estimated and edited", seconds, whole, "estimated", "dot"))
    if preview is not None and preview.step_s == series.step_s:
        inside = np.isin(preview.start_ms, series.start_ms)
        changed = np.searchsorted(series.start_ms, preview.start_ms[inside])
        new = force.copy()
        new[changed] = preview.after_wh[inside]
        touched = np.zeros(len(midnights), np.bool_)
        touched[of[changed][in_days[changed]]] = True
        after = np.where(touched, total(new), np.nan)
        steps.append(Steps("After the correction", seconds, after, "accent", "dash"))
    edited = in_days & (series.quality == IntervalQuality.EDITED)
    points = []
    if edited.any():
        days = np.unique(of[edited])
        middle = (edges[days] + edges[days + 1]) / 2000
        points.append(Points("Edited", middle, total(force)[days], "text", "dot", 6.0))
    return steps, points


def _gap_regions(series: ThreeSeries, doubts: Sequence[Doubt], window: Window) -> list[Region]:
    """Where nothing is in force, hatched, with the cause."""
    step_ms = 1000 * series.step_s
    in_force = np.isfinite(series.validated_wh) | np.isfinite(series.estimated_wh)
    found = []
    for doubt in doubts:
        outside = doubt.end_ms <= window.start_ms or window.end_ms <= doubt.start_ms
        if not doubt.is_gap or outside:
            continue
        first = int(np.searchsorted(series.start_ms, doubt.start_ms))
        last = int(np.searchsorted(series.start_ms, doubt.end_ms))
        without = np.flatnonzero(~in_force[first:last])
        for run in np.split(without, np.flatnonzero(np.diff(without) > 1) + 1):
            if len(run):
                start = int(series.start_ms[first + run[0]])
                end = int(series.start_ms[first + run[-1]]) + step_ms
                found.append(Region(start / 1000, end / 1000, "gap", doubt.cause))
    return found


def period_words(formats: Formats, window: Window, unit: str, look: QualityLook) -> str:
    """The window and what one step of the chart is, for the panel's second title."""
    period = formats.period(window.start_ms, window.end_ms)
    step = "day" if window.by_day else formats.duration(look.report.series.step_s)
    return f"{period}, {unit} per {step}"

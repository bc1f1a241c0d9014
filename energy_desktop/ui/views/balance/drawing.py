"""Balances and signatures as charts."""

from __future__ import annotations

import numpy as np

from energy_desktop.domain.balance import (
    BalanceSlices,
    EnergySignature,
    NodeBalance,
    Way,
    WeatherLook,
)
from energy_desktop.services.virtual_meters import VirtualPreview
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets.chart_data import (
    Bars,
    ChartData,
    Floats,
    Line,
    Points,
    Region,
    Steps,
)

_WIDTH = 0.76


def slices(
    node: NodeBalance, found: BalanceSlices, formats: Formats, *, by_month: bool, rest_only: bool
) -> tuple[ChartData, Scale]:
    """Bars by day or month. What is used stands hatched behind what is metered, so that the hatch
    that is left is the rest."""
    n = len(found.steps)
    x = np.arange(n, dtype=np.float64) + (1 - _WIDTH) / 2
    subs = [i for i, p in enumerate(node.parts) if p.way is Way.USED]
    metered = found.parts_wh[subs].sum(axis=0)
    metered[found.known_steps == 0] = np.nan
    if rest_only:
        bars: tuple[Bars, ...] = (Bars("unexplained rest", x, found.rest_wh, _WIDTH, "load"),)
        shown = found.rest_wh
    else:
        bars = (
            Bars("used behind it", x, found.used_wh, _WIDTH, "typical", hatched=True),
            Bars("metered", x, metered, _WIDTH, "load"),
        )
        shown = np.concatenate((found.used_wh, metered))
    finite = shown[np.isfinite(shown)]
    top = 1.08 * max(float(finite.max()), 0.0) if finite.size else 1.0
    low = 1.08 * min(float(finite.min()), 0.0) if finite.size else 0.0
    ticks = tuple(
        (i + 0.5, _label(int(edge), formats, by_month=by_month))
        for i, edge in enumerate(found.edges_ms[:-1])
    )
    gaps = tuple(
        Region(float(i), i + 1.0, "gap") for i in np.flatnonzero(found.known_steps == 0).tolist()
    )
    scale = formats.scale("Wh", finite.tolist())
    data = ChartData(
        bars=bars,
        regions=gaps,
        x_range=(0.0, float(n)),
        y_range=(low, top if top > low else low + 1.0),
        y_zero=True,
        tick_texts=ticks,
        description=_said(node, found, formats, scale, by_month=by_month),
    )
    return data, scale


def _label(edge_ms: int, formats: Formats, *, by_month: bool) -> str:
    if by_month:
        local = formats.local(edge_ms)
        return formats.month(local.year, local.month)
    return formats.day(edge_ms, weekday=False)


def _said(
    node: NodeBalance, found: BalanceSlices, formats: Formats, scale: Scale, *, by_month: bool
) -> str:
    known = np.isfinite(found.rest_wh)
    if not known.any():
        return "In no hour of this period all meters are known."
    most = int(np.nanargmax(np.abs(found.rest_wh)))
    per = "month" if by_month else "day"
    label = _label(int(found.edges_ms[most]), formats, by_month=by_month)
    return (
        f"Largest rest of a {per} behind {node.meter.name}: {label}, "
        f"{scale.with_unit(float(found.rest_wh[most]))} of "
        f"{scale.with_unit(float(found.used_wh[most]))}."
    )


def weather_days(look: WeatherLook, formats: Formats) -> tuple[ChartData, Scale, Scale]:
    """Energy as bars, the temperature as a line with its own axis."""
    days = look.days
    n = len(days)
    x = np.arange(n, dtype=np.float64)
    energy = _values([d.energy_wh for d in days])
    stands_in = np.array([d.estimated for d in days], dtype=np.bool_)
    warm = _values([d.mean_c for d in days])
    scale = formats.scale("Wh", energy[np.isfinite(energy)].tolist())
    bars = [
        Bars("energy", x + (1 - _WIDTH) / 2, np.where(stands_in, np.nan, energy), _WIDTH, "typical")
    ]
    if stands_in.any():
        bars.append(
            Bars(
                "partly estimated",
                x + (1 - _WIDTH) / 2,
                np.where(stands_in, energy, np.nan),
                _WIDTH,
                "typical",
                hatched=True,
            )
        )
    lines = [Line("mean temperature", x + 0.5, warm, "curve3", axis="right")]
    signature = look.signature
    if signature is not None:
        expected = _values(
            [
                None
                if d.heating_kd is None or d.cooling_kd is None
                else signature.expected_wh(d.heating_kd, d.cooling_kd, day_off=d.day_off)
                for d in days
            ]
        )
        lines.append(Line("expected by its degree days", x + 0.5, expected, "text", style="dash"))
    finite = energy[np.isfinite(energy)]
    gaps = tuple(
        Region(float(i), i + 1.0, "gap") for i in np.flatnonzero(~np.isfinite(energy)).tolist()
    )
    known = int(np.isfinite(energy).sum())
    data = ChartData(
        bars=tuple(bars),
        lines=tuple(lines),
        regions=gaps,
        x_range=(0.0, float(max(n, 1))),
        y_range=(
            min(0.0, float(finite.min()) if finite.size else 0.0),
            1.1 * float(finite.max()) if finite.size and finite.max() > 0 else 1.0,
        ),
        tick_texts=tuple((i + 0.5, formats.day(d.day, weekday=False)) for i, d in enumerate(days)),
        y_zero=True,
        description=f"Energy of {known} of {n} days beside the temperature of {look.source.name}.",
    )
    return data, scale, Scale("°C", 1.0, 1, formats.symbols)


def scatter(look: WeatherLook, formats: Formats) -> tuple[ChartData, Scale, str]:
    """Each day by its degree days, with the line through them; the name of the axis."""
    heats = _heats(look)
    rows = [
        (d.heating_kd if heats else d.cooling_kd, d.energy_wh, d.day_off)
        for d in look.days
        if d.energy_wh is not None and d.mean_c is not None and not d.estimated
    ]
    kd = _values([r[0] for r in rows])
    energy = _values([r[1] for r in rows])
    off = np.array([r[2] for r in rows], dtype=np.bool_)
    scale = formats.scale("Wh", energy.tolist())
    points = [
        Points(name, kd[mask], energy[mask], "curve1", shape)  # type: ignore[arg-type]
        for name, mask, shape in (
            ("Mon to Fri", ~off, "dot"),
            ("Sat, Sun", off, "ring"),
        )
        if mask.any()
    ]
    lines: list[Line] = []
    found = look.signature
    if found is not None and kd.size:
        ends = np.array([0.0, float(kd.max())])
        lines.append(Line("expected", ends, _expected(found, ends, heats=heats), "text"))
        if found.day_off_wh is not None:
            level = _expected(found, ends, heats=heats, day_off=True)
            lines.append(Line("", ends, level, "text", style="dash", legend=False))
    name = "heating" if heats else "cooling"
    top = float(energy.max()) if energy.size else 1.0
    data = ChartData(
        points=tuple(points),
        lines=tuple(lines),
        x_range=(0.0, max(1.05 * float(kd.max()), 1.0) if kd.size else 1.0),
        y_range=(
            min(0.0, float(energy.min()) if energy.size else 0.0),
            1.1 * top if top > 0 else 1,
        ),
        y_zero=True,
        description=f"{len(rows)} days by their {name} degree days.",
    )
    return data, scale, name


def _expected(found: EnergySignature, kd: Floats, *, heats: bool, day_off: bool = False) -> Floats:
    return np.array(
        [
            found.expected_wh(k if heats else 0.0, 0.0 if heats else k, day_off=day_off)
            for k in kd.tolist()
        ]
    )


def _heats(look: WeatherLook) -> bool:
    """Whether heating is the side to look at: the one with a slope, else with more degree days."""
    found = look.signature
    if found is not None and (found.heating is None) != (found.cooling is None):
        return found.heating is not None
    heating = sum(d.heating_kd or 0.0 for d in look.days)
    return heating >= sum(d.cooling_kd or 0.0 for d in look.days)


def preview(value: VirtualPreview, formats: Formats) -> tuple[ChartData, Scale]:
    """A day of a formula as power steps would hide its negative intervals: energy it is."""
    found = value.intervals
    edges = np.append(found.start_ms, value.end_ms) / 1000.0
    scale = formats.scale("Wh", found.energy_wh[np.isfinite(found.energy_wh)].tolist())
    gaps = tuple(
        Region(float(edges[i]), float(edges[i + 1]), "gap")
        for i in np.flatnonzero(np.isnan(found.energy_wh)).tolist()
    )
    told = f"Each {found.step_s // 60} min of {formats.day(value.start_ms)}."
    data = ChartData(
        steps=(Steps("result", edges, found.energy_wh, "text", fill=True),),
        regions=gaps,
        x_range=(float(edges[0]), float(edges[-1])),
        y_zero=True,
        description=told,
    )
    return data, scale


def _values(values: list[float | None]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)

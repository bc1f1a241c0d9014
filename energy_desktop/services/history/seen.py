"""The table behind a picture: what an export of it holds.

Each row says by itself which meter, quantity, period and zone it belongs to and how good it is, so
that a file can be read a year later by someone who never saw the screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import from_ms, iso_utc
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.quantities import quantity
from energy_desktop.services.history.values import (
    POWER,
    Curve,
    HistoryLook,
    MarkKind,
    QualityMark,
    Slots,
)

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Int64s

Column = tuple[str, "np.ndarray[Any, Any]"]
MEASURED = "measured"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class SeenTable:
    """columns, all of one length; about: facts of the whole table."""

    title: str
    columns: tuple[Column, ...]
    about: Mapping[str, str]

    @property
    def rows(self) -> int:
        return int(self.columns[0][1].size) if self.columns else 0


def slots_seen(look: HistoryLook, zone: ZoneInfo) -> SeenTable:
    """A row per slot of the period: value, least, most, quality."""
    s = look.slots
    unit = _unit(look.quantity)
    columns: list[Column] = [
        *_who(look, s.start_ms.size, zone),
        ("time_utc", s.start_ms),
        ("time_local", _local(s.start_ms, zone)),
        ("step_s", np.full(s.start_ms.size, s.step_s)),
        (f"value{unit}", s.values),
        (f"least{unit}", s.minimum),
        (f"most{unit}", s.maximum),
        ("quality", _quality(s)),
        ("cause", _causes(s.start_ms, s.step_s * 1000, look.marks)),
    ]
    return SeenTable(_title(look), tuple(columns), _about(look, zone))


def days_seen(look: HistoryLook, zone: ZoneInfo) -> SeenTable:
    """A row per local day: its energy or mean, and what of it is missing or not measured."""
    d = look.days
    name = "energy_wh" if d.is_energy else f"mean{_unit(look.quantity)}"
    words = np.where(
        d.missing > 0, "incomplete", np.where(d.not_measured > 0, "partly estimated", MEASURED)
    )
    columns: list[Column] = [
        *_who(look, d.totals.size, zone),
        ("day", np.array([_date(int(t), zone) for t in d.edges_ms[:-1]], dtype=object)),
        ("day_start_utc", d.edges_ms[:-1]),
        ("hours", np.diff(d.edges_ms) / 3_600_000),
        (name, d.totals),
        ("missing_slots", d.missing),
        ("estimated_slots", d.not_measured),
        ("quality", words.astype(object)),
    ]
    return SeenTable(_title(look), tuple(columns), _about(look, zone))


def week_seen(look: HistoryLook, zone: ZoneInfo) -> SeenTable:
    """A row per hour of the week: percentiles of the measured slots."""
    w = look.week
    unit = _unit(look.quantity)
    hours = np.arange(w.median.size)
    columns: list[Column] = [
        *_who(look, hours.size, zone),
        ("weekday", np.array([_DAYS[h // 24] for h in hours], dtype=object)),
        ("hour", hours % 24),
        (f"p05{unit}", w.p05),
        (f"p25{unit}", w.p25),
        (f"median{unit}", w.median),
        (f"p75{unit}", w.p75),
        (f"p95{unit}", w.p95),
        ("slots", w.count),
        ("quality", np.full(hours.size, MEASURED, dtype=object)),
    ]
    return SeenTable(_title(look), tuple(columns), _about(look, zone))


def curves_seen(
    curves: Sequence[Curve],
    marks: Mapping[tuple[str, str], Sequence[QualityMark]],
    window_ms: tuple[int, int],
    zone: ZoneInfo,
) -> SeenTable:
    """A row per drawn point of each curve within the window; stand-ins have their own rows."""
    parts: dict[str, list[np.ndarray[Any, Any]]] = {}

    def add(name: str, values: np.ndarray[Any, Any]) -> None:
        parts.setdefault(name, []).append(values)

    for curve in curves:
        own = marks.get((curve.meter_id, curve.quantity), ())
        edited = [m for m in own if m.kind is MarkKind.EDITED]
        for times, values, least, most, word in (
            (curve.time_ms, curve.values, curve.minimum, curve.maximum, MEASURED),
            (curve.stand_in_ms, curve.stand_in, curve.stand_in, curve.stand_in, "estimated"),
        ):
            use = (times >= window_ms[0]) & (times < window_ms[1]) & np.isfinite(values)
            at = times[use]
            n = at.size
            words = np.full(n, word, dtype=object)
            for mark in edited:
                words[(at >= mark.start_ms) & (at < mark.end_ms)] = "edited"
            add("meter_id", np.full(n, curve.meter_id, dtype=object))
            add("meter", np.full(n, curve.meter_name, dtype=object))
            add("quantity", np.full(n, curve.quantity, dtype=object))
            add("unit", np.full(n, quantity(curve.quantity).unit, dtype=object))
            add("zone", np.full(n, zone.key, dtype=object))
            add("period_start_utc", np.full(n, window_ms[0]))
            add("period_end_utc", np.full(n, window_ms[1]))
            add("time_utc", at)
            add("time_local", _local(at, zone))
            add("value", values[use])
            add("least", least[use])
            add("most", most[use])
            add("quality", words)
    names = ", ".join(dict.fromkeys(c.meter_name for c in curves))
    about = {
        "curves": "; ".join(f"{c.meter_name} {c.quantity}" for c in curves),
        "period_start_utc": iso_utc(window_ms[0]),
        "period_end_utc": iso_utc(window_ms[1]),
        "zone": zone.key,
    }
    return SeenTable(names, tuple((n, np.concatenate(p)) for n, p in parts.items()), about)


def _who(look: HistoryLook, n: int, zone: ZoneInfo) -> list[Column]:
    return [
        ("meter_id", np.full(n, look.subject.meter.meter_id, dtype=object)),
        ("meter", np.full(n, look.subject.meter.name, dtype=object)),
        ("quantity", np.full(n, look.quantity, dtype=object)),
        ("period_start_utc", np.full(n, look.start_ms)),
        ("period_end_utc", np.full(n, look.end_ms)),
        ("zone", np.full(n, zone.key, dtype=object)),
    ]


def _about(look: HistoryLook, zone: ZoneInfo) -> dict[str, str]:
    facts = {
        "meter": look.subject.meter.name,
        "meter_id": look.subject.meter.meter_id,
        "quantity": look.quantity,
        "period_start_utc": iso_utc(look.start_ms),
        "period_end_utc": iso_utc(look.end_ms),
        "zone": zone.key,
        "measured": f"{look.facts.completeness_pct:.3f} %",
    }
    if look.facts.energy_wh is not None:
        facts["energy_wh"] = f"{look.facts.energy_wh:.0f}"
    return facts


def _title(look: HistoryLook) -> str:
    return f"{look.subject.meter.name}, {quantity(look.quantity).label.lower()}"


def _unit(name: str) -> str:
    """The ending of a column's name: `_w`, `_wh`; the unit is in the name, as everywhere."""
    if name == POWER:
        return "_w"
    tail = name.rsplit("_", 1)[-1]
    return f"_{tail}" if quantity(name).unit and "_" in name else ""


def _local(times: Int64s, zone: ZoneInfo) -> np.ndarray[Any, Any]:
    """Local times with their offset: the hour that happens twice is told apart."""
    return np.array(
        [from_ms(int(t)).astimezone(zone).isoformat(timespec="seconds") for t in times],
        dtype=object,
    )


def _date(at_ms: int, zone: ZoneInfo) -> str:
    return from_ms(at_ms).astimezone(zone).date().isoformat()


def _quality(s: Slots) -> np.ndarray[Any, Any]:
    if s.quality is None:
        return np.where(np.isfinite(s.values), MEASURED, "missing").astype(object)
    names = {
        int(q): MEASURED
        if q in (IntervalQuality.RAW, IntervalQuality.VALIDATED)
        else q.name.lower()
        for q in IntervalQuality
    }
    return np.array([names[q] for q in s.quality.tolist()], dtype=object)


def _causes(starts: Int64s, step_ms: int, marks: Sequence[QualityMark]) -> np.ndarray[Any, Any]:
    causes = np.full(starts.size, "", dtype=object)
    for mark in marks:
        causes[(starts < mark.end_ms) & (starts + step_ms > mark.start_ms)] = mark.cause
    return causes

"""What the page "Balance" shows, as a document, for the window and for the command alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain import wording
from energy_desktop.domain.balance import (
    BalanceSlices,
    EnergySignature,
    NodeBalance,
    Way,
    WeatherDay,
    WeatherLook,
)
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.document import (
    Cell,
    Document,
    DocumentBars,
    DocumentColumn,
    DocumentFigure,
    DocumentSection,
    DocumentStack,
)
from energy_desktop.domain.ports import ConfigurationStore
from energy_desktop.domain.site import VirtualMeter
from energy_desktop.services.balances import BalanceService
from energy_desktop.services.papers import Letterhead, cell_day, cell_kwh

_PARTS = (
    DocumentColumn("Main meter", weight=0),
    DocumentColumn("Meter", weight=3.2),
    DocumentColumn("Way", weight=1.4),
    DocumentColumn("kWh", "kwh", 1.4),
    DocumentColumn("Share of use, %", "pct", 1.5),
    DocumentColumn("Estimated, kWh", "kwh", 1.5),
    DocumentColumn("Hours missing", "hours", 1.4),
)
_SLICES = (
    DocumentColumn("Main meter", weight=0),
    DocumentColumn("Begins", "date", 2.0),
    DocumentColumn("Used, kWh", "kwh", 1.3),
    DocumentColumn("Metered, kWh", "kwh", 1.3),
    DocumentColumn("Rest, kWh", "kwh", 1.3),
    DocumentColumn("Rest, %", "pct", 1.0),
    DocumentColumn("Hours known to all", "hours", 1.6),
    DocumentColumn("of", "hours", 0.8),
)
_DAYS = (
    DocumentColumn("Day", "date", 2.0),
    DocumentColumn("Energy, kWh", "kwh", 1.4),
    DocumentColumn("Expected, kWh", "kwh", 1.5),
    DocumentColumn("Mean °C", "celsius", 1.1),
    DocumentColumn("Heating Kd", "kd", 1.2),
    DocumentColumn("Cooling Kd", "kd", 1.2),
    DocumentColumn("Remark", weight=1.6),
)
_FORMULAS = (
    DocumentColumn("Meter", weight=2.0),
    DocumentColumn("Name", weight=2.5),
    DocumentColumn("Formula", weight=5.0),
    DocumentColumn("Note", weight=2.5),
)


class BalancePapers:
    """simulated: whether the site is a demo, which every paper of it must say."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        balances: BalanceService,
        clock: Clock,
        simulated: Callable[[], bool] = lambda: False,
    ) -> None:
        self._configuration = configuration
        self._balances = balances
        self._clock = clock
        self._letterhead = Letterhead(clock, simulated)

    def balance(self, nodes: Sequence[NodeBalance], *, by_month: bool = False) -> Document:
        """Each main meter with its parts, the course of its rest and what it likely is."""
        site = self._configuration.load().site
        zone = ZoneInfo(site.zone)
        sections: list[DocumentSection] = []
        for node in nodes:
            slices = _inner(self._balances.slices(node, by_month=by_month))
            sections.append(_parts_section(node, slices, zone, by_month=by_month))
            sections.append(_slices_section(node, slices, zone, by_month=by_month))
        periods = [n.period_ms for n in nodes]
        closed = sum(n.closed for n in nodes)
        told = f"{closed} of {wording.count(len(nodes), 'main meter')} add up with what is behind."
        return self._letterhead.document(
            site,
            "Energy balance",
            (min((p[0] for p in periods), default=0), max((p[1] for p in periods), default=0)),
            told if nodes else "No meter stands behind another one.",
            figures=_node_figures(nodes[0]) if nodes else (),
            sections=sections,
        )

    def weather(self, look: WeatherLook) -> Document:
        """Energy beside degree days, and what depends on them."""
        days = look.days
        section = DocumentSection(
            f"{look.meter.name} by day",
            (
                f"Temperature of {look.source.name}. Heating degree days below "
                f"{wording.number(look.heating_base_c)} °C, cooling degree days above "
                f"{wording.number(look.cooling_base_c)} °C, of the mean of each local day.",
            ),
            sheet="days",
            columns=_DAYS,
            rows=tuple(_weather_row(d, look.signature) for d in days),
        )
        return self._letterhead.document(
            self._configuration.load().site,
            f"Energy and temperature, {look.meter.name}",
            (days[0].start_ms if days else look.end_ms, look.end_ms),
            signature_sentence(look),
            figures=_signature_figures(look),
            sections=(section,),
        )

    def virtual(self, meters: Sequence[VirtualMeter]) -> Document:
        """All formulas."""
        now_ms = to_ms(self._clock())
        return self._letterhead.document(
            self._configuration.load().site,
            "Virtual meters",
            (now_ms, now_ms),
            f"{wording.count(len(meters), 'virtual meter')}.",
            sections=(
                DocumentSection(
                    "Formulas",
                    sheet="virtual meters",
                    columns=_FORMULAS,
                    rows=tuple((v.meter_id, v.name, v.formula, v.note) for v in meters),
                ),
            ),
        )


def _inner(slices: BalanceSlices) -> BalanceSlices:
    """Without the days before the first and after the last of which anything is known."""
    known = np.flatnonzero(slices.known_steps)
    first, last = (int(known[0]), int(known[-1]) + 1) if known.size else (0, 0)
    return BalanceSlices(
        slices.edges_ms[first : last + 1],
        slices.steps[first:last],
        slices.known_steps[first:last],
        slices.parts_wh[:, first:last],
        slices.used_wh[first:last],
        slices.rest_wh[first:last],
    )


def signature_sentence(look: WeatherLook) -> str:
    """What the weather has to do with it, in words with their figures."""
    found = look.signature
    if found is None:
        return look.refusal
    if found.heating is None and found.cooling is None:
        return (
            f"{look.meter.name} does not depend on the weather as far as "
            f"{wording.count(found.days, 'day')} tell: {_kwh(found.base_wh)} kWh a day"
            + _day_off(found)
            + "."
        )
    parts = [f"{_kwh(found.base_wh)} kWh a day without weather{_day_off(found)}"]
    for name, slope in (("heating", found.heating), ("cooling", found.cooling)):
        if slope is not None:
            parts.append(
                f"{_kwh(slope.wh_per_kd, 2)} kWh per {name} degree day "
                f"(95 %: {_kwh(slope.low, 2)} to {_kwh(slope.high, 2)})"
            )
    return (
        f"{look.meter.name} uses {', plus '.join(parts)}. Over {wording.count(found.days, 'day')} "
        f"that explains {wording.percent(100 * found.r2, 0)}; CV(RMSE) "
        f"{wording.percent(found.cv_rmse_pct)} against {wording.percent(found.mean_cv_rmse_pct)} "
        "of the mean day."
    )


def _day_off(found: EnergySignature) -> str:
    if found.day_off_wh is None:
        return ""
    less = "less" if found.day_off_wh < 0 else "more"
    return f", {_kwh(abs(found.day_off_wh))} kWh {less} on Saturdays and Sundays"


def _kwh(energy_wh: float, decimals: int = 1) -> str:
    return wording.number(energy_wh / 1000, decimals)


def _pct(part: float | None, whole: float) -> float | None:
    if part is None or np.isnan(part) or not whole > 0:
        return None
    return round(100.0 * part / whole, 2)


def _hours(steps: int, step_s: int) -> float:
    return steps * step_s / 3600


def _node_figures(node: NodeBalance) -> tuple[DocumentFigure, ...]:
    rest = node.rest
    known = (
        f"{_hours(rest.steps, node.step_s):g} of {_hours(node.steps, node.step_s):g} hours known"
    )
    return (
        DocumentFigure("Used behind it", f"{_kwh(rest.main_wh)} kWh", node.meter.name),
        DocumentFigure("Metered", f"{_kwh(rest.sub_wh)} kWh", known),
        DocumentFigure(
            "Rest", "–" if node.absent else f"{_kwh(rest.total_wh)} kWh", rest.cause.value
        ),
        DocumentFigure("Rest of use", wording.percent(100 * rest.share)),
    )


def _parts_section(
    node: NodeBalance, slices: BalanceSlices, zone: ZoneInfo, *, by_month: bool
) -> DocumentSection:
    rest, used = node.rest, node.rest.main_wh
    rows: list[tuple[Cell, ...]] = [
        (
            node.meter.name,
            part.meter.name,
            part.way.value,
            cell_kwh(part.shared_wh),
            _pct(part.shared_wh, used) if part.way is Way.USED else None,
            cell_kwh(part.estimated_wh),
            _hours(node.steps - part.known_steps, node.step_s),
        )
        for part in node.parts
    ]
    rows += [
        (node.meter.name, m.name, "unknown", None, None, None, _hours(node.steps, node.step_s))
        for m in node.absent
    ]
    rows.append(
        (
            node.meter.name,
            "Unexplained rest",
            rest.cause.value,
            None if node.absent else cell_kwh(rest.total_wh),
            _pct(None if node.absent else rest.total_wh, used),
            None,
            _hours(node.steps - rest.steps, node.step_s),
        )
    )
    return DocumentSection(
        node.meter.name,
        (rest.sentence, _energy_of(node)),
        _bars(node, slices, zone, by_month=by_month),
        "parts",
        _PARTS,
        tuple(rows),
        frozenset({len(rows) - 1}),
    )


def _energy_of(node: NodeBalance) -> str:
    """In which hours all energy of the table is, so that parts and rest add up."""
    if node.common_h is not None:
        return (
            f"All energy is {wording.common_hours(node.common_h)}, so that parts and rest add up."
        )
    if node.steps and node.rest.steps == node.steps:
        return "All hours are known of every one of these meters."
    return "There is no hour that is known of every one of these meters."


def _bars(
    node: NodeBalance, slices: BalanceSlices, zone: ZoneInfo, *, by_month: bool
) -> DocumentBars:
    subs = [i for i, p in enumerate(node.parts) if p.way is Way.USED]
    metered = slices.parts_wh[subs].sum(axis=0)
    return DocumentBars(
        tuple(_label(int(e), zone, by_month=by_month) for e in slices.edges_ms[:-1]),
        "kWh",
        (
            DocumentStack("metered", _kwhs(metered), "load"),
            DocumentStack("unexplained rest", _kwhs(slices.rest_wh), "typical"),
        ),
        tuple((slices.known_steps < slices.steps).tolist()),
    )


def _label(edge_ms: int, zone: ZoneInfo, *, by_month: bool) -> str:
    local = cell_day(edge_ms, zone)
    return wording.month(f"{local:%Y-%m}") if by_month else wording.short_day(local)


def _kwhs(energy_wh: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(v) else v / 1000 for v in energy_wh.tolist())


def _slices_section(
    node: NodeBalance, slices: BalanceSlices, zone: ZoneInfo, *, by_month: bool
) -> DocumentSection:
    per = "month" if by_month else "day"
    rows = tuple(
        (
            node.meter.name,
            cell_day(int(edge), zone),
            cell_kwh(float(slices.used_wh[i])),
            cell_kwh(float(slices.used_wh[i] - slices.rest_wh[i])),
            cell_kwh(float(slices.rest_wh[i])),
            _pct(float(slices.rest_wh[i]), float(slices.used_wh[i])),
            _hours(int(slices.known_steps[i]), node.step_s),
            _hours(int(slices.steps[i]), node.step_s),
        )
        for i, edge in enumerate(slices.edges_ms[:-1])
    )
    return DocumentSection(
        f"{node.meter.name} by {per}",
        sheet=f"{per}s",
        columns=_SLICES,
        rows=rows,
    )


def _weather_row(day: WeatherDay, signature: EnergySignature | None) -> tuple[Cell, ...]:
    expected = (
        None
        if signature is None or day.heating_kd is None or day.cooling_kd is None
        else signature.expected_wh(day.heating_kd, day.cooling_kd, day_off=day.day_off)
    )
    remark = "estimated" if day.estimated else "not whole" if day.energy_wh is None else ""
    return (
        day.day,
        cell_kwh(day.energy_wh),
        cell_kwh(expected),
        day.mean_c,
        day.heating_kd,
        day.cooling_kd,
        remark,
    )


def _signature_figures(look: WeatherLook) -> tuple[DocumentFigure, ...]:
    found = look.signature
    if found is None:
        return ()
    heating, cooling = (
        DocumentFigure(
            f"{name} slope",
            "–" if slope is None else f"{_kwh(slope.wh_per_kd, 2)} kWh/Kd",
            "none to be told"
            if slope is None
            else f"{_kwh(slope.low, 2)} to {_kwh(slope.high, 2)}",
        )
        for name, slope in (("Heating", found.heating), ("Cooling", found.cooling))
    )
    return (
        DocumentFigure("Base load", f"{_kwh(found.base_wh)} kWh", "a day without degree days"),
        heating,
        cooling,
        DocumentFigure(
            "CV(RMSE)",
            wording.percent(found.cv_rmse_pct),
            f"mean day {wording.percent(found.mean_cv_rmse_pct)}",
        ),
    )

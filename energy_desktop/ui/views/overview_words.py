"""How the overview's values become nodes, dots and sentences. Pure: values and formats in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from energy_desktop.domain.alarm import Alarm, Condition
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.overview import REST, DemandNow, PowerNow, PowerPart
from energy_desktop.domain.site import Role
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets.demand_gauge import Demand
from energy_desktop.ui.widgets.meter_dots import Dot, DotGroup, DotState
from energy_desktop.ui.widgets.power_flow import FlowNode, PowerFlow

_TOKENS = {Role.GRID: "grid_import", Role.SOLAR: "solar", Role.BATTERY: "battery"}
_ICONS = {
    Role.GRID: "transmission-tower",
    Role.SOLAR: "white-balance-sunny",
    Role.BATTERY: "battery-medium",
}
_IDLE_W = 50.0


def flow_of(power: PowerNow, formats: Formats) -> PowerFlow:
    """Nodes with their second lines; a part with a silent meter has no width and says so."""
    tops = [max(s.power_w or 0.0, s.usual.high_w if s.usual else 0.0) for s in power.sinks]
    return PowerFlow(
        tuple(_source(part, formats, power.at_ms) for part in power.sources),
        tuple(
            _sink(part, formats, power.at_ms, top)
            for part, top in zip(power.sinks, tops, strict=True)
        ),
        power.load_w,
    )


def _source(part: PowerPart, formats: Formats, now_ms: int) -> FlowNode:
    name = "Grid import" if part.role is Role.GRID else part.name
    if part.lost:
        detail = lost_words(part, formats, now_ms)
    elif part.role is Role.BATTERY:
        detail = "discharging" if (part.power_w or 0.0) > _IDLE_W else "idle"
    elif part.role is Role.SOLAR:
        detail = "producing" if (part.power_w or 0.0) > _IDLE_W else "no sun"
    else:
        detail = "from the grid"
    return FlowNode(
        part.part_id,
        name,
        part.power_w,
        detail,
        _TOKENS.get(part.role, "load"),
        _ICONS.get(part.role, ""),
        stale=bool(part.lost),
    )


def _sink(part: PowerPart, formats: Formats, now_ms: int, top_w: float) -> FlowNode:
    scale, relation = formats.scale("W"), above_or_below(part)
    if part.export:
        name = "Grid export" if part.role is Role.GRID else f"{part.name}, charging"
        token = "grid_export" if part.role is Role.GRID else "battery"
        return FlowNode(part.part_id, name, part.power_w, "", token)
    if part.lost:
        detail = lost_words(part, formats, now_ms)
    elif part.usual is None:
        detail = "usual not known yet"
    else:
        low, high = scale.text(part.usual.low_w), scale.text(part.usual.high_w)
        if low == high:  # "0.3 to 0.3" would not tell what is above it
            scale = replace(scale, decimals=scale.decimals + 1)
            low, high = scale.text(part.usual.low_w), scale.text(part.usual.high_w)
        span = low if low == high else f"{low} to {high}"
        detail = f"{relation or 'typical'} {span}"
    return FlowNode(
        part.part_id,
        part.name,
        part.power_w,
        detail,
        typical_w=None if part.usual is None else (part.usual.low_w, part.usual.high_w),
        scale_max_w=max(top_w * 1.25, 1.0),
        stale=bool(part.lost),
        outside=bool(relation),
        decimals=scale.decimals,
    )


def lost_words(part: PowerPart, formats: Formats, now_ms: int) -> str:
    """ "lost 15 min, last 38.2 kW", or which of several meters are silent."""
    if part.last_ms is not None:
        age = formats.duration((now_ms - part.last_ms) / 1000)
        return f"lost {age}, last {formats.power(part.last_w)}"
    if part.part_id == REST or len(part.lost) > 1:
        return f"unknown: {len(part.lost)} {'meter' if len(part.lost) == 1 else 'meters'} silent"
    return f"{part.lost[0]} does not answer" if len(part.meter_ids) > 1 else "no reading yet"


def above_or_below(part: PowerPart) -> str:
    """Outside of what is usual by more than the last digit shown."""
    if part.power_w is None or part.usual is None:
        return ""
    if part.power_w > part.usual.high_w + 50.0:
        return "above typical"
    if part.power_w < part.usual.low_w - 50.0:
        return "below typical"
    return ""


def demand_of(demand: DemandNow) -> Demand | None:
    """None before the first block that was seen from its start."""
    if demand.mean_w is None:
        return None
    return Demand(
        demand.start_ms,
        demand.end_ms,
        demand.at_ms,
        demand.mean_w,
        demand.projected_w,
        demand.trace,
        demand.peak_w,
        demand.contract_w,
    )


def demand_empty(demand: DemandNow, formats: Formats) -> str:
    """Why there is no mean yet, and what it will be held against."""
    end = formats.clock_time(demand.end_ms)
    why = f"From {end}: the running quarter hour was not read whole."
    known = [
        f"{name} {formats.scale('W').with_unit(power_w)}"
        for name, power_w in (("contract", demand.contract_w), ("peak this month", demand.peak_w))
        if power_w is not None
    ]
    against = ", ".join(known)
    return f"{why}\n{against[:1].upper()}{against[1:]}." if known else why


def demand_sentence(demand: DemandNow, formats: Formats) -> str:
    """What may still be drawn in the running block."""
    if demand.free_w is None or demand.limit_w is None:
        return ""
    end = formats.clock_time(demand.end_ms)
    over_contract = demand.contract_w is not None and demand.limit_w == demand.contract_w
    if demand.free_w <= 0.0:
        limit = "the contract" if over_contract else "the month's peak"
        return f"Already past {limit} in this block."
    free = formats.scale("W").with_unit(demand.free_w)
    if over_contract:
        return f"Up to {free} until {end} keeps the contract."
    return f"Up to {free} until {end} sets no new peak."


def answer_of(power: PowerNow, demand: DemandNow | None, formats: Formats) -> str:
    """The sentence of the title line: normal or not, and whether a peak is coming."""
    parts = []
    silent = sum(len(p.lost) for p in (*power.sources, *power.sinks) if p.part_id != REST)
    above = [p for p in power.sinks if above_or_below(p) == "above typical"]
    if power.load_w is None:
        parts.append(
            f"Site load unknown: {silent} {'meter does' if silent == 1 else 'meters do'} "
            "not answer."
        )
    if above:
        worst = max(above, key=lambda p: (p.power_w or 0.0) - (p.usual.high_w if p.usual else 0.0))
        over = (worst.power_w or 0.0) - (worst.usual.high_w if worst.usual else 0.0)
        parts.append(f"Above usual: {worst.name}, {formats.power(over)} over its range.")
    elif power.load_w is not None:
        known = any(p.usual is not None for p in power.sinks)
        usual = ", nothing above its usual range" if known else ""
        parts.append(f"Site load {formats.power(power.load_w)}{usual}.")
    if demand is not None and demand.projected_w is not None and demand.limit_w is not None:
        end = formats.clock_time(demand.end_ms)
        over_w = demand.projected_w - demand.limit_w
        if over_w > 0:
            parts.append(f"Demand heads {formats.power(over_w)} over its limit at {end}.")
        else:
            parts.append(f"Demand safe until {end}.")
    return " ".join(parts)


def dots_of(
    configuration: Configuration,
    statuses: Mapping[str, MeterStatus],
    alarms: Sequence[Alarm],
    formats: Formats,
) -> tuple[DotGroup, ...]:
    """One dot per polled meter, by link."""
    frozen = {a.meter_id for a in alarms if a.is_active and a.rule.condition is Condition.FROZEN}
    now_ms = formats.now_ms()
    groups = []
    for link in configuration.links:
        dots = []
        for meter in configuration.meters:
            if meter.link_id != link.link_id or not meter.driver_id or not meter.enabled:
                continue
            status = statuses.get(meter.meter_id)
            state, text = _dot(status, meter.meter_id in frozen, formats, now_ms)
            dots.append(Dot(meter.meter_id, meter.name, state, text))
        if dots:
            groups.append(DotGroup(link.device or link.address, tuple(dots)))
    return tuple(groups)


def _dot(
    status: MeterStatus | None, frozen: bool, formats: Formats, now_ms: int
) -> tuple[DotState, str]:
    if status is None or status.state in (LinkState.WAITING, LinkState.STOPPED):
        return "waiting", "not read yet"
    if status.state in (LinkState.LOST, LinkState.MISCONFIGURED):
        since = status.lost_since_ms
        for_how_long = "" if since is None else f" {formats.duration((now_ms - since) / 1000)}"
        return "lost", f"lost{for_how_long}"
    if frozen:
        return "frozen", "same value for long"
    if status.state is LinkState.LATE:
        return "late", "late"
    return "good", ""


def dots_sentence(groups: Sequence[DotGroup], completeness_pct: float | None, f: Formats) -> str:
    states = [d.state for g in groups for d in g.dots]
    parts = [
        f"{states.count(state)} {state}"
        for state in ("lost", "late", "frozen", "waiting")
        if state in states
    ]
    sentence = ", ".join(parts) + ". " if parts else "All answer. "
    if completeness_pct is not None:
        sentence += f"Today's data {f.percent(completeness_pct, 1)} complete."
    return sentence.strip()

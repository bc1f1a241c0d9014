"""What the loads page says: the answer, the price picture, the facts of a command."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from energy_desktop.domain.plan import PlanSlot, ShedAction, ShedPlan
from energy_desktop.services.loads import Command, CommandResult, DeviceRow, LoadsOutlook
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets.chart_data import ChartData, Floats, Moment, Region, Steps

VOLTAGE_WORDS = {
    "normal": ("Normal", "every voltage alarm goes back to normal within 20 s."),
    "high_warning": ("High, warning", "the alarm for high voltage within 10 s."),
    "high_critical": ("High, critical", "the critical alarm for high voltage within 10 s."),
    "low_warning": ("Low, warning", "the alarm for low voltage within 10 s."),
    "low_critical": ("Low, critical", "the critical alarm for low voltage within 10 s."),
    "fluctuating": ("Fluctuating", "the alarm for fluctuating voltage within a minute."),
}


@dataclass(frozen=True, slots=True)
class CommandWords:
    """How one command is asked for. deed and leave are the verbs of the two buttons."""

    question: str
    deed: str
    leave: str
    effect: str
    past: str


def command_words(row: DeviceRow, command: Command) -> CommandWords:
    name = row.device.name
    if command is Command.OFF:
        longest = row.device.longest_off_min
        return CommandWords(
            f"Switch off {name}?",
            f"Switch off {name}",
            "Keep it on",
            f"off until told otherwise; missed after {longest} min",
            "off",
        )
    if command is Command.ON:
        return CommandWords(
            f"Switch on {name}?",
            f"Switch on {name}",
            "Leave it as it is",
            "on until told otherwise, its timetable is ignored",
            "on",
        )
    return CommandWords(
        f"Give {name} back to its timetable?",
        "Give back to timetable",
        "Leave it as it is",
        "its own timetable decides again",
        "by timetable",
    )


def command_facts(
    row: DeviceRow, command: Command, formats: Formats
) -> tuple[tuple[str, str], ...]:
    """What is written where, and what follows; for the dialog before a command."""
    device = row.device
    address = "–" if row.link is None else row.link.address
    return (
        ("Now", formats.power(row.power_w)),
        ("Writes", f"value {int(command)} to holding register {device.control_register}"),
        ("To", f"unit {device.control_unit_id} at {address}"),
        ("Then", "the register is read back at once"),
        ("Effect", command_words(row, command).effect),
        ("If contact is lost", "it stays as it was last told"),
    )


def read_back(row: DeviceRow, result: CommandResult, formats: Formats) -> str:
    at = formats.clock_time(result.at_ms, seconds=True)
    register = row.device.control_register
    text = f"register {register} reads back {result.held} at {at}"
    return text if result.done else f"{text}, not {int(result.asked)}"


def answer(outlook: LoadsOutlook, formats: Formats) -> str:
    """What pausing would bring in the hours whose price is known."""
    slots = outlook.slots
    span_s = (slots[-1].end_ms - slots[0].start_ms) / 1000 if slots else 0.0
    ahead = f"in the next {formats.duration(span_s)}"
    plan = outlook.plan
    if not plan.actions:
        return f"No pause is worth making {ahead}."
    count = len({action.device_id for action in plan.actions})
    loads = "1 load" if count == 1 else f"{count} loads"
    return f"Pausing {loads} {ahead} saves {formats.money_value(plan.saving)}."


def rival(plan: ShedPlan, formats: Formats) -> str:
    """The saving against that of the simplest rule."""
    return (
        f"saves {formats.money_value(plan.saving)}; everything off in the dearest hour: "
        f"{formats.money_value(plan.naive_saving)}"
    )


def price_chart(outlook: LoadsOutlook, now_ms: int, formats: Formats) -> ChartData:
    """Price steps with the planned pauses behind them."""
    edges, prices = _steps(outlook.slots)
    return ChartData(
        steps=(Steps("Price", edges, prices, "price"),),
        regions=pauses(outlook.plan.actions),
        moments=(Moment(now_ms / 1000, "now"),),
        y_zero=True,
        description=answer(outlook, formats),
    )


def _steps(slots: tuple[PlanSlot, ...]) -> tuple[Floats, Floats]:
    """Edges (n + 1,) in epoch s and prices (n,); NaN where no slot is."""
    edges: list[float] = []
    prices: list[float] = []
    for slot in slots:
        start = slot.start_ms / 1000
        if not edges:
            edges.append(start)
        elif start > edges[-1]:
            edges.append(start)
            prices.append(math.nan)
        edges.append(slot.end_ms / 1000)
        prices.append(slot.import_per_kwh)
    return np.array(edges), np.array(prices)


def pauses(actions: tuple[ShedAction, ...]) -> tuple[Region, ...]:
    """Pauses that overlap are one region that names its load, or how many there are."""
    groups: list[list[ShedAction]] = []
    end_ms = 0
    for action in sorted(actions, key=lambda a: a.start_ms):
        if groups and action.start_ms < end_ms:
            groups[-1].append(action)
        else:
            groups.append([action])
        end_ms = max(end_ms, action.end_ms)
    regions = []
    for group in groups:
        names = {a.device_id: a.device_name for a in group}
        text = next(iter(names.values())) if len(names) == 1 else f"{len(names)} loads"
        first, last = min(a.start_ms for a in group), max(a.end_ms for a in group)
        regions.append(Region(first / 1000, last / 1000, "shade", text))
    return tuple(regions)

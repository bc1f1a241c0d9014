"""What is looked at when a meter is judged: some polls of it, and what is known besides."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from energy_desktop.domain.site import Role
from energy_desktop.domain.wording import number

THREE_PHASES = ("l1", "l2", "l3")
ONE_PHASE = ("",)

MIN_CURRENT_A = 0.2
"""Below it, times the transformer ratio, a phase counts as not loaded: the angle of a smaller
current is the class of the meter, not the wiring."""


@dataclass(frozen=True, slots=True)
class Poll:
    """One answer. at_s: any clock, ascending. values: quantity -> value in its unit; what is not
    available is left out, what was refused as implausible is in, since it is what is judged."""

    at_s: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """role None: nobody said what the meter measures. counter_step_wh: the step of a counter where
    the driver tells it; a float tells none."""

    nominal_voltage_v: float = 230.0
    nominal_frequency_hz: float = 50.0
    role: Role | None = None
    ct_ratio: float = 1.0
    vt_ratio: float = 1.0
    counter_step_wh: Mapping[str, float] = field(default_factory=dict)

    @property
    def min_current_a(self) -> float:
        return MIN_CURRENT_A * self.ct_ratio


class Observation:
    """Polls by quantity. `without`: quantities that were found faulty and prove nothing more."""

    def __init__(
        self,
        polls: Sequence[Poll],
        circumstances: Circumstances,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self.polls = tuple(polls)
        self.circumstances = circumstances
        self.without = without
        names = {name for poll in polls for name in poll.values} - without
        self.names = frozenset(names)
        self.phases = THREE_PHASES if any("_l2" in name for name in names) else ONE_PHASE

    def but(self, without: frozenset[str]) -> "Observation":
        return Observation(self.polls, self.circumstances, self.without | without)

    def series(self, name: str) -> list[float]:
        """Every value of the quantity, polls without it left out."""
        if name in self.without:
            return []
        found = (poll.values.get(name, math.nan) for poll in self.polls)
        return [value for value in found if math.isfinite(value)]

    def together(self, *names: str) -> list[tuple[float, ...]]:
        """The values of the polls that have all of the quantities."""
        if self.without.intersection(names):
            return []
        rows = (tuple(poll.values.get(name, math.nan) for name in names) for poll in self.polls)
        return [row for row in rows if all(map(math.isfinite, row))]

    def middle(self, name: str) -> float | None:
        values = self.series(name)
        return median(values) if values else None

    def is_loaded(self, phase: str) -> bool:
        """By its current, even one that stands still: its size is a fact, if an old one."""
        name = named("current", phase, "a")
        currents = [poll.values[name] for poll in self.polls if name in poll.values]
        known = [abs(current) for current in currents if math.isfinite(current)]
        return bool(known) and median(known) >= self.circumstances.min_current_a


def named(stem: str, phase: str, unit: str) -> str:
    """`voltage_l1_v`; of the only phase `voltage_v`; `power_factor_l1` has no unit."""
    return "_".join(part for part in (stem, phase, unit) if part)


def label(phase: str) -> str:
    return phase.upper() if phase else "the meter"


def listed(phases: Sequence[str]) -> str:
    """`L1`, `L1 and L2`, `L1, L2 and L3`."""
    words = [label(p) for p in phases]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def watts(value: float, unit: str = "W") -> str:
    """`850 W`, `−7.4 kW`, `1.20 MW`."""
    for factor, prefix, decimals in ((1e6, "M", 2), (1e3, "k", 1)):
        if abs(value) >= factor:
            return f"{number(value / factor, decimals)} {prefix}{unit}"
    return f"{number(value, 0)} {unit}"

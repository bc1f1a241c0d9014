"""What every circuit does this second: curves from the rings, their past, and why one is silent.

Everything but `older` touches memory alone and may be called in the GUI thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.ports import History, Rings
from energy_desktop.domain.site import LinkKind, Meter, Space
from energy_desktop.domain.snapshot import LinkState, MeterStatus, Quality, Snapshot

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats

PHASES = ("l1", "l2", "l3")
_EN_50160_PCT = 10.0

# Total first, then the nearest that a meter without a total can say.
_TOTALS: dict[str, tuple[str, ...]] = {
    "power": ("power_w",),
    "voltage": ("voltage_v", "voltage_l1_v", "voltage_ll_v"),
    "current": ("current_a", "current_l1_a"),
    "factor": ("power_factor", "power_factor_l1"),
    "frequency": ("frequency_hz",),
    "thd": ("thd_voltage_pct", "thd_voltage_l1_pct"),
}
_BY_PHASE: dict[str, str] = {
    "power": "power_{}_w",
    "voltage": "voltage_{}_v",
    "current": "current_{}_a",
    "factor": "power_factor_{}",
    "thd": "thd_voltage_{}_pct",
}
_STALE_PERIODS = 3
_LATE_PERIODS = 2
_LEAST_STALE_MS = 3_000


@dataclass(frozen=True, slots=True)
class LiveMeter:
    """A meter in the tree. value NaN: unknown now. state: good, late, lost, waiting, off."""

    meter: Meter
    depth: int
    value: float
    quantity: str
    state: str
    age_ms: int | None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class LiveSpace:
    """A space of the tree with its meters below it."""

    space_id: str
    name: str
    depth: int


LiveRow = LiveSpace | LiveMeter


@dataclass(frozen=True, slots=True)
class SilentMeter:
    """A meter that does not answer: what is known, likeliest causes first.

    last: its last readings, (quantity, value); last_ms: when they were read.
    """

    meter: Meter
    state: LinkState
    error: str
    remedy: str
    since_ms: int | None
    next_try_ms: int | None
    last_ms: int | None
    last: tuple[tuple[str, float], ...]
    neighbours: str
    causes: tuple[str, ...]


class LiveService:
    """`configuration` gives the one in memory; `try_meter` ends the back-off of a lost meter."""

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        rings: Rings,
        history: History,
        statuses: Callable[[], Mapping[str, MeterStatus]],
        try_meter: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._rings = rings
        self._history = history
        self._statuses = statuses
        self._try = try_meter
        self._clock = clock

    def configuration(self) -> Configuration:
        return self._configuration()

    def version(self) -> int:
        """Readings so far: the difference of two is what came in between."""
        return self._rings.version()

    def now_s(self) -> float:
        return to_ms(self._clock()) / 1000

    def quantity(self, meter_id: str, kind: str, phase: str = "") -> str:
        """The quantity that shows `kind` for this meter; empty: it measures no such thing."""
        last = self._rings.last(meter_id)
        known = () if last is None else last.layout.quantities
        if phase and kind in _BY_PHASE:
            name = _BY_PHASE[kind].format(phase)
            return name if name in known else ""
        return next((name for name in _TOTALS[kind] if name in known), "")

    def rows(self, kind: str, phase: str = "") -> tuple[LiveRow, ...]:
        """Spaces and their meters in the order of the site, with present values."""
        configuration = self._configuration()
        now_ms = to_ms(self._clock())
        statuses = self._statuses()
        rows: list[LiveRow] = []

        def add(meters: tuple[Meter, ...], depth: int) -> None:
            rows.extend(
                self._row(m, depth, kind, phase, statuses.get(m.meter_id), now_ms) for m in meters
            )

        def walk(parent_id: str | None, depth: int) -> None:
            for space in configuration.spaces:
                if space.parent_id == parent_id:
                    if not _has_meters(configuration, space):
                        continue
                    rows.append(LiveSpace(space.space_id, space.name, depth))
                    add(configuration.meters_of_space(space.space_id), depth + 1)
                    walk(space.space_id, depth + 1)

        known = {s.space_id for s in configuration.spaces}
        homeless = tuple(m for m in configuration.meters if m.space_id not in known)
        if homeless:
            rows.append(LiveSpace("", configuration.site.name, 0))
            add(homeless, 1)
        walk(None, 0)
        return tuple(rows)

    def row(self, meter_id: str, kind: str, phase: str = "") -> LiveMeter | None:
        meter = self._configuration().meter(meter_id)
        if meter is None:
            return None
        status = self._statuses().get(meter_id)
        return self._row(meter, 0, kind, phase, status, to_ms(self._clock()))

    def _row(
        self,
        meter: Meter,
        depth: int,
        kind: str,
        phase: str,
        status: MeterStatus | None,
        now_ms: int,
    ) -> LiveMeter:
        last = self._rings.last(meter.meter_id)
        quantity = self.quantity(meter.meter_id, kind, phase)
        state, age_ms = meter_state(meter, last, status, now_ms)
        known = state in ("good", "late") and last is not None and quantity
        return LiveMeter(
            meter,
            depth,
            last.value(quantity) if known and last is not None else math.nan,
            quantity,
            state,
            age_ms,
            last is not None and last.quality is Quality.SIMULATED,
        )

    def curve(self, meter_id: str, quantity: str, seconds: float) -> tuple[Floats, Floats]:
        """Times (s) and values from `seconds` before now on; shapes (n,), ascending."""
        at, values = self._rings.window(meter_id, quantity, seconds + 60.0)
        start = int(np.searchsorted(at, self.now_s() - seconds))
        return at[start:], values[start:]

    def older(
        self, meter_id: str, quantity: str, start_ms: int, end_ms: int
    ) -> tuple[Floats, Floats]:
        """What the store has of [start, end): for a job, not for the GUI thread."""
        if end_ms <= start_ms:
            return np.empty(0), np.empty(0)
        series = self._history.raw(meter_id, quantity, start_ms, end_ms)
        return series.time_ms / 1000.0, series.values

    def voltage_limits(self, quantity: str) -> tuple[float, float] | None:
        """Nominal voltage less and more 10 % (EN 50160); None for what is no voltage."""
        if not (quantity.startswith("voltage") and quantity.endswith("_v")):
            return None
        nominal = self._configuration().site.nominal_voltage_v
        if quantity in ("voltage_ll_v", "voltage_l1_l2_v", "voltage_l2_l3_v", "voltage_l3_l1_v"):
            nominal *= math.sqrt(3.0)
        return nominal * (1 - _EN_50160_PCT / 100), nominal * (1 + _EN_50160_PCT / 100)

    def try_now(self, meter_id: str) -> None:
        """Asks a lost meter at once. Raises WrongUse when no engine runs."""
        self._try(meter_id)

    def silent(self, meter_id: str) -> SilentMeter | None:
        """What is known of a meter that does not answer; None: it answers."""
        configuration = self._configuration()
        meter = configuration.meter(meter_id)
        status = self._statuses().get(meter_id)
        if meter is None or status is None:
            return None
        if status.state not in (LinkState.LOST, LinkState.MISCONFIGURED):
            return None
        last = self._rings.last(meter_id)
        others = [
            s
            for m in configuration.meters
            if m.link_id == meter.link_id and m.meter_id != meter_id
            if (s := self._statuses().get(m.meter_id)) is not None
        ]
        answering = sum(s.state in (LinkState.GOOD, LinkState.LATE) for s in others)
        link = configuration.link(meter.link_id)
        where = meter.link_id if link is None else link.address
        serial = link is not None and link.kind is LinkKind.MODBUS_RTU
        return SilentMeter(
            meter,
            status.state,
            status.last_error,
            status.remedy,
            status.lost_since_ms,
            status.next_try_ms,
            status.last_read_ms if last is None else last.read_at_ms,
            _known_values(last),
            neighbour_sentence(answering, len(others), where),
            likely_causes(status.state, answering, len(others), serial=serial, unit=meter.unit_id),
        )


def meter_state(
    meter: Meter, last: Snapshot | None, status: MeterStatus | None, now_ms: int
) -> tuple[str, int | None]:
    """good, late, lost, waiting or off, and the age of the last reading in ms."""
    age_ms = None if last is None else max(0, now_ms - last.read_at_ms)
    if not meter.driver_id or not meter.enabled:
        return "off", age_ms
    if status is not None and status.state in (LinkState.LOST, LinkState.MISCONFIGURED):
        return "lost", age_ms
    if age_ms is None:
        return "waiting", None
    period_ms = 1000 * meter.poll_interval_s
    if age_ms > max(_LEAST_STALE_MS, _STALE_PERIODS * period_ms):
        return "lost", age_ms
    if age_ms > max(_LEAST_STALE_MS * 2 // 3, _LATE_PERIODS * period_ms):
        return "late", age_ms
    return "good", age_ms


def neighbour_sentence(answering: int, others: int, where: str) -> str:
    if not others:
        return f"It is alone on {where}."
    if answering == others:
        return f"All {others} other meters on {where} answer, so the link works."
    if answering == 0:
        return f"None of the {others} other meters on {where} answers either."
    return f"{answering} of {others} other meters on {where} answer."


def likely_causes(
    state: LinkState, answering: int, others: int, *, serial: bool, unit: int
) -> tuple[str, ...]:
    """What to check, likeliest first: what neighbours share is ruled out when they answer."""
    if state is LinkState.MISCONFIGURED:
        return (
            "Is the driver the one for this model? The meter answers, and refuses the registers.",
            f"Is unit {unit} really this meter, and not another behind the same gateway?",
        )
    shared = (
        ("Is the adapter plugged in, and free of other programs?", "Is the bus cable broken?")
        if serial
        else ("Does the gateway have power and network?", "Did its address change?")
    )
    own = (
        "Does the meter have power? Look at its display and its fuse.",
        f"Is its address still {unit}? An exchanged meter comes with address 1.",
        "Is its own tap on the bus loose?" if serial else "Is its network or gateway port blocked?",
    )
    if others and answering == 0:
        return (*shared, own[0])
    if answering:
        return own
    return (own[0], *shared)


def _has_meters(configuration: Configuration, space: Space) -> bool:
    if configuration.meters_of_space(space.space_id):
        return True
    return any(
        _has_meters(configuration, child)
        for child in configuration.spaces
        if child.parent_id == space.space_id
    )


_LAST_KINDS = ("power", "voltage", "current", "factor")
_LAST_COUNTERS = ("energy_import_wh", "energy_total_wh")


def _known_values(last: Snapshot | None) -> tuple[tuple[str, float], ...]:
    """The few values that tell most of a meter, as far as it gave them."""
    if last is None:
        return ()
    wanted = [next((n for n in _TOTALS[k] if n in last.layout.index), "") for k in _LAST_KINDS]
    wanted.append(next((n for n in _LAST_COUNTERS if n in last.layout.index), ""))
    return tuple((n, last.value(n)) for n in wanted if n and math.isfinite(last.value(n)))

"""The checks of one quantity at a time: voltage, frequency, power factor, power, sums, counters."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from energy_desktop.analytics.commissioning.observation import (
    Observation,
    listed,
    named,
    watts,
)
from energy_desktop.domain.commissioning import FaultKind, Judgement, Verdict
from energy_desktop.domain.wording import number

VOLTAGE_SPREAD = 0.13  # 200 to 260 V around 230 V
FREQUENCY_SPREAD = 0.02  # 49 to 51 Hz
BALANCE = 0.06  # of U I: meter class, and registers that are not read in the same instant
_HARMONICS = 0.6  # P by U I cos phi that a current of 130 % distortion still leaves
SUM = 0.03
_SCALES = (10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)
_NO_VOLTAGE = 0.1  # of nominal
_ROOT_3 = math.sqrt(3.0)
_LINE_VOLTAGES = {
    "voltage_l1_l2_v": ("l1", "l2"),
    "voltage_l2_l3_v": ("l2", "l3"),
    "voltage_l3_l1_v": ("l3", "l1"),
}


def voltage(seen: Observation) -> Iterator[Judgement]:
    nominal = seen.circumstances.nominal_voltage_v
    found = {p: seen.middle(named("voltage", p, "v")) for p in seen.phases}
    shown = {p: v for p, v in found.items() if v is not None}
    if not shown:
        line = seen.middle("voltage_ll_v") or seen.middle("voltage_l1_l2_v")
        if line is None:
            return
        shown, nominal = {"": line}, nominal * _ROOT_3
    low, high = nominal * (1 - VOLTAGE_SPREAD), nominal * (1 + VOLTAGE_SPREAD)
    title = f"Voltage{'s' * (len(shown) > 1)} {', '.join(number(v) for v in shown.values())} V"
    span = f"{number(low, 0)} to {number(high, 0)}"
    odd = {p: v for p, v in shown.items() if not low <= abs(v) <= high}
    phases = tuple(p.upper() for p in odd if p)
    if not odd:
        yield Judgement(FaultKind.VOLTAGE, Verdict.GOOD, title, f"within {span}")
    elif seen.circumstances.vt_ratio != 1.0:
        yield Judgement(
            FaultKind.VOLTAGE,
            Verdict.UNSURE,
            title,
            "behind voltage transformers the site's nominal voltage says nothing",
            "Compare with the nameplate of the transformers.",
        )
    elif len(odd) == len(shown) and (scale := _scale(shown.values(), nominal)):
        yield _slip("Voltage", title, scale)
    else:
        yield from _odd_voltage(seen, odd, title, span, nominal, phases)


def _odd_voltage(
    seen: Observation,
    odd: dict[str, float],
    title: str,
    span: str,
    nominal: float,
    phases: tuple[str, ...],
) -> Iterator[Judgement]:
    dead = [p for p, v in odd.items() if abs(v) < _NO_VOLTAGE * nominal]
    if len(dead) == len(odd) and not any(seen.is_loaded(p) for p in dead):
        yield Judgement(
            FaultKind.VOLTAGE,
            Verdict.UNSURE,
            title,
            f"no voltage and no current on {listed(dead)}: not connected, or a blown fuse",
            "If the circuit has three phases, check the fuses of the voltage taps.",
            phases,
        )
        return
    if dead:
        detail, remedy = (
            f"current without voltage on {listed(dead)}",
            "Check the fuse and the voltage tap of that phase: its power is not counted.",
        )
    elif _near_all(odd.values(), nominal * _ROOT_3):
        detail, remedy = (
            f"phase to phase where {number(nominal, 0)} V phase to neutral was expected",
            "Check the neutral of the meter, its wiring mode and the register.",
        )
    else:
        detail, remedy = (
            f"outside {span}",
            "Measure at the terminals; if the voltage is right there, check the register.",
        )
    yield Judgement(FaultKind.VOLTAGE, Verdict.FAULT, title, detail, remedy, phases)


def frequency(seen: Observation) -> Iterator[Judgement]:
    value, nominal = seen.middle("frequency_hz"), seen.circumstances.nominal_frequency_hz
    if value is None or value == 0.0:
        return  # without voltage there is none, and the voltage says so
    title = f"Frequency {number(value, 2)} Hz"
    low, high = nominal * (1 - FREQUENCY_SPREAD), nominal * (1 + FREQUENCY_SPREAD)
    if low <= value <= high:
        span = f"within {number(low, 0)} to {number(high, 0)}"
        yield Judgement(FaultKind.FREQUENCY, Verdict.GOOD, title, span)
    elif scale := _scale([value], nominal):
        yield _slip("Frequency", title, scale)
    else:
        yield Judgement(
            FaultKind.FREQUENCY,
            Verdict.FAULT,
            title,
            f"outside {number(low, 0)} to {number(high, 0)}",
            "Check the register, and the nominal frequency of the site.",
        )


def power_factor(seen: Observation) -> Iterator[Judgement]:
    names = {p: named("power_factor", p, "") for p in seen.phases}
    shown = {p: v for p, name in names.items() if (v := seen.middle(name)) is not None}
    if not shown and (total := seen.middle("power_factor")) is not None:
        shown = {"": total}
    if not shown:
        return
    title = f"Power factor {', '.join(number(v, 2) for v in shown.values())}"
    odd = [p for p, v in shown.items() if abs(v) > 1.005]
    if not odd:
        yield Judgement(FaultKind.POWER_FACTOR, Verdict.GOOD, title, "between −1 and 1")
        return
    yield Judgement(
        FaultKind.POWER_FACTOR,
        Verdict.FAULT,
        title,
        "no power factor is above 1",
        "Check the register's scale (0.01 or 0.001), and whether it codes the quadrant.",
        tuple(p.upper() for p in odd if p),
    )


def balance(seen: Observation) -> Iterator[Judgement]:
    """P against U I cos phi, phase by phase; three phases together are sqrt(3) U I cos phi.

    More than it is impossible; somewhat less is what harmonics do.
    """
    ratios: dict[str, float] = {}
    errors: dict[str, float] = {}
    exact = True
    for phase in seen.phases:
        if not seen.is_loaded(phase):
            continue
        names = [
            named(s, phase, u) for s, u in (("voltage", "v"), ("current", "a"), ("power", "w"))
        ]
        factor = named("power_factor", phase, "")
        plain = seen.together(*names)
        if not plain:
            continue
        rows = seen.together(*names, factor)
        if not rows:
            exact = False
            rows = [(*row, 1.0) for row in plain]
        rows = [row for row in rows if row[0] * row[1] != 0.0 and abs(row[3]) <= 1.005]
        if not rows:
            continue
        errors[phase] = median(
            abs(p) / abs(u * i) - abs(f) if exact else max(0.0, abs(p) / abs(u * i) - 1.0)
            for u, i, p, f in rows
        )
        if median(abs(f) for *_, f in rows) >= 0.1:
            ratios[phase] = median(abs(p) / (abs(u * i) * abs(f)) for u, i, p, f in rows if f)
    if not errors:
        return
    if not exact and (slip := _hidden_slip(seen, ratios)) is not None:
        yield slip
        return
    odd = [p for p, e in errors.items() if abs(e) > BALANCE]
    formula = "P = U · I · cos φ" if exact else "P is not above U · I"
    if not odd:
        worst = 100.0 * max(abs(e) for e in errors.values())
        where = "" if seen.phases == ("",) else listed(list(errors))
        title = f"{formula} within {number(worst)} %" if exact else formula
        yield Judgement(FaultKind.POWER_BALANCE, Verdict.GOOD, title, where)
        return
    values = [ratios[p] for p in odd if p in ratios]
    if len(odd) == len(errors) and len(values) == len(odd):
        for factor_ in (1000.0, 0.001):
            if all(0.7 <= v / factor_ <= 1.4 for v in values):
                yield _power_slip(factor_)
                return
    times = ", ".join(number(v, 2) for v in values) or "far"
    if values and len(values) == len(odd) and all(_HARMONICS <= v < 1.0 for v in values):
        yield Judgement(
            FaultKind.POWER_BALANCE,
            Verdict.UNSURE,
            f"P is {times} times U · I · cos φ",
            f"on {listed(odd)}; harmonics do that where cos φ is the fundamental's",
            "Look at the distortion of the current, or compare with a clamp meter.",
            tuple(p.upper() for p in odd if p),
        )
        return
    yield Judgement(
        FaultKind.POWER_BALANCE,
        Verdict.FAULT,
        f"P is {times} times U · I · cos φ",
        f"on {listed(odd)}",
        "Check the transformer ratios (set in the meter and here once only) and the registers.",
        tuple(p.upper() for p in odd if p),
    )


def _hidden_slip(seen: Observation, ratios: dict[str, float]) -> Judgement | None:
    """Power in kW taken for W where no power factor is read: far below U I and no reactive load."""
    for phase, ratio in ratios.items():
        reactive = seen.middle(named("reactive_power", phase, "var"))
        volts = seen.middle(named("voltage", phase, "v")) or 0.0
        amps = seen.middle(named("current", phase, "a")) or 0.0
        if ratio > 2e-3 or reactive is None or abs(reactive) > 0.05 * abs(volts * amps):
            return None
    return _power_slip(0.001) if ratios else None


def _power_slip(factor: float) -> Judgement:
    much = factor > 1
    return Judgement(
        FaultKind.UNIT_SLIP,
        Verdict.FAULT,
        f"Power is {'1,000 times' if much else '1/1,000 of'} U · I · cos φ",
        "the register holds W and is read as kW" if much else "the register holds kW, read as W",
        f"Make its scale in the driver file {'1/1,000 of' if much else '1,000 times'} what it is.",
    )


def phase_sum(seen: Observation) -> Iterator[Judgement]:
    if len(seen.phases) != 3 or "power_w" not in seen.names:
        return
    rows = seen.together("power_w", *(named("power", p, "w") for p in seen.phases))
    if not rows:
        return
    size = median(sum(abs(p) for p in row[1:]) for row in rows)
    total, parts = median(r[0] for r in rows), median(sum(r[1:]) for r in rows)
    if size < 3 * 20.0 * seen.circumstances.ct_ratio * seen.circumstances.vt_ratio:
        yield Judgement(
            FaultKind.PHASE_SUM,
            Verdict.UNSURE,
            f"Total {watts(total)}",
            "too little load to compare it with the phases",
            "Look again under load.",
        )
        return
    apart = median(row[0] - sum(row[1:]) for row in rows) / size
    title = f"Total {watts(total)}, phases together {watts(parts)}"
    if abs(apart) <= SUM:
        yield Judgement(
            FaultKind.PHASE_SUM, Verdict.GOOD, title, f"{number(100 * abs(apart))} % apart"
        )
        return
    ratio = abs(total / parts) if parts else math.inf
    if 700 <= ratio <= 1400 or 7e-4 <= ratio <= 1.4e-3:
        yield Judgement(
            FaultKind.UNIT_SLIP,
            Verdict.FAULT,
            title,
            "total and phases are 1,000 apart: W and kW",
            "Mend the scale of one of them in the driver file.",
        )
        return
    if abs(median(row[0] - sum(abs(p) for p in row[1:]) for row in rows)) <= SUM * size:
        yield Judgement(
            FaultKind.PHASE_SUM,
            Verdict.UNSURE,
            title,
            "the meter adds its phases without their sign",
            "Set how it adds (vector or arithmetic), or read the phases only.",
        )
        return
    yield Judgement(
        FaultKind.PHASE_SUM,
        Verdict.FAULT,
        title,
        f"{number(100 * abs(apart))} % apart",
        "One of the power registers is another one, or scaled otherwise: check the driver file.",
    )


def rotation(seen: Observation) -> Iterator[Judgement]:
    """Three different phases? Their sense cannot be seen in what meters report."""
    if len(seen.phases) != 3:
        return
    same: list[tuple[str, str]] = []
    apart = 0
    for name, (one, other) in _LINE_VOLTAGES.items():
        rows = seen.together(name, named("voltage", one, "v"), named("voltage", other, "v"))
        rows = [row for row in rows if min(abs(row[1]), abs(row[2])) > 0.0]
        if not rows:
            continue
        line, a, b = (median(column) for column in zip(*rows, strict=True))
        if min(abs(a), abs(b)) < 0.5 * seen.circumstances.nominal_voltage_v:
            continue
        expected = math.sqrt(a * a + b * b + abs(a * b))
        if abs(line) < 0.3 * expected:
            same.append((one, other))
        elif abs(line / expected - 1.0) < 0.1:
            apart += 1
    if same:
        pairs = "; ".join(listed(pair) for pair in same)
        yield Judgement(
            FaultKind.WRONG_PHASE,
            Verdict.FAULT,
            f"{pairs}: hardly any voltage between them",
            "two voltage taps sit on the same phase",
            "Check the voltage taps of the meter.",
            tuple(dict.fromkeys(p.upper() for pair in same for p in pair)),
        )
        return
    known = "the phases are 120° apart; " if apart == 3 else ""
    yield Judgement(
        FaultKind.PHASE_ROTATION,
        Verdict.UNSURE,
        "Phase rotation",
        f"{known}the sense of rotation is not in the registers of this meter",
        "Check with a phase rotation tester if a motor depends on it.",
    )


def counters(seen: Observation) -> Iterator[Judgement]:
    """Energy by register against the power over the same time.

    Timed from jump to jump of the counter, so that a step of 10 Wh costs no accuracy.
    """
    if "power_w" not in seen.names:
        return
    rows = [(p.at_s, p.values.get("power_w", math.nan), p.values) for p in seen.polls]
    rows = [row for row in rows if math.isfinite(row[1])]
    if len(rows) < 2:
        return
    total = median(power for _, power, _ in rows)
    parts = seen.together(*(named("power", p, "w") for p in seen.phases if p))
    against = any(min(r) < 0 < max(r) and min(map(abs, (min(r), max(r)))) > 20 for r in parts if r)
    name = "energy_import_wh" if total >= 0 else "energy_export_wh"
    if name not in seen.names:
        name = "energy_total_wh"
    if name not in seen.names or against:
        return  # phases that run against each other: whether a counter nets them is its own affair
    energy = _Integral([(at, max(0.0, math.copysign(1.0, total) * power)) for at, power, _ in rows])
    jumps = _jumps([(at, values.get(name, math.nan)) for at, _, values in rows])
    span = f"{number(rows[-1][0] - rows[0][0], 0)} s"
    step = seen.circumstances.counter_step_wh.get(name, 0.0)
    if len(jumps) < 3:
        yield _few_jumps(seen, name, energy(rows[0][0], rows[-1][0]), len(jumps), span, step)
        return
    counted = jumps[-1][1] - jumps[0][1]
    expected = energy(jumps[0][0], jumps[-1][0])
    if expected <= 0.0:
        return
    ratio = counted / expected
    title = f"Energy counter: {number(counted, 1)} Wh in {span}"
    beside = f"power over the same time gives {number(expected, 1)} Wh"
    if 0.7 <= ratio <= 1.4:
        yield Judgement(FaultKind.UNIT_SLIP, Verdict.GOOD, title, beside)
    elif 500 <= ratio <= 2000 or 5e-4 <= ratio <= 2e-3:
        more = ratio > 1
        yield Judgement(
            FaultKind.UNIT_SLIP,
            Verdict.FAULT,
            title,
            f"{beside}: 1,000 times too {'much' if more else 'little'}, kWh and Wh are mixed up",
            f"Make the counter's scale {'1/1,000 of' if more else '1,000 times'} what it is.",
        )
    else:
        yield Judgement(
            FaultKind.UNIT_SLIP,
            Verdict.UNSURE,
            title,
            f"{beside}: {number(ratio, 2)} times",
            "Check whether the transformer ratio is in both registers, then look again.",
        )


def _few_jumps(
    seen: Observation, name: str, expected: float, jumps: int, span: str, step: float
) -> Judgement:
    enough = 2000.0 * seen.circumstances.ct_ratio * seen.circumstances.vt_ratio
    if jumps == 0 and expected >= max(enough, 10.0 * step) and seen.series(name):
        return Judgement(
            FaultKind.FROZEN,
            Verdict.FAULT,
            f"Energy counter stands still for {span}",
            f"the power over that time gives {number(expected, 0)} Wh",
            "Check the register; another one may be the counter that runs.",
        )
    return Judgement(
        FaultKind.UNIT_SLIP,
        Verdict.UNSURE,
        "Energy counter",
        "wait for it to move" if expected > 0.0 else "without power it does not move",
        "It is compared with the power once it moved three times; look again under load.",
    )


def _jumps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Time and value of each reading that is higher than the one before."""
    known = [(at, value) for at, value in points if math.isfinite(value)]
    return [b for a, b in pairwise(known) if b[1] > a[1]]


class _Integral:
    """Wh between two times of the points, by the trapezoid rule; points (s, W) ascending."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self._sums = {points[0][0]: 0.0}
        total = 0.0
        for (t0, p0), (t1, p1) in pairwise(points):
            total += (t1 - t0) * (p0 + p1) / 7200.0
            self._sums[t1] = total

    def __call__(self, start_s: float, end_s: float) -> float:
        return self._sums[end_s] - self._sums[start_s]


def _scale(values: Iterable[float], nominal: float) -> float | None:
    """The power of ten by which every value is off; None: it is not that."""
    shown = [abs(v) for v in values]
    for scale in _SCALES:
        if all(abs(v / scale - nominal) <= VOLTAGE_SPREAD * nominal for v in shown):
            return scale
    return None


def _near_all(values: Iterable[float], wanted: float) -> bool:
    return all(abs(abs(v) / wanted - 1.0) < 0.08 for v in values)


def _slip(what: str, title: str, scale: float) -> Judgement:
    times = f"{scale:,.0f} times" if scale > 1 else f"1/{1 / scale:,.0f} of"
    return Judgement(
        FaultKind.UNIT_SLIP,
        Verdict.FAULT,
        title,
        f"{times} what it must be",
        f"{what} has another scale than the driver file says: mend it there.",
    )

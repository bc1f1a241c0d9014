"""Is a meter that answers also right? One line for each thing that was looked at, in words.

Order matters: bits in the wrong order make every other finding nonsense, and a value that stands
still proves nothing about its neighbours. So the word order is settled first, what is frozen is
left out of what follows, and every fault is named once, at its root.
"""

from collections.abc import Mapping, Sequence

from energy_desktop.analytics.commissioning import checks
from energy_desktop.analytics.commissioning.frozen import frozen
from energy_desktop.analytics.commissioning.observation import (
    Circumstances,
    Observation,
    Poll,
    named,
)
from energy_desktop.analytics.commissioning.phases import directions
from energy_desktop.domain.commissioning import FaultKind, Judgement, Verdict
from energy_desktop.domain.wording import number

RECENT_POLLS = 12
"""What wiring and units are judged by, however many polls there are: a technician who has just
turned a transformer round looks again at once."""


def judge(
    polls: Sequence[Poll],
    circumstances: Circumstances,
    by_order: Mapping[str, Sequence[Poll]] | None = None,
) -> tuple[Judgement, ...]:
    """Faults first, then what is open, then what is good.

    polls: one is enough to judge wiring, a frozen value takes 8, a counter as many as it needs to
    move three times. by_order: the same answers, read in other word orders than the driver's.
    """
    if not any(poll.values for poll in polls):
        return (
            Judgement(
                FaultKind.NONE,
                Verdict.UNSURE,
                "No value is available",
                "the meter answers, but tells nothing that the driver knows",
                "Check the driver, and whether the meter has voltage.",
            ),
        )
    found: list[Judgement] = []
    order = _better_order(polls, circumstances, by_order or {})
    if order is not None and by_order is not None:
        found.append(_wrong_order(order, polls, by_order[order], circumstances))
        polls = by_order[order]
    seen = Observation(polls, circumstances)
    standing, names = frozen(seen)
    found += standing
    now = Observation(polls[-RECENT_POLLS:], circumstances, names)
    found += [
        *checks.voltage(now),
        *checks.frequency(now),
        *checks.power_factor(now),
        *directions(now),
        *checks.balance(now),
        *checks.phase_sum(now),
        *checks.counters(seen.but(names)),
        *checks.rotation(now),
    ]
    rank = {Verdict.FAULT: 0, Verdict.UNSURE: 2, Verdict.GOOD: 1}
    return tuple(sorted(found, key=lambda j: rank[j.verdict]))


def faults(judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    return tuple(j for j in judgements if j.verdict is Verdict.FAULT)


def _better_order(
    polls: Sequence[Poll],
    circumstances: Circumstances,
    by_order: Mapping[str, Sequence[Poll]],
) -> str | None:
    """The only other order in which the voltages are mains voltages, when they are not now."""
    right, wrong = _mains(polls, circumstances)
    if right or not wrong:
        return None
    better = []
    for order, others in by_order.items():
        good, bad = _mains(others, circumstances)
        if good and not bad:
            better.append(order)
    return better[0] if len(better) == 1 else None


def _mains(polls: Sequence[Poll], circumstances: Circumstances) -> tuple[int, int]:
    """How many of voltages, frequency and power factors are plausible, and how many are not."""
    seen = Observation(polls, circumstances)
    right = wrong = 0
    for phase in seen.phases:
        volts = seen.middle(named("voltage", phase, "v"))
        if volts is not None:
            nominal = circumstances.nominal_voltage_v
            near = abs(volts - nominal) <= checks.VOLTAGE_SPREAD * nominal
            right, wrong = right + near, wrong + (not near)
        factor = seen.middle(named("power_factor", phase, ""))
        if factor is not None and right:
            wrong += abs(factor) > 1.005
    hertz = seen.middle("frequency_hz")
    if hertz is not None:
        nominal = circumstances.nominal_frequency_hz
        near = abs(hertz - nominal) <= checks.FREQUENCY_SPREAD * nominal
        right, wrong = right + near, wrong + (not near)
    return right, wrong


def _wrong_order(
    order: str, polls: Sequence[Poll], better: Sequence[Poll], circumstances: Circumstances
) -> Judgement:
    now, then = Observation(polls, circumstances), Observation(better, circumstances)
    name = next(
        n
        for n in ("voltage_l1_v", "voltage_v", "voltage_l2_v", "voltage_l3_v", "frequency_hz")
        if n in then.names
    )
    unit = "Hz" if name == "frequency_hz" else "V"
    reads, would = now.middle(name), then.middle(name)
    shown = "nothing" if reads is None else f"{reads:.3g} {unit}".replace("-", "\u2212")
    return Judgement(
        FaultKind.WORD_ORDER,
        Verdict.FAULT,
        f"Word order is {order}, not what the driver says",
        f"now the voltage reads {shown}; as {order} it reads {number(would)} {unit}"
        if unit == "V"
        else f"now the frequency reads {shown}; as {order} it reads {number(would, 2)} {unit}",
        f'Set word_order = "{order}" in a copy of the driver, or in the meter\'s own menu.',
    )

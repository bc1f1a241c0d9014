"""Installations as a meter sees them: phasors, made faulty where a test wants it."""

import math
import random

from energy_desktop.analytics.commissioning.observation import (
    THREE_PHASES,
    Circumstances,
    Poll,
)
from energy_desktop.analytics.commissioning.plausibility import faults, judge
from energy_desktop.domain.site import Role

SWAPS = {("L1", "L2"): (1, 0, 2), ("L1", "L3"): (2, 1, 0), ("L2", "L3"): (0, 2, 1)}


def polls_of(
    amps=(20.0, 18.0, 25.0),
    angles=(25.0, 20.0, 30.0),
    *,
    conductor=(0, 1, 2),
    reversed_=(),
    polls=12,
    every_s=1.0,
    noise=0.03,
    seed=1,
    without=(),
    counter_scale=1.0,
    power_scale=1.0,
    freeze="",
):
    """angles: degrees of the conductors, beyond 90 they feed. conductor: on which one the
    transformer of each phase sits. The counters follow the power that the meter measures."""
    chance = random.Random(seed)
    found, counted = [], {True: 5e5, False: 1e5}
    for number in range(polls):
        volts = [230.0 + chance.gauss(0, 0.3) for _ in THREE_PHASES]
        load = [a * (1.0 + chance.gauss(0, noise)) for a in amps]
        values, total = {}, 0.0
        for p, phase in enumerate(THREE_PHASES):
            c = conductor[p]
            shown = angles[c] + 120.0 * (c - p) + 180.0 * (p in reversed_)
            angle = math.radians(shown + chance.gauss(0, 0.3))
            apparent = volts[p] * load[c]
            total += apparent * math.cos(angle)
            values |= {
                f"voltage_{phase}_v": volts[p],
                f"current_{phase}_a": load[c],
                f"power_{phase}_w": apparent * math.cos(angle) * power_scale,
                f"reactive_power_{phase}_var": apparent * math.sin(angle) * power_scale,
                f"power_factor_{phase}": math.cos(angle),
            }
        counted[total >= 0] += abs(total) * every_s / 3600.0
        values |= {
            "power_w": total * power_scale,
            "frequency_hz": 50.0 + chance.gauss(0, 0.01),
            "energy_import_wh": math.floor(counted[True]) * counter_scale,
            "energy_export_wh": math.floor(counted[False]) * counter_scale,
        }
        if freeze and found:
            values[freeze] = found[0].values[freeze]
        kept = {n: v for n, v in values.items() if not n.startswith(tuple(without))}
        found.append(Poll(number * every_s, kept if without else values))
    return found


def accused(polls, role=Role.LOAD, **circumstances):
    """Kind and phases of every fault that is named."""
    found = faults(judge(polls, Circumstances(role=role, **circumstances)))
    return [(judgement.fault, judgement.phases) for judgement in found]

"""The cabinet's meters agree with themselves, faults included."""

import math

import numpy as np
import pytest

from energy_desktop.acquisition.simulator.cabinet import (
    CIRCUITS,
    VirtualCabinet,
    cabinet_configuration,
    expected_faults,
)
from energy_desktop.domain.commissioning import FaultKind

OPENED_MS = 1_790_000_000_000
LIVE = [c.meter.meter_id for c in CIRCUITS if not c.dead]


@pytest.fixture(scope="module")
def cabinet():
    return VirtualCabinet("127.0.0.1", 502, OPENED_MS)


def value(cabinet, meter_id, name, second=60):
    return float(cabinet.reading(meter_id, OPENED_MS + 1000 * second).value(name)[0])


@pytest.mark.parametrize("meter_id", LIVE)
def test_phases_sum_to_the_total_and_power_follows_from_voltage_and_current(cabinet, meter_id):
    frozen = {c.meter.meter_id: c.frozen for c in CIRCUITS}[meter_id]
    parts = [value(cabinet, meter_id, f"power_{p}_w") for p in ("l1", "l2", "l3")]

    assert sum(parts) == pytest.approx(value(cabinet, meter_id, "power_w"), abs=1e-6)
    for phase, power in zip(("l1", "l2", "l3"), parts, strict=True):
        if f"current_{phase}_a" in frozen:
            continue
        product = math.prod(
            value(cabinet, meter_id, name)
            for name in (f"voltage_{phase}_v", f"current_{phase}_a", f"power_factor_{phase}")
        )
        assert power == pytest.approx(product, abs=1e-6)


@pytest.mark.parametrize("meter_id", LIVE)
def test_counters_are_the_sum_of_the_power_of_every_second(meter_id):
    names = ("import", "export")
    own = VirtualCabinet("127.0.0.1", 502, OPENED_MS)  # counters only ever go forward

    before = {n: value(own, meter_id, f"energy_{n}_wh", 100) for n in names}
    power = np.array([value(own, meter_id, "power_w", s) for s in range(100, 160)])
    after = {n: value(own, meter_id, f"energy_{n}_wh", 160) for n in names}

    assert after["import"] - before["import"] == pytest.approx(power.clip(0).sum() / 3600, abs=1e-6)
    assert after["export"] - before["export"] == pytest.approx(
        (-power).clip(0).sum() / 3600, abs=1e-6
    )


def test_every_kind_of_fault_stands_once_and_four_meters_are_healthy():
    kinds = list(expected_faults().values())

    assert kinds.count(FaultKind.NONE) == 4
    assert sorted(k.name for k in kinds if k is not FaultKind.NONE) == [
        "DEAD",
        "FROZEN",
        "REVERSED_CT",
        "WORD_ORDER",
        "WRONG_PHASE",
    ]


def test_the_frozen_current_stands_while_its_power_moves(cabinet):
    currents = {value(cabinet, "compressor-2", "current_l3_a", s) for s in range(20)}
    powers = {value(cabinet, "compressor-2", "power_l3_w", s) for s in range(20)}

    assert len(currents) == 1
    assert len(powers) == 20


def test_units_and_names_of_the_cabinet_are_its_own():
    meters = cabinet_configuration("127.0.0.1", 502).meters

    assert len({m.unit_id for m in meters}) == len({m.meter_id for m in meters}) == 9

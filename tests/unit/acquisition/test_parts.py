"""Slow registers are read in each n-th poll; a partial poll asks and yields only what is due."""

import math
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.driver_profile import DriverProfile, Register
from energy_desktop.acquisition.profile_file import parse_profile
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.reading import Correction, Reader
from energy_desktop.domain.snapshot import Snapshot

DRIVERS = Path(__file__).resolve().parents[3] / "drivers"

TEXT = """\
id = "slow_energy"
[quantities]
power_w          = { address = 0 }
energy_import_wh = { address = 2, scale = 1000, every = 10 }
energy_export_wh = { address = 4, scale = 1000, every = 10 }
demand_w         = { address = 6, every = 4 }
voltage_v        = { address = 8 }
"""


def payload(*values: float) -> bytes:
    return struct.pack(f">{len(values)}f", *values)


def test_poll_zero_is_whole_and_slow_registers_come_in_each_nth():
    reader = Reader(parse_profile(TEXT, "here"))

    polls = [set(reader.part(n).layout.quantities) for n in range(20)]

    assert reader.cycle == 20
    assert polls[0] == set(reader.layout.quantities)
    assert polls[1] == {"power_w", "voltage_v"}
    assert polls[4] == {"power_w", "voltage_v", "demand_w"}
    assert polls[10] == {"power_w", "voltage_v", "energy_import_wh", "energy_export_wh"}
    assert sum("energy_import_wh" in poll for poll in polls) == 2


def test_a_partial_poll_decodes_what_it_read_and_nothing_else():
    reader = Reader(parse_profile(TEXT, "here"))
    part = reader.part(1)

    ((block),) = part.blocks
    decoded = part.decode([payload(1500.0, 9.0, 9.0, 9.0, 230.5)])

    assert (block.address, block.count) == (0, 10)
    assert part.layout.quantities == ("power_w", "voltage_v")
    assert decoded.values == (1500.0, 230.5)


def test_equal_polls_share_one_layout_and_know_the_whole():
    reader = Reader(parse_profile(TEXT, "here"))

    assert reader.part(1) is reader.part(11)
    assert reader.part(1).layout.whole is reader.layout
    assert reader.part(0).layout is reader.layout
    assert reader.part(1).layout.layout_id != reader.part(4).layout.layout_id


def test_slow_polls_leave_nothing_unread_for_longer_than_a_minute():
    reader = Reader(parse_profile(TEXT, "here"), poll_interval_s=20.0)

    polls = [n for n in range(9) if "energy_import_wh" in reader.part(n).layout.index]

    assert polls == [0, 3, 6]


def test_a_meter_turned_round_keeps_its_rhythm_under_the_new_names():
    text = TEXT.replace("energy_export_wh = { address = 4, scale = 1000, every = 10 }\n", "")
    reader = Reader(parse_profile(text, "here"), Correction(invert=True))

    assert "energy_export_wh" in reader.layout.index
    assert "energy_export_wh" not in reader.part(1).layout.index


def test_without_slow_registers_every_poll_is_the_whole():
    reader = Reader(DriverProfile("it", (Register("power_w", 0),)))

    assert reader.cycle == 1
    assert reader.part(7).layout is reader.layout


SHIPPED = [p for p in ProfileLibrary([DRIVERS]).all() if p.registers]


@pytest.mark.parametrize("profile", SHIPPED, ids=lambda p: p.driver_id)
def test_a_partial_poll_never_asks_for_more_than_a_full_one(profile):
    reader = Reader(profile)
    asked = [(b.function, b.address, b.end) for b in reader.blocks]

    for n in range(min(reader.cycle, 40)):
        for block in reader.part(n).blocks:
            assert any(
                f == block.function and a <= block.address and block.end <= e for f, a, e in asked
            )
            assert block.count <= profile.max_registers


@given(st.lists(st.sampled_from([1, 2, 3, 5, 10]), min_size=2, max_size=5), st.integers(0, 200))
def test_each_register_is_in_exactly_its_polls_and_the_fastest_in_all(rhythms, n):
    names = ("power_w", "voltage_v", "current_a", "frequency_hz", "energy_import_wh")
    profile = DriverProfile(
        "it",
        tuple(Register(names[i], 20 * i, every=every) for i, every in enumerate(rhythms)),
    )
    part = Reader(profile).part(n)

    assert part.layout.quantities == tuple(
        names[i] for i, every in enumerate(rhythms) if n % every == 0 or every == min(rhythms)
    )


def test_a_partial_reading_is_completed_by_the_one_before():
    reader = Reader(parse_profile(TEXT, "here"))
    whole = Snapshot("m", 1000, reader.layout, (1.0, 2.0, 3.0, 4.0, 5.0))
    part = Snapshot("m", 2000, reader.part(1).layout, (10.0, 50.0))

    both = part.completed(whole)
    alone = part.completed(None)

    assert both.layout is reader.layout
    assert (both.read_at_ms, both.values) == (2000, (10.0, 2.0, 3.0, 4.0, 50.0))
    assert alone.value("power_w") == 10.0 and math.isnan(alone.value("energy_import_wh"))
    assert whole.completed(part) is whole


def scaled(power: int) -> list[float]:
    registers = (
        Register("voltage_v", 0, value_format="uint16", scale_address=2, unavailable=(0xFFFF,)),
        Register("power_w", 1, value_format="int16", scale_address=2, unavailable=(0x8000,)),
    )
    reader = Reader(DriverProfile("it", registers))
    words = struct.pack(">HhH", 2301, -2301, power & 0xFFFF)
    return list(reader.decode([words]).values)


def test_a_power_of_ten_from_the_meter_scales_its_registers_exactly():
    results = {power: scaled(power) for power in (-2, -1, 0, 1)}

    assert results == {
        -2: [23.01, -23.01], -1: [230.1, -230.1], 0: [2301, -2301], 1: [23010, -23010],
    }  # fmt: skip


@pytest.mark.parametrize("power", [-0x8000, 11, -11])
def test_without_a_believable_power_of_ten_there_is_no_value(power):
    assert all(math.isnan(value) for value in scaled(power))


def test_polls_without_anything_due_do_not_happen_in_shipped_drivers():
    for profile in ProfileLibrary([DRIVERS]).all():
        if profile.registers:
            rhythms = sorted({r.every for r in profile.registers})
            assert rhythms[0] == 1
            assert all(later % earlier == 0 for earlier, later in pairwise(rhythms))

"""A compiled reader gives what decode gives, corrected for transformers and direction."""

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.decode import decode, encode
from energy_desktop.acquisition.profiles import (
    FOUR_QUADRANT,
    WORD_ORDERS,
    DriverProfile,
    ProfileLibrary,
    Register,
)
from energy_desktop.acquisition.reading import Correction, Reader
from energy_desktop.domain.snapshot import Quality

DRIVERS = Path(__file__).resolve().parents[3] / "drivers"
PROFILES = [profile for profile in ProfileLibrary([DRIVERS]).all() if profile.registers]


def answers_for(reader: Reader, values: dict[str, float]) -> list[bytes]:
    """The payloads of a meter that measures `values`, 0 in the gaps."""
    payloads = []
    for block in reader.blocks:
        words = [0] * block.count
        for register in block.registers:
            at = register.address - block.address
            words[at : at + register.count] = encode(register, values[register.quantity])
        payloads.append(struct.pack(f">{block.count}H", *words))
    return payloads


def named(reader: Reader, values: dict[str, float]) -> dict[str, float]:
    decoded = reader.decode(answers_for(reader, values))
    return dict(zip(reader.layout.quantities, decoded.values, strict=True))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.driver_id)
def test_a_shipped_driver_reads_back_what_a_meter_with_its_registers_sends(profile):
    reader = Reader(profile)
    values = {
        r.quantity: 0.5 if "factor" in r.quantity else 40.0 + (i % 8) if r.scale < 10 else 1e5
        for i, r in enumerate(profile.registers)
    }

    read = named(reader, values)

    assert list(read) == [register.quantity for register in profile.registers]
    assert read == pytest.approx(values, rel=1e-6)


@st.composite
def mixed_blocks(draw) -> tuple[DriverProfile, bytes]:
    """A block in which formats, word orders, scales, gaps and sentinels are mixed."""
    registers, at = [], 0
    for name in ("power_w", "voltage_v", "current_a", "frequency_hz", "energy_import_wh"):
        value_format = draw(st.sampled_from(["int16", "uint32", "float32", "int64", "float64"]))
        sentinel = (0x8000,) if value_format == "int16" else ()
        order = draw(st.sampled_from(WORD_ORDERS))
        scale = draw(st.sampled_from([1.0, 0.1, 1000.0, -0.5]))
        registers.append(Register(name, at, 4, value_format, order, scale, sentinel))
        at = registers[-1].end + draw(st.integers(0, 3))
    size = registers[-1].end
    return DriverProfile("it", tuple(registers)), draw(
        st.binary(min_size=2 * size, max_size=2 * size)
    )


@given(mixed_blocks())
def test_a_compiled_block_agrees_with_decoding_register_by_register(given_block):
    profile, payload = given_block
    words = struct.unpack(f">{len(payload) // 2}H", payload)

    decoded = Reader(profile).decode([payload])

    rejected = {r.quantity: r.value for r in decoded.rejected}
    for register, value in zip(profile.registers, decoded.values, strict=True):
        single = decode(register, words[register.address : register.end])
        value = rejected.get(register.quantity, value)
        assert value == single or (math.isnan(value) and math.isnan(single))


THREE = DriverProfile(
    "three",
    tuple(
        Register(name, 2 * i)
        for i, name in enumerate(
            ("power_w", "current_l1_a", "voltage_l1_v", "power_factor", "frequency_hz",
             "energy_import_wh", "energy_export_wh", "reactive_power_var")
        )
    ),
)  # fmt: skip
VALUES = {
    "power_w": 500.0, "current_l1_a": 2.0, "voltage_l1_v": 230.0, "power_factor": 0.5,
    "frequency_hz": 50.0, "energy_import_wh": 1000.0, "energy_export_wh": 10.0,
    "reactive_power_var": 80.0,
}  # fmt: skip


def test_transformer_ratios_multiply_what_they_transform():
    read = named(Reader(THREE, Correction(ct_ratio=10.0, vt_ratio=2.0)), VALUES)

    assert read == {
        "power_w": 10_000.0, "current_l1_a": 20.0, "voltage_l1_v": 460.0, "power_factor": 0.5,
        "frequency_hz": 50.0, "energy_import_wh": 20_000.0, "energy_export_wh": 200.0,
        "reactive_power_var": 1600.0,
    }  # fmt: skip


def test_an_inverted_meter_turns_powers_and_swaps_import_and_export():
    reader = Reader(THREE, Correction(invert=True))

    read = named(reader, VALUES)

    assert reader.layout is THREE.layout
    assert (read["power_w"], read["reactive_power_var"]) == (-500.0, -80.0)
    assert (read["energy_import_wh"], read["energy_export_wh"]) == (10.0, 1000.0)
    assert (read["power_factor"], read["current_l1_a"]) == (0.5, 2.0)


def test_an_inverted_meter_with_an_import_counter_only_has_an_export_counter():
    profile = DriverProfile("one", (Register("energy_import_wh", 0),))
    reader = Reader(profile, Correction(invert=True))

    assert reader.layout.quantities == ("energy_export_wh",)
    assert reader.layout.layout_id != profile.layout.layout_id


def test_an_implausible_value_is_rejected_and_never_a_reading():
    reader = Reader(THREE)

    decoded = reader.decode(answers_for(reader, VALUES | {"frequency_hz": 900.0}))

    assert math.isnan(decoded.values[reader.layout.index["frequency_hz"]])
    assert [(r.quantity, r.value) for r in decoded.rejected] == [("frequency_hz", 900.0)]
    assert decoded.quality is Quality.PARTIAL


def test_what_is_not_available_is_nan_and_not_rejected():
    reader = Reader(THREE)

    decoded = reader.decode(answers_for(reader, VALUES | {"power_w": math.nan}))

    assert math.isnan(decoded.values[0])
    assert (decoded.rejected, decoded.quality) == ((), Quality.PARTIAL)
    assert reader.decode(answers_for(reader, VALUES)).quality is Quality.GOOD


def test_a_four_quadrant_power_factor_is_folded_and_a_nonsense_code_rejected():
    reader = Reader(DriverProfile("pf", (Register("power_factor", 0, coding=FOUR_QUADRANT),)))

    leading = reader.decode([struct.pack(">f", 1.25)])
    nonsense = reader.decode([struct.pack(">f", 7.0)])

    assert leading.values == (0.75,)
    assert math.isnan(nonsense.values[0]) and nonsense.rejected

"""Chunks are lossless at the quantity's resolution, small, and say when they are damaged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.storage.series import codec
from energy_desktop.storage.series.codec import DamagedChunk, Scale

integers = arrays.arrays(
    np.int64, st.integers(1, 400), elements=st.integers(-(2**53), 2**53)
) | arrays.arrays(np.int64, st.integers(1, 400), elements=st.integers(-300, 300))


@given(integers, st.randoms())
def test_values_come_back_as_they_went_in(values, random):
    known = np.array([random.random() < 0.8 for _ in values])

    for mask in (None, known):
        decoded, decoded_mask = codec.decode_values(codec.encode_values(values, mask))

        assert np.array_equal(decoded, values)
        assert decoded_mask is None if mask is None else np.array_equal(decoded_mask, mask)


@given(
    st.lists(st.integers(0, 5_000), min_size=1, max_size=300).map(np.cumsum),
    st.lists(st.integers(0, 5), min_size=300, max_size=300),
)
def test_times_and_qualities_come_back_as_they_went_in(offsets, qualities):
    offsets = offsets.astype(np.int64)
    quality = np.array(qualities[: len(offsets)], np.uint8)

    times, decoded = codec.decode_timeline(codec.encode_timeline(offsets, quality))

    assert np.array_equal(times, offsets)
    if quality.any():
        assert np.array_equal(decoded, quality)
    else:
        assert decoded is None


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_every_quantity_keeps_its_resolution(name):
    row = QUANTITIES[name]
    scale = codec.scale_of(name)
    steps = np.arange(-1_000, 1_000)
    values = steps * row.resolution

    restored = scale.to_values(*scale.to_integers(values))

    assert np.abs(restored - values).max() <= row.resolution * 1e-6
    assert np.array_equal(scale.to_integers(restored)[0], steps)
    assert np.array_equal(scale.round(values), restored)


def test_a_voltage_reads_as_the_nearest_float_of_its_decimals():
    scale = Scale.of_resolution(0.01)

    restored = scale.to_values(*scale.to_integers(np.array([230.12, 0.07, 229.99])))

    assert restored.tolist() == [230.12, 0.07, 229.99]


@given(
    arrays.arrays(
        np.float64, st.integers(1, 50), elements=st.floats(allow_nan=True, allow_infinity=True)
    )
)
def test_what_is_no_number_stays_unknown_and_is_never_zero(values):
    scale = Scale.of_resolution(0.1)

    restored = scale.to_values(
        *codec.decode_values(codec.encode_values(*scale.to_integers(values)))
    )

    assert np.isnan(restored[~np.isfinite(values)]).all()
    near = np.isfinite(values) & (np.abs(values) < 1e12)
    assert not np.isnan(restored[near]).any()
    assert np.abs(restored[near] - values[near]).max(initial=0) <= 0.051


def test_a_regular_grid_takes_no_more_than_its_head():
    grid = np.arange(3_600, dtype=np.int64) * 1_000

    assert len(codec.encode_timeline(grid, None)) < 32


def test_twenty_noisy_quantities_take_under_25_bytes_a_reading():
    rng = np.random.default_rng(3)
    noisy = (np.cumsum(rng.normal(0, 2, 3_600)) + 23_000).astype(np.int64)
    times = np.arange(3_600) * 1_000 + rng.integers(0, 8, 3_600)

    size = 20 * len(codec.encode_values(noisy, None)) + len(codec.encode_timeline(times, None))

    assert size / 3_600 < 25


@settings(max_examples=40)
@given(st.data())
def test_a_flipped_bit_never_passes_the_checksum(data):
    payload = codec.encode_values(np.arange(100) % 7 + 1_000, None)
    position = data.draw(st.integers(0, len(payload) - 1))
    bit = data.draw(st.integers(0, 7))
    damaged = bytearray(payload)
    damaged[position] ^= 1 << bit
    of = (1, 2, 1, 3_600_000, 99)

    assert codec.checksum(*of, bytes(damaged)) != codec.checksum(*of, payload)


def test_a_chunk_does_not_pass_as_that_of_another_meter_quantity_or_hour():
    payload = codec.encode_values(np.arange(10), None)
    checks = {
        codec.checksum(*of, payload)
        for of in ((1, 2, 1, 0, 9), (2, 2, 1, 0, 9), (1, 3, 1, 0, 9), (1, 2, 1, 3_600_000, 9))
    }

    assert len(checks) == 4


@pytest.mark.parametrize("cut", [0, 5, 20])
def test_a_cut_off_chunk_is_refused(cut):
    payload = codec.encode_values(np.arange(1_000) ** 2, None)

    with pytest.raises(DamagedChunk):
        codec.decode_values(payload[:cut])

"""Random numbers that need no memory: a hash of (seed, name, index).

A generator must be run from its start to reach tomorrow. A hash gives the noise of any minute by
itself, for a whole array at once, so the history that was made in March and the answer that is
given today are the same function.
"""

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_16 = np.uint64(0xFFFF)


def _bits(seed: int, name: str, index: Ints) -> NDArray[np.uint64]:
    """64 bits per index: the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    key = np.uint64((seed << 32 ^ crc32(name.encode())) & 0xFFFF_FFFF_FFFF_FFFF)
    with np.errstate(over="ignore"):
        x = (index.astype(np.uint64) + key) * _GOLDEN + key
        x ^= x >> np.uint64(30)
        x *= _MIX_1
        x ^= x >> np.uint64(27)
        x *= _MIX_2
        x ^= x >> np.uint64(31)
    return x


def uniform(seed: int, name: str, index: Ints) -> Floats:
    """Uniform in [0, 1), same shape as `index`."""
    return (_bits(seed, name, index) >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def normal(seed: int, name: str, index: Ints) -> Floats:
    """Nearly normal, mean 0, deviation 1, never beyond 3.5: the sum of four uniforms."""
    bits = _bits(seed, name, index)
    total = (bits & _LOW_16).astype(np.float64)
    for shift in (16, 32, 48):
        total += (bits >> np.uint64(shift)) & _LOW_16
    spread: float = 3.0**0.5
    return (total / 65536.0 - 2.0) * spread


def smooth(seed: int, name: str, position: Floats) -> Floats:
    """Noise that moves smoothly from one whole position to the next; deviation about 0.75."""
    start = np.floor(position)
    fraction = position - start
    weight = fraction * fraction * (3.0 - 2.0 * fraction)
    first = start.astype(np.int64)
    low, high = (int(first.min()), int(first.max())) if first.size else (0, 0)
    if high - low + 2 <= 2 * first.size:  # each knot once instead of twice per sample
        knots = normal(seed, name, np.arange(low, high + 2, dtype=np.int64))
        before, after = knots[first - low], knots[first - low + 1]
    else:
        before, after = normal(seed, name, first), normal(seed, name, first + 1)
    return before + (after - before) * weight


def pick(seed: int, name: str, low: float, high: float) -> float:
    """One number in [low, high) that belongs to the name."""
    return low + (high - low) * float(uniform(seed, name, np.zeros(1, np.int64))[0])

"""What a meter can say: values as its registers hold them.

A meter with a register in steps of 100 Wh shows no single Wh, and a float32 loses digits as it
grows. History is made of the same shown values as the live answers, or a counter would seem to
fall where they meet.
"""

import math
from typing import Protocol

import numpy as np

from energy_desktop.acquisition.decode import encode, ratio
from energy_desktop.acquisition.profiles import DriverProfile, Register
from energy_desktop.acquisition.simulator.noise import Floats
from energy_desktop.domain.quantities import QUANTITIES


class Shows(Protocol):
    """What a meter measures at n moments."""

    def value(self, quantity: str) -> Floats:
        """(n,) in the quantity's unit; NaN where it has no such quantity."""
        ...


def as_shown(register: Register, values: Floats) -> Floats:
    """values (n,) in the quantity's unit as the register's format holds them, NaN kept.

    Whole steps: counters are cut off like a mechanical wheel and roll over, gauges are rounded
    and stop at the ends of their format.
    """
    factor, divisor = ratio(register.scale)
    raw = values * divisor / factor
    if register.value_format == "float32":
        raw = raw.astype(np.float32).astype(np.float64)
    elif register.value_format != "float64":
        bits = 16 * register.count
        signed = register.value_format.startswith("int")
        low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1)) if signed else (0.0, 2.0**bits)
        if QUANTITIES[register.quantity].is_counter:
            raw = np.floor(raw + 1e-9)
            if raw.size and raw.max() >= high:
                raw = np.mod(raw, high)
        else:
            raw = np.clip(np.rint(raw), low, high - 1.0)
    return raw * factor / divisor


def recorded_values(register: Register, values: Floats) -> Floats:
    """What a poller would have stored: as shown, at the resolution of the quantity."""
    step = QUANTITIES[register.quantity].resolution
    return np.round(as_shown(register, values), max(0, -math.floor(math.log10(step))))


def words_of(register: Register, shows: Shows) -> list[int]:
    """The register's words for a reading of one moment."""
    value = float(as_shown(register, shows.value(register.quantity))[0])
    if math.isnan(value) and not register.unavailable and "float" not in register.value_format:
        return [0] * register.count  # a format that cannot say "not available"
    return encode(register, value)


def images(profile: DriverProfile, shows: Shows) -> dict[int, dict[int, int]]:
    """Function code -> wire address -> word, for every register of the profile."""
    found: dict[int, dict[int, int]] = {}
    for register in profile.registers:
        held = found.setdefault(register.function, {})
        for place, word in enumerate(words_of(register, shows), start=register.address):
            held[place] = word
    return found

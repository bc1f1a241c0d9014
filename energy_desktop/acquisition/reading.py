"""From the bytes of a poll to a snapshot's values, compiled once per meter.

A poll of 40 values a second and a hundred meters leaves no time to look anything up: word orders,
scales, transformer ratios, signs and plausible ranges are folded into flat tuples here, and a poll
runs over them once.
"""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from energy_desktop.acquisition.decode import (
    BYTE_ORDERS,
    NAN,
    STRUCT_CODES,
    fold_quadrant,
    ratio,
    sentinels,
    times_ten_to,
)
from energy_desktop.acquisition.driver_profile import (
    FOUR_QUADRANT,
    DriverProfile,
    Guard,
    Register,
    layout_id,
)
from energy_desktop.acquisition.planner import Block, plan_blocks, plan_part
from energy_desktop.domain.quantities import quantity
from energy_desktop.domain.snapshot import Layout, Quality, Rejected

LONGEST_WAIT_S = 60.0

NEXT_TO_NOTHING = 1e-12
"""Floats with their words in a wrong order come out as huge or as next to nothing. Where one of a
poll is impossible, such a one beside it is not zero but nonsense as well."""

_POWERS = ("power_w", "power_l", "reactive_power_", "apparent_power_", "demand_")
_ENERGIES = ("energy_", "reactive_energy_", "apparent_energy_")
_SIGNED_POWERS = ("power_w", "power_l", "reactive_power_", "demand_w")


@dataclass(frozen=True, slots=True)
class Correction:
    """What stands between a meter's own values and those of the circuit.

    ct_ratio multiplies currents, vt_ratio voltages, and both multiply powers, demands and
    energies; frequency, power factor, angle and distortion stay.
    invert: active and reactive power and demand change their sign, import and export counters
    change places. Currents and power factors stay: most meters give them without a direction.
    """

    ct_ratio: float = 1.0
    vt_ratio: float = 1.0
    invert: bool = False

    def factor(self, name: str) -> float:
        """What the meter's value of the quantity is multiplied by."""
        if name.startswith("current_"):
            return self.ct_ratio
        if name.startswith("voltage_"):
            return self.vt_ratio
        if name.startswith((*_POWERS, *_ENERGIES)):
            sign = -1.0 if self.invert and name.startswith(_SIGNED_POWERS) else 1.0
            return sign * self.ct_ratio * self.vt_ratio
        return 1.0

    def name(self, name: str) -> str:
        """The quantity as which the meter's quantity `name` is kept."""
        if not self.invert or not name.startswith(_ENERGIES):
            return name
        if "_import_" in name:
            return name.replace("_import_", "_export_")
        return name.replace("_export_", "_import_")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The values of one poll in the order of the reader's layout."""

    values: tuple[float, ...]
    quality: Quality
    rejected: tuple[Rejected, ...]


class DeviceChanged(Exception):
    """The answers are not of the device that the profile was built from: none is a reading."""


class ReadPart:
    """What one poll asks and how its answers become values. `blocks` says what, in this order."""

    def __init__(
        self,
        blocks: tuple[Block, ...],
        layout: Layout,
        correction: Correction,
        guards: Sequence[Guard] = (),
    ) -> None:
        self.blocks = blocks
        self.layout = layout
        unpackers = [_compile(block) for block in blocks]
        functions = [
            b.function for b, (_, members) in zip(blocks, unpackers, strict=True) for _ in members
        ]
        wire = [register for _, registers in unpackers for register in registers]
        names = [correction.name(register.quantity) for register in wire]
        scales = [_corrected(r, correction.factor(r.quantity)) for r in wire]

        self._unpack = tuple(unpack for unpack, _ in unpackers)
        self._scales = None if all(s == (1, 1) for s in scales) and _floats(wire) else scales
        self._sentinels = tuple(
            (i, frozenset(codes)) for i, r in enumerate(wire) if (codes := sentinels(r))
        )
        helpers = {(functions[i], r.address): i for i, r in enumerate(wire) if not r.quantity}
        self._powers = tuple(
            (i, helpers[functions[i], r.scale_address])
            for i, r in enumerate(wire)
            if r.scale_address is not None
        )
        self._guards = tuple((helpers[g.function, g.address], g.word) for g in guards)
        self._quadrants = tuple(i for i, r in enumerate(wire) if r.coding == FOUR_QUADRANT)
        position = {name: i for i, name in enumerate(names) if name}
        order = [position[name] for name in layout.quantities]
        self._arrange = _arranger(order, len(wire))
        rows = [quantity(name) for name in layout.quantities]
        self._lows = tuple(row.low for row in rows)
        self._highs = tuple(row.high for row in rows)

    def decode(self, answers: Sequence[bytes]) -> Decoded:
        """answers: the payload of each block, two bytes per register as they came.

        A value that is not available, not finite or outside its quantity's plausible range is
        NaN; of the last kind `rejected` tells value and reason.
        Raises DeviceChanged when a guard of the profile says so.
        """
        raw: list[float] = []
        for unpack, payload in zip(self._unpack, answers, strict=True):
            raw += unpack(payload)
        for i, word in self._guards:
            if raw[i] != word:
                raise DeviceChanged
        for i, codes in self._sentinels:
            if raw[i] in codes:
                raw[i] = NAN
        for i, at in self._powers:
            raw[i] = times_ten_to(raw[i], raw[at])
        if self._scales is not None:
            raw = [value * f / d for value, (f, d) in zip(raw, self._scales, strict=True)]
        for i in self._quadrants:
            raw[i] = fold_quadrant(raw[i])
        values = self._arrange(raw)
        odd = [
            i
            for i, (value, low, high) in enumerate(
                zip(values, self._lows, self._highs, strict=True)
            )
            if not low <= value <= high
        ]
        if not odd:
            return Decoded(values, Quality.GOOD, ())
        return self._without(values, odd)

    def _without(self, values: tuple[float, ...], odd: list[int]) -> Decoded:
        kept = list(values)
        rejected: list[Rejected] = []
        for i in odd:
            if math.isfinite(values[i]):
                name = self.layout.quantities[i]
                reason = f"outside {self._lows[i]:g} to {self._highs[i]:g} {quantity(name).unit}"
                rejected.append(Rejected(name, values[i], reason.rstrip()))
            kept[i] = NAN
        for i, value in enumerate(kept):
            if 0.0 < abs(value) < NEXT_TO_NOTHING:
                name = self.layout.quantities[i]
                rejected.append(Rejected(name, value, "less than any meter tells: word order?"))
                kept[i] = NAN
        return Decoded(tuple(kept), Quality.PARTIAL, tuple(rejected))


class Reader:
    """Decodes the answers of one meter, whole or in parts.

    `blocks`, `layout` and `decode` are those of a poll that reads everything. `part(n)` is the
    n-th poll: registers with `every = 10` are in polls 0, 10, 20 ..., so that poll 0 is whole;
    after `cycle` polls it begins again. A poll that failed is asked again with the same n, or
    slow values would wait a whole round more.
    Nothing is read more rarely than once in LONGEST_WAIT_S, however slow the polls are: the
    quarter hours of the ledger want their registers.
    """

    def __init__(
        self,
        profile: DriverProfile,
        correction: Correction | None = None,
        *,
        poll_interval_s: float = 1.0,
    ) -> None:
        self._profile = profile
        self._correction = correction or Correction()
        slowest = max(1, int(LONGEST_WAIT_S / poll_interval_s))
        fastest = min((r.every for r in profile.registers), default=1)  # in every poll
        self._every = {
            r.quantity: 1 if r.every == fastest else min(r.every, slowest)
            for r in profile.registers
        }
        self._whole = ReadPart(
            plan_blocks(profile),
            _layout(profile, self._correction),
            self._correction,
            profile.guards,
        )
        rhythms = frozenset(self._every.values())
        self.cycle = math.lcm(*rhythms) if rhythms else 1
        self._rhythms = rhythms - {1}
        self._parts: dict[frozenset[int], ReadPart] = {frozenset(): self._whole}

    @property
    def blocks(self) -> tuple[Block, ...]:
        return self._whole.blocks

    @property
    def layout(self) -> Layout:
        return self._whole.layout

    def decode(self, answers: Sequence[bytes]) -> Decoded:
        """As ReadPart.decode, for a poll that read everything."""
        return self._whole.decode(answers)

    def part(self, n: int) -> ReadPart:
        """What the n-th poll reads. Equal parts are the same object, and so are their layouts."""
        if not self._rhythms:
            return self._whole
        left_out = frozenset(every for every in self._rhythms if n % every)
        part = self._parts.get(left_out)
        if part is None:
            part = self._parts[left_out] = self._without(left_out)
        return part

    def _without(self, left_out: frozenset[int]) -> ReadPart:
        due = [r for r in self._profile.registers if self._every[r.quantity] not in left_out]
        kept = {self._correction.name(r.quantity) for r in due}
        whole = self.layout
        names = tuple(name for name in whole.quantities if name in kept)
        layout = Layout(f"{whole.layout_id}/{layout_id('', names)[1:]}", names, whole)
        blocks = plan_part(self._profile, self.blocks, due)
        return ReadPart(blocks, layout, self._correction, self._profile.guards)


def _layout(profile: DriverProfile, correction: Correction) -> Layout:
    """The profile's own layout, unless turning the meter round gives other quantities."""
    names = tuple(correction.name(name) for name in profile.layout.quantities)
    if set(names) == set(profile.layout.quantities):
        return profile.layout
    return Layout(layout_id(profile.driver_id, names), names)


def _corrected(register: Register, factor: float) -> tuple[float | int, int]:
    multiply, divide = ratio(register.scale)
    return (multiply if factor == 1.0 else multiply * factor), divide


def _floats(registers: Sequence[Register]) -> bool:
    return all(register.value_format.startswith("float") for register in registers)


def _arranger(order: list[int], width: int) -> Callable[[list[float]], tuple[float, ...]]:
    if order == list(range(width)):
        return tuple
    if len(order) == 1:
        (only,) = order
        return lambda raw: (raw[only],)  # itemgetter gives a bare value for a single place
    return itemgetter(*order)


def _compile(
    block: Block,
) -> tuple[Callable[[bytes], tuple[float, ...]], tuple[Register, ...]]:
    """A function from payload to raw values, and the registers in the order it gives them.

    One unpack per word order in the block, which is one for every meter known so far.
    """
    parts: list[tuple[bool, Callable[[bytes], tuple[float, ...]]]] = []
    ordered: list[Register] = []
    for word_order in dict.fromkeys(register.word_order for register in block.registers):
        members = [r for r in block.registers if r.word_order == word_order]
        lay, read = BYTE_ORDERS[word_order]
        code, at = read, block.address
        for register in members:
            code += f"{2 * (register.address - at)}x{STRUCT_CODES[register.value_format]}"
            at = register.end
        code += f"{2 * (block.end - at)}x"
        parts.append((lay == "<", struct.Struct(code).unpack))
        ordered += members
    if len(parts) == 1 and not parts[0][0]:
        return parts[0][1], tuple(ordered)

    def unpack(payload: bytes) -> tuple[float, ...]:
        swapped = _swap_bytes(payload)
        values: tuple[float, ...] = ()
        for little, unpack_part in parts:
            values += unpack_part(swapped if little else payload)
        return values

    return unpack, tuple(ordered)


def _swap_bytes(payload: bytes) -> bytes:
    swapped = bytearray(payload)
    swapped[0::2], swapped[1::2] = payload[1::2], payload[0::2]
    return bytes(swapped)

"""Turns a profile's registers into few block reads.

A request of 40 registers costs a bus hardly more than one of 2, so values that lie near each other
travel together and small gaps are read through. Where the profile declares a hole, a read ends
before it: several meters answer a read over an undefined address with exception 2.

A poll that reads only some of the registers asks for parts of those same blocks, never for a span
that a full poll does not cover: what a meter answers whole, it answers in part.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from energy_desktop.acquisition.driver_profile import DriverProfile, Register

GAP_READ_THROUGH = 16  # registers; a 32-byte gap costs less than a second request and answer

SCALE_UNAVAILABLE = (0x8000,)  # SunSpec: the scale factor is not implemented


@dataclass(frozen=True, slots=True)
class Block:
    """One read request and the values that its answer holds, ascending by address.

    Powers of ten that other registers are scaled by, and guards, are among `registers` too: they
    have no quantity.
    """

    function: int
    address: int
    count: int
    registers: tuple[Register, ...]

    @property
    def end(self) -> int:
        return self.address + self.count

    def __str__(self) -> str:
        return f"registers {self.address} to {self.end - 1} (function {self.function})"


def plan_blocks(profile: DriverProfile) -> tuple[Block, ...]:
    """The reads that fetch every register of the profile, no value split over two of them."""
    return _runs(profile, with_helpers(profile, profile.registers))


def plan_part(
    profile: DriverProfile, blocks: Iterable[Block], wanted: Collection[Register]
) -> tuple[Block, ...]:
    """The reads that fetch `wanted` out of the blocks of the whole plan, each inside one."""
    keys = {(r.function, r.address) for r in with_helpers(profile, wanted)}
    parts: list[Block] = []
    for block in blocks:
        members = [r for r in block.registers if (r.function, r.address) in keys]
        parts += _runs(profile, members)
    return tuple(parts)


def with_helpers(profile: DriverProfile, registers: Iterable[Register]) -> list[Register]:
    """The registers, the powers of ten that they are scaled by, each once, and the guards."""
    whole = list(registers)
    whole += [Register("", guard.address, guard.function, "uint16") for guard in profile.guards]
    scales = dict.fromkeys(
        (r.function, r.scale_address) for r in whole if r.scale_address is not None
    )
    for function, address in scales:
        whole.append(
            Register("", address, function, "int16", unavailable=SCALE_UNAVAILABLE),
        )
    return whole


def _runs(profile: DriverProfile, registers: Iterable[Register]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    run: list[Register] = []
    for register in sorted(registers, key=lambda r: (r.function, r.address)):
        if run and not _joins(profile, run, register):
            blocks.append(_block(run))
            run = []
        run.append(register)
    if run:
        blocks.append(_block(run))
    return tuple(blocks)


def _joins(profile: DriverProfile, run: list[Register], register: Register) -> bool:
    first, last = run[0], run[-1]
    return (
        register.function == first.function
        and register.address - last.end <= GAP_READ_THROUGH
        and register.end - first.address <= profile.max_registers
        and not any(begin < register.address and last.end <= end for begin, end in profile.holes)
    )


def _block(run: list[Register]) -> Block:
    address = run[0].address
    return Block(run[0].function, address, run[-1].end - address, tuple(run))

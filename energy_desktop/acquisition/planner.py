"""Turns a profile into few reads.

One read of 80 registers costs a bus hardly more than one of 2, so values that lie near each other
travel together and small gaps are read through. Where the profile declares a hole, a read ends
before it: several meters answer a read over an undefined address with exception 2.
"""

from dataclasses import dataclass

from energy_desktop.acquisition.profiles import DriverProfile, Register

GAP_READ_THROUGH = 16  # registers; a 32-byte gap costs less than a second request and answer


@dataclass(frozen=True, slots=True)
class Block:
    """One read request and the values that its answer holds, ascending by address."""

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
    blocks: list[Block] = []
    run: list[Register] = []
    for register in sorted(profile.registers, key=lambda r: (r.function, r.address)):
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

"""Few reads, and none that a meter could refuse."""

from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.planner import GAP_READ_THROUGH, plan_blocks
from energy_desktop.acquisition.profiles import REGISTERS_OF_FORMAT, DriverProfile, Register
from energy_desktop.domain.quantities import QUANTITIES


def profile(*addresses: int, max_registers: int = 125, holes=(), function=4) -> DriverProfile:
    registers = tuple(
        Register(name, address, function)
        for name, address in zip(QUANTITIES, addresses, strict=False)
    )
    return DriverProfile("it", registers, max_registers=max_registers, holes=holes)


def spans(plan) -> list[tuple[int, int]]:
    return [(block.address, block.count) for block in plan]


def test_neighbours_and_small_gaps_travel_together():
    assert spans(plan_blocks(profile(0, 2, 4 + GAP_READ_THROUGH))) == [(0, 22)]


def test_a_larger_gap_is_not_read():
    assert spans(plan_blocks(profile(0, 3 + GAP_READ_THROUGH))) == [(0, 2), (19, 2)]


def test_a_hole_is_never_spanned():
    assert spans(plan_blocks(profile(0, 6, holes=((3, 4),)))) == [(0, 2), (6, 2)]


def test_a_block_ends_before_the_longest_read():
    assert spans(plan_blocks(profile(0, 2, 4, 6, max_registers=5))) == [(0, 4), (4, 4)]


def test_functions_are_never_mixed():
    both = DriverProfile("it", (Register("power_w", 0, 3), Register("voltage_v", 2, 4)))

    assert [(b.function, b.address) for b in plan_blocks(both)] == [(3, 0), (4, 2)]


@st.composite
def profiles(draw) -> DriverProfile:
    names = draw(
        st.lists(st.sampled_from(sorted(QUANTITIES)), unique=True, min_size=1, max_size=30)
    )
    registers, at, holes = [], draw(st.integers(0, 50)), []
    for name in names:
        value_format = draw(st.sampled_from(sorted(REGISTERS_OF_FORMAT)))
        register = Register(name, at, draw(st.sampled_from([3, 4])), value_format)
        registers.append(register)
        gap = draw(st.integers(0, 24))
        if gap > 2 and draw(st.booleans()):
            holes.append((register.end + 1, register.end + gap - 1))
        at = register.end + gap
    return DriverProfile(
        "it",
        tuple(draw(st.permutations(registers))),
        max_registers=draw(st.sampled_from([4, 20, 80, 125])),
        holes=tuple(holes),
    )


@given(profiles())
def test_every_register_lies_whole_in_exactly_one_allowed_block(it):
    blocks = plan_blocks(it)

    assert sorted(r.quantity for b in blocks for r in b.registers) == sorted(
        r.quantity for r in it.registers
    )
    for block in blocks:
        assert 1 <= block.count <= it.max_registers
        assert all(block.address <= r.address and r.end <= block.end for r in block.registers)
        assert all(r.function == block.function for r in block.registers)
        assert not any(a < block.end and block.address <= b for a, b in it.holes)

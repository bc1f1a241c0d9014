"""Builders for the tests of faults: links with short timeouts, and who was answered rightly."""

from collections import Counter
from dataclasses import dataclass, field

from energy_desktop.acquisition.links.checked import CheckedConnection, ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.domain.site import Link, LinkKind
from tests.faults.modbus_tcp_server import word

REGISTERS = 6


def tcp_link(port: int, timeout_s: float = 0.1, link_id: str = "tcp", **more) -> Link:
    fields = {"host": "127.0.0.1"} | more
    return Link(link_id, LinkKind.MODBUS_TCP, port=port, timeout_s=timeout_s, **fields)


def rtu_link(device: object, timeout_s: float = 0.1, guard_s: float = 0.1, **more) -> Link:
    fields = {"baud_rate": 115_200} | more
    return Link(
        "bus",
        LinkKind.MODBUS_RTU,
        device=str(device),
        timeout_s=timeout_s,
        guard_s=guard_s,
        **fields,
    )


def expected(request: ReadRequest) -> bytes:
    """What the registers of this unit at this address hold: no two questions share an answer."""
    addresses = range(request.address, request.address + request.count)
    return b"".join(word(request.unit_id, a).to_bytes(2, "big") for a in addresses)


@dataclass
class Tally:
    """How reads ended. wrong: an answer that belongs to another question."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: Counter[FailureKind] = field(default_factory=Counter)
    faulty: int = 0

    @property
    def reads(self) -> int:
        return self.right + len(self.wrong) + self.failed.total()

    def add(self, other: "Tally") -> None:
        self.right += other.right
        self.wrong += other.wrong
        self.failed += other.failed
        self.faulty += other.faulty


async def read(connection: CheckedConnection, request: ReadRequest, tally: Tally) -> None:
    try:
        answer = await connection.read(request)
    except RequestFailed as failure:
        tally.failed[failure.kind] += 1
        return
    if answer == expected(request):
        tally.right += 1
    else:
        tally.wrong.append(f"{request} of unit {request.unit_id} gave {answer.hex()}")

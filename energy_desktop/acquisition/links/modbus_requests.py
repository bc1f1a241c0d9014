"""Reads as they are sent and as their answers come back: made once, sent many times.

The answer's payload stays bytes, through pymodbus' own door for response classes: its decoder
unpacks register by register and renders each answer as text for a debug line that is off, which
costs more than all the checks of a connection.
"""

from dataclasses import dataclass, field
from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)


class _Payload:
    """Keeps the registers of an answer as bytes; `payload` is empty when its count byte lies."""

    payload: bytes

    def decode(self, data: bytes) -> None:
        self.payload = data[1:] if data and data[0] == len(data) - 1 else b""

    def __str__(self) -> str:
        return "registers"


class CoilsResponse(_Payload, ReadCoilsResponse):
    """Answer of function 1."""


class DiscreteResponse(_Payload, ReadDiscreteInputsResponse):
    """Answer of function 2."""


class HoldingResponse(_Payload, ReadHoldingRegistersResponse):
    """Answer of function 3."""


class InputResponse(_Payload, ReadInputRegistersResponse):
    """Answer of function 4."""


class _HoldingRequest(ReadHoldingRegistersRequest):
    def __str__(self) -> str:
        return "read"


class _InputRequest(ReadInputRegistersRequest):
    def __str__(self) -> str:
        return "read"


_REQUESTS: dict[int, type[ModbusPDU]] = {
    1: ReadCoilsRequest,
    2: ReadDiscreteInputsRequest,
    3: _HoldingRequest,
    4: _InputRequest,
}
RESPONSES: dict[int, type[Any]] = {
    1: CoilsResponse,
    2: DiscreteResponse,
    3: HoldingResponse,
    4: InputResponse,
}
MOST_BITS = 2000  # of one read: Modbus application protocol 1.1b3, 6.1
MOST_REGISTERS = 125


@dataclass(slots=True)
class ReadRequest:
    """A block read of one unit, made once and sent many times. function: 1 to 4."""

    unit_id: int
    function: int
    address: int
    count: int
    pdu: ModbusPDU = field(init=False, repr=False)
    answer: type[Any] = field(init=False, repr=False)
    size: int = field(init=False)  # bytes of the answer's payload

    def __post_init__(self) -> None:
        self.pdu = _REQUESTS[self.function](
            address=self.address, count=self.count, dev_id=self.unit_id
        )
        self.answer = RESPONSES[self.function]
        self.size = (self.count + 7) // 8 if self.is_bits else 2 * self.count

    @property
    def is_bits(self) -> bool:
        return self.function < 3

    def __str__(self) -> str:
        last = self.address + self.count - 1
        what = "bits" if self.is_bits else "registers"
        return f"{what} {self.address} to {last}, function {self.function}"

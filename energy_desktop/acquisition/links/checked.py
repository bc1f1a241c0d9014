"""pymodbus behind a guard: nothing leaves here that is not the answer to the question asked.

pymodbus 3.16 compares transaction id, unit and checksum, but takes 3 or 9 registers for the 4 that
were asked and an answer of function 4 for function 3; a reply with transaction id 0 passes for any
request; a connection that the server closes is noticed at the timeout only. All of that is settled
here. Retries are switched off: a retry re-sends under the old transaction id and loads a slow
device twice; the schedule above waits and asks again instead.

The answer's payload stays bytes (`ReadResponse`, registered through pymodbus' own door for response
classes): its decoder unpacks register by register and renders each answer as text for a debug line
that is off, which costs more than all the checks here.
"""

import asyncio
import logging
import os
import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import (
    PORT_ERRORS,
    TERMINAL_ERRORS,
    FailureKind,
    RequestFailed,
    no_answer,
    refused,
    seconds_text,
    wrong_answer,
)
from energy_desktop.acquisition.links.frame_log import FrameLog

# A lost meter is told once by the poller; pymodbus would tell it at every try.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class _Payload:
    """Keeps the registers of an answer as bytes; `payload` is empty when its count byte lies."""

    payload: bytes

    def decode(self, data: bytes) -> None:
        self.payload = data[1:] if data and data[0] == len(data) - 1 else b""

    def __str__(self) -> str:
        return "registers"


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


_REQUESTS: dict[int, type[ModbusPDU]] = {3: _HoldingRequest, 4: _InputRequest}
_RESPONSES: dict[int, type[Any]] = {3: HoldingResponse, 4: InputResponse}


@dataclass(slots=True)
class ReadRequest:
    """A block read of one unit, made once and sent many times."""

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
        self.answer = _RESPONSES[self.function]
        self.size = 2 * self.count

    def __str__(self) -> str:
        last = self.address + self.count - 1
        return f"registers {self.address} to {last}, function {self.function}"


_LINK_ERRORS: tuple[type[Exception], ...] = (ModbusException, *PORT_ERRORS)


class CheckedConnection(ABC):
    """One TCP connection or serial bus; one request at a time.

    After any failure but a proper exception answer the connection is closed, so that what comes
    late is never taken for the next answer. The next request opens it again.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.log = FrameLog()
        self.counters = BusCounters()
        self._client: ModbusBaseClient | None = None
        self._lock = asyncio.Lock()
        self._awaiting = False

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it leads, as a person writes it."""

    @abstractmethod
    def _make_client(self) -> ModbusBaseClient: ...

    async def _before_request(self, client: ModbusBaseClient) -> None:  # noqa: B027
        """What the medium asks for before the first byte of a request."""

    async def _after_failure(self) -> None:  # noqa: B027
        """What the medium asks for between closing and opening again."""

    def _deadline_s(self, answer_bytes: int) -> float:  # noqa: ARG002
        return self.timeout_s

    async def read(self, request: ReadRequest) -> bytes:
        """The registers asked for, as they came, two bytes each. Raises RequestFailed."""
        async with self._lock:
            response = await self._exchange(request.pdu, request.size)
            if type(response) is request.answer:
                payload: bytes = response.payload
                if len(payload) == request.size:
                    return payload
            return await self._reject(response, request)

    async def write(self, unit_id: int, address: int, value: int) -> int:
        """Writes one holding register (function 6), reads it back and returns what it holds."""
        pdu = WriteSingleRegisterRequest(address=address, registers=[value], dev_id=unit_id)
        async with self._lock:
            response = await self._exchange(pdu, 8)
            if response.isError():
                raise refused(response.exception_code, f"writing register {address}")
            echoed = (response.address, list(response.registers))
            if type(response) is not WriteSingleRegisterResponse or echoed != (address, [value]):
                await self._reset()
                raise wrong_answer(f"the echo of writing register {address} differs.")
        return int.from_bytes(await self.read(ReadRequest(unit_id, 3, address, 1)), "big")

    async def connect(self) -> None:
        """Opens it unless it is open; a read does that by itself. Raises RequestFailed."""
        async with self._lock:
            if self._client is None or not self._client.connected:
                await self._open()

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn

    async def _exchange(self, pdu: ModbusPDU, answer_bytes: int) -> Any:
        client = self._client
        if client is None or not client.connected:
            client = await self._open()
        await self._before_request(client)
        deadline_s = self._deadline_s(answer_bytes)
        client.ctx.comm_params.timeout_connect = deadline_s
        self._awaiting = True
        try:
            response = await client.ctx.execute(False, pdu)
        except _ClosedByPeer:
            await self._reset()
            raise RequestFailed(
                FailureKind.NO_ANSWER,
                f"{self.address} closed the connection instead of answering.",
                "Check how many connections the device accepts and who else holds one.",
            ) from None
        except _LINK_ERRORS:
            await self._reset()
            raise no_answer(deadline_s) from None
        except asyncio.CancelledError:
            client.close()  # its answer may still come, and must find nobody
            raise
        finally:
            self._awaiting = False
        if pdu.transaction_id and response.transaction_id != pdu.transaction_id:
            await self._reset()
            raise wrong_answer("the answer carries the number of another request.")
        if pdu.dev_id and response.dev_id != pdu.dev_id:
            await self._reset()
            raise wrong_answer(f"unit {response.dev_id} answered instead of {pdu.dev_id}.")
        return response

    async def _reject(self, response: Any, request: ReadRequest) -> bytes:
        if response.isError():
            if response.function_code & 0x7F == request.function:
                raise refused(response.exception_code, str(request))
            await self._reset()
            raise wrong_answer("the exception in the answer belongs to another function.")
        await self._reset()
        if type(response) is not request.answer:
            raise wrong_answer(
                f"the answer is of function {response.function_code}, not {request.function}."
            )
        got = len(response.payload) // 2
        raise wrong_answer(f"the answer holds {got} registers instead of {request.count}.")

    async def _open(self) -> ModbusBaseClient:
        client = self._client
        if client is None:
            client = self._client = self._make_client()
            client.register(HoldingResponse)
            client.register(InputResponse)
        context = client.ctx
        context.is_closing = False
        try:
            # What client.connect() does, but with the reason when it fails.
            context.transport, _ = await asyncio.wait_for(context.call_create(), self.timeout_s)
        except TimeoutError:
            raise self._unconnected(
                f"no connection within {seconds_text(self.timeout_s)} s."
            ) from None
        except TERMINAL_ERRORS as error:
            raise self._refused_settings(error) from None
        except (OSError, ValueError) as error:
            raise self._unconnected(f"no connection: {_reason(error)}.") from None
        await asyncio.sleep(0)  # a serial transport attaches its reader in the loop's next turn
        return client

    def _unconnected(self, what: str) -> RequestFailed:
        return RequestFailed(
            FailureKind.NO_CONNECTION,
            what,
            f"Check that {self.address} is right, powered and not in use by another program.",
        )

    def _refused_settings(self, error: Exception) -> RequestFailed:
        """A serial port that is there but does not take what it is set to."""
        return self._unconnected(f"no connection: {error}.")

    async def _reset(self) -> None:
        await self.close()
        await self._after_failure()

    def _on_connect_change(self, connected: bool) -> None:
        """Handed to pymodbus as trace_connect: a closed connection ends the wait at once."""
        if not connected and self._awaiting and self._client is not None:
            answer = self._client.ctx.response_future
            if not answer.done():
                answer.set_exception(_ClosedByPeer())


def _reason(error: Exception) -> str:
    """The system's words; asyncio's own say `Connect call failed` for each of them."""
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error)


class _ClosedByPeer(Exception):
    """The other side closed while we waited."""

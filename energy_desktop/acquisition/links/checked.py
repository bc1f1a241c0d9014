"""pymodbus behind a guard: nothing leaves here that is not the answer to the question asked.

pymodbus 3.16 compares transaction id, unit and checksum, but takes 3 or 9 registers for the 4 that
were asked and an answer of function 4 for function 3; a reply with transaction id 0 passes for any
request; a connection that the server closes is noticed at the timeout only. All of that is settled
here, for every kind of Modbus wire; what a wire needs beyond it is a subclass. Retries are
switched off: a retry re-sends under the old transaction id and loads a slow device twice; the
schedule above waits and asks again instead.
"""

import asyncio
import logging
import os
import socket
from abc import ABC, abstractmethod
from time import monotonic
from typing import Any

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse
from pymodbus.pdu.register_message import (
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
from energy_desktop.acquisition.links.frame_log import Describe, FrameLog
from energy_desktop.acquisition.links.modbus_requests import (
    MOST_BITS,
    MOST_REGISTERS,
    RESPONSES,
    ReadRequest,
)
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.site import Link

__all__ = ["MOST_BITS", "MOST_REGISTERS", "CheckedConnection", "ReadRequest"]

# A lost meter is told once by the poller; pymodbus would tell it at every try.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


_REST_KEPT = 600  # bytes of a wrong answer that are shown
_IDENTITY_BYTES = 100  # what an answer to 43/14 is expected to be long
_MOST_IDENTITY_PARTS = 8

_LINK_ERRORS: tuple[type[Exception], ...] = (ModbusException, *PORT_ERRORS)


class CheckedConnection(ABC):
    """One TCP connection, datagram socket or serial bus; one request at a time.

    After any failure but a proper exception answer the connection is closed, so that what comes
    late is never taken for the next answer. The next request opens it again.

    log and counters see every frame and every failure; any thread may read them.
    think_s: how long a typical device takes before it answers.
    """

    think_s = 0.01

    def __init__(self, link: Link, describe: Describe) -> None:
        self.link = link
        self.timeout_s = link.timeout_s
        self.log = FrameLog(describe)
        self.counters = BusCounters()
        self._client: ModbusBaseClient | None = None
        self._lock = asyncio.Lock()
        self._awaiting = False
        self._asked_unit = 0
        self._sent_s = 0.0
        self._ended: _ClosedByPeer | None = None  # how the connection went, if it did
        self._came = b""  # what was received since the request that is under way
        self._slowest_s: dict[int, float] = {}  # answers of each unit, older ones counting less

    @property
    def address(self) -> str:
        """Where it leads, as a person writes it."""
        return self.link.address

    @property
    def suspicion(self) -> str:
        """Why a second master is suspected on this wire; empty: it is not."""
        return ""

    @abstractmethod
    def _make_client(self) -> ModbusBaseClient: ...

    def wire_s(self, sent_bytes: int, answer_bytes: int) -> float:  # noqa: ARG002
        """How long a request and an answer's payload of these sizes keep the line, in seconds,
        with the silence that it needs; 0 where the medium is no bottleneck."""
        return 0.0

    def probe_s(self, unit_id: int) -> float:
        """How long to wait for a unit that has been lost for some time, in seconds."""
        slowest_s = self._slowest_s.get(unit_id)
        return self.timeout_s if slowest_s is None else self._probe_after(slowest_s)

    def _probe_after(self, slowest_s: float) -> float:
        return min(self.timeout_s, max(PROBE_S, PROBE_FACTOR * slowest_s))

    async def read(self, request: ReadRequest, patience_s: float | None = None) -> bytes:
        """The registers or bits asked for, as they came. Raises RequestFailed.

        patience_s: how long the answer may take to begin, in place of the link's timeout.
        """
        async with self._lock:
            try:
                response = await self._exchange(request.pdu, request.size, patience_s)
                if type(response) is request.answer:
                    payload: bytes = response.payload
                    if len(payload) == request.size:
                        self._answered(request.unit_id)
                        return payload
                return await self._reject(response, request)
            except RequestFailed as failure:
                self._failed(request.unit_id, failure)
                raise

    async def write(self, unit_id: int, address: int, value: int) -> int:
        """Writes one holding register (function 6), reads it back and returns what it holds."""
        pdu = WriteSingleRegisterRequest(address=address, registers=[value], dev_id=unit_id)
        async with self._lock:
            try:
                response = await self._exchange(pdu, 8)
                if response.isError():
                    raise refused(response.exception_code, f"writing register {address}")
                echoed = (response.address, list(response.registers))
                if type(response) is not WriteSingleRegisterResponse or echoed != (
                    address,
                    [value],
                ):
                    await self._reset()
                    raise wrong_answer(f"the echo of writing register {address} differs.")
                self._answered(unit_id)
            except RequestFailed as failure:
                self._failed(unit_id, failure)
                raise
        return int.from_bytes(await self.read(ReadRequest(unit_id, 3, address, 1)), "big")

    async def identify(self, unit_id: int) -> dict[int, bytes] | None:
        """Objects of function 43/14 by id; None: the device answers that it does not know it."""
        objects: dict[int, bytes] = {}
        for read_code in (1, 2):  # vendor, code, revision; then address, names
            next_id = 0
            has_more = False
            for _ in range(_MOST_IDENTITY_PARTS):
                response = await self._identity_part(unit_id, read_code, next_id)
                if response is None:
                    return objects or None
                for object_id, value in response.information.items():
                    objects[object_id] = value if isinstance(value, bytes) else b"".join(value)
                has_more = response.conformity & 0x7F >= 2
                if not response.more_follows or response.next_object_id <= next_id:
                    break
                next_id = response.next_object_id
            if not has_more:
                break
        return objects

    async def _identity_part(
        self, unit_id: int, read_code: int, object_id: int
    ) -> ReadDeviceInformationResponse | None:
        pdu = ReadDeviceInformationRequest(read_code, object_id, unit_id)
        async with self._lock:
            try:
                response = await self._exchange(pdu, _IDENTITY_BYTES)
                if response.isError() and response.function_code & 0x7F == pdu.function_code:
                    self._answered(unit_id)
                    return None
                if type(response) is not ReadDeviceInformationResponse:
                    await self._reset()
                    raise wrong_answer(
                        f"the answer is of function {response.function_code}, not 43.",
                        BusError.WRONG_FUNCTION,
                    )
                self._answered(unit_id)
                return response
            except RequestFailed as failure:
                self._failed(unit_id, failure)
                raise

    async def connect(self) -> None:
        """Opens it unless it is open; a read does that by itself. Raises RequestFailed."""
        async with self._lock:
            if self._client is None or not self._client.connected:
                await self._open()

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn

    # What the medium asks for

    async def _before_request(self, client: ModbusBaseClient) -> None:  # noqa: B027
        """Before the first byte of a request."""

    async def _before_opening(self, context: Any) -> None:  # noqa: B027
        """Before the connection is opened. May raise RequestFailed."""

    async def _after_failure(self) -> None:  # noqa: B027
        """Between closing and opening again."""

    def _deadline_s(self, pdu: ModbusPDU, answer_bytes: int, patience_s: float) -> float:  # noqa: ARG002
        """When the answer must be whole, in seconds after the request."""
        return patience_s

    def _rest_s(self) -> float:
        """How long nobody may speak after an answer, in seconds."""
        return 0.0

    def _received(self, data: bytes) -> None:
        """data: all that came and was not used yet."""
        if not self._awaiting:
            self.log.received(data, "nobody asked for this", None, BusError.GARBAGE)
        elif data.startswith(self._came):
            self._came = data[:_REST_KEPT]
        else:
            self._came = (self._came + data)[:_REST_KEPT]

    def _garbage(self) -> BusError:
        """What the bytes that came instead of an answer are counted as."""
        came = self._came
        if not came:
            return BusError.TIMEOUT
        if len(came) >= 8 and came[2:4] == b"\0\0":
            if len(came) < 6 + int.from_bytes(came[4:6], "big"):
                return BusError.SHORT_ANSWER
            if self._asked_unit and came[6] != self._asked_unit:
                return BusError.WRONG_UNIT
        return BusError.GARBAGE

    async def _unanswered(self, patience_s: float | None) -> RequestFailed:
        """What a request without an answer leaves behind."""
        error = self._garbage()
        await self._reset()
        return self._silence_words(patience_s, error)

    def _silence_words(self, patience_s: float | None, error: BusError) -> RequestFailed:
        """A probe shorter than the link's timeout is no measure of what the meter was given."""
        return no_answer(self.timeout_s if patience_s is None else None, error)

    def _closed(self, cause: Exception | None) -> RequestFailed:  # noqa: ARG002
        return RequestFailed(
            FailureKind.NO_ANSWER,
            f"{self.address} closed the connection instead of answering.",
            "Check how many connections the device accepts and who else holds one.",
        )

    def _abandoned(self, client: ModbusBaseClient) -> None:
        """The caller gave up: the answer may still come, and must find nobody."""
        client.close()

    # Requests

    async def _exchange(
        self, pdu: ModbusPDU, answer_bytes: int, patience_s: float | None = None
    ) -> Any:
        client = self._client
        is_new = client is None or not client.connected
        if client is None or is_new:
            client = await self._open()
        await self._before_request(client)
        if not client.connected:
            if is_new and self._ended is not None:
                raise self._closed(self._ended.cause)
            client = await self._open()
        client.ctx.comm_params.timeout_connect = self._deadline_s(
            pdu, answer_bytes, self.timeout_s if patience_s is None else patience_s
        )
        self._asked_unit = pdu.dev_id
        self._awaiting = True
        try:
            response = await client.ctx.execute(False, pdu)
        except _ClosedByPeer as closed:
            await self._reset()
            raise self._closed(closed.cause) from None
        except _LINK_ERRORS:
            raise await self._unanswered(patience_s) from None
        except asyncio.CancelledError:
            self._abandoned(client)
            raise
        finally:
            self._awaiting = False
        if pdu.transaction_id and response.transaction_id != pdu.transaction_id:
            await self._reset()
            raise wrong_answer("the answer carries the number of another request.")
        if pdu.dev_id and response.dev_id != pdu.dev_id:
            await self._reset()
            raise wrong_answer(
                f"unit {response.dev_id} answered instead of {pdu.dev_id}.", BusError.WRONG_UNIT
            )
        return response

    def _answered(self, unit_id: int) -> None:
        self.log.received(self._came, "", unit_id)
        took_s = monotonic() - self._sent_s
        self.counters.answered(unit_id, took_s, took_s + self._rest_s())
        slowest_s = self._slowest_s.get(unit_id, 0.0)
        self._slowest_s[unit_id] = max(self._thought_s(took_s), 0.9 * slowest_s)

    def _thought_s(self, took_s: float) -> float:
        """What of the time that an answer took is the device's own."""
        return took_s

    def _failed(self, unit_id: int, failure: RequestFailed) -> None:
        self.counters.failed(unit_id, failure.error, failure.code)
        if failure.kind is not FailureKind.NO_CONNECTION:
            self.counters.busy(monotonic() - self._sent_s)
        if failure.error is BusError.EXCEPTION:
            self.log.received(self._came, "", unit_id, failure.error)
        elif self._came:
            self.log.received(self._came, failure.what, unit_id, failure.error)
        else:
            self.log.noticed(failure.error, unit_id, failure.what)
        self._came = b""

    async def _reject(self, response: Any, request: ReadRequest) -> bytes:
        if response.isError():
            if response.function_code & 0x7F == request.function:
                raise refused(response.exception_code, str(request))
            await self._reset()
            raise wrong_answer(
                "the exception in the answer belongs to another function.",
                BusError.WRONG_FUNCTION,
            )
        await self._reset()
        if type(response) is not request.answer:
            raise wrong_answer(
                f"the answer is of function {response.function_code}, not {request.function}.",
                BusError.WRONG_FUNCTION,
            )
        got = len(response.payload)
        error = BusError.SHORT_ANSWER if got < request.size else BusError.LONG_ANSWER
        if request.is_bits:
            raise wrong_answer(
                f"the answer holds {got} bytes of bits instead of {request.size}.", error
            )
        raise wrong_answer(
            f"the answer holds {got // 2} registers instead of {request.count}.", error
        )

    async def _open(self) -> ModbusBaseClient:
        client = self._client
        if client is None:
            client = self._client = self._make_client()
            for response in RESPONSES.values():
                client.register(response)
            context: Any = client.ctx
            context.trace_packet = self._on_packet
            context.callback_disconnected = self._on_disconnected
        context = client.ctx
        self._came = b""
        self._ended = None
        await self._before_opening(context)
        context.is_closing = False
        try:
            # What client.connect() does, but with the reason when it fails.
            transport, _ = await asyncio.wait_for(context.call_create(), self.timeout_s)
        except TimeoutError:
            raise self._unconnected(
                f"no connection within {seconds_text(self.timeout_s)} s."
            ) from None
        except TERMINAL_ERRORS as error:
            raise self._refused_settings(error) from None
        except (OSError, ValueError) as error:
            raise self._not_opened(error) from None
        if self._ended is not None:  # the other side was quicker than this task
            raise self._closed(self._ended.cause)
        context.transport = transport
        await asyncio.sleep(0)  # a serial transport attaches its reader in the loop's next turn
        return client

    def _not_opened(self, error: Exception) -> RequestFailed:
        return self._unconnected(f"no connection: {_reason(error)}.")

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

    def _on_packet(self, sending: bool, data: bytes) -> bytes:
        """Handed to pymodbus as trace_packet: sees each frame that is sent, and all that came."""
        if sending:
            self._sent_s = monotonic()
            self._came = b""
            self.log.sent(data)
        else:
            self._received(data)
        return data

    def _on_disconnected(self, cause: Exception | None) -> None:
        """In place of pymodbus' own: a closed connection ends the wait at once."""
        self._ended = _ClosedByPeer(cause)
        self._end_wait(self._ended)

    def _end_wait(self, reason: Exception) -> None:
        if self._awaiting and self._client is not None:
            answer = self._client.ctx.response_future
            if not answer.done():
                answer.set_exception(reason)


PROBE_S = 0.15
"""How long a lost unit is given to answer a probe: with the rest after it, under 300 ms."""
PROBE_FACTOR = 1.5  # of its slowest answer so far, where that is longer


def _reason(error: Exception) -> str:
    """The system's words; asyncio's own say `Connect call failed` for each of them."""
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or "the other side broke it off"


class _ClosedByPeer(Exception):
    """The other side closed while we waited. cause: what the transport says of it."""

    def __init__(self, cause: Exception | None) -> None:
        super().__init__(cause)
        self.cause = cause

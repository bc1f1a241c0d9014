"""Modbus RTU: a serial bus, half duplex, without transaction ids.

A reply that comes late cannot be told from the answer to the next request. So after every failure
the port is closed, nothing is sent for a guard time, and what arrived meanwhile is thrown away
(timeout + guard must reach the slowest device's answer). Before each request the line must have
been silent for 3.5 characters, or slow meters merge two frames into one; pymodbus does not see to
that by itself.
"""

import asyncio
from contextlib import suppress
from typing import Any

from pymodbus.client import AsyncModbusSerialClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.pdu import ModbusPDU

from energy_desktop.acquisition.links.checked import CheckedConnection
from energy_desktop.acquisition.links.failure import PORT_ERRORS, FailureKind, RequestFailed
from energy_desktop.domain.site import Link

FIXED_SILENCE_S = 0.00175  # above 19,200 baud: Modbus over serial line 1.02, 2.5.1.1
REQUEST_BYTES = 8
FRAME_BYTES = 5  # unit, function, byte count, checksum around an answer's payload


def silence_s(baud_rate: int, parity: str = "N", stop_bits: int = 1) -> float:
    """3.5 characters in seconds; a fixed 1.75 ms above 19,200 baud."""
    if baud_rate > 19_200:
        return FIXED_SILENCE_S
    return 3.5 * bits_per_character(parity, stop_bits) / baud_rate


def bits_per_character(parity: str, stop_bits: int) -> int:
    return 1 + 8 + (parity != "N") + stop_bits


class ModbusRtuConnection(CheckedConnection):
    """One serial port. Needs a running event loop when first used."""

    def __init__(self, link: Link) -> None:
        super().__init__(link.timeout_s)
        self._link = link
        self._silence_s = silence_s(link.baud_rate, link.parity, link.stop_bits)
        self._byte_s = bits_per_character(link.parity, link.stop_bits) / link.baud_rate
        self._quiet_since = 0.0

    @property
    def address(self) -> str:
        return self._link.address

    def _make_client(self) -> ModbusBaseClient:
        return AsyncModbusSerialClient(
            self._link.device,
            baudrate=self._link.baud_rate,
            parity=self._link.parity,
            stopbits=self._link.stop_bits,
            timeout=self.timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_connect=self._on_connect_change,
        )

    def _refused_settings(self, error: Exception) -> RequestFailed:
        link = self._link
        return RequestFailed(
            FailureKind.NO_CONNECTION,
            f"{link.device} does not take {link.baud_rate} baud, parity {link.parity}, "
            f"{link.stop_bits} stop bit{'s' if link.stop_bits != 1 else ''}: "
            f"{error.args[-1] if error.args else error}.",
            "Give the baud rate, parity and stop bits that both the port and the meter have.",
        )

    def _deadline_s(self, answer_bytes: int) -> float:
        """The timeout is the meter's time to think; the time on the wire comes on top."""
        return self.timeout_s + (REQUEST_BYTES + FRAME_BYTES + answer_bytes) * self._byte_s

    async def _exchange(self, pdu: ModbusPDU, answer_bytes: int) -> Any:
        try:
            return await super()._exchange(pdu, answer_bytes)
        finally:
            self._quiet_since = asyncio.get_running_loop().time()

    async def _before_request(self, client: ModbusBaseClient) -> None:
        missing = self._quiet_since + self._silence_s - asyncio.get_running_loop().time()
        if missing > 0:
            await asyncio.sleep(missing)
        with suppress(*PORT_ERRORS):  # a port that is gone fails at the request itself
            serial_transport: Any = client.ctx.transport
            serial_transport.sync_serial.reset_input_buffer()

    async def _after_failure(self) -> None:
        await asyncio.sleep(self._link.guard_s)

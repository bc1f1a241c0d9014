"""Modbus UDP: the frames of Modbus TCP in datagrams, which may be lost, doubled or overtaken.

The transaction number is all that ties an answer to its question, and a datagram finds its way to
whoever has the port. So the numbers go on counting when the socket is opened anew, and after a
question without an answer nothing is asked for the guard time, as on a serial line.
"""

import asyncio
from typing import Any

from pymodbus.client import AsyncModbusUdpClient
from pymodbus.client.base import ModbusBaseClient

from energy_desktop.acquisition.links.checked import CheckedConnection
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.modbus_frames import describe_mbap
from energy_desktop.domain.site import Link


class ModbusUdpConnection(CheckedConnection):
    """Needs a running event loop when first used."""

    def __init__(self, link: Link) -> None:
        super().__init__(link, describe_mbap)
        self._last_number = 0

    def _make_client(self) -> ModbusBaseClient:
        client = AsyncModbusUdpClient(
            self.link.host,
            port=self.link.port,
            timeout=self.timeout_s,
            retries=0,
            reconnect_delay=0,
        )
        context: Any = client.ctx
        context.error_received = self._on_error
        context.callback_connected = self._on_connected
        return client

    def _on_connected(self) -> None:
        """In place of pymodbus' own, which begins to count anew."""
        if self._client is not None:
            self._client.ctx.next_tid = self._last_number

    def _on_packet(self, sending: bool, data: bytes) -> bytes:
        if sending:
            self._last_number = int.from_bytes(data[:2], "big")
        return super()._on_packet(sending, data)

    def _on_error(self, error: Exception) -> None:
        """The computer at the other end says that nobody listens there."""
        self._on_disconnected(error)

    def _closed(self, cause: Exception | None) -> RequestFailed:  # noqa: ARG002
        return RequestFailed(
            FailureKind.NO_CONNECTION,
            f"nothing listens for datagrams at {self.address}.",
            "Check address and port, and that the device is set to Modbus UDP.",
        )

    async def _after_failure(self) -> None:
        await asyncio.sleep(self.link.guard_s)

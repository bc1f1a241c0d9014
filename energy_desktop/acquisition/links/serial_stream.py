"""Bytes to and from a serial port or a serial server in the network, for telegrams of any kind.

Telegrams have no request to hang a timeout on, so this gives bytes as they come and says by itself
when the other side is gone: a port that was pulled, a server that closed the connection.
"""

import asyncio
import socket
from contextlib import suppress
from typing import Any

from energy_desktop.acquisition.links.failure import PORT_ERRORS, FailureKind, RequestFailed
from energy_desktop.domain.link_kinds import kind_info
from energy_desktop.domain.site import Link

_REFUSALS: tuple[type[Exception], ...] = (*PORT_ERRORS, ValueError)
MOST_WAITING = 256 * 1024  # bytes that nobody has read yet; older ones are thrown away


class SerialStream(asyncio.Protocol):
    """One connection at a time; needs a running event loop."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._transport: Any = None
        self._waiting = bytearray()
        self._came = asyncio.Event()
        self._lost: str | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and self._lost is None

    async def open(self) -> None:
        """Opens anew. Raises RequestFailed (NO_CONNECTION)."""
        await self.close()
        self._waiting.clear()
        self._came.clear()
        self._lost = None
        link = self._link
        try:
            async with asyncio.timeout(max(link.timeout_s, 1.0)):
                await (self._open_port() if link.is_serial else self._open_server())
        except TimeoutError:
            raise self._no_connection(f"{link.address} does not answer.") from None
        except PORT_ERRORS as error:
            text = getattr(error, "strerror", None) or str(error)
            raise self._no_connection(f"{link.address} cannot be opened: {text}.") from None
        except ValueError as error:
            raise self._no_connection(f"{link.address} does not take this: {error}.") from None

    async def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with suppress(*PORT_ERRORS, AttributeError):  # a port that was pulled has none of it
                transport.close()
            await asyncio.sleep(0)

    async def read(self, timeout_s: float) -> bytes:
        """What came; waits for the first byte up to timeout_s; empty: nothing came.

        Raises RequestFailed (NO_CONNECTION) when the other side is gone.
        """
        if not self._waiting and self._lost is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._came.wait()
        self._came.clear()
        self._look_for_end()
        if self._waiting:
            data = bytes(self._waiting)
            self._waiting.clear()
            return data
        if self._lost is not None:
            raise self._no_connection(self._lost)
        return b""

    def write(self, data: bytes) -> None:
        """Raises RequestFailed (NO_CONNECTION)."""
        if not self.is_open:
            raise self._no_connection(self._lost or f"{self._link.address} is not open.")
        try:
            self._transport.write(data)
        except PORT_ERRORS as error:
            raise self._no_connection(f"nothing can be sent: {error}.") from None

    def forget(self) -> None:
        """Throws away what came and was not read."""
        self._waiting.clear()
        self._came.clear()

    def set_baud_rate(self, baud_rate: int) -> None:
        """Of a port of this computer; a serial server keeps the rate that it is set to."""
        if not self._link.is_serial or not self.is_open:
            return
        try:
            self._transport.sync_serial.baudrate = baud_rate  # which sets the whole port anew
            self._watch_parity()
        except _REFUSALS as error:
            raise self._no_connection(
                f"{self._link.device} does not take {baud_rate} baud: {error}."
            ) from None

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        del self._waiting[: max(0, len(self._waiting) - MOST_WAITING)]
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        gone = "the port is gone" if self._link.is_serial else "the connection was closed"
        self._lost = f"{gone}." if exc is None else f"{gone} ({exc})."
        self._came.set()

    def _look_for_end(self) -> None:
        """On Windows the port is polled by a task, which ends without a word when it is pulled."""
        task = getattr(self._transport, "poll_task", None)
        if self._lost is None and task is not None and task.done() and not task.cancelled():
            error = task.exception()
            self.connection_lost(error if isinstance(error, Exception) else None)

    async def _open_port(self) -> None:
        from pymodbus.transport.serialtransport import SerialTransport

        link = self._link
        loop = asyncio.get_running_loop()
        # pymodbus' own transport: asyncio has none for serial ports, and it is here already.
        transport = SerialTransport(
            loop,
            self,
            link.device,
            link.baud_rate,
            int(_option(link, "data_bits") or 8),
            link.parity,
            link.stop_bits,
            0,
        )
        transport.setup()
        self._transport = transport
        self._watch_parity()

    def _watch_parity(self) -> None:
        if self._link.parity != "N":
            check_parity(self._transport.sync_serial)

    async def _open_server(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: self, self._link.host, self._link.port)
        own_socket = transport.get_extra_info("socket")
        if own_socket is not None:
            own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._transport = transport

    def _no_connection(self, what: str) -> RequestFailed:
        return RequestFailed(
            FailureKind.NO_CONNECTION,
            what,
            "Check that the adapter is plugged in and that no other program uses the port."
            if self._link.is_serial
            else "Check host and port, and that the serial server is on.",
        )


def check_parity(port: Any) -> None:
    """Makes a character whose parity is wrong arrive as 0, so that the checksum fails.

    pyserial leaves the check off, and the checksums of D0 and M-Bus have eight bits only: two
    errors in one column pass them. Windows marks nothing; there the checksum stands alone.
    """
    try:
        import termios
    except ImportError:  # Windows
        return
    settings = termios.tcgetattr(port.fd)
    settings[0] = (settings[0] | termios.INPCK) & ~(termios.IGNPAR | termios.PARMRK)
    termios.tcsetattr(port.fd, termios.TCSANOW, settings)


def _option(link: Link, name: str) -> str:
    """As it is set, or as the kind of link has it by default."""
    defaults = {option.name: option.default for option in kind_info(link).options}
    return link.option(name) or defaults.get(name, "")

"""Serves a virtual site or cabinet on real Modbus TCP, and RTU when a serial device is given.

Hand-framed on asyncio, since pymodbus' server keeps registers as stored values and these are
functions of the moment; besides, it answers unknown units with a traceback in the log.
"""

import asyncio
import contextlib
import logging
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.simulator.answers import Answers, Served
from energy_desktop.acquisition.simulator.serial_line import SerialLine
from energy_desktop.acquisition.simulator.site import VirtualSite, save_state
from energy_desktop.acquisition.simulator.writes import WriteJournal
from energy_desktop.domain.clock import Clock, system_clock
from energy_desktop.domain.errors import UserFacingError

_MBAP = struct.Struct(">HHHB")
_LONGEST_PDU = 253

SAVE_CHECK_S = 1.0

_log = logging.getLogger("energy_desktop.acquisition")


class SimulatorServer:
    """Runs in threads of its own between start() and stop(); may be started once.

    port 0 takes a free one; `port` says which after start(). state_file: where the commands and
    the energy they moved are kept, so that registers never fall after a restart.
    """

    def __init__(
        self,
        site: Served,
        library: ProfileLibrary,
        host: str = "127.0.0.1",
        port: int = 0,
        rtu_device: str | None = None,
        *,
        rtu_baud_rate: int = 9600,
        rtu_parity: str = "N",
        clock: Clock = system_clock,
        state_file: Path | None = None,
    ) -> None:
        self._site = site
        self._host = host
        self.port = port
        self._state_file = state_file
        self._saved_version = site.version
        self._answers = Answers(site, library, clock)
        self._serial: SerialLine | None = None
        if rtu_device is not None:
            self._serial = SerialLine(
                rtu_device,
                Answers(site, library, clock),
                baud_rate=rtu_baud_rate,
                parity=rtu_parity,
            )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None

    def start(self) -> None:
        """Returns when it listens. Raises UserFacingError when port or device cannot be had."""
        self._thread = threading.Thread(target=self._run, name="simulator-tcp", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise UserFacingError(
                where=f"Simulator on {self._host}:{self.port}",
                what=f"cannot listen: {self._failure.strerror or self._failure}.",
                remedy="Choose another port with --tcp HOST:PORT.",
            ) from self._failure
        if self._serial is not None:
            try:
                self._serial.start()
            except OSError as error:
                self.stop()
                raise UserFacingError(
                    where="Simulator",
                    what=f"the serial device cannot be opened: {error}.",
                    remedy="Check its name and that no other program holds it.",
                ) from error

    def stop(self) -> None:
        """Ends every connection, keeps the state; harmless when not running."""
        if self._serial is not None:
            self._serial.stop()
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(5.0)

    def __enter__(self) -> "SimulatorServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._answers.prepare()
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        connections: set[asyncio.BaseTransport] = set()
        journal = WriteJournal()
        try:
            server = await self._loop.create_server(
                lambda: _Connection(self._answers.answer, connections, journal),
                self._host,
                self.port,
            )
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            while not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), SAVE_CHECK_S)
                self._save()
        finally:
            server.close()
            for transport in tuple(connections):
                transport.close()
            await asyncio.sleep(0)

    def _save(self) -> None:
        site = self._site
        if self._state_file is None or not isinstance(site, VirtualSite):
            return
        if self._saved_version != site.version:
            self._saved_version = site.version
            try:
                save_state(site, self._state_file)
            except OSError as error:
                _log.warning("Simulator: its state cannot be kept: %s", error)


class _Connection(asyncio.Protocol):
    """One Modbus TCP client. Requests may come in pieces or several at once."""

    def __init__(
        self,
        answer: Callable[[int, bytes], bytes | None],
        connections: set[asyncio.BaseTransport],
        journal: WriteJournal,
    ) -> None:
        self._answer = answer
        self._connections = connections
        self._journal = journal
        self._who = "somebody"
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(transport)
        peer = transport.get_extra_info("peername")
        if peer:
            self._who = str(peer[0])

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        pending = self._pending + data
        while len(pending) >= _MBAP.size:
            transaction, protocol, length, unit_id = _MBAP.unpack_from(pending)
            if protocol != 0 or not 2 <= length <= _LONGEST_PDU + 1:
                self._transport.close()  # not Modbus: there is no way to find the next frame
                return
            if len(pending) < 6 + length:
                break
            request, pending = pending[7 : 6 + length], pending[6 + length :]
            answer = self._answer(unit_id, request)
            self._journal.note(self._who, unit_id, request, answer)
            if answer is not None:
                header = _MBAP.pack(transaction, 0, len(answer) + 1, unit_id)
                self._transport.write(header + answer)
        self._pending = pending

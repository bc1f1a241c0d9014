"""IEC 62056-21 meters that are asked: sign-on, identification, baud change-over, readout.

Mode C: the meter offers a baud rate in its identification, we acknowledge it, and both change over.
Mode A (and B, which changes without being asked): the readout follows at once. A serial server in
the network keeps its rate, so there the meter is asked to keep it, too.
"""

import asyncio
import re

from energy_desktop.acquisition.link_task import LinkTask, Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed, no_answer
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.links.serial_stream import SerialStream
from energy_desktop.acquisition.links.telegram_source import listen_to
from energy_desktop.acquisition.questioning import LinkAsker
from energy_desktop.acquisition.telegrams import Telegram, TelegramRefused, d0
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.site import Link

BAUD_RATES = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19_200}
MODE_B = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19_200}
CHARACTER_BITS = 10
REACTION_S = 1.5  # the longest that the standard grants between two messages or characters
LONGEST_READOUT_S = 180.0
_IDENTIFICATION = re.compile(rb"/([A-Za-z]{3})([0-9A-Z:-?])[^\r\n/]{0,64}\r?\n")


def make_d0(link: Link, outlets: Outlets) -> LinkTask:
    """The task of a D0 link; mode D speaks by itself."""
    if link.option("mode", "C") == "D":
        return listen_to("d0", link, outlets)
    return LinkAsker(link, outlets, D0Questioner(link))


class D0Questioner:
    """Implements questioning.Questioner. The link has the baud rate of the sign-on, mostly 300."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._stream = SerialStream(link)
        self.log = FrameLog()
        self.counters = BusCounters()

    async def close(self) -> None:
        await self._stream.close()

    async def ask(self, unit_id: int, address: str) -> Telegram:  # noqa: ARG002
        """address: of the device on a shared line; empty: whoever is there."""
        if not self._stream.is_open:
            await self._stream.open()
        try:
            return await self._read_out(address)
        except RequestFailed as failure:
            if failure.kind is FailureKind.NO_CONNECTION:
                await self._stream.close()
            raise
        finally:
            if self._stream.is_open:
                self._stream.set_baud_rate(self._link.baud_rate)

    async def _read_out(self, address: str) -> Telegram:
        device = re.sub(r"[^0-9A-Za-z ]", "", address)[:32]
        self._stream.forget()
        self._send(f"/?{device}!\r\n".encode("ascii"), "sign-on")
        head, rest = await self._identification()
        sign = head[4:5].decode("ascii")
        if self._link.option("mode", "C") == "C":
            rest = b""  # nothing may come before the acknowledgement but its echo
            await self._change_over(sign)
        elif sign in MODE_B:
            self._stream.set_baud_rate(MODE_B[sign])
        frame = head + await self._block(rest)
        try:
            telegram = d0.decode(frame)
        except TelegramRefused as refusal:
            self.log.received(frame, f"refused: {refusal.what}", None, refusal.error)
            raise
        self.log.received(frame, lambda: f"readout of {telegram.identity}")
        return telegram

    def _send(self, data: bytes, meaning: str) -> None:
        self.log.sent(data, meaning)
        self._stream.write(data)

    async def _identification(self) -> tuple[bytes, bytes]:
        """The identification line, and what came after it. An echo of the sign-on is no answer."""
        loop = asyncio.get_running_loop()
        patience_s = self._link.timeout_s + REACTION_S + 40 * self._character_s(None)
        until_s = loop.time() + patience_s
        came = b""
        while (left_s := until_s - loop.time()) > 0:
            came += await self._stream.read(left_s)
            match = _IDENTIFICATION.search(came)
            if match is not None:
                return match.group(), came[match.end() :]
            if len(came) > 1024:
                break
        rest = re.sub(rb"^/\?[^\r\n]*\r\n", b"", came)
        if rest:
            self.log.received(rest, "no identification", None, BusError.GARBAGE)
            raise RequestFailed(
                FailureKind.WRONG_ANSWER,
                "what came is no identification of a meter.",
                "Check baud rate, parity and data bits (300 7E1 mostly), and the optical head.",
            )
        raise no_answer(patience_s)

    async def _change_over(self, offered: str) -> None:
        """Acknowledges the baud rate that the meter offers, and follows it."""
        sign = offered
        if not self._link.is_serial:
            sign = next((s for s, rate in BAUD_RATES.items() if rate == self._link.baud_rate), "0")
        if sign not in BAUD_RATES:
            raise RequestFailed(
                FailureKind.REFUSED,
                f"the meter offers the rate {offered!r}, which mode C does not have.",
                "Set the mode of the connection to A.",
            )
        acknowledgement = b"\x060" + sign.encode("ascii") + b"0\r\n"
        self._send(acknowledgement, f"read out at {BAUD_RATES[sign]} baud")
        # The last bit must be out before the rate changes; the meter waits 200 ms at least.
        await asyncio.sleep((len(acknowledgement) + 1) * self._character_s(None))
        self._stream.set_baud_rate(BAUD_RATES[sign])

    async def _block(self, came: bytes) -> bytes:
        """From STX to the block check character, or what came until the line fell silent."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + LONGEST_READOUT_S
        silence_s = self._link.timeout_s + REACTION_S
        while loop.time() < until_s and len(came) <= d0.MAX_BYTES:
            start = came.find(d0.STX)
            end = came.find(d0.ETX, start) if start >= 0 else -1
            if 0 <= end < len(came) - 1:
                return came[start : end + 2]
            data = await self._stream.read(silence_s)
            if not data:
                break
            came += data
        if not came:
            raise no_answer(silence_s)
        start = came.find(d0.STX)
        return came[start:] if start >= 0 else came

    def _character_s(self, baud_rate: int | None) -> float:
        return CHARACTER_BITS / (baud_rate or self._link.baud_rate)

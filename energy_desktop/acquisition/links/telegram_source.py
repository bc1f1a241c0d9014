"""P1, SML and D0 mode D: telegrams that come by themselves over a serial port or serial server."""

import asyncio

from energy_desktop.acquisition.link_task import LinkTask, Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.links.serial_stream import SerialStream
from energy_desktop.acquisition.listening import LinkListener
from energy_desktop.acquisition.telegrams import PROTOCOLS, Telegram, TelegramRefused
from energy_desktop.domain.site import Link

SILENCE_S = 0.25  # after so long without a byte a telegram without checksum is taken as ended

MOST_SILENCE_S = 60.0  # then the connection is made anew: the other side may be gone without a word


def listen_to(protocol: str, link: Link, outlets: Outlets) -> LinkTask:
    """The task of a link on which meters speak by themselves. protocol: a key of PROTOCOLS."""
    return LinkListener(link, outlets, TelegramSource(protocol, link))


class TelegramSource:
    """Implements listening.Source."""

    def __init__(self, protocol: str, link: Link) -> None:
        self._rules = PROTOCOLS[protocol]
        self._link = link
        self._stream = SerialStream(link)
        self._framer = self._rules.framer()
        self._came_s = 0.0  # when the last byte did, on the loop's clock
        self.log = FrameLog()
        self.counters = BusCounters()

    async def open(self) -> None:
        self._framer = self._rules.framer()  # what came before the break belongs to nothing
        await self._stream.open()
        self._came_s = asyncio.get_running_loop().time()

    async def close(self) -> None:
        await self._stream.close()

    async def hear(self) -> list[Telegram | TelegramRefused]:
        loop = asyncio.get_running_loop()
        while True:
            data = await self._stream.read(SILENCE_S)
            if data:
                self._came_s = loop.time()
            elif loop.time() - self._came_s > MOST_SILENCE_S:
                raise RequestFailed(
                    FailureKind.NO_ANSWER,
                    f"not one byte came for {MOST_SILENCE_S:.0f} s.",
                    "Check the cable or the seat of the optical head, and whether the meter sends.",
                )
            if data and self._link.is_serial:
                self.counters.busy(10 * len(data) / self._link.baud_rate)
            pieces = self._framer.feed(data) if data else self._framer.pause()
            if pieces:
                return [self._decoded(piece) for piece in pieces]

    def _decoded(self, piece: bytes | TelegramRefused) -> Telegram | TelegramRefused:
        """The outcome, which is also told to the frame log."""
        if isinstance(piece, TelegramRefused):
            self.log.noticed(piece.error, None, str(piece))
            return piece
        try:
            telegram = self._rules.decode(piece)
        except TelegramRefused as refusal:
            self.log.received(piece, f"refused: {refusal.what}", None, refusal.error)
            return refusal
        self.log.received(piece, lambda: _words(telegram))
        return telegram


def _words(telegram: Telegram) -> str:
    return (
        f"telegram of {telegram.identity or 'a meter without identity'}: "
        f"{len(telegram.entries)} entries, {len(telegram.values)} quantities"
    )

"""Wired M-Bus: meters are reset, selected if they have a secondary address, and asked (REQ_UD2).

The reset (SND_NKE) before each readout makes the meter begin with its first telegram; the frame
count bit then asks for the next one where more records follow. An answer of another address or
identity is never taken.
"""

import asyncio
from dataclasses import replace

from energy_desktop.acquisition.link_task import LinkTask, Outlets
from energy_desktop.acquisition.links.bus_statistics import BusCounters
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed, no_answer
from energy_desktop.acquisition.links.frame_log import FrameLog
from energy_desktop.acquisition.links.serial_stream import SerialStream
from energy_desktop.acquisition.questioning import LinkAsker
from energy_desktop.acquisition.telegrams import Telegram, TelegramRefused, mbus
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.site import Link

SND_NKE, REQ_UD2, SND_UD, FCB = 0x40, 0x5B, 0x53, 0x20
SELECTED = 0xFD
POINT_TO_POINT = 0xFE
MOST_TELEGRAMS = 8
CHARACTER_BITS = 11
RESPONSE_BITS = 330  # EN 13757-2: an answer begins within 330 bit times and 50 ms
TRIES = 2


def make_mbus(link: Link, outlets: Outlets) -> LinkTask:
    return LinkAsker(link, outlets, MbusQuestioner(link))


def short_frame(control: int, address: int) -> bytes:
    body = bytes([control, address])
    return bytes([0x10]) + body + bytes([mbus.checksum(body), 0x16])


def select_frame(secondary: str) -> bytes:
    """Selects the meter of a secondary address: 8 or 16 hexadecimal digits, F stands for any."""
    digits = (secondary + "F" * 16)[:16]
    raw = bytes.fromhex(digits)
    body = bytes([SND_UD, SELECTED, 0x52]) + raw[3::-1] + raw[4:]
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([mbus.checksum(body), 0x16])


class MbusQuestioner:
    """Implements questioning.Questioner."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._stream = SerialStream(link)
        self.log = FrameLog()
        self.counters = BusCounters()

    async def close(self) -> None:
        await self._stream.close()

    async def ask(self, unit_id: int, address: str) -> Telegram:
        """address: the secondary one; empty: unit_id is the primary address (0 to 250, 254)."""
        secondary = address.replace(" ", "").upper()
        _check_address(unit_id, secondary)
        if not self._stream.is_open:
            await self._stream.open()
        try:
            return await self._read_out(SELECTED if secondary else unit_id, secondary)
        except RequestFailed as failure:
            if failure.kind is FailureKind.NO_CONNECTION:
                await self._stream.close()
            raise

    async def _read_out(self, primary: int, secondary: str) -> Telegram:
        reset = short_frame(SND_NKE, primary)
        # A meter that was not selected does not answer a reset of the selected one: that is well.
        await self._exchange(reset, "reset", primary, needed=not secondary)
        if secondary:
            await self._exchange(select_frame(secondary), f"select {secondary}", primary)
        whole: Telegram | None = None
        count_bit = FCB
        for _ in range(MOST_TELEGRAMS):
            request = short_frame(REQ_UD2 | count_bit, primary)
            telegram = await self._telegram(request, primary, secondary)
            whole = telegram if whole is None else _joined(whole, telegram)
            if not any(entry.key == "more" for entry in telegram.entries):
                break
            count_bit ^= FCB
        assert whole is not None
        return whole

    async def _telegram(self, request: bytes, primary: int, secondary: str) -> Telegram:
        frame = await self._exchange(request, "send your data", primary)
        assert frame is not None
        telegram = mbus.decode(frame)
        if secondary and not _fits(telegram, secondary):
            raise _stranger(f"{telegram.identity} answered instead of {secondary}.")
        if not secondary and primary != POINT_TO_POINT and frame[5] != primary:
            raise _stranger(f"address {frame[5]} answered instead of {primary}.")
        return telegram

    async def _exchange(
        self, request: bytes, meaning: str, primary: int, *, needed: bool = True
    ) -> bytes | None:
        """The answer; repeated once, as the standard wants it. None: none, and none is needed."""
        data_wanted = request[0] == mbus.SHORT_START and request[1] & 0x0F == 0x0B
        failure: RequestFailed | None = None
        for _ in range(TRIES if needed else 1):
            self._stream.forget()
            self.log.sent(request, meaning, primary)
            self._stream.write(request)
            try:
                return await self._answer(request, primary, data_wanted=data_wanted)
            except RequestFailed as error:
                if error.kind is FailureKind.NO_CONNECTION:
                    raise
                failure = error
        if needed and failure is not None:
            raise failure
        return None

    async def _answer(self, request: bytes, primary: int, *, data_wanted: bool) -> bytes:
        """The first whole frame that is not our own request come back."""
        loop = asyncio.get_running_loop()
        framer = mbus.MbusFramer()
        bits = RESPONSE_BITS + CHARACTER_BITS * len(request)
        patience_s = self._link.timeout_s + 0.05 + bits / self._link.baud_rate
        until_s = loop.time() + patience_s
        longest_s = until_s + 270 * CHARACTER_BITS / self._link.baud_rate
        noise: TelegramRefused | None = None
        while (left_s := until_s - loop.time()) > 0:
            data = await self._stream.read(left_s)
            if data:  # it began: it may take the time that its bytes need
                until_s = min(longest_s, max(until_s, loop.time() + self._link.timeout_s))
            for piece in framer.feed(data):
                if isinstance(piece, TelegramRefused):
                    noise = piece
                elif piece != request and (len(piece) > 5 if data_wanted else len(piece) == 1):
                    self.log.received(piece, _words(piece), primary)
                    return piece
        noise = noise or next((p for p in framer.finish() if isinstance(p, TelegramRefused)), None)
        if noise is None:
            raise no_answer(patience_s)
        self.log.noticed(noise.error, primary, noise.what)
        raise RequestFailed(
            FailureKind.WRONG_ANSWER,
            f"what came is no whole answer: {noise.what}",
            "Check baud rate, parity and the level converter, and that no address is used twice.",
            noise.error,
        )


def _check_address(unit_id: int, secondary: str) -> None:
    if secondary:
        if len(secondary) in (8, 16) and all(c in "0123456789ABCDEF" for c in secondary):
            return
        raise RequestFailed(
            FailureKind.REFUSED,
            f"{secondary!r} is no secondary address.",
            "Write 16 digits, or the 8 of the identification number.",
        )
    if not (0 <= unit_id <= 250 or unit_id == POINT_TO_POINT):
        raise RequestFailed(
            FailureKind.REFUSED,
            f"{unit_id} is no primary address.",
            "Primary addresses are 0 to 250; 254 is for a single meter on the line.",
        )


def _fits(telegram: Telegram, secondary: str) -> bool:
    """Whether the identity agrees with the address wherever that is not F (any)."""
    known = next((alias for alias in telegram.aliases if len(alias) == 16), telegram.identity)
    return all(a in ("F", b) for a, b in zip(secondary, known, strict=False)) and bool(known)


def _stranger(what: str) -> RequestFailed:
    return RequestFailed(
        FailureKind.WRONG_ANSWER,
        what,
        "Give each meter of the bus an address of its own.",
        BusError.WRONG_UNIT,
    )


def _joined(first: Telegram, other: Telegram) -> Telegram:
    """Two telegrams of one readout; of a value that both hold the first stays."""
    if other.identity != first.identity:
        raise _stranger(f"{other.identity} answered amid the telegrams of {first.identity}.")
    return replace(
        first,
        values={**other.values, **first.values},
        entries=(*first.entries, *other.entries),
        remarks=tuple(dict.fromkeys((*first.remarks, *other.remarks))),
    )


def _words(frame: bytes) -> str:
    return "acknowledged" if len(frame) == 1 else f"{len(frame)} bytes of data"

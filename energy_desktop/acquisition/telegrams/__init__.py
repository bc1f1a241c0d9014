"""Telegrams of serial and optical meters: bytes in, readings or refusals out; no wire, no clock.

A protocol is a framer, which cuts a stream, and a decoder, which reads one frame. Whatever the
bytes are, the outcome is a Telegram or a TelegramRefused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from energy_desktop.acquisition.telegrams import d0, mbus, p1, sml
from energy_desktop.acquisition.telegrams.telegram import (
    Entry,
    Framer,
    Telegram,
    TelegramRefused,
)

__all__ = ["PROTOCOLS", "Entry", "Framer", "Protocol", "Telegram", "TelegramRefused", "decode_all"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """framer: makes one for a stream. decode: reads one frame, raises TelegramRefused. is_data:
    tells telegrams from the frames by which a bus only asks and acknowledges."""

    name: str
    framer: Callable[[], Framer]
    decode: Callable[[bytes], Telegram]
    is_data: Callable[[bytes], bool] = bool


PROTOCOLS = {
    "p1": Protocol("p1", p1.P1Framer, p1.decode),
    "d0": Protocol("d0", d0.D0Framer, d0.decode),
    "sml": Protocol("sml", sml.SmlFramer, sml.decode),
    "mbus": Protocol("mbus", mbus.MbusFramer, mbus.decode, mbus.is_data),
}


def decode_all(protocol: str, data: bytes) -> Iterator[Telegram | TelegramRefused]:
    """Every telegram of a recording in order; what is none of them as its refusal.

    The fragments at both ends of a recording are refusals with `fragment` set. protocol: a key of
    PROTOCOLS.
    """
    rules = PROTOCOLS[protocol]
    framer = rules.framer()
    for piece in (*framer.feed(data), *framer.finish()):
        if isinstance(piece, TelegramRefused):
            yield piece
            continue
        if not rules.is_data(piece):
            continue
        try:
            yield rules.decode(piece)
        except TelegramRefused as refusal:
            yield refusal

"""The sign-on of IEC 62056-21, message by message, with the baud rate at which each was sent."""

import asyncio

import pytest

from energy_desktop.acquisition.links import d0 as d0_link
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.telegrams import Telegram
from energy_desktop.domain.site import Link, LinkKind
from tests.support import telegrams as build

READOUT = build.d0("0.0.0(1234567)", "1.8.0(00012.5*kWh)", head="ABC5METER")
HEAD, BLOCK = READOUT.split(b"\n", 1)
HEAD += b"\n"


class Script:
    """A stream whose answers follow what is written; must be used up."""

    def __init__(self, link: Link, *turns: tuple[bytes, int, bytes]) -> None:
        self.turns = list(turns)
        self.baud_rate = link.baud_rate
        self.waiting = b""
        self.is_open = True

    def write(self, data: bytes) -> None:
        wanted, baud_rate, answer = self.turns.pop(0)
        assert (data, self.baud_rate) == (wanted, baud_rate)
        self.waiting += answer

    async def read(self, timeout_s: float) -> bytes:
        data, self.waiting = self.waiting[:7], self.waiting[7:]  # in pieces, as lines bring them
        await asyncio.sleep(0 if data else min(timeout_s, 0.01))
        return data

    def set_baud_rate(self, baud_rate: int) -> None:
        self.baud_rate = baud_rate

    def forget(self) -> None:
        self.waiting = b""

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False


def read_out(monkeypatch, link: Link, *turns: tuple[bytes, int, bytes]) -> tuple[Telegram, Script]:
    script = Script(link, *turns)
    monkeypatch.setattr(d0_link, "SerialStream", lambda _: script)
    monkeypatch.setattr(d0_link, "REACTION_S", 0.05)

    telegram = asyncio.run(d0_link.D0Questioner(link).ask(0, ""))

    assert script.turns == []
    return telegram, script


def a_link(mode: str = "C", **more: object) -> Link:
    fields = {"device": "/dev/ttyX", "baud_rate": 300, "timeout_s": 0.01} | more
    return Link("line", LinkKind.D0, options=(("mode", mode),), **fields)


def test_mode_c_follows_the_meter_to_the_rate_that_it_offers_and_comes_back(monkeypatch):
    changed: list[int] = []
    original = Script.set_baud_rate

    def watch(self: Script, baud_rate: int) -> None:
        changed.append(baud_rate)
        original(self, baud_rate)

    monkeypatch.setattr(Script, "set_baud_rate", watch)

    telegram, script = read_out(
        monkeypatch, a_link(), (b"/?!\r\n", 300, HEAD), (b"\x06050\r\n", 300, BLOCK)
    )

    assert telegram.values == {"energy_import_wh": 12_500.0}
    assert changed == [9600, 300]
    assert script.baud_rate == 300


def test_mode_a_waits_for_the_readout_at_once(monkeypatch):
    telegram, _ = read_out(monkeypatch, a_link("A"), (b"/?!\r\n", 300, READOUT))

    assert telegram.identity == "1234567"


def test_a_serial_server_keeps_its_rate_and_asks_the_meter_to(monkeypatch):
    link = a_link(device="", host="127.0.0.1", port=4001, baud_rate=2400)

    telegram, _ = read_out(
        monkeypatch, link, (b"/?!\r\n", 2400, HEAD), (b"\x06030\r\n", 2400, BLOCK)
    )

    assert telegram.identity == "1234567"


def test_echoes_of_both_messages_are_no_answers(monkeypatch):
    telegram, _ = read_out(
        monkeypatch,
        a_link(),
        (b"/?!\r\n", 300, b"/?!\r\n" + HEAD),
        (b"\x06050\r\n", 300, b"\x06050\r\n" + BLOCK),
    )

    assert telegram.identity == "1234567"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b"", FailureKind.NO_ANSWER), (b"\xff\x80garbage\r\n", FailureKind.WRONG_ANSWER)],
)
def test_no_identification_is_a_failure_in_words(monkeypatch, answer, kind):
    with pytest.raises(RequestFailed) as caught:
        read_out(monkeypatch, a_link(), (b"/?!\r\n", 300, answer))

    assert caught.value.kind is kind
    assert caught.value.remedy

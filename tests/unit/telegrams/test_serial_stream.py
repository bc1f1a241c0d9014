"""The stream's own rules: parity is looked at, and what nobody reads does not pile up."""

import asyncio
import os
from types import SimpleNamespace

import pytest

from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.serial_stream import (
    MOST_WAITING,
    SerialStream,
    check_parity,
)
from energy_desktop.domain.site import Link, LinkKind

LINK = Link("line", LinkKind.P1, device="/dev/ttyNobody")


def test_a_character_of_wrong_parity_is_marked():
    termios = pytest.importorskip("termios")
    far, near = os.openpty()
    try:
        check_parity(SimpleNamespace(fd=near))

        input_flags = termios.tcgetattr(near)[0]
        assert input_flags & termios.INPCK
        assert not input_flags & (termios.IGNPAR | termios.PARMRK)
    finally:
        os.close(far)
        os.close(near)


def test_what_nobody_reads_does_not_pile_up():
    async def flood() -> bytes:
        stream = SerialStream(LINK)
        for _ in range(100):
            stream.data_received(b"x" * 8192)
        stream.data_received(b"end")
        return await stream.read(0.0)

    data = asyncio.run(flood())

    assert len(data) == MOST_WAITING
    assert data.endswith(b"end")


def test_a_port_that_is_not_there_is_no_connection_in_words():
    with pytest.raises(RequestFailed) as caught:
        asyncio.run(SerialStream(LINK).open())

    assert caught.value.kind is FailureKind.NO_CONNECTION
    assert "/dev/ttyNobody" in caught.value.what
    assert "plugged in" in caught.value.remedy


def test_bytes_that_came_before_the_end_are_given_before_it():
    async def ended() -> bytes:
        stream = SerialStream(LINK)
        stream.data_received(b"last")
        stream.connection_lost(None)
        data = await stream.read(0.1)
        with pytest.raises(RequestFailed):
            await stream.read(0.1)
        return data

    assert asyncio.run(ended()) == b"last"

"""IEC 62056-21 readouts (D0): an identification line and a data block, STX to ETX with a BCC.

With STX the block must end with ETX and its block check character (XOR of all that follows STX);
without it (mode D of many household meters) there is no checksum, and the form alone speaks for
the telegram: pure ASCII, every line readable, from `/` to `!`.
"""

import re

from energy_desktop.acquisition.telegrams import obis
from energy_desktop.acquisition.telegrams.lines import read_lines
from energy_desktop.acquisition.telegrams.telegram import Telegram, TelegramRefused, refuse
from energy_desktop.domain.bus import BusError

WHERE = "D0 telegram"
MAX_BYTES = 65_536
STX, ETX, ACK, NAK = b"\x02", b"\x03", b"\x06", b"\x15"

_START = re.compile(rb"/[A-Za-z]{3}")
_AGAIN = re.compile(rb"[\r\n]/[A-Za-z]{3}")
_IDENTITIES = ("0.0.0", "96.1.0", "0-0:96.1.0", "0-0:96.1.255", "0.0", "C.1.0", "9.21")


def bcc(block: bytes) -> int:
    """XOR of the block: what follows STX, with ETX."""
    value = 0
    for byte in block:
        value ^= byte
    return value


class D0Framer:
    """A readout runs from `/` and a maker's letters to `!`, or to the BCC when it has an STX.

    Without STX the end is sure only when something else than ETX follows, or the line is silent:
    else a readout whose STX was spoilt would pass as one without a checksum.
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[bytes | TelegramRefused]:
        self._pending += data
        return self._all(silent=False)

    def pause(self) -> list[bytes | TelegramRefused]:
        return self._all(silent=True)

    def finish(self) -> list[bytes | TelegramRefused]:
        out = self._all(silent=True)
        if _START.match(self._pending):
            what = f"it is cut after {len(self._pending)} bytes."
            out.append(refuse(WHERE, what, BusError.SHORT_ANSWER, fragment=True))
        self._pending.clear()
        return out

    def _all(self, *, silent: bool) -> list[bytes | TelegramRefused]:
        out: list[bytes | TelegramRefused] = []
        while self._take(out, silent=silent):
            pass
        return out

    def _take(self, out: list[bytes | TelegramRefused], *, silent: bool) -> bool:
        """Moves one telegram out of what is pending; False: it is not whole yet."""
        start = _START.search(self._pending)
        if start is None:
            del self._pending[: max(0, len(self._pending) - 3)]
            return False
        del self._pending[: start.start()]
        again = _AGAIN.search(self._pending, 1)
        end = self._pending.find(b"!", 0, len(self._pending) if again is None else again.start())
        if again is not None and end < 0:
            at = again.start() + 1
            what = f"it is cut after {at} bytes, where the next one starts."
            out.append(refuse(WHERE, what, BusError.SHORT_ANSWER))
            del self._pending[:at]
            return True
        size = 0 if end < 0 else self._whole(end, silent=silent)
        if size:
            out.append(bytes(self._pending[:size]))
            del self._pending[:size]
            return True
        if len(self._pending) > MAX_BYTES:
            what = f"it has no end within {MAX_BYTES} bytes."
            out.append(refuse(WHERE, what, BusError.LONG_ANSWER))
            del self._pending[:]
        return False

    def _whole(self, end: int, *, silent: bool) -> int:
        """Bytes of the telegram whose `!` is at `end`; 0: it is not whole yet."""
        after = bytes(self._pending[end + 1 : end + 5])
        etx = after.find(ETX)
        if etx >= 0:
            whole = end + etx + 3  # with the block check character
            return min(whole, len(self._pending)) if silent or len(self._pending) >= whole else 0
        return end + 1 if silent or len(after.lstrip(b"\r\n")) > 0 else 0


def decode(frame: bytes) -> Telegram:
    """One readout from `/` to `!` or BCC. Raises TelegramRefused."""
    if len(frame) > MAX_BYTES + 16:
        raise refuse(WHERE, f"it is longer than {MAX_BYTES} bytes.", BusError.LONG_ANSWER)
    head, newline, rest = frame[frame.find(b"/") :].partition(b"\n")
    if not head.startswith(b"/") or not newline:
        raise refuse(WHERE, "it has no identification line.", BusError.SHORT_ANSWER)
    checked = rest.lstrip(b"\r\n").startswith(STX)
    block = _checked_block(rest.lstrip(b"\r\n")) if checked else rest
    end = block.find(b"!")
    if end < 0:
        raise refuse(WHERE, "its end is missing.", BusError.SHORT_ANSWER)
    if not checked and any(sign in block for sign in (STX, ETX)):
        raise refuse(WHERE, "its start of text is not where it should be.", BusError.GARBAGE)
    try:
        name = head[1:].decode("ascii").strip()
        text = block[:end].decode("ascii")
    except UnicodeDecodeError:
        raise refuse(WHERE, "it holds bytes that are no text.", BusError.GARBAGE) from None
    readings, strange = read_lines(text)
    if any(byte < 0x20 and byte not in b"\r\n\t" for byte in block[:end]):
        raise refuse(WHERE, "it holds control characters.", BusError.GARBAGE)
    if strange:
        raise refuse(WHERE, f"the line {strange[0]!r} cannot be read.", BusError.GARBAGE)
    if not readings:
        raise refuse(WHERE, "it holds no values.", BusError.SHORT_ANSWER)
    return _telegram(name, readings, checked=checked)


def _checked_block(rest: bytes) -> bytes:
    """What stands between STX and ETX, when the character after ETX verifies it."""
    etx = rest.find(ETX)
    if etx < 0 or len(rest) < etx + 2:
        raise refuse(WHERE, "its block check character is missing.", BusError.SHORT_ANSWER)
    said, found = rest[etx + 1], bcc(rest[1 : etx + 1])
    if said != found:
        raise refuse(
            WHERE,
            f"its block check character says {said:02X}, its bytes give {found:02X}.",
            BusError.CHECKSUM,
        )
    return rest[1:etx]


def _telegram(name: str, readings: list[obis.Reading], *, checked: bool) -> Telegram:
    values, entries, remarks = obis.read(readings)
    by_key = {row.entry.key: row.entry.text.strip("()") for row in reversed(readings)}
    by_code = {row.entry.code.split("*")[0]: row.entry.text.strip("()") for row in readings}
    known = [by_key.get(key) or by_code.get(key) for key in _IDENTITIES]
    named = list(dict.fromkeys(identity for identity in known if identity))
    identity = named[0] if named else name
    if not checked:
        remarks = (*remarks, "This telegram carries no checksum.")
    return Telegram(
        protocol="d0",
        identity=identity,
        aliases=tuple(a for a in (*named, name) if a != identity),
        time_ms=None,  # 0.9.1 and 0.9.2 are local time without a zone
        values=values,
        entries=entries,
        manufacturer=re.sub(r"[^A-Za-z]", "", name[:3]).upper(),
        remarks=remarks,
        checked=checked,
    )

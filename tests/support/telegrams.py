"""Builders of telegrams, each with the checksum that its bytes deserve."""

from collections.abc import Sequence


def crc_reflected(data: bytes, polynomial: int, start: int, end: int = 0) -> int:
    """A CRC16 bit by bit, independent of the program's own."""
    value = start
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value ^ end


def p1(*lines: str, head: str = "ABC5TEST", crc: str | None = None) -> bytes:
    """A P1 telegram; crc None: the right one."""
    body = "\r\n".join((f"/{head}", "", *lines, "!")).encode()
    found = f"{crc_reflected(body, 0xA001, 0):04X}" if crc is None else crc
    return body + f"{found}\r\n".encode()


def d0(*lines: str, head: str = "ABC5TEST", checked: bool = True) -> bytes:
    """An IEC 62056-21 readout, with STX, ETX and BCC if checked."""
    block = "\r\n".join((*lines, "!", "")).encode()
    start = f"/{head}\r\n".encode()
    if not checked:
        return start + b"\r\n" + block
    guarded = block + b"\x03"
    value = 0
    for byte in guarded:
        value ^= byte
    return start + b"\x02" + guarded + bytes([value])


def mbus(
    *records: bytes,
    medium: int = 2,
    identity: str = "12345678",
    address: int = 1,
    manufacturer: int = 0x0442,
    status: int = 0,
    signature: bytes = b"\0\0",
    ci: int = 0x72,
) -> bytes:
    """A long frame with a variable data structure."""
    header = bytes.fromhex(identity)[::-1] + manufacturer.to_bytes(2, "little")
    header += bytes([1, medium, 0, status]) + signature
    return mbus_frame(bytes([0x08, address, ci]) + header + b"".join(records))


def mbus_frame(user: bytes) -> bytes:
    return bytes([0x68, len(user), len(user), 0x68]) + user + bytes([sum(user) & 0xFF, 0x16])


def octets(data: bytes) -> bytes:
    """An SML octet string."""
    size = len(data) + 1
    if size < 16:
        return bytes([size]) + data
    size += 1
    return bytes([0x80 | size >> 4, size & 0x0F]) + data


def signed(value: int, size: int) -> bytes:
    return bytes([0x50 | size + 1]) + value.to_bytes(size, "big", signed=True)


def unsigned(value: int, size: int) -> bytes:
    return bytes([0x60 | size + 1]) + value.to_bytes(size, "big")


def listed(*items: bytes) -> bytes:
    assert len(items) < 16
    return bytes([0x70 | len(items)]) + b"".join(items)


NOTHING = b"\x01"


def sml_value(
    code: str, value: bytes, unit: int = 30, scaler: int = 0, status: bytes = NOTHING
) -> bytes:
    """An entry of a list of values; code: six numbers as "1-0:1.8.0*255"."""
    numbers = [
        int(n) for n in code.replace("-", ".").replace(":", ".").replace("*", ".").split(".")
    ]
    return listed(
        octets(bytes(numbers)),
        status,
        NOTHING,
        unsigned(unit, 1),
        signed(scaler, 1),
        value,
        NOTHING,
    )


def sml(
    *values: bytes,
    server: bytes = bytes.fromhex("0A01414243000102030A"),
    time_s: int | None = None,
) -> bytes:
    """A whole SML telegram: open, list, close. time_s: what its clock shows, seconds since 1970."""
    opened = listed(NOTHING, NOTHING, octets(b"\0\x01"), octets(server), NOTHING, NOTHING)
    time = (
        listed(unsigned(1, 1), unsigned(4711, 4))
        if time_s is None
        else listed(unsigned(2, 1), unsigned(time_s, 4))
    )
    response = listed(NOTHING, octets(server), NOTHING, time, listed(*values), NOTHING, NOTHING)
    return sml_transport(
        sml_message(0x0101, opened)
        + sml_message(0x0701, response)
        + sml_message(0x0201, b"\x71\x01")
    )


def sml_message(tag: int, body: bytes) -> bytes:
    content = listed(unsigned(tag, 2), body)
    head = b"\x76" + octets(b"\0\1") + unsigned(0, 1) + unsigned(0, 1) + content
    crc = crc_reflected(head, 0x8408, 0xFFFF, 0xFFFF)
    return head + b"\x63" + crc.to_bytes(2, "little") + b"\0"


def sml_transport(messages: bytes, fill: int | None = None) -> bytes:
    """Escapes, fill bytes and the CRC around the messages."""
    escape = b"\x1b" * 4
    missing = -len(messages) % 4 if fill is None else fill
    framed = escape + b"\x01" * 4 + messages.replace(escape, escape * 2) + b"\0" * missing
    framed += escape + bytes([0x1A, missing])
    return framed + crc_reflected(framed, 0x8408, 0xFFFF, 0xFFFF).to_bytes(2, "little")


def joined(pieces: Sequence[bytes]) -> bytes:
    return b"".join(pieces)

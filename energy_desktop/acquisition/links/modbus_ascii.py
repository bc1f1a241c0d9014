"""Modbus ASCII on a serial port: each byte as two characters, seven bits and parity by default.

Its checksum is one byte, so that one damaged frame in 256 passes it; parity catches most of those
before. Unit, function and length are checked as everywhere.
"""

from pymodbus.framer import FramerAscii, FramerRTU, FramerType
from pymodbus.pdu import DecodePDU

from energy_desktop.acquisition.links.modbus_frames import ascii_frames, describe_ascii
from energy_desktop.acquisition.links.modbus_line import AsciiListener, Asked
from energy_desktop.acquisition.links.modbus_rtu import (
    LONGEST_PAUSE_S,
    SerialPortConnection,
    bits_per_character,
    silence_s,
)
from energy_desktop.domain.site import Link


class ModbusAsciiConnection(SerialPortConnection):
    """Frames between a colon and a line feed."""

    framer_type = FramerType.ASCII

    def __init__(self, link: Link) -> None:
        self.data_bits = 8 if link.option("data_bits", "7") == "8" else 7
        bits = bits_per_character(link.parity, link.stop_bits, self.data_bits)
        super().__init__(
            link,
            describe_ascii,
            ascii_frames,
            silence_s=silence_s(link.baud_rate, link.parity, link.stop_bits),
            gap_s=LONGEST_PAUSE_S,
            character_s=bits / link.baud_rate,
        )

    def _framer(self, decoder: DecodePDU) -> FramerRTU | FramerAscii:
        return AsciiListener(decoder, self._hear)

    def _adu_bytes(self, pdu_bytes: int) -> int:
        return 2 * pdu_bytes + 7  # colon, unit, checksum, end of line

    def _is_arriving(self, head: bytes, size: int, asked: Asked) -> bool:  # noqa: ARG002
        return False  # a frame without its end is found by nobody

    def _has_begun(self, came: bytes, asked: Asked) -> bool:
        return came.startswith(b":%02X" % asked.unit_id)

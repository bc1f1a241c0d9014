"""Modbus RTU on a serial port of this computer."""

from pymodbus.client import AsyncModbusSerialClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.framer import FramerType

from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.modbus_frames import describe_rtu, rtu_frames
from energy_desktop.acquisition.links.modbus_line import LineConnection
from energy_desktop.domain.site import Link

FIXED_SILENCE_S = 0.00175  # above 19,200 baud: Modbus over serial line 1.02, 2.5.1.1
LONGEST_PAUSE_S = 0.05
"""No pause in an answer is longer: USB adapters collect bytes for 16 ms and hand them on."""


def silence_s(baud_rate: int, parity: str = "N", stop_bits: int = 1) -> float:
    """3.5 characters in seconds; a fixed 1.75 ms above 19,200 baud."""
    if baud_rate > 19_200:
        return FIXED_SILENCE_S
    return 3.5 * bits_per_character(parity, stop_bits) / baud_rate


def bits_per_character(parity: str, stop_bits: int, data_bits: int = 8) -> int:
    return 1 + data_bits + (parity != "N") + stop_bits


class SerialPortConnection(LineConnection):
    """A line on a port of this computer. Needs a running event loop."""

    framer_type = FramerType.RTU
    data_bits = 8

    def _bare_client(self) -> ModbusBaseClient:
        link = self.link
        return AsyncModbusSerialClient(
            link.device,
            framer=self.framer_type,
            baudrate=link.baud_rate,
            bytesize=self.data_bits,
            parity=link.parity,
            stopbits=link.stop_bits,
            timeout=self.timeout_s,
            retries=0,
            reconnect_delay=0,
        )

    def _refused_settings(self, error: Exception) -> RequestFailed:
        link = self.link
        return RequestFailed(
            FailureKind.NO_CONNECTION,
            f"{link.device} does not take {link.baud_rate} baud, parity {link.parity}, "
            f"{link.stop_bits} stop bit{'s' if link.stop_bits != 1 else ''}: "
            f"{error.args[-1] if error.args else error}.",
            "Give the baud rate, parity and stop bits that both the port and the meter have.",
        )


class ModbusRtuConnection(SerialPortConnection):
    """Binary frames, ended by silence."""

    def __init__(self, link: Link) -> None:
        super().__init__(
            link,
            describe_rtu,
            rtu_frames,
            silence_s=silence_s(link.baud_rate, link.parity, link.stop_bits),
            gap_s=LONGEST_PAUSE_S,
            character_s=bits_per_character(link.parity, link.stop_bits) / link.baud_rate,
        )

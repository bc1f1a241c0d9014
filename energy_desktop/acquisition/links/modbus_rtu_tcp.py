"""RTU frames through a serial server (Moxa, USR, Waveshare): a line at the other end of a socket.

The server passes bytes on as they come, to whoever is connected, and knows nothing of frames; so
everything that holds for a line of our own holds here, but that its speed is not known and that
the network may tear an answer apart.
"""

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.framer import FramerType

from energy_desktop.acquisition.links.modbus_frames import describe_rtu, rtu_frames
from energy_desktop.acquisition.links.modbus_line import LineConnection
from energy_desktop.domain.site import Link

LONGEST_PAUSE_S = 0.25  # a lost packet is sent again after 0.2 s
SILENCE_S = 0.004  # 3.5 characters at 9600 baud, which is what most of these lines have


class ModbusRtuTcpConnection(LineConnection):
    """Needs a running event loop."""

    def __init__(self, link: Link) -> None:
        super().__init__(
            link,
            describe_rtu,
            rtu_frames,
            silence_s=SILENCE_S,
            gap_s=LONGEST_PAUSE_S,
            character_s=0.0,
        )

    def _bare_client(self) -> ModbusBaseClient:
        return AsyncModbusTcpClient(
            self.link.host,
            framer=FramerType.RTU,
            port=self.link.port,
            timeout=self.timeout_s,
            retries=0,
            reconnect_delay=0,
        )

"""Modbus TCP: one connection, several units behind it when it leads to a gateway."""

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient

from energy_desktop.acquisition.links.checked import CheckedConnection
from energy_desktop.acquisition.links.modbus_frames import describe_mbap
from energy_desktop.domain.site import Link


class ModbusTcpConnection(CheckedConnection):
    """Needs a running event loop when first used."""

    def __init__(self, link: Link) -> None:
        super().__init__(link, describe_mbap)

    def _make_client(self) -> ModbusBaseClient:
        return AsyncModbusTcpClient(
            self.link.host,
            port=self.link.port,
            timeout=self.timeout_s,
            retries=0,
            reconnect_delay=0,
        )

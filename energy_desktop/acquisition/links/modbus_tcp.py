"""Modbus TCP: one connection, several units behind it when it leads to a gateway."""

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient

from energy_desktop.acquisition.links.checked import CheckedConnection
from energy_desktop.domain.site import Link


class ModbusTcpConnection(CheckedConnection):
    """Needs a running event loop when first used."""

    def __init__(self, link: Link) -> None:
        super().__init__(link.timeout_s)
        self._host = link.host
        self._port = link.port

    @property
    def address(self) -> str:
        return f"{self._host}:{self._port}"

    def _make_client(self) -> ModbusBaseClient:
        return AsyncModbusTcpClient(
            self._host,
            port=self._port,
            timeout=self.timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_connect=self._on_connect_change,
        )

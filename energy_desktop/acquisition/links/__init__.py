"""The wires: Modbus TCP connections and serial buses, each behind the same checks."""

from energy_desktop.acquisition.links.checked import CheckedConnection
from energy_desktop.acquisition.links.modbus_rtu import ModbusRtuConnection
from energy_desktop.acquisition.links.modbus_tcp import ModbusTcpConnection
from energy_desktop.domain.site import Link, LinkKind


def connect_to(link: Link) -> CheckedConnection:
    """The connection of a link; opened at its first request. Needs a running event loop."""
    if link.kind is LinkKind.MODBUS_TCP:
        return ModbusTcpConnection(link)
    return ModbusRtuConnection(link)

"""The wires: Modbus over sockets and serial buses, telegrams, brokers; each made by its kind.

The tables here are the only place that knows which class reads which kind of link. Their imports
are inside the functions, because a site with Modbus meters only needs no MQTT or BACnet stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.link_kinds import kind_info
from energy_desktop.domain.site import Link, LinkKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from energy_desktop.acquisition.link_task import LinkTask, Outlets
    from energy_desktop.acquisition.links.checked import CheckedConnection


def connect_to(link: Link) -> CheckedConnection:
    """The connection of a Modbus link; opened at its first request. Needs a running event loop.

    Raises WrongUse for a link that is no Modbus.
    """
    if link.kind is LinkKind.MODBUS_TCP:
        from energy_desktop.acquisition.links.modbus_tcp import ModbusTcpConnection

        return ModbusTcpConnection(link)
    if link.kind is LinkKind.MODBUS_TLS:
        from energy_desktop.acquisition.links.modbus_tls import ModbusTlsConnection

        return ModbusTlsConnection(link)
    if link.kind is LinkKind.MODBUS_UDP:
        from energy_desktop.acquisition.links.modbus_udp import ModbusUdpConnection

        return ModbusUdpConnection(link)
    if link.kind is LinkKind.MODBUS_RTU_TCP:
        from energy_desktop.acquisition.links.modbus_rtu_tcp import ModbusRtuTcpConnection

        return ModbusRtuTcpConnection(link)
    if link.kind is LinkKind.MODBUS_RTU:
        from energy_desktop.acquisition.links.modbus_rtu import ModbusRtuConnection

        return ModbusRtuConnection(link)
    if link.kind is LinkKind.MODBUS_ASCII:
        from energy_desktop.acquisition.links.modbus_ascii import ModbusAsciiConnection

        return ModbusAsciiConnection(link)
    raise WrongUse(
        where=link.address,
        what=f"{kind_info(link).label} has no registers that could be asked for.",
        remedy="Choose a Modbus connection.",
    )


def make_task(link: Link, outlets: Outlets) -> LinkTask:
    """The task that reads the meters of a link. Needs a running event loop.

    Raises WrongUse for a kind of link that this version cannot read.
    """
    make = _TASKS.get(link.kind)
    if make is None:
        raise WrongUse(
            where=link.address,
            what=f"{kind_info(link).label} cannot be read by this version.",
            remedy="Choose another connection, or update the program.",
        )
    return make(link, outlets)


def _modbus(link: Link, outlets: Outlets) -> LinkTask:
    from energy_desktop.acquisition.poller import LinkPoller

    return LinkPoller(link, connect_to(link), outlets)


def _http_push(link: Link, outlets: Outlets) -> LinkTask:
    from energy_desktop.acquisition.links.http_push import HttpPushLink

    return HttpPushLink(link, outlets)


def _mqtt(link: Link, outlets: Outlets) -> LinkTask:
    from energy_desktop.acquisition.links.mqtt import MqttLink

    return MqttLink(link, outlets)


def _p1(link: Link, outlets: Outlets) -> LinkTask:
    from energy_desktop.acquisition.links.telegram_source import listen_to

    return listen_to("p1", link, outlets)


def _sml(link: Link, outlets: Outlets) -> LinkTask:
    from energy_desktop.acquisition.links.telegram_source import listen_to

    return listen_to("sml", link, outlets)


def _d0(link: Link, outlets: Outlets) -> LinkTask:
    from energy_desktop.acquisition.links.d0 import make_d0

    return make_d0(link, outlets)


def _mbus(link: Link, outlets: Outlets) -> LinkTask:
    from energy_desktop.acquisition.links.mbus import make_mbus

    return make_mbus(link, outlets)


def _bacnet(link: Link, outlets: Outlets) -> LinkTask:
    from energy_desktop.acquisition.links.bacnet import BacnetLink

    return BacnetLink(link, outlets)


_TASKS: dict[LinkKind, Callable[[Link, Outlets], LinkTask]] = {
    LinkKind.MODBUS_TCP: _modbus,
    LinkKind.MODBUS_TLS: _modbus,
    LinkKind.MODBUS_UDP: _modbus,
    LinkKind.MODBUS_RTU_TCP: _modbus,
    LinkKind.MODBUS_RTU: _modbus,
    LinkKind.MODBUS_ASCII: _modbus,
    LinkKind.P1: _p1,
    LinkKind.D0: _d0,
    LinkKind.SML: _sml,
    LinkKind.MBUS: _mbus,
    LinkKind.HTTP_PUSH: _http_push,
    LinkKind.MQTT: _mqtt,
    LinkKind.BACNET: _bacnet,
}

"""The serial ports of this computer, by names that stay when adapters are plugged in otherwise."""

import os
from pathlib import Path

_BY_ID = Path("/dev/serial/by-id")


def serial_ports() -> tuple[str, ...]:
    """Device names, sorted; where the system gives a name by serial number, that one."""
    from serial.tools import list_ports

    lasting = {}
    if _BY_ID.is_dir():
        lasting = {os.path.realpath(link): str(link) for link in _BY_ID.iterdir()}
    return tuple(sorted(lasting.get(port.device, port.device) for port in list_ports.comports()))

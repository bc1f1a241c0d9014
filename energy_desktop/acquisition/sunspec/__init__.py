"""SunSpec: devices that describe themselves, as chains of numbered models.

There is no address table to write: a device is found by its marker, its chain of models is
walked, and a profile is built from what is there (resolve.py). After that it is polled like any
other Modbus meter.
"""

from energy_desktop.acquisition.sunspec.device import SunSpecDevice, discover
from energy_desktop.acquisition.sunspec.resolve import needs_contact, resolve

__all__ = ["SunSpecDevice", "discover", "needs_contact", "resolve"]

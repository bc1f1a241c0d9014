"""What the desk stands on: the values of one load, and the services behind its buttons."""

from __future__ import annotations

from dataclasses import dataclass

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.errors import DriverFileError
from energy_desktop.domain.site import Link
from energy_desktop.services.meters import MeterListing
from energy_desktop.ui.views.desk.ports import BulkLists, Desk, Drivers, LinkPasswords


@dataclass(frozen=True, slots=True)
class MetersPage:
    """All that the page needs of the store and the driver files, read in one job."""

    listing: tuple[MeterListing, ...]
    configuration: Configuration
    drivers: tuple[DriverInfo, ...]
    driver_errors: tuple[DriverFileError, ...]
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeskServices:
    """What the desk can do beyond the list; None: not in this program."""

    desk: Desk | None = None
    drivers: Drivers | None = None
    lists: BulkLists | None = None
    passwords: LinkPasswords | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen at this moment. listing: the chosen meter; bus: the link chosen instead.

    unit: what is looked at on the wire without being a meter of the site.
    """

    page: MetersPage | None = None
    listing: MeterListing | None = None
    bus: str = ""
    unit: tuple[Link, int] | None = None

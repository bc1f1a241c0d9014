"""Everything that a site file describes, as one value.

`apply` compares such a value with what the store holds and writes the difference in one
transaction, or nothing.
"""

from dataclasses import dataclass, field

from energy_desktop.domain.alarm import AlarmRule
from energy_desktop.domain.contract import Client, ContractVersion, PriceSlot, TariffVersion
from energy_desktop.domain.device import Battery, Device
from energy_desktop.domain.site import VIRTUAL, Link, Meter, Site, Space, VirtualMeter


@dataclass(frozen=True, slots=True)
class Configuration:
    site: Site = field(default_factory=lambda: Site(name="Site", zone="UTC"))
    spaces: tuple[Space, ...] = ()
    links: tuple[Link, ...] = ()
    meters: tuple[Meter, ...] = ()
    clients: tuple[Client, ...] = ()
    tariffs: tuple[TariffVersion, ...] = ()
    contracts: tuple[ContractVersion, ...] = ()
    devices: tuple[Device, ...] = ()
    batteries: tuple[Battery, ...] = ()
    alarm_rules: tuple[AlarmRule, ...] = ()
    prices: tuple[PriceSlot, ...] = ()
    virtual_meters: tuple[VirtualMeter, ...] = ()

    def meter(self, meter_id: str) -> Meter | None:
        return next((m for m in self.meters if m.meter_id == meter_id), None)

    def virtual_meter(self, meter_id: str) -> VirtualMeter | None:
        """By its full id, `virtual:...`."""
        wanted = meter_id.removeprefix(VIRTUAL) if meter_id.startswith(VIRTUAL) else None
        return next((v for v in self.virtual_meters if v.virtual_id == wanted), None)

    def any_meter(self, meter_id: str) -> Meter | None:
        """A meter, or a virtual one as such."""
        virtual = self.virtual_meter(meter_id)
        return self.meter(meter_id) if virtual is None else virtual.as_meter()

    def link(self, link_id: str) -> Link | None:
        return next((k for k in self.links if k.link_id == link_id), None)

    def client(self, client_id: str) -> Client | None:
        return next((c for c in self.clients if c.client_id == client_id), None)

    def battery(self, battery_id: str) -> Battery | None:
        return next((b for b in self.batteries if b.battery_id == battery_id), None)

    def meters_of_space(self, space_id: str) -> tuple[Meter, ...]:
        return tuple(m for m in self.meters if m.space_id == space_id)

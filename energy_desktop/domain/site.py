"""Where things are and what measures them: site > building > floor > zone, links and meters."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum


@dataclass(frozen=True, slots=True)
class Site:
    """The whole. `zone` is an IANA name: local days, contract hours and paper follow it."""

    name: str
    zone: str
    currency: str = "EUR"
    country: str = "DE"  # ISO code; public holidays are looked up by it
    subdivision: str = ""
    nominal_voltage_v: float = 230.0
    nominal_frequency_hz: float = 50.0
    contract_demand_w: float | None = None
    operator: str = ""  # who bills: name and address lines for invoices
    operator_address: tuple[str, ...] = ()
    tax_id: str = ""
    bank_iban: str = ""
    price_import_per_kwh: Decimal = Decimal("0.25")
    price_export_per_kwh: Decimal = Decimal("0.08")
    raw_days: int = 31  # how long each reading is kept, then one value a minute
    minute_days: int = 730  # and how long that; quarter hours and longer stay for ever


class SpaceKind(Enum):
    BUILDING = "building"
    FLOOR = "floor"
    ZONE = "zone"


@dataclass(frozen=True, slots=True)
class Space:
    """A node of the site tree. Only zones are rented."""

    space_id: str
    name: str
    kind: SpaceKind
    parent_id: str | None = None
    area_m2: float | None = None


class LinkKind(Enum):
    """How meters are reached; domain/link_kinds.py says what each kind needs."""

    MODBUS_TCP = "modbus_tcp"
    MODBUS_TLS = "modbus_tls"  # Modbus/TCP Security: mutual TLS
    MODBUS_UDP = "modbus_udp"
    MODBUS_RTU_TCP = "modbus_rtu_tcp"  # RTU frames through a serial server
    MODBUS_RTU = "modbus_rtu"
    MODBUS_ASCII = "modbus_ascii"
    P1 = "p1"  # DSMR customer port
    D0 = "d0"  # IEC 62056-21 optical head or current loop
    SML = "sml"  # Smart Message Language, optical head
    MBUS = "mbus"  # wired M-Bus through a level converter
    MQTT = "mqtt"
    HTTP_PUSH = "http_push"  # sensors post by themselves
    BACNET = "bacnet"  # BACnet/IP


@dataclass(frozen=True, slots=True)
class Link:
    """A connection, bus or broker. Meters that share one are asked one after another.

    options: what only some kinds have, by name, as declared in domain/link_kinds.py. No secret is
    among them: a password is kept apart under the link's id.
    """

    link_id: str
    kind: LinkKind
    host: str = ""
    port: int = 502
    device: str = ""
    baud_rate: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    timeout_s: float = 1.0
    guard_s: float = 0.3  # RTU: pause after a timeout before the port is opened again
    options: tuple[tuple[str, str], ...] = ()

    @property
    def is_serial(self) -> bool:
        """Whether it leads through a port of this computer."""
        if self.kind in (LinkKind.MODBUS_RTU, LinkKind.MODBUS_ASCII):
            return True
        telegrams = (LinkKind.P1, LinkKind.D0, LinkKind.SML, LinkKind.MBUS)
        return self.kind in telegrams and not self.host

    @property
    def address(self) -> str:
        if self.kind is LinkKind.HTTP_PUSH:
            return "HTTP in"
        if not self.is_serial:
            return f"{self.host}:{self.port}"
        bits = 7 if self.option("data_bits") == "7" else 8
        return f"{self.device} {self.baud_rate} {bits}{self.parity}{self.stop_bits}"

    def option(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.options if key == name), default)


class Role(Enum):
    """What a meter is to the energy balance of the site."""

    GRID = "grid"
    SOLAR = "solar"
    BATTERY = "battery"
    LOAD = "load"
    OTHER = "other"


INTERVALS_MIN = (5, 10, 15, 30, 60)
"""Lengths of interval that a polled meter may be booked in."""


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter, what it measures and how it is read.

    ct_ratio and vt_ratio multiply what the meter reports (1 when it knows its transformers).
    invert: the sign is turned in acquisition, so that grid > 0 imports, battery > 0 discharges
    and PV > 0 produces. connection_limit_w: what the connection can carry (fuse x voltage);
    an energy step above it is implausible.
    address: identity in a telegram (server id, secondary address), sensor name of a push, IP
    address and instance of a BACnet device; empty: the only one there.
    interval_min: length of the intervals that its registers are booked in, of INTERVALS_MIN. What
    was booked before a change keeps its length.
    """

    meter_id: str
    name: str
    driver_id: str = ""  # empty: not polled (imported or pushed data)
    link_id: str = ""
    unit_id: int = 1
    poll_interval_s: float = 1.0
    role: Role = Role.LOAD
    space_id: str | None = None
    parent_id: str | None = None  # the meter upstream of this one
    equipment: str = ""  # what it feeds: "lighting", "compressor", "hvac", "ev_charger", ...
    serial_number: str = ""
    ct_ratio: float = 1.0
    vt_ratio: float = 1.0
    invert: bool = False
    mid_approved: bool = False
    counter_modulus_wh: int | None = None
    connection_limit_w: float | None = None
    enabled: bool = True
    address: str = ""  # which meter of the link, where a unit number does not say it
    interval_min: int = 15


VIRTUAL = "virtual:"
"""How the id of a virtual meter begins where a meter id is asked for."""


@dataclass(frozen=True, slots=True)
class VirtualMeter:
    """A formula over meters: the sum of factor x energy of each term.

    terms: meter id and factor, -1 to subtract. A term may not be a virtual meter itself.
    """

    virtual_id: str
    name: str
    terms: tuple[tuple[str, float], ...]
    role: Role = Role.OTHER
    note: str = ""

    @property
    def meter_id(self) -> str:
        """Under which it is asked for like any meter."""
        return VIRTUAL + self.virtual_id

    @property
    def formula(self) -> str:
        """As a person writes it: `main - 1 x hall + 0.5 x shared`."""
        parts = []
        for number, (meter_id, factor) in enumerate(self.terms):
            sign = "\u2212" if factor < 0 else "+" if number else ""
            size = "" if abs(factor) == 1 else f"{abs(factor):g} \u00d7 "
            parts.append(f"{sign} {size}{meter_id}".strip())
        return " ".join(parts)

    def as_meter(self) -> Meter:
        """For lists of meters: never polled, never billed from by itself."""
        return Meter(self.meter_id, self.name, role=self.role, enabled=False)

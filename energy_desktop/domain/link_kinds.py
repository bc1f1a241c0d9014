"""What each kind of connection is called and needs: declared once.

The dialog in the window, the site file and its check all read this table, so a new kind is a row
here and a link below acquisition/links/.
"""

from dataclasses import dataclass

from energy_desktop.domain.site import Link, LinkKind

MODBUS = "modbus"
SUNSPEC = "sunspec"  # a way to use Modbus registers: fits every Modbus link
OBIS = "obis"
MBUS = "mbus"
MQTT = "mqtt"
PUSH = "push"
BACNET = "bacnet"


@dataclass(frozen=True, slots=True)
class LinkOption:
    """A setting that only some kinds have. choices empty: free text."""

    name: str
    label: str
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class LinkKindInfo:
    """protocol: which drivers fit (DriverInfo.protocol).

    serial, network: whether it leads through a port of this computer, through host and port, or
    (both) either. uses_unit: meters are told apart by a unit number; uses_address: by an address,
    whose meaning `address_help` says. listens: the meter speaks by itself, so that the poll
    interval is how often it is expected to.
    """

    kind: LinkKind
    label: str
    protocol: str
    serial: bool = False
    network: bool = False
    default_port: int = 0
    default_baud_rate: int = 9600
    default_parity: str = "N"
    uses_unit: bool = False
    uses_address: bool = False
    address_help: str = ""
    listens: bool = False
    has_password: bool = False
    options: tuple[LinkOption, ...] = ()

    def takes(self, protocol: str) -> bool:
        """Whether a driver of this protocol (DriverInfo.protocol) can be used on such a link."""
        return protocol == self.protocol or (protocol == SUNSPEC and self.protocol == MODBUS)

    @property
    def option_names(self) -> tuple[str, ...]:
        return tuple(option.name for option in self.options)


_TLS = (
    LinkOption(
        "ca_file", "Certificate authority", "PEM file that signed the other side.", is_file=True
    ),
    LinkOption(
        "certificate_file", "Own certificate", "PEM file shown to the other side.", is_file=True
    ),
    LinkOption("key_file", "Own key", "PEM file that belongs to the certificate.", is_file=True),
    LinkOption("server_name", "Name in the certificate", "Empty: the host as it is written."),
)
_DATA_BITS = LinkOption("data_bits", "Data bits", "Bits of a character.", "8", ("7", "8"))

_INFOS = (
    LinkKindInfo(
        LinkKind.MODBUS_TCP, "Modbus TCP", MODBUS, network=True, default_port=502, uses_unit=True
    ),
    LinkKindInfo(
        LinkKind.MODBUS_TLS,
        "Modbus/TCP Security (TLS)",
        MODBUS,
        network=True,
        default_port=802,
        uses_unit=True,
        options=_TLS,
    ),
    LinkKindInfo(
        LinkKind.MODBUS_UDP, "Modbus UDP", MODBUS, network=True, default_port=502, uses_unit=True
    ),
    LinkKindInfo(
        LinkKind.MODBUS_RTU_TCP,
        "Modbus RTU over TCP",
        MODBUS,
        network=True,
        default_port=4001,
        uses_unit=True,
    ),
    LinkKindInfo(LinkKind.MODBUS_RTU, "Modbus RTU", MODBUS, serial=True, uses_unit=True),
    LinkKindInfo(
        LinkKind.MODBUS_ASCII,
        "Modbus ASCII",
        MODBUS,
        serial=True,
        default_parity="E",
        uses_unit=True,
        options=(LinkOption("data_bits", "Data bits", "Bits of a character.", "7", ("7", "8")),),
    ),
    LinkKindInfo(
        LinkKind.P1,
        "DSMR P1 customer port",
        OBIS,
        serial=True,
        network=True,
        default_port=23,
        default_baud_rate=115_200,
        uses_address=True,
        address_help="Equipment id of the telegram; empty: whatever meter is there.",
        listens=True,
        options=(_DATA_BITS,),
    ),
    LinkKindInfo(
        LinkKind.D0,
        "IEC 62056-21 (D0, optical head)",
        OBIS,
        serial=True,
        network=True,
        default_port=4001,
        default_baud_rate=300,
        default_parity="E",
        uses_address=True,
        address_help="Device address of the sign-on; empty: whatever meter is there.",
        options=(
            LinkOption("data_bits", "Data bits", "Bits of a character.", "7", ("7", "8")),
            LinkOption(
                "mode", "Mode", "C and A are asked; D speaks by itself.", "C", ("A", "C", "D")
            ),
        ),
    ),
    LinkKindInfo(
        LinkKind.SML,
        "SML (optical head)",
        OBIS,
        serial=True,
        network=True,
        default_port=4001,
        uses_address=True,
        address_help="Server id in hexadecimal; empty: whatever meter is there.",
        listens=True,
        options=(_DATA_BITS,),
    ),
    LinkKindInfo(
        LinkKind.MBUS,
        "M-Bus",
        MBUS,
        serial=True,
        network=True,
        default_port=4001,
        default_baud_rate=2400,
        default_parity="E",
        uses_unit=True,
        uses_address=True,
        address_help="Secondary address, 16 digits; empty: the unit number is the primary address.",
        options=(_DATA_BITS,),
    ),
    LinkKindInfo(
        LinkKind.MQTT,
        "MQTT broker",
        MQTT,
        network=True,
        default_port=1883,
        uses_address=True,
        address_help="What {address} in the driver's topics stands for.",
        listens=True,
        has_password=True,
        options=(
            LinkOption("username", "User", "Empty: the broker asks for none."),
            LinkOption("client_id", "Client id", "Empty: made from the computer's name."),
            LinkOption("tls", "Encrypted", "Port 8883 at most brokers.", "no", ("no", "yes")),
            *_TLS,
        ),
    ),
    LinkKindInfo(
        LinkKind.HTTP_PUSH,
        "HTTP push",
        PUSH,
        uses_address=True,
        address_help="Name of the key with which the sensor posts, or name/facility_id.",
        listens=True,
    ),
    LinkKindInfo(
        LinkKind.BACNET,
        "BACnet/IP",
        BACNET,
        network=True,
        default_port=47_808,
        uses_address=True,
        address_help="Device instance; empty: the device at this address.",
        options=(
            LinkOption(
                "own_address",
                "Own address",
                "Address and mask of the network card to use, as 192.168.1.5/24.",
            ),
        ),
    ),
)

LINK_KINDS: dict[LinkKind, LinkKindInfo] = {info.kind: info for info in _INFOS}


def kind_info(link: Link) -> LinkKindInfo:
    return LINK_KINDS[link.kind]

"""How a command is told over which link a meter is reached: by its name, or by its settings.

A link or meter of the site; of a site file that need not be applied (`--file`); or one described
here and now, of any kind: `--kind p1 --at /dev/ttyUSB0`. What a kind knows and its defaults stand
in domain/link_kinds.py, as for the window and the site file. `--tcp` and `--rtu` are the two that
are typed most.
"""

from __future__ import annotations

import getpass
import re
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.link_kinds import LINK_KINDS, LinkKindInfo
from energy_desktop.domain.site import Link, LinkKind, Meter

GIVEN = "(line)"
"""Id of a link that was described on the command line; none of a site is called so."""

_DEVICE = re.compile(r"[/\\].*|com\d+", re.IGNORECASE)


class Parity(Enum):
    NONE = "N"
    EVEN = "E"
    ODD = "O"


FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="SITE.toml", help="Take the site from a file, not applied yet."),
]
LinkOption = Annotated[
    str | None, typer.Option("--link", metavar="LINK", help="A link of the site.")
]
KindOption = Annotated[
    LinkKind | None, typer.Option("--kind", help="What is spoken there; with --at.")
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="HOST:PORT|DEVICE", help="Where a link of --kind leads to."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Another setting of --kind, as mode=A."),
]
TcpOption = Annotated[
    str | None, typer.Option("--tcp", metavar="HOST:PORT", help="Same as --kind modbus_tcp --at.")
]
RtuOption = Annotated[
    str | None, typer.Option("--rtu", metavar="DEVICE", help="Same as --kind modbus_rtu --at.")
]
BaudOption = Annotated[
    int | None, typer.Option("--baud", min=300, max=921_600, help="Else as is usual for the kind.")
]
ParityOption = Annotated[
    Parity | None, typer.Option("--parity", help="Else as is usual for the kind.")
]
StopBitsOption = Annotated[int, typer.Option("--stop-bits", min=1, max=2)]
TimeoutOption = Annotated[float, typer.Option("--timeout-s", min=0.05, max=30)]
UnitOption = Annotated[
    int | None, typer.Option("--unit", min=0, max=255, help="Unit id of the meter; else 1.")
]
AddressOption = Annotated[
    str,
    typer.Option("--address", help="How the meter is told apart where no unit id does."),
]
PasswordOption = Annotated[
    bool, typer.Option("--ask-password", help="For a link that is described here.")
]


@dataclass(frozen=True, slots=True)
class AskedLink:
    """What the options of a command say of a link. command: for the sentence of a refusal."""

    command: str
    link: str | None = None
    kind: LinkKind | None = None
    at: str | None = None
    tcp: str | None = None
    rtu: str | None = None
    baud: int | None = None
    parity: Parity | None = None
    timeout_s: float = 1.0
    settings: tuple[str, ...] = ()
    stop_bits: int = 1

    @property
    def given(self) -> bool:
        """Whether any link is meant at all."""
        return any(v is not None for v in (self.link, self.kind, self.at, self.tcp, self.rtu))

    def of(self, configuration: Configuration) -> Link:
        """Raises WrongUse for none or more than one, NotFound for a link the site has not."""
        ways = [self.link, self.kind or self.at, self.tcp, self.rtu]
        if sum(way is not None for way in ways) != 1 or (self.kind is None) != (self.at is None):
            raise WrongUse(
                where=self.command,
                what="It is not clear where the meter is.",
                remedy="Give one of --tcp HOST:PORT, --rtu DEVICE, --kind KIND with --at, --link.",
            )
        if self.link is not None:
            return link_of(configuration, self.link)
        if self.tcp is not None:
            return self._made(LINK_KINDS[LinkKind.MODBUS_TCP], self.tcp, "--tcp")
        if self.rtu is not None:
            return self._made(LINK_KINDS[LinkKind.MODBUS_RTU], self.rtu, "--rtu")
        assert self.kind is not None and self.at is not None
        return self._made(LINK_KINDS[self.kind], self.at, "--at")

    def _made(self, info: LinkKindInfo, at: str, option: str) -> Link:
        by_port = info.serial and (not info.network or _DEVICE.fullmatch(at) is not None)
        if not (info.serial or info.network):
            raise WrongUse(
                where=f"{self.command} --kind {info.kind.value}",
                what=f"{info.label} leads nowhere: its sensors come to the running program.",
                remedy="Look at them in the window, or with `readings` and `keys list`.",
            )
        settings = self._settings(info)
        if by_port:
            return Link(
                GIVEN,
                info.kind,
                device=at,
                baud_rate=self.baud or info.default_baud_rate,
                parity=info.default_parity if self.parity is None else self.parity.value,
                stop_bits=self.stop_bits,
                timeout_s=self.timeout_s,
                options=settings,
            )
        host, port = host_and_port(at, info.default_port, option)
        return Link(
            GIVEN, info.kind, host=host, port=port, timeout_s=self.timeout_s, options=settings
        )

    def _settings(self, info: LinkKindInfo) -> tuple[tuple[str, str], ...]:
        known = {option.name: option for option in info.options}
        given = {}
        for text in self.settings:
            name, sign, value = text.partition("=")
            option = known.get(name.strip())
            if not sign or option is None:
                names = ", ".join(known) or "none"
                raise WrongUse(
                    where=f"--set {text}",
                    what=f"This is no setting of {info.label}.",
                    remedy=f"Write NAME=VALUE; its settings are: {names}.",
                )
            if option.choices and value not in option.choices:
                raise WrongUse(
                    where=f"--set {text}",
                    what=f"{option.label} cannot be {value!r}.",
                    remedy=f"It is one of: {', '.join(option.choices)}.",
                )
            if value != option.default:
                given[option.name] = value
        return tuple(sorted(given.items()))


def link_of(configuration: Configuration, link_id: str) -> Link:
    """Raises NotFound, with the links that there are."""
    link = configuration.link(link_id)
    if link is None:
        raise _unknown(f"Link {link_id}", "link", [k.link_id for k in configuration.links])
    return link


def meter_of(configuration: Configuration, meter_id: str) -> tuple[Meter, Link]:
    """A meter that is read over a link, and that. Raises NotFound or WrongUse."""
    meter = configuration.meter(meter_id)
    if meter is None:
        raise _unknown(f"Meter {meter_id}", "meter", [m.meter_id for m in configuration.meters])
    if not (meter.driver_id and meter.link_id):
        raise WrongUse(
            where=f"Meter {meter_id}",
            what="It is not read over a link.",
            remedy="Give it a driver and a link.",
        )
    return meter, link_of(configuration, meter.link_id)


def _unknown(where: str, noun: str, known: list[str]) -> NotFound:
    more = "" if len(known) <= 12 else f" and {len(known) - 12} more"
    return NotFound(
        where=where,
        what=f"The site has no such {noun}.",
        remedy=f"It has: {', '.join(known[:12]) or 'none yet'}{more}.",
    )


def host_and_port(text: str, default_port: int = 502, option: str = "--tcp") -> tuple[str, int]:
    """`host:port`, `host`, `[::1]:502`. Raises WrongUse."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(default_port)
    if not host or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise WrongUse(
            where=f"{option} {text}",
            what="This is no address.",
            remedy="Write it as HOST:PORT, as in 192.168.1.20:502.",
        )
    return host.strip("[]"), int(port)


def ask_password(whose: str) -> str:
    """From the keyboard, or the first line of stdin; never an argument, since other users of this
    computer see those of every program."""
    if sys.stdin.isatty():
        return getpass.getpass(f"Password of {whose} (empty: none): ")
    return sys.stdin.readline().rstrip("\r\n")

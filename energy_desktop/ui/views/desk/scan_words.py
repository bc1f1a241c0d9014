"""What a person types into a scan, as values: unit ids, address ranges, how long it takes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from energy_desktop.domain.commissioning import ScanPlan
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.desk.naming import free, slug

MOST_HOSTS = 1024
_HIGHEST_UNIT = 247


def parse_units(text: str) -> tuple[int, ...]:
    """`1-10, 20` as unit ids, in that order, each once. Raises ValueError with a sentence."""
    found: dict[int, None] = {}
    for part in _parts(text):
        given = re.fullmatch(r"(\d{1,3})(?:\s*[-–]\s*(\d{1,3}))?", part)
        if given is None:
            raise ValueError(f"{part!r} is no unit id: enter 1-20, 33.")
        low = int(given.group(1))
        high = int(given.group(2) or low)
        if not 0 <= low <= high <= _HIGHEST_UNIT:
            raise ValueError(f"{part!r} is no range of unit ids: they go from 0 to 247, upwards.")
        found.update(dict.fromkeys(range(low, high + 1)))
    if not found:
        raise ValueError("Enter the unit ids to ask, as 1-20.")
    return tuple(found)


def parse_hosts(text: str) -> tuple[str, ...]:
    """`10.0.0.10-40, 10.0.1.0/28, gateway.local` as addresses, each once, in that order.

    Raises ValueError with a sentence, also for more than 1,024 addresses: a scan is of what a
    person names, not of a whole network.
    """
    found: dict[str, None] = {}
    for part in _parts(text):
        found.update(dict.fromkeys(_hosts(part)))
        if len(found) > MOST_HOSTS:
            raise ValueError(f"More than {MOST_HOSTS} addresses: name a smaller range.")
    if not found:
        raise ValueError("Enter the addresses to ask, as 192.168.1.10-40.")
    return tuple(found)


def _hosts(part: str) -> Iterable[str]:
    span = re.fullmatch(r"(\d+\.\d+\.\d+\.)(\d{1,3})\s*[-–]\s*(?:\1)?(\d{1,3})", part)
    if span is not None:
        low, high = int(span.group(2)), int(span.group(3))
        if not 0 <= low <= high <= 255:
            raise ValueError(f"{part!r} is no range of addresses: the second end is the higher.")
        return [str(_address(f"{span.group(1)}{last}", part)) for last in range(low, high + 1)]
    if "/" in part:
        try:
            network = ipaddress.ip_network(part, strict=False)
        except ValueError:
            raise ValueError(f"{part!r} is no network, as 192.168.1.0/28 is.") from None
        if network.num_addresses > MOST_HOSTS:
            raise ValueError(f"{part!r} has more than {MOST_HOSTS} addresses: name a smaller one.")
        return [str(host) for host in network.hosts()]
    if re.fullmatch(r"[\d.]+", part):
        return [str(_address(part, part))]
    if re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", part):
        return [part]
    raise ValueError(f"{part!r} is no address or name.")


def _address(text: str, part: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(f"{part!r} is no address, as 192.168.1.10 is.") from None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]


def lines_of(
    configuration: Configuration,
    device: str,
    baud_rates: Sequence[int],
    parities: Sequence[str],
    kind: LinkKind = LinkKind.MODBUS_RTU,
) -> tuple[Link, ...]:
    """The serial line at each setting. A setting that is polled already is that very link."""
    taken = {k.link_id for k in configuration.links}
    new_id = free(slug(device) or "line", taken)
    wanted = []
    for baud_rate in baud_rates:
        for parity in parities:
            stop_bits = 1
            made = Link(
                new_id, kind, device=device, baud_rate=baud_rate, parity=parity,
                stop_bits=stop_bits,
            )  # fmt: skip
            wanted.append(_known(configuration, made) or made)
    return tuple(wanted)


def addresses_of(
    configuration: Configuration, hosts: Sequence[str], port: int, kind: LinkKind
) -> tuple[Link, ...]:
    """A link for each address; one that is polled already is that very link."""
    taken = {k.link_id for k in configuration.links}
    wanted = []
    for host in hosts:
        made = Link(free(slug(f"{host}-{port}"), taken), kind, host=host, port=port)
        wanted.append(_known(configuration, made) or made)
    return tuple(wanted)


def _known(configuration: Configuration, wanted: Link) -> Link | None:
    same = (k for k in configuration.links if k.kind is wanted.kind)
    return next((k for k in same if k.address == wanted.address), None)


def plan_text(formats: Formats, plan: ScanPlan) -> str:
    """`120 requests, one at a time: at most 42 s when nobody answers.`"""
    longest = formats.exact_duration(plan.longest_s)
    noun = "request" if plan.probes == 1 else "requests"
    return (
        f"{formats.count(plan.probes)} {noun}, one at a time: at most {longest} when nobody "
        "answers. It reads only."
    )

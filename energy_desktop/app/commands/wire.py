"""Commands that talk to the wire and need no site: poll, simulate, and the drivers for it."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from enum import Enum
from typing import Annotated, Any

import typer

from energy_desktop.app.commands import drivers
from energy_desktop.app.commands.common import (
    JsonOption,
    SiteOption,
    guarded,
    say,
    site_folder,
    to_json,
)
from energy_desktop.app.paths import drivers_folder
from energy_desktop.domain.clock import iso_utc, system_clock, to_ms
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.link_kinds import kind_info
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.domain.snapshot import Quality, Snapshot


class Parity(Enum):
    NONE = "N"
    EVEN = "E"
    ODD = "O"


def register(app: typer.Typer) -> None:
    app.command()(poll)
    drivers.register(app)
    app.command()(simulate)


@guarded
def poll(
    driver: Annotated[str, typer.Option("--driver", help="Driver id, see `drivers`.")],
    unit: Annotated[int, typer.Option("--unit", min=0, max=247, help="Unit id of the meter.")],
    tcp: Annotated[str | None, typer.Option("--tcp", metavar="HOST:PORT")] = None,
    rtu: Annotated[str | None, typer.Option("--rtu", metavar="DEVICE")] = None,
    baud: Annotated[int, typer.Option("--baud", min=300, max=921_600)] = 9600,
    parity: Annotated[Parity, typer.Option("--parity")] = Parity.NONE,
    count: Annotated[int, typer.Option("--count", min=1, help="How many readings.")] = 1,
    interval_s: Annotated[float, typer.Option("--interval-s", min=0.2, max=3600)] = 1.0,
    timeout_s: Annotated[float, typer.Option("--timeout-s", min=0.05, max=30)] = 1.0,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a meter that belongs to no site. With --json one object per reading, a line each."""
    from energy_desktop.acquisition.profiles import ProfileLibrary
    from energy_desktop.acquisition.trial import poll_meter

    link = _link(tcp, rtu, baud, parity.value, timeout_s)
    folders = [drivers_folder(), site_folder(site).drivers]
    profile = ProfileLibrary(folders).get(driver)
    if not kind_info(link).takes(profile.protocol):
        raise WrongUse(
            where=f"poll --driver {driver}",
            what=f"This driver speaks {profile.protocol}, and --tcp and --rtu are Modbus.",
            remedy="Choose a Modbus driver, or try the meter in the window: Meters, Add meter.",
        )
    for snapshot in poll_meter(profile, link, unit, count=count, interval_s=interval_s):
        if as_json:
            sys.stdout.write(to_json(_as_object(snapshot)) + "\n")
            sys.stdout.flush()
        else:
            say(None, as_json=False, text=_as_text(snapshot))


def _link(tcp: str | None, rtu: str | None, baud: int, parity: str, timeout_s: float) -> Link:
    if (tcp is None) == (rtu is None):
        raise WrongUse(
            where="poll",
            what="It is not clear where the meter is.",
            remedy="Give either --tcp HOST:PORT or --rtu DEVICE.",
        )
    if rtu is not None:
        return Link(
            "poll",
            LinkKind.MODBUS_RTU,
            device=rtu,
            baud_rate=baud,
            parity=parity,
            timeout_s=timeout_s,
        )
    host, port = host_and_port(tcp or "")
    return Link("poll", LinkKind.MODBUS_TCP, host=host, port=port, timeout_s=timeout_s)


def host_and_port(text: str, default_port: int = 502) -> tuple[str, int]:
    """`host:port`, `host`, `[::1]:502`. Raises WrongUse."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(default_port)
    if not host or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise WrongUse(
            where=f"--tcp {text}",
            what="This is no address.",
            remedy="Write it as HOST:PORT, as in 192.168.1.20:502.",
        )
    return host.strip("[]"), int(port)


def _as_object(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "read_at_utc": iso_utc(snapshot.read_at_ms),
        "quality": Quality(snapshot.quality).name.lower(),
        "values": dict(zip(snapshot.layout.quantities, snapshot.values, strict=True)),
        "rejected": [asdict(r) for r in snapshot.rejected],
    }


def _as_text(snapshot: Snapshot) -> str:
    lines = [iso_utc(snapshot.read_at_ms)]
    for name, value in zip(snapshot.layout.quantities, snapshot.values, strict=True):
        shown = "–" if value != value else f"{value:,.3f}"
        lines.append(f"  {QUANTITIES[name].label:32} {shown:>18} {QUANTITIES[name].unit}")
    lines.extend(f"  rejected: {r.quantity} = {r.value}: {r.reason}" for r in snapshot.rejected)
    return "\n".join(lines)


@guarded
def simulate(
    tcp: Annotated[str | None, typer.Option("--tcp", metavar="HOST:PORT")] = None,
    rtu: Annotated[str | None, typer.Option("--rtu", metavar="DEVICE")] = None,
    scenario: Annotated[str, typer.Option("--scenario", metavar="NAME")] = "normal",
    for_s: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=0.1, help="Stop by itself.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the virtual site as real Modbus meters, for trying out and for training.

    --scenario cabinet serves nine meters instead, five of them with a fault to be found.
    """
    from energy_desktop.acquisition.profiles import ProfileLibrary
    from energy_desktop.acquisition.simulator.cabinet import VirtualCabinet
    from energy_desktop.acquisition.simulator.demo import open_demo_site
    from energy_desktop.acquisition.simulator.server import SimulatorServer
    from energy_desktop.acquisition.simulator.site import VirtualSite

    if tcp is None and rtu is None:
        raise WrongUse(
            where="simulate", what="No place to serve.", remedy="Give --tcp HOST:PORT or --rtu."
        )
    host, port = host_and_port(tcp) if tcp is not None else ("127.0.0.1", 0)
    now_ms = to_ms(system_clock())
    served: VirtualSite | VirtualCabinet
    if scenario == "cabinet":
        served = VirtualCabinet(host, port, now_ms)
    else:
        served = open_demo_site(None, host, port, now_ms)
        served.apply_scenario(scenario)
    configuration = served.configuration
    library = ProfileLibrary([drivers_folder()])
    server = SimulatorServer(served, library, host, port, rtu_device=rtu)
    server.start()
    try:
        units = [
            {"unit": m.unit_id, "meter": m.meter_id, "name": m.name, "driver": m.driver_id}
            for m in configuration.meters
        ]
        document = {"host": host, "port": server.port, "rtu": rtu, "units": units}
        lines = [f"  unit {u['unit']:>3}  {u['driver']:<22} {u['name']}" for u in units]
        say(
            document,
            as_json=as_json,
            text=f"Serving {len(units)} meters on {host}:{server.port}. Ctrl C ends it.\n"
            + "\n".join(lines),
        )
        ends = None if for_s is None else time.monotonic() + for_s
        while ends is None or time.monotonic() < ends:
            time.sleep(0.2 if ends is None else max(0.0, min(0.2, ends - time.monotonic())))
    except KeyboardInterrupt:
        return
    finally:
        server.stop()

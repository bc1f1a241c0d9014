"""Commands that talk to the wire and store nothing: poll, simulate, and the drivers for it."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from energy_desktop.app.commands import drivers
from energy_desktop.app.commands.common import (
    JsonOption,
    SiteOption,
    guarded,
    say,
    to_json,
)
from energy_desktop.app.commands.known_site import known_site
from energy_desktop.app.commands.link_options import (
    AddressOption,
    AskedLink,
    AtOption,
    BaudOption,
    FileOption,
    KindOption,
    LinkOption,
    ParityOption,
    PasswordOption,
    RtuOption,
    SetOption,
    StopBitsOption,
    TcpOption,
    TimeoutOption,
    UnitOption,
    ask_password,
    host_and_port,
    meter_of,
)
from energy_desktop.app.paths import drivers_folder
from energy_desktop.domain.clock import iso_utc, system_clock, to_ms
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.site import Meter
from energy_desktop.domain.snapshot import Quality, Snapshot


def register(app: typer.Typer) -> None:
    app.command()(poll)
    drivers.register(app)
    app.command()(simulate)


@guarded
def poll(
    meter: Annotated[
        str | None, typer.Argument(metavar="METER", help="Of the site; else give a link.")
    ] = None,
    driver: Annotated[str | None, typer.Option("--driver", help="See `drivers`.")] = None,
    unit: UnitOption = None,
    address: AddressOption = "",
    link: LinkOption = None,
    kind: KindOption = None,
    at: AtOption = None,
    tcp: TcpOption = None,
    rtu: RtuOption = None,
    baud: BaudOption = None,
    parity: ParityOption = None,
    stop_bits: StopBitsOption = 1,
    settings: SetOption = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many readings.")] = 1,
    interval_s: Annotated[
        float | None,
        typer.Option("--interval-s", min=0.2, max=3600, help="Else the meter's."),
    ] = None,
    timeout_s: TimeoutOption = 1.0,
    password: PasswordOption = False,
    file: FileOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a meter over any link, also one of no site. With --json an object a line.

    Nothing is stored. A meter that speaks by itself is waited for.
    """
    from energy_desktop.acquisition.single import read_meter

    more = tuple(settings or ())
    asked = AskedLink("poll", link, kind, at, tcp, rtu, baud, parity, timeout_s, more, stop_bits)
    if (meter is None) == (driver is None) or (meter is None) != asked.given:
        raise WrongUse(
            where="poll",
            what="It is not clear which meter is meant.",
            remedy="Name a meter of the site, or give a link, --driver, and --unit or --address.",
        )
    with known_site(site, file, needed=meter is not None or link is not None) as known:
        if meter is not None:
            wanted, over = meter_of(known.configuration, meter)
        else:
            over = asked.of(known.configuration)
            wanted = Meter("", "", driver or "", over.link_id, address=address)
        wanted = replace(
            wanted,
            unit_id=wanted.unit_id if unit is None else unit,
            poll_interval_s=interval_s or wanted.poll_interval_s,
        )
        secret = ask_password(over.address) if password else None
        snapshots = read_meter(
            known.library,
            wanted,
            over,
            count=count,
            password=known.password if secret is None else lambda _: secret or None,
        )
        for snapshot in snapshots:
            if as_json:
                sys.stdout.write(to_json(_as_object(snapshot)) + "\n")
                sys.stdout.flush()
            else:
                say(None, as_json=False, text=_as_text(snapshot))


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

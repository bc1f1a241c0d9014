"""`drivers`: the meter models that can be read, and the way to one that cannot yet."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energy_desktop.app.commands.common import (
    FAILED,
    JsonOption,
    SiteOption,
    complain,
    guarded,
    say,
    site_folder,
    table,
)
from energy_desktop.app.paths import drivers_folder
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.register_list import NUMBERINGS

if TYPE_CHECKING:
    from energy_desktop.acquisition.profiles import ProfileLibrary
    from energy_desktop.domain.driver import DriverInfo, RegisterView
    from energy_desktop.domain.register_list import RegisterList
    from energy_desktop.services.drivers import DriverService

_YIELDS = (
    ("power", ("power_w", "power_l", "power_dc")),
    ("voltage", ("voltage_",)),
    ("current", ("current_",)),
    ("power factor", ("power_factor",)),
    ("frequency", ("frequency_",)),
    ("reactive", ("reactive_power",)),
    ("apparent", ("apparent_power",)),
    ("import", ("energy_import",)),
    ("export", ("energy_export",)),
    ("total", ("energy_total",)),
    ("var hours", ("reactive_energy",)),
    ("THD", ("thd_",)),
    ("charge", ("soc_pct",)),
)

DriverArgument = Annotated[str, typer.Argument(metavar="DRIVER", help="Driver id, see `drivers`.")]


class WordOrder(Enum):
    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="List the meter models that can be read; show, copy, check or make drivers.",
        invoke_without_command=True,
    )
    group.callback()(drivers)
    group.command("show")(show)
    group.command("copy")(copy)
    group.command("from-list")(from_list)
    app.add_typer(group, name="drivers")


@guarded
def drivers(
    context: typer.Context,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Check one driver file.")
    ] = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the meter models that can be read, or check a driver file of your own."""
    if context.invoked_subcommand is not None:
        return
    if check is not None:
        _check(check, as_json)
        return
    library = _library(site)
    infos = library.drivers()
    document = {"drivers": [asdict(info) for info in infos]}
    rows = [
        (i.driver_id, i.manufacturer, _models(i), str(len(i.quantities)), _yields(i),
         ", ".join(i.controls), _marks(i))
        for i in infos
    ]  # fmt: skip
    headers = ("driver", "maker", "models", "values", "yields", "writes", "notes")
    say(document, as_json=as_json, text=lambda: table(headers, rows, frozenset({3})))
    errors = library.errors()
    for error in errors:
        complain(str(error))
    if errors:
        raise typer.Exit(FAILED)


@guarded
def show(driver: DriverArgument, site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Tell everything about one driver: its registers, doubts and writable points."""
    library = _library(site)
    profile = library.get(driver)
    registers = library.registers(driver)
    document: dict[str, Any] = {
        "driver": asdict(profile.info),
        "registers": [asdict(register) for register in registers],
        "points": [asdict(point) for point in profile.points],
        "controls": [asdict(control) for control in profile.controls],
    }

    def text() -> str:
        lines = list(_head(profile.info))
        if registers:
            lines += ["", _register_table(registers)]
        for point in profile.points:
            lines.append(f"  {point.quantity:30} {point.reference} {point.path}".rstrip())
        lines += [
            f"  writes {c.name}: address {c.address}, {c.low:g} to {c.high:g} {c.unit}".rstrip()
            for c in profile.controls
        ]
        return "\n".join(lines)

    say(document, as_json=as_json, text=text)


@guarded
def copy(
    driver: DriverArgument,
    new_id: Annotated[str, typer.Argument(metavar="NEW", help="Id of the copy: a-z, 0-9 and _.")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a driver into the site's folder under an id of its own, to be changed there."""
    service = _service(site)
    info = service.save(service.copy(driver, new_id))
    say(
        {"driver": info.driver_id, "file": info.file},
        as_json=as_json,
        text=f"{info.file} is there.",
    )


@guarded
def from_list(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The maker's register list: CSV or .xlsx.")
    ],
    driver_id: Annotated[str, typer.Option("--id", help="Id of the new driver.")],
    function: Annotated[
        int, typer.Option("--function", help="3 holding, 4 input: where the list does not say.")
    ] = 3,
    numbering: Annotated[
        str,
        typer.Option(
            "--numbering", help=f"How addresses are written: {', '.join(NUMBERINGS)}; else guessed."
        ),
    ] = "",
    word_order: Annotated[
        WordOrder, typer.Option("--word-order", help="Of values of more than one register.")
    ] = WordOrder.ABCD,
    value_format: Annotated[
        str, typer.Option("--format", help="Of rows without a type: float32, int16 ...")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what was understood; write nothing.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Make a driver of the site anew.")
    ] = False,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a driver of a maker's register list; every row is used or listed with its reason."""
    service = _service(site)
    listing = service.read_list(file, numbering=numbering, value_format=value_format)
    document: dict[str, Any] = {
        "numbering": listing.numbering,
        "decisions": list(listing.decisions),
        "registers": [asdict(row) for row in listing.usable],
        "left_out": [asdict(row) for row in listing.refused],
    }
    target = ""
    if not dry_run:
        text = service.from_list(
            listing, driver_id, function, word_order=word_order.value, replace=replace
        )
        target = service.save(text).file
    say(
        document | {"file": target},
        as_json=as_json,
        text=lambda: _understood(listing, target, function),
    )


def _check(file: Path, as_json: bool) -> None:
    from energy_desktop.acquisition.profiles import load_profile

    profile = load_profile(file)
    found = {
        "file": str(file),
        "driver": profile.driver_id,
        "quantities": list(profile.layout.quantities),
    }
    count = len(profile.registers) or len(profile.points)
    kind = "registers" if profile.registers else "values"
    say(found, as_json=as_json, text=f"{file}: good, {count} {kind} of {profile.driver_id}.")


def _library(site: Path | None) -> ProfileLibrary:
    from energy_desktop.acquisition.profiles import ProfileLibrary

    return ProfileLibrary([drivers_folder(), site_folder(site).drivers])


def _service(site: Path | None) -> DriverService:
    from energy_desktop.services.drivers import DriverService

    return DriverService(_library(site), site_folder(site).drivers)


def _yields(info: DriverInfo) -> str:
    kinds = [
        word for word, starts in _YIELDS if any(name.startswith(starts) for name in info.quantities)
    ]
    return ", ".join(kinds) or ", ".join(QUANTITIES[q].label.lower() for q in info.quantities[:4])


def _models(info: DriverInfo) -> str:
    """The first ones: some drivers fit ten models."""
    return ", ".join(info.models[:3]) + (" ..." if len(info.models) > 3 else "")


def _marks(info: DriverInfo) -> str:
    marks = [] if info.protocol == "modbus" else [info.protocol]
    if info.own:
        marks.append("own")
    if info.mid_marked:
        marks.append("MID")
    if info.doubts:
        marks.append("1 doubt" if len(info.doubts) == 1 else f"{len(info.doubts)} doubts")
    return ", ".join(marks)


def _head(info: DriverInfo) -> list[str]:
    lines = [
        f"{info.driver_id}: {info.manufacturer} {', '.join(info.models)}",
        f"  source        {info.source}",
        f"  protocol      {info.protocol}",
    ]
    if info.protocol == "modbus":
        line = f"{info.baud_rate} baud, 8{info.parity}{info.stop_bits}"
        lines.append(f"  serial line   {line} where there is one")
    lines += [
        f"  {word:13} {text}"
        for word, text in (("sign", info.sign_convention), ("transformers", info.transformers))
        if text
    ]
    lines += [f"  doubt         {doubt}" for doubt in info.doubts]
    return [*lines, f"  file          {info.file}"]


def _register_table(registers: tuple[RegisterView, ...]) -> str:
    rows = [
        (
            QUANTITIES[r.quantity].label, f"0x{r.address:04X}", str(r.address), r.manual_number,
            str(r.function), f"{r.value_format} {r.word_order}", f"{r.scale:g}",
            QUANTITIES[r.quantity].unit, "each poll" if r.every == 1 else f"each {r.every}th poll",
        )
        for r in registers
    ]  # fmt: skip
    headers = ("value", "address", "wire", "manual", "fn", "format", "scale", "unit", "read")
    return table(headers, rows, frozenset({2, 3, 4, 6}))


def _understood(listing: RegisterList, target: str, function: int) -> str:
    """function: of the rows for which the list does not say."""
    rows = [
        (str(r.number), r.name, QUANTITIES[r.quantity].label, str(r.address),
         str(r.function or function), r.value_format, f"{r.scale:g}", r.unit)
        for r in listing.usable
    ]  # fmt: skip
    headers = ("line", "name", "is", "wire", "fn", "format", "scale", "unit")
    lines = [*listing.decisions]
    if rows:
        lines += ["", table(headers, rows, frozenset({0, 3, 4, 6}))]
    if listing.refused:
        lines += ["", f"{len(listing.refused)} left out:"]
        lines += [f"  line {row.number}, {row.name}: {row.error}" for row in listing.refused]
    if target:
        lines += [
            "",
            f"{target} is there. Try it: energy-desktop poll --driver {Path(target).stem}",
        ]
    return "\n".join(lines)

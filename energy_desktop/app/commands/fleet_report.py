"""`fleet report`: a run as a PDF for managers."""

from pathlib import Path
from typing import Annotated

import typer

from energy_desktop.app.commands.common import JsonOption, guarded, say
from energy_desktop.app.commands.fleet import fleet
from energy_desktop.domain.errors import WrongUse


def register(_: typer.Typer) -> None:
    fleet.command("report")(report)


@guarded
def report(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of the results.")],
    target: Annotated[Path, typer.Option("--to", metavar="FILE", help="The PDF to write.")],
    year: Annotated[
        int | None, typer.Option("--year", help="One year of the run; default: the whole.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the PDF of a run: groups, trend, who is out of line, tariffs, data quality."""
    from energy_desktop.app.fleet_papers import fleet_papers
    from energy_desktop.services.fleet import FleetService

    data = fleet_papers(FleetService()).pdf(out, year=year)
    try:
        target.write_bytes(data)
    except OSError as error:
        raise WrongUse(
            where=str(target),
            what=f"The file cannot be written: {error.strerror or error}.",
            remedy="Name another folder, or close the program that has it open.",
        ) from error
    say({"file": str(target), "bytes": len(data)}, as_json=as_json, text=str(target))

"""All commands under one name. Each file beside this one adds the commands of its subject."""

from pathlib import Path
from typing import Annotated

import typer

from energy_desktop import __version__
from energy_desktop.app.commands import (
    analysis,
    balance,
    commissioning,
    decode,
    editing,
    encryption,
    exchanges,
    fleet,
    fleet_report,
    keeping,
    keys,
    paper,
    readings,
    running,
    site,
    wire,
)
from energy_desktop.app.commands.common import choose_site, guarded, site_folder, speak_utf8

app = typer.Typer(
    name="energy-desktop",
    help="Reads electricity meters, draws them live, bills, watches, forecasts and plans.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"energy-desktop {__version__}")
        raise typer.Exit(0)


@app.callback(invoke_without_command=True)
@guarded
def root(
    context: typer.Context,
    site_option: Annotated[
        Path | None,
        typer.Option("--site", metavar="FOLDER", help="The site's data folder."),
    ] = None,
    selftest: Annotated[
        bool, typer.Option("--selftest", help="Check this installation end to end, then exit.")
    ] = False,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Without a command: opens the window."""
    speak_utf8()
    choose_site(site_option)
    if selftest:
        from energy_desktop.app.selftest import selftest as run_selftest

        raise typer.Exit(run_selftest())
    if context.invoked_subcommand is None:
        from energy_desktop.app.desktop import open_window

        raise typer.Exit(open_window(site_folder(None)))


for subject in (
    running,
    wire,
    commissioning,
    decode,
    site,
    readings,
    editing,
    exchanges,
    analysis,
    balance,
    paper,
    keeping,
    encryption,
    fleet,
    fleet_report,
    keys,
):
    subject.register(app)

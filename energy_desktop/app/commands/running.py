"""Commands that run the program for a while: window, run, serve."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from energy_desktop.app.commands.common import JsonOption, SiteOption, guarded, say, site_folder
from energy_desktop.app.logging_setup import log_to
from energy_desktop.app.paths import SiteFolder, default_site_folder
from energy_desktop.domain.snapshot import LinkState


def register(app: typer.Typer) -> None:
    app.command()(window)
    app.command()(run)
    app.command()(serve)


def has_display() -> bool:
    """Whether a window could be seen by someone."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@guarded
def window(
    site: SiteOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Make an empty site the demo site.")] = False,
) -> None:
    """Open the window on the site."""
    from energy_desktop.app.desktop import open_window

    raise typer.Exit(open_window(site_folder(site), demo=demo))


@guarded
def run(
    site: SiteOption = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER")] = Path("out"),
    seconds: Annotated[
        float, typer.Option("--for", metavar="SECONDS", min=2, help="Without a display: how long.")
    ] = 60.0,
) -> None:
    """Open the window on the demo site; without a display do its main job once and write it out."""
    folder = SiteFolder(site) if site is not None else demo_folder()
    if has_display():
        from energy_desktop.app.desktop import open_window

        raise typer.Exit(open_window(folder, demo=True))
    from energy_desktop.app.headless import main_job

    raise typer.Exit(main_job(folder, out, seconds))


def demo_folder() -> SiteFolder:
    """Beside the user's own site, never inside it."""
    own = site_folder(None).root
    return SiteFolder(own if own != default_site_folder() else own.parent / "demo")


@guarded
def serve(
    site: SiteOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Make an empty site the demo site.")] = False,
    for_s: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=0.1, help="Stop by itself.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Poll, store and watch without a window, until Ctrl C or for some seconds."""
    from energy_desktop.app.engine import Engine

    folder = site_folder(site)
    folder.make()
    log_to(folder.log)
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, ask_to_stop)

    def progress(_fraction: float, doing: str) -> None:
        if not as_json:
            sys.stderr.write(f"{doing}\n")

    engine = Engine(folder, demo=demo)
    try:
        engine.start(progress)
        if not as_json:
            say(None, as_json=False, text=f"Polling {folder.root}. Ctrl C ends it.")
        stop.wait(for_s)
        statuses = engine.field.statuses()
    finally:
        engine.stop()
    good = sum(s.state in (LinkState.GOOD, LinkState.LATE) for s in statuses.values())
    polls = sum(s.polls for s in statuses.values())
    document = {
        "site": str(folder.root),
        "meters": len(statuses),
        "answering": good,
        "polls": polls,
        "failures": sum(s.failures for s in statuses.values()),
        "skipped_slots": sum(s.skipped_slots for s in statuses.values()),
        "alarms_active": sum(alarm.is_active for alarm in engine.alarms.current()),
    }
    say(
        document,
        as_json=as_json,
        text=f"{good} of {len(statuses)} meters answering, {polls} polls. Stopped cleanly.",
    )

"""What a fleet's sentences advise, for somebody who sits before the window.

The same failure is told by the command and by the window. Its sentence names an option of the
command (`--unit`) where there is one; here stands what that is called on this page, so that nobody
is sent to a command line to press a button.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.ports import ProgressSink

R = TypeVar("R")

_OPTIONS = {
    "--household-column": "“Household” in the form",
    "--time-column": "“Time” in the form",
    "--value-column": "“Value” in the form",
    "--tariff-column": "“Tariff” in the form",
    "--unit": "“Unit of the values” in the form",
    "--step-min": "“Step of the readings” in the form",
    "--zone": "“Clock of the days” in the form",
    "--master": "“Master of Spark” in the form",
    "--replace": "tick “Replace the results that are there”",
}
"""Options in brackets behind what they are for; another one goes with its brackets."""

_SENTENCES = {
    "give the same command again": "run it again",
    "Make one with `energy-desktop fleet run FOLDER --out FOLDER`.": (
        "Choose the folder that a run has written, or make one with “Run”."
    ),
    "Its data quality names what is wrong with each file (fleet show --quality).": (
        "Take other files, or say how they are read: the form of “Run” names what is wrong."
    ),
    "`energy-desktop fleet show OUT --households`": "“Segments”",
    "`energy-desktop fleet show OUT --anomalies`": "“Anomalies”",
    "use --engine duckdb": "choose “This PC”",
    "Name its folder with --site.": "Open one, then try again.",
}
_OPTION = re.compile(r" ?\([a-z ]*(--[a-z-]+)\)")


def told_in_window(work: Callable[[ProgressSink], R]) -> Callable[[ProgressSink], R]:
    """The same work, whose failures advise in the words of the window."""

    def told(progress: ProgressSink) -> R:
        try:
            return work(progress)
        except UserFacingError as error:
            error.what, error.remedy = in_window(error.what), in_window(error.remedy)
            raise

    return told


def in_window(text: str) -> str:
    """The same advice in the words of the window; other texts stay as they are."""
    for said, here in _SENTENCES.items():
        text = text.replace(said, here)
    return _OPTION.sub(lambda found: _named(found[1]), text)


def _named(option: str) -> str:
    return f" ({_OPTIONS[option]})" if option in _OPTIONS else ""

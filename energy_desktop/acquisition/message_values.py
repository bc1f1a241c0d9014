"""From an MQTT message to numbers: where in the message a value stands, and when it was read.

A path is names and positions with dots between them: `ENERGY.Power`, `emeters.0.power`; a name that
has a dot itself stands in quotes: `"aenergy:0".total`. Empty: the message is the value.
"""

import json
import math
import re
from datetime import datetime
from typing import Any

LONGEST_MESSAGE = 262_144
TIME_NAMES = ("ts", "timestamp", "time", "Time", "last_seen")
"""Where devices write when they measured, at the top of their message."""

_STEP = re.compile(r'"([^"]*)"|([^."]+)')
_SECONDS = (1e9, 1e10)  # 2001 to 2286
_MILLISECONDS = (1e12, 1e13)


class MessageRefused(Exception):
    """Why a message is no reading, as a clause."""


def parse_path(path: str) -> tuple[str, ...]:
    """The steps of a path; () for the whole message."""
    return tuple(quoted or plain for quoted, plain in _STEP.findall(path))


def parse_message(payload: bytes) -> Any:
    """The JSON value of a message. Raises MessageRefused."""
    if len(payload) > LONGEST_MESSAGE:
        raise MessageRefused(f"it is {len(payload)} bytes long.")
    try:
        return json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise MessageRefused(f"it is no JSON: {str(error)[:80]}.") from None


def value_at(message: Any, steps: tuple[str, ...]) -> float | None:
    """The number at a path; a number written as text counts. None: there is none."""
    for step in steps:
        if isinstance(message, dict):
            message = message.get(step)
        elif isinstance(message, list) and step.isdigit() and int(step) < len(message):
            message = message[int(step)]
        else:
            return None
    if isinstance(message, bool) or not isinstance(message, int | float | str):
        return None
    try:
        number = float(message)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def time_of(message: Any) -> int | None:
    """UTC epoch ms that the message itself states; None: it states none.

    A text without a zone is none: the device's local time cannot be known here.
    """
    if not isinstance(message, dict):
        return None
    for name in TIME_NAMES:
        given = message.get(name)
        if isinstance(given, str):
            try:
                moment = datetime.fromisoformat(given)
            except ValueError:
                continue
            if moment.tzinfo is not None:
                return round(moment.timestamp() * 1000)
        elif isinstance(given, int | float) and not isinstance(given, bool):
            if _SECONDS[0] <= given < _SECONDS[1]:
                return round(given * 1000)
            if _MILLISECONDS[0] <= given < _MILLISECONDS[1]:
                return round(given)
    return None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")

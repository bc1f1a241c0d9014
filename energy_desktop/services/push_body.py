"""The body that sensors post: its fields, declared once, and a sentence for each mistake in it.

Each reading of an array is judged for itself: a sensor that was offline sends hundreds at once,
and one of them that is spoilt must not cost it the others.

The documentation page, the answer of /api/hardware/config and the check all read FIELDS. Values
are JSON numbers and nothing else: a text that looks like a number is a sensor whose maker did not
mean what he sent, and a missing value is left out, never 0.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from energy_desktop.domain.clock import to_ms

MOST_READINGS = 2_000
_MOST_VALUES = 64
_LONGEST_FACILITY = 64
_LONGEST_NAME = 100
_NAMES = re.compile(r"[ -~]{1,200}")
_FIRST_MS = 100_000_000_000  # smaller numbers are seconds: in ms it would be 1973
_LAST_MS = 253_402_300_799_000  # the year 9999


class BodyRefused(Exception):
    """What is wrong with the body or with one reading of it, as a sentence, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class PushField:
    """A value of the body. Which quantity it becomes is said by the meter's driver."""

    name: str
    unit: str
    meaning: str
    required: bool = False


FIELDS = (
    PushField("energy_produced", "kWh", "Counter of the energy produced, ever rising.", True),
    PushField("energy_consumed", "kWh", "Counter of the energy consumed, ever rising.", True),
    PushField("current_load", "%", "Load now, of what the connection can carry.", True),
    PushField("voltage", "V", "Voltage."),
    PushField("current", "A", "Current of all phases together."),
    PushField("current1", "A", "Current of phase 1."),
    PushField("current2", "A", "Current of phase 2."),
    PushField("current3", "A", "Current of phase 3."),
    PushField("frequency", "Hz", "Mains frequency."),
    PushField("power_factor", "", "Power factor, -1 to 1."),
)
"""More numbers may be sent: a driver of one's own can give them a quantity."""

_NO_VALUES = frozenset({"facility_id", "timestamp", "idempotency_key"})
FIELD_NAMES = frozenset(field.name for field in FIELDS) | _NO_VALUES
_REQUIRED = tuple(field.name for field in FIELDS if field.required)
_UNITS = {field.name: field.unit for field in FIELDS}


@dataclass(frozen=True, slots=True)
class Posted:
    """One reading as it was sent. read_at_ms None: it bears no time of its own."""

    values: Mapping[str, float]
    facility: str = ""
    read_at_ms: int | None = None


def read_body(
    body: bytes, idempotency_key: str = ""
) -> tuple[tuple[Posted | BodyRefused, ...], str]:
    """The readings of a request, or why one is none, and its idempotency key ("" without one).

    A reading, an array of readings, or an object with `readings` and perhaps `idempotency_key`.
    Raises BodyRefused for a body that is none of these; then nothing of it may be used.
    """
    document = _json(body)
    named = idempotency_key
    if isinstance(document, dict):
        named = named or document.get("idempotency_key") or ""
        items = document.get("readings", [document])
    else:
        items = document
    alone = isinstance(document, dict) and "readings" not in document
    if not isinstance(items, list):
        raise BodyRefused(
            "It is neither a reading nor an array of readings.",
            'Send {"energy_produced": 0, "energy_consumed": 62.3, "current_load": 35.8}.',
        )
    if not items:
        raise BodyRefused("It holds no reading.", "Send at least one.")
    if len(items) > MOST_READINGS:
        raise BodyRefused(
            f"It holds {len(items)} readings.", f"Send at most {MOST_READINGS} at a time."
        )
    if named and not (isinstance(named, str) and _NAMES.fullmatch(named)):
        raise BodyRefused(
            "The idempotency key is no text of 1 to 200 printable characters.",
            "Send a random one, as a UUID is.",
        )
    if alone:
        return (_posted(document),), named
    return tuple(map(_posted_or_refused, items)), named


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_NoNumber)
    except UnicodeDecodeError:
        raise BodyRefused("It is no UTF-8 text.", "Send JSON in UTF-8.") from None
    except RecursionError:
        raise BodyRefused("It is nested too deeply.", "Send a flat object.") from None
    except json.JSONDecodeError as error:
        raise BodyRefused(
            f"It is no JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            "Send application/json.",
        ) from None
    except ValueError:
        # An integer of thousands of digits: Python refuses to read it.
        raise BodyRefused("It holds a number without end.", "Send numbers of few digits.") from None


class _NoNumber:
    """NaN or Infinity, which are no JSON: of the one reading that holds it, not of all."""

    def __init__(self, name: str) -> None:
        self.name = name


def _posted_or_refused(item: Any) -> Posted | BodyRefused:
    try:
        return _posted(item)
    except BodyRefused as refusal:
        return refusal


def _posted(item: Any) -> Posted:
    if not isinstance(item, dict):
        raise BodyRefused("It is no object with values.", "Send an object per reading.")
    missing = [name for name in _REQUIRED if item.get(name) is None]
    if missing:
        raise BodyRefused(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.",
            f"Send {', '.join(_REQUIRED)}; the others are optional.",
        )
    values = {}
    for name, value in item.items():
        if name in _NO_VALUES or value is None:
            continue
        if not isinstance(value, int | float) or isinstance(value, bool):
            if name not in _UNITS:
                continue  # a note of the sensor for others: the driver could not use it either
            unit = f" in {_UNITS[name]}" if _UNITS[name] else ""
            raise BodyRefused(
                f"{name} is {_shown(value)}, which is no number.",
                f"Send a number{unit}, without quotes; leave out what is not available.",
            )
        if len(name) > _LONGEST_NAME or not name.isprintable():
            # It comes back in answers, where it must be text and short.
            raise BodyRefused(
                f"a value has the name {_shown(name)}.",
                f"Name values in up to {_LONGEST_NAME} printable characters.",
            )
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise BodyRefused(f"{name} is beyond every number.", "Leave it out.")
        values[name] = number
    if len(values) > _MOST_VALUES:
        raise BodyRefused(f"It holds {len(values)} values.", f"At most {_MOST_VALUES}.")
    return Posted(values, _facility(item), _time(item))


def _facility(item: dict[str, Any]) -> str:
    given = item.get("facility_id")
    if given is None:
        return ""
    text = str(given).strip() if isinstance(given, str | int) else ""
    if isinstance(given, bool) or not 0 < len(text) <= _LONGEST_FACILITY or not text.isprintable():
        raise BodyRefused(
            f"facility_id is {_shown(given)}.",
            f"Send a number or a name of up to {_LONGEST_FACILITY} characters, or leave it out.",
        )
    return text


def _time(item: dict[str, Any]) -> int | None:
    given = item.get("timestamp")
    if given is None:
        return None
    remedy = "Write it as 2026-03-01T12:00:00Z, or as seconds since 1970."
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise BodyRefused(f"timestamp is {_shown(given)}.", remedy)
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given.strip())
        except ValueError:
            raise BodyRefused(f"timestamp is {_shown(given)}.", remedy) from None
        if moment.tzinfo is None:
            # Taken for UTC it might be hours off, and nobody would notice.
            raise BodyRefused(f"timestamp {_shown(given)} has no zone.", remedy)
        ms: float = to_ms(moment)
    else:
        ms = given * 1000 if abs(given) < _FIRST_MS else given
    if not 0 <= ms <= _LAST_MS:  # NaN is in no range
        raise BodyRefused(f"timestamp is {_shown(given)}.", remedy)
    return round(ms)


def _shown(value: Any) -> str:
    """A value as it may be repeated in an answer: short, and without what a screen obeys."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    if isinstance(value, _NoNumber):
        return value.name
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 40 else f"{text[:36]}…"

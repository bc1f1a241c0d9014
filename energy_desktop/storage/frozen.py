"""Domain values as canonical JSON and back.

An issued invoice is kept as text that must read the same in ten years, and be the same text each
time it is made of the same value: keys sorted, no spaces, decimals and dates as strings. The types
come from the dataclasses themselves; nothing is ever unpickled.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def canonical(value: Any) -> str:
    """The one JSON text of a domain value."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def revive(kind: type[T], text: str) -> T:
    """The value of type `kind` that `canonical` made `text` of.

    Raises ValueError, TypeError or KeyError for a text that is none.
    """
    return cast(T, _typed(kind, json.loads(text)))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Decimal):
        # Decimal("0.30") and Decimal("0.3") are one price.
        return format(value.normalize(), "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.init}
    raise TypeError(f"{type(value).__name__} has no canonical form")


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind) if f.init}


def _typed(kind: Any, plain: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        if plain is None:
            return None
        return _typed(next(a for a in get_args(kind) if a is not NoneType), plain)
    if origin is tuple:
        items = get_args(kind)
        if len(items) == 2 and items[1] is Ellipsis:
            return tuple(_typed(items[0], item) for item in plain)
        return tuple(_typed(item, part) for item, part in zip(items, plain, strict=True))
    if origin is dict:
        return {key: _typed(get_args(kind)[1], item) for key, item in plain.items()}
    if is_dataclass(kind):
        hints = _hints(cast(type, kind))
        # A field that was added later takes its default.
        return cast(Any, kind)(**{n: _typed(h, plain[n]) for n, h in hints.items() if n in plain})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(plain)
    if kind is Decimal:
        return Decimal(plain)
    if kind is date:
        return date.fromisoformat(plain)
    if kind is float:
        return float(plain)
    return plain

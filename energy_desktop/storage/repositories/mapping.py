"""Rows to domain values and back, field by field.

A row's attributes have the names of its domain value's fields, and its column types give the
domain's own types, so one function serves every table.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.init)


def to_domain(kind: type[T], row: Any) -> T:
    anything: Any = kind
    value = anything(**{name: getattr(row, name) for name in _names(anything)})
    return cast(T, value)


def columns_of(value: Any) -> dict[str, Any]:
    anything: Any = type(value)
    return {name: getattr(value, name) for name in _names(anything)}

"""Column types that keep what SQLite would lose.

SQLite's NUMERIC is a float and swallows digits without a word, so money is an integer of 1e-4
currency units; enumerations are their values, dates ISO text, tuples JSON. A column gives back
the domain's own type, so that a row becomes a domain value field by field.
"""

from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Dialect, Float, Integer, String, Text
from sqlalchemy.types import TypeDecorator

from energy_desktop.domain.money import to_decimal, to_units
from energy_desktop.storage.frozen import canonical, revive

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

EpochMs = BigInteger
RowId = BigInteger().with_variant(Integer, "sqlite")
"""A primary key that SQLite takes for its row id and PostgreSQL counts in 64 bits."""


class Price(TypeDecorator[Decimal]):
    """A Decimal of at most four decimals as an integer of 1e-4. More decimals: ValueError."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: Dialect) -> int | None:
        return None if value is None else to_units(value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> Decimal | None:
        return None if value is None else to_decimal(value)


class Choice(TypeDecorator[E], Generic[E]):
    """An Enum with text values."""

    impl = String(40)
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: E | None, _dialect: Dialect) -> str | None:
        return None if value is None else str(value.value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> E | None:
        return None if value is None else self.kind(value)


class Rank(TypeDecorator[E], Generic[E]):
    """An IntEnum, kept as its number."""

    impl = Integer
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: E | None, _dialect: Dialect) -> int | None:
        return None if value is None else int(value.value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> E | None:
        return None if value is None else self.kind(value)


class Day(TypeDecorator[date]):
    """A local date, ISO text that sorts as it should."""

    impl = String(10)
    cache_ok = True

    def process_bind_param(self, value: date | None, _dialect: Dialect) -> str | None:
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> date | None:
        return None if value is None else date.fromisoformat(value)


class Texts(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, _dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(list(value), ensure_ascii=False)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(json.loads(value))


class Pairs(TypeDecorator[tuple[tuple[str, str], ...]]):
    """Named texts as a JSON object, in the order of their names."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self, value: tuple[tuple[str, str], ...] | None, _dialect: Dialect
    ) -> str | None:
        if value is None:
            return None
        return json.dumps(dict(sorted(value)), ensure_ascii=False)

    def process_result_value(
        self, value: str | None, _dialect: Dialect
    ) -> tuple[tuple[str, str], ...] | None:
        return None if value is None else tuple(sorted(json.loads(value).items()))


class Factors(TypeDecorator[tuple[tuple[str, float], ...]]):
    """Named numbers in their order, as a JSON list of pairs."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self, value: tuple[tuple[str, float], ...] | None, _dialect: Dialect
    ) -> str | None:
        return None if value is None else json.dumps([list(pair) for pair in value])

    def process_result_value(
        self, value: str | None, _dialect: Dialect
    ) -> tuple[tuple[str, float], ...] | None:
        if value is None:
            return None
        return tuple((str(name), float(factor)) for name, factor in json.loads(value))


class Frozen(TypeDecorator[T], Generic[T]):
    """A whole domain value as canonical JSON, for what is kept as it was on that day."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[T]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: T | None, _dialect: Dialect) -> str | None:
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> T | None:
        return None if value is None else revive(self.kind, value)


class Measured(TypeDecorator[float]):
    """A float whose NaN survives: SQLite stores NaN as NULL."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, _dialect: Dialect) -> Any:
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> float:
        return math.nan if value is None else float(value)

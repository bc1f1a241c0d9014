"""An invoice as one canonical text: what the store keeps and what its hash is taken of.

Canonical means that equal invoices give equal bytes: keys sorted, no spaces, decimals without
trailing zeros (0.30 from a file and 0.3 from a database are one price). The evidence is written
as rows, because a month of quarter hours with its field names would be three times as long.

Two texts are told apart. `invoice_to_json` holds everything. `content_bytes` leaves out what
issuing adds (status, number, date, hash), so that a draft and the invoice made of it have the same
hash: whether a new draft still says what was issued is one comparison.

A field that a later version added (its metadata say `since`) is written only where it says
something, so that what an earlier version issued keeps its bytes and its hash.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from energy_desktop.domain.errors import InvoiceError
from energy_desktop.domain.invoice import EvidenceInterval, Invoice

FORMAT = 1
_ADDED_BY_ISSUING = ("status", "number", "issued_at_ms", "content_sha256")


def invoice_to_json(invoice: Invoice) -> str:
    """The whole invoice as canonical JSON text; `invoice_from_json` gives an equal value back."""
    return _dumps({"format": FORMAT, **_encode(invoice)})


def invoice_from_json(text: str) -> Invoice:
    """The inverse. Raises InvoiceError when the text is damaged or of a newer program version."""
    try:
        raw = json.loads(text)
        version = raw.pop("format")
    except (ValueError, KeyError, AttributeError) as error:
        raise _unreadable(f"it is damaged ({error}).") from error
    if version != FORMAT:
        raise InvoiceError(
            where="Stored invoice",
            what=f"it has format {version}, this program knows format {FORMAT}.",
            remedy="Open the site with the newer version of the program that wrote it.",
        )
    try:
        invoice = _decode(Invoice, raw)
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise _unreadable(f"it is damaged ({error}).") from error
    assert isinstance(invoice, Invoice)
    return invoice


def content_bytes(invoice: Invoice) -> bytes:
    """Canonical UTF-8 of what is billed: equal for a draft and the invoice issued from it."""
    content = _encode(invoice)
    for name in _ADDED_BY_ISSUING:
        del content[name]
    return _dumps({"format": FORMAT, **content}).encode()


def content_sha256(invoice: Invoice) -> str:
    """64 hexadecimal digits over `content_bytes`."""
    return hashlib.sha256(content_bytes(invoice)).hexdigest()


def with_content_hash(invoice: Invoice) -> Invoice:
    return replace(invoice, content_sha256=content_sha256(invoice))


def _unreadable(what: str) -> InvoiceError:
    return InvoiceError(
        where="Stored invoice", what=what, remedy="Restore the site from its last good backup."
    )


def _dumps(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _encode(value: Any) -> Any:
    if value is None or type(value) in (int, str, bool, float):
        return value
    if isinstance(value, EvidenceInterval):
        return [
            value.meter_id,
            value.start_ms,
            value.step_s,
            value.energy_wh,
            value.quality.value,
        ]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        # normalize() alone would write 1E+1; adding zero turns -0 into 0.
        return format(value.normalize() + 0, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {
            name: _encode(_as_declared(getattr(value, name), hint))
            for name, hint in _hints(type(value)).items()
            if (name, getattr(value, name)) not in _added_later(type(value))
        }
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _as_declared(value: Any, hint: Any) -> Any:
    # 230 and 230.0 are equal volts, so they must be equal text.
    return float(value) if type(value) is int and hint in (float, float | None) else value


@cache
def _added_later(kind: type) -> tuple[tuple[str, Any], ...]:
    """Fields that earlier versions did not have, with the value that says nothing."""
    return tuple((f.name, f.default) for f in fields(kind) if "since" in f.metadata)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _decode(kind: Any, raw: Any) -> Any:
    if isinstance(kind, types.UnionType):
        return None if raw is None else _decode(typing.get_args(kind)[0], raw)
    if typing.get_origin(kind) is tuple:
        return _decode_tuple(typing.get_args(kind), raw)
    if kind is EvidenceInterval and isinstance(raw, list):
        raw = dict(zip(_hints(EvidenceInterval), raw, strict=True))
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        if unknown := raw.keys() - hints.keys():
            raise ValueError(f"{kind.__name__} has no field {sorted(unknown)[0]}")
        return kind(**{name: _decode(hints[name], item) for name, item in raw.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(raw)
    if kind is Decimal:
        return Decimal(raw)
    if kind is date:
        return date.fromisoformat(raw)
    if kind is float and type(raw) is int:
        return float(raw)
    if type(raw) is not kind:
        raise ValueError(f"{raw!r} is no {kind.__name__}")
    return raw


def _decode_tuple(items: tuple[Any, ...], raw: Any) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        raise ValueError(f"{raw!r} is no list")
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_decode(items[0], item) for item in raw)
    return tuple(_decode(kind, item) for kind, item in zip(items, raw, strict=True))

"""What a telegram says, whatever its protocol, and how one is refused.

A telegram is taken whole or not at all: a checksum that does not verify, a cut end or a line that
cannot be read makes it no reading. What cannot be named for certain is listed as an entry, so that
a person sees it, but is never given a quantity.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from energy_desktop.domain.bus import BusError
from energy_desktop.domain.errors import MeterAnswerWrong
from energy_desktop.domain.quantities import quantity as quantity_row


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a telegram as the meter sent it.

    code: how the protocol writes it ("1-0:1.8.0*255", or DIF and VIF bytes as "8C1004").
    key: how a driver refers to it ("1.8.0", "energy.t1"). value: the number in `unit`, as sent;
    None when it is no number or the meter marks it as not available. text: what was sent, or what
    it means in words. quantity: where its value went; empty: nowhere.
    """

    code: str
    key: str
    value: float | None
    unit: str
    text: str
    quantity: str = ""


@dataclass(frozen=True, slots=True)
class Telegram:
    """values: by the names of domain/quantities.py, in their units, grid > 0 imports.

    identity: what a meter's address is compared with; empty when the telegram names none.
    aliases: other writings of it. time_ms: UTC epoch ms of the meter's clock; None where it sends
    no time or one without a time zone. wall_time: that one, naive. checked: False when the protocol
    has no checksum here.
    """

    protocol: str
    identity: str
    time_ms: int | None
    values: dict[str, float]
    entries: tuple[Entry, ...]
    manufacturer: str = ""
    medium: str = ""
    aliases: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    checked: bool = True
    wall_time: datetime | None = None

    def entry(self, key: str) -> Entry | None:
        """The first entry that a driver means by `key` (or by its full code)."""
        return next((e for e in self.entries if key in (e.key, e.code)), None)


class TelegramRefused(MeterAnswerWrong):
    """Bytes that are no reading. fragment: the recording or stream began or ended within it."""

    def __init__(
        self,
        *,
        where: str,
        what: str,
        remedy: str,
        error: BusError = BusError.GARBAGE,
        fragment: bool = False,
    ) -> None:
        super().__init__(where=where, what=what, remedy=remedy)
        self.error = error
        self.fragment = fragment


_REMEDIES = {
    BusError.CHECKSUM: "Check the line, the optical head and its seat.",
    BusError.SHORT_ANSWER: "Record or wait for a whole telegram.",
    BusError.EXCEPTION: "Look at the meter's display.",
}


def refuse(
    where: str, what: str, error: BusError, remedy: str = "", *, fragment: bool = False
) -> TelegramRefused:
    """The refusal with the remedy that belongs to its kind unless one is given."""
    standard = _REMEDIES.get(error, "Check the protocol, the baud rate and the parity.")
    return TelegramRefused(
        where=where, what=what, remedy=remedy or standard, error=error, fragment=fragment
    )


class Framer(Protocol):
    """Cuts a stream into telegrams. Keeps at most one telegram's worth of bytes."""

    def feed(self, data: bytes) -> list[bytes | TelegramRefused]:
        """Whole frames in order, and refusals for what was cut or cannot be one."""
        ...

    def pause(self) -> list[bytes | TelegramRefused]:
        """The line is silent: what was held back because more might have followed."""
        ...

    def finish(self) -> list[bytes | TelegramRefused]:
        """The stream ends: what is left over is a fragment."""
        ...


# Units

_JOULE = Fraction(1, 3600)
_UNITS: Mapping[str, tuple[str, Fraction]] = {
    "Wh": ("Wh", Fraction(1)),
    "kWh": ("Wh", Fraction(1000)),
    "MWh": ("Wh", Fraction(10**6)),
    "GWh": ("Wh", Fraction(10**9)),
    "J": ("Wh", _JOULE),
    "kJ": ("Wh", 1000 * _JOULE),
    "MJ": ("Wh", 10**6 * _JOULE),
    "GJ": ("Wh", 10**9 * _JOULE),
    "W": ("W", Fraction(1)),
    "kW": ("W", Fraction(1000)),
    "MW": ("W", Fraction(10**6)),
    "J/h": ("W", _JOULE),
    "var": ("var", Fraction(1)),
    "kvar": ("var", Fraction(1000)),
    "varh": ("varh", Fraction(1)),
    "kvarh": ("varh", Fraction(1000)),
    "Mvarh": ("varh", Fraction(10**6)),
    "VA": ("VA", Fraction(1)),
    "kVA": ("VA", Fraction(1000)),
    "VAh": ("VAh", Fraction(1)),
    "kVAh": ("VAh", Fraction(1000)),
    "V": ("V", Fraction(1)),
    "mV": ("V", Fraction(1, 1000)),
    "kV": ("V", Fraction(1000)),
    "A": ("A", Fraction(1)),
    "mA": ("A", Fraction(1, 1000)),
    "kA": ("A", Fraction(1000)),
    "Hz": ("Hz", Fraction(1)),
    "°": ("°", Fraction(1)),
    "deg": ("°", Fraction(1)),
    "%": ("%", Fraction(1)),
    "°C": ("°C", Fraction(1)),
    "C": ("°C", Fraction(1)),
    "K": ("K", Fraction(1)),
    "m3": ("m³", Fraction(1)),
    "m³": ("m³", Fraction(1)),
    "l": ("m³", Fraction(1, 1000)),
    "m3/h": ("m³/h", Fraction(1)),
    "m³/h": ("m³/h", Fraction(1)),
    "l/h": ("m³/h", Fraction(1, 1000)),
    "s": ("s", Fraction(1)),
    "min": ("s", Fraction(60)),
    "h": ("s", Fraction(3600)),
    "d": ("s", Fraction(86_400)),
}
_BY_LOWER = {name.lower(): row for name, row in _UNITS.items() if name[0] not in "mM"}


def to_quantity(value: Fraction, unit: str, quantity: str) -> float | None:
    """`value` of the telegram's own unit in the unit of `quantity`; None where they do not fit.

    A unit is read as it is written; in another case only when it cannot be mistaken (KWH, but
    never mW for MW).
    """
    wanted = quantity_row(quantity).unit
    if not unit:
        return float(value) if not wanted else None
    row = _UNITS.get(unit) or _BY_LOWER.get(unit.lower())
    if row is None or row[0] != wanted:
        return None
    return float(value * row[1])


@dataclass(slots=True)
class Collected:
    """Values while a telegram is read: a quantity said twice with two values is said by none."""

    values: dict[str, float] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)

    def put(self, name: str, value: float) -> None:
        if self.values.setdefault(name, value) != value:
            self.unclear.add(name)

    def settle(self) -> tuple[dict[str, float], tuple[str, ...]]:
        """The values that are clear, and a remark for each that is not."""
        kept = {name: v for name, v in self.values.items() if name not in self.unclear}
        return kept, tuple(
            f"{name} is sent twice with different values: neither is taken."
            for name in sorted(self.unclear)
        )

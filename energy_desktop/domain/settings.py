"""Settings, each declared once: label, meaning, unit, range and default.

The page draws itself from these declarations, the service checks with them, and the reader of a
site file takes its ranges from them, so the three cannot disagree. The default of a site fact is
the one of `Site` itself.

A value is entered as text. `Declared.read` makes it a value of the domain in stored units or says
in one sentence what is wrong; `Declared.write` is its inverse.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from energy_desktop.domain.site import Site

LONGEST_TEXT = 400  # as in a site file
_MOST_LINES = 6
_CODE = re.compile(r"[A-Z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_SUBDIVISION = re.compile(r"[A-Z0-9]{0,3}")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


class BadSetting(ValueError):
    """What was entered cannot be that setting; the text is a sentence for beside the field."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A setting. Range and default are in stored units; shown = stored / per_shown.

    parse takes the stripped text and gives the value; it raises BadSetting. choices: (value,
    label), when only these are possible.
    """

    name: str
    label: str
    help: str
    parse: Callable[[Declared, str], Any] = field(compare=False)
    default: Any = None  # None with `required`: there is none
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    per_shown: float = 1.0
    decimals: int = 2
    required: bool = False
    many_lines: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    group: str = ""

    def read(self, text: str) -> Any:
        """The value in stored units. Raises BadSetting."""
        return self.parse(self, text.strip())

    def write(self, value: Any) -> str:
        """The text that `read` makes `value` of; empty for nothing."""
        if value is None:
            return ""
        if isinstance(value, tuple):
            return "\n".join(value)
        if isinstance(value, Decimal):
            return f"{value:.{self.decimals}f}"
        if isinstance(value, int | float):
            shown = f"{value / self.per_shown:.{self.decimals}f}"
            return shown.rstrip("0").rstrip(".") if "." in shown else shown
        return str(value)

    @property
    def range_text(self) -> str:
        """Such as "50 to 1000 V"; empty: any."""
        if self.choices or (self.at_least is None and self.at_most is None):
            return ""
        bounds = (bound for bound in self._bounds() if bound is not None)
        parts = [f"{bound / self.per_shown:.10g}".replace("-", "\u2212") for bound in bounds]
        joined = " to ".join(parts) if len(parts) == 2 else f"from {parts[0]}"
        return f"{joined} {self.unit}".strip()

    def _bounds(self) -> tuple[float | None, float | None]:
        return self.at_least, self.at_most


# ---------------------------------------------------------------- how each kind is read


def _text(declared: Declared, text: str) -> str:
    if declared.required and not text:
        raise BadSetting("This must not be empty.")
    if "\0" in text or len(text) > LONGEST_TEXT:
        raise BadSetting(f"Write at most {LONGEST_TEXT} characters.")
    return text


def _lines(_: Declared, text: str) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(lines) > _MOST_LINES or any(len(line) > LONGEST_TEXT or "\0" in line for line in lines):
        raise BadSetting(f"Write at most {_MOST_LINES} lines.")
    return lines


def _decimal(declared: Declared, text: str) -> Decimal:
    """Accepts a comma for the point, but no grouping: 1,234 would mean two things."""
    plain = text.replace("\u2212", "-").replace(" ", "").replace("\u00a0", "")
    if plain.count(",") + plain.count(".") > 1:
        raise BadSetting("Write the number without thousands marks, as 1234.5.")
    try:
        value = Decimal(plain.replace(",", "."))
    except InvalidOperation:
        raise BadSetting("This is no number.") from None
    if not value.is_finite():
        raise BadSetting("This is no number.")
    stored = value * Decimal(str(declared.per_shown))
    low, high = declared.at_least, declared.at_most
    if (low is not None and stored < Decimal(str(low))) or (
        high is not None and stored > Decimal(str(high))
    ):
        raise BadSetting(f"It must lie in {declared.range_text}.")
    return value


def _number(declared: Declared, text: str) -> float | None:
    if not text and not declared.required:
        return None
    return float(_decimal(declared, text) * Decimal(str(declared.per_shown)))


def _price(declared: Declared, text: str) -> Decimal:
    value = _decimal(declared, text)
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > declared.decimals:
        raise BadSetting(f"A price has at most {declared.decimals} decimals.")
    return value


def _whole(declared: Declared, text: str) -> int:
    value = _decimal(declared, text)
    if value != int(value):
        raise BadSetting("Write a whole number.")
    return int(value)


def _choice(declared: Declared, text: str) -> str:
    if all(text != value for value, _ in declared.choices):
        raise BadSetting("Choose one of: " + ", ".join(label for _, label in declared.choices))
    return text


def _ip_address(_: Declared, text: str) -> str:
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        raise BadSetting("Write an address of this computer, as 127.0.0.1.") from None


def _zone(_: Declared, text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSetting("This is no IANA time zone, as Europe/Berlin is.") from None
    return text


def _matching(pattern: re.Pattern[str], sentence: str) -> Callable[[Declared, str], str]:
    def parse(_: Declared, text: str) -> str:
        code = text.upper()
        if not pattern.fullmatch(code):
            raise BadSetting(sentence)
        return code

    return parse


def _time_of_day(_: Declared, text: str) -> str:
    if not text:
        return ""
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise BadSetting("Write a time of the day, as 02:30, or leave it empty.")
    return f"{int(found[1]):02d}:{found[2]}"


def _iban(_: Declared, text: str) -> str:
    """ISO 13616: letters as 10 to 35, first four at the end, the whole leaves 1 by 97."""
    compact = "".join(text.split()).upper()
    if not compact:
        return ""
    if not _IBAN.fullmatch(compact):
        raise BadSetting("An IBAN begins with a country and two digits, as DE89 3704 ....")
    digits = "".join(str(int(c, 36)) for c in compact[4:] + compact[:4])
    if int(digits) % 97 != 1:
        raise BadSetting("The check digits do not fit: a character is wrong or swapped.")
    return " ".join(compact[i : i + 4] for i in range(0, len(compact), 4))


# ---------------------------------------------------------------- declarations


def setting(
    default: Any,
    *,
    label: str,
    help: str,
    parse: Callable[[Declared, str], Any] = _text,
    **more: Any,
) -> Any:
    """A dataclass field that is a setting; `declared` finds it again."""
    return field(
        default=default, metadata={"setting": dict(label=label, help=help, parse=parse, **more)}
    )


def declared(kind: type) -> dict[str, Declared]:
    """The settings of a dataclass by field name, in its order."""
    found = {}
    for one in fields(kind):
        facts = one.metadata.get("setting")
        if facts is not None:
            found[one.name] = Declared(name=one.name, default=one.default, **facts)
    return found


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """Kept beside the readings, so that they go along with the site."""

    backup_folder: str = setting(
        "",
        label="Backup folder",
        help="Where Back up now puts its files. Empty: the folder backups of the site. Best on "
        "another disk.",
        group="store",
    )
    backup_at: str = setting(
        "02:30",
        label="Back up each day at",
        help="On the clock of the site; a backup that was missed is made at the next start. Empty: "
        "only by hand.",
        parse=_time_of_day,
        group="store",
    )
    backup_second_folder: str = setting(
        "",
        label="Second folder",
        help="Each backup is copied there as well, best to another building. Empty: it is not.",
        group="store",
    )
    backups_kept: int = setting(
        10,
        label="Newest backups kept",
        help="After a new backup that was verified, older ones made from here are removed, but for "
        "this many, the last of each week and the last of each month.",
        parse=_whole,
        at_least=1,
        at_most=1000,
        decimals=0,
        unit="files",
        required=True,
        group="store",
    )
    backups_weekly: int = setting(
        8,
        label="Weeks that keep one",
        help="The last backup of each of so many weeks stays.",
        parse=_whole,
        at_least=0,
        at_most=520,
        decimals=0,
        unit="weeks",
        required=True,
        group="store",
    )
    backups_monthly: int = setting(
        12,
        label="Months that keep one",
        help="The last backup of each of so many months stays.",
        parse=_whole,
        at_least=0,
        at_most=120,
        decimals=0,
        unit="months",
        required=True,
        group="store",
    )
    http_in: str = setting(
        "off",
        label="HTTP in",
        help="Lets sensors post their readings to this program, each with a key of its own.",
        parse=_choice,
        choices=(("off", "Off"), ("on", "On")),
        group="http",
    )
    http_in_address: str = setting(
        "127.0.0.1",
        label="Listens on",
        help="127.0.0.1: only programs on this computer reach it. 0.0.0.0: every network that this "
        "computer is in; the keys then travel unencrypted, so keep it to a network of your own.",
        parse=_ip_address,
        required=True,
        group="http",
    )
    http_in_port: int = setting(
        8765,
        label="Port",
        help="The sensors post to http://address:port/api/hardware/data.",
        parse=_whole,
        at_least=1024,
        at_most=65_535,
        decimals=0,
        required=True,
        group="http",
    )
    http_in_per_minute: int = setting(
        120,
        label="Requests of one key",
        help="More than this many within a minute are refused; polling is never slowed by them.",
        parse=_whole,
        at_least=1,
        at_most=6_000,
        decimals=0,
        unit="/min",
        required=True,
        group="http",
    )


PROGRAM = declared(ProgramSettings)

_SITE_DEFAULTS = {f.name: f.default for f in fields(Site)}


def _of_site(
    name: str,
    label: str,
    help: str,
    parse: Callable[[Declared, str], Any] = _text,
    **more: Any,
) -> Declared:
    default = _SITE_DEFAULTS[name]
    more.setdefault("required", default is MISSING)
    return Declared(
        name=name,
        label=label,
        help=help,
        parse=parse,
        default=None if default is MISSING else default,
        **more,
    )


SITE: dict[str, Declared] = {
    d.name: d
    for d in (
        _of_site("name", "Name", "Stands in the top bar and on every paper.", group="site"),
        _of_site(
            "zone",
            "Time zone",
            "IANA name. Days, contract hours and papers follow it; a change computes every stored "
            "day again.",
            _zone,
            group="site",
        ),
        _of_site(
            "country",
            "Country",
            "ISO 3166 code, such as DE. Public holidays are looked up by it.",
            _matching(_COUNTRY, "Write the two letters of ISO 3166, such as DE."),
            group="site",
        ),
        _of_site(
            "subdivision",
            "State or region",
            "ISO 3166-2 code without the country, such as BE for Berlin; it has holidays of its "
            "own.",
            _matching(_SUBDIVISION, "Write up to three letters or digits, such as BE."),
            group="site",
        ),
        _of_site(
            "nominal_voltage_v",
            "Nominal voltage",
            "Between line and neutral. Alarm limits and the remarks of a test read follow it.",
            _number,
            unit="V",
            at_least=50.0,
            at_most=1000.0,
            required=True,
            group="site",
        ),
        _of_site(
            "nominal_frequency_hz",
            "Nominal frequency",
            "Alarm limits and the remarks of a test read follow it.",
            _number,
            unit="Hz",
            at_least=40.0,
            at_most=70.0,
            required=True,
            group="site",
        ),
        _of_site(
            "contract_demand_w",
            "Contract demand",
            "The mean of a quarter hour that the grid contract allows; limits on curves and advice "
            "follow it. Empty: none was agreed.",
            _number,
            unit="kW",
            per_shown=1000.0,
            decimals=3,
            at_least=0.0,
            at_most=1e9,
            group="prices",
        ),
        _of_site(
            "currency",
            "Currency",
            "ISO 4217 code. Amounts are not converted, and invoices keep the currency of their "
            "tariff.",
            _matching(_CODE, "Write the three letters of ISO 4217, such as EUR."),
            group="prices",
        ),
        _of_site(
            "price_import_per_kwh",
            "Price of imported energy",
            "Used where no market price is known, and for costs on pages and reports.",
            _price,
            unit="per kWh",
            decimals=4,
            at_least=-10.0,
            at_most=100.0,
            group="prices",
        ),
        _of_site(
            "price_export_per_kwh",
            "Price of exported energy",
            "What the grid pays where no market price is known.",
            _price,
            unit="per kWh",
            decimals=4,
            at_least=-10.0,
            at_most=100.0,
            group="prices",
        ),
        _of_site(
            "raw_days",
            "Each reading is kept",
            "Then one value a minute is left of it. What is given up does not come back; a longer "
            "time holds for what is still there.",
            _whole,
            unit="days",
            at_least=7,
            at_most=3660,
            decimals=0,
            group="keeping",
        ),
        _of_site(
            "minute_days",
            "One value a minute is kept",
            "Then quarter hours are left of it, which stay for ever, as hours and days do.",
            _whole,
            unit="days",
            at_least=31,
            at_most=36_600,
            decimals=0,
            group="keeping",
        ),
        _of_site("operator", "Operator", "Who bills: the sender of invoices.", group="billing"),
        _of_site(
            "operator_address",
            "Address",
            "The lines under the operator on invoices.",
            _lines,
            many_lines=True,
            group="billing",
        ),
        _of_site("tax_id", "Tax id", "Stands on invoices.", group="billing"),
        _of_site(
            "bank_iban",
            "IBAN",
            "The account that invoices ask to be paid to; its check digits are verified.",
            _iban,
            group="billing",
        ),
    )
}

THEMES = (("light", "Light"), ("dark", "Dark"))
LOCALES = (
    ("en", "1,234.5 · 14 Oct (English)"),
    ("de", "1.234,5 · 14 Okt (Deutsch)"),
    ("fr", "1\u00a0234,5 · 14 oct (français)"),
    ("es", "1.234,5 · 14 oct (español)"),
    ("it", "1.234,5 · 14 ott (italiano)"),
    ("nl", "1.234,5 · 14 okt (Nederlands)"),
    ("pl", "1\u00a0234,5 · 14 paź (polski)"),
    ("cs", "1\u00a0234,5 · 14 říj (čeština)"),
    ("sv", "1\u00a0234,5 · 14 okt (svenska)"),
    ("fi", "1\u00a0234,5 · 14 loka (suomi)"),
)

APPEARANCE: dict[str, Declared] = {
    d.name: d
    for d in (
        Declared(
            "theme",
            "Theme",
            "Light for a bright room, dark for a control room. Kept for this site.",
            _choice,
            default="light",
            choices=THEMES,
            group="appearance",
        ),
        Declared(
            "locale",
            "Numbers and months",
            "Decimal mark, grouping and names of months on pages. The words stay English, papers "
            "and files keep theirs.",
            _choice,
            default="en",
            choices=LOCALES,
            group="appearance",
        ),
    )
}

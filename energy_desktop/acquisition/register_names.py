"""From the words of a register list to a quantity: "Spannung L1", "Active power total", "kWh+".

The unit says what is measured better than any name does, so it decides; words only say which
phase, which direction and which tariff, and stand in where a list has no units. What two readers
could understand in two ways is refused with the reason: a wrong quantity is worse than none.
"""

import re
import unicodedata
from dataclasses import dataclass

from energy_desktop.domain.quantities import QUANTITIES

UNIT_FACTORS: dict[str, tuple[str, float]] = {
    "v": ("V", 1.0), "kv": ("V", 1e3), "mv": ("V", 1e-3), "volt": ("V", 1.0), "volts": ("V", 1.0),
    "a": ("A", 1.0), "ka": ("A", 1e3), "ma": ("A", 1e-3), "amp": ("A", 1.0), "amps": ("A", 1.0),
    "ampere": ("A", 1.0), "hz": ("Hz", 1.0), "mhz": ("Hz", 1e-3),
    "w": ("W", 1.0), "kw": ("W", 1e3), "watt": ("W", 1.0), "watts": ("W", 1.0),
    "var": ("var", 1.0), "kvar": ("var", 1e3), "va": ("VA", 1.0), "kva": ("VA", 1e3),
    "wh": ("Wh", 1.0), "kwh": ("Wh", 1e3), "varh": ("varh", 1.0), "kvarh": ("varh", 1e3),
    "vah": ("VAh", 1.0), "kvah": ("VAh", 1e3),
    "%": ("%", 1.0), "pct": ("%", 1.0), "percent": ("%", 1.0), "°c": ("°C", 1.0),
    "degc": ("°C", 1.0), "deg c": ("°C", 1.0), "c": ("°C", 1.0),
    "°": ("°", 1.0), "deg": ("°", 1.0), "degree": ("°", 1.0), "degrees": ("°", 1.0),
    "m3": ("m³", 1.0), "m³": ("m³", 1.0), "m3/h": ("m³/h", 1.0), "m³/h": ("m³/h", 1.0),
    "l/h": ("m³/h", 1e-3), "k": ("K", 1.0), "s": ("s", 1.0),
}  # fmt: skip
"""Unit in small letters -> our unit and the factor to it. M and m differ: see `unit_of`."""

_MEGA = {"MW": ("W", 1e6), "Mvar": ("var", 1e6), "MVAr": ("var", 1e6), "MVA": ("VA", 1e6),
         "MWh": ("Wh", 1e6), "Mvarh": ("varh", 1e6), "MVArh": ("varh", 1e6), "MVAh": ("VAh", 1e6),
         "GWh": ("Wh", 1e9), "mW": ("W", 1e-3), "MHz": ("", 0.0)}  # fmt: skip

_STEMS = {
    "V": ("voltage", "v"), "A": ("current", "a"), "Hz": ("frequency", "hz"),
    "W": ("power", "w"), "var": ("reactive_power", "var"), "VA": ("apparent_power", "va"),
    "Wh": ("energy", "wh"), "varh": ("reactive_energy", "varh"), "VAh": ("apparent_energy", "vah"),
}  # fmt: skip

_UNIT_BY_WORDS = (
    (("leistungsfaktor", "power factor", "powerfactor", "cos phi", "cosphi", "cos f",
      "facteur de puissance", "pf"), ""),
    (("blindarbeit", "blindenergie", "reactive energy", "energie reactive"), "varh"),
    (("scheinarbeit", "scheinenergie", "apparent energy", "energie apparente"), "VAh"),
    (("wirkarbeit", "wirkenergie", "active energy", "energie active", "zahlerstand", "energy",
      "energie", "arbeit"), "Wh"),
    (("blindleistung", "reactive power", "puissance reactive"), "var"),
    (("scheinleistung", "apparent power", "puissance apparente"), "VA"),
    (("wirkleistung", "active power", "puissance active", "power", "leistung", "puissance"), "W"),
    (("spannung", "voltage", "tension", "volts"), "V"),
    (("strom", "current", "courant", "intensite", "amps"), "A"),
    (("frequenz", "frequency", "frequence"), "Hz"),
)  # fmt: skip

_IMPORT = ("import", "imported", "bezug", "bezogen", "consumption", "consumed", "verbrauch",
           "forward", "positive", "positiv", "soutiree", "importee", "consommee", "consommation",
           "bezogene", "into load")  # fmt: skip
_EXPORT = ("export", "exported", "lieferung", "abgabe", "einspeisung", "eingespeist", "reverse",
           "negative", "negativ", "injectee", "exportee", "eingespeiste", "gelieferte", "feed in",
           "out of load")  # fmt: skip
_BOTH = ("total", "totale", "totals", "tot", "sum", "summe", "gesamt", "somme", "sys", "system",
         "both", "absolute", "net")  # fmt: skip
_TWO_WAYS = ("delivered", "received", "geliefert", "empfangen", "livree", "recue")
_NOT_NOW = ("maximum", "max", "minimum", "min", "peak", "demand", "average demand", "mittelwert",
            "predicted", "last reset", "partial", "resettable", "ruckstellbar", "hochstwert",
            "partielle", "nominal", "rated", "ratio", "setting", "sollwert", "setpoint",
            "threshold", "limit", "alarm", "unbalance", "unsymmetrie")  # fmt: skip
_NEUTRAL = ("neutral", "neutralleiter", "neutre")


@dataclass(frozen=True, slots=True)
class NamedQuantity:
    """quantity empty: `reason` says why the words name none. factor: to the quantity's unit."""

    quantity: str = ""
    factor: float = 1.0
    reason: str = ""
    remark: str = ""


def plain(text: str) -> str:
    """Small letters without accents, punctuation as blanks: what words are compared as."""
    bare = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("Σ", " total "))
    kept = "".join(c for c in bare if not unicodedata.combining(c))
    return re.sub(r"\s+", " ", re.sub(r"[^0-9A-Za-z+%]+", " ", kept)).strip().lower()


def unit_of(text: str) -> tuple[str, float] | None:
    """Our unit and the factor to it: "0.1 kWh" is ("Wh", 100). None: not a unit that is known."""
    bare = text.strip().strip("[]()").strip()
    if bare.lower() in ("", "-", "–", "1", "none", "n/a"):
        return "", 1.0
    found = re.fullmatch(r"(?:[x*×]?\s*(\d+(?:[.,]\d+)?)\s*[x*×]?\s*)?(.+?)(?:\s*/\s*(10+))?", bare)
    if found is None:
        return None
    factor = float((found[1] or "1").replace(",", ".")) / float(found[3] or 1)
    name = found[2].strip()
    unit, own = _MEGA.get(name) or UNIT_FACTORS.get(name.lower()) or ("", 0.0)
    return (unit, own * factor) if own else None


def name_quantity(name: str, unit_text: str | None) -> NamedQuantity:
    """What a row measures. unit_text None: the list has no column of units."""
    words = f" {plain(_spoken(name))} "
    if unit_text is None or not unit_text.strip():
        unit = next((u for stems, u in _UNIT_BY_WORDS if _has(words, stems)), None)
        named = re.search(r"[\[(]([^\])]+)[\])]\s*$", name)
        given = unit_of(named[1]) if named else None
        if given is None and unit is None:
            return NamedQuantity(reason="neither its name nor a unit says what it measures.")
        base, factor = given if given is not None and given[0] else (unit or "", 1.0)
    else:
        found = unit_of(unit_text)
        if found is None:
            return NamedQuantity(reason=f"the unit {unit_text.strip()!r} is not known.")
        base, factor = found
    if odd := next((word for word in _NOT_NOW if f" {word} " in words), ""):
        return NamedQuantity(reason=f"{odd!r} in its name: it is not the present value.")
    remark = "" if unit_text and unit_text.strip() else f"unit {base or 'none'} by its name"
    return _with_unit(words, base, factor, remark)


def _spoken(name: str) -> str:
    """The name without a unit in brackets, its signs of direction as words."""
    if (found := re.search(r"\s*[\[(]([^\])]*)[\])]\s*$", name)) and unit_of(found[1] or "?"):
        name = name[: found.start()]
    name = re.sub(r"\(\s*\+\s*\)|(?<=h)\s*\+(?=\s|$)", " positive ", name)
    return re.sub(r"\(\s*[-−–]\s*\)|(?<=[hH])\s*[-−–](?=\s|$)|\bA[-−–](?=\s|$)", " negative ", name)


def _with_unit(words: str, unit: str, factor: float, remark: str) -> NamedQuantity:
    phase, wrong = _phase(words)
    if wrong:
        return NamedQuantity(reason=wrong)
    if unit in ("", "%") and _has(words, _UNIT_BY_WORDS[0][0]):
        scale = factor / 100 if unit == "%" else factor
        return _known(f"power_factor_{phase}" if phase else "power_factor", scale, remark)
    if unit == "%":
        return _percent(words, phase, factor, remark)
    if unit == "°C":
        return _known("temperature_c", factor, remark)
    if unit == "°" and phase:
        return NamedQuantity(reason="the angle of one phase is none of the program's quantities.")
    if unit == "°":
        return _known("phase_angle_deg", factor, remark)
    if unit not in _STEMS:
        return NamedQuantity(reason="what it measures is none of the program's quantities.")
    stem, suffix = _STEMS[unit]
    if unit in ("Wh", "varh"):
        return _counter(words, stem, suffix, phase, factor, remark)
    if unit == "VAh":
        return _known("apparent_energy_total_vah", factor, remark)
    if unit == "V" and not phase and _has(words, ("l l", "ll", "phase to phase", "line to line")):
        return _known("voltage_ll_v", factor, remark)
    if unit == "W" and (_has(words, _EXPORT) or _has(words, _TWO_WAYS)):
        return NamedQuantity(reason="a power of one direction only: the signed one is needed.")
    if unit == "A" and not phase and _has(words, ("sum", "summe", "somme", "total", "gesamt")):
        return NamedQuantity(reason="a sum of currents is the current of nothing.")
    if unit == "Hz":
        phase = ""
    return _known(f"{stem}_{phase}_{suffix}" if phase else f"{stem}_{suffix}", factor, remark)


def _counter(
    words: str, stem: str, suffix: str, phase: str, factor: float, remark: str
) -> NamedQuantity:
    imports = _has(words, _IMPORT) or re.search(r"(^| )\+|\+( |$)|a\+|wh\+", words) is not None
    exports = _has(words, _EXPORT)
    if imports == exports:
        if imports or _has(words, _TWO_WAYS):
            return NamedQuantity(
                reason="its direction can be understood in two ways: say import or export."
            )
        if not _has(words, _BOTH):
            return NamedQuantity(reason="its direction is not said: import, export or total?")
        way = "total"
        remark = "; ".join(part for part in (remark, "no direction: the sum of both") if part)
    else:
        way = "import" if imports else "export"
    tariff = re.search(r" (?:t|tariff|tarif|rate|ht|nt) ?([1-4]) ", words)
    if tariff is not None:
        way = f"{way}_t{tariff[1]}"
    middle = f"{way}_{phase}" if phase else way
    return _known(f"{stem}_{middle}_{suffix}", factor, remark)


def _percent(words: str, phase: str, factor: float, remark: str) -> NamedQuantity:
    if _has(words, ("thd", "distortion", "klirrfaktor", "oberschwingung", "harmonic")):
        amps = _has(words, ("current", "strom", "courant", "amps", "i", "thdi", "thd i"))
        volts = _has(words, ("voltage", "volts", "spannung", "tension", "u", "v", "thdu", "thd u"))
        if amps == volts:
            return NamedQuantity(reason="distortion of what? Say voltage or current.")
        stem = "thd_current" if amps else "thd_voltage"
        return _known(f"{stem}_{phase}_pct" if phase else f"{stem}_pct", factor, remark)
    if _has(words, ("soc", "state of charge", "ladezustand", "etat de charge")):
        return _known("soc_pct", factor, remark)
    if _has(words, ("humidity", "feuchte", "humidite")):
        return _known("humidity_pct", factor, remark)
    return NamedQuantity(reason="per cent of what? Its name does not say.")


_PAIRS = (
    (
        r"l ?1(?: to)? l ?2|[uv] ?(?:l ?)?12|ab|a(?: to)? b|r s|(?:phase|line) 1(?: to)?"
        r"(?: phase| line)? 2|l12",
        "l1_l2",
    ),
    (
        r"l ?2(?: to)? l ?3|[uv] ?(?:l ?)?23|bc|b(?: to)? c|s t|(?:phase|line) 2(?: to)?"
        r"(?: phase| line)? 3|l23",
        "l2_l3",
    ),
    (
        r"l ?3(?: to)? l ?1|[uv] ?(?:l ?)?31|ca|c(?: to)? a|t r|(?:phase|line) 3(?: to)?"
        r"(?: phase| line)? 1|l31",
        "l3_l1",
    ),
)
_PHASES = (
    ("l1", r"l ?1|(?:phase|line) ?(?:1|a|l1|r)|[uivp]1|[uivp]l1|ph ?(?:1|a)|a ?n|v ?an|1 n|l1 n"),
    ("l2", r"l ?2|(?:phase|line) ?(?:2|b|l2|s)|[uivp]2|[uivp]l2|ph ?(?:2|b)|b ?n|v ?bn|2 n|l2 n"),
    ("l3", r"l ?3|(?:phase|line) ?(?:3|c|l3|t)|[uivp]3|[uivp]l3|ph ?(?:3|c)|c ?n|v ?cn|3 n|l3 n"),
)


def _phase(words: str) -> tuple[str, str]:
    """(phase or pair or n or "", why it cannot be told)."""
    pairs = {name for pattern, name in _PAIRS if re.search(f" (?:{pattern}) ", words)}
    if len(pairs) == 1:
        return pairs.pop(), ""
    words = re.sub(r" (?:to|zu|gegen|vers) (?:neutral|neutre|n) ", " ", words)
    if _has(words, _NEUTRAL):
        return "n", ""
    letter = re.search(r" ([abcrst]) $", words)  # "Current B"; a unit stands in brackets
    if letter and not re.search(r"energ|arbeit|zahl|[wr]h ", words):
        words += f"phase {letter[1]} "
    phases = {name for name, pattern in _PHASES if re.search(f" (?:{pattern}) ", words)}
    if len(phases) > 1 or len(pairs) > 1:
        return "", "its name tells of more than one phase."
    return (phases.pop() if phases else ""), ""


def _known(quantity: str, factor: float, remark: str) -> NamedQuantity:
    if quantity not in QUANTITIES:
        return NamedQuantity(reason=f"it would be {quantity}, which the program does not know.")
    return NamedQuantity(quantity, factor, remark=remark)


def _has(words: str, any_of: tuple[str, ...]) -> bool:
    return any(f" {word} " in words for word in any_of)

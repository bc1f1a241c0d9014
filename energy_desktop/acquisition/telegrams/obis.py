"""From OBIS codes to our quantities (IEC 62056-61, EN 13757-1).

A code is A-B:C.D.E*F: medium, channel, measured value, how it is processed, tariff, period. Meters
leave out what is understood: 1.8.0 is 1-0:1.8.0*255. Only the current period (F = 255 or none)
becomes a value; every other code stays an entry that a person can read.

Power has a sign only in our names: where a meter sends import and export apart (1.7.0 and 2.7.0),
their difference is the power, and one of them alone is none of which the direction is certain.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from energy_desktop.acquisition.telegrams.telegram import Collected, Entry, to_quantity

ELECTRICITY, HEAT_COST, COOLING, HEAT, GAS, WATER, WARM_WATER = 1, 4, 5, 6, 7, 8, 9
NO_PERIOD = 255

_CODE = re.compile(
    r"(?:(?P<a>\d{1,3})-(?P<b>\d{1,3}):)?"
    r"(?P<c>\d{1,3}|[CFLP])\.(?P<d>\d{1,3}|[CFLP])(?:\.(?P<e>\d{1,3}))?"
    r"(?:[*&](?P<f>\d{1,3}))?"
)


@dataclass(frozen=True, slots=True)
class Obis:
    """A code; None for a part that was left out. c and d may be letters in old meters: -1."""

    a: int | None
    b: int | None
    c: int
    d: int
    e: int | None
    f: int | None

    @property
    def key(self) -> str:
        """C.D.E alone for the meter itself; with A-B for anything else."""
        short = f"{self.c}.{self.d}" + ("" if self.e is None else f".{self.e}")
        if self.f not in (None, NO_PERIOD):
            short += f"*{self.f}"
        own = self.a in (None, ELECTRICITY) and self.b in (None, 0)
        return short if own else f"{self.a}-{self.b}:{short}"

    @property
    def is_current(self) -> bool:
        return self.f in (None, NO_PERIOD)


def parse(text: str) -> Obis | None:
    """The code in `text`; None: it is none."""
    match = _CODE.fullmatch(text)
    if match is None:
        return None
    parts = [match.group(name) for name in "abcdef"]
    a, b, c, d, e, f = (None if p is None else int(p) if p.isdecimal() else -1 for p in parts)
    if c is None or d is None or any(p is not None and p > 255 for p in (a, b, c, d, e, f)):
        return None
    return Obis(a, b, c, d, e, f)


@dataclass(frozen=True, slots=True)
class Reading:
    """An entry with its code and exact number, before it is given a quantity."""

    obis: Obis
    number: Fraction | None
    entry: Entry


_PLAIN = {
    (1, 8): "energy_import_wh",
    (2, 8): "energy_export_wh",
    (15, 8): "energy_total_wh",
    (3, 8): "reactive_energy_import_varh",
    (4, 8): "reactive_energy_export_varh",
    (21, 8): "energy_import_l1_wh",
    (41, 8): "energy_import_l2_wh",
    (61, 8): "energy_import_l3_wh",
    (22, 8): "energy_export_l1_wh",
    (42, 8): "energy_export_l2_wh",
    (62, 8): "energy_export_l3_wh",
    (1, 4): "demand_w",
    (1, 6): "demand_max_w",
    (9, 7): "apparent_power_va",
    (29, 7): "apparent_power_l1_va",
    (49, 7): "apparent_power_l2_va",
    (69, 7): "apparent_power_l3_va",
    (11, 7): "current_a",
    (31, 7): "current_l1_a",
    (51, 7): "current_l2_a",
    (71, 7): "current_l3_a",
    (91, 7): "current_n_a",
    (12, 7): "voltage_v",
    (32, 7): "voltage_l1_v",
    (52, 7): "voltage_l2_v",
    (72, 7): "voltage_l3_v",
    (13, 7): "power_factor",
    (33, 7): "power_factor_l1",
    (53, 7): "power_factor_l2",
    (73, 7): "power_factor_l3",
    (14, 7): "frequency_hz",
}
"""(C, D) of electricity with E = 0 to the quantity."""

_SIGNED = (
    ("power_w", 16, 1, 2),
    ("power_l1_w", 36, 21, 22),
    ("power_l2_w", 56, 41, 42),
    ("power_l3_w", 76, 61, 62),
    ("reactive_power_var", None, 3, 4),
    ("reactive_power_l1_var", None, 23, 24),
    ("reactive_power_l2_var", None, 43, 44),
    ("reactive_power_l3_var", None, 63, 64),
)
"""Quantity, C of the signed value, of the imported and of the exported part (D = 7)."""

_OTHER_MEDIA = {
    (HEAT, 1): "heat_energy_wh",
    (HEAT, 2): "volume_m3",
    (HEAT, 8): "heat_power_w",
    (HEAT, 9): "flow_m3_h",
    (HEAT, 10): "flow_temperature_c",
    (HEAT, 11): "return_temperature_c",
    (HEAT, 12): "temperature_difference_k",
    (COOLING, 1): "cooling_energy_wh",
    (GAS, 3): "gas_volume_m3",
    (WATER, 1): "volume_m3",
    (WARM_WATER, 1): "volume_m3",
}
"""(A, C) with D = 0 and E = 0, of other media."""

_OLD_HEAT = {
    (6, 8): "heat_energy_wh",
    (6, 26): "volume_m3",
    (6, 31): "operating_time_s",
}
"""Two-part codes of heat meters at the optical head (Kamstrup Multical, Landis+Gyr Ultraheat)."""

ABSOLUTE_POWER = 15  # of both directions together


def read(
    readings: Iterable[Reading], *, exporting: bool | None = None
) -> tuple[dict[str, float], tuple[Entry, ...], tuple[str, ...]]:
    """Values by quantity, the entries with the quantity they went to, and remarks.

    exporting: which way the absolute power 15.7.0 flows; None: the telegram does not say.
    """
    rows = list(readings)
    found = Collected()
    went: dict[int, str] = {}
    remarks: list[str] = []
    parts: dict[int, tuple[int, Reading]] = {}
    tariffs: dict[int, dict[int, tuple[int, Reading]]] = {1: {}, 2: {}}
    for i, row in enumerate(rows):
        if row.number is None or not row.obis.is_current:
            continue
        obis = row.obis
        if obis.a in (None, ELECTRICITY) and obis.d == 7 and obis.e == 0 and not obis.b:
            parts.setdefault(obis.c, (i, row))
        if obis.c in tariffs and obis.d == 8 and obis.e and obis.a in (None, ELECTRICITY):
            tariffs[obis.c].setdefault(obis.e, (i, row))
        name = _plain_name(obis)
        if name:
            _put(found, went, i, row, name)
    for name, signed, plus, minus in _SIGNED:
        _put_signed(found, went, parts, name, signed, plus, minus)
    if "power_w" not in found.values and ABSOLUTE_POWER in parts:
        remarks += _put_absolute(found, went, parts[ABSOLUTE_POWER], exporting)
    _put_tariffs(found, went, tariffs, remarks)
    values, unclear = found.settle()
    for i, row in enumerate(rows):
        if i not in went and row.number is not None and _plain_name(row.obis):
            remarks.append(_misfit(row.entry))
    entries = tuple(
        replace(row.entry, quantity=went[i]) if went.get(i) in values else row.entry
        for i, row in enumerate(rows)
    )
    return values, entries, (*remarks, *unclear)


def _plain_name(obis: Obis) -> str:
    if not obis.is_current:
        return ""
    if obis.e is None:
        return _OLD_HEAT.get((obis.c, obis.d), "") if obis.a in (None, HEAT) else ""
    if obis.e != 0 or obis.b not in (None, 0):
        return ""
    if obis.a in (None, ELECTRICITY):
        return _PLAIN.get((obis.c, obis.d), "")
    if obis.d == 0 and obis.a is not None:
        return _OTHER_MEDIA.get((obis.a, obis.c), "")
    return ""


def _put(found: Collected, went: dict[int, str], i: int, row: Reading, name: str) -> bool:
    value = None if row.number is None else to_quantity(row.number, row.entry.unit, name)
    if value is None:
        return False
    found.put(name, value)
    went[i] = name
    return True


def _put_signed(
    found: Collected,
    went: dict[int, str],
    parts: dict[int, tuple[int, Reading]],
    name: str,
    signed: int | None,
    plus: int,
    minus: int,
) -> None:
    if signed is not None and signed in parts:
        _put(found, went, *parts[signed], name)
        return
    if plus not in parts:
        return
    i, row = parts[plus]
    if minus not in parts:
        # A meter with one register writes its direction into the sign, or measures one only.
        _put(found, went, i, row, name)
        return
    j, other = parts[minus]
    values = [
        None if r.number is None else to_quantity(r.number, r.entry.unit, name)
        for r in (row, other)
    ]
    if values[0] is not None and values[1] is not None:
        found.put(name, values[0] - values[1])
        went[i] = went[j] = name


def _put_absolute(
    found: Collected, went: dict[int, str], part: tuple[int, Reading], exporting: bool | None
) -> list[str]:
    """15.7.0 has no direction of its own: even a meter without an export register sends it while
    it exports, so it is the power only where the direction is known."""
    i, row = part
    value = None if row.number is None else to_quantity(row.number, row.entry.unit, "power_w")
    if value is None or exporting is None:
        return ["15.7.0 is the power without its direction: it is not taken for power_w."]
    found.put("power_w", -value if exporting else value)
    went[i] = "power_w"
    return []


def _put_tariffs(
    found: Collected,
    went: dict[int, str],
    tariffs: dict[int, dict[int, tuple[int, Reading]]],
    remarks: list[str],
) -> None:
    """Registers by tariff; their sum is the total only where the meter sends none and all are
    there: numbered from 1 without a hole, at least two, as many as in the other direction."""
    counts = {direction: len(by_tariff) for direction, by_tariff in tariffs.items()}
    for direction, word in ((1, "import"), (2, "export")):
        sums: list[float] = []
        for tariff in sorted(tariffs[direction]):
            i, row = tariffs[direction][tariff]
            total = f"energy_{word}_wh"
            value = None if row.number is None else to_quantity(row.number, row.entry.unit, total)
            if value is None:
                remarks.append(_misfit(row.entry))
                continue
            sums.append(value)
            if tariff <= 4:
                name = f"energy_{word}_t{tariff}_wh"
                found.put(name, value)
                went[i] = name
        total = f"energy_{word}_wh"
        if not sums or total in found.values:
            continue
        whole = sorted(tariffs[direction]) == list(range(1, len(sums) + 1))
        if whole and len(sums) >= 2 and len(sums) >= max(counts.values()):
            found.put(total, float(sum(Fraction(value) for value in sums)))
        else:
            remarks.append(
                f"{direction}.8.0 is not sent and not every tariff is there: no {total}."
            )


def _misfit(entry: Entry) -> str:
    if not entry.unit:
        return f"{entry.key} has no unit: a driver must say what it counts in."
    return f"{entry.key} is in {entry.unit}, which does not fit: it is not taken."

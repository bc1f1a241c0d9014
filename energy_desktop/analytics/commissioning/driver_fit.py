"""Which driver fits a device that answers, and why, from a few reads.

A driver is wrong with certainty when the device has not its registers, and right with good reason
when mains voltage and frequency stand where it says. One plausible number proves little: a scan
reads voltage, frequency, power factor and power where each driver has them, and compares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy_desktop.analytics.commissioning.checks import FREQUENCY_SPREAD, VOLTAGE_SPREAD
from energy_desktop.domain.commissioning import DeviceIdentity, DriverFit
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.wording import count, number

KEY_QUANTITIES = (
    "voltage_l1_v",
    "voltage_v",
    "voltage_l2_v",
    "voltage_l3_v",
    "frequency_hz",
    "power_factor",
    "power_w",
    "energy_import_wh",
)
"""What is read of each driver, as far as it has it."""

_NO_MATCH = 0.15
_REFUSED = 0.0
_TURNED = 0.9  # a driver that needs no other word order explains the device better


@dataclass(frozen=True, slots=True)
class DriverProbe:
    """values: of the registers that answered, not available ones left out. refused: quantities
    whose registers the device says it does not have. unread: nobody answered. word_order: in
    which the values were read, where that is not the driver's own."""

    driver: DriverInfo
    values: Mapping[str, float]
    refused: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    word_order: str = ""


def rank(
    probes: Sequence[DriverProbe],
    identity: DeviceIdentity | None,
    nominal_voltage_v: float = 230.0,
    nominal_frequency_hz: float = 50.0,
) -> tuple[DriverFit, ...]:
    """Best first; drivers that nothing speaks for are left out.

    Among equals the one that yields more comes first, for its registers answered too.
    """
    fits = []
    for probe in probes:
        fit = _fit(probe, identity, nominal_voltage_v, nominal_frequency_hz)
        if fit.score > _NO_MATCH:
            fits.append((fit, len(probe.values), len(probe.driver.quantities)))
    fits.sort(key=lambda row: (-row[0].score, -row[1], -row[2], row[0].driver_id))
    return tuple(fit for fit, _, _ in fits)


def _fit(
    probe: DriverProbe, identity: DeviceIdentity | None, volts: float, hertz: float
) -> DriverFit:
    named = _named(probe.driver, identity)
    reasons = [named] if named else []
    points = possible = 0.0
    asked = len(probe.values) + len(probe.refused)
    for name, value in probe.values.items():
        weight, good, words = _look(name, value, volts, hertz)
        possible += weight
        points += weight * good
        if words:
            reasons.append(words)
    if not probe.values:
        reasons.append(
            "its registers do not exist here" if probe.refused else "none of its registers answered"
        )
        return DriverFit(probe.driver.driver_id, 0.6 if named else _REFUSED, tuple(reasons))
    answered = len(probe.values) / asked
    if probe.refused:
        reasons.append(f"{len(probe.refused)} of {asked} registers do not exist here")
    if probe.unread:
        reasons.append(f"{count(len(probe.unread), 'register')} did not answer: ask again")
    plausible = points / possible if possible else 0.0
    score = 0.85 * plausible * answered * min(1.0, possible / 5.0)
    if probe.word_order:
        score *= _TURNED
        turned = f"only in the word order {probe.word_order}: set it in a copy of the driver"
        reasons.insert(1 if named else 0, turned)
    if named:
        score = 0.6 + 0.4 * score / 0.85
    return DriverFit(probe.driver.driver_id, round(score, 3), tuple(reasons), probe.word_order)


def _look(name: str, value: float, volts: float, hertz: float) -> tuple[float, float, str]:
    """Weight of the quantity, how well the value fits (0 to 1), and words where they say much."""
    if name.startswith("voltage"):
        good = abs(value / volts - 1.0) <= VOLTAGE_SPREAD
        phase = name.removeprefix("voltage_").removesuffix("v").strip("_").upper()
        label = f"voltage {phase}".strip()
        return 2.0, float(good), f"{label} reads {_value(value)} V" if good or phase != "L3" else ""
    if name == "frequency_hz":
        good = abs(value / hertz - 1.0) <= FREQUENCY_SPREAD
        return 3.0, float(good), f"frequency reads {_value(value)} Hz"
    if name == "power_factor":
        return 0.5, float(abs(value) <= 1.0), ""
    # Zero is as plausible as it is silent.
    size = abs(value)
    return 0.5, float(value == 0.0 or 1e-2 <= size <= 1e13), ""


def _value(value: float) -> str:
    if value == 0.0 or 0.01 <= abs(value) < 1e6:
        return number(value, 2)
    return f"{value:.0e}".replace("-", "\u2212")


def names(identity: DeviceIdentity | None, driver: DriverInfo) -> bool:
    """Whether the device's own words name a model of this driver."""
    return bool(_named(driver, identity))


def _named(driver: DriverInfo, identity: DeviceIdentity | None) -> str:
    """How the device's own words name the driver's model; empty: they do not."""
    if identity is None:
        return ""
    told = " ".join(
        (identity.vendor, identity.product_code, identity.product_name, identity.model_name)
    )
    flat = _flat(told)
    for model in driver.models:
        wanted = _flat(model)
        if len(wanted) >= 4 and wanted in flat:
            return f"the device calls itself {told.strip()}"
    stem = _flat(driver.driver_id.split("_", 1)[-1])
    if len(stem) >= 4 and stem in flat and _flat(driver.manufacturer)[:4] in flat:
        return f"the device calls itself {told.strip()}"
    return ""


def _flat(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())

"""Which point of a SunSpec model is which of our quantities, and which way round.

Signs. Inverters give what they produce as positive (101-113 as they are used, 701 by its own
words), which is our sign for a solar meter; what they produced so far is therefore the import
register, the one that counts the positive direction (see services/registers.py). Meters have
import and export counters of their own; SunSpec leaves the direction of their power to the
installer, and most makers give import as positive. SolarEdge does it the other way round: turn
such a meter with `invert`, as one would turn a current transformer.

Power factors of inverters and integer meters are percent by definition (unit Pct), those of 701
and the float meters are not. Counters of reactive energy come by quadrant in meters and are left
out, because no single one of them is import or export.
"""

from energy_desktop.acquisition.sunspec.models import INVERTERS, METERS, ModelPoint

_PHASES = (("A", "l1"), ("B", "l2"), ("C", "l3"))
_PAIRS = (("AB", "l1_l2"), ("BC", "l2_l3"), ("CA", "l3_l1"))

_SINGLE_PHASE = (101, 111, 201, 211)


def _inverter(single: bool) -> dict[str, str]:
    names = {"W": "power_w"}
    if single:
        names |= {"A": "current_a", "PhVphA": "voltage_v"}
    else:
        names |= {f"Aph{p}": f"current_{q}_a" for p, q in _PHASES}
        names |= {f"PhVph{p}": f"voltage_{q}_v" for p, q in _PHASES}
        names |= {f"PPVph{p}": f"voltage_{q}_v" for p, q in _PAIRS}
    return names | {
        "Hz": "frequency_hz",
        "VA": "apparent_power_va",
        "VAr": "reactive_power_var",
        "PF": "power_factor",
        "WH": "energy_import_wh",
        "DCA": "current_dc_a",
        "DCV": "voltage_dc_v",
        "DCW": "power_dc_w",
        "TmpCab": "temperature_c",
    }


def _meter(single: bool) -> dict[str, str]:
    names = {"W": "power_w"}
    if single:
        names |= {"A": "current_a", "PhV": "voltage_v"}
    else:
        names |= {f"Wph{p}": f"power_{q}_w" for p, q in _PHASES}
        names |= {f"Aph{p}": f"current_{q}_a" for p, q in _PHASES}
        names |= {f"PhVph{p}": f"voltage_{q}_v" for p, q in _PHASES}
        # The integer models call them PhVphAB, the float models PPVphAB.
        names |= {f"PhVph{p}": f"voltage_{q}_v" for p, q in _PAIRS}
        names |= {f"PPVph{p}": f"voltage_{q}_v" for p, q in _PAIRS}
        names |= {"PPV": "voltage_ll_v"}
        names |= {f"VAph{p}": f"apparent_power_{q}_va" for p, q in _PHASES}
        names |= {f"VARph{p}": f"reactive_power_{q}_var" for p, q in _PHASES}
        names |= {f"PFph{p}": f"power_factor_{q}" for p, q in _PHASES}
        names |= {f"TotWhImpPh{p}": f"energy_import_{q}_wh" for p, q in _PHASES}
        names |= {f"TotWhExpPh{p}": f"energy_export_{q}_wh" for p, q in _PHASES}
    return names | {
        "Hz": "frequency_hz",
        "VA": "apparent_power_va",
        "VAR": "reactive_power_var",
        "PF": "power_factor",
        "TotWhImp": "energy_import_wh",
        "TotWhExp": "energy_export_wh",
    }


def _der() -> dict[str, str]:
    """Model 701. Injected is positive, absorbed the other direction."""
    names = {
        "W": "power_w",
        "VA": "apparent_power_va",
        "Var": "reactive_power_var",
        "PF": "power_factor",
        "A": "current_a",
        "LLV": "voltage_ll_v",
        "LNV": "voltage_v",
        "Hz": "frequency_hz",
        "TotWhInj": "energy_import_wh",
        "TotWhAbs": "energy_export_wh",
        "TotVarhInj": "reactive_energy_import_varh",
        "TotVarhAbs": "reactive_energy_export_varh",
        "TmpCab": "temperature_c",
    }
    for n in (1, 2, 3):
        names |= {
            f"WL{n}": f"power_l{n}_w",
            f"VAL{n}": f"apparent_power_l{n}_va",
            f"VarL{n}": f"reactive_power_l{n}_var",
            f"PFL{n}": f"power_factor_l{n}",
            f"AL{n}": f"current_l{n}_a",
            f"VL{n}": f"voltage_l{n}_v",
            f"TotWhInjL{n}": f"energy_import_l{n}_wh",
            f"TotWhAbsL{n}": f"energy_export_l{n}_wh",
            f"TotVarhInjL{n}": f"reactive_energy_import_l{n}_varh",
            f"TotVarhAbsL{n}": f"reactive_energy_export_l{n}_varh",
        }
    pairs = {"VL1L2": "l1_l2", "VL2L3": "l2_l3", "VL3L1": "l3_l1"}
    return names | {point: f"voltage_{pair}_v" for point, pair in pairs.items()}


_STORAGE = {
    124: {"ChaState": "soc_pct", "InBatV": "voltage_dc_v"},
    713: {"SoC": "soc_pct"},
    802: {"SoC": "soc_pct", "V": "voltage_dc_v", "A": "current_dc_a", "W": "power_dc_w"},
}


def quantities_of(model_id: int) -> dict[str, str]:
    """Point name -> quantity, for the models that carry measurements; empty for others."""
    single = model_id in _SINGLE_PHASE
    if model_id == 701:
        return _der()
    if model_id in INVERTERS:
        return _inverter(single)
    if model_id in METERS:
        return _meter(single)
    return _STORAGE.get(model_id, {})


def scale_of(point: ModelPoint, quantity: str) -> float:
    """What the point's value is multiplied by, apart from its scale factor."""
    return 0.01 if quantity.startswith("power_factor") and point.units == "Pct" else 1.0

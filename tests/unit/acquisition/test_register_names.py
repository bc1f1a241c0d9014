"""Names and units of register lists become quantities, or are refused with the reason."""

import pytest

from energy_desktop.acquisition.register_names import name_quantity, plain, unit_of
from energy_desktop.domain.quantities import QUANTITIES


@pytest.mark.parametrize(
    ("name", "unit", "quantity", "factor"),
    [
        ("Spannung L1", "V", "voltage_l1_v", 1),
        ("Spannung L1-N", "V", "voltage_l1_v", 1),
        ("Voltage L1-L2", "V", "voltage_l1_l2_v", 1),
        ("U12", "V", "voltage_l1_l2_v", 1),
        ("Tension phase 2", "V", "voltage_l2_v", 1),
        ("Voltage phase A", "V", "voltage_l1_v", 1),
        ("Voltage", "V", "voltage_v", 1),
        ("Strom L3", "mA", "current_l3_a", 0.001),
        ("Neutral current", "A", "current_n_a", 1),
        ("Courant L2", "A", "current_l2_a", 1),
        ("Active power total", "kW", "power_w", 1000),
        ("Wirkleistung L2", "W", "power_l2_w", 1),
        ("Puissance active totale", "kW", "power_w", 1000),
        ("Total system power", "MW", "power_w", 1e6),
        ("Blindleistung gesamt", "kvar", "reactive_power_var", 1000),
        ("Apparent power L3", "VA", "apparent_power_l3_va", 1),
        ("Power factor L1", "", "power_factor_l1", 1),
        ("cos phi", "%", "power_factor", 0.01),
        ("Leistungsfaktor gesamt", "-", "power_factor", 1),
        ("Frequenz", "0.01 Hz", "frequency_hz", 0.01),
        ("Netzfrequenz", "Hz", "frequency_hz", 1),
        ("kWh imported", "kWh", "energy_import_wh", 1000),
        ("Wirkarbeit Bezug", "kWh", "energy_import_wh", 1000),
        ("Wirkenergie Lieferung Tarif 2", "MWh", "energy_export_t2_wh", 1e6),
        ("Énergie active soutirée", "kWh", "energy_import_wh", 1000),
        ("Import active energy L2", "Wh", "energy_import_l2_wh", 1),
        ("Total active energy", "kWh", "energy_total_wh", 1000),
        ("Active energy A+", "kWh", "energy_import_wh", 1000),
        ("Reactive energy export", "kvarh", "reactive_energy_export_varh", 1000),
        ("THD voltage L1", "%", "thd_voltage_l1_pct", 1),
        ("State of charge", "%", "soc_pct", 1),
        ("Gehäusetemperatur", "°C", "temperature_c", 1),
        # Lists of Eastron, Schneider Electric, Carlo Gavazzi and Janitza, word for word.
        ("Phase 1 line to neutral volts.", "Volts", "voltage_l1_v", 1),
        ("Average line to neutral volts.", "Volts", "voltage_v", 1),
        ("Line 1 to Line 2 volts.", "Volts", "voltage_l1_l2_v", 1),
        ("Phase 2 power factor (1).", "None", "power_factor_l2", 1),
        ("Phase 1 L/N volts THD", "%", "thd_voltage_l1_pct", 1),
        ("Total Import kWh", "kWh", "energy_import_wh", 1000),
        ("Current B", "A", "current_l2_a", 1),
        ("Current [A]", "A", "current_a", 1),
        ("Voltage C-A", "V", "voltage_l3_l1_v", 1),
        ("Voltage BN", "V", "voltage_l2_v", 1),
        ("Active Power C", "kW", "power_l3_w", 1000),
        ("Active Energy Delivered (Into Load)", "Wh", "energy_import_wh", 1),
        ("kWh (+) TOT", "kWh", "energy_import_wh", 1000),
        ("kWh (-) TOT", "kWh", "energy_export_wh", 1000),
        ("Active energy A-", "kWh", "energy_export_wh", 1000),
        ("Real energy L1, consumed", "Wh", "energy_import_l1_wh", 1),
        ("Total import energy T", "kWh", "energy_import_wh", 1000),
    ],
)  # fmt: skip
def test_a_name_and_its_unit_say_what_is_measured(name, unit, quantity, factor):
    named = name_quantity(name, unit)

    assert named.reason == ""
    assert named.quantity == quantity
    assert named.factor == pytest.approx(factor)
    assert quantity in QUANTITIES


@pytest.mark.parametrize(
    ("name", "quantity", "factor"),
    [
        ("Spannung L1 [V]", "voltage_l1_v", 1),
        ("Active power total (kW)", "power_w", 1000),
        ("Wirkleistung L1", "power_l1_w", 1),
        ("Frequency", "frequency_hz", 1),
        ("Imported energy (kWh)", "energy_import_wh", 1000),
    ],
)
def test_without_a_column_of_units_the_name_stands_in_and_it_is_said(name, quantity, factor):
    named = name_quantity(name, None)

    assert (named.quantity, named.factor) == (quantity, factor)
    assert "by its name" in named.remark


@pytest.mark.parametrize(
    ("name", "unit", "reason"),
    [
        ("Active energy delivered", "kWh", "two ways"),
        ("Import minus export energy", "kWh", "two ways"),
        ("Maximum demand", "kW", "not the present value"),
        ("Nominal voltage", "V", "not the present value"),
        ("Active power export", "kW", "one direction only"),
        ("Something", "bananas", "the unit 'bananas' is not known"),
        ("Serial number", None, "neither its name nor a unit"),
        ("Humus", "%", "per cent of what"),
        ("THD L1", "%", "distortion of what"),
        ("Current phase 1 phase 2", "A", "current_l1_l2_a, which the program does not know"),
        ("Power L1 and L2", "W", "more than one phase"),
        ("Sum of line currents", "A", "the current of nothing"),
        ("Active energy", "kWh", "its direction is not said"),
        ("Phase 1 phase angle", "Degrees", "the angle of one phase"),
    ],
)
def test_what_can_be_understood_in_two_ways_is_refused(name, unit, reason):
    named = name_quantity(name, unit)

    assert named.quantity == ""
    assert reason in named.reason


def test_mega_and_milli_are_not_confused():
    assert unit_of("MW") == ("W", 1e6)
    assert unit_of("mW") == ("W", 1e-3)
    assert unit_of("mHz") == ("Hz", 1e-3)
    assert unit_of("MHz") is None
    assert unit_of("V/10") == ("V", 0.1)


def test_words_are_compared_without_accents_and_punctuation():
    assert plain("Énergie_active (soutirée)") == "energie active soutiree"

"""Temperatures and other gauges in tables: told apart from energy by name, unit and wish."""

from datetime import datetime, timedelta

import pytest

from energy_desktop.acquisition.files.gauges import quantity_of_name, wanted_quantity
from energy_desktop.acquisition.files.general_csv import CsvLayout, parse_csv
from energy_desktop.acquisition.files.guess import look, read_sample
from energy_desktop.acquisition.files.series import ParsedReadings, ParsedSeries
from energy_desktop.domain.errors import DataFileError, WrongUse

FIRST = datetime(2026, 3, 1)  # noqa: DTZ001


def a_csv(tmp_path, header, *values, step_min=60):
    rows = [
        f"{FIRST + timedelta(minutes=step_min * k):%Y-%m-%d %H:%M:%S},{value}"
        for k, value in enumerate(values)
    ]
    path = tmp_path / "station.csv"
    path.write_text("\n".join([f"time_utc,{header}", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "unit", "said"),
    [
        ("temperature_c", None, (5, -5)),
        ("Outdoor temperature [C]", None, (5, -5)),
        ("Außentemperatur °C", None, (5, -5)),
        ("temp_f", None, (41, 23)),
        ("TempOutside (F)", None, (41, 23)),
        ("T_out", "C", (5, -5)),
        ("temp", "K", (278.15, 268.15)),
    ],
)
def test_a_column_that_names_degrees_becomes_readings_in_celsius(tmp_path, name, unit, said):
    (found,) = parse_csv(a_csv(tmp_path, name, *said), CsvLayout(unit=unit))

    assert isinstance(found, ParsedReadings)
    assert found.quantity == "temperature_c"
    assert found.values.tolist() == [5.0, -5.0]
    assert found.rejected == ()


@pytest.mark.parametrize("unit", ["Wh", "kWh", "kW"])
def test_a_temperature_is_never_taken_for_energy(tmp_path, unit):
    path = a_csv(tmp_path, "temperature_c", 5, 6, 7)

    with pytest.raises(DataFileError, match=f"names degrees, and {unit} is no unit of that"):
        parse_csv(path, CsvLayout(unit=unit))
    with pytest.raises(DataFileError, match="names degrees, which are no energy"):
        parse_csv(path, CsvLayout(unit=unit, quantity="energy_import_wh"))


def test_degrees_are_no_unit_of_energy(tmp_path):
    path = a_csv(tmp_path, "energy", 5, 6, 7)

    with pytest.raises(DataFileError, match="C is no unit of energy or power") as told:
        parse_csv(path, CsvLayout(unit="C"))
    assert "temperature_c" in told.value.remedy


def test_what_a_column_does_not_say_is_asked_for(tmp_path):
    with pytest.raises(DataFileError, match="does not say its unit") as told:
        parse_csv(a_csv(tmp_path, "temperature", 5, 6, 7))
    assert "C, F or K" in told.value.remedy


def test_a_wish_makes_any_column_a_gauge_in_the_unit_of_its_quantity(tmp_path):
    path = a_csv(tmp_path, "S12", 40.5, 41, 39)

    (found,) = parse_csv(path, CsvLayout(quantity="humidity_pct"))

    assert (found.quantity, found.values.tolist()) == ("humidity_pct", [40.5, 41, 39])


def test_power_stays_energy_unless_its_curve_is_asked_for(tmp_path):
    path = a_csv(tmp_path, "power_kw", 1.5, 2, 1)

    (energy,) = parse_csv(path)
    (curve,) = parse_csv(path, CsvLayout(quantity="power_w"))

    assert isinstance(energy, ParsedSeries)
    assert energy.energy_wh.tolist() == [1500, 2000, 1000]
    assert (curve.quantity, curve.values.tolist()) == ("power_w", [1500, 2000, 1000])


def test_energy_comes_before_the_temperature_beside_it(tmp_path):
    path = a_csv(tmp_path, "temperature_c,energy_kwh", "5,1", "6,2", "4,1")

    (energy,) = parse_csv(path)
    (readings,) = parse_csv(path, CsvLayout(value_column="temperature_c"))

    assert energy.energy_wh.tolist() == [1000, 2000, 1000]
    assert readings.values.tolist() == [5, 6, 4]
    with pytest.raises(DataFileError, match="measure different things"):
        parse_csv(path, CsvLayout(value_columns=("temperature_c", "energy_kwh")))


def test_energy_can_be_what_was_sent_back(tmp_path):
    (found,) = parse_csv(a_csv(tmp_path, "kwh", 1, 3, 2), CsvLayout(quantity="energy_export_wh"))

    assert found.register == "energy_export_wh"


def test_readings_need_no_even_step_and_each_row_is_accounted_for(tmp_path):
    path = tmp_path / "station.csv"
    path.write_text(
        "time_utc,temperature_c\n2026-03-01 00:00,1.5\n2026-03-01 00:07,-999\n"
        "2026-03-01 00:10,2.5\n2026-03-01 00:10,2.5\n2026-03-01 00:20,3.5\n"
        "2026-03-01 01:00,1200\n2026-03-01 01:10,n/a\n2026-03-01 01:20,4.5\n"
    )

    (found,) = parse_csv(path)

    assert found.values.tolist() == [1.5, 2.5, 3.5, 4.5]
    assert [reason for _, reason in found.rejected] == [
        "the value is missing",
        "1200 °C is no temperature between -90 and 1000 °C",
        "the value is missing",
    ]
    assert found.rows_read == len(found.values) + found.duplicates + len(found.rejected) == 8
    assert (found.step_s, found.gaps) == (600, 5)


def test_a_mean_that_is_stamped_at_its_end_belongs_to_its_start(tmp_path):
    (at_start,) = parse_csv(a_csv(tmp_path, "temperature_c", 1, 2, 3))
    (at_end,) = parse_csv(a_csv(tmp_path, "temperature_c", 1, 2, 3), CsvLayout(stamp="end"))

    assert (at_start.time_ms - at_end.time_ms).tolist() == [3_600_000] * 3


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("energy_kwh", None),
        ("template", None),
        ("temperature difference", None),
        ("heating degree days", None),
        ("Temp", "temperature_c"),
        ("flow_temperature_c", "flow_temperature_c"),
        ("Irradiance W/m²", "irradiance_w_m2"),
        ("humidity pct", "humidity_pct"),
        ("rel. Luftfeuchte %", "humidity_pct"),
        ("absolute humidity g/m³", None),
        ("power_w", "power_w"),
    ],
)
def test_what_a_name_says(name, quantity):
    assert quantity_of_name(name) == quantity


def test_a_wish_that_is_nothing_names_what_is_near():
    assert wanted_quantity("outdoor_temperature") == "temperature_c"
    with pytest.raises(WrongUse, match="nothing is called so") as told:
        wanted_quantity("voltage")
    assert "voltage_v" in told.value.remedy
    with pytest.raises(WrongUse, match="it is a counter"):
        wanted_quantity("gas_volume_m3")


def test_a_look_guesses_the_gauge_and_the_sample_shows_it(tmp_path):
    found = look(a_csv(tmp_path, "Lufttemperatur °C", *range(30)))

    rows = read_sample(found, found.layout)

    assert (found.layout.value_column, found.layout.unit) == ("Lufttemperatur °C", "C")
    assert "quantity" in found.reasons
    assert [(row.value, row.quantity) for row in rows[:2]] == [
        (0.0, "temperature_c"),
        (1.0, "temperature_c"),
    ]
    assert rows[0].start_ms == rows[0].end_ms

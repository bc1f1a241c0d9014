"""From telegram to snapshot: the driver chooses, the transformers correct, the range judges."""

import math

from energy_desktop.acquisition.driver_profile import DriverProfile, Point
from energy_desktop.acquisition.reading import Correction
from energy_desktop.acquisition.telegrams import Entry, Telegram
from energy_desktop.acquisition.telegrams.matching import is_from, receivers
from energy_desktop.acquisition.telegrams.reading import TelegramReader
from energy_desktop.domain.snapshot import Quality


def a_telegram(values: dict[str, float] | None = None, *entries: Entry, **more: object) -> Telegram:
    fields = {"identity": "0A01", "time_ms": None} | more
    return Telegram(protocol="sml", values=values or {}, entries=entries, **fields)


def a_reader(*points: Point, correction: Correction | None = None) -> TelegramReader:
    profile = DriverProfile("d", protocol="obis", points=points)
    return TelegramReader(profile, correction or Correction())


def test_a_driver_without_references_takes_what_the_telegram_yields_of_its_list():
    reader = a_reader(Point("power_w"), Point("voltage_l1_v"), Point("energy_import_wh"))

    snapshot = reader.snapshot("m", 5, a_telegram({"energy_import_wh": 9.0, "power_w": -4.0}))

    assert snapshot is not None
    assert snapshot.layout.quantities == ("power_w", "energy_import_wh")
    assert snapshot.values == (-4.0, 9.0)
    assert snapshot.quality is Quality.GOOD


def test_a_value_that_fails_to_come_is_missing_and_not_forgotten():
    reader = a_reader(Point("power_w"), Point("energy_import_wh"))
    reader.snapshot("m", 5, a_telegram({"energy_import_wh": 9.0, "power_w": -4.0}))

    snapshot = reader.snapshot("m", 6, a_telegram({"energy_import_wh": 10.0}))

    assert snapshot is not None
    assert math.isnan(snapshot.value("power_w"))
    assert snapshot.quality is Quality.PARTIAL


def test_a_reference_takes_that_entry_in_its_own_unit():
    entry = Entry("1-0:15.7.0*255", "15.7.0", 1.5, "kW", "")
    reader = a_reader(Point("power_w", reference="15.7.0"))

    snapshot = reader.snapshot("m", 5, a_telegram({"power_w": 7.0}, entry))

    assert snapshot is not None
    assert snapshot.values == (1500.0,)


def test_a_unit_that_does_not_fit_gives_no_value():
    reader = a_reader(Point("power_w", reference="15.7.0"))

    snapshot = reader.snapshot("m", 5, a_telegram({}, Entry("", "15.7.0", 1.5, "kWh", "")))

    assert snapshot is None


def test_an_entry_without_unit_counts_in_what_the_driver_says():
    reader = a_reader(Point("energy_import_wh", reference="1.8.0", scale=1000.0))

    snapshot = reader.snapshot("m", 5, a_telegram({}, Entry("", "1.8.0", 12.3, "", "")))

    assert snapshot is not None
    assert snapshot.values == (12_300.0,)


def test_a_meter_the_other_way_round_has_its_directions_exchanged():
    reader = a_reader(
        Point("power_w"), Point("energy_import_wh"), correction=Correction(10.0, 1.0, invert=True)
    )

    snapshot = reader.snapshot("m", 5, a_telegram({"power_w": 5.0, "energy_import_wh": 2.0}))

    assert snapshot is not None
    assert snapshot.value("power_w") == -50.0
    assert snapshot.value("energy_export_wh") == 20.0


def test_what_lies_outside_its_range_is_set_aside():
    reader = a_reader(Point("power_factor"), Point("power_w"))

    snapshot = reader.snapshot("m", 5, a_telegram({"power_factor": 7.0, "power_w": 1.0}))

    assert snapshot is not None
    assert math.isnan(snapshot.value("power_factor"))
    assert snapshot.rejected[0].value == 7.0


def test_a_telegram_goes_to_whom_it_names_and_else_to_those_without_an_address():
    telegram = a_telegram(identity="0A0149534B00047A5544", aliases=("1 ISK00 7512 6084",))

    assert is_from(telegram, "0a 01 49 53 4b 00 04 7a 55 44")
    assert is_from(telegram, "1ISK0075126084")
    assert receivers(telegram, [("a", "1 ISK00 7512 6084"), ("b", ""), ("c", "x")]) == ("a",)
    assert receivers(telegram, [("b", ""), ("c", "x")]) == ("b",)
    assert receivers(telegram, [("c", "x")]) == ()

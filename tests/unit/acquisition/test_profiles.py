"""Driver files: every shipped one loads, a faulty one is named with its line, a new one is seen."""

import os
from pathlib import Path

import pytest

from energy_desktop.acquisition.driver_text import find_line
from energy_desktop.acquisition.profiles import ProfileLibrary, load_profile
from energy_desktop.domain.errors import DriverFileError, NotFound
from energy_desktop.domain.quantities import QUANTITIES

DRIVERS = Path(__file__).resolve().parents[3] / "drivers"
TWELVE = {
    "abb_b23", "carlo_gavazzi_em24", "carlo_gavazzi_em340", "eastron_sdm120", "eastron_sdm220",
    "eastron_sdm630", "eastron_sdm72d", "inepro_pro380", "janitza_umg96", "schneider_iem3155",
    "schneider_pm5110", "siemens_pac2200",
}  # fmt: skip

GOOD = """\
id       = "own_meter"
source   = "its manual"
serial   = { baud_rate = 2400, parity = "E", stop_bits = 1 }
defaults = { function = 3, format = "uint32", word_order = "CDAB" }

[quantities]
power_w          = { address = 0x000C, format = "int16", scale = 0.1 }
energy_import_wh = { address = 0x0048, scale = 1000, counter = true }
"""


def in_file(folder: Path, text: str, name: str = "own_meter.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(DRIVERS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_driver_loads(path):
    profile = load_profile(path)

    assert profile.driver_id == path.stem
    assert profile.source and profile.models and profile.manufacturer
    assert set(profile.layout.quantities) <= QUANTITIES.keys()


def test_the_twelve_models_are_shipped_without_a_faulty_file():
    library = ProfileLibrary([DRIVERS])

    assert library.errors() == ()
    assert {profile.driver_id for profile in library.all()} >= TWELVE


def test_the_example_in_the_folders_readme_loads(tmp_path):
    lines = (DRIVERS / "README.md").read_text().splitlines()
    example = "\n".join(line[4:] for line in lines if line.startswith("    "))

    assert load_profile(in_file(tmp_path, example)).driver_id == "maker_model"


def test_where_sources_disagree_the_driver_says_so():
    doubts = {d.driver_id: " ".join(d.doubts) for d in ProfileLibrary([DRIVERS]).drivers()}

    assert "frequency_hz: mbmd uses 46" in doubts["siemens_pac2200"]
    assert "energy_export_wh: in dispute" in doubts["carlo_gavazzi_em24"]
    assert "four-quadrant" in doubts["schneider_pm5110"]


def test_a_file_gives_what_it_says(tmp_path):
    profile = load_profile(in_file(tmp_path, GOOD), own=True)

    power, energy = profile.registers
    assert (power.address, power.function, power.value_format, power.scale) == (12, 3, "int16", 0.1)
    assert (energy.word_order, energy.count, energy.scale) == ("CDAB", 2, 1000.0)
    assert (profile.baud_rate, profile.parity, profile.own) == (2400, "E", True)
    assert profile.layout.quantities == ("power_w", "energy_import_wh")


@pytest.mark.parametrize(
    ("before", "after", "line", "reason"),
    [
        ("power_w   ", "powr_w    ", 7, "no quantity is called 'powr_w'; near it: power_w"),
        ("address = 0x000C, ", "", 7, "power_w has no address"),
        ("address = 0x0048", "address = 0x000B", 8, "overlaps power_w"),
        ('format = "int16"', 'format = "int17"', 7, "the format 'int17' is none of"),
        ("function = 3", "function = 16", 4, "function 16 reads no registers"),
        ("scale = 0.1", "scael = 0.1", 7, "the key 'scael' is not known; did you mean 'scale'?"),
        ("scale = 0.1", "scale = 0", 7, "the scale 0 is no number other than 0"),
        ("address = 0x000C", "address = 0x10000", 7, "address 65536 is outside 0 to 65535"),
        ("address = 0x0048", "address = 65535", 8, "address 65535 is outside 0 to 65534"),
        ("counter = true", "counter = false", 8, "is a counter, but the file says otherwise"),
        ('word_order = "CDAB"', 'word_order = "ACBD"', 4, "the word order 'ACBD' is none of"),
        ('parity = "E"', 'parity = "X"', 3, "the parity 'X' is none of"),
        ('"own_meter"', '"Own Meter"', 1, "is not made of a-z, 0-9 and _"),
        ('id       = "own_meter"\n', "", 1, "the key 'id' is missing"),
        ("{ address = 0x000C", "{ address == 0x000C", 7, "is not TOML"),
        ("[quantities]", "holes = [[70, 75]]\n[quantities]", 9, "lies in the hole 70 to 75"),
        ("0x000C", "true", 7, "address is not a whole number"),
        ("scale = 0.1", "unavailable = [0x10000]", 7, "does not fit into 16 bits"),
        ('format = "int16"', "format = {}", 7, "the format {} is none of"),
        ('parity = "E"', "parity = []", 3, "the parity [] is none of"),
        ("function = 3", "function = 3.0", 4, "function 3.0 reads no registers"),
        ("scale = 0.1", "scale = 1e300", 7, "the scale 1e+300 is no number"),
        ("scale = 0.1", f"scale = {'9' * 5000}", 8, "It holds a number without end"),
        ("scale = 0.1", f"scale = {'[' * 3000}", 8, "It is nested too deeply"),
    ],
)
def test_a_faulty_file_is_named_with_line_and_reason(tmp_path, before, after, line, reason):
    assert before in GOOD
    path = in_file(tmp_path, GOOD.replace(before, after, 1))

    with pytest.raises(DriverFileError) as caught:
        load_profile(path)

    assert caught.value.where == f"{path}, line {line}"
    assert reason in caught.value.what


def test_the_line_of_a_key_is_found_in_each_way_of_writing_it():
    text = (
        'id = "x"\n[quantities.power_w]\naddress = 1\n[quantities]\nvoltage_v = { address = 3 }\n'
    )

    assert find_line(text, ("quantities", "power_w", "address")) == 3
    assert find_line(text, ("quantities", "voltage_v", "address")) == 5
    assert find_line(text, ("quantities", "power_w", "scale")) == 2
    assert find_line(text, ("nothing",)) == 1


def test_a_file_dropped_into_the_folder_is_there_at_the_next_call(tmp_path):
    library = ProfileLibrary([DRIVERS, tmp_path])
    with pytest.raises(NotFound):
        library.get("own_meter")

    in_file(tmp_path, GOOD)

    assert library.get("own_meter").own
    assert not library.get("abb_b23").own


def test_an_edited_file_is_read_again_and_a_removed_one_forgotten(tmp_path):
    library = ProfileLibrary([tmp_path])
    path = in_file(tmp_path, GOOD)
    before = library.get("own_meter")
    assert library.get("own_meter") is before

    path.write_text(GOOD.replace("scale = 0.1", "scale = 0.5"))
    os.utime(path, ns=(1, 1))
    after = library.get("own_meter")
    path.unlink()

    assert after.registers[0].scale == 0.5
    assert library.all() == ()


def test_a_faulty_file_spoils_only_itself(tmp_path):
    library = ProfileLibrary([DRIVERS, tmp_path])
    in_file(tmp_path, GOOD.replace("0x000C", "-1"))

    (error,) = library.errors()

    assert "own_meter.toml, line 7" in error.where
    assert {profile.driver_id for profile in library.all()} >= TWELVE
    with pytest.raises(DriverFileError):
        library.get("own_meter")


def test_an_id_that_is_taken_is_refused_and_the_first_file_stays(tmp_path):
    library = ProfileLibrary([DRIVERS, tmp_path])
    in_file(tmp_path, GOOD.replace("own_meter", "abb_b23"), "mine.toml")

    (error,) = library.errors()

    assert error.where.endswith("mine.toml, line 1")
    assert "'abb_b23' is taken by" in error.what
    assert not library.get("abb_b23").own


def test_a_layout_keeps_its_id_until_its_quantities_change(tmp_path):
    first = load_profile(in_file(tmp_path, GOOD)).layout
    rescaled = load_profile(in_file(tmp_path, GOOD.replace("0.1", "0.2"))).layout
    renamed = load_profile(in_file(tmp_path, GOOD.replace("power_w  ", "demand_w "))).layout

    assert first.layout_id == rescaled.layout_id
    assert first.layout_id != renamed.layout_id


def test_the_manual_number_is_one_based_with_its_prefix():
    library = ProfileLibrary([DRIVERS])

    views = {v.quantity: v for v in library.registers("eastron_sdm120")}
    high = {v.quantity: v for v in library.registers("abb_b23")}

    assert views["power_w"].manual_number == "30013"
    assert high["energy_import_wh"].manual_number == "420481"


def test_a_file_that_is_not_there_is_told_as_such(tmp_path):
    with pytest.raises(DriverFileError, match=r"There is no such file\."):
        load_profile(tmp_path / "missing.toml")

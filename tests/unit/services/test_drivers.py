"""Drivers are copied, checked, tried and kept; the shipped ones stay as they are."""

from pathlib import Path

import pytest

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain import driver
from energy_desktop.domain.errors import DriverFileError, NotFound, UserFacingError, WrongUse
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.services.drivers import DriverService

SHIPPED = Path(__file__).resolve().parents[3] / "drivers"
LINK = Link("line", LinkKind.MODBUS_TCP, host="127.0.0.1")

OWN = """\
id = "own_meter"
[quantities]
power_w          = { address = 0x000C }
energy_import_wh = { address = 0x0048, scale = 1000, every = 10 }
"""

LIST = """\
Address,Name,Type,Scale,Unit
0x0000,Voltage L1,float32,1,V
12,Active power total,int32,0.1,kW
72,Imported energy,uint32,,kWh
80,Serial number,string,,
"""


class Wire:
    """A FieldControl that answers by the profile it is told to read with."""

    def __init__(self, library: ProfileLibrary) -> None:
        self.library = library
        self.asked: list[tuple[str, int, str]] = []

    def read_once(self, link, driver_id, unit_id, *, address="", timeout_s=5.0):
        profile = self.library.get(driver_id)
        self.asked.append((profile.driver_id, unit_id, address))
        return driver.TestReading(dict.fromkeys(profile.layout.quantities, 1.0), (), 5.0, ())


@pytest.fixture
def library(tmp_path):
    return ProfileLibrary([SHIPPED, tmp_path / "own"])


@pytest.fixture
def service(library, tmp_path):
    return DriverService(library, tmp_path / "own", Wire(library))


def test_a_copy_differs_from_its_original_in_its_id_alone(service):
    text = service.copy("eastron_sdm120", "my_sdm120")

    original = service.text("eastron_sdm120")
    assert text.replace('"my_sdm120"', '"eastron_sdm120"') == original
    assert service.check(text).info.driver_id == "my_sdm120"


@pytest.mark.parametrize("new_id", ["eastron_sdm630", "Own Meter", "", "../evil"])
def test_an_id_that_is_taken_or_cannot_be_one_is_refused(service, new_id):
    with pytest.raises(WrongUse):
        service.copy("eastron_sdm120", new_id)


def test_every_mistake_of_a_text_is_told_with_its_line(service):
    wrong = OWN.replace("0x000C", '"x"').replace("scale = 1000", "scale = 0")

    problems = service.check(wrong).problems

    assert [line for line, _ in problems] == [3, 4]
    assert "address is not a whole number" in problems[0][1]
    assert "the scale 0" in problems[1][1]


def test_a_text_that_is_no_toml_is_told_with_its_line(service):
    ((line, what),) = service.check(OWN + "\nrubbish\n").problems

    assert line == 6
    assert "is not TOML" in what


def test_a_sound_text_says_what_it_yields_and_costs(service):
    found = service.check(OWN)

    assert found.problems == ()
    assert found.info.quantities == ("power_w", "energy_import_wh")
    assert "2 values in 2 requests of 4 registers, 1 of them read more rarely" in found.summary


def test_a_saved_driver_is_used_at_once_and_may_be_saved_again(service, library):
    info = service.save(OWN)
    assert info.own and library.get("own_meter").registers[0].address == 12

    service.save(OWN.replace("0x000C", "0x0020"))

    assert library.get("own_meter").registers[0].address == 0x20
    assert service.text("own_meter") == OWN.replace("0x000C", "0x0020")
    assert len([d for d in service.drivers() if d.driver_id == "own_meter"]) == 1


def test_a_shipped_driver_is_never_written_over(service):
    before = service.text("abb_b23")

    with pytest.raises(WrongUse, match="shipped"):
        service.save(before.replace("scale = 10", "scale = 20"))

    assert service.text("abb_b23") == before


def test_a_text_that_does_not_load_is_not_saved(service, tmp_path):
    with pytest.raises(DriverFileError):
        service.save(OWN.replace("power_w ", "powr_w "))

    assert not (tmp_path / "own").exists()


def test_a_driver_is_tried_before_it_is_saved_and_leaves_no_trace(service, library):
    reading = service.test(OWN, LINK, 7, "meter 2")

    assert reading.values.keys() == {"power_w", "energy_import_wh"}
    assert service._field.asked == [("own_meter", 7, "meter 2")]
    with pytest.raises(NotFound):
        library.get("own_meter")


def test_without_an_engine_nothing_can_be_tried_and_without_a_site_nothing_kept(library):
    service = DriverService(library, None)

    with pytest.raises(WrongUse, match="No engine"):
        service.test(OWN, LINK, 1)
    with pytest.raises(WrongUse, match="No site"):
        service.save(OWN)


def test_an_exported_driver_is_the_file_itself(service, tmp_path):
    path = service.export("eastron_sdm120", tmp_path / "shared" / "sdm120.toml")

    assert path.read_text() == service.text("eastron_sdm120")


def test_a_folder_that_cannot_be_written_is_told_in_words(service, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UserFacingError, match="cannot be written"):
        service.export("eastron_sdm120", tmp_path / "file" / "x.toml")


def test_a_list_becomes_a_driver_that_loads_and_says_what_was_left_out(service, tmp_path):
    path = tmp_path / "Maker's list.csv"
    path.write_text(LIST)

    text = service.from_list(service.read_list(path), "made_here", 4)

    found = service.check(text)
    assert found.problems == ()
    assert found.info.quantities == ("voltage_l1_v", "power_w", "energy_import_wh")
    assert any("0-based" in doubt for doubt in found.info.doubts)
    assert "# line 5, Serial number: the type 'string' is no number" in text
    registers = {r.quantity: r for r in service.registers(service.save(text).driver_id)}
    assert (registers["power_w"].address, registers["power_w"].scale) == (12, 100.0)
    assert {r.function for r in registers.values()} == {4}
    assert registers["energy_import_wh"].every == 10


def test_a_list_with_hostile_words_stays_a_list(service, tmp_path):
    path = tmp_path / 'x"]\nid = "evil.csv'.replace("\n", " ")
    path.write_text(LIST.replace("Serial number", '"]\nid = ""evil'))

    text = service.from_list(service.read_list(path), "made_here")

    assert service.check(text).info.driver_id == "made_here"


def test_a_list_without_a_usable_row_makes_no_driver(service, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("Address,Name,Type,Unit\n1,Serial number,string,\n")

    with pytest.raises(WrongUse, match="No row"):
        service.from_list(service.read_list(path), "made_here")


def test_a_list_never_takes_the_id_of_a_driver_that_there_is(service, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(LIST)

    with pytest.raises(WrongUse, match="There is a driver"):
        service.from_list(service.read_list(path), "eastron_sdm120")

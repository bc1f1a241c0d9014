"""Lists of meters: errors by row, all or nothing."""

import openpyxl
import pytest

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.errors import DataFileError, WrongUse
from energy_desktop.domain.site import Link, LinkKind, Meter, Role, Site, Space, SpaceKind
from energy_desktop.services.bulk_meters import MAX_METERS, BulkMeterService

HEAD = "id;name;driver;host;port;unit;role\n"


class Store:
    def __init__(self, configuration):
        self.configuration = configuration
        self.replaced = 0

    def load(self):
        return self.configuration

    def replace(self, configuration):
        self.configuration = configuration
        self.replaced += 1


class Catalogue:
    def drivers(self):
        return (
            DriverInfo("sdm630", "Eastron", ("SDM630",), ("power_w",), ""),
            DriverInfo("obis", "Any", ("P1",), ("power_w",), "", protocol="obis"),
        )


@pytest.fixture
def store():
    return Store(
        Configuration(
            site=Site("Works", "UTC"),
            spaces=(Space("hall-2", "Hall 2", SpaceKind.ZONE),),
            links=(Link("gateway", LinkKind.MODBUS_TCP, host="10.0.0.9", port=502),),
            meters=(
                Meter("old", "Old", "sdm630", "gateway", 1, role=Role.GRID, serial_number="7"),
            ),
        )
    )


@pytest.fixture
def followed():
    return []


@pytest.fixture
def service(store, followed):
    return BulkMeterService(store, Catalogue(), followed.append)


def a_list(folder, text):
    path = folder / "meters.csv"
    path.write_text(text, encoding="utf-8")
    return path


def errors(plan):
    return [(row.number, row.error.what) for row in plan.errors]


def test_a_good_list_is_stored_in_one_go_and_polling_follows(service, store, followed, tmp_path):
    plan = service.read(
        a_list(tmp_path, HEAD + "a;Press;sdm630;10.0.0.5;502;1;load\nb;Mill;sdm630;10.0.0.5;;2;\n")
    )

    assert service.apply(plan) == 2
    assert store.replaced == 1
    assert followed == [store.configuration]
    press, mill = store.configuration.meter("a"), store.configuration.meter("b")
    assert (press.unit_id, mill.unit_id, press.link_id) == (1, 2, mill.link_id)
    assert store.configuration.link(press.link_id).address == "10.0.0.5:502"
    assert store.configuration.meter("old") is not None


def test_every_row_with_a_mistake_is_told_and_nothing_is_stored(service, store, tmp_path):
    rows = (
        "a;Press;nobody;10.0.0.5;502;1;load",
        "b;Mill;sdm630;10.0.0.5;502;ten;load",
        "c;Saw;sdm630;10.0.0.5;502;3;lamp",
        "d;Good;sdm630;10.0.0.5;502;4;load",
        "d;Again;sdm630;10.0.0.5;502;5;load",
        "f;Nowhere;sdm630;;;6;load",
    )
    plan = service.read(a_list(tmp_path, HEAD + "\n".join(rows)))

    found = dict(errors(plan))
    assert sorted(found) == [2, 3, 4, 6, 7]
    assert "no driver 'nobody'" in found[2]
    assert "'ten'" in found[3]
    assert "'lamp'" in found[4]
    assert "row 5" in found[6]
    assert "both a driver and a link" in found[7]
    with pytest.raises(WrongUse, match="5 rows have a mistake"):
        service.apply(plan)
    assert store.replaced == 0


def test_two_meters_may_not_have_one_unit_of_a_link(service, tmp_path):
    plan = service.read(
        a_list(tmp_path, HEAD + "a;A;sdm630;10.0.0.5;;1;\nb;B;sdm630;10.0.0.5;;1;\n")
    )

    assert [row.number for row in plan.errors] == [2, 3]
    assert "used twice" in plan.errors[0].error.what


def test_a_link_to_the_same_place_is_used_and_not_made_again(service, store, tmp_path):
    service.apply(service.read(a_list(tmp_path, HEAD + "a;A;sdm630;10.0.0.9:502;;2;\n")))

    assert store.configuration.meter("a").link_id == "gateway"
    assert len(store.configuration.links) == 1


def test_a_meter_that_is_there_keeps_what_its_row_leaves_out(service, store, tmp_path):
    service.apply(service.read(a_list(tmp_path, "id;name\nold;Incomer\n")))

    old = store.configuration.meter("old")
    assert (old.name, old.role, old.serial_number, old.link_id) == (
        "Incomer",
        Role.GRID,
        "7",
        "gateway",
    )


def test_a_serial_port_has_one_speed(service, tmp_path):
    text = (
        "name,driver,device,baud,unit,space\n"
        "A,sdm630,COM4,9600,1,Hall 2\nB,sdm630,COM4,19200,2,hall-2\n"
    )
    plan = service.read(a_list(tmp_path, text))

    assert [row.number for row in plan.errors] == [3]
    assert plan.rows[0].meter.space_id == "hall-2"
    assert plan.rows[0].meter.meter_id == "a"


def test_a_driver_of_another_protocol_does_not_fit_the_link(service, tmp_path):
    plan = service.read(a_list(tmp_path, HEAD + "a;A;obis;10.0.0.5;;1;\n"))

    assert "speaks obis" in plan.errors[0].error.what


def test_excel_is_read_like_csv_and_a_formula_is_no_value(service, tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["id", "name", "driver", "host", "unit", "ct_ratio"])
    sheet.append(["a", "A", "sdm630", "10.0.0.5", 3, 40])
    sheet.append(["b", '=cmd|"/C calc"!A1', "sdm630", "10.0.0.5", 4, 1])
    path = tmp_path / "meters.xlsx"
    book.save(path)

    plan = service.read(path)

    assert (plan.rows[0].meter.unit_id, plan.rows[0].meter.ct_ratio) == (3, 40.0)
    assert "formula" in plan.errors[0].error.what


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("driver;unit\nsdm630;1\n", "no column is called id or name"),
        ("id;name;colour\na;A;red\n", "'colour' is not known"),
        ("id;meter_id\na;b\n", "two columns"),
        ("id;name\n", "no row"),
        ("id;name\n" + "a;A\n" * (MAX_METERS + 1), "more than"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_in_words(service, tmp_path, text, words):
    with pytest.raises(DataFileError, match=words):
        service.read(a_list(tmp_path, text))


def test_what_changed_since_the_list_was_read_is_looked_at_again(service, store, tmp_path):
    plan = service.read(a_list(tmp_path, HEAD + "a;A;sdm630;10.0.0.9;502;2;\n"))
    taken = Meter("late", "Late", "sdm630", "gateway", 2)
    store.configuration = Configuration(
        site=store.configuration.site,
        links=store.configuration.links,
        meters=(*store.configuration.meters, taken),
    )

    with pytest.raises(WrongUse, match="used twice"):
        service.apply(plan)
    assert store.replaced == 0


def test_the_examples_of_the_template_are_rows_once_their_mark_is_removed(service, tmp_path):
    path = service.template(tmp_path / "list.csv")
    with pytest.raises(DataFileError, match="no row"):
        service.read(path)

    path.write_text(path.read_text("utf-8-sig").replace("# ", ""), "utf-8")

    plan = service.read(path)
    assert [row.meter.meter_id for row in plan.rows] == ["press-4", "mill-1"]


def test_a_list_to_start_with_is_not_written_under_the_name_of_an_excel_file(service, tmp_path):
    with pytest.raises(WrongUse, match=r"\.csv"):
        service.template(tmp_path / "list.xlsx")

    assert not list(tmp_path.iterdir())

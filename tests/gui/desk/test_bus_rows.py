"""Rows of the bus table: how full a bus is, how its units answer, what nobody polls."""

from dataclasses import replace

import pytest

from energy_desktop.domain.bus import BusError, BusStatistics, ErrorCount, UnitStatistics
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.meters import MeterListing
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.desk.bus_rows import bus_rows, errors_text
from tests.gui.fakes import NOW

FORMATS = Formats("Europe/Berlin", clock=lambda: NOW)
BUS = Link("bus", LinkKind.MODBUS_RTU, device="COM4")
P1 = Link("p1", LinkKind.P1, device="COM7", baud_rate=115_200)
SITE = Configuration(links=(BUS,))
SDM = DriverInfo("sdm", "Eastron", ("SDM630",), ("power_w",), "manual")


def listing(name, state=LinkState.GOOD, unit=1, link=BUS, **status):
    meter = Meter(name, name.title(), "sdm", link.link_id, unit_id=unit)
    return MeterListing(meter, link, SDM, MeterStatus(name, state, **status), None)


def statistics(*units, needed=61.2, shared=""):
    return (BusStatistics("bus", 48.0, needed, units, (), shared),)


def test_a_bus_stands_above_its_meters_with_its_load_and_errors():
    rows = bus_rows(
        FORMATS,
        SITE,
        [listing("a", unit=5), listing("b", unit=6)],
        statistics(UnitStatistics(5, 300, 0, 58.2), UnitStatistics(6, 100, 4, 61.0)),
    )

    assert [r.key for r in rows] == ["link bus", "a", "b"]
    assert rows[0].title == "COM4 9600 8N1"
    assert rows[0].load == "61\u00a0% of its cycle"
    assert "busy 48\u00a0%" in rows[0].spoken
    assert [r.errors for r in rows] == ["1.0", "0.0", "4.0"]
    assert [(r.unit, r.p95) for r in rows[1:]] == [("5", "58"), ("6", "61")]
    assert not any(r.doubtful for r in rows)


def test_a_refusal_is_an_answer_and_stands_among_the_errors_by_kind():
    (bus,) = statistics(UnitStatistics(5, 100, 41, 58.0), UnitStatistics(7, 10, 10, None))
    bus = replace(
        bus,
        errors=(
            ErrorCount(5, BusError.EXCEPTION, 60, 40, 2),
            ErrorCount(5, BusError.TIMEOUT, 1, 1),
            ErrorCount(7, BusError.TIMEOUT, 90, 10),
            ErrorCount(7, BusError.CHECKSUM, 4, 0),
        ),
    )

    rows = bus_rows(FORMATS, SITE, [listing("a", unit=5)], (bus,))
    wrong = bus_rows(FORMATS, SITE, [listing("a", LinkState.MISCONFIGURED, 5)], (bus,))

    assert (rows[0].errors, rows[1].errors, wrong[1].errors) == ("10.0", "1.0", "41.0")
    assert errors_text(FORMATS, bus) == "exception 2: 40, no answer 11"
    assert errors_text(FORMATS, bus, 7) == "no answer 10"


def test_a_dead_unit_has_no_time_and_every_request_failed():
    rows = bus_rows(
        FORMATS,
        SITE,
        [listing("a", LinkState.LOST, 7)],
        statistics(UnitStatistics(7, 60, 60, None)),
    )

    assert (rows[1].p95, rows[1].errors, rows[1].doubtful) == ("–", "100", True)


@pytest.mark.parametrize(
    ("needed", "shared", "doubtful"),
    [(61.0, "", False), (140.0, "", True), (20.0, "Echoes of other requests.", True)],
)
def test_a_bus_is_doubtful_when_its_plan_does_not_fit_or_another_master_asks(
    needed, shared, doubtful
):
    rows = bus_rows(FORMATS, SITE, [listing("a")], statistics(needed=needed, shared=shared))

    assert rows[0].doubtful is doubtful
    assert shared in rows[0].spoken


def test_without_a_count_of_its_link_a_meter_shows_what_its_poller_counted():
    rows = bus_rows(
        FORMATS, SITE, [listing("a", polls=90, failures=9, round_trip_ms=50.4), listing("b")]
    )

    assert (rows[0].load, rows[0].errors) == ("", "10.0")
    assert (rows[1].p95, rows[1].errors) == ("50", "10.0")
    assert rows[2].errors == "–"


def test_meters_told_apart_by_address_show_it_instead_of_a_unit():
    meter = replace(listing("a", link=P1).meter, address="E0012")
    one = MeterListing(meter, P1, SDM, MeterStatus("a", LinkState.GOOD), None)

    rows = bus_rows(FORMATS, Configuration(links=(P1,)), [one])

    assert rows[0].load == "listens"
    assert rows[1].unit == "E0012"


def test_imported_meters_stand_last_and_a_bus_without_meters_says_so():
    imported = MeterListing(
        Meter("file", "File"), None, None, MeterStatus("file", LinkState.STOPPED), None
    )
    site = Configuration(links=(BUS, replace(BUS, link_id="spare", device="COM5")))

    rows = bus_rows(FORMATS, site, [imported, listing("a")])

    assert [r.title for r in rows] == [
        *("COM4 9600 8N1", "A", "COM5 9600 8N1", "Not polled", "File"),
    ]
    assert rows[2].load == "no meter yet"
    assert (rows[4].state, rows[4].unit, rows[4].errors) == ("imported", "", "")

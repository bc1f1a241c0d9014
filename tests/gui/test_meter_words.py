"""A lost meter's likely cause comes from its neighbours; states and problems are said in words."""

from dataclasses import replace

import pytest

from energy_desktop.domain.driver import RegisterView
from energy_desktop.domain.errors import DriverFileError
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.meters import MeterListing
from energy_desktop.services.site_file.service import AppliedChanges
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views import meter_words as words
from tests.gui.fakes import NOW

NOW_MS = round(NOW.timestamp() * 1000)
FORMATS = Formats("Europe/Berlin", clock=lambda: NOW)
BUS = Link("bus", LinkKind.MODBUS_RTU, device="COM4")


def listing(name: str, state: LinkState, unit: int = 1, **status) -> MeterListing:
    meter = Meter(name, name.title(), "sdm", "bus", unit_id=unit)
    return MeterListing(meter, BUS, None, MeterStatus(name, state, **status), NOW_MS - 2000)


LOST = LinkState.LOST
GOOD = LinkState.GOOD


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([], "No other meter is on"),
        ([GOOD, GOOD], "likely the meter itself"),
        ([LOST, LOST], "likely the link itself"),
        ([LOST, GOOD], "likely the cable between"),
        ([LinkState.WAITING], "No other meter is on"),
        ([LinkState.MISCONFIGURED], "likely the meter itself"),
    ],
)
def test_the_neighbours_tell_link_from_meter(others, said):
    press = listing("press", LOST)
    everyone = [press, *(listing(f"m{i}", state, i + 2) for i, state in enumerate(others))]

    assert said in words.likely_cause(press, everyone)


def test_meters_of_another_link_say_nothing():
    press = listing("press", LOST)
    far = replace(listing("far", GOOD), meter=Meter("far", "Far", "sdm", "other"))

    assert "No other meter" in words.likely_cause(press, [press, far])


def test_trouble_has_since_when_why_what_to_do_and_the_next_try():
    lost = listing(
        "press",
        LOST,
        lost_since_ms=NOW_MS - 932_000,
        next_try_ms=NOW_MS + 28_000,
        last_error="no answer in 3 tries of 1.0 s",
        remedy="Check its power.",
    )

    what, how = words.trouble(FORMATS, lost, [lost])

    assert what == "No answer for 15 min 32 s"
    assert how.startswith("No answer in 3 tries of 1.0 s. ")
    assert how.endswith("Check its power. Next try 14:37:40.")
    assert words.trouble(FORMATS, listing("press", GOOD), [lost]) is None


def test_names_of_quantities_are_read_as_labels():
    assert words.readable("frequency_hz is in doubt") == "Frequency is in doubt"


def test_a_single_register_has_no_word_order():
    view = RegisterView("power_w", 0, "40001", 3, "int16", "ABCD", 1.0)
    assert words.format_text(view) == "int16"
    assert words.format_text(replace(view, value_format="float32")) == "float32 ABCD"


def test_every_driver_file_that_fails_is_named():
    errors = [
        DriverFileError(where=f"{n}.toml, line {n}", what="no id.", remedy="Add it.")
        for n in (3, 4)
    ]

    text = words.driver_problems_text(errors)

    assert text.startswith("2 driver files")
    assert "3.toml, line 3" in text
    assert "4.toml, line 4" in text
    assert words.driver_problems_text([]) == ""


def test_applied_changes_are_counted_by_kind():
    changes = AppliedChanges({"meters": 2, "batteries": 1, "site": 0}, {"site": 1}, {"links": 4})

    assert words.applied_text(changes) == "New: 2 meters, 1 battery. Changed: the site."
    assert "already" in words.applied_text(AppliedChanges({}, {}, {"meters": 1}))

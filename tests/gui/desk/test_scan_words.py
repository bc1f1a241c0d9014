"""Unit ids and addresses as they are typed; what is meant is asked once, and never more."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.commissioning import ScanPlan
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.desk.scan_words import (
    addresses_of,
    lines_of,
    parse_hosts,
    parse_units,
    plan_text,
)

LINE = Link("bus", LinkKind.MODBUS_RTU, device="COM4", baud_rate=19200)
GATE = Link("gate", LinkKind.MODBUS_TCP, host="10.0.0.7", port=502)
SITE = Configuration(links=(LINE, GATE))


def test_ranges_and_single_units_are_asked_in_order_each_once():
    assert parse_units("3-5, 1; 4, 247") == (3, 4, 5, 1, 247)


@pytest.mark.parametrize("text", ["", "x", "5-3", "1-248", "1..5", "-3"])
def test_what_is_no_unit_is_said(text):
    with pytest.raises(ValueError, match="unit id"):
        parse_units(text)


@given(st.lists(st.integers(0, 247), min_size=1, max_size=40))
def test_every_unit_that_is_typed_is_asked_and_no_other(units):
    assert set(parse_units(", ".join(map(str, units)))) == set(units)


def test_addresses_are_ranges_networks_and_names():
    assert parse_hosts("10.0.0.9-11, gateway.local, 10.0.1.0/30, 10.0.0.10") == (
        *("10.0.0.9", "10.0.0.10", "10.0.0.11", "gateway.local", "10.0.1.1", "10.0.1.2"),
    )
    assert parse_hosts("10.0.0.1-10.0.0.2") == ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Enter the addresses"),
        ("10.0.0.9-3", "no range"),
        ("10.0.0.300", "no address"),
        ("10.0.0.0/99", "no network"),
        ("10.0.0.0/16", "more than 1024"),
        ("a b", "no address or name"),
        (", ".join(f"10.0.{n}.0-255" for n in range(5)), "More than 1024"),
    ],
)
def test_what_is_no_address_and_what_is_too_much_is_said(text, said):
    with pytest.raises(ValueError, match=said):
        parse_hosts(text)


def test_a_line_that_is_polled_already_is_that_very_link():
    found = lines_of(SITE, "COM4", (9600, 19200), ("N", "E"))

    assert [(k.baud_rate, k.parity) for k in found] == [
        *((9600, "N"), (9600, "E"), (19200, "N"), (19200, "E")),
    ]
    assert found[2] is LINE
    assert found[0] == replace(LINE, link_id="com4", baud_rate=9600)


def test_an_address_that_is_polled_already_is_that_very_link():
    found = addresses_of(SITE, ("10.0.0.7", "10.0.0.8"), 502, LinkKind.MODBUS_TCP)

    assert found[0] is GATE
    assert (found[1].link_id, found[1].host) == ("10-0-0-8-502", "10.0.0.8")


def test_the_length_of_a_scan_is_told_before_it_begins():
    formats = Formats("Europe/Berlin")
    plan = ScanPlan((LINE, GATE), tuple(range(1, 61)), timeout_s=0.3, pause_s=0.05)

    said = plan_text(formats, plan)

    assert "120 requests, one at a time" in said
    assert formats.exact_duration(42) in said
    assert "reads only" in said

"""A meter's own clock is looked at over the wire, and never stamps a reading."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.domain.snapshot import LinkState
from tests.integration.acquisition.fields import Sink, wait_until
from tests.support.register_server import serving_registers

DRIVER = """
id = "clocked"
defaults = { function = 3, format = "uint16" }
clock = { address = 100, format = "unix32" }
[quantities]
power_w = { address = 0 }
"""


@pytest.fixture
def library(tmp_path):
    (tmp_path / "clocked.toml").write_text(DRIVER, encoding="utf-8")
    return ProfileLibrary([tmp_path])


def polled(library, server):
    sink = Sink()
    field = Field(library, sink)
    link = Link("l", LinkKind.MODBUS_TCP, host="127.0.0.1", port=server.port)
    meter = Meter("m", "Lathe", "clocked", "l", poll_interval_s=0.2)
    field.reconfigure(
        Configuration(site=Site("W", "Europe/Berlin"), links=(link,), meters=(meter,))
    )
    field.start()
    return field, sink


def clock_words(offset_s: float) -> dict[int, int]:
    seconds = round((datetime.now(UTC) + timedelta(seconds=offset_s)).timestamp())
    return {100: seconds >> 16, 101: seconds & 0xFFFF}


def test_a_clock_that_is_an_hour_ahead_is_seen_and_readings_keep_our_time(library, caplog):
    with serving_registers({0: 230, **clock_words(3_600)}) as server:
        field, sink = polled(library, server)
        try:
            wait_until(lambda: field.statuses()["m"].clock_ahead_s is not None)
            status = field.statuses()["m"]
        finally:
            field.stop()
        asked = [ask for ask in server.asked if ask[1] == 100]

    assert status.clock_ahead_s == pytest.approx(3_600, abs=3)
    assert caplog.text.count("its own clock is ") == 1
    assert all(abs(s.read_at_ms / 1000 - time.time()) < 60 for s in sink.of("m"))
    assert len(asked) == 1  # of several polls


def test_a_meter_that_refuses_to_tell_its_time_is_polled_all_the_same(library):
    with serving_registers({0: 230}) as server:
        field, sink = polled(library, server)
        try:
            wait_until(lambda: len(sink.of("m")) >= 4)
            status = field.statuses()["m"]
        finally:
            field.stop()
        asked = [ask for ask in server.asked if ask[1] == 100]

    assert (status.state, status.failures, status.clock_ahead_s) == (LinkState.GOOD, 0, None)
    assert len(asked) == 1

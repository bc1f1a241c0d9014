"""Where in a message a value stands, and when it was read; the shipped MQTT drivers on examples."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.message_values import (
    MessageRefused,
    parse_message,
    parse_path,
    time_of,
    value_at,
)
from energy_desktop.acquisition.point_values import PointValues
from energy_desktop.acquisition.profiles import load_profile
from energy_desktop.acquisition.reading import Correction

DRIVERS = Path(__file__).resolve().parents[3] / "drivers"

SHELLY_EM1 = {"id": 0, "current": 22.78, "voltage": 224.6, "act_power": 5080.3, "pf": 0.99}
TASMOTA = {
    "Time": "2026-03-01T12:00:00",
    "ENERGY": {"Total": 12.345, "Power": 367, "Voltage": 235, "Current": 2.156, "Factor": 0.72},
}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("", ()),
        ("power", ("power",)),
        ("ENERGY.Power", ("ENERGY", "Power")),
        ("emeters.0.power", ("emeters", "0", "power")),
        ('"aenergy.total".x', ("aenergy.total", "x")),
    ],
)
def test_a_path_is_its_steps(path, steps):
    assert parse_path(path) == steps


@given(
    st.lists(st.text("abcdefgh", min_size=1, max_size=5), max_size=4),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_value_is_found_where_it_was_put(steps, value):
    message = value
    for step in reversed(steps):
        message = {step: message}

    assert value_at(message, parse_path(".".join(steps))) == value


@pytest.mark.parametrize("value", [True, False, None, [], {}, "on", "", "nan", "inf", 10**400])
def test_what_is_no_number_is_none(value):
    assert value_at({"a": value}, ("a",)) is None


def test_a_number_written_as_text_counts():
    assert value_at({"a": "12.5"}, ("a",)) == 12.5


@pytest.mark.parametrize("payload", [b"{", b"\xff", b"[1,", b'{"a": Infinity}', b" " * 300_000])
def test_what_is_no_json_is_refused(payload):
    with pytest.raises(MessageRefused):
        parse_message(payload)


@pytest.mark.parametrize(
    ("message", "ms"),
    [
        ({"ts": 1_780_000_000}, 1_780_000_000_000),
        ({"timestamp": 1_780_000_000_123}, 1_780_000_000_123),
        ({"last_seen": "2026-03-01T12:00:00+01:00"}, 1_772_362_800_000),
        ({"Time": "2026-03-01T12:00:00"}, None),  # whose noon?
        ({"time": 42}, None),
        ({"ts": True}, None),
        ([1], None),
        (5.0, None),
    ],
)
def test_only_a_time_that_is_certain_is_a_time(message, ms):
    assert time_of(message) == ms


@pytest.mark.parametrize(
    ("driver", "message", "wanted"),
    [
        ("shelly_em1_mqtt", SHELLY_EM1, {"power_w": 5080.3, "voltage_v": 224.6}),
        ("tasmota_energy", TASMOTA, {"energy_import_wh": 12_345.0, "power_w": 367.0}),
        ("zigbee2mqtt_plug", {"power": 8.4, "energy": 1.2}, {"energy_import_wh": 1_200.0}),
    ],
)
def test_a_shipped_driver_reads_a_message_of_its_device(driver, message, wanted):
    profile = load_profile(DRIVERS / f"{driver}.toml")
    raw = {p.quantity: value_at(message, parse_path(p.path)) for p in profile.points}
    known = {name: value for name, value in raw.items() if value is not None}

    snapshot = PointValues(profile, Correction()).snapshot("m", 0, known)

    for name, value in wanted.items():
        assert snapshot.value(name) == value
    assert snapshot.rejected == ()

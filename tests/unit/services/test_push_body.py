"""The body that sensors post: whatever comes is readings or one sentence, never a crash."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.services.push_body import (
    FIELDS,
    MOST_READINGS,
    BodyRefused,
    Posted,
    read_body,
)

READING = {"energy_produced": 75.5, "energy_consumed": 62.3, "current_load": 35.8}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.sampled_from([f.name for f in FIELDS] + ["facility_id", "timestamp", "readings", "x"])


def read(document) -> tuple:
    return read_body(json.dumps(document).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_readings_or_a_sentence(body):
    try:
        readings, _ = read_body(body)
    except BodyRefused as refusal:
        assert refusal.what and refusal.remedy
    else:
        assert readings


@given(JSON | st.dictionaries(NAMES, JSON, max_size=8), st.dictionaries(NAMES, JSON, max_size=4))
def test_any_json_is_readings_of_finite_numbers_or_a_sentence(document, more):
    if isinstance(document, dict):
        document = {**READING, **document, **more}
    try:
        readings, _ = read_body(json.dumps(document).encode())
    except BodyRefused as refusal:
        readings = (refusal,)
    for one in readings:
        if isinstance(one, BodyRefused):
            assert one.what and one.remedy and "\n" not in one.what
        else:
            assert all(math.isfinite(value) for value in one.values.values())


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_comes_through_as_it_was_sent(value):
    ((posted,), _) = read({**READING, "voltage": value})

    assert posted.values["voltage"] == value


@pytest.mark.parametrize(
    ("given_as", "ms"),
    [
        ("2026-03-01T12:00:00Z", 1_772_366_400_000),
        ("2026-03-01T13:00:00+01:00", 1_772_366_400_000),
        (1_772_366_400, 1_772_366_400_000),
        (1_772_366_400.5, 1_772_366_400_500),
        (1_772_366_400_000, 1_772_366_400_000),
    ],
)
def test_a_timestamp_is_understood_with_a_zone_in_seconds_and_in_milliseconds(given_as, ms):
    ((posted,), _) = read({**READING, "timestamp": given_as})

    assert posted.read_at_ms == ms


def test_too_many_readings_are_refused_and_the_most_are_not():
    assert len(read([READING] * MOST_READINGS)[0]) == MOST_READINGS
    with pytest.raises(BodyRefused, match="2001 readings"):
        read([READING] * (MOST_READINGS + 1))


@given(st.lists(st.sampled_from([READING, None, {}, {**READING, "voltage": "230"}]), min_size=1))
def test_each_reading_of_an_array_is_judged_for_itself_and_keeps_its_place(items):
    found, _ = read(items)

    assert [isinstance(one, Posted) for one in found] == [item == READING for item in items]


def test_nan_costs_the_reading_that_holds_it_and_no_other():
    body = json.dumps([READING, {**READING, "voltage": math.nan}, {**READING, "note": math.nan}])

    (good, bad, noted), _ = read_body(body.encode())

    assert isinstance(good, Posted) and isinstance(noted, Posted)
    assert isinstance(bad, BodyRefused) and bad.what == "voltage is NaN, which is no number."


def test_null_is_not_available_and_a_note_is_left():
    ((posted,), _) = read({**READING, "voltage": None, "firmware": "1.2"})

    assert set(posted.values) == set(READING)


@pytest.mark.parametrize(
    "beyond",
    [
        10**400,
        -(10**400),
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1969-12-31T23:59:59Z",
        -1,
        1e300,
    ],
)
def test_a_time_beyond_every_calendar_is_refused(beyond):
    with pytest.raises(BodyRefused, match="timestamp is"):
        read({**READING, "timestamp": beyond})


@pytest.mark.parametrize("name", ["\ud800", "a" * 101, "a\x00b", "a\u2028b", "a\nb"])
def test_names_that_no_answer_could_repeat_are_refused(name):
    with pytest.raises(BodyRefused, match="a value has the name") as refusal:
        read({**READING, name: 1.0})

    assert len(refusal.value.what.encode()) < 100


def test_the_idempotency_key_stands_in_the_body_or_in_the_header():
    assert read({**READING, "idempotency_key": "a"})[1] == "a"
    assert read({"readings": [READING], "idempotency_key": "b"})[1] == "b"
    assert read_body(json.dumps(READING).encode(), "c")[1] == "c"
    with pytest.raises(BodyRefused, match="idempotency key"):
        read({**READING, "idempotency_key": "a\nb"})

"""Readings that sensors post, from the request to the store and to the commands."""

import json
import time
import uuid

import httpx
import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app as commands
from energy_desktop.domain.clock import iso_utc, parse_utc
from energy_desktop.domain.snapshot import LinkState

from .conftest import READING

HOUR_MS = 3_600_000


def now_ms() -> int:
    return round(time.time() * 1000)


def test_a_posted_reading_is_on_the_disk_when_it_is_answered(door):
    before = len(door.stored("roof"))

    answer = door.post({**READING, "voltage": 229.8, "power_factor": 0.95})

    assert answer.status_code == 200
    assert answer.json()["status"] == "success" and answer.json()["accepted"] == 1
    stored = door.stored("roof")
    assert len(stored) == before + 1 and stored[-1][1] == 62_300.0
    assert door.stored("roof", "voltage_v")[-1][1] == 229.8
    assert door.engine.field.statuses()["roof"].state is LinkState.GOOD
    assert door.engine.rings.last("roof").value("load_pct") == 35.8


def test_the_commands_of_another_process_show_what_was_posted(door):
    door.post(READING)

    result = CliRunner().invoke(
        commands, ["meters", "--site", str(door.engine.folder.root), "--json"]
    )

    (roof,) = [m for m in json.loads(result.stdout)["meters"] if m["meter"] == "roof"]
    assert roof["state"] == "good" and roof["last_utc"] is not None


def test_a_facility_is_a_meter_of_its_key(door):
    door.post({**READING, "facility_id": 7, "energy_consumed": 11.0})

    assert door.stored("annex")[-1][1] == 11_000.0


def test_the_endpoints_tell_of_the_keys_own_meters(door):
    door.post({**READING, "energy_consumed": 63.0})

    latest = door.get("/api/latest-hardware-data").json()
    status = door.get("/api/hardware/status").json()
    check = door.get("/api/hardware-status-check").json()
    config = door.get("/api/hardware/config").json()

    assert latest["data"]["energy_consumed"] == 63.0 and latest["data"]["meter"] == "roof"
    assert {m["meter"] for m in status["meters"]} == {"roof", "annex"}
    assert check["has_recent_data"] is True and parse_utc(check["last_data_time"]) > 0
    assert [f["name"] for f in config["fields"] if f["required"]] == list(READING)
    assert config["meters"][0]["send_every_s"] == 60.0


def test_what_is_older_than_a_minute_is_not_the_latest(door):
    key = door.shop
    door.post({**READING, "timestamp": iso_utc(now_ms() - 61_000)}, key=key)

    assert door.get("/api/latest-hardware-data", key=key).status_code == 404
    assert door.get("/api/hardware-status-check", key=key).json()["has_recent_data"] is False


def test_readings_kept_while_offline_are_stored_at_their_own_times(door):
    start = now_ms() - 3 * HOUR_MS
    times = [start + i * 60_000 for i in range(120)]
    body = [
        {**READING, "energy_consumed": 70.0 + i / 10, "timestamp": iso_utc(t), "facility_id": 7}
        for i, t in enumerate(times)
    ]

    answer = door.post(body)

    assert answer.json()["accepted"] == 120
    assert set(times) <= {t for t, _ in door.stored("annex")}
    assert door.engine.rings.last("annex") is None or (
        door.engine.rings.last("annex").read_at_ms > times[-1]
    )


def test_a_late_reading_into_a_sealed_hour_is_kept_beside_what_was_there(door):
    hour = (now_ms() // HOUR_MS - 30) * HOUR_MS
    one = {**READING, "timestamp": iso_utc(hour + 600_000), "facility_id": 1}
    two = {**one, "energy_consumed": 62.4, "timestamp": iso_utc(hour + 1_200_000)}
    door.post(one, key=door.shop)
    door.engine.store.writer.upkeep(now_ms())

    door.post(two, key=door.shop)
    door.engine.store.writer.upkeep(now_ms())

    stored = [row for row in door.stored("shop") if hour <= row[0] < hour + HOUR_MS]
    assert stored == [(hour + 600_000, 62_300.0), (hour + 1_200_000, 62_400.0)]


def test_the_same_meter_and_time_is_stored_once(door):
    at = now_ms() - 5_000
    body = {**READING, "timestamp": at / 1000}

    first, second = door.post(body).json(), door.post(body).json()

    assert (first["accepted"], second["accepted"], second["duplicates"]) == (1, 0, 1)
    assert [t for t, _ in door.stored("roof")].count(at) == 1


def test_a_repeated_idempotency_key_gets_the_first_answer_and_stores_nothing(door):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first = door.post(READING, headers=headers)
    stored = len(door.stored("roof"))

    time.sleep(0.01)
    second = door.post(READING, headers=headers)

    assert second.status_code == first.status_code and second.json() == first.json()
    assert len(door.stored("roof")) == stored


def test_an_idempotency_key_belongs_to_one_body(door):
    headers = {"Idempotency-Key": "once"}
    door.post(READING, headers=headers)

    other = door.post({**READING, "energy_consumed": 1.0}, headers=headers)

    assert other.status_code == 422 and "another body" in other.json()["error"]["what"]


def test_a_value_never_stands_for_a_fact_of_its_name(door):
    door.post({**READING, "meter": 5.0, "status": 6.0})

    newest = door.get("/api/latest-hardware-data").json()["data"]

    assert newest["meter"] == "roof" and newest["status"] == 6.0


def test_a_value_that_cannot_be_is_set_aside_and_said(door):
    answer = door.post({**READING, "frequency": 9999.0}).json()

    assert answer["accepted"] == 1
    assert any("frequency_hz 9999 was set aside" in remark for remark in answer["remarks"])
    value = door.stored("roof", "frequency_hz")[-1][1]
    assert value != value
    newest = door.get("/api/latest-hardware-data").json()["data"]
    assert "frequency" not in newest and newest["energy_consumed"] == READING["energy_consumed"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"energy_consumed": None}, "energy_consumed is missing"),
        ({"current_load": "35.8"}, 'current_load is "35.8", which is no number'),
        ({"voltage": True}, "voltage is true"),
        ({"timestamp": "2026-03-01T12:00:00"}, "has no zone"),
        ({"timestamp": "yesterday"}, "timestamp is"),
        ({"facility_id": {"a": 1}}, "facility_id is an object"),
    ],
)
def test_a_mistake_in_the_body_is_said_in_a_sentence(door, change, says):
    before = len(door.stored("roof"))

    answer = door.post({**READING, **change})

    assert answer.status_code == 422
    assert says in answer.json()["error"]["what"]
    assert answer.json()["error"]["remedy"]
    assert len(door.stored("roof")) == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000, b"[null]"]
)
def test_a_body_that_is_no_reading_is_refused_in_words(door, body):
    answer = httpx.post(
        f"{door.url}/api/hardware/data", content=body, headers={"X-API-Key": door.roof}, timeout=20
    )

    assert answer.status_code == 422
    assert answer.json()["error"]["what"] and answer.json()["error"]["remedy"]


def test_of_an_array_what_can_be_stored_is_and_the_rest_is_named(door):
    at = now_ms()
    body = [
        {**READING, "timestamp": iso_utc(at - 2_000)},
        {**READING, "timestamp": iso_utc(at + 3 * HOUR_MS)},
        {**READING, "facility_id": "nowhere"},
    ]

    answer = door.post(body)

    assert answer.status_code == 200
    assert answer.json()["status"] == "partial" and answer.json()["accepted"] == 1
    assert [r["index"] for r in answer.json()["refused"]] == [1, 2]


def test_a_spoilt_reading_costs_the_others_of_its_array_nothing(door):
    at = now_ms()
    known = {**READING, "timestamp": iso_utc(at - 5_000)}
    assert door.post(known).json()["accepted"] == 1
    before = len(door.stored("roof"))
    body = [
        {**READING, "timestamp": iso_utc(at - 4_000)},
        {**READING, "timestamp": iso_utc(at - 3_000), "energy_consumed": "62.3"},
        known,
        7,
        {**READING, "timestamp": iso_utc(at - 2_000)},
    ]

    first, again = (door.post(body, headers={"Idempotency-Key": "spoilt-1"}) for _ in range(2))

    told = first.json()
    assert (first.status_code, told["status"], told["accepted"]) == (200, "partial", 2)
    assert (told["accepted_at"], told["duplicates_at"]) == ([0, 4], [2])
    assert [(r["index"], r["what"]) for r in told["refused"]] == [
        (1, 'energy_consumed is "62.3", which is no number.'),
        (3, "It is no object with values."),
    ]
    assert again.json() == told
    assert len(door.stored("roof")) == before + 2


def test_an_array_without_a_usable_reading_is_refused_with_a_reason_for_each(door):
    answer = door.post([{**READING, "current_load": None}, {**READING, "timestamp": "yesterday"}])

    assert answer.status_code == 422
    assert [r["index"] for r in answer.json()["refused"]] == [0, 1]
    assert all(r["remedy"] for r in answer.json()["refused"])


def test_an_unknown_facility_is_told_what_to_do_and_becomes_a_proposal_not_a_meter(door):
    answer = door.post({**READING, "facility_id": "hall"})

    assert answer.status_code == 422
    assert (
        "Add a meter with an HTTP push link and the address roof/hall"
        in (answer.json()["error"]["remedy"])
    )
    assert door.engine.http_in.push.unclaimed()[0].address == "roof/hall"
    assert all(m.address != "roof/hall" for m in door.engine.configuration.meters)


def test_the_page_and_the_document_need_nothing_from_afar(door):
    page = httpx.get(f"{door.url}/docs", timeout=20)
    document = httpx.get(f"{door.url}/openapi.json", timeout=20).json()

    assert page.status_code == 200 and "energy_consumed" in page.text
    assert "<script" not in page.text and "//" not in page.text.replace(door.url, "")
    assert "post" in document["paths"]["/api/hardware/data"]
    assert document["components"]["schemas"]["Reading"]["required"] == list(READING)

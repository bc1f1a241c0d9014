"""The demo site through the door that scripts use: every command answers with real figures."""

import csv
import io
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from pypdf import PdfReader


def last_complete_month() -> str:
    first = datetime.now(UTC).date().replace(day=1)
    before = first - timedelta(days=1)
    return f"{before.year}-{before.month:02d}"


def test_every_meter_of_the_demo_answers(demo):
    assert demo.served["meters"] >= 15
    assert demo.served["answering"] == demo.served["meters"]
    assert demo.served["polls"] >= 3 * demo.served["meters"]
    assert demo.served["failures"] == 0


def test_a_second_start_goes_on_where_the_first_stopped(demo):
    before = {m["meter"]: m["last_utc"] for m in demo.json("meters")["meters"]}

    again = demo.json("serve", "--for", 3)

    after = {m["meter"]: m["last_utc"] for m in demo.json("meters")["meters"]}
    assert again["answering"] == again["meters"]
    assert all(after[meter] > before[meter] for meter in before)


def test_ninety_days_of_history_are_there(demo, tmp_path):
    to = datetime.now(UTC)
    since = to - timedelta(days=88)

    told = demo.json(
        "export",
        "--meter",
        "grid",
        "--quantity",
        "power_w",
        "--from",
        f"{since:%Y-%m-%dT%H:%M}",
        "--to",
        f"{to:%Y-%m-%dT%H:%M}",
        "--resolution",
        "hour",
        "--out",
        tmp_path / "grid.csv",
    )

    rows = list(csv.DictReader(io.StringIO((tmp_path / "grid.csv").read_text())))
    assert told["rows"] == len(rows)
    assert 88 * 24 - 3 <= len(rows) <= 88 * 24 + 1
    assert all(float(r["power_w_min"]) <= float(r["power_w"]) for r in rows)


def test_a_bill_meets_the_registers_and_stays_as_issued(demo, tmp_path):
    month = last_complete_month()
    client = "holm-software"

    issued = demo.json(
        "bill", "--client", client, "--month", month, "--issue", "--out", tmp_path / "a"
    )
    again = demo.json(
        "bill", "--client", client, "--month", month, "--issue", "--out", tmp_path / "b"
    )

    assert issued["status"] == "issued"
    assert again["number"] == issued["number"]
    for meter in issued["meters"]:
        assert meter["discrepancy_wh"] == 0
        assert meter["inside_wh"] + meter["outside_wh"] == meter["register_difference_wh"]
    assert sum(line["energy_wh"] for line in issued["lines"]) == issued["outside_wh"]
    cents = [round(float(line["amount"]) * 100) for line in issued["lines"]]
    assert sum(cents) == round(float(issued["net"]) * 100)
    first = (tmp_path / "a" / f"{issued['number']}.pdf").read_bytes()
    second = (tmp_path / "b" / f"{issued['number']}.pdf").read_bytes()
    assert first == second
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(first)).pages)
    assert issued["number"] in text
    assert issued["total"] in text


def test_light_left_on_is_flagged_on_some_nights_only(demo):
    found = demo.json("waste", "--month", last_complete_month())

    flagged = sum(z["evenings_flagged"] for z in found["zones"])
    evenings = sum(z["evenings"] for z in found["zones"])
    assert len(found["zones"]) == 6
    assert 0 < flagged < evenings / 4
    for zone in found["zones"]:
        assert zone["excess_wh"] <= zone["energy_wh"] <= zone["naive_wh"]


def test_the_creeping_compressor_is_found_and_nothing_else_accused(demo):
    found = {e["meter"]: e for e in demo.json("maintenance")["equipment"]}

    assert found["compressor"]["findings"], found["compressor"]["sentence"]
    assert found["compressor"]["findings"][0]["change_pct"] > 0
    for meter in ("server-room", "dishwasher"):
        assert found[meter]["findings"] == []


def test_a_forecast_states_what_it_was_worth(demo):
    made = demo.json("forecast", "--meter", "server-room", "--horizon-h", 24)

    assert len(made["points"]) == 96
    for point in made["points"]:
        levels = [point[k] for k in ("lower95_wh", "lower80_wh", "energy_wh", "upper80_wh")]
        assert levels == sorted(levels)
    assert made["backtest"]["mae_wh"] <= made["backtest"]["naive_week_mae_wh"] * 1.05


def test_the_battery_plan_is_no_worse_than_its_rivals(demo):
    made = demo.json("plan", "--battery", "battery")

    assert made["status"] == "optimal"
    for rival in ("cost_without_battery", "cost_rule", "cost_self_consumption"):
        assert made["cost"] <= made[rival] + 1e-6
    idle = [p for p in made["points"] if p["charge_w"] == 0 and p["discharge_w"] == 0]
    assert all(p["idle_reason"] for p in idle)
    assert not any(p["charge_w"] > 0 and p["discharge_w"] > 0 for p in made["points"])


def test_a_backup_is_the_site_again_elsewhere(demo, tmp_path):
    file = tmp_path / "copy.sqlite"

    demo.json("backup", "--out", file)
    other = type(demo)(tmp_path / "other")
    other.json("restore", file)

    assert [m["meter"] for m in other.json("meters")["meters"]] == [
        m["meter"] for m in demo.json("meters")["meters"]
    ]
    assert other.json("serve", "--for", 2)["answering"] == demo.served["meters"]


def test_a_backup_with_a_flipped_byte_is_refused_and_nothing_is_touched(demo, tmp_path):
    file = tmp_path / "copy.sqlite"
    demo.json("backup", "--out", file)
    with sqlite3.connect(file) as damaged:
        row, payload = damaged.execute(
            "SELECT rowid, payload FROM chunks WHERE length(payload) > 200 LIMIT 1"
        ).fetchone()
        flipped = bytes([*payload[:100], payload[100] ^ 0x10, *payload[101:]])
        damaged.execute("UPDATE chunks SET payload = ? WHERE rowid = ?", (flipped, row))
    damaged.close()
    other = type(demo)(tmp_path / "other")

    ended = other.ended("restore", file)

    assert ended.returncode == 3
    assert "damaged" in ended.stderr
    assert not (tmp_path / "other" / "site.sqlite").exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("forecast", "--meter", "nobody"), 3, "no such meter"),
        (("bill", "--client", "nobody", "--month", "2026-01", "--out", "x"), 3, "no such client"),
        (("bill", "--client", "x", "--month", "March", "--out", "x"), 2, "no month"),
        (("plan", "--battery", "nothing"), 3, "no such battery"),
        (("plan",), 2, "not clear what to plan"),
        (("poll", "--driver", "eastron_sdm120", "--unit", "1"), 2, "which meter is meant"),
        (("poll", "--driver", "none", "--unit", "1", "--tcp", "127.0.0.1:1"), 3, "none"),
        (("export", "--meter", "grid"), 2, "Missing option"),
        (("restore", "nothing.sqlite"), 3, "nothing.sqlite"),
    ],
)
def test_a_failure_is_one_sentence_with_its_code(demo, words, code, sentence):
    ended = demo.ended(*words)

    assert ended.returncode == code, ended.stderr
    assert sentence in ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr

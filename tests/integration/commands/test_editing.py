"""From an outage to the bill: what was missing is estimated, and every figure follows.

The commands are the person here: each step is what someone would type, and what they would read.
"""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.clock import ClockJump, parse_utc
from energy_desktop.storage import open_store
from tests.integration.commands import billed_site as billed

DAY_MINUTES = 24 * 60
OUTAGE = range(DAY_MINUTES + 600, DAY_MINUTES + 1320)  # Friday 28 March, 10:00 to 22:00
FRIDAY = ("--from", "2025-03-28T08:45:00Z", "--to", "2025-03-28T21:00:00Z")


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pattern") / "site"
    return billed.make(folder, without_minutes=OUTAGE).root


@pytest.fixture
def site(pattern, tmp_path):
    return Path(shutil.copytree(pattern, tmp_path / "site"))


def run(site, command, *more):
    return CliRunner().invoke(app, [command, "--site", str(site), *more])


def asked(site, command, *more):
    """The one JSON document on stdout; anything else there fails."""
    result = run(site, command, *more, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def bill(site, client, *more):
    out = ("--out", str(site.parent / "out"))
    return asked(site, "bill", "--client", client, "--month", billed.MONTH, *out, *more)


def copied(site, *more):
    return asked(
        site, "edit", "--meter", "light-zwei", *FRIDAY, "--method", "copy-day",
        "--day", "2025-03-27", *more,
    )  # fmt: skip


def outside(document):
    return {line["day"]: line["energy_wh"] for line in document["lines"]}


def by_hand():
    return {day.isoformat(): wh for day, wh in billed.outside_by_day().items()}


def cents(amount):
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def price(energy_wh):
    return cents(energy_wh * billed.PRICE / 1000)


def with_tax(net):
    return net + cents(net * billed.TAX_PCT / 100)


def test_after_an_outage_the_known_energy_gets_its_course_and_the_draft_follows(site):
    (gap,) = asked(site, "gaps", "--meter", "light-zwei")["gaps"]
    before = bill(site, "zwei")

    made = copied(site, "--reason", "Outage of the gateway; Friday as Thursday")

    assert (gap["start_utc"], gap["end_utc"]) == (FRIDAY[1], FRIDAY[3])
    assert gap["done"] == "spread evenly from the register"
    assert made["total_after_wh"] == made["register_wh"] == gap["known_wh"]
    after = bill(site, "zwei")
    assert outside(before) != by_hand()
    assert outside(after) == by_hand()
    assert after["meters"][0]["discrepancy_wh"] == 0
    (gap,) = asked(site, "gaps", "--meter", "light-zwei")["gaps"]
    assert gap["done"] == "copied from a like day"
    assert all(d["holds"] for d in asked(site, "validate", "--meter", "light-zwei")["days"])


def test_a_preview_changes_nothing_and_undoing_restores_the_draft(site):
    before = bill(site, "zwei")["content_sha256"]

    preview = copied(site)
    made = copied(site, "--reason", "Friday as Thursday")["edit"]
    during = bill(site, "zwei")["content_sha256"]
    undone = asked(site, "undo", "--id", str(made["id"]), "--reason", "The works were closed")

    assert preview["edit"] is None
    assert during != before == bill(site, "zwei")["content_sha256"]
    assert undone["after_wh"] == made["before_wh"]
    listed = asked(site, "edits", "--meter", "light-zwei")["edits"]
    assert [(e["method"], e["undone_by"]) for e in listed] == [
        ("copy day", undone["id"]),
        ("undo", None),
    ]
    assert listed[0]["reason"] == "Friday as Thursday"
    assert listed[0]["by"]


def test_an_issued_invoice_stays_and_is_told_apart_with_energy_and_money(site):
    issued = bill(site, "meyer", "--issue")
    assert asked(site, "corrections")["corrections"] == []

    made = asked(
        site, "edit", "--meter", "light-meyer", "--from", "2025-03-29T20:00:00Z",
        "--to", "2025-03-29T21:00:00Z", "--method", "set", "--value-wh", "0",
        "--reason", "A test of the lamps, not of the client",
    )  # fmt: skip

    assert any(issued["number"] in warning for warning in made["warnings"])
    (wrong,) = asked(site, "corrections")["corrections"]
    assert wrong["number"] == issued["number"]
    assert wrong["changed_intervals"] == 4
    assert wrong["outside_difference_wh"] == -4 * 15 * 17  # Saturday 21:00 to 22:00 in Berlin
    saturday = billed.outside_by_day()[date(2025, 3, 29)]
    net = price(saturday - 4 * 15 * 17) - price(saturday)
    total = with_tax(Decimal(issued["net"]) + net) - with_tax(Decimal(issued["net"]))
    assert Decimal(wrong["net_difference"]) == net
    assert Decimal(wrong["total_difference"]) == total
    again = bill(site, "meyer")
    assert (again["total"], again["content_sha256"]) == (issued["total"], issued["content_sha256"])
    assert again["to_be_corrected"] == wrong
    asked(site, "undo", "--id", str(made["edit"]["id"]), "--reason", "It was the client after all")
    assert asked(site, "corrections")["corrections"] == []


@pytest.fixture
def exchanged(tmp_path):
    """Three days of 2 Wh a minute; on the second at noon another meter was put in its place, which
    nobody told: its register shows 40 Wh when it comes back at 12:20."""
    site = SiteFolder(tmp_path / "exchanged")
    site.make()
    start = datetime(2025, 3, 28, tzinfo=UTC)
    times = [start + timedelta(minutes=i) for i in range(3 * DAY_MINUTES + 1)]
    noon = DAY_MINUTES + 720
    values = [700_000 + 2 * i if i <= noon else 2 * (i - noon) for i in range(len(times))]
    keep = np.ones(len(times), bool)
    keep[noon - 5 : noon + 20] = False
    with open_store(site.database, engine_owner="test") as store:
        store.configuration.replace(billed.a_configuration())
        time_ms = np.array([round(t.timestamp() * 1000) for t in times], np.int64)
        store.bulk.add_sealed(
            "light-zwei", "energy_import_wh", time_ms[keep], np.array(values, float)[keep]
        )
        store.bulk.finish()
    return site.root


def test_an_exchange_entered_later_books_the_energy_across_it(exchanged):
    (gap,) = asked(exchanged, "gaps", "--meter", "light-zwei")["gaps"]
    assert (gap["cause"], gap["known_wh"]) == ("quarantined", None)

    entered = asked(
        exchanged, "exchange", "--meter", "light-zwei", "--at", "2025-03-29T12:00:00Z",
        "--old-end-wh", str(700_000 + 2 * (DAY_MINUTES + 720)), "--new-start-wh", "0",
        "--serial", "NEW-7", "--note", "End of its verification",
    )  # fmt: skip

    assert [p["serial_number"] for p in entered["periods"]] == ["", "NEW-7"]
    assert entered["periods"][1]["from_utc"] == "2025-03-29T12:00:00Z"
    days = asked(exchanged, "validate", "--meter", "light-zwei")["days"]
    assert all(day["holds"] for day in days)
    whole = {d["day"]: d["interval_sum_wh"] for d in days if d["missing_intervals"] == 0}
    assert whole == {"2025-03-29": 2_880, "2025-03-30": 2_760}  # Sunday has 23 hours
    left = asked(exchanged, "gaps", "--meter", "light-zwei")["gaps"]
    assert all(g["cause"] != "quarantined" for g in left)

    asked(
        exchanged, "exchange", "--meter", "light-zwei", "--remove", str(entered["events"][0]["id"])
    )
    (gap,) = asked(exchanged, "gaps", "--meter", "light-zwei")["gaps"]
    assert gap["cause"] == "quarantined"


def test_a_gap_over_an_untold_exchange_is_not_guessed(exchanged):
    span = ("--from", "2025-03-28T12:00:00Z", "--to", "2025-03-30T12:00:00Z")

    result = run(exchanged, "edit", "--meter", "light-zwei", *span, "--method", "estimate")

    assert result.exit_code == 3
    assert "Enter the exchange" in result.stderr


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("gaps", "--meter", "nobody"), 3, "no such meter"),
        (("edit", "--meter", "light-zwei", *FRIDAY, "--method", "set"), 2, "Name the energy"),
        (
            ("edit", "--meter", "light-zwei", *FRIDAY, "--method", "scale", "--factor", "-1"),
            2,
            "Name the factor",
        ),
        (
            ("edit", "--meter", "light-zwei", *FRIDAY, "--method", "line", "--reason", " "),
            2,
            "needs a reason",
        ),
        (
            ("edit", "--meter", "light-zwei", *FRIDAY, "--method", "like-days"),
            3,
            "3 weeks before",
        ),
        (
            (
                "edit", "--meter", "light-zwei", "--from", "2025-03-28T08:50:00Z",
                "--to", "2025-03-28T09:00:00Z", "--method", "line",
            ),
            2,
            "not made of whole intervals",
        ),
        (("undo", "--id", "99", "--reason", "x"), 3, "no such correction"),
        (("exchange", "--meter", "light-zwei", "--at", "2025-03-28T12:00:00Z"), 2, "--old-end-wh"),
        (
            (
                "exchange", "--meter", "light-zwei", "--at", "2025-03-28T12:00:00Z",
                "--old-end-wh", "1", "--new-start-wh", "0",
            ),
            2,
            "more than its end reading",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_not_done(site, command, code, words):
    before = bill(site, "zwei")["content_sha256"]

    result = run(site, *command)

    assert result.exit_code == code
    assert words in result.stderr
    assert result.stdout == ""
    assert bill(site, "zwei")["content_sha256"] == before


def test_a_list_of_gaps_tells_when_the_clock_of_the_computer_was_set(site):
    before = parse_utc("2025-03-28T12:00:00")
    with open_store(SiteFolder(site).database) as store:
        store.clock_jumps.add(ClockJump(before, before - 3_600_000))

    said = run(site, "gaps", "--meter", "light-zwei", *FRIDAY).stdout
    found = asked(site, "gaps", "--meter", "light-zwei", *FRIDAY)

    assert "The clock of the computer was set back by 1 h: 28 Mar 2025 13:00" in said
    assert found["clock_jumps"] == [
        {"before_utc": "2025-03-28T12:00:00Z", "after_utc": "2025-03-28T11:00:00Z"}
    ]

"""`energy-desktop bill` from stored readings to papers, also when it is killed half way."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from tests.integration.commands import billed_site as billed


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    return billed.make(tmp_path_factory.mktemp("pattern") / "site").root


@pytest.fixture
def site(pattern, tmp_path):
    return Path(shutil.copytree(pattern, tmp_path / "site"))


def bill(site, out, *more, client="meyer", month=billed.MONTH):
    asked = ["--client", client, "--month", month, "--out", str(out)]
    return CliRunner().invoke(app, ["bill", "--site", str(site), *asked, *more])


def document(result):
    """The one JSON document on stdout; anything else there fails."""
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_the_totals_are_those_of_a_calculation_by_hand(site, tmp_path):
    outside = billed.outside_by_day()

    found = document(bill(site, tmp_path / "out", "--json"))

    lines = {date.fromisoformat(x["day"]): x for x in found["lines"]}
    assert {day: x["energy_wh"] for day, x in lines.items()} == outside
    amounts = {day: cents(Decimal(wh) * billed.PRICE / 1000) for day, wh in outside.items()}
    assert {day: Decimal(x["amount"]) for day, x in lines.items()} == amounts
    net = sum(amounts.values())
    tax = cents(net * billed.TAX_PCT / 100)
    assert (found["net"], found["tax"], found["total"]) == (str(net), str(tax), str(net + tax))


@pytest.mark.parametrize("interval_min", [5, 10, 30, 60])
def test_the_totals_are_the_same_whatever_the_length_of_the_intervals(tmp_path, interval_min):
    outside = billed.outside_by_day()
    site = billed.make(tmp_path / "site", interval_min=interval_min).root

    found = document(bill(site, tmp_path / "out", "--json"))

    assert {date.fromisoformat(x["day"]): x["energy_wh"] for x in found["lines"]} == outside
    (path,) = (f for f in found["files"] if f.endswith("-evidence.csv"))
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["energy_wh"]) for row in rows) == found["outside_wh"]
    assert len(rows) == (119 - 3 * 12) * 60 // interval_min  # 119 h, 12 inside on 3 days


def test_inside_and_outside_are_the_register_difference(site, tmp_path):
    used = sum(billed.wh_of_minute(m) for m in billed.minutes())

    found = document(bill(site, tmp_path / "out", "--json"))

    (meter,) = found["meters"]
    assert meter["register_difference_wh"] == meter["interval_sum_wh"] == used
    assert meter["inside_wh"] + meter["outside_wh"] == used
    assert (meter["discrepancy_wh"], meter["missing_intervals"]) == (0, 0)


def test_a_draft_has_papers_but_no_number(site, tmp_path):
    found = document(bill(site, tmp_path / "out", "--json"))

    assert (found["status"], found["number"], found["issued_at_utc"]) == ("draft", None, None)
    assert found["blockers"] == []
    written = [Path(f) for f in found["files"]]
    assert {f.suffix for f in written} == {".pdf", ".csv", ".xlsx"}
    assert sorted(written) == sorted((tmp_path / "out").iterdir())
    assert all(f.stat().st_size for f in written)


def test_issued_twice_is_the_same_invoice_and_the_same_paper(site, tmp_path):
    first = document(bill(site, tmp_path / "a", "--issue", "--json"))
    second = document(bill(site, tmp_path / "b", "--issue", "--json"))

    assert first["number"].endswith("-0001")
    for one in (first, second):
        one.pop("files")
    assert first == second
    papers = [tmp_path / folder / f"{first['number']}.pdf" for folder in "ab"]
    assert papers[0].read_bytes() == papers[1].read_bytes()


def test_once_issued_the_plain_bill_is_the_invoice(site, tmp_path):
    issued = document(bill(site, tmp_path / "a", "--issue", "--json"))

    plain = document(bill(site, tmp_path / "b", "--json"))

    assert plain["status"] == "issued"
    assert (plain["number"], plain["content_sha256"]) == (
        issued["number"],
        issued["content_sha256"],
    )


def test_the_evidence_file_adds_up_to_the_bill(site, tmp_path):
    found = document(bill(site, tmp_path / "out", "--json"))

    (path,) = (f for f in found["files"] if f.endswith("-evidence.csv"))
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))

    assert sum(int(row["energy_wh"]) for row in rows) == found["outside_wh"]
    assert len({row["start_utc"] for row in rows}) == len(rows)


CHILD = """
import os, signal, sys
from pathlib import Path
from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.wiring import open_site

place = open_site(SiteFolder(Path(sys.argv[1])))
billing = place.services.billing
billing._render = lambda invoice: os.kill(os.getpid(), signal.SIGKILL)
billing.issue("meyer", sys.argv[2])
"""


def test_killed_between_number_and_paper_the_number_stays_and_the_paper_follows(site, tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", CHILD, str(site), billed.MONTH], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL

    again = document(bill(site, tmp_path / "a", "--issue", "--json"))
    other = document(bill(site, tmp_path / "a", "--issue", "--json", client="zwei"))
    once_more = document(bill(site, tmp_path / "b", "--issue", "--json"))

    assert again["number"].endswith("-0001")
    assert other["number"].endswith("-0002")
    name = f"{again['number']}.pdf"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert once_more["content_sha256"] == again["content_sha256"]


def test_two_that_issue_at_once_share_no_number(site, tmp_path):
    command = [sys.executable, "-m", "energy_desktop", "bill", "--site", str(site), "--issue"]
    command += ["--month", billed.MONTH, "--json", "--out", str(tmp_path / "out"), "--client"]
    running = [
        subprocess.Popen([*command, client], stdout=subprocess.PIPE, text=True)
        for client in ("meyer", "zwei")
    ]

    found = [json.loads(process.communicate(timeout=60)[0]) for process in running]

    assert sorted(f["number"][-5:] for f in found) == ["-0001", "-0002"]


def test_a_month_without_its_end_is_not_issued_and_says_why(tmp_path):
    count = len(billed.minutes()) + 1
    site = billed.make(tmp_path / "site", without_minutes=range(count - 200, count)).root

    refused = bill(site, tmp_path / "out", "--issue", "--json", client="zwei")
    draft = document(bill(site, tmp_path / "out", "--json", client="zwei"))
    fine = document(bill(site, tmp_path / "out", "--issue", "--json"))

    assert refused.exit_code == 3
    assert refused.stdout == ""
    assert "Lights zwei" in refused.stderr
    assert draft["number"] is None
    assert any("missing" in b for b in draft["blockers"])
    assert fine["number"].endswith("-0001")  # the refused one took no number


def test_energy_of_a_hole_is_billed_as_estimated_and_still_meets_the_register(tmp_path):
    whole = document(bill(billed.make(tmp_path / "a").root, tmp_path / "o", "--json"))
    site = billed.make(tmp_path / "b", without_minutes=range(3000, 3200)).root

    holed = document(bill(site, tmp_path / "out", "--json", client="zwei"))

    (meter,) = holed["meters"]
    assert meter["estimated_wh"] > 0
    assert meter["discrepancy_wh"] == 0
    assert holed["inside_wh"] + holed["outside_wh"] == whole["inside_wh"] + whole["outside_wh"]
    assert any("estimated" in note for note in holed["notes"])


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        ({"client": "nobody"}, 3, "nobody"),
        ({"month": "2025-13"}, 2, "month"),
        ({"month": "March"}, 2, "month"),
        ({"month": "2024-01"}, 3, "contract"),
    ],
)
def test_exit_codes_tell_wrong_use_from_failure(site, tmp_path, more, code, word):
    result = bill(site, tmp_path / "out", "--json", **more)

    assert result.exit_code == code
    assert result.stdout == ""
    assert word in result.stderr
    assert not (tmp_path / "out").exists()


def test_without_a_client_it_is_wrong_use(site, tmp_path):
    result = CliRunner().invoke(
        app, ["bill", "--site", str(site), "--month", billed.MONTH, "--out", str(tmp_path)]
    )

    assert result.exit_code == 2


def test_for_a_person_it_says_what_was_billed(site, tmp_path):
    result = bill(site, tmp_path / "out", "--issue")

    assert result.exit_code == 0
    assert "Meyer GmbH" in result.stdout
    assert "kWh outside contract hours on 5 days" in result.stdout


POUNDS = """\
[site]
name = "Lindenhof"
zone = "Europe/Berlin"
currency = "GBP"
"""
NEW_PRICE = f"""\
[[tariffs]]
id = "standard"
version = 2
valid_from = {billed.FIRST}
energy_price_per_kwh = "0.25"
out_of_hours_price_per_kwh = "0.40"
"""


def test_a_site_in_pounds_bills_a_tariff_that_names_no_currency_in_pounds(site, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(POUNDS + NEW_PRICE)
    assert CliRunner().invoke(app, ["apply", str(file), "--site", str(site)]).exit_code == 0

    found = document(bill(site, tmp_path / "out", "--json"))

    assert found["currency"] == "GBP"
    assert {Path(f).suffix for f in found["files"]} >= {".pdf", ".csv"}
    heads = [p.read_text(encoding="utf-8-sig") for p in (tmp_path / "out").rglob("*.csv")]
    assert any("amount_GBP" in head for head in heads)
    assert not any("EUR" in head for head in heads)


def test_a_tariff_from_before_keeps_its_currency_on_every_paper_of_a_site_in_pounds(site, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(POUNDS + '[[meters]]\nid = "light-zwei"\nrole = "grid"\n')
    assert CliRunner().invoke(app, ["apply", str(file), "--site", str(site)]).exit_code == 0

    found = document(bill(site, tmp_path / "out", "--json"))
    asked = ["report", "monthly", "--site", str(site), "--month", billed.MONTH, "--json"]
    report = document(CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "report")]))

    assert found["currency"] == "EUR"
    assert report["currency"] == "GBP"
    assert {client["currency"] for client in report["clients"]} == {"EUR"}

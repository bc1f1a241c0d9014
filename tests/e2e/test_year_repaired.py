"""A year of readings is repaired in the real window, and every other page follows.

The program runs on a real X server. A person goes from page to page by the rail, issues an invoice,
then tells an exchange long after it, estimates every gap and scales two days; mouse and keys, no
call into a page. What truly flowed is known, so each figure has one right value.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from energy_desktop.app.paths import SiteFolder
from energy_desktop.storage import open_store
from tests.e2e.conftest import ROOT
from tests.support import quality_year as year
from tests.support.quality_year import METER, at

pytestmark = [pytest.mark.timed, pytest.mark.timeout(180)]

YEAR = (at("2026-01-01 00:00"), at("2026-12-31 23:00"))
NOVEMBER_24 = (at("2026-11-24 00:00"), at("2026-11-25 00:00"))
TODAY = (at("2026-12-31 00:00"), at("2026-12-31 23:45"))
NOBODY_LISTENS = 1


@pytest.fixture(scope="module")
def truth_and_site(tmp_path_factory):
    """Two meters with a year behind them, whose link leads nowhere now."""
    folder = SiteFolder(tmp_path_factory.mktemp("year") / "site")
    folder.make()
    with open_store(folder.store, engine_owner="test", clock=year.a_clock()) as store:
        truth = year.fill(store)
        made = store.configuration.load()
        links = tuple(replace(link, port=NOBODY_LISTENS) for link in made.links)
        store.configuration.replace(replace(made, links=links))
    return truth, folder.root


@pytest.fixture(scope="module")
def told(truth_and_site, screen, tmp_path_factory):
    truth, folder = truth_and_site
    old_end = truth.odometer_wh[METER][(year.EXCHANGED - truth.start_ms) // year.STEP_MS]
    pictures = tmp_path_factory.mktemp("pictures")
    environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.e2e.repair_child", str(folder), f"{old_end / 1000:.3f}",
         str(pictures)],
        capture_output=True,
        text=True,
        timeout=150,
        cwd=ROOT,
        env={**environment, "DISPLAY": screen, "QT_QPA_PLATFORM": "xcb"},
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.fixture
def truth(truth_and_site):
    return truth_and_site[0]


def month(truth, start, end):
    return truth.energy(METER, at(start), at(end))


def test_the_window_tells_what_is_doubted_and_that_nothing_is_after_the_repair(told):
    assert told["platform"] == "xcb"
    assert told["page_failures"] == {}
    assert "3 gaps open at 1 of 2 meters, 1 of them quarantined" in told["doubted"]
    assert told["repaired"] == "No gap is open at 2 meters."
    assert told["seconds"] < 60


def test_the_drafts_of_the_repaired_months_are_what_flowed_and_may_be_issued(told, truth):
    before, after = told["before"]["bills"], told["after"]["bills"]

    assert "quarantined" in before["2026-06"]["against_it"]
    assert not before["2026-06"]["may_issue"]
    for name, end in (("2026-03", "2026-04-01"), ("2026-06", "2026-07-01")):
        assert after[name]["used_wh"] == month(truth, f"{name}-01", end)
        assert after[name]["may_issue"] and not after[name]["against_it"]
    # Spread evenly over the outage, the nights had taken energy of the days.
    assert after["2026-03"]["lines_wh"] < before["2026-03"]["lines_wh"]


def test_the_issued_invoice_stays_and_is_to_be_corrected_by_what_was_added(told, truth):
    added_wh = truth.energy(METER, *NOVEMBER_24) / 2
    invoice, draft_before = (told[when]["bills"]["2026-11"] for when in ("after", "before"))
    ((number, difference_wh),) = told["after"]["to_be_corrected"]

    assert told["before"]["to_be_corrected"] == []
    assert difference_wh == pytest.approx(added_wh, abs=48)  # half a Wh an interval
    assert number in invoice["against_it"] and "is to be corrected" in invoice["against_it"]
    assert invoice["lines_wh"] == draft_before["lines_wh"]
    assert "1 issued invoice is to be corrected" in told["after"]["billing_answer"]


def test_the_reports_of_the_months_follow(told, truth):
    november = month(truth, "2026-11-01", "2026-12-01")
    added_wh = truth.energy(METER, *NOVEMBER_24) / 2

    assert told["after"]["reports_wh"]["2026-06"] == month(truth, "2026-06-01", "2026-07-01")
    assert told["before"]["reports_wh"]["2026-11"] == november
    assert told["after"]["reports_wh"]["2026-11"] == pytest.approx(november + added_wh, abs=48)


def test_the_balance_of_the_year_and_the_cost_of_today_follow(told, truth):
    main_wh, behind_wh = told["after"]["balance_wh"]
    today_wh = truth.energy("grid", *TODAY)
    cents = [float(told[when]["cost_today"].strip("€\u00a0 ")) for when in ("before", "after")]

    added_wh = truth.energy(METER, *NOVEMBER_24) / 2
    assert behind_wh == pytest.approx(truth.energy(METER, *YEAR) + added_wh, abs=48)
    last_hour = (TODAY[0], YEAR[1])  # a balance ends with the last whole hour
    assert main_wh == truth.energy("grid", *YEAR) + truth.energy("grid", *last_hour)
    assert told["before"]["balance_wh"][0] < main_wh
    assert told["after"]["today_wh"] == 2 * today_wh == 2 * told["before"]["today_wh"]
    assert cents[1] == pytest.approx(2 * cents[0], abs=0.011)

"""forecast and plan: nothing of the future, steps may mix, faults by file and line."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.site import Meter, Site
from energy_desktop.storage import open_store

FIRST = datetime(2025, 3, 3, tzinfo=UTC)  # a Monday
DAYS = 63
ORIGIN = FIRST + timedelta(days=DAYS)
AT = ORIGIN.strftime("%Y-%m-%dT%H:%M:%SZ")
STEP_MS = 1_800_000
BATTERY = (
    *("--capacity-kwh", 10, "--charge-kw", 5, "--discharge-kw", 5),
    *("--soc-min-pct", 0, "--soc-start-pct", 0, "--soc-end-min-pct", 0),
    *("--charge-efficiency", 1, "--discharge-efficiency", 1),
)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def household(first: datetime, days: int, level: float = 300.0) -> Intervals:
    """Half hours with an evening, a weekend and noise that is the same in each run."""
    start = int(first.timestamp() * 1000) + np.arange(days * 48, dtype=np.int64) * STEP_MS
    slot = np.arange(start.size)
    evening = np.exp(-(((slot % 48) - 38) ** 2) / 18)
    noise = np.random.default_rng(7).normal(0, 15, start.size)
    energy = np.maximum(20.0, level * (0.3 + evening) * (1 + 0.2 * (slot // 48 % 7 >= 5)) + noise)
    quality = np.full(start.size, IntervalQuality.RAW, dtype=np.int8)
    return Intervals("house", "energy_import_wh", 1800, start, energy, quality)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = SiteFolder(tmp_path_factory.mktemp("forecast"))
    folder.make()
    store = open_store(folder.store)
    store.configuration.replace(
        Configuration(site=Site("Home", "UTC", country="GB"), meters=(Meter("house", "House"),))
    )
    store.ledger.add_intervals(household(FIRST, DAYS))
    store.close()
    return folder.root


def forecast(site, *more):
    return run("forecast", "--site", site, "--meter", "house", "--horizon-h", 24, "--json", *more)


@pytest.fixture(scope="module")
def made(site):
    result = forecast(site, "--at", AT)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_forecast_says_what_the_contract_of_the_command_promises(made):
    assert made["meter"] == "house"
    assert made["origin_utc"].startswith("2025-05-05T00:00:00")
    assert made["step_min"] == 30
    assert len(made["points"]) == 48
    assert set(made["points"][0]) == {
        *("start_utc", "energy_wh", "lower80_wh", "upper80_wh", "lower95_wh", "upper95_wh")
    }
    assert {*("mae_wh", "naive_week_mae_wh", "wape", "mase", "coverage80", "coverage95")} <= set(
        made["backtest"]
    )


def test_the_wider_band_holds_the_narrower_one_and_that_the_forecast(made):
    for p in made["points"]:
        values = [
            p[n] for n in ("lower95_wh", "lower80_wh", "energy_wh", "upper80_wh", "upper95_wh")
        ]
        assert values == sorted(values)


def test_what_came_after_the_origin_changes_nothing(site, made):
    store = open_store(SiteFolder(site).store)
    store.ledger.add_intervals(household(ORIGIN, 5, level=9_000.0))
    store.close()

    again = json.loads(forecast(site, "--at", AT).stdout)

    assert {**again, "seconds": 0} == {**made, "seconds": 0}


def test_an_unknown_meter_fails_in_words_and_prints_no_document(site):
    result = run("forecast", "--site", site, "--meter", "nope", "--json")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert "nope" in result.stderr


def test_a_time_that_is_none_is_wrong_use(site):
    assert forecast(site, "--at", "yesterday").exit_code == 2


def test_before_the_first_reading_there_is_nothing_to_forecast_from(site):
    assert forecast(site, "--at", "2025-01-01T00:00:00Z").exit_code == 3


def table(path, column, rows):
    path.write_text(f"start_utc,{column}\n" + "".join(f"{at},{v}\n" for at, v in rows))
    return path


@pytest.fixture
def prices(tmp_path):
    """An hour cheap, two half hours dear, two quarter hours cheap; export earns nothing."""
    rows = [
        ("2025-05-05T00:00:00Z", "0.10,0"),
        ("2025-05-05T01:00:00Z", "0.50,0"),
        ("2025-05-05T01:30:00Z", "0.50,0"),
        ("2025-05-05T02:00:00Z", "0.10,0"),
        ("2025-05-05T02:15:00Z", "0.10,0"),
    ]
    return table(tmp_path / "prices.csv", "price_per_kwh,export_price_per_kwh", rows)


def test_a_battery_buys_cheap_for_the_dear_hour_over_mixed_steps(tmp_path, prices):
    load = table(
        tmp_path / "load.csv",
        "load_w",
        [(f"2025-05-05T{m // 60:02}:{m % 60:02}:00Z", 4000) for m in range(0, 150, 15)],
    )

    result = run("plan", "--prices", prices, "--load", load, *BATTERY, "--json")

    plan = json.loads(result.stdout)
    assert plan["status"] == "optimal"
    # 4 kWh of the dear hour at 0.10 instead of 0.50; 2.5 h of 4 kW without a battery.
    assert plan["cost_without_battery"] == pytest.approx(4 * (1.5 * 0.10 + 0.50))
    assert plan["cost"] == pytest.approx(plan["cost_without_battery"] - 4 * 0.40)
    dear = [p for p in plan["points"] if "T01:" in p["start_utc"]]
    assert all(p["import_w"] == pytest.approx(0, abs=1e-3) for p in dear)
    assert all(0 <= p["soc_pct"] <= 100 for p in plan["points"])


def test_the_plan_is_never_dearer_than_its_rivals(tmp_path, prices):
    sun = table(
        tmp_path / "pv.csv",
        "pv_w",
        [("2025-05-05T00:00:00Z", 0), ("2025-05-05T01:00:00Z", 3000), ("2025-05-05T02:00:00Z", 0)],
    )
    result = run("plan", "--prices", prices, "--pv", sun, *BATTERY, "--json")

    plan = json.loads(result.stdout)
    rivals = ("cost_without_battery", "cost_rule", "cost_self_consumption")
    assert all(plan["cost"] <= plan[name] + 1e-6 for name in rivals)


def test_wear_above_the_spread_keeps_the_battery_still(prices):
    plan = json.loads(
        run("plan", "--prices", prices, *BATTERY, "--wear-per-kwh", 1, "--json").stdout
    )

    assert all(p["charge_w"] == p["discharge_w"] == 0 for p in plan["points"])


def test_a_bad_row_is_named_by_file_and_line(tmp_path):
    path = tmp_path / "broken.csv"
    path.write_text(
        "start_utc,price_per_kwh\n2025-05-05T00:00:00Z,0.1\n2025-05-05T01:00:00Z,dear\n"
    )

    result = run("plan", "--prices", path, *BATTERY, "--json")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert "broken.csv" in result.stderr
    assert "line 3" in result.stderr


def test_without_a_battery_or_prices_there_is_nothing_to_plan(prices):
    assert run("plan", "--json").exit_code == 2
    assert run("plan", "--prices", prices, "--json").exit_code == 2


def test_a_load_that_ends_before_the_prices_is_said(tmp_path, prices):
    short = tmp_path / "short.csv"
    lines = prices.read_text().splitlines()[1:3]
    stamps = [line.split(",")[0] for line in lines]
    short.write_text("start_utc,load_w\n" + "".join(f"{stamp},500\n" for stamp in stamps))

    ended = run("plan", "--prices", prices, "--load", short, *BATTERY, "--json")

    assert ended.exit_code == 0, ended.output
    assert any("do not cover" in note for note in json.loads(ended.stdout)["notes"])

"""Export of a polled meter: a gauge has mean and extremes, a counter its register readings."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.domain.snapshot import Layout, Snapshot
from energy_desktop.storage import open_store

FIRST = datetime(2026, 5, 4, 22, tzinfo=UTC)  # midnight in Berlin
LAYOUT = Layout("two", ("power_w", "energy_import_wh"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two local days of a meter at 1 kW by day and 2 kW in the second one, read each 5 min."""
    folder = SiteFolder(tmp_path_factory.mktemp("polled") / "site")
    folder.make()
    store = open_store(folder.database, engine_owner="test")
    try:
        store.configuration.replace(
            Configuration(
                site=Site("Works", "Europe/Berlin"),
                links=(Link("l", LinkKind.MODBUS_TCP, host="127.0.0.1"),),
                meters=(Meter("m", "Mill", "eastron_sdm120", "l", poll_interval_s=300.0),),
            )
        )
        store.start()
        energy = 5_000.0
        for step in range(2 * 288):
            power = 1_200.0 if step < 288 else 2_400.0
            at = round((FIRST + timedelta(minutes=5 * step)).timestamp() * 1000)
            store.writer.put(Snapshot("m", at, LAYOUT, (power, energy)))
            energy += power / 12
    finally:
        store.close()
    return folder.root


def exported(site, out, quantity, resolution):
    span = ["--from", "2026-05-04T22:00:00Z", "--to", "2026-05-06T22:00:00Z"]
    asked = ["--meter", "m", "--quantity", quantity, "--resolution", resolution]
    result = CliRunner().invoke(
        app, ["export", *asked, *span, "--out", str(out), "--site", str(site), "--json"]
    )
    assert result.exit_code == 0, result.stderr
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert json.loads(result.stdout)["rows"] == len(rows)
    return rows


def test_local_days_of_a_gauge_have_mean_and_extremes(site, tmp_path):
    rows = exported(site, tmp_path / "days.csv", "power_w", "day")

    assert [r["time_utc"] for r in rows] == ["2026-05-04T22:00:00Z", "2026-05-05T22:00:00Z"]
    assert [float(r["power_w"]) for r in rows] == [1_200.0, 2_400.0]
    assert [float(r["power_w_max"]) for r in rows] == [1_200.0, 2_400.0]
    assert [int(r["readings"]) for r in rows] == [288, 288]


def test_steps_of_a_counter_are_register_readings(site, tmp_path):
    rows = exported(site, tmp_path / "hours.csv", "energy_import_wh", "hour")

    assert len(rows) == 48
    assert float(rows[0]["energy_import_wh_first"]) == 5_000.0
    assert float(rows[0]["energy_import_wh_last"]) == 5_000.0 + 11 * 100


@pytest.mark.parametrize(("resolution", "count"), [("raw", 576), ("1min", 576), ("15min", 192)])
def test_finer_steps_hold_every_reading(site, tmp_path, resolution, count):
    rows = exported(site, tmp_path / "fine.csv", "power_w", resolution)

    assert len(rows) == count
    assert {float(r["power_w"]) for r in rows} == {1_200.0, 2_400.0}

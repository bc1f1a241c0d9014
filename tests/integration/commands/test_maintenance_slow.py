"""`energy-desktop maintenance` of machines that are read each few minutes, not each second."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Meter, Site
from energy_desktop.storage import open_store

DAYS, CREPT = 84, 60
DAY_S = 86_400


def a_machine(folder, poll_s, *, lost=(), crept_by=0.2):
    """A compressor on from 07:00 for ten hours or so, in UTC, with its register, read each poll_s.

    From day CREPT on it draws more. lost: seconds of each day in which no reading came.
    """
    site = SiteFolder(folder)
    site.make()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first_ms = round((today - timedelta(days=DAYS)).timestamp() * 1000)
    chance = np.random.default_rng(7)
    second = np.arange(DAYS * DAY_S)
    on_s = 7 * 3600 + chance.integers(-900, 900, DAYS)
    off_s = on_s + 36_000 + chance.integers(-3_000, 3_000, DAYS)
    watts = 4_000 * (1 + 0.03 * chance.standard_normal(DAYS))
    watts[CREPT:] *= 1 + crept_by
    day, of_day = second // DAY_S, second % DAY_S
    power = np.where((of_day >= on_s[day]) & (of_day < off_s[day]), watts[day], 60.0)
    register = 500_000 + np.concatenate(([0.0], np.cumsum(power) / 3600))[:-1]
    # A poll comes a little after its time, now more, now less.
    seen = np.arange(7, len(second), poll_s)
    of_day = seen % DAY_S
    for begin_s, end_s in lost:
        seen, of_day = (part[(of_day < begin_s) | (of_day >= end_s)] for part in (seen, of_day))
    times = first_ms + 1000 * seen + chance.integers(0, 400, len(seen))
    meter = Meter("comp", "Compressor", equipment="compressor", poll_interval_s=float(poll_s))
    store = open_store(site.database, engine_owner="test")
    try:
        store.configuration.replace(Configuration(site=Site("Works", "UTC"), meters=(meter,)))
        store.bulk.add_sealed("comp", "energy_import_wh", times, register[seen])
        store.bulk.add_sealed("comp", "power_w", times, power[seen])
        store.bulk.finish()
    finally:
        store.close()
    return site


def watched(site):
    asked = ["maintenance", "--meter", "comp", "--site", str(site.root), "--json"]
    ended = CliRunner().invoke(app, asked)
    assert ended.exit_code == 0, ended.stderr
    return json.loads(ended.stdout)["equipment"][0]


@pytest.mark.parametrize("poll_s", [300, 900])
def test_a_machine_that_is_read_each_few_minutes_has_a_baseline_and_its_creep_is_found(
    tmp_path, poll_s
):
    found = watched(a_machine(tmp_path / "site", poll_s))

    assert found["state"] == "watching"
    assert found["learned_days"] == 42
    assert found["noise_pct"] < 10.0
    (creep,) = found["findings"]
    began = datetime.fromisoformat(creep["start_utc"])
    truly = datetime.now(UTC) - timedelta(days=DAYS - CREPT)
    assert abs((began - truly).days) <= 3
    assert creep["change_pct"] == pytest.approx(20.0, abs=4.0)


@pytest.mark.parametrize("poll_s", [300, 900])
def test_a_machine_that_is_as_it_was_is_not_accused_however_rarely_it_is_read(tmp_path, poll_s):
    found = watched(a_machine(tmp_path / "site", poll_s, crept_by=0.0))

    assert found["state"] == "watching"
    assert found["findings"] == []


def test_days_in_which_readings_failed_teach_nothing(tmp_path):
    found = watched(a_machine(tmp_path / "site", 900, lost=((3 * 3600, 5 * 3600),)))

    assert found["state"] == "learning"
    assert found["learned_days"] == 0


def test_a_machine_that_is_read_each_half_hour_is_told_why_it_has_no_baseline(tmp_path):
    found = watched(a_machine(tmp_path / "site", 1_800))

    assert found["state"] == "learning"
    assert "it is read each 30 min" in found["sentence"]
    assert "each 15 min or more often" in found["sentence"]

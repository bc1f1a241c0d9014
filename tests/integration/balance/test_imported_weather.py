"""From two files to the base load of a building, through the commands alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app

SITE = """
[site]
name = "Works"
zone = "Europe/Berlin"

[[meters]]
id = "hall"
name = "Hall"

[[meters]]
id = "air"
name = "Outdoor air"
"""
BEGIN = datetime(2026, 3, 1, 23, tzinfo=UTC)  # midnight in Berlin
DAYS = 20


def run(*words):
    return CliRunner().invoke(app, [str(w) for w in words])


def write(path, header, value_of):
    lines = [f"time_utc,{header}"]
    for hour in range(24 * DAYS):
        at = BEGIN + timedelta(hours=hour)
        lines.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{value_of(hour // 24):.4f}")
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def site(tmp_path):
    """It is a degree warmer each day from -4 on; the hall is heated with 1.2 kWh per kelvin day."""
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    write(tmp_path / "air.csv", "temperature_c", lambda day: day - 4)
    write(tmp_path / "hall.csv", "energy_kwh", lambda day: (48 + 1.2 * max(19 - day, 0)) / 24)
    folder = tmp_path / "site"
    assert run("apply", tmp_path / "site.toml", "--site", folder).exit_code == 0
    for name in ("air", "hall"):
        told = run("import", tmp_path / f"{name}.csv", "--meter", name, "--site", folder)
        assert told.exit_code == 0, told.stderr
    return folder


def test_an_imported_temperature_and_imported_energy_make_a_signature(site, tmp_path):
    period = ("--from", "2026-03-01T23:00:00Z", "--to", "2026-03-21T23:00:00Z")
    out = tmp_path / "hall.csv.out.csv"

    told = run("signature", "--meter", "hall", *period, "--site", site, "--json", "--out", out)

    assert told.exit_code == 0, told.stderr
    document = json.loads(told.stdout)
    assert document["temperature_of"] == "air"
    assert document["signature"]["days"] == DAYS
    assert document["signature"]["base_wh_per_day"] == pytest.approx(48_000, abs=50)
    assert document["signature"]["heating_wh_per_kd"]["value"] == pytest.approx(1_200, abs=5)
    assert document["signature"]["cooling_wh_per_kd"] is None
    assert len(out.read_text(encoding="utf-8-sig").splitlines()) == 1 + DAYS


def test_too_short_a_period_is_told_and_a_wrong_file_name_refused(site, tmp_path):
    week = ("--from", "2026-03-01T23:00:00Z", "--to", "2026-03-08T23:00:00Z")

    told = run("signature", "--meter", "hall", *week, "--site", site)
    refused = run(
        "signature", "--meter", "hall", *week, "--site", site, "--out", tmp_path / "x.odt"
    )

    assert told.exit_code == 0
    assert "7 whole measured days" in told.stdout
    assert refused.exit_code == 2
    assert "End the name in .csv, .xlsx or .pdf" in refused.stderr

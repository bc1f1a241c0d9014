"""A virtual meter answers like a meter, on a real store and through the commands."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.site import VirtualMeter
from energy_desktop.services.virtual_meters import VirtualLedger, VirtualMeterService
from energy_desktop.storage import open_store
from tests.support.store_builders import T0

SITE = """
[site]
name = "Works"
zone = "Europe/Berlin"

[[meters]]
id = "main"
name = "Main"
role = "grid"

[[meters]]
id = "hall"
name = "Hall"
parent = "main"

[[virtual_meters]]
id = "rest"
name = "The rest"
terms = { main = 1, hall = -1 }
"""
HOUR = 3_600_000


@pytest.fixture
def site(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(SITE, encoding="utf-8")
    folder = tmp_path / "site"
    assert run("apply", file, "--site", folder).exit_code == 0
    with open_store(folder / "site.sqlite") as store:
        for meter, energy in (("main", 500.0), ("hall", 120.0)):
            values = np.full(96, energy)
            if meter == "hall":
                values[10] = np.nan
            starts = T0 + np.arange(96, dtype=np.int64) * 900_000
            quality = np.zeros(96, np.int8)
            store.ledger.add_intervals(
                Intervals(meter, "energy_import_wh", 900, starts, values, quality)
            )
    return folder


def run(*words):
    return CliRunner().invoke(app, [str(w) for w in words])


def test_its_energy_is_the_sum_of_its_terms_and_unknown_where_one_is(site):
    with open_store(site / "site.sqlite") as store:
        ledger = VirtualLedger(store.ledger, store.configuration)

        found = ledger.intervals("virtual:rest", T0, T0 + 24 * HOUR)

        assert found.step_s == 900
        assert np.isnan(found.energy_wh[10])
        assert found.quality[10] == IntervalQuality.MISSING
        assert set(np.delete(found.energy_wh, 10).tolist()) == {380.0}
        assert ledger.registers("virtual:rest") == ("energy_import_wh",)
        proof = ledger.reconciliation("virtual:rest", T0, T0 + 24 * HOUR)
        assert (proof.interval_sum_wh, proof.discrepancy_wh, proof.missing_intervals) == (
            95 * 380,
            None,
            1,
        )
        with pytest.raises(NotFound, match="virtual:rest"):
            ledger.intervals("virtual:none", T0, T0 + HOUR)
        with pytest.raises(WrongUse, match="takes no readings"):
            ledger.add_intervals(found)


def test_it_is_exported_like_any_meter(site, tmp_path):
    out = tmp_path / "rest.csv"

    result = run(
        "export", "--meter", "virtual:rest", "--quantity", "energy_import_wh", "--resolution",
        "hour", "--from", "2020-01-01T00:00:00Z", "--to", "2030-01-01T00:00:00Z", "--out", out,
        "--site", site,
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    assert "1520" in out.read_text(encoding="utf-8")


def test_it_is_forecast_like_any_meter(site):
    with open_store(site / "site.sqlite") as store:
        starts = T0 + 86_400_000 + np.arange(35 * 96, dtype=np.int64) * 900_000
        for meter, energy in (("main", 500.0), ("hall", 120.0)):
            store.ledger.add_intervals(
                Intervals(
                    meter,
                    "energy_import_wh",
                    900,
                    starts,
                    energy + starts // 900_000 % 96,
                    np.zeros(len(starts), np.int8),
                )
            )

    result = run("forecast", "--meter", "virtual:rest", "--site", site, "--json")

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["meter"] == "virtual:rest"


def test_it_is_listed_added_and_removed(site):
    assert run("virtual", "add", "half", "hall=0.5", "--site", site).exit_code == 0
    assert run("virtual", "add", "typed", "main - 0.5 x hall", "--site", site).exit_code == 0
    refused = run("virtual", "add", "wrong", "main - hull", "--site", site)
    assert refused.exit_code == 2
    assert "Do you mean hall?" in refused.stderr
    assert run("virtual", "add", "wrong", "nobody=1", "--site", site).exit_code == 2
    assert run("virtual", "add", "wrong", "hall=much", "--site", site).exit_code == 2

    listed = json.loads(run("virtual", "list", "--site", site, "--json").stdout)
    assert {v["meter"]: v["terms"] for v in listed["virtual_meters"]} == {
        "virtual:rest": {"main": 1.0, "hall": -1.0},
        "virtual:half": {"hall": 0.5},
        "virtual:typed": {"main": 1.0, "hall": -0.5},
    }
    assert run("virtual", "remove", "half", "--site", site).exit_code == 0
    assert run("virtual", "remove", "half", "--site", site).exit_code == 3


def test_a_balance_names_the_rest_and_what_it_likely_is(site):
    day = ("--from", "2020-01-01T00:00:00Z", "--to", "2030-01-01T00:00:00Z")

    told = json.loads(run("balance", *day, "--site", site, "--json").stdout)

    (node,) = told["balances"]
    assert node["meter"] == "main"
    assert node["steps_known"] == 23
    assert node["used_wh"] == 23 * 2_000
    assert node["cause"] == "open"
    assert "Only 23 hours" in node["sentence"]
    said = run("balance", *day, "--site", site).stdout
    assert "in the 23 of 87,672 h that all meters know" in said
    assert "kWh in 23 h" in said
    for name in ("balance.pdf", "balance.xlsx", "balance.csv"):
        file = site.parent / name
        assert run("balance", *day, "--site", site, "--out", file).exit_code == 0
        assert file.stat().st_size > 100
    assert "Unexplained rest" in (site.parent / "balance.csv").read_text(encoding="utf-8-sig")
    days = (site.parent / "balance-days.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in days[1:]] == ["Main", "Main"]  # the days that are known
    refused = run("balance", "--meter", "hall", *day, "--site", site)
    assert refused.exit_code == 3
    assert "no meter stands behind" in refused.stderr


def test_a_formula_over_a_meter_that_is_not_there_is_refused_with_its_line(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(SITE.replace("hall = -1", "hull = -1"), encoding="utf-8")

    result = run("apply", file, "--site", tmp_path / "s")

    assert result.exit_code == 3
    assert "there is no meter 'hull'" in result.stderr
    assert "line 16" in result.stderr


def test_a_virtual_meter_of_virtual_meters_is_refused_with_the_meters_to_name(site, tmp_path):
    """Which could come to stand in a ring. By term, by formula and in the site file alike."""
    file = tmp_path / "site.toml"
    of_itself = '[[virtual_meters]]\nid = "x"\nname = "X"\nterms = { "virtual:rest" = 2 }\n'
    file.write_text(SITE + of_itself, encoding="utf-8")

    by_term = run("virtual", "add", "x", "main=1", "virtual:rest=-1", "--site", site)
    by_formula = run("virtual", "add", "x", "main - the rest", "--site", site)
    by_file = run("apply", file, "--site", tmp_path / "s")

    for refused in (by_term, by_formula, by_file):
        assert refused.exit_code in (2, 3)
        assert "The rest (virtual:rest) is a virtual meter itself" in refused.stderr
        assert "main \u2212 hall" in refused.stderr
    listed = json.loads(run("virtual", "list", "--site", site, "--json").stdout)
    assert [v["meter"] for v in listed["virtual_meters"]] == ["virtual:rest"]


def test_it_reads_as_a_formula():
    made = VirtualMeter("x", "X", (("main", 1.0), ("hall", -1.0), ("shared", 0.5)))

    assert made.formula == "main \u2212 hall + 0.5 \u00d7 shared"


def test_the_service_refuses_what_is_incomplete(site):
    with open_store(site / "site.sqlite") as store:
        service = VirtualMeterService(store.configuration)
        with pytest.raises(WrongUse, match="lacks"):
            service.save(VirtualMeter("x", "X", ()))
        assert len(service.listing()) == 1

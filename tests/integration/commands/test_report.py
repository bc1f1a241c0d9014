"""`report monthly` on a small site whose ledger is known to the Wh."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import numpy as np
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.wiring import open_site
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import NotEnoughData, UserFacingError, WrongUse
from energy_desktop.domain.site import Meter, Role, Site

MAY = datetime(2026, 4, 30, 22, tzinfo=UTC)  # local midnight in Berlin
QUARTERS = 31 * 96


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A grid meter that took 250 Wh in each quarter hour of May 2026, and one missing hour."""
    place = SiteFolder(tmp_path_factory.mktemp("works"))
    site = open_site(place)
    configuration = Configuration(
        site=Site("Works", "Europe/Berlin", price_import_per_kwh=Decimal("0.30")),
        meters=(Meter("grid", "Grid", role=Role.GRID),),
    )
    site.store.configuration.replace(configuration)
    start_ms = round(MAY.timestamp() * 1000)
    keep = np.ones(QUARTERS, dtype=bool)
    keep[40:44] = False
    site.store.ledger.add_intervals(
        Intervals(
            "grid",
            "energy_import_wh",
            900,
            (start_ms + 900_000 * np.arange(QUARTERS))[keep],
            np.full(QUARTERS, 250.0)[keep],
            np.full(QUARTERS, IntervalQuality.RAW, dtype=np.int8)[keep],
        )
    )
    site.close()
    return place


@pytest.fixture
def site(folder):
    opened = open_site(folder)
    yield opened
    opened.close()


def run(folder, *words):
    return CliRunner().invoke(app, ["--site", str(folder.root), "report", "monthly", *words])


def test_the_document_says_what_the_ledger_holds(folder, tmp_path):
    out = tmp_path / "may.pdf"

    ended = run(folder, "--month", "2026-05", "--out", str(out), "--json")

    assert ended.exit_code == 0, ended.stderr
    told = json.loads(ended.stdout)
    expected_wh = 250 * (QUARTERS - 4)
    assert told["import_wh"] == expected_wh
    assert told["cost"] == f"{Decimal(expected_wh) / 1000 * Decimal('0.30'):.2f}"
    assert told["data_completeness_pct"] == pytest.approx(100 * (1 - 4 / QUARTERS), abs=1e-3)
    assert told["peak_w"] == 1000
    assert told["complete_month"] is True
    assert told["previous_import_wh"] is None
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(out.read_bytes())).pages)
    assert "Energy report May 2026" in text
    assert f"{expected_wh / 1000:.1f}" in text


@pytest.mark.parametrize(
    ("month", "code", "word"),
    [
        ("May 2026", 2, "2026-03"),
        ("2026-13", 2, "2026-03"),
        ("2199-01", 2, "not begun"),
        ("2026-02", 3, "Nothing was read"),
    ],
)
def test_a_month_that_cannot_be_reported_is_refused_in_words(folder, tmp_path, month, code, word):
    ended = run(folder, "--month", month, "--out", str(tmp_path / "x.pdf"))

    assert ended.exit_code == code
    assert word in ended.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_leaves_nothing(site, tmp_path):
    (tmp_path / "papers").write_text("a file, no folder")

    with pytest.raises(UserFacingError):
        site.services.reports.write_month("2026-05", tmp_path / "papers")

    assert [p.name for p in tmp_path.iterdir()] == ["papers"]


def test_pdf_csv_and_excel_stand_beside_each_other(site, tmp_path):
    doing = []

    written = site.services.reports.write_month(
        "2026-05", tmp_path, lambda fraction, what: doing.append((fraction, what))
    )

    assert {p.suffix for p in written} == {".pdf", ".csv", ".xlsx"}
    assert sorted(written) == sorted(tmp_path.iterdir())
    assert [f for f, _ in doing] == sorted(f for f, _ in doing)
    summary = (tmp_path / "energy-report-2026-05.csv").read_text()
    assert "grid_import,743" in summary


def test_the_shelf_finds_what_was_kept_with_its_hash(site, tmp_path):
    reports = site.services.reports
    report = reports.month("2026-05")

    (kept,) = reports.keep(report, frozenset({"pdf"}))
    (file,) = reports.shelf().files

    assert file.path == kept
    copy = reports.copy(file, tmp_path / "copy.pdf")
    assert copy.read_bytes() == kept.read_bytes()
    again = reports.keep(report, frozenset({"pdf"}))
    assert reports.shelf().files[0].sha256 == file.sha256
    assert again == (kept,)


def test_a_site_without_a_grid_meter_says_what_to_do(folder, tmp_path):
    other = open_site(SiteFolder(tmp_path / "other"))
    try:
        configuration = other.store.configuration.load()
        other.store.configuration.replace(replace(configuration, meters=(Meter("m", "Machine"),)))
        with pytest.raises((WrongUse, NotEnoughData)) as caught:
            other.services.reports.month("2026-05")
        assert caught.value.remedy
    finally:
        other.close()


def test_waste_of_a_month_that_has_not_begun_is_refused_in_words(tmp_path):
    result = CliRunner().invoke(app, ["waste", "--month", "2199-01", "--site", str(tmp_path)])

    assert result.exit_code == 2
    assert "The month has not begun." in result.stderr

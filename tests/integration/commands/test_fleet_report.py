"""`fleet report`: the paper of a run by command."""

import io
import json

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.services.fleet import FleetService
from tests.support.fleet_files import a_fleet


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    FleetService().run(a_fleet(folder / "in", households=6, days=45), folder / "London pilot")
    return folder / "London pilot"


def test_the_paper_tells_the_run_that_show_tells(out, tmp_path):
    target = tmp_path / "fleet.pdf"

    said = json.loads(run("fleet", "report", out, "--to", target, "--json").stdout)

    assert said["bytes"] == target.stat().st_size
    summary = json.loads(run("fleet", "show", out, "--json").stdout)
    pages = PdfReader(io.BytesIO(target.read_bytes())).pages
    text = " ".join("\n".join(page.extract_text() for page in pages).split())
    assert "6 households from 2013-01-01" in text
    assert f"0 of {summary['rows_read']:,} rows left out" in text
    assert f"{summary['lightgbm']['mae_kwh']:.2f}" in text


def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_left(out, tmp_path):
    target = tmp_path / "no such folder" / "fleet.pdf"

    result = run("fleet", "report", out, "--to", target)

    assert result.exit_code != 0
    assert "cannot be written" in result.stderr
    assert not target.exists()


def test_a_folder_without_a_run_is_refused_in_words(tmp_path):
    result = run("fleet", "report", tmp_path, "--to", tmp_path / "fleet.pdf")

    assert result.exit_code != 0
    assert "no fleet run" in result.stderr


def test_the_paper_of_a_year_that_is_not_there_is_refused(out, tmp_path):
    result = run("fleet", "report", out, "--to", tmp_path / "fleet.pdf", "--year", 2031)

    assert result.exit_code == 3
    assert "It has one year only, 2013: leave the year out." in result.stderr
    assert not (tmp_path / "fleet.pdf").exists()

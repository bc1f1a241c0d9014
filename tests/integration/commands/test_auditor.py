"""What an auditor types to break the book, and what he reads: a sentence, and nothing changed."""

import json
import shutil
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


def run(site, command, *more):
    return CliRunner().invoke(app, [*command.split(), "--site", str(site), *more])


def asked(site, command, *more):
    result = run(site, command, *more, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


SPAN = ("--from", "2025-03-28T09:00:00Z", "--to", "2025-03-28T10:00:00Z")


@pytest.mark.parametrize(
    "command",
    [
        ("gaps",),
        ("validate",),
        ("edits",),
        ("edit", *SPAN, "--method", "set", "--value-wh", "0", "--reason", "x"),
        ("edit", *SPAN, "--method", "estimate"),
        ("exchange",),
        ("exchange", "--at", "2025-03-28T09:00:00Z", "--old-end-wh", "1", "--new-start-wh", "0"),
    ],
)
def test_a_virtual_meter_sends_whoever_would_correct_it_to_its_terms(site, command):
    asked(site, "virtual add", "rest", "light-meyer=1", "light-zwei=-1")

    result = run(site, command[0], "--meter", "virtual:rest", *command[1:])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "It is computed (light-meyer \u2212 light-zwei)" in result.stderr
    assert "light-meyer, light-zwei" in result.stderr
    assert run(site, "gaps", "--meter", "virtual:other").exit_code == 3

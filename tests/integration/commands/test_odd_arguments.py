"""Whatever is typed is answered in a sentence: odd months, times, numbers, paths and bytes."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from tests.integration.commands import billed_site as billed

NO_UTF8 = "M\udcfchle"  # what Python makes of `Mühle` in Latin-1


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    return billed.make(tmp_path_factory.mktemp("pattern") / "site").root


def run(*arguments, charset="utf-8"):
    return CliRunner(charset=charset).invoke(app, [str(a) for a in arguments])


def refused(result, exit_code):
    """One sentence on stderr and nothing on stdout."""
    assert result.exit_code == exit_code, result.stderr
    assert "Internal error" not in result.stderr
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize(
    "month",
    ["2025-3", "2025-+3", "2025- 3", "２０２５-03", "2025-0_3", "0001-01", "9999-12", ""],
)
@pytest.mark.parametrize("command", ["bill", "report monthly", "waste"])
def test_a_month_has_one_spelling(pattern, tmp_path, command, month):
    """`2025-3` beside `2025-03` would be a second invoice for the same days."""
    more = {"bill": ["--client", "meyer", "--issue", "--out", tmp_path],
            "report monthly": ["--out", tmp_path / "r.pdf"]}  # fmt: skip

    result = run(*command.split(), "--month", month, *more.get(command, []), "--site", pattern)

    assert "from 1970 to 2199" in refused(result, 2)


@pytest.mark.parametrize("moment", ["0001-01-01", "9999-12-31T23:59:59-12:00", "1969-12-31", "now"])
def test_times_no_meter_has_seen_are_refused(pattern, moment):
    result = run("gaps", "--meter", "light-zwei", "--from", moment, "--site", pattern)

    assert "Write it as 2026-03-01T12:00:00Z" in refused(result, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["undo", "--id", str(2**63), "--reason", "x"], "less than or equal to"),
        (["exchange", "--meter", "light-zwei", "--remove", str(2**63)], "less than or equal to"),
        (["exchange", "--meter", "light-zwei", "--ct-ratio", "nan"], "no number"),
        (["virtual", "add", "v", "light-zwei=1", "--name", NO_UTF8], "no text in UTF-8"),
        (["import", f"/{NO_UTF8}.csv"], "no text in UTF-8"),
    ],
)
def test_what_no_command_can_use_is_named(pattern, arguments, said):
    assert said in refused(run(*arguments, "--site", pattern), 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["restore", "."],
        ["import", "nothing.xml", "--format", "green-button"],
        ["import", f"{'a' * 300}.csv"],
        ["backup", "--site", "a" * 300],
        ["drivers", "show", "none", "--site", __file__],
    ],
)
def test_a_path_that_will_not_do_is_a_sentence(pattern, tmp_path, monkeypatch, arguments):
    site = shutil.copytree(pattern, tmp_path / "site")
    monkeypatch.setenv("ENERGY_DESKTOP_SITE", str(site))

    assert refused(run(*arguments), 3).count("\n") == 1


def test_a_journal_of_all_times_is_no_error(pattern):
    assert run("alarms", "--days", "1e308", "--site", pattern).exit_code == 2
    assert run("alarms", "--days", "36500", "--site", pattern).exit_code == 0


def test_what_a_program_hears_is_utf8_whatever_the_code_page(pattern):
    """The minus of a figure is in no Western code page: a redirected answer would end in an error.

    The runner stands for a pipe of a system with that page; it is written through whole.
    """
    run("virtual", "add", "less", "light-zwei=-1", "--name", "Büro − 1", "--site", pattern)

    result = run("virtual", "list", "--json", "--site", pattern, charset="cp1252")

    assert result.exit_code == 0
    (found,) = json.loads(result.stdout_bytes.decode())["virtual_meters"]
    assert found["name"] == "Büro − 1"

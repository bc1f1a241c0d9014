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


EDIT = ("edit", *SPAN, "--reason", "x", "--method")
EXCHANGE = ("exchange", "--at", "2025-03-28T09:00:30Z")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((*EDIT, "set", "--value-wh", "99999999999999999999"), "any connection could carry"),
        ((*EDIT, "set", "--value-wh", "9223372036854775807"), "any connection could carry"),
        ((*EDIT, "scale", "--factor", "1e30"), "any connection could carry"),
        ((*EDIT, "scale", "--factor", "NaN"), "Name the factor"),
        ((*EDIT, "spread", "--total-wh", "999999999999999999"), "any connection could carry"),
        ((*EDIT, "copy-day", "--day", "9999-12-31"), "more than 10 years away"),
        ((*EDIT, "copy-day", "--day", "2025-03-28"), "the day itself"),
        (
            ("edit", "--from", "1970-01-01T00:00:00Z", "--to", "2025-03-28T09:00:00Z",
             "--method", "set", "--value-wh", "1"),
            "Check the year",
        ),
        (
            ("edit", "--from", "2001-01-01T00:00:00Z", "--to", "2025-03-28T09:00:00Z",
             "--method", "set", "--value-wh", "1"),
            "longer than 5 years",
        ),
        (
            (*EXCHANGE, "--old-end-wh", "99999999999999999999", "--new-start-wh", "0"),
            "No register counts that far",
        ),
        (
            (*EXCHANGE, "--old-end-wh", "0", "--new-start-wh", "0", "--register", "power_w"),
            "does not count power_w",
        ),
        (
            ("exchange", "--at", "1970-01-01T00:00:00Z", "--old-end-wh", "1",
             "--new-start-wh", "0"),
            "above all its year",
        ),
        (
            ("exchange", "--at", "2025-03-20T00:00:00Z", "--old-end-wh", "4999000",
             "--new-start-wh", "0"),
            "nothing was read of the old register",
        ),
        (("exchange", "--confirm-held", "7"), "no exchange or reset 7"),
    ],
)  # fmt: skip
def test_no_slip_reaches_the_book(site, command, words):
    before = asked(site, "validate", "--meter", "light-zwei")

    result = run(site, command[0], "--meter", "light-zwei", *command[1:])

    assert result.exit_code in (2, 3)
    assert words in result.stderr
    assert result.stdout == ""
    assert asked(site, "validate", "--meter", "light-zwei") == before


def test_an_exchange_with_a_digit_too_many_needs_a_word_and_the_figure_is_said(site):
    at = ("--meter", "light-zwei", "--at", "2025-03-31T21:59:00Z")  # before the last reading
    last_wh = asked(site, "exchange", "--meter", "light-zwei")
    assert last_wh["events"] == []
    shown = 5_000_000 + sum(billed.wh_of_minute(m) for m in billed.minutes()[:-1])
    readings = ("--old-end-wh", str(shown + 9_000_000), "--new-start-wh", str(shown))

    result = run(site, "exchange", *at, *readings)

    assert result.exit_code == 2
    assert "old end reading would book 9,000.000 kWh" in result.stderr
    assert "--confirm" in result.stderr
    assert asked(site, "exchange", "--meter", "light-zwei")["events"] == []
    entered = asked(site, "exchange", *at, *readings, "--confirm")
    assert [(e["confirmed"], e["held_back"]) for e in entered["events"]] == [(True, False)]

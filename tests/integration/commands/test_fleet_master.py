"""A master of Spark that is not there is told soon and in a sentence, before anything is made."""

import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.fleet.spark import refuse_silent
from tests.support.fleet_files import LONDON, london_rows, write_csv


@pytest.fixture
def folder(tmp_path):
    rows = london_rows("MAC1", [0.1] * 96, start=datetime(2013, 1, 1, tzinfo=UTC))
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)
    return tmp_path / "in"


@pytest.fixture
def silent():
    """A port of this machine that is bound, so that nobody else listens there either."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def answering():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_master_that_does_not_answer_is_told_soon(folder, tmp_path, silent):
    master = f"spark://{silent}"
    began = time.monotonic()

    result = CliRunner().invoke(
        app, ["fleet", "run", str(folder), "--out", str(tmp_path / "out"), "--engine", "spark",
              "--master", master],
    )  # fmt: skip

    assert time.monotonic() - began < 20
    assert result.exit_code == 3
    assert result.stderr == (
        f"Master {master}: The master of Spark does not answer there (Connection refused). "
        "Check its address, and that it runs and can be reached from here.\n"
    )
    assert not (tmp_path / "out").exists()


def test_of_several_addresses_one_that_answers_is_enough(silent, answering):
    refuse_silent(f"spark://{silent},{answering}")

    with pytest.raises(UserFacingError, match="does not answer"):
        refuse_silent(f"spark://{silent},{silent}")


@pytest.mark.parametrize(
    ("master", "said"),
    [
        ("head:7077", "Spark knows no such master"),
        ("http://head:8080", "Spark knows no such master"),
        ("spark://head", "'head' is no host and port"),
        ("spark://head:seven", "'head:seven' is no host and port"),
        ("spark://", "'' is no host and port"),
        ("spark://no-such-host.invalid:7077", "does not answer there"),
    ],
)
def test_an_address_that_will_not_do_is_told_as_such(master, said):
    with pytest.raises(UserFacingError, match=said):
        refuse_silent(master)


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]", "yarn", "k8s://https://head"])
def test_other_masters_are_left_to_spark(master):
    refuse_silent(master)


@pytest.mark.timeout(200)
def test_a_session_that_does_not_begin_is_told_in_words(folder, tmp_path):
    if shutil.which("java") is None:
        pytest.skip("no Java on this machine: Spark cannot be started")
    pytest.importorskip("pyspark", reason="the extra fleet-spark is not installed")

    done = subprocess.run(
        [sys.executable, "-m", "energy_desktop", "fleet", "run", folder, "--out", tmp_path / "out",
         "--engine", "spark", "--master", "local[some]"],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip

    assert done.returncode == 3
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Spark, master local[some]: It does not begin: ")
    assert "Could not parse Master URL" in last
    assert "Internal error" not in done.stderr
    assert not (tmp_path / "out").exists()

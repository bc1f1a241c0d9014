"""Where a fleet run reads and writes: nobody's files are touched, two runs never meet, and what is
asked again is known again.
"""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.fleet.claim import claimed
from tests.support.fleet_files import LONDON, a_fleet, london_rows, write_csv

SMALL = [0.1 + 0.001 * (k % 7) for k in range(48 * 3)]


def run(*arguments):
    return CliRunner().invoke(app, ["fleet", *map(str, arguments)])


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def below(folder):
    """Each file with when it was written, and each folder: what somebody would find changed."""
    return {str(p): p.stat().st_mtime_ns if p.is_file() else 0 for p in folder.rglob("*")}


@pytest.fixture
def folder(tmp_path):
    rows = london_rows("MAC1", SMALL, start=datetime(2013, 1, 1, tzinfo=UTC))
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)
    return tmp_path / "in"


def test_folders_of_the_user_beside_and_in_the_results_are_left_alone(folder, tmp_path):
    mine = [tmp_path / "out.scratch" / "thesis.txt", tmp_path / "out.2013.scratch" / "thesis.txt"]
    for path in mine:
        path.parent.mkdir()
        path.write_text("mine")
    document(run("run", folder, "--out", tmp_path / "out", "--json"))
    inside = tmp_path / "out" / ".scratch-of-mine" / "thesis.txt"
    inside.parent.mkdir()
    inside.write_text("mine")

    document(run("run", folder, "--out", tmp_path / "out", "--segments", 3, "--replace", "--json"))

    assert [path.read_text() for path in (*mine, inside)] == ["mine"] * 3
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "in", "out", "out.2013.scratch", "out.scratch"]  # fmt: skip


def test_a_run_that_is_done_writes_nothing_when_it_is_asked_again(folder, tmp_path):
    first = document(run("run", folder, "--out", tmp_path / "out", "--json"))
    before = below(tmp_path)

    again = document(run("run", folder, "--out", tmp_path / "out", "--json"))

    assert again == first
    assert below(tmp_path) == before


def test_another_run_is_replaced_only_when_that_is_said(folder, tmp_path):
    out = tmp_path / "out"
    first = document(run("run", folder, "--out", out, "--json"))
    rows = london_rows("MAC2", SMALL, start=datetime(2013, 1, 1, tzinfo=UTC))
    write_csv(folder / "b.csv", LONDON, rows)

    refused = run("run", folder, "--out", out)
    kept = document(run("show", out, "--json"))
    planned = run("run", folder, "--out", out, "--plan").stdout
    replaced = document(run("run", folder, "--out", out, "--replace", "--json"))

    assert refused.exit_code == 2
    assert f"A finished run of {folder} is there; it differs in its files." in refused.stderr
    assert "--replace" in refused.stderr
    assert kept == first
    assert "only --replace replaces them" in planned
    assert replaced["households"] == 2


def test_a_finished_run_is_made_anew_when_that_is_said(folder, tmp_path):
    document(run("run", folder, "--out", tmp_path / "out", "--json"))
    before = (tmp_path / "out" / "households.parquet").stat().st_mtime_ns

    document(run("run", folder, "--out", tmp_path / "out", "--replace", "--json"))

    assert (tmp_path / "out" / "households.parquet").stat().st_mtime_ns > before


def test_a_column_that_no_file_has_is_told_once_and_costs_no_results(folder, tmp_path):
    out = tmp_path / "out"
    for name in ("b", "c"):
        rows = london_rows(name, SMALL, start=datetime(2013, 1, 1, tzinfo=UTC))
        write_csv(folder / "sub" / f"{name}.csv", LONDON, rows)
    first = document(run("run", folder, "--out", out, "--json"))

    refused = run("run", folder, "--out", out, "--value-column", "foo", "--replace")
    new = run("run", folder, "--out", tmp_path / "new", "--value-column", "foo")
    again = document(run("run", folder, "--out", out, "--json"))

    assert refused.exit_code == new.exit_code == 3
    assert refused.stderr.strip() == (
        f"{folder}: None of its 3 files can be read. a.csv and 2 others: it has no column 'foo'. "
        "It has: lclid, stdortou, datetime, kwh/hh (per half hour). "
        "The results that are there stay as they are."
    )
    assert "stay" not in new.stderr
    assert not (tmp_path / "new").exists()
    assert again == first


def test_a_column_without_numbers_costs_no_results_either(folder, tmp_path):
    out = tmp_path / "out"
    first = document(run("run", folder, "--out", out, "--json"))

    refused = run("run", folder, "--out", out, "--value-column", "stdorToU", "--replace")
    again = document(run("run", folder, "--out", out, "--json"))

    assert refused.exit_code == 3
    assert refused.stderr.splitlines()[-1] == (
        f"{folder}: No reading of its files can be used: a value that is no number in 144 rows. "
        "Check how its columns are read. The results that are there stay as they are."
    )
    assert again == first
    assert list(out.glob(".*")) == []


def test_each_cause_is_told_once_the_commonest_first(tmp_path):
    write_csv(tmp_path / "in" / "a.csv", "what,is,this", ["1,2,3"])
    for name in ("b", "c"):
        (tmp_path / "in" / f"{name}.csv").write_text("")

    result = run("run", tmp_path / "in", "--out", tmp_path / "out")
    alone = run("run", tmp_path / "in" / "b.csv", "--out", tmp_path / "out")

    assert result.exit_code == alone.exit_code == 3
    assert (
        "None of its 3 files can be read. b.csv and 1 other: it is empty; a.csv: no column is "
        in (result.stderr)
    )
    assert alone.stderr == f"{tmp_path / 'in' / 'b.csv'}: it is empty. Export it again.\n"


def test_files_without_a_reading_that_can_be_used_are_no_run_to_go_on_with(tmp_path):
    out = tmp_path / "out"
    write_csv(
        tmp_path / "in" / "a.csv", LONDON, ["MAC1,Std,2013-01-01 00:00:00.0000000, Null "] * 2
    )

    ran = run("run", tmp_path / "in", "--out", out)
    shown, papered = run("show", out), run("report", out, "--to", tmp_path / "a.pdf")
    named = run("show", out, "--quality")

    assert (ran.exit_code, papered.exit_code) == (3, 3)
    assert "No reading of its files can be used: no value in 2 rows." in ran.stderr
    for said in (ran.stderr, shown.stdout, papered.stderr):
        assert "No reading of its files can be used" in said
        assert "goes on where it stopped" not in said
    assert "a.csv: 2 rows, 0 used" in named.stdout


def test_a_plan_tells_that_another_process_works_there(folder, tmp_path):
    out = tmp_path / "out"
    with claimed(out):
        held = run("run", folder, "--out", out, "--plan")
    document(run("run", folder, "--out", out, "--json"))

    done = run("run", folder, "--out", out, "--plan")

    assert "Another process works on these results" in held.stdout
    assert "It is done already" in done.stdout


def test_a_second_run_into_the_same_folder_is_refused_and_harms_nothing(folder, tmp_path):
    out = tmp_path / "out"
    with claimed(out) as scratch:
        (scratch / "spilled").write_text("of the first")
        refused = run("run", folder, "--out", out)
        still_there = (scratch / "spilled").exists()

    assert refused.exit_code == 3
    assert f"Process {os.getpid()}" in refused.stderr
    assert "Wait until it is done" in refused.stderr
    assert still_there
    assert not out.exists()
    assert document(run("run", folder, "--out", out, "--json"))["finished"]


def test_a_year_is_not_counted_while_another_process_works_on_the_results(tmp_path):
    rows = london_rows("MAC1", SMALL, start=datetime(2012, 12, 31, tzinfo=UTC))
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)
    out = tmp_path / "out"
    document(run("run", tmp_path / "in", "--out", out, "--json"))
    with claimed(out):
        refused = run("show", out, "--year", 2013)

    shown = document(run("show", out, "--year", 2013, "--json"))

    assert refused.exit_code == 3
    assert f"Process {os.getpid()}" in refused.stderr
    assert shown["households"] == 1
    assert list(out.glob(".scratch-*")) == []


def test_what_a_killed_run_holds_and_leaves_is_free_for_the_next(folder, tmp_path):
    out = tmp_path / "out"
    holder = (
        "import pathlib, signal, sys\n"
        "from energy_desktop.fleet.claim import claimed\n"
        "with claimed(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    signal.pause()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", holder, out], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "held\n"
        held = run("run", folder, "--out", out)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    left = list(out.glob(".scratch-*"))

    done = document(run("run", folder, "--out", out, "--json"))

    assert f"Process {child.pid}" in held.stderr
    assert len(left) == 1
    assert done["finished"]
    assert list(out.glob(".scratch-*")) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "in", "--out", "in"), 3, "readings lie in the folder that the results"),
        (("run", "in/sub", "--out", "in"), 3, "readings lie in the folder that the results"),
        (("run", "in", "--out", "."), 3, "readings lie in the folder that the results"),
        (("run", "in/sub", "--out", "other"), 3, "holds something that is no fleet run"),
        (("run", "in", "--out", "in/a.csv"), 3, "This is a file"),
        (("run", "in", "--out", "in/a.csv/x"), 3, "cannot be written there (Not a directory)"),
        (("run", "in", "--out", "/proc/x/y"), 3, "cannot be written there"),
        (("run", "in", "--out", "new", "--seed", "-1"), 2, "Invalid value for '--seed'"),
        (("show", "in/a.csv"), 3, "There is no fleet run in this folder."),
    ],
)
def test_a_folder_that_will_not_do_is_refused_in_one_sentence(
    folder, tmp_path, monkeypatch, arguments, code, said
):
    monkeypatch.chdir(tmp_path)
    rows = london_rows("MAC2", SMALL, start=datetime(2013, 1, 1, tzinfo=UTC))
    write_csv(folder / "sub" / "b.csv", LONDON, rows)
    write_csv(tmp_path / "other" / "notes.csv", "a,b", ["1,2"])
    before = below(tmp_path)

    result = run(*arguments)

    assert result.exit_code == code
    assert said in result.stderr
    assert "Internal error" not in result.stderr
    assert below(tmp_path) == before


def test_an_empty_folder_may_be_called_by_a_dot(folder, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert document(run("run", folder, "--out", ".", "--json"))["finished"]


@pytest.mark.parametrize("finished", [True, False])
def test_a_list_that_is_not_there_is_said_with_what_to_do(folder, tmp_path, finished):
    out = tmp_path / "out"
    document(run("run", folder, "--out", out, "--json"))
    (out / "households.parquet").unlink()
    if not finished:
        state = json.loads((out / "fleet.json").read_text())
        (out / "fleet.json").write_text(json.dumps({**state, "finished": False}))

    result = run("show", out, "--households")

    assert result.exit_code == 3
    assert "There is no 'households' among these results" in result.stderr
    assert ("--replace" if finished else "goes on where it stopped") in result.stderr


def test_files_of_one_name_are_told_apart_by_where_they_lie(tmp_path):
    for place in ("north", "south"):
        rows = london_rows(place.upper(), SMALL, start=datetime(2013, 1, 1, tzinfo=UTC))
        rows += [f"{place.upper()},Std,2013-02-01 00:00:00.0000000, Null "]
        write_csv(tmp_path / "in" / place / "a.csv", LONDON, rows)
    (tmp_path / "in" / "south" / "torn.csv").write_text("no,idea\n1,2\n")

    ran = run("run", tmp_path / "in", "--out", tmp_path / "out").stdout
    shown = run("show", tmp_path / "out", "--quality").stdout

    assert "Left out whole: south/torn.csv: " in ran
    assert "south/torn.csv: left out whole" in shown
    assert "north/a.csv: 145 rows" in shown
    assert "south/a.csv: SOUTH 2013-02-01" in shown
    assert f"Files: below {tmp_path / 'in'}." in shown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_it_says_that_the_same_command_goes_on_and_leaves_no_rubbish(tmp_path, number):
    a_fleet(tmp_path / "in", households=12, days=120)
    command = [sys.executable, "-m", "energy_desktop", "fleet", "run", tmp_path / "in", "--out",
               tmp_path / "out"]  # fmt: skip
    # Who is started in the background hears no Ctrl C, and would hand that on to this child.
    before = signal.signal(number, signal.SIG_DFL)
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                             start_new_session=True)  # fmt: skip
    signal.signal(number, before)
    try:
        told = child.stderr.readline()
        os.killpg(child.pid, number)  # as Ctrl C in a terminal reaches all processes of it
        said = child.stderr.read()
        code = child.wait(timeout=30)
    finally:
        child.kill()
        child.wait()
        child.stderr.close()

    again = run("run", tmp_path / "in", "--out", tmp_path / "out")

    assert told == "  0 %  reading files\n"
    assert code == 3
    assert said.splitlines()[-1] == (
        "Fleet run: It was stopped. What is done is kept: the same command goes on where it was."
    )
    assert "Traceback" not in said
    assert again.exit_code == 0
    assert list((tmp_path / "out").glob(".scratch-*")) == []
    lines = again.stderr.splitlines()
    assert "\r" not in again.stderr
    assert len(lines) == len(set(lines)) <= 30
    assert lines[-1] == "100 %  done"

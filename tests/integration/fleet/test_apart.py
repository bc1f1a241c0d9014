"""A fleet that is run and read in processes of its own answers as one in the caller's does."""

import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from energy_desktop.app.window_processes import WindowProcesses
from energy_desktop.domain.errors import DataFileError, JobCancelled, JobLost, NotFound
from energy_desktop.domain.jobs import cancel_event
from energy_desktop.services.fleet import FleetService
from tests.support.fleet_files import LONDON, a_fleet, write_csv

HERE = FleetService()
QUESTIONS = (
    lambda fleet, out: fleet.summary(out),
    lambda fleet, out: fleet.was_asked(out),
    lambda fleet, out: fleet.overview(out),
    lambda fleet, out: fleet.trends(out),
    lambda fleet, out: fleet.segments(out, limit=1),
    lambda fleet, out: fleet.examples(out, each=2),
    lambda fleet, out: fleet.stability(out),
    lambda fleet, out: fleet.refusals(out),
    lambda fleet, out: fleet.households(out, offset=2, limit=2, order="use", tariff="Std"),
    lambda fleet, out: fleet.forecasts(out),
    lambda fleet, out: fleet.anomalies(out, strongest_only=False),
    lambda fleet, out: fleet.tariffs(out, order="loss"),
    lambda fleet, out: fleet.quality(out),
    lambda fleet, out: fleet.dropped(out, reason="null"),
    lambda fleet, out: fleet.household(out, "MAC000003"),
)


@pytest.fixture(scope="module")
def apart():
    processes = WindowProcesses()
    yield FleetService(processes=processes.fleet)
    processes.close()


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def out(apart, told, tmp_path_factory):
    """A run that was made apart."""
    folder = tmp_path_factory.mktemp("fleet")
    a_fleet(folder / "in")
    apart.run(folder / "in", folder / "out", progress=lambda *said: told.append(said))
    return folder / "out"


def test_a_run_made_apart_tells_how_far_it_is_and_leaves_its_results(out, told):
    fractions = [fraction for fraction, _ in told]

    assert HERE.summary(out).households == 6
    assert "reading files" in told[0][1]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


@pytest.mark.parametrize("ask", QUESTIONS)
def test_each_question_has_the_answer_that_it_has_here(apart, out, ask):
    # In words, since nan is not the same as another nan.
    assert repr(ask(apart, out)) == repr(ask(HERE, out))


_LOOK = """
import sys
from pathlib import Path
from energy_desktop.services.fleet import FleetService
fleet, out = FleetService(), Path(sys.argv[1])
fleet.overview(out, tariff="Std"), fleet.examples(out), fleet.anomalies(out), fleet.tariffs(out)
fleet.household(out, "MAC000003"), fleet.quality(out), fleet.was_asked(out), fleet.dropped(out)
print(sorted({"duckdb", "ibis", "lightgbm", "sklearn", "pyspark"} & set(sys.modules)))
"""


def test_who_looks_does_not_wait_for_what_only_a_run_needs(out):
    looked = subprocess.run(
        [sys.executable, "-c", _LOOK, str(out)], capture_output=True, text=True, check=True
    )

    assert looked.stdout.strip() == "['duckdb']"


def test_a_mark_made_apart_is_seen_here_and_taken_away_again(apart, out):
    [first, *_] = HERE.anomalies(out, strongest_only=False).rows
    stretch = (first.kind, first.start_ms)

    apart.mark_seen(out, first.household, who="Ada", stretch=stretch)
    seen = [a.seen for a in HERE.anomalies(out, strongest_only=False).rows]
    apart.unmark_seen(out, first.household, stretch=stretch)
    after = [a.seen for a in HERE.anomalies(out, strongest_only=False).rows]

    assert [mark.who for mark in seen if mark] == ["Ada"]
    assert not any(after)


def test_results_are_exported_apart(apart, out, tmp_path):
    told = []

    done = apart.export(out, str(tmp_path), "csv", progress=lambda *said: told.append(said))

    assert len(list(tmp_path.glob("*.csv"))) == len(done.tables)
    assert told


def test_what_is_refused_there_is_refused_here_in_the_same_words(apart, tmp_path):
    write_csv(tmp_path / "in" / "notes.csv", "colour,taste", ["red,sweet"])

    with pytest.raises(NotFound):
        apart.summary(tmp_path / "nothing")
    with pytest.raises(DataFileError) as there:
        apart.run(tmp_path / "in", tmp_path / "out")
    with pytest.raises(DataFileError) as here:
        HERE.run(tmp_path / "in", tmp_path / "out")
    assert str(there.value) == str(here.value)


def test_a_run_that_is_stopped_keeps_what_it_did_and_leaves_no_scratch(apart, tmp_path):
    files = [_one_household(tmp_path / "in", k) for k in range(3)]
    stop = threading.Event()
    token = cancel_event.set(stop)

    def stop_when_pricing(_fraction, doing):
        if "looking back" in doing:
            stop.set()

    try:
        with pytest.raises(JobCancelled):
            apart.run(tmp_path / "in", tmp_path / "out", progress=stop_when_pricing)
    finally:
        cancel_event.reset(token)
    left = sorted(path.name for path in tmp_path.iterdir())
    told = []
    summary = apart.run(
        tmp_path / "in", tmp_path / "out", progress=lambda _, doing: told.append(doing)
    )

    assert left == ["in", "out"]
    assert summary.households == len(files)
    assert not any("reading files" in doing for doing in told)


def test_a_run_whose_process_dies_says_so_and_goes_on_when_it_is_asked_again(apart, tmp_path):
    a_fleet(tmp_path / "in", households=3)

    def die_when_grouping(_fraction, doing):
        if "grouping" in doing:
            for process in multiprocessing.active_children():
                process.kill()

    with pytest.raises(JobLost, match="once more goes on where it was"):
        apart.run(tmp_path / "in", tmp_path / "out", progress=die_when_grouping)
    told = []
    summary = HERE.run(
        tmp_path / "in", tmp_path / "out", progress=lambda _, doing: told.append(doing)
    )

    assert summary.households == 3
    assert not any("reading files" in doing for doing in told)


def _one_household(folder: Path, k: int) -> Path:
    a_fleet(folder / "made", households=1, seed=k)
    text = (folder / "made" / "fleet.csv").read_text(encoding="utf-8")
    (folder / "made" / "fleet.csv").unlink()
    (folder / "made").rmdir()
    path = folder / f"{k}.csv"
    path.write_text(text.replace("MAC000000", f"MAC{k:06d}"), encoding="utf-8")
    assert text.startswith(LONDON)
    return path

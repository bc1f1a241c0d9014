"""A run that was killed or cancelled goes on at its chunk, and ends as if nothing had been."""

import errno
import gzip
import itertools
import json
import signal
import subprocess
import sys
import threading
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from energy_desktop.analytics.anomaly.profile import find_anomalies
from energy_desktop.domain.errors import (
    ConfirmationNeeded,
    DataFileError,
    JobCancelled,
    UserFacingError,
)
from energy_desktop.domain.fleet import FleetOptions
from energy_desktop.domain.jobs import cancel_event
from energy_desktop.fleet import replacing, stopped
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.replacing import NEXT
from energy_desktop.fleet.run import FleetRun
from energy_desktop.fleet.workplace import stored
from tests.support.fleet_child import SmallParts
from tests.support.fleet_files import (
    LONDON,
    a_run,
    broken_files,
    cleaned,
    duckdb_engine,
    london_rows,
    no_file_beyond,
    used,
    write_csv,
)

LAYOUTS = ("LCLid,stdorToU,DateTime,KWH/hh (per half hour) ", "id,tariff,time,kwh",
           "meter,tariff,datetime,kwh", "household,tariff,start,kwh")  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Four files of four layouts, so that each is a chunk; eight households of five weeks."""
    rng = np.random.default_rng(3)
    for k, header in enumerate(LAYOUTS):
        rows = []
        for house in (2 * k, 2 * k + 1):
            values = np.round(rng.gamma(2.0, 0.1, 48 * 36), 3).tolist()
            rows += london_rows(f"H{house}", values, start=datetime(2013, 1, 1, tzinfo=UTC))
        write_csv(tmp_path / "in" / f"{k}.csv", header, rows)
    return tmp_path / "in"


def _run(folder, out, scratch, told=None, options=None, **how):
    engine = SmallParts(scratch, threads=1)
    try:
        run = FleetRun(
            folder, out, engine, options or FleetOptions(), hour_rule=find_anomalies,
            progress=lambda _fraction, doing: None if told is None else told.append(doing), **how,
        )  # fmt: skip
        run.run()
        return run
    finally:
        engine.close()


def _results(run):
    """Everything but how long it took."""
    stages = ("ingest", "daily", "regression", "lightgbm", "anomalies", "segments", "tariffs")
    state = {stage: run.manifest.done(stage) for stage in stages}
    households = stored([run.out / "households.parquet"]).to_pylist()
    return json.dumps([state, households], sort_keys=True, default=str)


@pytest.mark.parametrize(
    "moment", ["reading files, 3 of 4", "cleaning and adding up days, 2 of", "training LightGBM"]
)
def test_killed_with_nine_it_goes_on_where_it_was(tmp_path, folder, moment):
    out = tmp_path / "out"
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fleet_child", folder, out, tmp_path / "s", moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in child.stdout:
            if line.startswith(moment):
                break
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdin.close()
        child.stdout.close()
    told = []

    run = _run(folder, out, tmp_path / "s", told)

    assert told[0].startswith(moment)
    assert run.manifest.finished
    assert _results(run) == _results(_run(folder, tmp_path / "whole", tmp_path / "s"))


def test_cancelled_it_stops_between_two_chunks_and_goes_on_later(tmp_path, folder):
    event = threading.Event()
    token = cancel_event.set(event)
    engine = SmallParts(tmp_path / "s", threads=1)
    try:
        run = FleetRun(
            folder, tmp_path / "out", engine, FleetOptions(), hour_rule=find_anomalies,
            progress=lambda _f, doing: event.set() if "2 of 4" in doing else None,
        )  # fmt: skip
        with pytest.raises(JobCancelled):
            run.run()
    finally:
        cancel_event.reset(token)
        engine.close()
    assert set(Manifest.read(tmp_path / "out").done("ingest")) == {"0", "1"}

    told = []
    _run(folder, tmp_path / "out", tmp_path / "s", told)

    assert told[0] == "reading files, 3 of 4"


def test_the_memory_of_a_run_is_that_of_the_process_that_held_most(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(SmallParts, "memory_mb", lambda _: 900.0)
    with pytest.raises(_Stopped):
        _run(folder, tmp_path / "out", tmp_path / "s", _StopsAt("training LightGBM"))
    monkeypatch.setattr(SmallParts, "memory_mb", lambda _: 300.0)

    run = _run(folder, tmp_path / "out", tmp_path / "s")

    assert run.manifest.finished
    assert run.manifest.facts["peak_mb"] == 900.0


def test_a_finished_run_is_not_done_again(tmp_path, folder):
    _run(folder, tmp_path / "out", tmp_path / "s")
    told = []

    _run(folder, tmp_path / "out", tmp_path / "s", told)

    assert told == []


@pytest.mark.parametrize("change", ["another file", "another option"])
def test_results_of_other_files_or_options_are_replaced_only_when_that_is_said(
    tmp_path, folder, change
):
    first = _run(folder, tmp_path / "out", tmp_path / "s")
    options = FleetOptions()
    if change == "another file":
        (folder / "3.csv").unlink()
    else:
        options = FleetOptions(zone="Europe/London")

    with pytest.raises(ConfirmationNeeded, match="--replace"):
        _run(folder, tmp_path / "out", tmp_path / "s", options=options)
    assert Manifest.read(tmp_path / "out").key == first.manifest.key
    second = _run(folder, tmp_path / "out", tmp_path / "s", options=options, replace=True)

    assert second.manifest.key != first.manifest.key
    households = stored([second.out / "households.parquet"]).num_rows
    assert households == (6 if change == "another file" else 8)


@pytest.mark.parametrize("options", [FleetOptions(), FleetOptions(segments=3)])
def test_what_is_replaced_stays_until_the_files_are_read(tmp_path, folder, options):
    out = tmp_path / "out"
    first = _run(folder, out, tmp_path / "s")
    whole = _results(first)
    with pytest.raises(_Stopped):
        _run(folder, out, tmp_path / "s", _StopsAt("reading files, 3 of 4"), options, replace=True)
    stopped_then = Manifest.read(out)
    kept = stored([out / "households.parquet"]).num_rows

    told = []
    run = _run(folder, out, tmp_path / "s", told, options, replace=True)

    assert stopped_then.finished
    assert stopped_then.key == first.manifest.key
    assert kept == 8
    assert told[0] == "reading files, 3 of 4"
    assert run.manifest.finished
    assert (_results(run) == whole) == (options == FleetOptions())
    assert not (out / NEXT).exists()


@pytest.mark.parametrize("spoilt", [False, True])
def test_killed_while_it_takes_the_place_a_run_loses_and_keeps_nothing_of_the_other(
    tmp_path, folder, monkeypatch, spoilt
):
    other = tmp_path / "other"
    write_csv(other / "0.csv", LONDON,
              london_rows("OTHER", [0.1] * 96, start=datetime(2013, 1, 1, tzinfo=UTC)))  # fmt: skip
    steps = [(Manifest, "set_facts"), (Path, "rename"), (replacing, "clear"), (replacing, "remove")]
    outcomes = []
    with duckdb_engine(tmp_path / "s", threads=1) as engine:
        for moment in range(30):
            out = tmp_path / f"out{moment}"
            cleaned(a_run(other, out, engine))
            counter = itertools.count()
            with monkeypatch.context() as patched, suppress(SystemExit):
                real = replacing.take_place

                def taken(*of, moment=moment, counter=counter, patched=patched, real=real):
                    for owner, name in steps:
                        _dies_at(patched, owner, name, counter, moment)
                    return real(*of)

                patched.setattr(replacing, "take_place", taken)
                _replacing(folder, out, engine).stage("ingest")
                outcomes.append("done")
            if spoilt and (out / "fleet.json.old").exists():
                (out / "fleet.json").write_text("")
            run = cleaned(_replacing(folder, out, engine))
            households = sum(about["households"] for about in run.manifest.done("daily").values())
            assert (households, used(run)) == (8, 8 * 48 * 36), moment
            assert not (out / NEXT).exists()
            if outcomes:
                break

    assert moment >= 7


@pytest.mark.parametrize("torn", [False, True])
def test_a_full_disk_is_no_broken_file_and_the_run_goes_on_once_there_is_room(tmp_path, torn):
    rng = np.random.default_rng(1)
    values = np.round(rng.gamma(2.0, 0.1, 60_000), 3).tolist()
    large = london_rows("LARGE", values, start=datetime(2010, 1, 1, tzinfo=UTC))
    write_csv(tmp_path / "in" / "1.csv", LONDON, large)
    write_csv(tmp_path / "in" / "0.csv", LAYOUTS[1], ["s,Std,2013-01-01 00:00,1",
                                                      "s,Std,2013-01-01 00:30,1"])  # fmt: skip
    if torn:  # beside it, in one chunk
        packed = gzip.compress("\n".join([LONDON, *large]).encode())
        (tmp_path / "in" / "2.csv.gz").write_bytes(packed[: len(packed) - 20_000])

    with duckdb_engine(tmp_path / "s", threads=1) as engine:
        run = a_run(tmp_path / "in", tmp_path / "out", engine)
        with no_file_beyond(50_000), pytest.raises(UserFacingError) as full:
            run.stage("ingest")
        done_then = set(run.manifest.done("ingest"))
        again = a_run(tmp_path / "in", tmp_path / "out", engine)
        again.stage("ingest")

    assert "The disk is full" in full.value.what
    assert "MB are free" in full.value.what
    assert "same command again" in full.value.remedy
    assert done_then == {"0"}
    assert broken_files(again) == (["2.csv.gz"] if torn else [])
    assert used(again) == 60_002


def test_a_file_that_is_gone_when_its_turn_comes_stops_the_run(tmp_path, folder):
    with duckdb_engine(tmp_path / "s", threads=1) as engine:
        run = a_run(folder, tmp_path / "out", engine)
        (folder / "2.csv").rename(tmp_path / "elsewhere.csv")
        with pytest.raises(UserFacingError, match=r"2\.csv"):
            run.stage("ingest")

        assert broken_files(run) == []
        (tmp_path / "elsewhere.csv").rename(folder / "2.csv")
        run.stage("ingest")

    assert used(run) == 8 * 48 * 36


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (duckdb.OutOfMemoryException("Out of Memory Error: could not"), "memory", "Close other"),
        (BrokenProcessPool("terminated abruptly"), "memory", "Close other"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full", "Make room"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), "Permission denied", "Mend"),
        (duckdb.IOException("IO Error: Stale file handle"), "Stale file handle", "Mend"),
    ],
)
def test_what_stops_a_run_is_said_in_words(tmp_path, error, what, remedy):
    with duckdb_engine(tmp_path / "s") as engine:
        said = stopped.in_words(error, engine, tmp_path)

        assert what in said.what
        assert said.remedy.startswith(remedy)
        assert "same command again" in said.remedy
        assert stopped.in_words(said, engine, tmp_path) is None
        assert stopped.in_words(KeyError("a fault of the program"), engine, tmp_path) is None


def test_another_spelling_of_the_folders_asks_the_same(tmp_path, folder, monkeypatch):
    _run(folder, tmp_path / "out", tmp_path / "s")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    told = []

    for spelling in (Path(), Path("../in"), tmp_path / "link", folder / ".." / "in"):
        _run(spelling, Path("..") / "out", tmp_path / "s", told)

    assert told == []


def test_a_run_killed_while_it_replaces_another_leaves_nothing_of_that_one(
    tmp_path, folder, monkeypatch
):
    _run(folder, tmp_path / "out", tmp_path / "s")
    (folder / "3.csv").unlink()

    def killed(out):
        raise SystemExit

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr("energy_desktop.fleet.replacing.clear", killed)
        _run(folder, tmp_path / "out", tmp_path / "s", replace=True)
    left_by_the_other = tmp_path / "out" / "readings" / "9"
    left_by_the_other.mkdir(parents=True)
    run = _run(folder, tmp_path / "out", tmp_path / "s")

    assert run.manifest.finished
    assert not left_by_the_other.exists()
    assert stored([run.out / "households.parquet"]).num_rows == 6


@pytest.mark.parametrize(
    ("moment", "spoilt"),
    [("reading files, 3 of 4", ""), ("looking back", '{"format": 1, "key": '), ("done", None)],
)
def test_a_spoilt_state_costs_one_chunk_and_not_all(tmp_path, folder, spoilt, moment):
    out = tmp_path / "out"
    with suppress(_Stopped):
        _run(folder, out, tmp_path / "s", _StopsAt(moment))
    before = _chunks(Manifest.read(out))
    state = out / "fleet.json"
    state.unlink() if spoilt is None else state.write_text(spoilt)

    left = _chunks(Manifest.read(out))
    run = _run(folder, out, tmp_path / "s")

    assert left <= before
    assert len(before - left) <= 1
    assert _results(run) == _results(_run(folder, tmp_path / "whole", tmp_path / "s"))


@pytest.mark.parametrize("spoilt", [b"\xff\x00", b"[]", b'{"format": 1}', b'{"format": 1, "key'])
def test_a_state_that_is_spoilt_twice_is_said(tmp_path, spoilt):
    manifest = Manifest.begin(tmp_path, "key", {})
    manifest.note("ingest", "0", {}, 1.0)
    (tmp_path / "fleet.json").write_bytes(spoilt)
    assert Manifest.read(tmp_path).key == "key"

    (tmp_path / "fleet.json.old").write_bytes(spoilt)

    with pytest.raises(DataFileError, match=r"fleet\.json: it cannot be read"):
        Manifest.read(tmp_path)


class _Stopped(Exception):
    pass


def _replacing(folder, out, engine):
    return FleetRun(folder, out, engine, FleetOptions(), hour_rule=find_anomalies, replace=True)


def _dies_at(patched, owner, name, counter, moment):
    """The process ends before the call of that number, of all that are counted."""
    real = getattr(owner, name)

    def call(*of, **how):
        if next(counter) == moment:
            raise SystemExit
        return real(*of, **how)

    patched.setattr(owner, name, call)


class _StopsAt(list):
    """Ends the run, as a kill would, where it says what begins with `moment`."""

    def __init__(self, moment):
        super().__init__()
        self._moment = moment

    def append(self, doing):
        if doing.startswith(self._moment):
            raise _Stopped


def _chunks(manifest):
    stages = ("ingest", "daily", "features", "regression", "lightgbm", "anomalies", "segments",
              "tariffs")  # fmt: skip
    return {(stage, chunk) for stage in stages for chunk in manifest.done(stage)}


def test_a_state_of_another_format_is_refused(tmp_path, folder):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "fleet.json").write_text('{"format": 99}')

    with pytest.raises(DataFileError, match="format 99"):
        _run(folder, tmp_path / "out", tmp_path / "s")

"""A job gives values, can be stopped, has a time limit, and its failures arrive in words."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from energy_desktop.app.job_processes import InlineCompute, JobProcesses
from energy_desktop.domain.errors import (
    JobCancelled,
    JobLost,
    JobTimedOut,
    NotEnoughData,
    UserFacingError,
)
from energy_desktop.domain.jobs import cancel_event, end_with_parent, raise_if_cancelled

ROOT = Path(__file__).parents[3]
SOON_S = 20.0
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")


def double(x: int) -> tuple[int, int]:
    return 2 * x, os.getpid()


def slowly_double(seconds: float) -> tuple[float, int]:
    time.sleep(seconds)
    return 2 * seconds, os.getpid()


def refuse() -> None:
    raise NotEnoughData(where="Meter 1", what="12 of 21 days.", remedy="Wait nine days.")


def stumble() -> None:
    raise ZeroDivisionError("a bug")


def vanish() -> None:
    os._exit(9)


def busy_for(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def secret() -> threading.Lock:
    return threading.Lock()


def count_to(progress, last: int, each: int = 1) -> int:
    for k in range(last):
        progress(k / last, f"step {k // each}")
    return last


def count_slowly(progress, last: int) -> None:
    """Tells once, and ends by itself soon."""
    progress(0.0, "begun")
    time.sleep(last / 10)


def tidy(progress, note: str, word: str = "") -> None:
    """Works on until it is stopped, and then takes its time to end well."""
    try:
        while True:
            if word == "silent":
                raise_if_cancelled("Tidy")
            else:
                progress(0.5, "working")
            time.sleep(0.01)
    finally:
        time.sleep(0.5)
        Path(note).write_text("tidied", encoding="utf-8")


def deaf(progress, note: str) -> None:
    """Never looks whether it is stopped."""
    progress(0.1, "begun")
    time.sleep(60)
    Path(note).write_text("got through", encoding="utf-8")


def sit(note: str) -> None:
    end_with_parent()
    Path(note).write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(600)


def start_another(progress, note: str) -> int:
    """As a run does that works with processes of its own."""
    process = multiprocessing.get_context("spawn").Process(target=sit, args=(note,))
    process.start()
    while True:
        progress(0.5, str(os.getpid()))
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process still does anything; one that nobody has waited for is dead too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def soon(met) -> bool:
    ends = time.monotonic() + SOON_S
    while not met():
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


def number_in(path: Path) -> int:
    assert soon(lambda: path.exists() and path.read_text(encoding="utf-8"))
    return int(path.read_text(encoding="utf-8"))


class Stoppable:
    """Runs a job in a thread as the window does; `error` is how it ended."""

    def __init__(self, jobs, function, *args):
        self.stop = threading.Event()
        self.told = []
        self.error = None

        def work():
            cancel_event.set(self.stop)
            try:
                jobs.run_long(function, lambda *said: self.told.append(said), *args)
            except UserFacingError as error:
                self.error = error

        self.thread = threading.Thread(target=work)
        self.thread.start()
        assert soon(lambda: self.told or "silent" in args or not self.thread.is_alive())


@pytest.fixture(scope="module")
def jobs():
    processes = JobProcesses(count=1, time_limit_s=30)
    yield processes
    processes.close()


def test_a_job_runs_in_another_process_and_gives_its_value(jobs):
    value, pid = jobs.run(double, 21)

    assert value == 42
    assert pid != os.getpid()


def test_an_expected_failure_arrives_as_itself(jobs):
    with pytest.raises(NotEnoughData, match=r"Meter 1: 12 of 21 days\. Wait nine days\."):
        jobs.run(refuse)


def test_a_bug_arrives_with_its_trace(jobs):
    with pytest.raises(ZeroDivisionError) as caught:
        jobs.run(stumble)

    assert "in stumble" in caught.value.__notes__[0]


def test_a_process_that_dies_is_told_in_words_and_replaced(jobs):
    with pytest.raises(JobLost, match="ended without an answer"):
        jobs.run(vanish)

    assert jobs.run(double, 1)[0] == 2


def test_a_stopped_job_ends_within_a_second(jobs):
    stop = threading.Event()
    token = cancel_event.set(stop)
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    try:
        with pytest.raises(JobCancelled):
            jobs.run(busy_for, 60.0)
    finally:
        cancel_event.reset(token)

    assert time.monotonic() - began < 8  # far from the 60 s asked for


def test_a_job_over_its_limit_is_ended():
    jobs = JobProcesses(count=1, time_limit_s=1.5)
    try:
        with pytest.raises(JobTimedOut, match="time limit"):
            jobs.run(busy_for, 60.0)
    finally:
        jobs.close()


def ask_both(jobs, slow_s):
    """The processes of a slow job and of one that is asked while it is at work."""
    pids = {}

    def ask(name, *work):
        pids[name] = jobs.run(*work)[1]

    jobs.run(double, 1)  # one of the processes is there
    slow = threading.Thread(target=ask, args=("slow", slowly_double, slow_s))
    slow.start()
    time.sleep(0.1)
    ask("quick", double, 1)
    slow.join(SOON_S)
    return pids["slow"], pids["quick"]


@pytest.mark.parametrize(("slow_s", "alone"), [(0.5, True), (4.0, False)])
def test_a_job_waits_a_while_for_the_process_that_is_there(slow_s, alone):
    jobs = JobProcesses(count=2, patience_s=2.0)
    try:
        slow, quick = ask_both(jobs, slow_s)
    finally:
        jobs.close()

    assert (slow == quick) is alone


def test_what_cannot_come_back_is_told_as_the_bug_it_is(jobs):
    with pytest.raises(Exception, match="pickle"):
        jobs.run(secret)

    assert jobs.run(double, 1)[0] == 2


# Long ones ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def works():
    processes = JobProcesses(count=2, time_limit_s=60, grace_s=8.0, fresh=True)
    yield processes
    processes.close()


@pytest.mark.parametrize("made", ["here", "apart"])
def test_a_long_job_tells_in_the_thread_that_asked_how_far_it_is(made, works):
    compute = InlineCompute() if made == "here" else works
    told, threads = [], set()

    def hear(fraction, doing):
        told.append((fraction, doing))
        threads.add(threading.current_thread())

    assert compute.run_long(count_to, hear, 5) == 5

    assert told == [(k / 5, f"step {k}") for k in range(5)]
    assert threads == {threading.current_thread()}


def test_the_same_words_are_heard_now_and_then_and_new_ones_at_once(works):
    told = []

    assert works.run_long(count_to, lambda *said: told.append(said), 20_000, 10_000) == 20_000

    assert {doing for _, doing in told} == {"step 0", "step 1"}
    assert len(told) < 1000


@pytest.mark.parametrize("way", ["telling", "silent"])
def test_a_stopped_job_is_given_its_time_to_end_well(works, tmp_path, way):
    note = tmp_path / "note"
    job = Stoppable(works, tidy, str(note), way)
    time.sleep(1.0 if way == "silent" else 0.0)

    job.stop.set()
    job.thread.join(SOON_S)

    assert isinstance(job.error, JobCancelled)
    assert note.read_text(encoding="utf-8") == "tidied"


def test_a_sink_that_refuses_stops_the_job_too(works, tmp_path):
    def stop(_fraction, _doing):
        raise JobCancelled(where="Run", what="stopped by you.", remedy="")

    with pytest.raises(JobCancelled, match="stopped by you"):
        works.run_long(tidy, stop, str(tmp_path / "note"))

    assert (tmp_path / "note").exists()


def test_a_sink_with_a_fault_leaves_no_process_at_the_old_job(jobs):
    def fail(_fraction, _doing):
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        jobs.run_long(deaf, fail, "never")

    assert jobs.run(double, 4)[0] == 8


def test_a_stopped_job_that_ends_in_time_leaves_its_process_to_the_next():
    jobs = JobProcesses(count=1, grace_s=8.0)
    try:
        _, before = jobs.run(double, 1)
        job = Stoppable(jobs, count_slowly, 3)
        job.stop.set()
        job.thread.join(SOON_S)

        _, after = jobs.run(double, 1)

        assert isinstance(job.error, JobCancelled)
        assert after == before
    finally:
        jobs.close()


def test_one_that_does_not_listen_is_ended_when_its_time_is_over(tmp_path):
    works = JobProcesses(count=1, grace_s=0.5, fresh=True)
    try:
        job = Stoppable(works, deaf, str(tmp_path / "note"))
        began = time.monotonic()

        job.stop.set()
        job.thread.join(SOON_S)

        assert isinstance(job.error, JobCancelled)
        assert 0.5 <= time.monotonic() - began < 15  # far from the 60 s it would sleep
    finally:
        works.close()


@needs_proc
def test_each_long_job_has_a_process_of_its_own(works):
    pids = {works.run(double, 1)[1] for _ in range(2)}

    assert len(pids) == 2
    assert not any(runs(pid) for pid in pids)


@needs_proc
def test_closing_leaves_nothing_of_a_job_nor_of_what_it_started(tmp_path):
    works = JobProcesses(count=1, grace_s=8.0, fresh=True)
    job = Stoppable(works, start_another, str(tmp_path / "pid"))
    inner, outer = number_in(tmp_path / "pid"), int(job.told[0][1])
    assert runs(inner)
    assert runs(outer)

    works.close()
    job.thread.join(SOON_S)

    assert isinstance(job.error, JobLost)
    assert soon(lambda: not runs(inner) and not runs(outer))


@needs_proc
def test_a_process_ended_from_outside_takes_what_it_started_along(works, tmp_path):
    job = Stoppable(works, start_another, str(tmp_path / "pid"))
    inner = number_in(tmp_path / "pid")

    os.kill(int(job.told[0][1]), signal.SIGKILL)
    job.thread.join(SOON_S)

    assert isinstance(job.error, JobLost)
    assert soon(lambda: not runs(inner))


def test_after_closing_none_is_started():
    works = JobProcesses(count=1)
    works.close()

    with pytest.raises(JobLost, match="being closed"):
        works.run(double, 1)


_PROGRAM = """
import sys
from energy_desktop.app.job_processes import JobProcesses
from tests.unit.app.test_job_processes import start_another
if __name__ == "__main__":
    JobProcesses(fresh=True).run_long(
        start_another, lambda _, pid: open(sys.argv[1], "w").write(pid), sys.argv[2]
    )
"""


@needs_proc
def test_a_program_that_is_killed_leaves_no_process_at_work(tmp_path):
    (tmp_path / "program.py").write_text(_PROGRAM, encoding="utf-8")
    notes = [tmp_path / "outer", tmp_path / "inner"]
    program = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py"), *map(str, notes)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        pids = [number_in(note) for note in notes]
    finally:
        program.kill()
        program.wait(SOON_S)

    assert soon(lambda: not any(runs(pid) for pid in pids))

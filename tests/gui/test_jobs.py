"""Jobs run elsewhere and come back here: result, error, cancel, closed views."""

import logging
import threading

import pytest
from PySide6.QtWidgets import QWidget
from shiboken6 import delete

from energy_desktop.domain.errors import JobCancelled, MeterUnreachable
from energy_desktop.ui.jobs import InternalError, JobRunner


@pytest.fixture
def jobs(qapp):
    runner = JobRunner()
    yield runner
    runner.close()


def test_work_runs_off_the_gui_thread_and_its_result_comes_back_to_it(qtbot, jobs):
    seen = {}

    def work():
        seen["work"] = threading.current_thread()
        return 42

    def show(value):
        seen["show"], seen["value"] = threading.current_thread(), value

    jobs.start(work, show, pytest.fail)

    qtbot.waitUntil(lambda: "value" in seen, timeout=5000)
    assert seen["value"] == 42
    assert seen["show"] is threading.main_thread() is not seen["work"]


def test_an_expected_failure_arrives_as_it_is(qtbot, jobs):
    error = MeterUnreachable(where="Lathe", what="No answer.", remedy="Check the power.")
    got = []

    def work():
        raise error

    jobs.start(work, pytest.fail, got.append)

    qtbot.waitUntil(lambda: bool(got), timeout=5000)
    assert got == [error]


def test_a_bug_is_logged_whole_and_told_as_an_internal_error(qtbot, jobs, caplog):
    got = []

    def work():
        raise ZeroDivisionError("by the way")

    with caplog.at_level(logging.ERROR):
        jobs.start(work, pytest.fail, got.append, title="Billing")
        qtbot.waitUntil(lambda: bool(got), timeout=5000)

    assert isinstance(got[0], InternalError)
    assert "ZeroDivisionError" in got[0].what and "Traceback" in got[0].details
    assert caplog.records[0].exc_info is not None


def test_cancel_stops_the_work_at_its_next_progress(qtbot, jobs):
    got, begun = [], threading.Event()

    def work(progress):
        for i in range(10_000):
            begun.set()
            progress(i / 10_000, "counting")
            threading.Event().wait(0.002)
        return "never"

    handle = jobs.start_long(work, pytest.fail, got.append, title="Count")
    begun.wait(5)
    handle.cancel()

    qtbot.waitUntil(lambda: bool(got), timeout=5000)
    assert isinstance(got[0], JobCancelled)


def test_progress_is_told_in_the_gui_thread_and_rarely(qtbot, jobs):
    told, done = [], []

    def work(progress):
        for i in range(5000):
            progress(i / 5000, "counting")
        threading.Event().wait(0.25)
        return True

    jobs.start_long(
        work,
        done.append,
        pytest.fail,
        progress=lambda f, d: told.append((f, threading.current_thread())),
    )

    qtbot.waitUntil(lambda: bool(done), timeout=5000)
    assert 1 <= len(told) <= 6
    assert all(thread is threading.main_thread() for _, thread in told)


def test_the_outcome_for_a_closed_view_is_dropped(qtbot, jobs):
    view, hold, shown = QWidget(), threading.Event(), []
    handle = jobs.start(lambda: hold.wait(5), shown.append, shown.append, guard=view)

    delete(view)
    hold.set()

    qtbot.waitUntil(lambda: handle.done, timeout=5000)
    assert shown == []


def test_no_job_outlives_the_runner(qapp):
    before = set(threading.enumerate())  # runners of other tests keep idle threads
    runner = JobRunner()
    outcomes, begun = [], threading.Event()

    def work(progress):
        begun.set()
        while True:
            progress(0.5, "for ever")
            threading.Event().wait(0.002)

    handle = runner.start_long(work, outcomes.append, outcomes.append)
    begun.wait(5)
    runner.close()
    qapp.processEvents()

    assert handle.cancelled and outcomes == []
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError):
        runner.start(lambda: 1, outcomes.append, outcomes.append)

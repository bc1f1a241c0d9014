"""A job gives values, can be stopped, has a time limit, and its failures arrive in words."""

import os
import threading
import time

import pytest

from energy_desktop.app.job_processes import JobProcesses
from energy_desktop.domain.errors import (
    JobCancelled,
    JobTimedOut,
    NotEnoughData,
    UserFacingError,
)
from energy_desktop.domain.jobs import cancel_event


def double(x: int) -> tuple[int, int]:
    return 2 * x, os.getpid()


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
    with pytest.raises(UserFacingError, match="ended without an answer"):
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

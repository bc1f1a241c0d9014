"""A command that works for long: how it tells how far it is, and how it is stopped."""

import io
import os
import signal
import sys
import threading
import time

import pytest

from energy_desktop.app.commands.long_work import Progress, until_stopped
from energy_desktop.domain.errors import DataFileError, JobCancelled
from energy_desktop.domain.jobs import raise_if_cancelled

STOPPABLE = [one for one in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, one)]


@pytest.fixture(autouse=True)
def as_in_a_terminal():
    """Who is started in the background hears no Ctrl C, and with nohup no SIGHUP."""
    before = {name: signal.getsignal(getattr(signal, name)) for name in STOPPABLE}
    for name in STOPPABLE:
        signal.signal(getattr(signal, name), signal.default_int_handler)
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def told(stream, monkeypatch, steps):
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress()
    for fraction, doing in steps:
        progress(fraction, doing)
    return stream.getvalue()


def test_in_a_log_a_step_is_a_line_and_a_long_one_some_more(monkeypatch):
    steps = [(k / 1000, f"reading files, {k + 1} of 300") for k in range(300)]
    steps += [(0.3, "cleaning, 1 of 2"), (0.31, "cleaning, 2 of 2"), (1.0, "done")]

    said = told(io.StringIO(), monkeypatch, steps)

    assert said.splitlines() == [
        "  0 %  reading files, 1 of 300",
        " 10 %  reading files, 101 of 300",
        " 20 %  reading files, 201 of 300",
        " 30 %  cleaning, 1 of 2",
        "100 %  done",
    ]


def test_on_a_terminal_one_line_changes(monkeypatch):
    said = told(Terminal(), monkeypatch, [(0.0, "reading"), (0.5, "cleaning"), (1.0, "done")])

    assert said.count("\r") == 3
    assert said.count("\n") == 1
    assert said.endswith("\n")


def test_the_answer_and_the_failure_of_the_work_are_those_of_the_command():
    def fails():
        raise DataFileError(where="a.csv", what="It is empty.", remedy="Export it again.")

    assert until_stopped(lambda: 6 * 7, "Sum", "") == 42
    with pytest.raises(DataFileError, match="It is empty"):
        until_stopped(fails, "Sum", "")


@pytest.mark.parametrize("name", STOPPABLE)
def test_a_signal_stops_the_work_and_says_what_to_do(name):
    before = signal.getsignal(getattr(signal, name))

    def work():
        os.kill(os.getpid(), getattr(signal, name))
        while True:
            raise_if_cancelled("work")
            time.sleep(0.01)

    with pytest.raises(JobCancelled) as stopped:
        until_stopped(work, "Fleet run", "The same command goes on.")

    assert str(stopped.value) == "Fleet run: It was stopped. The same command goes on."
    assert signal.getsignal(getattr(signal, name)) == before


def test_work_that_breaks_because_it_is_stopped_was_stopped():
    def work():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        raise DataFileError(where="work", what="A worker is gone.", remedy="")

    with pytest.raises(JobCancelled):
        until_stopped(work, "Fleet run", "")


def test_work_that_is_done_when_it_is_stopped_is_done():
    def work():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        return "done"

    assert until_stopped(work, "Fleet run", "") == "done"


def test_a_signal_that_nobody_is_to_hear_is_not_heard():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:

        def work():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.1)
            raise_if_cancelled("work")
            return "done"

        assert until_stopped(work, "Fleet run", "") == "done"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_from_another_thread_the_work_is_done_as_well():
    answers = []
    thread = threading.Thread(target=lambda: answers.append(until_stopped(lambda: 1, "x", "")))

    thread.start()
    thread.join()

    assert answers == [1]

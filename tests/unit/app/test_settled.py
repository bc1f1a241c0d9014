"""A page is settled when its jobs have ended; one that comes again and again holds up nobody."""

import itertools
from types import SimpleNamespace

import pytest

from energy_desktop.app import headless
from energy_desktop.app.headless import Settled


class Job(SimpleNamespace):
    __hash__ = object.__hash__


@pytest.fixture
def page(monkeypatch):
    """Its jobs, and the seconds that have passed; each question is asked 0.1 s after the last."""
    page = SimpleNamespace(jobs=[], now=0.0)

    def monotonic():
        page.now += 0.1
        return page.now

    monkeypatch.setattr(headless.time, "monotonic", monotonic)
    return page


def after(page, settled, *, steps=100, meanwhile=lambda k: None):
    """Seconds until it is settled, with what happens before each question."""
    for k in range(steps):
        meanwhile(k)
        if settled():
            return round(page.now, 1)
    return None


def running(page):
    return [job for job in page.jobs if not job.done]


def test_a_page_without_jobs_is_settled_after_half_a_second(page):
    assert 0.5 < after(page, Settled(lambda: running(page))) < 0.8


def test_a_job_that_starts_another_is_waited_for_and_the_other_too(page):
    page.jobs = [Job(title="first", done=False)]

    def meanwhile(k):
        if k == 10:
            page.jobs[0].done = True
        if k == 12:
            page.jobs.append(Job(title="second", done=False))
        if k == 40:
            page.jobs[1].done = True

    took = after(page, Settled(lambda: running(page)), meanwhile=meanwhile)

    assert 4.5 < took < 5.0  # both have ended at 4.1


def test_a_job_that_never_ends_is_never_settled(page):
    page.jobs = [Job(title="long", done=False)]

    assert after(page, Settled(lambda: running(page))) is None


def test_a_job_that_comes_again_and_again_is_not_waited_for(page):
    number = itertools.count()

    def meanwhile(_):
        for job in page.jobs:
            job.done = True
        page.jobs = [Job(title="how busy the line is", done=False, number=next(number))]

    took = after(page, Settled(lambda: running(page)), meanwhile=meanwhile)

    assert took is not None
    assert took < 2.0

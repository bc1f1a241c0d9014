"""A page that was read before stored energy was corrected reads again when it is shown.

A person who repairs a year and turns to another page must not find the figures of before there.
The page on which it was done reads at once; one that shows no stored energy is left alone.
"""

import pytest

from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner
from energy_desktop.ui.views.base import BaseView, NavigationContext, ViewContext


class Page(BaseView):
    follows_energy = True
    reads = 0

    def reload(self):
        self.reads += 1


class Indifferent(Page):
    follows_energy = False


@pytest.fixture
def context(qtbot):
    jobs = JobRunner()
    yield ViewContext(Formats("UTC"), jobs, NavigationContext())
    jobs.close()


def visited(qtbot, context, kind):
    page = kind(context)
    qtbot.addWidget(page)
    page.shown()
    page.hidden()
    assert page.reads == 1
    return page


def test_a_page_reads_once_more_after_energy_was_changed_elsewhere(qtbot, context):
    page, other = visited(qtbot, context, Page), visited(qtbot, context, Page)

    other.shown()
    other.reload_changed()
    page.shown()
    page.hidden()
    page.shown()

    assert (page.reads, other.reads) == (2, 2)
    other.hidden()
    other.shown()
    assert other.reads == 2  # it has read its own change


def test_a_page_that_shows_no_stored_energy_is_left_alone(qtbot, context):
    page, other = visited(qtbot, context, Indifferent), visited(qtbot, context, Page)

    other.reload_changed()
    page.shown()

    assert page.reads == 1

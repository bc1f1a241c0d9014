"""A moment that is typed is one moment, also in the hours that a clock change skips or repeats."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import QDate, QDateTime, QTime, QTimeZone

from energy_desktop.domain.clock import to_ms
from energy_desktop.ui.views.quality.moment_edit import MomentEdit


@pytest.fixture
def edit(qtbot):
    made = MomentEdit(ZoneInfo("Europe/Berlin"), "From")
    qtbot.addWidget(made)
    made.show()
    return made


def utc(*parts):
    return to_ms(datetime(*parts, tzinfo=UTC))


def type_in(edit, day, time):
    edit.field.setDateTime(QDateTime(QDate(*day), QTime(*time), QTimeZone.utc()))


def test_a_moment_is_shown_in_the_sites_zone(edit):
    edit.set_ms(utc(2025, 7, 1, 12, 30))

    assert edit.field.text() == "1 Jul 2025 14:30"
    assert edit.which.isHidden()


def test_the_hour_that_happens_twice_is_told_apart(edit):
    told = []
    edit.changed.connect(told.append)

    edit.set_ms(utc(2025, 10, 26, 1, 30))
    assert (edit.field.text(), edit.which.currentText()) == ("26 Oct 2025 02:30", "CET")
    edit.which.setCurrentIndex(0)
    edit.which.activated.emit(0)

    assert edit.ms == utc(2025, 10, 26, 0, 30)
    assert told == [utc(2025, 10, 26, 0, 30)]
    assert edit.which.currentText() == "CEST"


def test_a_time_that_never_happens_becomes_the_one_that_the_clocks_show(edit):
    edit.set_ms(utc(2025, 3, 29, 12))

    type_in(edit, (2025, 3, 30), (2, 30))

    assert edit.ms == utc(2025, 3, 30, 1, 30)
    assert edit.field.text() == "30 Mar 2025 03:30"
    assert edit.which.isHidden()


def test_showing_a_moment_tells_nobody(edit):
    told = []
    edit.changed.connect(told.append)

    edit.set_ms(utc(2025, 1, 1))

    assert told == []

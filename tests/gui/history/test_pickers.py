"""Which time is meant: whole local days, whatever the clock did."""

import pytest

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.site import Meter
from energy_desktop.services.history import HistorySubject
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.history.pickers import Pickers

DAY_MS = 86_400_000
LAST = 1_774_800_000_000  # 29 March 2026, the day on which the clock changed


@pytest.fixture
def pickers(qtbot):
    made = Pickers(Formats("Europe/Berlin", clock=lambda: from_ms(LAST + DAY_MS)))
    qtbot.addWidget(made)
    subject = HistorySubject(Meter("m", "Lathe"), ("power_w",), LAST - 400 * DAY_MS, LAST, False)
    made.show_subjects((subject,), "")
    return made


def local(pickers, at_ms):
    return pickers._formats.local(at_ms).strftime("%d %b %H:%M")


@pytest.mark.parametrize(
    ("span", "first"), [("1", "29 Mar"), ("7", "23 Mar"), ("30", "28 Feb"), ("365", "30 Mar")]
)
def test_a_preset_ends_with_the_newest_day(pickers, span, first):
    pickers.take_span(span)

    assert local(pickers, pickers.period[0]) == f"{first} 00:00"
    assert local(pickers, pickers.period[1]) == "30 Mar 00:00"
    assert pickers.span.value == span


def test_all_is_all_that_there_is(pickers):
    pickers.take_span("all")

    assert pickers.span.value == "all"
    assert pickers.period[0] <= LAST - 400 * DAY_MS < pickers.period[0] + DAY_MS


def test_a_day_of_the_clock_change_is_stepped_over_as_a_day(pickers):
    pickers.take_span("1")
    assert pickers.period[1] - pickers.period[0] == DAY_MS - 3_600_000

    pickers.step(-1)

    assert local(pickers, pickers.period[0]) == "28 Mar 00:00"
    assert local(pickers, pickers.period[1]) == "29 Mar 00:00"
    assert pickers.span.value == "1"


def test_a_part_of_a_day_steps_by_its_own_length(pickers):
    pickers.take_period(LAST, LAST + 3_600_000)

    pickers.step(1)

    assert pickers.period == (LAST + 3_600_000, LAST + 7_200_000)
    assert pickers.span.value == "0"


def test_days_of_one_s_own_are_whole_local_days(qtbot, pickers):
    pickers.take_span("7")

    with qtbot.waitSignal(pickers.changed):
        pickers.first_day.setDate(pickers.first_day.date().addDays(-3))

    assert local(pickers, pickers.period[0]) == "20 Mar 00:00"
    assert local(pickers, pickers.period[1]) == "30 Mar 00:00"


def test_long_names_give_way_before_the_quantity_is_cut(qtbot, themed):
    row = Pickers(Formats("Europe/Berlin"))
    qtbot.addWidget(row)
    name = "Sub-distribution board 284 of the northern hall, second floor, row 70"
    subject = HistorySubject(Meter("m", name), ("power_w",), LAST - 400 * DAY_MS, LAST, False)
    row.show_subjects((subject,), "m")
    row.resize(1000, 40)

    row.show()

    assert row.minimumSizeHint().width() <= 1000
    assert row.quantity.width() >= row.quantity.sizeHint().width()
    assert "\u2026" in row.meter.shown_text()
    assert row.meter.sizeHint().width() <= 320

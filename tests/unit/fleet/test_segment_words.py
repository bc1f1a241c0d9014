"""Groups are told apart by their words: two that sound alike get a figure in which they differ.

First by the part of the day that is fuller, as their curves show it; then by how much they use when
that differs plainly, by the hour in which they use most, by what is left.
"""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.fleet.segments import told_apart
from tests.gui.fleet.fakes import a_segment

WORDS = "low, evening peak, flat weekend"


def group(number, *, kwh=5.0, top=19, night=20.0, weekend=1.0, words=WORDS):
    shape = tuple(2.0 if hour == top else 0.9 for hour in range(24))
    return replace(
        a_segment(number, words=words),
        kwh_per_day=kwh,
        shape=shape,
        night_share_pct=night,
        weekend_ratio=weekend,
    )


def said(*groups):
    return [one.words.removeprefix(WORDS).removeprefix(", ") for one in told_apart(groups)]


def test_by_the_part_of_the_day_that_is_fuller():
    assert said(group(1, kwh=3.0, top=19), group(2, kwh=9.0, top=7)) == [
        "fuller evenings", "fuller mornings",
    ]  # fmt: skip
    assert said(group(1, top=2), group(2, top=7), group(3, top=12)) == [
        "fuller nights", "fuller mornings", "fuller middays",
    ]  # fmt: skip


def test_a_part_of_the_day_that_is_fuller_in_one_of_them_only_tells_nothing_of_the_others():
    ways = said(group(1, kwh=3.0, top=7), group(2, kwh=5.0, top=19), group(3, kwh=9.0, top=20))

    assert ways == ["3.0 kWh a day", "5.0 kWh a day", "9.0 kWh a day"]


def test_by_their_use_when_it_differs_plainly():
    assert said(group(1, kwh=3.1, top=18), group(2, kwh=8.06, top=20)) == [
        "3.1 kWh a day", "8.1 kWh a day",
    ]  # fmt: skip


def test_by_the_hour_of_most_use_when_they_use_about_the_same():
    assert said(group(1, kwh=5.0, top=18), group(2, kwh=5.3, top=21)) == [
        "most at 18:00", "most at 21:00",
    ]  # fmt: skip


def test_by_what_is_left_when_even_that_is_the_same():
    assert said(group(1, kwh=5.0), group(2, kwh=5.3)) == ["5.0 kWh a day", "5.3 kWh a day"]
    assert said(group(1, night=20.0), group(2, night=23.0)) == ["20 % at night", "23 % at night"]
    assert said(group(1), group(2)) == ["group 1", "group 2"]


def test_groups_with_words_of_their_own_keep_them():
    other = group(3, words="high, even through the day, flat weekend")

    found = told_apart((group(1, kwh=3.0), group(2, kwh=9.0), other))

    assert found[2] == other


@given(
    st.lists(
        st.tuples(st.floats(0.1, 50), st.integers(0, 23), st.floats(0, 100), st.floats(0, 3)),
        min_size=1,
        max_size=8,
    )
)
def test_no_two_groups_share_their_words_and_what_was_told_apart_stays_so(figures):
    groups = tuple(
        group(k + 1, kwh=kwh, top=top, night=night, weekend=weekend)
        for k, (kwh, top, night, weekend) in enumerate(figures)
    )

    found = told_apart(groups)

    assert len({one.words for one in found}) == len(groups)
    assert told_apart(found) == found

"""What was not measured is filled, left out and told, each in its place."""

from dataclasses import replace

import numpy as np
import pytest

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.editing import Edit, EditMethod, LedgerGap
from energy_desktop.domain.energy import Gap, GapCause, IntervalQuality
from energy_desktop.services.history import Against, HistoryService, MarkKind
from energy_desktop.services.history.marks import quality_marks
from tests.unit.services.history.test_history import (
    DAY_MS,
    HALF_HOUR_MS,
    START,
    Books,
)

SPAN = (START, START + DAY_MS)


class JudgedBooks(Books):
    """An imported meter whose intervals have a quality."""

    def __init__(self, energy_wh, quality):
        super().__init__(energy_wh)
        self.quality = np.asarray(quality, dtype=np.int8)

    def intervals(self, *args, **kwargs):
        found = super().intervals(*args, **kwargs)
        at = (found.start_ms - START) // HALF_HOUR_MS
        inside = (at >= 0) & (at < self.quality.size)
        judged = found.quality.copy()
        judged[inside] = self.quality[at[inside]]
        return replace(found, quality=judged)


def a_service(energy_wh, quality):
    books = JudgedBooks(energy_wh, quality)
    return HistoryService(books, books, books, lambda: from_ms(START + 400 * DAY_MS))


def a_gap(first=4, last=8, *, done="", cause=GapCause.COMMUNICATION, known_wh=900):
    return LedgerGap(
        "m",
        "energy_import_wh",
        START + first * HALF_HOUR_MS,
        START + last * HALF_HOUR_MS,
        last - first,
        cause,
        "no answer",
        known_wh,
        done,
    )


def an_edit(first=4, last=8, **changes):
    edit = Edit(
        3,
        "m",
        "energy_import_wh",
        1800,
        START + first * HALF_HOUR_MS,
        START + last * HALF_HOUR_MS,
        EditMethod.SCALE,
        "wrong ratio",
        "kim",
        START,
        "x 1.25",
        after_wh=1200,
    )
    return replace(edit, **changes)


def test_what_is_estimated_is_apart_from_what_was_measured():
    quality = np.zeros(48)
    quality[10:14] = IntervalQuality.ESTIMATED
    service = a_service(np.full(48, 100.0), quality)

    (curve,) = service.curves([("m", "power_w")], *SPAN)

    assert np.flatnonzero(np.isnan(curve.values)).tolist() == [10, 11, 12, 13]
    # The dots reach from the measured point before to the one after.
    assert curve.stand_in_ms[0] == START + 9 * HALF_HOUR_MS + HALF_HOUR_MS // 2
    assert np.isfinite(curve.stand_in).sum() == 6
    assert np.isnan(curve.stand_in[-1])


def test_an_edited_value_is_drawn_as_a_value():
    quality = np.zeros(48)
    quality[10:14] = IntervalQuality.EDITED
    service = a_service(np.full(48, 100.0), quality)

    (curve,) = service.curves([("m", "power_w")], *SPAN)

    assert np.isfinite(curve.values).all()
    assert curve.stand_in.size == 0


def test_what_was_not_measured_is_no_evidence_for_the_base_load():
    energy, quality = np.full(96, 100.0), np.zeros(96)
    energy[:20], quality[:20] = 1.0, IntervalQuality.ESTIMATED
    service = a_service(energy, quality)

    look = service.look("m", "power_w", START, START + 2 * DAY_MS)

    base = look.facts.base_load
    assert base.power_w == pytest.approx(200.0)
    assert (base.slots, base.left_out) == (76, 20)
    assert look.facts.completeness_pct == pytest.approx(100 * 76 / 96)
    assert look.facts.not_measured_s == 20 * 1800
    assert look.facts.missing_s == 0
    assert look.days.not_measured.tolist() == [20, 0]


def test_a_hole_in_both_books_is_told_once_with_cause_and_energy():
    silence = Gap("m", START + 4 * HALF_HOUR_MS, START + 8 * HALF_HOUR_MS, GapCause.POWER, "dark")

    (mark,) = quality_marks([silence], [a_gap()], [], SPAN)

    assert (mark.kind, mark.cause, mark.known_wh) == (MarkKind.GAP, "power", 900)
    assert mark.detail == "dark"


def test_a_gap_that_goes_on_reaches_to_the_end():
    (mark,) = quality_marks([Gap("m", START, None, GapCause.NOT_RUNNING)], [], [], SPAN)

    assert mark.still_open
    assert mark.end_ms == SPAN[1]


@pytest.mark.parametrize(
    ("gap", "kind"),
    [
        (a_gap(), MarkKind.GAP),
        (a_gap(cause=GapCause.QUARANTINED), MarkKind.QUARANTINED),
        (a_gap(done="like the same weekday before"), MarkKind.ESTIMATED),
    ],
)
def test_what_was_done_decides_what_a_stretch_is_called(gap, kind):
    (mark,) = quality_marks([], [gap], [], SPAN)

    assert mark.kind is kind


def test_a_correction_says_more_than_the_hole_it_filled():
    (mark,) = quality_marks([], [a_gap(done="scaled by hand")], [an_edit()], SPAN)

    assert mark.kind is MarkKind.EDITED
    assert (mark.cause, mark.edit_id) == ("wrong ratio", 3)


def test_a_correction_taken_back_leaves_no_mark():
    undone = an_edit(undone_by=4)
    taking_back = an_edit(edit_id=4, method=EditMethod.UNDO)

    assert quality_marks([], [], [undone, taking_back], SPAN) == ()


def test_the_same_weekdays_a_year_before():
    energy = np.full(48 * 372, 100.0)
    energy[364 * 48 :] = 150.0
    service = a_service(energy, np.zeros(energy.size))
    start = START + 364 * DAY_MS  # no change of the clock lies on one side only

    look = service.look("m", "power_w", start, start + 7 * DAY_MS, Against.YEAR)
    alone = service.look("m", "power_w", start, start + 7 * DAY_MS, Against.NOTHING)

    assert look.other_ms == (START, START + 7 * DAY_MS)
    assert look.facts.energy_before_wh == pytest.approx(48 * 7 * 100.0)
    assert alone.other_ms is None
    assert alone.facts.energy_before_wh is None


def test_a_period_that_still_runs_is_held_against_as_much_of_the_other():
    books = Books(np.full(48 + 12, 100.0))
    now = START + DAY_MS + DAY_MS // 4
    service = HistoryService(books, books, books, lambda: from_ms(now))

    look = service.look("m", "power_w", START + DAY_MS, START + 2 * DAY_MS)

    assert look.facts.energy_wh == pytest.approx(1200.0)
    assert look.facts.energy_before_wh == pytest.approx(1200.0)

"""However a gap is filled, every day's sum check holds as long as the register is met."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy_desktop.domain.clock import local_day_bounds_ms, to_ms
from energy_desktop.domain.editing import EditMethod, EditParameters, Shape
from energy_desktop.domain.energy import DAY_MS, IntervalQuality
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.services.editing import EditingService
from energy_desktop.services.validation import ValidationService
from energy_desktop.storage import open_store
from tests.support.store_builders import SetClock, a_configuration

BERLIN = ZoneInfo("Europe/Berlin")
QUARTER = 900_000
REGISTER = "energy_import_wh"
FIRST = to_ms(datetime(2026, 3, 1, 23, tzinfo=UTC))  # a midnight in Berlin
END = to_ms(datetime(2026, 4, 5, 22, tzinfo=UTC))  # five weeks later, over the clock change
GAP = (
    to_ms(datetime(2026, 3, 27, 20, 3, tzinfo=UTC)),
    to_ms(datetime(2026, 3, 30, 11, 7, tzinfo=UTC)),
)


def readings(*gaps):
    """Times and a register that runs 5 kW by day and 0.5 kW at night, on the wall's clock."""
    times = np.arange(FIRST, END + 1, 300_000, dtype=np.int64)
    hours = np.array([datetime.fromtimestamp(t / 1000, BERLIN).hour for t in times.tolist()])
    noise = np.random.default_rng(4).integers(-5, 6, len(times))
    energy = np.where((hours >= 7) & (hours < 18), 417, 42) + noise
    keep = np.ones(len(times), bool)
    for start, end in gaps:
        keep &= (times < start) | (times >= end)
    return times[keep], (1_000_000.0 + np.cumsum(energy) - energy)[keep]


class Desk:
    """A store with the readings, and the services on it."""

    def __init__(self, path, *gaps):
        self.clock = SetClock(END)
        self.store = open_store(path, engine_owner="test", clock=self.clock)
        self.store.configuration.replace(a_configuration())
        self.store.bulk.add_sealed("m", REGISTER, *readings(*gaps))
        self.store.bulk.finish()
        store = self.store
        self.editing = EditingService(
            store.configuration, store.ledger, store.editing, self.clock, "kim", store.invoices
        )
        self.validation = ValidationService(
            store.configuration, store.history, store.ledger, store.editing, self.clock
        )

    def off(self):
        """Days whose intervals do not sum to their register."""
        report = self.validation.report("m", FIRST, END)
        return [d.day.isoformat() for d in report.days if not d.holds]

    def energy(self, start_ms, end_ms):
        return self.store.ledger.intervals("m", start_ms, end_ms).energy_wh

    def rows(self):
        """Every boundary and energy that is kept."""
        with self.store._database.reading() as session:
            return session.rows(
                "SELECT start_ms, energy_wh, quality, opening_wh, closing_wh FROM intervals"
                " ORDER BY start_ms",
                (),
            )


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path / "energy.db", GAP)
    yield made
    made.store.close()


def test_a_long_gap_gets_the_course_of_the_same_weekdays_and_the_energy_of_its_register(desk):
    straight = desk.rows()

    preview = desk.editing.estimate_gaps("m", FIRST, END)
    made = desk.editing.apply(preview, "outage")

    assert preview.method is EditMethod.LIKE_DAYS
    assert preview.total_after_wh == preview.register_wh == preview.total_before_wh
    assert (preview.quality == IntervalQuality.ESTIMATED).all()
    # 29 March has 23 hours; by the clock on the wall its day still is 7 to 18.
    day = desk.energy(*local_day_bounds_ms(datetime(2026, 3, 29, tzinfo=BERLIN).date(), BERLIN))
    assert len(day) == 92
    busy = np.flatnonzero(day > 500)
    assert (busy[0], busy[-1]) == (24, 67)  # one hour is gone: 07:00 is the 24th quarter hour
    assert desk.off() == []
    with pytest.raises(NotEnoughData, match="no gap to fill"):
        desk.editing.estimate_gaps("m", FIRST, END)
    desk.editing.undo(made.edit_id, "not needed")
    assert desk.rows() == straight


def test_a_measured_value_that_was_corrected_is_no_gap_and_costs_the_gap_beside_it_nothing(desk):
    start, end = GAP[0] // QUARTER * QUARTER, -(-GAP[1] // QUARTER) * QUARTER
    (gap,) = desk.editing.gaps("m", FIRST, END)
    doubled = desk.editing.preview(
        "m",
        REGISTER,
        start - 8 * QUARTER,
        start,
        EditMethod.SCALE,
        EditParameters(factor=Decimal(2)),
    )

    desk.editing.apply(doubled, "one phase was not counted")

    (now,) = desk.editing.gaps("m", FIRST, END)
    assert (now.start_ms, now.end_ms, now.known_wh) == (start, end, gap.known_wh)
    made = desk.editing.estimate_gaps("m", FIRST, END)
    assert made.total_after_wh == gap.known_wh
    assert made.start_ms[0] == start


@pytest.fixture(scope="module")
def worn(tmp_path_factory):
    """A desk that many examples use one after another."""
    made = Desk(tmp_path_factory.mktemp("worn") / "energy.db", GAP)
    yield made
    made.store.close()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 251), max_size=3, unique=True), st.data())
def test_parts_that_together_meet_the_register_leave_every_day_in_order(worn, cuts, data):
    start, end = GAP[0] // QUARTER * QUARTER, -(-GAP[1] // QUARTER) * QUARTER
    bounds = [start, *(start + cut * QUARTER for cut in sorted(cuts)), end]
    total = round(float(worn.energy(start, end).sum()))
    parts = []
    for _ in bounds[2:]:
        parts.append(data.draw(st.integers(0, total - sum(parts))))
    parts.append(total - sum(parts))
    shapes = [data.draw(st.sampled_from((Shape.EVEN, Shape.LIKE_DAYS))) for _ in parts]
    before, made = worn.rows(), []

    for first, last, part, shape in zip(bounds, bounds[1:], parts, shapes, strict=False):
        parameters = EditParameters(total_wh=part, shape=shape)
        preview = worn.editing.preview("m", REGISTER, first, last, EditMethod.SPREAD, parameters)
        made.append(worn.editing.apply(preview, "a part of it"))
    energy, off = worn.energy(start, end), worn.off()
    for edit in reversed(made):
        worn.editing.undo(edit.edit_id, "the next example")

    assert round(float(energy.sum())) == total
    assert off == []
    assert worn.rows() == before


def test_a_day_that_holds_more_than_its_register_shows_the_difference(desk):
    start = to_ms(datetime(2026, 3, 10, 11, tzinfo=UTC))
    preview = desk.editing.preview(
        "m", REGISTER, start, start + 4 * QUARTER, EditMethod.SET, EditParameters(value_wh=2_000)
    )

    desk.editing.apply(preview, "by hand")

    assert preview.measured == 4
    assert any("sum check of the day" in warning for warning in preview.warnings)
    (day,) = (d for d in desk.validation.report("m", FIRST, END).days if not d.holds)
    assert day.day.isoformat() == "2026-03-10"
    assert day.reconciliation.discrepancy_wh == 8_000 - preview.total_before_wh


def test_a_preview_is_refused_when_the_ledger_moved_on(desk):
    preview = desk.editing.estimate_gaps("m", FIRST, END)
    start = preview.span_start_ms
    other = desk.editing.preview(
        "m", REGISTER, start, start + QUARTER, EditMethod.SET, EditParameters(value_wh=1)
    )
    desk.editing.apply(other, "first")

    with pytest.raises(WrongUse, match="changed since the preview"):
        desk.editing.apply(preview, "second")


def test_what_was_corrected_by_hand_is_left_and_the_rest_meets_the_register(desk):
    start = GAP[0] // QUARTER * QUARTER + 40 * QUARTER
    by_hand = desk.editing.preview(
        "m", REGISTER, start, start + 4 * QUARTER, EditMethod.SET, EditParameters(value_wh=77)
    )
    desk.editing.apply(by_hand, "seen on the display")

    preview = desk.editing.estimate_gaps("m", FIRST, END)
    desk.editing.apply(preview, "the rest")

    assert not np.isin(preview.start_ms, by_hand.start_ms).any()
    assert desk.energy(start, start + 4 * QUARTER).tolist() == [77.0] * 4
    assert desk.off() == []


def test_a_gap_of_minutes_keeps_the_straight_line_of_its_register(tmp_path):
    start = to_ms(datetime(2026, 3, 12, 20, 3, tzinfo=UTC))
    desk = Desk(tmp_path / "energy.db", (start, start + 2_400_000))

    (gap,) = desk.editing.gaps("m", FIRST, END)

    assert gap.done == "spread evenly from the register"
    with pytest.raises(NotEnoughData, match="no gap"):
        desk.editing.estimate_gaps("m", FIRST, END)
    desk.store.close()


def test_a_gap_that_the_asked_period_cuts_is_filled_whole(desk):
    preview = desk.editing.estimate_gaps("m", FIRST, GAP[0] // QUARTER * QUARTER + 10 * QUARTER)

    assert preview.span_end_ms == -(-GAP[1] // QUARTER) * QUARTER
    assert preview.total_after_wh == preview.register_wh


def test_rules_and_estimates_stand_beside_what_was_measured(desk):
    desk.editing.apply(desk.editing.estimate_gaps("m", FIRST, END), "outage")

    series = desk.validation.three("m", REGISTER, FIRST, END)

    gap = (series.start_ms >= GAP[0] - QUARTER) & (series.start_ms < GAP[1])
    assert {series.rules[i] for i in np.flatnonzero(gap)} == {"gap"}
    assert np.isnan(series.raw_wh[gap]).all() and np.isfinite(series.estimated_wh[gap]).all()
    assert np.isfinite(series.validated_wh[~gap]).sum() >= (END - FIRST - 4 * DAY_MS) // QUARTER

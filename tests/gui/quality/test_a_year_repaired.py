"""A year of readings is repaired in the window, and every figure that depends on it follows.

Everything is done through the page, as a person does it: the exchange entered long after, all gaps
estimated, a span scaled. What truly flowed is known, so each figure has one right value.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from PySide6.QtCore import Qt

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.app.paths import SiteFolder, drivers_folder
from energy_desktop.app.wiring import make_services
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.editing import EditMethod
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.services.forecasting import ForecastService
from energy_desktop.storage import open_store
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.jobs import JobRunner
from energy_desktop.ui.views.base import NavigationContext, ViewContext
from energy_desktop.ui.views.quality.exchange_dialog import ExchangeDialog
from energy_desktop.ui.views.quality.page import DEEDS, INVOICES, QualityView
from energy_desktop.ui.views.quality.parts import QualityServices
from energy_desktop.ui.views.quality.period import YEAR
from tests.support import quality_year as year
from tests.support.quality_year import METER, at

YEAR_START, YEAR_END = at("2026-01-01 00:00"), at("2027-01-01 00:00")
WRONG_RATIO = (at("2026-11-23 08:00"), at("2026-11-25 08:00"))


class Watching:
    """Compute that keeps what a forecast would be taught, and makes none."""

    class Taught(Exception):
        pass

    def run(self, function, start_ms, energy_wh, *args, **kwargs):
        self.taught_wh = energy_wh
        raise self.Taught


@dataclass
class World:
    store: object
    services: object
    truth: year.Truth

    def taught_wh(self):
        """What a forecast of the meter learns from, made now."""
        compute = Watching()
        service = ForecastService(
            self.store.configuration, self.store.history, self.store.ledger, year.a_clock(), compute
        )
        with pytest.raises(Watching.Taught):
            service.forecast(METER, at_ms=YEAR_END)
        return compute.taught_wh

    def history_wh(self, start, end):
        look = self.services.history.look(METER, year.REGISTER, at(start), at(end))
        return look.facts.energy_wh, float(np.nansum(look.days.totals))

    def report(self, month):
        found = self.services.reports.month(month)
        return next(m for m in found.meters if m.meter_id == METER)

    def true_wh(self, start, end):
        return self.truth.energy(METER, at(start), at(end))


@pytest.fixture
def world(tmp_path):
    folder = SiteFolder(tmp_path / "site")
    folder.make()
    with open_store(folder.store, engine_owner="test", clock=year.a_clock()) as store:
        truth = year.fill(store)
        library = ProfileLibrary([drivers_folder()])
        services = make_services(store, library, clock=year.a_clock(), folder=folder)
        yield World(store, services, truth)


@pytest.fixture
def window(qtbot, world):
    context = ViewContext(
        Formats("Europe/Berlin", clock=lambda: from_ms(year.NOW)), JobRunner(), NavigationContext()
    )
    services = world.services
    view = QualityView(
        context,
        QualityServices(
            services.quality, services.billing.corrections, services.editing, services.exchanges
        ),
    )
    qtbot.addWidget(view)
    view.resize(1166, 640)
    view.show()
    view.period.show_moment(YEAR_START, YEAR)
    view.shown()
    settle(qtbot, view)
    yield view
    context.jobs.close()


def settle(qtbot, view):
    for _ in range(4):  # an answer may ask again
        qtbot.wait(5)
        qtbot.waitUntil(lambda: not view.jobs.running(), timeout=30_000)


def click(qtbot, view, button):
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    settle(qtbot, view)


def enter_the_exchange(qtbot, view, world, photo):
    quarantined = next(d for d in view.doubts.table.rows_model.rows if d.cause == "Quarantined")
    view.doubts.table.choose((quarantined.start_ms, quarantined.is_gap))
    view.open_exchange()
    settle(qtbot, view)
    dialog = view.findChild(ExchangeDialog)
    dialog.at.set_ms(year.EXCHANGED)
    dialog.ask()
    settle(qtbot, view)
    old_end = world.truth.odometer_wh[METER][(year.EXCHANGED - YEAR_START) // year.STEP_MS]
    dialog.old_end.setText(f"{old_end / 1000:.3f}")
    dialog.new_start.setText("1.250")
    dialog.serial.setText("SN-2077")
    dialog.take_photo(photo)
    click(qtbot, view, dialog.enter_button)


def estimate_all(qtbot, view):
    view.estimate_all()
    settle(qtbot, view)
    view.correction.reason.setText("Gaps of the year, by the rules of the house")
    click(qtbot, view, view.correction.apply_button)


def test_every_figure_follows_a_year_that_was_repaired_in_the_window(
    qtbot, world, window, tmp_path
):
    billing = world.services.billing
    outside_before = billing.draft("alpha", "2026-03").outside_wh
    assert billing.draft("alpha", "2026-06").blockers  # intervals are missing
    assert world.history_wh("2026-06-01", "2026-07-01")[1] < world.true_wh(
        "2026-06-01", "2026-07-01"
    )
    assert world.report("2026-06").missing_intervals == 4
    assert "3 gaps open" in window.answer
    taught_before = world.taught_wh()

    photo = tmp_path / "protocol.jpg"
    photo.write_bytes(b"a photo")
    enter_the_exchange(qtbot, window, world, photo)
    estimate_all(qtbot, window)

    assert window.answer == "No gap is open at 2 meters."
    # The year in the ledger is what flowed, to the watt-hour, and so is every day and month.
    proof = world.store.ledger.reconciliation(METER, YEAR_START, YEAR_END)
    assert proof.interval_sum_wh == world.truth.energy(METER, YEAR_START, YEAR_END)
    assert (proof.discrepancy_wh, proof.missing_intervals, proof.resets) == (0, 0, 0)
    checks = window.sums.table.rows_model.rows
    assert len(checks) == 365 + 12
    assert {c.reconciliation.discrepancy_wh for c in checks} == {0}
    # History, the report and the bill of the months follow.
    for start, end in (("2026-03-01", "2026-04-01"), ("2026-06-01", "2026-07-01")):
        true_wh = world.true_wh(start, end)
        assert world.history_wh(start, end) == pytest.approx((true_wh, true_wh))
        told = world.report(start[:7])
        assert (told.imported_wh, told.missing_intervals) == (true_wh, 0)
    june, march = billing.draft("alpha", "2026-06"), billing.draft("alpha", "2026-03")
    assert not june.blockers
    assert june.inside_wh + june.outside_wh == world.true_wh("2026-06-01", "2026-07-01")
    assert march.inside_wh + march.outside_wh == world.true_wh("2026-03-01", "2026-04-01")
    true_outside = _outside_wh(world, march)
    # Spread evenly, the night took energy of the day; along the like weekdays it does not.
    assert abs(march.outside_wh - true_outside) < abs(outside_before - true_outside) / 10
    # What was estimated teaches nothing, and nothing that was measured is lost.
    taught = world.taught_wh()
    assert np.array_equal(taught, taught_before, equal_nan=True)
    first, last = ((t - YEAR_START) // year.QUARTER_MS for t in year.NOT_RUNNING)
    assert not np.isfinite(taught[first:last]).any()
    (event,) = world.store.exchanges.events(METER)
    assert (world.services.quality.photo(event.photo).read_bytes(), event.new_serial) == (
        b"a photo", "SN-2077",
    )  # fmt: skip


def _outside_wh(world, invoice):
    """What truly flowed in the intervals that were billed."""
    return sum(
        world.truth.energy(METER, e.start_ms, e.start_ms + e.step_s * 1000)
        for e in invoice.evidence
    )


def test_a_scaled_span_changes_bill_totals_and_teaching_and_can_be_undone(qtbot, world, window):
    services = world.services
    issued = services.billing.issue("alpha", "2026-11")
    before_wh = world.history_wh("2026-11-01", "2026-12-01")[1]
    taught_before = world.taught_wh()
    true_wh = world.truth.energy(METER, *WRONG_RATIO)

    window.choose_span(*WRONG_RATIO)
    window.correction.choose_method(EditMethod.SCALE.value)
    window.correction.factor.setValue(1.5)
    click(qtbot, window, window.correction.preview_button)
    window.correction.reason.setText("The transformers were 150/5, not 100/5")
    click(qtbot, window, window.correction.apply_button)

    more_wh = world.history_wh("2026-11-01", "2026-12-01")[1] - before_wh
    assert more_wh == pytest.approx(true_wh / 2, abs=1)
    assert services.billing.issued()[0] == issued  # an issued invoice never changes
    assert world.report("2026-11").imported_wh == pytest.approx(before_wh + more_wh)
    window.show_side(INVOICES)
    (wrong,) = window.invoices.table.rows_model.rows
    assert wrong.invoice.number == issued.number
    assert wrong.outside_difference_wh + wrong.inside_difference_wh == pytest.approx(more_wh)
    assert wrong.total_difference_units > 0
    off = [c for c in window.sums.table.rows_model.rows if c.reconciliation.discrepancy_wh]
    assert off and all(c.reconciliation.discrepancy_wh > 0 for c in off)
    # 192 quarter hours were replaced by hand: nothing is learnt from them any more.
    lost = np.count_nonzero(np.isfinite(taught_before)) - np.count_nonzero(
        np.isfinite(world.taught_wh())
    )
    assert lost == 192

    window.show_side(DEEDS)
    (deed,) = window.deeds.table.rows_model.rows
    window.deeds.table.choose(deed.key)
    window.deeds.reason.setText("It was another meter")
    click(qtbot, window, window.deeds.undo_button)

    assert world.history_wh("2026-11-01", "2026-12-01")[1] == before_wh
    assert window.invoices.table.rows_model.rows == ()
    assert np.array_equal(world.taught_wh(), taught_before, equal_nan=True)
    versions = world.store.editing.versions(
        METER, year.REGISTER, WRONG_RATIO[0], WRONG_RATIO[0] + 1
    )
    assert [v.quality for v in versions] == [
        IntervalQuality.RAW, IntervalQuality.EDITED, IntervalQuality.RAW,
    ]  # fmt: skip

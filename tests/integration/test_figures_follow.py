"""A corrected interval is corrected in every figure that used it, and taken back in all of them.

One consumer after the other is asked before, while and after a span of four working hours counts
twice. What flowed is known, so each has to move by exactly that, and what learns must not learn it.
"""

import csv
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.analytics.maintenance.features import daily_features
from energy_desktop.app.paths import SiteFolder, drivers_folder
from energy_desktop.app.wiring import make_services
from energy_desktop.domain.device import Device, DeviceKind
from energy_desktop.domain.editing import EditMethod, EditParameters
from energy_desktop.domain.energy import DAY_MS, Resolution
from energy_desktop.domain.site import VirtualMeter
from energy_desktop.services.forecasting import ForecastService
from energy_desktop.services.maintenance import MaintenanceService
from energy_desktop.storage import open_store
from tests.support import quality_year as year
from tests.support.quality_year import METER, REGISTER, at
from tests.support.store_builders import SetClock

NOW = at("2026-12-30 18:00")
SPAN = (at("2026-12-30 08:00"), at("2026-12-30 12:00"))
DAY = (at("2026-12-30 00:00"), at("2026-12-31 00:00"))
MONTH = "2026-12"
REST = "virtual:rest"
QUARTER = Resolution.QUARTER  # the meters are read every 5 min


class Watching:
    """Compute that keeps what it was given, and makes nothing of it."""

    class Taught(Exception):
        pass

    def run(self, function, *args, **kwargs):
        self.given = args
        raise self.Taught


class World:
    def __init__(self, store, services, truth, folder):
        self.store, self.services, self.truth, self.folder = store, services, truth, folder

    def flowed(self, meter_id):
        return self.truth.energy(meter_id, *SPAN)

    def given(self, service, method, *args, **more):
        compute = Watching()
        made = service(compute)
        with pytest.raises(Watching.Taught):
            getattr(made, method)(*args, **more)
        return compute.given

    def exported(self):
        out = self.folder / "days.csv"
        self.services.exporting.export(METER, REGISTER, *DAY, Resolution.HOUR, out)
        with out.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
        return sum(float(row["energy_wh"]) for row in rows if row["energy_wh"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    folder = SiteFolder(root / "site")
    folder.make()
    clock = SetClock(NOW)
    with open_store(folder.store, engine_owner="test", clock=clock) as store:
        truth = year.fill(store, date(2026, 10, 12), date(2026, 12, 31))
        configuration = store.configuration.load()
        store.configuration.replace(
            replace(
                configuration,
                virtual_meters=(VirtualMeter("rest", "The rest", (("grid", 1.0), (METER, -1.0))),),
                devices=(Device("lamps", "Lamps", DeviceKind.LIGHTING, METER, 4_000.0),),
            )
        )
        services = make_services(
            store, ProfileLibrary([drivers_folder()]), clock=clock, folder=folder
        )
        yield World(store, services, truth, root)


def doubled(world, meter_id, register=REGISTER):
    editing = world.services.editing
    preview = editing.preview(
        meter_id, register, *SPAN, EditMethod.SCALE, EditParameters(factor=Decimal(2))
    )
    return editing.apply(preview, "the transformers were 200/5, not 100/5")


# By consumer: the meter that is corrected, the figure, and how often the added energy is in it.
FIGURES = {
    "bill": (METER, lambda w: _billed(w), 1),
    "report of the month, its meter": (METER, lambda w: _reported(w, METER), 1),
    "report of the month, the site": (
        "grid",
        lambda w: w.services.reports.month(MONTH).import_wh,
        1,
    ),
    "report of the month, its cost": (
        "grid",
        lambda w: w.services.reports.month(MONTH).cost_units,
        2.5,  # 0.25 per kWh in 1e-4 units
    ),
    "history": (
        METER,
        lambda w: w.services.history.look(METER, REGISTER, *DAY).facts.energy_wh,
        1,
    ),
    "history of power": (
        METER,
        lambda w: w.services.history.look(METER, "power_w", *DAY).facts.energy_wh,
        1,
    ),
    "overview, energy": ("grid", lambda w: w.services.overview.today().cost.import_wh, 1),
    "overview, cost": ("grid", lambda w: w.services.overview.today().cost.import_units, 2.5),
    "overview, load": ("grid", lambda w: _load_wh(w), 1),
    "balance, main": ("grid", lambda w: w.services.balances.node("grid", *DAY).rest.main_wh, 1),
    "balance, behind": (METER, lambda w: w.services.balances.node("grid", *DAY).rest.sub_wh, 1),
    "balance, rest": (
        METER,
        lambda w: float(np.nansum(w.services.balances.node("grid", *DAY).rest.rest_wh)),
        -1,
    ),
    "virtual meter": (
        METER,
        lambda w: w.services.history.look(REST, REGISTER, *DAY).facts.energy_wh,
        -1,
    ),
    "export": (METER, lambda w: w.exported(), 1),
    "validated sum of the day": (METER, lambda w: _day_sum(w), 1),
    "what a forecast of yesterday is held against": (METER, lambda w: _forecast_known(w), 1),
}


def _billed(w):
    draft = w.services.billing.draft("alpha", MONTH)
    return draft.inside_wh + draft.outside_wh


def _reported(w, meter_id):
    found = w.services.reports.month(MONTH)
    return next(m for m in found.meters if m.meter_id == meter_id).imported_wh


def _load_wh(w):
    return float(np.nansum(w.services.overview.today().load.load_w)) / 4


def _day_sum(w):
    report = w.services.validation.report(METER, *DAY)
    return report.days[0].reconciliation.interval_sum_wh


def _forecast_known(w):
    known = w.services.forecasting.known(METER, NOW)
    inside = (known.start_ms >= SPAN[0]) & (known.start_ms < SPAN[1])
    return float(known.energy_wh[inside].sum())


@pytest.mark.parametrize("consumer", FIGURES)
def test_the_figure_follows_the_correction_and_its_undoing(world, consumer):
    meter_id, figure, times = FIGURES[consumer]
    before = figure(world)

    made = doubled(world, meter_id)
    during = figure(world)
    world.services.editing.undo(made.edit_id, "they were right")
    after = figure(world)

    assert world.flowed(meter_id) > 5_000
    rounding = 100 if "report of the month, its cost" in consumer else 1.5  # whole cents
    assert during - before == pytest.approx(times * world.flowed(meter_id), abs=rounding)
    assert after == before


def _taught(world):
    """What the next forecast learns from."""
    store = world.store
    _, energy_wh, *_ = world.given(
        lambda compute: ForecastService(
            store.configuration, store.history, store.ledger, SetClock(NOW), compute
        ),
        "forecast",
        METER,
        at_ms=NOW,
    )
    return energy_wh


def _usable_days(world):
    """Which days the watch of the equipment takes for its baseline."""
    store = world.store
    (given,) = world.given(
        lambda compute: MaintenanceService(
            store.configuration, store.history, store.ledger, store.findings, SetClock(NOW), compute
        ),
        "report",
        METER,
    )
    quarters = store.history.buckets(METER, "power_w", year.at("2026-10-12 00:00"), NOW, QUARTER)
    days = daily_features(quarters, given.zone, ledger=given.ledger)
    return dict(zip(days.day_ms.tolist(), days.usable.tolist(), strict=True))


def test_no_forecast_learns_a_correction(world):
    before = _taught(world)

    made = doubled(world, METER)
    during = _taught(world)
    world.services.editing.undo(made.edit_id, "they were right")

    lost = np.isfinite(before) & ~np.isfinite(during)
    assert lost.sum() == 16
    kept = np.isfinite(during)
    assert np.array_equal(before[kept], during[kept])
    assert np.array_equal(_taught(world), before, equal_nan=True)


def test_no_baseline_of_equipment_learns_a_day_with_a_correction(world):
    yesterday = tuple(t - DAY_MS for t in SPAN)
    before = _usable_days(world)
    editing = world.services.editing
    preview = editing.preview(
        METER, REGISTER, *yesterday, EditMethod.SCALE, EditParameters(factor=Decimal(2))
    )

    made = editing.apply(preview, "the transformers were 200/5, not 100/5")
    during = _usable_days(world)
    editing.undo(made.edit_id, "they were right")

    changed = {day for day, usable in before.items() if usable != during[day]}
    assert changed == {DAY[0] - DAY_MS}
    assert before[DAY[0] - DAY_MS]
    assert _usable_days(world) == before


def test_an_issued_invoice_stays_and_is_listed_as_to_be_corrected(world):
    services = world.services
    issued = services.billing.issue("alpha", "2026-11")
    span = (at("2026-11-11 19:00"), at("2026-11-11 22:00"))
    assert services.billing.corrections() == ()

    preview = services.editing.preview(
        METER, REGISTER, *span, EditMethod.SET, EditParameters(value_wh=0)
    )
    made = services.editing.apply(preview, "another hall's lamps")

    assert any(issued.number in warning for warning in preview.warnings)
    (wrong,) = services.billing.corrections()
    assert wrong.invoice.number == issued.number
    off = wrong.outside_difference_wh + wrong.inside_difference_wh
    assert off == -world.truth.energy(METER, *span)
    assert services.billing.issued()[0] == issued
    services.editing.undo(made.edit_id, "it was this hall")
    assert services.billing.corrections() == ()

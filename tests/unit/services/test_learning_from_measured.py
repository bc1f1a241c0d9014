"""What was estimated or edited teaches nothing: forecasts, plans and usual loads leave it out."""

import numpy as np

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import DAY_MS, IntervalQuality, Intervals
from energy_desktop.domain.forecast import Forecast
from energy_desktop.domain.site import Meter, Role, Site
from energy_desktop.services.balance import site_balance
from energy_desktop.services.forecasting import ForecastService
from tests.support.store_builders import T0, SetClock

QUARTER = 900_000
QUALITIES = np.array([0, 1, 2, 3, 4, 5], np.int8)
ENERGY = np.array([100.0, 100.0, 900.0, 900.0, np.nan, np.nan])
LEARNT = np.array([100.0, 100.0, np.nan, np.nan, np.nan, np.nan])


class Site6:
    """Configuration, history and ledger of a meter with one interval of each quality."""

    def load(self):
        meter = Meter("m", "Main", role=Role.GRID)
        return Configuration(site=Site("Works", "Europe/Berlin"), meters=(meter,))

    def extent(self, meter_id):
        return T0, T0 + 6 * QUARTER

    def registers(self, meter_id):
        return ("energy_import_wh",)

    def intervals(self, meter_id, start_ms, end_ms, *, register, step_s=None):
        starts = T0 + np.arange(6, dtype=np.int64) * QUARTER
        return Intervals("m", register, 900, starts, ENERGY.copy(), QUALITIES)


class Watching:
    """Compute that keeps what it was given."""

    def run(self, function, *args, **kwargs):
        self.args = args
        return Forecast("m", T0, 15, "naive", (), None, (), (), 0.0)


def test_a_forecast_is_taught_by_measured_energy_alone():
    site, compute = Site6(), Watching()
    service = ForecastService(site, site, site, SetClock(T0 + DAY_MS), compute)

    service.forecast("m", at_ms=T0 + DAY_MS)

    assert np.array_equal(compute.args[1], LEARNT, equal_nan=True)


def test_the_balance_tells_what_of_it_was_measured():
    site = Site6()

    balance = site_balance(site.load(), site, T0, T0 + 6 * QUARTER)

    known = QUALITIES[balance.estimated]
    assert set(known.tolist()) == {IntervalQuality.ESTIMATED, IntervalQuality.EDITED}
    assert np.array_equal(balance.load_wh, ENERGY, equal_nan=True)
    assert np.array_equal(balance.measured(balance.load_wh), LEARNT, equal_nan=True)

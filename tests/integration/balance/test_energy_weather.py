"""Energy beside degree days, from a stored temperature and the ledger."""

import numpy as np
import pytest

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import NotEnoughData, NotFound
from energy_desktop.domain.site import Meter, VirtualMeter
from energy_desktop.domain.snapshot import Layout, Snapshot
from energy_desktop.services.energy_weather import EnergyWeatherService
from energy_desktop.services.virtual_meters import VirtualLedger
from energy_desktop.services.weather import WeatherService
from energy_desktop.storage import open_store
from tests.integration.balance.sites import DAY, IMPORT, METERS, MONDAY, a_works, book

DAYS = 24
AIR = Layout("air", ("temperature_c",))
COLD = np.linspace(-4.0, 22.0, DAYS)  # of each day


def heated(base_wh=48_000.0, per_kd=1_200.0):
    """Wh per quarter hour of a building that is heated below 15 degrees."""
    return np.repeat((base_wh + per_kd * np.maximum(15.0 - COLD, 0.0)) / 96, 96)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "site.sqlite", engine_owner="test") as opened:
        sensor = Meter("air", "Outdoor air", driver_id="probe")
        opened.configuration.replace(a_works(meters=(*METERS, sensor)))
        yield opened


def warm(store, days=DAYS):
    for hour in range(24 * days):
        reading = Snapshot("air", MONDAY + hour * 3_600_000 + 60_000, AIR, (COLD[hour // 24],))
        store.writer.put(reading)
    assert store.writer.flush()


def service_of(store):
    ledger = VirtualLedger(store.ledger, store.configuration)
    return EnergyWeatherService(
        store.configuration, ledger, WeatherService(store.configuration, store.history)
    )


def test_the_slope_of_the_heating_and_the_base_are_found(store):
    warm(store)
    book(store.ledger, {("hall", IMPORT): heated()})
    service = service_of(store)

    found = service.look("hall", MONDAY, MONDAY + DAYS * DAY)

    assert [m.meter_id for m in service.sources()] == ["air"]
    assert [m.meter_id for m in service.meters()] == ["hall"]
    assert len(found.days) == DAYS
    assert found.source.meter_id == "air"
    assert found.signature is not None
    assert found.signature.base_wh == pytest.approx(48_000, rel=0.01)
    assert found.signature.heating.wh_per_kd == pytest.approx(1_200, rel=0.01)
    assert found.days[0].heating_kd == pytest.approx(19.0, abs=0.1)
    assert found.days[5].day_off


def test_a_day_that_still_runs_or_lacks_an_interval_or_is_estimated_teaches_nothing(store):
    warm(store)
    energy, quality = heated(), np.zeros(96 * DAYS, np.int8)
    energy[200] = np.nan
    quality[500] = IntervalQuality.ESTIMATED
    book(store.ledger, {("hall", IMPORT): energy}, quality=quality)

    found = service_of(store).look("hall", MONDAY, MONDAY + DAYS * DAY - 3_600_000)

    assert len(found.days) == DAYS - 1
    assert found.days[2].energy_wh is None
    assert found.days[5].estimated
    assert found.signature is not None
    assert found.signature.days == DAYS - 3


def test_too_few_days_are_refused_in_words(store):
    warm(store, days=5)
    book(store.ledger, {("hall", IMPORT): heated()})

    found = service_of(store).look("hall", MONDAY, MONDAY + DAYS * DAY)

    assert found.signature is None
    assert found.refusal.startswith("5 whole measured days with a known temperature")


def test_a_virtual_meter_is_looked_at_like_any(store):
    warm(store)
    book(store.ledger, {("hall", IMPORT): heated(), ("office", IMPORT): np.full(96 * DAYS, 10.0)})
    configuration = store.configuration.load()
    half = VirtualMeter("half", "Half", (("hall", 0.5), ("office", 1.0)))
    store.configuration.replace(
        type(configuration)(
            site=configuration.site, meters=configuration.meters, virtual_meters=(half,)
        )
    )

    found = service_of(store).look("virtual:half", MONDAY, MONDAY + DAYS * DAY)

    assert found.meter.name == "Half"
    assert found.signature.base_wh == pytest.approx(24_960, rel=0.01)
    assert found.signature.heating.wh_per_kd == pytest.approx(600, rel=0.01)


def test_without_temperature_energy_or_a_whole_day_it_says_what_is_missing(store):
    service = service_of(store)
    book(store.ledger, {("hall", IMPORT): heated()})
    with pytest.raises(NotEnoughData, match="temperature"):
        service.look("hall", MONDAY, MONDAY + DAYS * DAY)
    warm(store, days=1)

    with pytest.raises(NotEnoughData, match="no energy"):
        service.look("press", MONDAY, MONDAY + DAYS * DAY)
    with pytest.raises(NotEnoughData, match="no day lies wholly"):
        service.look("hall", MONDAY, MONDAY + 3_600_000)
    with pytest.raises(NotFound):
        service.look("nobody", MONDAY, MONDAY + DAY)

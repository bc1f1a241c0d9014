"""Readings of gauges from files in a real store: beside polled ones, years old, and used."""

from datetime import UTC, datetime

import numpy as np
import pytest

from energy_desktop.domain.energy import Resolution, Series
from energy_desktop.domain.errors import JobCancelled, WrongUse
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.services.history import HistoryService
from energy_desktop.services.import_changes import Change, ImportRules
from energy_desktop.services.importing import ImportService
from energy_desktop.services.weather import WeatherService
from energy_desktop.storage import WriterOptions, open_store
from tests.support.store_builders import HOUR_MS, T0, a_configuration

DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000
NOW = datetime.fromtimestamp((T0 + 40 * DAY_MS) / 1000, UTC)
TEMPERATURE = "temperature_c"


@pytest.fixture
def store(tmp_path):
    made = open_store(
        tmp_path / "site.db",
        engine_owner="tests",
        clock=lambda: NOW,
        writer_options=WriterOptions(busy_ms=5_000),
    )
    made.configuration.replace(a_configuration(meters=()))
    yield made
    made.close()


def a_service(store):
    return ImportService(
        store.configuration, store.ledger, store.editing, lambda: NOW, "auditor",
        store.history, store.gauges,
    )  # fmt: skip


@pytest.fixture
def service(store):
    return a_service(store)


def a_file(tmp_path, values, *, step_min=60, first_ms=T0, name="station.csv"):
    rows = ["time_utc,temperature_c"]
    for k, one in enumerate(values):
        at = datetime.fromtimestamp(first_ms / 1000 + k * step_min * 60, UTC)
        rows.append(f"{at:%Y-%m-%d %H:%M:%S},{one}")
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n")
    return path


def hourly(days, level=8.0):
    return [round(level + 5 * np.sin(k / 24 * 2 * np.pi), 2) for k in range(24 * days)]


def staged(service, path):
    found = service.look(path)
    return service.stage([(found, found.layout)])


def days_of(store, meter="station", span=(T0 - DAY_MS, T0 + 60 * DAY_MS)):
    found = store.history.buckets(meter, TEMPERATURE, *span, Resolution.DAY)
    return {int(at): (int(n), float(m)) for at, n, m in zip(found.start_ms, found.n, found.mean,
                                                          strict=True) if n}  # fmt: skip


def test_a_temperature_from_a_file_gives_degree_days(store, service, tmp_path):
    values = hourly(30)

    (result,) = service.run([a_file(tmp_path, values)])

    assert (result.stored, result.quantity) == (720, TEMPERATURE)
    assert store.ledger.registers("station") == ()
    weather = WeatherService(store.configuration, store.history)
    days = weather.degree_days(T0, T0 + 28 * DAY_MS)
    assert all(day.heating_kd is not None for day in days)
    whole = days[3]  # every whole local day has one full swing around the level
    assert whole.mean_c == pytest.approx(8.0, abs=0.01)
    assert whole.heating_kd == pytest.approx(7.0, abs=0.01)


def test_the_same_file_twice_stores_nothing_twice(store, service, tmp_path):
    path = a_file(tmp_path, hourly(30))
    service.run([path])
    before = days_of(store)

    (again,) = service.run([path])

    assert (again.stored, again.already_stored, again.left) == (0, 720, 0)
    assert days_of(store) == before


def test_what_differs_is_replaced_only_with_leave(store, service, tmp_path):
    service.run([a_file(tmp_path, [1.0, 2.0, 3.0])])
    other = a_file(tmp_path, [1.0, 2.5, 3.0, 4.0])

    (kept,) = service.run([other])
    assert (kept.stored, kept.replaced, kept.left, kept.already_stored) == (1, 0, 1, 2)
    assert store.history.raw("station", TEMPERATURE, 0, 1 << 60).values.tolist() == [1, 2, 3, 4]

    (result,) = service.run([other], rules=ImportRules(replace_measured=True))
    assert (result.stored, result.replaced, result.left) == (1, 1, 0)
    assert store.history.raw("station", TEMPERATURE, 0, 1 << 60).values.tolist() == [1, 2.5, 3, 4]
    hours = store.history.buckets("station", TEMPERATURE, T0, T0 + 4 * HOUR_MS, Resolution.HOUR)
    assert hours.mean.tolist() == [1, 2.5, 3, 4]


def test_a_file_fills_the_hole_of_a_sensor_and_every_summary_follows(store, service, tmp_path):
    """Polled each 5 s, silent from 10:20 to 15:10; the file has a value each 10 min of two days."""
    link = Link("l", LinkKind.MODBUS_TCP, "127.0.0.1:502")
    sensor = Meter("station", "Roof", driver_id="d", link_id="l", poll_interval_s=5.0)
    store.configuration.replace(a_configuration(links=(link,), meters=(sensor,)))
    times = np.arange(T0, T0 + DAY_MS, 5_000, dtype=np.int64)
    silent = (times >= T0 + 620 * MINUTE_MS) & (times < T0 + 910 * MINUTE_MS)
    store.bulk.add_sealed(
        "station", TEMPERATURE, times[~silent], np.full(len(times), 10.0)[~silent]
    )
    path = a_file(tmp_path, [20.0] * 288, step_min=10)

    (seen,) = service.preview(staged(service, path))
    (result,) = service.run([path])

    # 10:30 to 15:00, and from 0:10 of the next day: what lies 5 s after a reading adds nothing.
    assert seen.changes[Change.NEW] == result.stored == 28 + 143
    assert result.left == 288 - result.stored
    found = store.history.raw("station", TEMPERATURE, T0, T0 + 2 * DAY_MS)
    hours = store.history.buckets("station", TEMPERATURE, T0, T0 + 2 * DAY_MS, Resolution.HOUR)
    for k, at in enumerate(hours.start_ms.tolist()):
        inside = (found.time_ms >= at) & (found.time_ms < at + HOUR_MS)
        assert hours.n[k] == inside.sum()
        assert hours.mean[k] == pytest.approx(found.values[inside].mean())
    for at, (n, mean) in days_of(store).items():
        inside = (found.time_ms >= at) & (found.time_ms < at + DAY_MS)
        assert n == inside.sum()
        assert mean == pytest.approx(found.values[inside].mean())


def test_what_is_years_old_stays_a_source_after_it_was_thinned_out(store, service, tmp_path):
    first_ms = T0 - 1_200 * DAY_MS
    path = a_file(tmp_path, hourly(60), first_ms=first_ms)
    service.run([path])
    while store.maintain(seconds=30):
        pass
    assert not len(store.history.raw("station", TEMPERATURE, 0, 1 << 60).values)

    (again,) = service.run([path])

    assert (again.stored, again.already_stored) == (0, 1440)
    assert store.history.quantities("station") == (TEMPERATURE,)
    assert store.history.extent("station")[0] == first_ms
    weather = WeatherService(store.configuration, store.history)
    days = weather.degree_days(first_ms + DAY_MS, first_ms + 50 * DAY_MS)
    # One of the days has 23 or 25 hours.
    assert [day.heating_kd for day in days] == pytest.approx([7.0] * 49, abs=0.2)


def test_what_was_not_measured_yet_is_left(service, tmp_path):
    path = a_file(tmp_path, [5.0, 6.0, 7.0, 8.0], first_ms=T0 + 40 * DAY_MS - HOUR_MS)

    (result,) = service.run([path])

    assert (result.stored, result.left) == (2, 2)


def test_a_command_stores_readings_beside_a_running_engine(store, tmp_path):
    with open_store(tmp_path / "site.db", clock=lambda: NOW) as beside:
        (result,) = a_service(beside).run([a_file(tmp_path, hourly(3))])

    assert result.stored == 72
    assert len(store.history.raw("station", TEMPERATURE, 0, 1 << 60).values) == 72


def test_a_cancelled_import_keeps_what_it_stored_and_goes_on(store, service, tmp_path):
    waiting = staged(service, a_file(tmp_path, hourly(35) * 3, step_min=20))
    previews = service.preview(waiting)

    def cancels(fraction, _):
        if fraction > 0.3:
            raise JobCancelled(where="Import", what="stopped by you.", remedy="")

    with pytest.raises(JobCancelled):
        service.apply(waiting, previews, ImportRules(), progress=cancels)
    (result,) = service.apply(waiting, previews, ImportRules())

    assert 0 < result.already_stored < 2520
    assert result.stored + result.already_stored == 2520
    waiting.close()


def test_a_counter_is_no_gauge(store):
    series = Series("m", "energy_import_wh", np.array([T0]), np.array([1.0]))

    with pytest.raises(WrongUse, match="only readings of a gauge"):
        store.gauges.add_readings(series)


@pytest.mark.parametrize("step_min", [15, 30, 60])
def test_the_history_shows_readings_in_the_step_in_which_they_came(
    store, service, tmp_path, step_min
):
    values = [round(8 + 5 * np.sin(k * step_min / 1440 * 2 * np.pi), 2)
              for k in range(10 * 1440 // step_min)]  # fmt: skip
    service.run([a_file(tmp_path, values, step_min=step_min)])
    history = HistoryService(
        store.history, store.ledger, store.configuration, lambda: NOW, store.editing
    )

    (subject,) = history.subjects()
    look = history.look("station", TEMPERATURE, T0, T0 + 10 * DAY_MS)

    assert subject.quantities == (TEMPERATURE,)
    assert look.slots.step_s == step_min * 60
    assert look.slots.values.tolist() == pytest.approx(values)

"""A transformer ratio that is put right in the window while the meter is being read."""

from dataclasses import replace

import numpy as np

from energy_desktop.app.engine import Engine
from energy_desktop.app.paths import SiteFolder
from energy_desktop.app.wiring import make_services
from energy_desktop.domain.site import Link, LinkKind, Meter
from tests.integration.acquisition.fields import wait_until
from tests.support.meter_server import ENERGY_KWH, serving_meters

REGISTER = "energy_import_wh"


def readings(engine):
    engine.store.writer.flush()
    found = engine.store.history.raw("m", REGISTER, 0, 1 << 42).values
    return found[np.isfinite(found)]


def test_a_ratio_put_right_a_minute_after_the_first_reading_counts_no_step(tmp_path):
    engine = Engine(SiteFolder(tmp_path / "site"))
    engine.start()
    link = Link("l", LinkKind.MODBUS_TCP, host="127.0.0.1")
    meter = Meter("m", "Press", "eastron_sdm120", "l", poll_interval_s=0.2)
    changed = replace(meter, ct_ratio=40.0)
    try:
        with serving_meters(units=1, connections=1) as (port,):
            services = make_services(engine.store, engine.library, engine=engine)
            services.meters.save(meter, replace(link, port=port))
            wait_until(lambda: len(readings(engine)) > 1, 20)

            services.meters.save(changed, replace(link, port=port))
            wait_until(lambda: readings(engine)[-1] > 20 * readings(engine)[0], 20)

            events = engine.store.exchanges.events("m")
            values = readings(engine)
            stored = engine.store.configuration.load().meter("m")
    finally:
        engine.stop()

    assert stored == changed
    event = next(e for e in events if e.register == REGISTER)
    shown = round(1000 * ENERGY_KWH)
    assert abs(event.old_end_wh - shown) <= 1
    assert sorted(set(values.tolist())) == [values[0], 40_000 * ENERGY_KWH]
    assert 0 <= values[-1] - event.new_start_wh <= 40  # not a count of the register

"""A counter that rolls over where its driver says books what flowed, without any setting."""

from dataclasses import replace

from tests.support.store_builders import T0, a_configuration, a_snapshot


def test_a_rollover_of_the_register_is_solved_by_what_the_driver_knows(store):
    base = a_configuration()
    through = tuple(replace(m, ct_ratio=2.0) if m.meter_id == "m" else m for m in base.meters)
    store.configuration.replace(replace(base, meters=through))
    store.configuration.modulus_of_driver = {"eastron_sdm120": 2**32}.get
    top = 2 * 2**32  # behind transformers of ratio 2

    for minute in range(61):
        energy = (top - 300 + 10 * minute) % top
        store.writer.put(a_snapshot(at_ms=T0 + minute * 60_000, energy=float(energy)))
    assert store.writer.flush()
    while store.maintain(T0 + 4 * 3_600_000, seconds=30):
        pass

    booked = store.ledger.intervals("m", T0, T0 + 3_600_000)
    assert booked.energy_wh.tolist() == [150.0] * 4
    assert store.quarantine.entries(0, 1 << 42) == ()


def test_the_meters_own_modulus_goes_first(store):
    base = a_configuration()
    own = tuple(replace(m, counter_modulus_wh=100_000_000) for m in base.meters)
    store.configuration.replace(replace(base, meters=own))
    store.configuration.modulus_of_driver = {"eastron_sdm120": 2**32}.get

    assert store.configuration.register_rules("m").modulus_wh == 100_000_000

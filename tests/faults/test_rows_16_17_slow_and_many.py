"""Rows 16 and 17: a gateway slower than its timeout, and many meters of which a third is dead."""

import time

import numpy as np
import pytest

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.snapshot import LinkState
from tests.faults import modbus_tcp_server as faults
from tests.faults.modbus_tcp_server import SDM120_VALUES, FaultyTcpServer, floats
from tests.faults.test_rows_01_05_dead_slow_and_closed import lags_ms
from tests.faults.wire import tcp_link
from tests.integration.acquisition.fields import a_meter, polling, wait_until

pytestmark = pytest.mark.timed


def test_row_16_a_slow_gateway_has_one_request_at_a_time_and_is_asked_ever_less():
    units = range(1, 6)
    with FaultyTcpServer(floats(SDM120_VALUES)) as server:
        meters = tuple(a_meter(f"m{u}", u, poll_interval_s=0.2) for u in units)
        with polling(Configuration(links=(tcp_link(server.port, 0.3),), meters=meters)) as it:
            wait_until(lambda: all(len(it.sink.of(f"m{u}")) >= 2 for u in units))
            healthy = requests_in(server, 1.0)
            server.delay_s = 0.8
            first, *later = [requests_in(server, 1.0) for _ in range(3)]
            most = server.most_in_flight
            server.delay_s = 0.0
            for unit in units:
                it.field.try_now(f"m{unit}")
            wait_until(lambda: all(it.state(f"m{u}") is LinkState.GOOD for u in units))

    assert most == 1
    assert healthy >= 40  # 5 units, 2 blocks, 5 times a second
    assert first <= 5
    assert all(count <= first + 1 for count in later)
    assert {s.value("voltage_v") for s in it.sink.snapshots} == {230.5}


def requests_in(server: FaultyTcpServer, seconds: float) -> int:
    before = server.requests.total()
    time.sleep(seconds)
    return server.requests.total() - before


def test_row_17_with_30_percent_dead_the_others_keep_their_second():
    meters_in_all, dead = (
        200,
        set(range(0, 200, 10)) | set(range(1, 200, 10)) | set(range(2, 200, 10)),
    )
    with FaultyTcpServer(floats(SDM120_VALUES)) as server:
        links = tuple(tcp_link(server.port, 0.3, f"l{i}") for i in range(meters_in_all))
        meters = tuple(
            a_meter(f"m{i}", i % 250 + 1, link_id=f"l{i}", poll_interval_s=1.0)
            for i in range(meters_in_all)
        )
        server.modes = {i + 1: faults.SILENT for i in dead}
        with polling(Configuration(links=links, meters=meters)) as it:
            time.sleep(1.5)
            begin = {i: len(it.sink.of(f"m{i}")) for i in range(meters_in_all)}
            time.sleep(3.0)
            statuses = it.field.statuses()
            readings = {i: it.sink.of(f"m{i}")[begin[i] :] for i in begin}

    healthy = [i for i in range(meters_in_all) if i not in dead]
    late = np.concatenate([lags_ms([s.read_at_ms for s in readings[i]], 1.0) for i in healthy])
    assert min(len(readings[i]) for i in healthy) >= 2
    assert np.percentile(late, 99) < 200
    assert all(statuses[f"m{i}"].failures == statuses[f"m{i}"].skipped_slots == 0 for i in healthy)
    assert all(not readings[i] and statuses[f"m{i}"].failures >= 2 for i in dead)

"""The field thread on real sockets: right values, loss seen soon, neighbours undisturbed."""

import logging
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from energy_desktop.acquisition import links
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import MeterAnswerWrong, MeterUnreachable, NotFound, WrongUse
from energy_desktop.domain.site import Link, LinkKind
from energy_desktop.domain.snapshot import LinkState, Quality
from tests.faults import modbus_tcp_server as faults
from tests.faults.modbus_tcp_server import SDM120_VALUES, FaultyTcpServer, floats
from tests.integration.acquisition.fields import (
    PERIOD_S,
    Watched,
    a_meter,
    polling,
    tcp,
    wait_until,
)


@pytest.fixture
def server():
    with FaultyTcpServer(floats(SDM120_VALUES)) as it:
        yield it


def test_readings_arrive_in_the_names_and_units_of_the_product(server):
    configuration = Configuration(links=(tcp(server.port),), meters=(a_meter("grid"),))

    with polling(configuration) as it:
        wait_until(lambda: len(it.sink.of("grid")) >= 3)

    snapshot = it.sink.of("grid")[0]
    assert snapshot.value("voltage_v") == 230.5
    assert snapshot.value("power_w") == 950.0
    assert snapshot.value("energy_import_wh") == 1_234_500.0
    assert snapshot.quality is Quality.GOOD
    assert abs(snapshot.read_at_ms / 1000 - time.time()) < 10


def test_the_schedule_keeps_its_slots(server):
    configuration = Configuration(links=(tcp(server.port),), meters=(a_meter("grid"),))

    with polling(configuration) as it:
        wait_until(lambda: len(it.sink.of("grid")) >= 16)

    times = [snapshot.read_at_ms for snapshot in it.sink.of("grid")[:16]]
    assert times[15] - times[0] == pytest.approx(15 * PERIOD_S * 1000, abs=40)


def test_slots_that_a_slow_device_cannot_keep_are_counted_and_not_queued(server):
    server.delay_s = 0.06
    meters = tuple(a_meter(f"m{unit}", unit) for unit in (1, 2))
    configuration = Configuration(links=(tcp(server.port, timeout_s=1.0),), meters=meters)

    with polling(configuration) as it:  # 4 blocks of 60 ms for a period of 100 ms
        wait_until(lambda: len(it.sink.snapshots) >= 6)
        statuses = it.field.statuses()

    for status in statuses.values():
        assert status.skipped_slots >= 2
        assert status.state is LinkState.LATE
    assert abs(len(it.sink.of("m1")) - len(it.sink.of("m2"))) <= 1


def test_a_silent_unit_is_lost_and_its_neighbour_goes_on(server, caplog):
    server.modes[2] = faults.SILENT
    meters = (a_meter("good", 1), a_meter("dead", 2))
    configuration = Configuration(links=(tcp(server.port, timeout_s=0.05),), meters=meters)

    with (
        caplog.at_level(logging.INFO, "energy_desktop.acquisition"),
        polling(configuration) as it,
    ):
        wait_until(lambda: it.state("dead") is LinkState.LOST)
        asked = server.requests[2]
        before = it.field.statuses()["good"].skipped_slots
        time.sleep(1.2)
        status = it.field.statuses()["good"]

        assert status.state is LinkState.GOOD
        assert status.failures == 0
        assert status.skipped_slots - before <= 2
        assert 1 <= server.requests[2] - asked <= 2  # one short timeout per back-off period
        lost = it.field.statuses()["dead"]
        assert lost.last_error == f"no answer in {lost.failures} tries of 0.05 s."
        assert lost.next_try_ms is not None and lost.remedy

    warnings = [r for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "unit 2" in warnings[0].getMessage()


def test_a_meter_that_falls_silent_is_lost_within_three_periods_and_try_now_brings_it_back(
    server, caplog
):
    configuration = Configuration(
        links=(tcp(server.port, timeout_s=0.2),), meters=(a_meter("grid", poll_interval_s=0.2),)
    )
    with (
        caplog.at_level(logging.INFO, "energy_desktop.acquisition"),
        polling(configuration) as it,
    ):
        wait_until(lambda: len(it.sink.of("grid")) >= 2)
        server.mode = faults.SILENT

        seen_after_s = wait_until(lambda: it.state("grid") is LinkState.LOST)
        server.mode = faults.GOOD
        it.field.try_now("grid")
        back_after_s = wait_until(lambda: it.state("grid") is LinkState.GOOD)

    assert seen_after_s <= 3 * 0.2 + 0.1
    assert back_after_s < 0.3
    (gap,) = it.gaps
    last_before = max(s.read_at_ms for s in it.sink.of("grid") if s.read_at_ms < gap.end_ms)
    assert gap.start_ms == last_before
    assert gap.end_ms in [s.read_at_ms for s in it.sink.of("grid")]
    states = [event.state for event in it.events]
    assert states[:5] == [
        LinkState.WAITING, LinkState.GOOD, LinkState.LATE, LinkState.LOST, LinkState.GOOD
    ]  # fmt: skip
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"]


def test_a_device_that_goes_and_comes_back_is_found_again_by_itself():
    with FaultyTcpServer(floats(SDM120_VALUES)) as first:
        port = first.port
        configuration = Configuration(links=(tcp(port),), meters=(a_meter("a", 1), a_meter("b", 2)))
        watched = Watched()
        watched.field.reconfigure(configuration)
        watched.field.start()
        wait_until(lambda: watched.state("b") is LinkState.GOOD)
    wait_until(lambda: all(watched.state(m) is LinkState.LOST for m in "ab"))
    assert "refused" in watched.field.statuses()["a"].last_error.lower()

    with FaultyTcpServer(floats(SDM120_VALUES), port=port):
        wait_until(lambda: all(watched.state(m) is LinkState.GOOD for m in "ab"), within_s=8.0)
        assert watched.field.stop()

    assert {gap.meter_id for gap in watched.gaps} == {"a", "b"}


def test_a_refusal_is_misconfigured_and_not_hammered(server):
    server.exceptions[1] = 2
    configuration = Configuration(links=(tcp(server.port),), meters=(a_meter("grid"),))

    with polling(configuration) as it:
        wait_until(lambda: it.state("grid") is LinkState.MISCONFIGURED)
        time.sleep(5 * PERIOD_S)

        assert server.requests[1] == 1
        assert "no such registers" in it.field.statuses()["grid"].last_error


def test_a_busy_meter_is_asked_again_soon(server):
    server.exceptions[1] = 6
    configuration = Configuration(links=(tcp(server.port),), meters=(a_meter("grid"),))

    with polling(configuration) as it:
        wait_until(lambda: server.requests[1] >= 2)
        del server.exceptions[1]
        wait_until(lambda: it.state("grid") is LinkState.GOOD)

        assert it.field.statuses()["grid"].failures == 0


def test_a_unit_that_the_gateway_cannot_reach_concerns_only_that_unit(server):
    server.exceptions[9] = 11
    meters = (a_meter("near", 1), a_meter("far", 9))
    configuration = Configuration(links=(tcp(server.port),), meters=meters)

    with polling(configuration) as it:
        wait_until(lambda: it.state("far") is LinkState.LOST)

        assert it.field.statuses()["near"].failures == 0
        assert server.connections == 1
        assert "gateway" in it.field.statuses()["far"].last_error


def test_reconfiguring_does_not_disturb_unchanged_meters(server):
    kept, changed, gone = a_meter("kept", 1), a_meter("changed", 2), a_meter("gone", 3)
    first = Configuration(links=(tcp(server.port),), meters=(kept, changed, gone))
    with polling(first) as it:
        wait_until(lambda: all(len(it.sink.of(m)) >= 2 for m in ("kept", "changed", "gone")))
        connections = server.connections

        it.field.reconfigure(
            Configuration(
                links=first.links,
                meters=(
                    replace(kept, name="Kept, renamed"),
                    replace(changed, ct_ratio=10.0),
                    a_meter("new", 4),
                ),
            )
        )
        wait_until(lambda: len(it.sink.of("new")) >= 2)
        wait_until(lambda: it.sink.of("changed")[-1].value("power_w") == 9500.0)
        polls = it.field.statuses()["kept"].polls
        silent_since = len(it.sink.of("gone"))
        wait_until(lambda: it.field.statuses()["kept"].polls >= polls + 2)

        assert server.connections == connections
        assert set(it.field.statuses()) == {"kept", "changed", "new"}
        assert len(it.sink.of("gone")) == silent_since
        assert [e.state for e in it.events if e.meter_id == "kept"] == [
            LinkState.WAITING,
            LinkState.GOOD,
        ]
        times = [s.read_at_ms for s in it.sink.of("kept")]
        assert max(b - a for a, b in pairwise(times)) < 2.5 * PERIOD_S * 1000


def test_a_meter_whose_driver_is_missing_says_so_and_works_once_its_file_is_there(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr("energy_desktop.acquisition.field.DRIVER_CHECK_S", 0.1)
    configuration = Configuration(
        links=(tcp(server.port),), meters=(a_meter("own", driver_id="own_model"),)
    )
    with polling(configuration, tmp_path) as it:
        assert it.state("own") is LinkState.MISCONFIGURED
        assert "own_model" in it.field.statuses()["own"].last_error

        driver = tmp_path / "own_model.toml"
        driver.write_text('id = "own_model"\n[quantities]\nvoltage_v = { address = 0 }\n')
        wait_until(lambda: len(it.sink.of("own")) >= 1)
        assert it.sink.of("own")[0].values == (230.5,)

        driver.write_text('id = "own_model"\n[quantities]\npower_w = { address = 12 }\n')
        wait_until(lambda: it.sink.of("own")[-1].value("power_w") == 950.0)


def test_a_fault_in_the_sink_is_logged_and_ends_no_poll(server, caplog):
    configuration = Configuration(links=(tcp(server.port),), meters=(a_meter("grid"),))
    watched = Watched()
    original, calls = watched.sink.put, []

    def put(snapshot):
        calls.append(snapshot)
        if len(calls) == 1:
            raise RuntimeError("full")
        original(snapshot)

    watched.sink.put = put
    watched.field.reconfigure(configuration)
    watched.field.start()
    wait_until(lambda: watched.state("grid") is LinkState.GOOD)
    watched.field.stop()

    assert "RuntimeError: full" in caplog.text


def test_stopping_ends_the_thread_reports_open_gaps_and_says_stopped(server):
    server.modes[2] = faults.SILENT
    configuration = Configuration(
        links=(tcp(server.port, timeout_s=0.05),), meters=(a_meter("a", 1), a_meter("b", 2))
    )
    threads = threading.active_count()
    watched = Watched()
    watched.field.reconfigure(configuration)
    watched.field.start()
    wait_until(lambda: watched.state("b") is LinkState.LOST)

    assert watched.field.stop()

    assert threading.active_count() == threads
    assert {s.state for s in watched.field.statuses().values()} == {LinkState.STOPPED}
    assert [gap.meter_id for gap in watched.gaps] == ["b"]
    watched.field.start()
    wait_until(lambda: watched.state("a") is LinkState.GOOD)
    assert watched.field.stop()


def test_a_trial_read_gives_values_and_remarks(server):
    watched = Watched()

    reading = watched.field.read_once(tcp(server.port), "eastron_sdm120", 1)

    assert reading.values["voltage_v"] == 230.5
    assert (reading.missing, reading.remarks) == ((), ())
    assert reading.round_trip_ms > 0


def test_a_trial_read_names_the_word_order_that_would_be_right(server, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(
        'id = "wrong"\ndefaults = { word_order = "CDAB" }\n[quantities]\n'
        "voltage_v = { address = 0 }\nfrequency_hz = { address = 70 }\n"
    )
    watched = Watched(tmp_path)

    reading = watched.field.read_once(tcp(server.port), "wrong", 1)

    assert any("word order ABCD" in remark for remark in reading.remarks)


def test_a_trial_read_shares_the_connection_that_already_polls(server):
    configuration = Configuration(links=(tcp(server.port),), meters=(a_meter("grid"),))

    with polling(configuration) as it:
        wait_until(lambda: it.state("grid") is LinkState.GOOD)
        reading = it.field.read_once(tcp(server.port, "another"), "eastron_sdm120", 7)

        assert reading.values["power_w"] == 950.0
        assert server.connections == 1


def test_a_trial_read_fails_in_words(server):
    watched = Watched()
    server.modes[1] = faults.SILENT
    server.exceptions[2] = 2

    with pytest.raises(MeterUnreachable, match=r"SDM120-Modbus, 127.0.0.1:.* no answer within"):
        watched.field.read_once(tcp(server.port), "eastron_sdm120", 1)
    with pytest.raises(MeterAnswerWrong, match="no such registers"):
        watched.field.read_once(tcp(server.port), "eastron_sdm120", 2)
    with pytest.raises(NotFound):
        watched.field.read_once(tcp(server.port), "no_such_driver", 2)


def test_a_written_register_is_read_back_and_nonsense_refused(server):
    watched = Watched()

    assert watched.field.write_register(tcp(server.port), 1, 20, 300) == 300
    assert server.written == {(1, 20): 300}
    with pytest.raises(WrongUse):
        watched.field.write_register(tcp(server.port), 1, 20, 70_000)


def test_a_kind_of_link_without_a_row_is_refused_in_words_and_disturbs_nobody(server, monkeypatch):
    monkeypatch.delitem(links._TASKS, LinkKind.MODBUS_RTU)
    unread = Link("unread", LinkKind.MODBUS_RTU, device="/dev/ttyS9")
    configuration = Configuration(
        links=(unread, tcp(server.port)), meters=(a_meter("b", link_id="unread"), a_meter("a"))
    )

    with polling(configuration) as watched:
        wait_until(lambda: watched.state("a") is LinkState.GOOD)
        status = watched.field.statuses()["b"]

    assert status.state is LinkState.MISCONFIGURED
    assert "Modbus RTU cannot be read by this version" in status.last_error
    assert status.remedy

"""Row 38: what an MQTT broker may bring. No invented reading, none twice, back within 5 s."""

import json
import threading
import time
from pathlib import Path

import pytest

from energy_desktop.acquisition.field import Field
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.domain.snapshot import LinkState
from tests.support.certificates import Authority
from tests.support.mqtt_broker import LoopBroker, Publisher, a_broker

pytestmark = pytest.mark.timed

DRIVER = """
id = "one_topic"
protocol = "mqtt"
manufacturer = "Test"
models = ["Test"]
source = "test"
[quantities]
power_w = { reference = "meters/{address}/state", path = "power" }
energy_import_wh = { reference = "meters/{address}/state", path = "energy.total", scale = 1000 }
voltage_v = { reference = "meters/{address}/voltage" }
"""


class Site_:
    """A field that listens to a broker, and all it told."""

    def __init__(self, broker: LoopBroker, folder: Path, interval_s=60.0, **link) -> None:
        (folder / "one_topic.toml").write_text(DRIVER)
        self.snapshots, self.broker = [], broker
        passwords = link.pop("passwords", {})
        self.link = Link("mqtt", LinkKind.MQTT, host="127.0.0.1", port=broker.port, **link)
        self.field = Field(ProfileLibrary([folder]), self, password=passwords.get)
        self.field.reconfigure(
            Configuration(
                site=Site("S", "UTC"),
                links=(self.link,),
                meters=tuple(
                    Meter(name, name, "one_topic", "mqtt", address=name, poll_interval_s=interval_s)
                    for name in ("hall", "roof")
                ),
            )
        )
        self.field.start()

    def put(self, snapshot) -> None:
        self.snapshots.append(snapshot)

    def words(self) -> list[str]:
        return [frame.meaning for frame in self.field.frames("mqtt")]

    def wait(self, condition, seconds=5.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"it did not happen: {self.words()}"
            time.sleep(0.01)

    def wait_connected(self) -> None:
        self.wait(lambda: any("connected to the broker" in w for w in self.words()), 10)
        time.sleep(0.3)  # the subscription is confirmed


@pytest.fixture
def broker():
    with a_broker() as running:
        yield running


@pytest.fixture
def site(broker, tmp_path):
    made = Site_(broker, tmp_path)
    yield made
    made.field.stop()


@pytest.fixture
def device(broker):
    made = Publisher(broker.port)
    yield made
    made.close()


def now_s() -> float:
    return time.time()


def test_a_message_becomes_a_reading_of_the_quantities_it_holds(site, device):
    site.wait_connected()

    device.send("meters/hall/state", json.dumps({"power": 812.5, "energy": {"total": 12.345}}))
    device.send("meters/hall/voltage", "229.9")

    site.wait(lambda: len(site.snapshots) == 2)
    state, voltage = site.snapshots
    assert state.meter_id == "hall" and state.value("power_w") == 812.5
    assert state.value("energy_import_wh") == 12_345.0
    assert "voltage_v" not in state.layout.index and voltage.value("voltage_v") == 229.9
    assert state.layout.whole == voltage.layout.whole
    assert site.field.statuses()["hall"].state is LinkState.GOOD


@pytest.mark.parametrize(
    "payload",
    [
        *("{", "not json", "[1, 2", "{}", "[" * 50_000),
        *('{"power": NaN}', '{"power": null}', '{"power": "a lot"}', '{"power": true}'),
    ],
    ids=lambda p: p[:12],
)
def test_a_message_that_is_no_reading_is_counted_and_left(site, device, payload):
    site.wait_connected()

    device.send("meters/hall/state", payload)
    device.send("meters/hall/state", '{"power": 5}')

    site.wait(lambda: site.snapshots)
    assert [s.value("power_w") for s in site.snapshots] == [5.0]
    (statistics,) = site.field.bus_statistics()
    assert sum(e.times for e in statistics.errors) == 1


def test_a_value_that_cannot_be_is_set_aside_for_review(site, device):
    site.wait_connected()

    device.send("meters/hall/voltage", "-40")

    site.wait(lambda: site.snapshots)
    assert [(r.quantity, r.value) for r in site.snapshots[0].rejected] == [("voltage_v", -40.0)]
    assert site.snapshots[0].value("voltage_v") != site.snapshots[0].value("voltage_v")


def test_a_retained_value_without_a_time_is_no_reading(broker, device, tmp_path):
    device.send("meters/hall/state", '{"power": 999}', retain=True)
    site = Site_(broker, tmp_path)
    try:
        site.wait(lambda: any("it bears no time" in w for w in site.words()), 10)
        device.send("meters/hall/state", '{"power": 5}')
        site.wait(lambda: site.snapshots)
    finally:
        site.field.stop()

    assert [s.value("power_w") for s in site.snapshots] == [5.0]


def test_a_retained_value_with_a_time_is_stored_at_that_time_and_is_not_the_present(
    broker, device, tmp_path
):
    at = now_s() - 7200
    device.send("meters/hall/state", json.dumps({"power": 999, "ts": at}), retain=True)
    site = Site_(broker, tmp_path)
    try:
        site.wait(lambda: site.snapshots, 10)
        state = site.field.statuses()["hall"].state
    finally:
        site.field.stop()

    (snapshot,) = site.snapshots
    assert snapshot.late and snapshot.read_at_ms == round(at * 1000)
    assert state is LinkState.WAITING


def test_a_reading_that_comes_twice_is_taken_once(site, device):
    site.wait_connected()
    message = json.dumps({"power": 5, "ts": round(now_s(), 3)})

    for _ in range(3):
        device.send("meters/hall/state", message)
    device.send("meters/hall/state", json.dumps({"power": 6}))

    site.wait(lambda: any(s.value("power_w") == 6 for s in site.snapshots))
    assert [s.value("power_w") for s in site.snapshots] == [5.0, 6.0]


def test_two_topics_in_one_moment_do_not_hide_each_other(site, device):
    site.wait_connected()
    at = round(now_s(), 3)

    device.send("meters/hall/state", json.dumps({"power": 5, "ts": at}))
    device.send("meters/hall/voltage", "230")

    site.wait(lambda: len(site.snapshots) == 2)
    assert len({s.read_at_ms for s in site.snapshots}) == 2


@pytest.mark.parametrize("days", [-29, -20_000, 1, 4_000])
def test_a_message_of_a_wrong_clock_is_left_with_the_reason(site, device, days):
    site.wait_connected()

    device.send("meters/hall/state", json.dumps({"power": 5, "ts": now_s() + days * 86_400}))

    site.wait(lambda: any("is its clock set" in w for w in site.words()) or site.snapshots)
    # A number too small for a date of this century is no time at all.
    taken = [s.value("power_w") for s in site.snapshots]
    assert taken == ([5.0] if now_s() + days * 86_400 < 1e9 else [])


def test_a_topic_of_another_tenant_is_never_a_reading_of_ours(site, device):
    site.wait_connected()

    for topic in ("meters/other/state", "meters/hall/state/x", "meters/hall", "METERS/hall/state"):
        device.send(topic, '{"power": 666}')
    device.send("meters/roof/state", '{"power": 5}')

    site.wait(lambda: site.snapshots)
    assert [(s.meter_id, s.value("power_w")) for s in site.snapshots] == [("roof", 5.0)]


@pytest.mark.parametrize("address", ["#", "+", "a/+/b", ""])
def test_an_address_that_would_listen_to_everybody_is_refused_in_words(broker, tmp_path, address):
    (tmp_path / "one_topic.toml").write_text(DRIVER)
    field = Field(ProfileLibrary([tmp_path]), type("Sink", (), {"put": lambda *_: None})())
    link = Link("mqtt", LinkKind.MQTT, host="127.0.0.1", port=broker.port)
    meter = Meter("m", "M", "one_topic", "mqtt", address=address)
    field.reconfigure(Configuration(site=Site("S", "UTC"), links=(link,), meters=(meter,)))
    field.start()
    try:
        status = field.statuses()["m"]
    finally:
        field.stop()

    assert status.state is LinkState.MISCONFIGURED
    assert "cannot stand in the topic" in status.last_error


def test_after_a_restart_of_the_broker_readings_come_again_within_5_s(broker, tmp_path):
    site = Site_(broker, tmp_path)
    try:
        site.wait_connected()
        broker.stop()
        site.wait(lambda: any("broker" in w and "ended" in w for w in site.words()), 10)
        time.sleep(2.0)
        broker.start()
        device, back = Publisher(broker.port), time.monotonic()
        try:
            while not site.snapshots:
                device.send("meters/hall/state", '{"power": 5}')
                time.sleep(0.1)
                assert time.monotonic() - back < 8.0, site.words()
            took_s = time.monotonic() - back
        finally:
            device.close()
    finally:
        site.field.stop()

    assert took_s < 5.0


def test_a_broker_that_wants_a_password_gets_it_and_a_wrong_one_is_said(tmp_path):
    options = (("username", "meters"),)
    with a_broker({"meters": "s3cret"}) as broker:
        good = Site_(broker, tmp_path, options=options, passwords={"mqtt": "s3cret"})
        try:
            good.wait_connected()
        finally:
            good.field.stop()
        bad = Site_(broker, tmp_path, interval_s=0.4, options=options, passwords={"mqtt": "guess"})
        try:
            bad.wait(lambda: bad.field.statuses()["hall"].state is LinkState.LOST, 10)
            status = bad.field.statuses()["hall"]
            words = " ".join(bad.words())
        finally:
            bad.field.stop()

    assert "refused" in status.last_error or "ended the connection" in status.last_error
    assert "password" in status.remedy
    assert "s3cret" not in words and "guess" not in words


def test_over_tls_the_broker_is_believed_only_with_a_certificate_of_the_authority(tmp_path):
    ours, rogue = Authority(tmp_path, "ours"), Authority(tmp_path, "rogue")
    certificate, key = ours.sign("broker")
    tls = {"certfile": str(certificate), "keyfile": str(key), "cafile": str(ours.ca_file)}

    def heard(ca_file: Path, name: str = "") -> tuple[str, str]:
        options = (("tls", "yes"), ("ca_file", str(ca_file)), ("server_name", name))
        site = Site_(broker, tmp_path, interval_s=0.4, options=options)
        try:
            site.wait(
                lambda: (
                    any("connected to the broker" in w for w in site.words())
                    or site.field.statuses()["hall"].state is LinkState.LOST
                ),
                10,
            )
            return " ".join(site.words()), site.field.statuses()["hall"].last_error
        finally:
            site.field.stop()

    with a_broker(tls=tls) as broker:
        trusted, by_name = heard(ours.ca_file), heard(ours.ca_file, "broker")
        unknown, misnamed = heard(rogue.ca_file), heard(ours.ca_file, "other")

    assert "connected" in trusted[0] and "connected" in by_name[0]
    assert "connected" not in unknown[0] and "certificate is not trusted" in unknown[1]
    assert "connected" not in misnamed[0] and "certificate is not trusted" in misnamed[1]


def test_no_thread_is_left_when_the_link_ends(broker, tmp_path):
    before = threading.active_count()
    site = Site_(broker, tmp_path)
    site.wait_connected()

    site.field.stop()

    assert threading.active_count() == before

"""The whole program on a PostgreSQL server: polled, asked, and met by a server that is down."""

import threading
import time

import pytest

from tests.support import postgres_server
from tests.support.meter_server import POWER_W, serving_meters

SITE = """
[site]
name = "Works"
zone = "Europe/Berlin"

[[links]]
id = "gate"
kind = "modbus_tcp"
host = "127.0.0.1"
port = {port}

[[meters]]
id = "one"
name = "One"
driver = "eastron_sdm120"
link = "gate"
unit = 1
poll_interval_s = 0.5

[[meters]]
id = "two"
name = "Two"
driver = "eastron_sdm120"
link = "gate"
unit = 2
"""


@pytest.fixture(scope="module")
def server():
    made = postgres_server.own_server()
    yield made
    made.remove()


@pytest.fixture
def on_server(server, program, tmp_path, monkeypatch):
    """A site of two meters whose store is on the server."""
    server.clear()
    monkeypatch.setenv("ENERGY_DESKTOP_DATABASE_URL", server.url)
    monkeypatch.setenv("ENERGY_DESKTOP_SPILL_FOLDER", str(tmp_path))
    with serving_meters(units=2, connections=1) as (port,):
        file = tmp_path / "site.toml"
        file.write_text(SITE.format(port=port), encoding="utf-8")
        program("apply", file)
        yield program


def test_readings_are_polled_into_the_server_and_come_out_of_it(on_server, tmp_path):
    served = on_server.json("serve", "--for", 4)

    meters = on_server.json("meters")["meters"]
    rows = stored(on_server, "one", tmp_path)
    assert served["answering"] == served["meters"] == len(meters) == 2
    assert all(m["last_utc"] for m in meters)
    assert len(rows) >= 6
    assert all(f"{POWER_W:.1f}" in row for row in rows)
    assert not (on_server.site / "site.sqlite").exists()
    refused = on_server.ended("backup")
    assert refused.returncode == 3
    assert "pg_dump" in refused.stderr


def test_polling_goes_on_while_the_server_is_away_and_nothing_is_lost(on_server, server, tmp_path):
    def away():
        time.sleep(3)
        server.stop("immediate")
        time.sleep(3)
        server.start()

    thread = threading.Thread(target=away)
    thread.start()
    served = on_server.json("serve", "--for", 10)
    thread.join()

    rows = [*stored(on_server, "one", tmp_path), *stored(on_server, "two", tmp_path)]
    assert served["answering"] == 2
    assert served["failures"] == 0
    assert len(rows) == served["polls"] >= 24


def test_a_server_that_is_down_is_one_sentence_and_no_traceback(on_server, server):
    server.stop()
    ended = on_server.ended("meters")
    server.start()

    assert ended.returncode == 3
    assert "the database server does not answer" in ended.stderr
    assert "Traceback" not in ended.stderr


def stored(program, meter, folder):
    """What the store holds of a meter's power, a line each."""
    out = folder / f"{meter}.csv"
    period = ("--from", "2020-01-01T00:00:00Z", "--to", "2090-01-01T00:00:00Z")
    program("export", "--meter", meter, "--quantity", "power_w", *period, "--out", out)
    return out.read_text(encoding="utf-8").splitlines()[1:]

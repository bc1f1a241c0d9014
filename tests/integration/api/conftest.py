"""A whole engine with HTTP in switched on, on a free port of the loopback."""

import socket
from dataclasses import dataclass

import httpx
import pytest

from energy_desktop.app.engine import Engine
from energy_desktop.app.paths import SiteFolder
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.site import Link, LinkKind, Meter, Site

READING = {"energy_produced": 75.5, "energy_consumed": 62.3, "current_load": 35.8}
INTERVAL_S = 60.0


def a_meter(meter_id: str, address: str, **more) -> Meter:
    facts = {"poll_interval_s": INTERVAL_S, "driver_id": "http_sensor", "link_id": "http", **more}
    return Meter(meter_id, meter_id.title(), address=address, **facts)


def a_site(*meters: Meter, links: tuple[Link, ...] = ()) -> Configuration:
    return Configuration(
        site=Site("Works", "Europe/Berlin"),
        links=(Link("http", LinkKind.HTTP_PUSH), *links),
        meters=meters,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Door:
    """The running engine, its address and a key per tenant."""

    engine: Engine
    port: int
    roof: str  # secrets of the keys roof and shop
    shop: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, body, key=None, **more) -> httpx.Response:
        headers = {"X-API-Key": self.roof if key is None else key, **more.pop("headers", {})}
        return httpx.post(
            f"{self.url}/api/hardware/data", json=body, headers=headers, timeout=20, **more
        )

    def get(self, path, key=None) -> httpx.Response:
        headers = {"X-API-Key": self.roof if key is None else key}
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=20)

    def stored(self, meter_id: str, quantity: str = "energy_import_wh") -> list[tuple[int, float]]:
        series = self.engine.store.history.raw(meter_id, quantity, 0, 1 << 42)
        return list(zip(series.time_ms.tolist(), series.values.tolist(), strict=True))


def open_door(folder, configuration: Configuration, per_minute: int = 1000) -> Door:
    site = SiteFolder(folder)
    engine = Engine(site)
    port = free_port()
    store = engine.store.configuration
    store.replace(configuration)
    for name, value in (
        ("http_in", "on"),
        ("http_in_port", str(port)),
        ("http_in_per_minute", str(per_minute)),
    ):
        store.save_setting(f"program.{name}", value)
    roof, shop = (engine.http_in.keys.make(name).secret for name in ("roof", "shop"))
    engine.start()
    assert engine.http_in.state().trouble == ""
    return Door(engine, port, roof, shop)


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    opened = open_door(
        tmp_path_factory.mktemp("site"),
        a_site(
            a_meter("roof", "roof"),
            a_meter("annex", "roof/7"),
            a_meter("shop", "shop/1"),
        ),
    )
    yield opened
    opened.engine.stop()

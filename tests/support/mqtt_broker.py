"""An MQTT broker on the loopback, in a thread, that can be ended and begun again on its port."""

import asyncio
import contextlib
import gc
import logging
import socket
import threading
import warnings
from collections.abc import Iterator
from typing import Any


class LoopBroker:
    """amqtt, which we did not write. `start` and `stop` as often as wanted."""

    def __init__(
        self, users: dict[str, str] | None = None, tls: dict[str, str] | None = None
    ) -> None:
        """users: who may come in, with passwords. tls: certfile, keyfile and cafile."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._users = users
        self._tls = tls
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(10), "the broker did not start"

    def stop(self) -> None:
        if self._loop is not None and self._ending is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(10)
            self._loop = None
            # amqtt drops the connection of a reader who leaves during a broadcast without closing
            # it: collected here, it is not charged to the test that comes next.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()

    async def _serve(self, ready: threading.Event) -> None:
        from amqtt.broker import Broker

        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda *_: None)  # of sessions that were cut off
        plugins: dict[str, Any] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {}}
        if self._users is not None:
            plugins = {"tests.support.mqtt_broker.Users": {"users": self._users}}
        listener = {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}
        if self._tls is not None:
            listener |= {"ssl": True, **self._tls}
        broker = Broker(
            {
                "listeners": {"default": listener},
                "plugins": plugins,
            }
        )
        await broker.start()
        ready.set()
        await self._ending.wait()
        with contextlib.suppress(Exception):
            await broker.shutdown()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()


@contextlib.contextmanager
def a_broker(
    users: dict[str, str] | None = None, tls: dict[str, str] | None = None
) -> Iterator[LoopBroker]:
    broker = LoopBroker(users, tls)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Publisher:
    """A device: a client that publishes and waits until the broker has it."""

    def __init__(self, port: int, user: str = "", password: str = "") -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._client = Client(CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(user, password)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, topic: str, payload: str | bytes, *, retain: bool = False, qos: int = 1) -> None:
        self._client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _users_plugin() -> type:
    from dataclasses import dataclass, field

    from amqtt.plugins.base import BaseAuthPlugin

    class Users(BaseAuthPlugin):
        """Lets in who shows the password of its user."""

        @dataclass
        class Config:
            users: dict[str, str] = field(default_factory=dict)

        async def authenticate(self, *, session: Any) -> bool:
            known = self.config.users.get(session.username)
            return known is not None and known == session.password

    return Users


def __getattr__(name: str) -> type:
    if name == "Users":
        return _users_plugin()
    raise AttributeError(name)

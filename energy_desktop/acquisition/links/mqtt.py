"""Meters that publish to an MQTT broker: topics and paths of the driver become quantities.

The client library runs in a thread of its own and its callbacks are posted into the field's loop:
so it works where the loop cannot watch sockets (Windows), connects again by itself, and a flood of
messages is turned away here before it reaches the loop. Only topics of our own meters are
subscribed, one by one, so that nobody else's reading can be taken for one of them.

A value that the broker kept (retained) and that bears no time of its own is no reading: it may be
of last year. It is counted and left.
"""

import asyncio
import logging
import secrets
import socket
import ssl
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from energy_desktop.acquisition.driver_profile import Point
from energy_desktop.acquisition.heard_link import NO_UNIT, HeardLink, HeardMeter
from energy_desktop.acquisition.link_task import MeterOnLink, Outlets
from energy_desktop.acquisition.message_values import (
    MessageRefused,
    parse_message,
    parse_path,
    time_of,
    value_at,
)
from energy_desktop.acquisition.point_values import PointValues
from energy_desktop.acquisition.tracking import log
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.energy import DAY_MS
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.site import Link

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

KEEPALIVE_S = 15
AGAIN_AFTER_S = (1, 4)  # a broker that is back is found within 5 s
AHEAD_MS = 120_000
OLDEST_DAYS = 28
MOST_WAITING = 2_000  # messages on their way into the loop; more are counted and left


@dataclass(frozen=True, slots=True)
class _Part:
    """What one topic says of one meter."""

    heard: HeardMeter
    values: PointValues
    paths: tuple[tuple[str, tuple[str, ...]], ...]  # quantity, steps


class MqttLink(HeardLink):
    """Implements LinkTask. `message_from` and its like are called in the client's thread."""

    def __init__(self, link: Link, outlets: Outlets) -> None:
        super().__init__(link, outlets)
        self._parts: dict[str, list[_Part]] = defaultdict(list)
        self._client: Client | None = None
        self._connected = False
        self._trouble = "the broker was not reached yet."
        self._waiting = 0
        self._lock = Lock()
        self._told: set[str] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._tls: _TlsContext | None = None

    # --- meters ---------------------------------------------------------------------------------

    def added(self, heard: HeardMeter) -> None:
        meter = heard.meter
        by_topic: dict[str, list[Point]] = defaultdict(list)
        for point in meter.profile.points:
            by_topic[_topic(meter, point)].append(point)
        for topic, points in by_topic.items():
            part = _Part(
                heard,
                PointValues(meter.profile, meter.correction, points),
                tuple((point.quantity, parse_path(point.path)) for point in points),
            )
            known = topic in self._parts
            self._parts[topic].append(part)
            if not known and self._client is not None and self._connected:
                self._client.subscribe(topic, qos=1)

    def removed(self, heard: HeardMeter) -> None:
        for topic, parts in list(self._parts.items()):
            self._parts[topic] = [part for part in parts if part.heard is not heard]
            if not self._parts[topic]:
                del self._parts[topic]
                if self._client is not None and self._connected:
                    self._client.unsubscribe(topic)

    def remedy(self, meter: MeterOnLink) -> tuple[str, str]:
        if not self._connected:
            return self._trouble, (
                "Check the broker's address, port, user and password; it is tried again by itself."
            )
        topics = sorted({_topic(meter, point) for point in meter.profile.points})
        return "", (
            f"Check that the device is on, and that it publishes to {topics[0]}"
            + (f" and {len(topics) - 1} more." if len(topics) > 1 else ".")
        )

    # --- the wire -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Listens until `end` or cancelled; the client's thread ends with it."""
        try:
            try:
                password = await asyncio.to_thread(self.outlets.password, self.link.link_id)
                self._client = self._make_client(password)
                self._client.connect_async(self.link.host, self.link.port, KEEPALIVE_S)
                self._client.loop_start()
            except (OSError, ValueError, ssl.SSLError) as error:
                self._trouble = f"the connection cannot be made: {error}."
                log.warning("%s: %s", self.link.address, self._trouble)
            await super().run()
        finally:
            if self._refreshing is not None:
                self._refreshing.cancel()
            client, self._client = self._client, None
            if client is not None:
                client.disconnect()
                # Joins the client's thread, which may be in the middle of an attempt to connect.
                await asyncio.shield(asyncio.to_thread(client.loop_stop))

    def _make_client(self, password: str | None) -> "Client":
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2, client_id=_client_id(self.link))
        user = self.link.option("username")
        if user:
            client.username_pw_set(user, password)
        if self.link.option("tls") == "yes":
            self._tls = _tls_context(self.link)
            client.tls_set_context(self._tls)
        client.reconnect_delay_set(*AGAIN_AFTER_S)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.enable_logger(logging.getLogger("energy_desktop.mqtt.client"))
        logging.getLogger("energy_desktop.mqtt.client").setLevel(logging.CRITICAL)
        return client

    # In the client's thread

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        self._post(self._now_connected, "" if not reason.is_failure else str(reason))

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        why = "" if self._tls is None else self._tls.failure
        self._post(self._now_gone, why or "the broker does not answer.")

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _m: Any) -> None:
        self._post(self._now_gone, f"the broker ended the connection ({reason}).")

    def _on_message(self, _client: Any, _data: Any, message: "MQTTMessage") -> None:
        with self._lock:
            if self._waiting >= MOST_WAITING:
                self.counters.noticed(NO_UNIT, BusError.LONG_ANSWER)
                return
            self._waiting += 1
        self._post(self._message, message.topic, message.payload, message.retain)

    def _post(self, function: Any, *args: Any) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(function, *args)

    # In the field's loop

    def _now_connected(self, refusal: str) -> None:
        if refusal:
            self._now_gone(f"the broker refused the connection: {refusal}.")
            self._refreshing = self.loop.create_task(self._refresh_password())
            return
        self._connected = True
        if self._tls is not None:
            self._tls.failure = ""
        self._told.clear()
        self.log.received(b"", "connected to the broker")
        if self._client is not None and self._parts:
            self._client.subscribe([(topic, 1) for topic in self._parts])

    async def _refresh_password(self) -> None:
        """It may have been entered meanwhile: the next attempt shows what is kept now."""
        user = self.link.option("username")
        password = await asyncio.to_thread(self.outlets.password, self.link.link_id)
        if user and self._client is not None:
            self._client.username_pw_set(user, password)

    def _now_gone(self, why: str) -> None:
        if self._connected or why != self._trouble:
            self.log.noticed(BusError.NO_CONNECTION, None, why)
            self.counters.noticed(NO_UNIT, BusError.NO_CONNECTION)
        self._connected, self._trouble = False, why

    def _message(self, topic: str, payload: bytes, retained: bool) -> None:
        with self._lock:
            self._waiting -= 1
        parts = self._parts.get(topic)
        kept = " (kept by the broker)" if retained else ""
        if not parts:
            self._leave(topic, payload, "it is no topic of a meter.", BusError.WRONG_UNIT)
            return
        try:
            message = parse_message(payload)
        except MessageRefused as refusal:
            self._leave(topic, payload, str(refusal), BusError.GARBAGE)
            return
        now_ms = self.outlets.now_ms()
        stated_ms = time_of(message)
        if stated_ms is None and retained:
            self._leave(
                topic,
                payload,
                "the broker kept it, and it bears no time: it may be of any day.",
                BusError.GARBAGE,
            )
            return
        if stated_ms is not None and not (
            now_ms - OLDEST_DAYS * DAY_MS <= stated_ms <= now_ms + AHEAD_MS
        ):
            self._leave(topic, payload, "its time cannot be: is its clock set?", BusError.GARBAGE)
            return
        self.log.received(payload, f"{topic}{kept}")
        for part in parts:
            self._take_part(part, topic, message, stated_ms, now_ms)

    def _take_part(
        self, part: _Part, topic: str, message: Any, stated_ms: int | None, now_ms: int
    ) -> None:
        found = {name: value_at(message, steps) for name, steps in part.paths}
        values = {name: value for name, value in found.items() if value is not None}
        if not values:
            wanted = ", ".join(name for name, _ in part.paths)
            self._leave(topic, b"", f"it has no value for {wanted}.", BusError.SHORT_ANSWER)
            return
        heard = part.heard
        if stated_ms is not None and not heard.times.is_new(stated_ms, topic):
            self.log.received(b"", f"{topic}: the same reading again")
            return
        read_at_ms = self._own_time(heard, now_ms if stated_ms is None else stated_ms)
        late = self.is_late(heard, read_at_ms)
        self.take(
            heard,
            part.values.snapshot(heard.meter.meter_id, read_at_ms, values, late=late),
        )

    def _own_time(self, heard: HeardMeter, at_ms: int) -> int:
        """A time that no other part of this meter has: two topics may come in one millisecond."""
        while not heard.times.is_new(at_ms):
            at_ms += 1
        return at_ms

    def _leave(self, topic: str, payload: bytes, why: str, error: BusError) -> None:
        """A message that is no reading: kept in the frame log, counted, told once."""
        self.log.received(payload[:2_000], f"{topic}: {why}", error=error)
        self.counters.noticed(NO_UNIT, error)
        if topic not in self._told and len(self._told) < MOST_WAITING:
            self._told.add(topic)
            log.warning("%s, topic %s: a message was left: %s", self.link.address, topic, why)


def _topic(meter: MeterOnLink, point: Point) -> str:
    """The point's topic for this meter. Raises WrongUse for an address that is none."""
    address = meter.track.meter.address
    if "{address}" not in point.reference:
        return point.reference
    if not address or any(sign in address for sign in "+#\0"):
        raise WrongUse(
            where=meter.track.meter.name,
            what=f"{address!r} cannot stand in the topic {point.reference}.",
            remedy="Write the device's own part of the topic as the meter's address, without + "
            "and #.",
        )
    return point.reference.replace("{address}", address)


def _client_id(link: Link) -> str:
    """Two programs of one id would throw each other out for ever, so it ends at random."""
    named = link.option("client_id")
    return named or f"energy_desktop-{socket.gethostname()[:20]}-{secrets.token_hex(4)}"


class _TlsContext(ssl.SSLContext):
    """Checks the certificate against another name than the host's where one is given, and keeps
    why a handshake failed: the client library tells only that it did."""

    name: str = ""
    failure: str = ""

    def wrap_socket(self, *args: Any, **named: Any) -> ssl.SSLSocket:
        if self.name:
            named["server_hostname"] = self.name
        return super().wrap_socket(*args, **named)


class _TlsSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError as error:
            why = f"the encrypted connection failed ({error})."
            if isinstance(error, ssl.SSLCertVerificationError):
                said = error.verify_message.rstrip(".")
                why = f"the broker's certificate is not trusted ({said})."
            _keep_failure(self, why)
            self.close()  # the client library leaves it open
            raise


def _keep_failure(wrapped: ssl.SSLSocket, why: str) -> None:
    if isinstance(wrapped.context, _TlsContext):
        wrapped.context.failure = why


def _tls_context(link: Link) -> _TlsContext:
    """Raises OSError for a file that cannot be used."""
    context = _TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _TlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.name = link.option("server_name")
    ca_file = link.option("ca_file")
    if ca_file:
        context.load_verify_locations(ca_file)
    else:
        context.load_default_certs()
    certificate = link.option("certificate_file")
    if certificate:
        key = link.option("key_file")
        context.load_cert_chain(Path(certificate), Path(key) if key else None)
    return context

"""Row 36: a man in the middle, or a certificate that does not hold, at Modbus/TCP Security.

Whoever refuses, the sentence says which side it was and why, and nothing was read.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
import warnings

import pytest

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.domain.site import Link, LinkKind
from tests.faults.certificates import Authority, Signed
from tests.faults.modbus_tcp_server import word
from tests.faults.wire import expected

TIMEOUT_S = 2.0
REQUEST = ReadRequest(3, 4, 10, 4)


@pytest.fixture
def ours(tmp_path):
    return Authority(tmp_path, "works-authority")


@pytest.fixture
def rogue(tmp_path):
    return Authority(tmp_path, "rogue-authority")


class TlsDevice:
    """A device on blocking sockets: OpenSSL then sends its alert before it hangs up, as devices do.

    asyncio, as a server, closes without a word. tls None: it does not speak TLS.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.requests = 0
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="TLS device")

    def __enter__(self) -> "TlsDevice":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return  # the test is over
            plain.settimeout(3)
            with plain, contextlib.suppress(OSError):
                if self._tls is None:
                    self._answer(plain)
                else:
                    with self._tls.wrap_socket(plain, server_side=True) as wire:
                        self._answer(wire)

    def _answer(self, wire: socket.socket) -> None:
        while len(request := wire.recv(100)) == 12:
            tid, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", request)
            self.requests += 1
            words = [word(unit, a) for a in range(address, address + count)]
            head = struct.pack(">HHHBBB", tid, 0, 3 + 2 * count, unit, function, 2 * count)
            wire.sendall(head + struct.pack(f">{count}H", *words))


def device(shown: Signed, trusts: Authority | None) -> ssl.SSLContext:
    """What a device shows, and whose clients it lets in; None: anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    if trusts is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(trusts.file)
    return context


def link_to(server: TlsDevice, authority: Authority, shown: Signed | None) -> Link:
    options = [("ca_file", str(authority.file))]
    if shown is not None:
        options += [("certificate_file", str(shown.certificate)), ("key_file", str(shown.key))]
    return Link(
        "tls",
        LinkKind.MODBUS_TLS,
        host="127.0.0.1",
        port=server.port,
        timeout_s=TIMEOUT_S,
        options=tuple(options),
    )


def read(link: Link) -> bytes | RequestFailed:
    async def work() -> bytes | RequestFailed:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        connection = connect_to(link)
        try:
            return await connection.read(REQUEST)
        except RequestFailed as failure:
            return failure
        finally:
            await connection.close()
            await asyncio.sleep(0.05)  # TLS says good-bye before it closes

    return asyncio.run(work())


def refusal(server: TlsDevice, link: Link) -> RequestFailed:
    """Fails unless it came within the timeout and before any request reached the device."""
    began_s = time.monotonic()
    failure = read(link)
    assert isinstance(failure, RequestFailed)
    assert time.monotonic() - began_s < TIMEOUT_S - 0.5
    assert failure.kind is FailureKind.NO_CONNECTION
    assert server.requests == 0
    return failure


def test_row_36_with_certificates_on_both_sides_registers_are_read(ours):
    tls = device(ours.sign("device"), trusts=ours)

    with TlsDevice(tls) as server:
        assert read(link_to(server, ours, ours.sign("program"))) == expected(REQUEST)


def test_row_36_without_a_certificate_of_ours_the_device_refuses(ours):
    tls = device(ours.sign("device"), trusts=ours)

    with TlsDevice(tls) as server:
        failure = refusal(server, link_to(server, ours, None))

    assert "refuses us: it asks for a certificate" in failure.what
    assert "Enter our certificate" in failure.remedy


def test_row_36_a_certificate_of_ours_from_a_strange_authority_is_refused_by_the_device(
    ours, rogue
):
    tls = device(ours.sign("device"), trusts=ours)

    with TlsDevice(tls) as server:
        failure = refusal(server, link_to(server, ours, rogue.sign("program")))

    assert "refuses us: our certificate comes from an authority that it does not trust" in (
        failure.what
    )


def test_row_36_an_expired_certificate_of_ours_is_refused_by_the_device(ours):
    tls = device(ours.sign("device"), trusts=ours)

    with TlsDevice(tls) as server:
        failure = refusal(server, link_to(server, ours, ours.sign("program", days=-3)))

    assert "our certificate has expired" in failure.what


def test_row_36_a_device_with_a_rogue_certificate_is_refused_by_us(ours, rogue):
    tls = device(rogue.sign("device"), trusts=None)

    with TlsDevice(tls) as server:
        failure = refusal(server, link_to(server, ours, ours.sign("program")))

    assert "this program refuses" in failure.what
    assert "an authority that is not trusted here" in failure.what


def test_row_36_a_device_with_an_expired_certificate_is_refused_by_us(ours):
    tls = device(ours.sign("device", days=-3), trusts=ours)

    with TlsDevice(tls) as server:
        failure = refusal(server, link_to(server, ours, ours.sign("program")))

    assert "its certificate has expired" in failure.what


def test_row_36_a_device_that_bears_another_name_is_refused_by_us(ours):
    tls = device(ours.sign("device", address="127.0.0.2"), trusts=ours)

    with TlsDevice(tls) as server:
        failure = refusal(server, link_to(server, ours, ours.sign("program")))

    assert "another address" in failure.what


def test_row_36_a_device_that_speaks_an_old_tls_is_refused(ours):
    tls = device(ours.sign("device"), trusts=ours)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = ssl.TLSVersion.TLSv1
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")

    with TlsDevice(tls) as server:
        failure = refusal(server, link_to(server, ours, ours.sign("program")))

    assert "older TLS than 1.2" in failure.what


def test_row_36_a_device_without_tls_is_told_as_such(ours):
    with TlsDevice(None) as server:
        link = link_to(server, ours, ours.sign("program"))
        failure = read(link)

    assert isinstance(failure, RequestFailed)
    assert server.requests == 0
    assert "TLS" in failure.what or "no connection" in failure.what

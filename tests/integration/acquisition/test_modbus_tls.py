"""Modbus/TCP Security: right certificates read, and each refusal says which side, and why."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pymodbus.server import ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import ReadRequest
from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.domain.site import Link, LinkKind
from tests.faults.modbus_tcp_server import word
from tests.support.certificates import Authority

QUESTION = ReadRequest(1, 3, 0, 4)
ANSWER = b"".join(word(1, a).to_bytes(2, "big") for a in range(4))


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


def server_context(authority: Authority, own: tuple[Path, Path]) -> ssl.SSLContext:
    """A device that demands a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    return context


def link_to(port: int, authority: Authority, own: tuple[Path, Path] | None, **more: str) -> Link:
    files = {"ca_file": str(authority.ca_file)} | more
    if own is not None:
        files |= {"certificate_file": str(own[0]), "key_file": str(own[1])}
    return Link(
        "tls",
        LinkKind.MODBUS_TLS,
        host="127.0.0.1",
        port=port,
        timeout_s=1.0,
        options=tuple(files.items()),
    )


def serve(stream: socket.socket) -> None:
    """Answers each read as a device does."""
    while head := stream.recv(7):
        stream.recv(int.from_bytes(head[4:6], "big") - 1)
        body = bytes([3, len(ANSWER)]) + ANSWER
        stream.sendall(head[:4] + (len(body) + 1).to_bytes(2, "big") + head[6:] + body)


def close_at_the_first_question(stream: socket.socket) -> None:
    stream.recv(12)


def ask(
    context: ssl.SSLContext | None,
    make_link: Callable[[int], Link],
    talk: Callable[[socket.socket], None] = serve,
) -> bytes | RequestFailed:
    """What one read gives from a device behind this context; None: it does not speak TLS.

    The device is a thread with a blocking socket: asyncio's server tells nobody why it refuses.
    """

    def device() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as plain:
            plain.settimeout(3.0)
            if context is None:
                talk(plain)
                return
            with context.wrap_socket(plain, server_side=True) as stream:
                talk(stream)

    async def read() -> bytes | RequestFailed:
        connection = connect_to(make_link(listener.getsockname()[1]))
        try:
            return await connection.read(QUESTION)
        except RequestFailed as failure:
            return failure
        finally:
            await connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        thread = threading.Thread(target=device)
        thread.start()
        answer = asyncio.run(read())
        thread.join(5)
    return answer


def words_of(answer: bytes | RequestFailed) -> str:
    assert isinstance(answer, RequestFailed)
    assert answer.kind is FailureKind.NO_CONNECTION
    assert answer.remedy
    return answer.what


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_registers_are_read_when_both_sides_trust_each_other(authority, version):
    context = server_context(authority, authority.sign("device"))
    context.minimum_version = context.maximum_version = version
    own = authority.sign("program")

    answer = ask(context, lambda port: link_to(port, authority, own))

    assert answer == ANSWER


def test_registers_are_read_from_a_pymodbus_tls_server(authority):
    own = authority.sign("program")

    async def work() -> bytes:
        context = server_context(authority, authority.sign("device"))
        data = SimData(0, values=[word(1, a) for a in range(9)], datatype=DataType.REGISTERS)
        server = ModbusTlsServer(SimDevice(1, [data]), address=("127.0.0.1", 0), sslctx=context)
        await server.listen()
        connection = connect_to(
            link_to(server.transport.sockets[0].getsockname()[1], authority, own)
        )
        try:
            return await connection.read(QUESTION)
        finally:
            await connection.close()
            await server.shutdown()

    assert asyncio.run(work()) == ANSWER


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_without_a_certificate_the_device_refuses_us(authority, version):
    context = server_context(authority, authority.sign("device"))
    context.minimum_version = context.maximum_version = version

    words = words_of(ask(context, lambda port: link_to(port, authority, None)))

    assert "refuses us: it asks for a certificate" in words


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_of_a_rogue_authority_is_refused_by_the_device(authority, version, tmp_path):
    (tmp_path / "rogue").mkdir()
    own = Authority(tmp_path / "rogue", "Rogue").sign("program")
    context = server_context(authority, authority.sign("device"))
    context.minimum_version = context.maximum_version = version

    words = words_of(ask(context, lambda port: link_to(port, authority, own)))

    assert "refuses us: our certificate comes from an authority that it does not trust" in words


def test_our_expired_certificate_is_refused_by_the_device(authority):
    own = authority.sign("program", days=(-2, -1))
    context = server_context(authority, authority.sign("device"))

    words = words_of(ask(context, lambda port: link_to(port, authority, own)))

    assert "refuses us: our certificate has expired" in words


@pytest.mark.parametrize(
    ("days", "why"), [((-2, -1), "its certificate has expired"), ((1, 2), "is not valid yet")]
)
def test_a_device_whose_certificate_is_out_of_date_is_refused_by_us(authority, days, why):
    context = server_context(authority, authority.sign("device", days=days))
    own = authority.sign("program")

    words = words_of(ask(context, lambda port: link_to(port, authority, own)))

    assert words.startswith("this program refuses 127.0.0.1:")
    assert why in words


def test_a_device_of_a_rogue_authority_is_refused_by_us(authority, tmp_path):
    (tmp_path / "rogue").mkdir()
    context = server_context(authority, Authority(tmp_path / "rogue", "Rogue").sign("device"))
    own = authority.sign("program")

    words = words_of(ask(context, lambda port: link_to(port, authority, own)))

    assert "this program refuses" in words
    assert "an authority that is not trusted here" in words


def test_a_device_under_another_name_is_refused_by_us_unless_the_name_is_entered(authority):
    context = server_context(authority, authority.sign("device", address="127.0.0.2"))
    own = authority.sign("program")

    words = words_of(ask(context, lambda port: link_to(port, authority, own)))
    answer = ask(context, lambda port: link_to(port, authority, own, server_name="device"))

    assert "its certificate bears another address" in words
    assert answer == ANSWER


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_a_device_that_speaks_only_old_tls_is_refused(authority):
    context = server_context(authority, authority.sign("device"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    own = authority.sign("program")

    words = words_of(ask(context, lambda port: link_to(port, authority, own)))

    assert "older TLS than 1.2" in words


def test_a_device_without_tls_is_told_from_one_that_refuses(authority):
    own = authority.sign("program")

    def answer_as_modbus(stream: socket.socket) -> None:
        stream.recv(4096)
        stream.sendall(b"\0\0\0\0\0\3\1\203\1")

    words = words_of(ask(None, lambda port: link_to(port, authority, own), answer_as_modbus))

    assert "does not speak TLS" in words


def test_a_device_that_closes_after_the_handshake_is_suspected_of_refusing(authority):
    context = server_context(authority, authority.sign("device"))
    own = authority.sign("program")

    words = words_of(
        ask(context, lambda port: link_to(port, authority, own), close_at_the_first_question)
    )

    assert "closed the connection after the handshake" in words


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda cert, key, other: (cert.unlink(), None)[1], "does not exist"),
        (lambda cert, key, other: cert.write_text("nothing"), "cannot be read"),
        (lambda cert, key, other: key.write_bytes(other.read_bytes()), "does not belong to"),
    ],
    ids=["missing", "no certificate", "other key"],
)
def test_a_file_of_ours_that_cannot_be_used_is_named(authority, spoil, why):
    own, other = authority.sign("program"), authority.sign("other")
    spoil(*own, other[1])

    words = words_of(ask(None, lambda port: link_to(port, authority, own)))

    assert why in words
    assert "program.crt" in words or "program.key" in words


def test_an_authority_file_without_a_certificate_is_named(authority):
    authority.ca_file.write_text("nothing")

    words = words_of(ask(None, lambda port: link_to(port, authority, None)))

    assert f"{authority.ca_file} holds no certificate" in words


def test_a_server_that_refuses_without_a_word_is_told_so(authority, tmp_path):
    (tmp_path / "rogue").mkdir()
    own = Authority(tmp_path / "rogue", "Rogue").sign("program")

    async def work() -> bytes | RequestFailed:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the refused end
        context = server_context(authority, authority.sign("device"))
        device = SimDevice(1, [SimData(0, values=[1], datatype=DataType.REGISTERS)])
        server = ModbusTlsServer(device, address=("127.0.0.1", 0), sslctx=context)
        await server.listen()
        port = server.transport.sockets[0].getsockname()[1]
        connection = connect_to(link_to(port, authority, own))
        try:
            return await connection.read(QUESTION)
        except RequestFailed as failure:
            return failure
        finally:
            await connection.close()
            await server.shutdown()

    words = words_of(asyncio.run(work()))

    assert "without a word" in words

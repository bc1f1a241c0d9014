"""Modbus/TCP Security: Modbus TCP inside TLS, where each side shows the other a certificate.

Either side may refuse the other, and a technician must know which one did and why, because the
remedy lies at the other end each time. With TLS 1.3 our handshake is over before the device has
looked at our certificate: its refusal arrives afterwards, as the reason why the connection ends.
Some servers (asyncio's among them) close without telling the reason at all.

Certificates are read from their files at each opening, so that renewed ones are used without a
restart.
"""

import asyncio
import contextlib
import ssl
from functools import partial
from pathlib import Path
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient

from energy_desktop.acquisition.links.failure import FailureKind, RequestFailed
from energy_desktop.acquisition.links.modbus_tcp import ModbusTcpConnection
from energy_desktop.domain.site import Link

VERDICT_S = 0.1
"""After the handshake the device judges our certificate. A question sent meanwhile would meet a
closed socket, and the answer to that takes the device's reason from the line."""

_OURS = "Have a certificate signed by the authority that the device trusts, and enter it here."
_THEIRS = "Have the device's certificate renewed, or enter the authority that signed it."

_REFUSED_BY_US = {  # X509_V_ERR_... of OpenSSL
    9: ("its certificate is not valid yet", "Check the clocks of both sides."),
    10: ("its certificate has expired", "Have the device's certificate renewed."),
    18: ("its certificate is signed by itself only", _THEIRS),
    19: ("its certificate comes from an authority that is not trusted here", _THEIRS),
    20: ("its certificate comes from an authority that is not trusted here", _THEIRS),
    21: ("its certificate comes from an authority that is not trusted here", _THEIRS),
    23: ("its certificate was revoked", _THEIRS),
    26: ("its certificate is not meant for a server", "Have one made for a server."),
    62: ("its certificate bears another name", "Enter the name that stands in the certificate."),
    64: (
        "its certificate bears another address",
        "Enter the name or address that stands in the certificate.",
    ),
}

_REFUSED_BY_DEVICE = {  # alerts of RFC 8446, section 6, as OpenSSL names them
    "CERTIFICATE_REQUIRED": "it asks for a certificate, and none was shown",
    "HANDSHAKE_FAILURE": "it asks for a certificate or a cipher that was not offered",
    "UNKNOWN_CA": "our certificate comes from an authority that it does not trust",
    "BAD_CERTIFICATE": "it does not accept our certificate",
    "CERTIFICATE_UNKNOWN": "it does not accept our certificate",
    "UNSUPPORTED_CERTIFICATE": "our certificate is not of a kind that it accepts",
    "CERTIFICATE_EXPIRED": "our certificate has expired",
    "CERTIFICATE_REVOKED": "our certificate was revoked",
    "DECRYPT_ERROR": "our certificate does not prove itself to it",
    "ACCESS_DENIED": "our certificate gives no right to read",
}
_OLD_TLS = (
    "PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "WRONG_SSL_VERSION",
    "VERSION_TOO_LOW",
    "NO_PROTOCOLS_AVAILABLE",
    "LEGACY_SIGALG",
)


class ModbusTlsConnection(ModbusTcpConnection):
    """Needs a running event loop when first used."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._answered_once = False  # since the connection was opened
        self._transport: Any = None

    def _make_client(self) -> ModbusBaseClient:
        return AsyncModbusTcpClient(
            self.link.host,
            port=self.link.port,
            timeout=self.timeout_s,
            retries=0,
            reconnect_delay=0,
        )

    async def _before_opening(self, context: Any) -> None:
        self._answered_once = False
        context.call_create = partial(
            asyncio.get_running_loop().create_connection,
            context.handle_new_connection,
            self.link.host,
            self.link.port,
            ssl=tls_context(self.link),
            server_hostname=self.link.option("server_name") or self.link.host,
            ssl_handshake_timeout=self.timeout_s,
        )

    async def _open(self) -> ModbusBaseClient:
        client = await super()._open()
        self._transport = client.ctx.transport
        await asyncio.sleep(VERDICT_S)
        if self._ended is not None:
            raise self._closed(self._ended.cause)
        return client

    def _on_disconnected(self, cause: Exception | None) -> None:
        super()._on_disconnected(cause)
        self._abort()

    async def close(self) -> None:
        self._abort()
        await super().close()

    def _abort(self) -> None:
        """TLS says good-bye and waits for half a minute to hear it, with the socket held open."""
        transport, self._transport = self._transport, None
        if transport is not None:
            # Python 3.11.2 of Debian 12 forgets the protocol of a transport that was closed twice.
            with contextlib.suppress(AttributeError):
                transport.abort()

    def _answered(self, unit_id: int) -> None:
        self._answered_once = True
        super()._answered(unit_id)

    def _not_opened(self, error: Exception) -> RequestFailed:
        if isinstance(error, (ConnectionResetError, ConnectionAbortedError)):
            return _refused(
                f"{self.address} broke off the TLS handshake without a word.",
                "It may not accept our certificate, or speak an older TLS than 1.2: look into its "
                "own log.",
            )
        return self._refusal(error) or super()._not_opened(error)

    def _closed(self, cause: Exception | None) -> RequestFailed:
        refusal = None if cause is None else self._refusal(cause)
        if refusal is not None:
            return refusal
        if self._answered_once:
            return super()._closed(cause)
        return _refused(
            f"{self.address} closed the connection after the handshake without a word; most "
            "devices do that to a certificate that they do not accept.",
            _OURS if self.link.option("certificate_file") else "Enter our certificate and key.",
        )

    def _refusal(self, error: Exception) -> RequestFailed | None:
        if isinstance(error, ssl.SSLCertVerificationError):
            why, remedy = _REFUSED_BY_US.get(
                error.verify_code,
                (f"its certificate is not sound ({error.verify_message})", _THEIRS),
            )
            return _refused(f"this program refuses {self.address}: {why}.", remedy)
        if not isinstance(error, ssl.SSLError):
            return None
        reason = (error.reason or "").upper()
        if any(word in reason for word in _OLD_TLS):
            return _refused(
                f"{self.address} speaks an older TLS than 1.2, which is not safe.",
                "Update the device, or read it over plain Modbus TCP in a network of its own.",
            )
        for alert, why in _REFUSED_BY_DEVICE.items():
            if reason.endswith(f"ALERT_{alert}"):
                shown = self.link.option("certificate_file")
                remedy = _OURS if shown else "Enter our certificate and key for this connection."
                return _refused(f"{self.address} refuses us: {why}.", remedy)
        if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
            return _refused(
                f"{self.address} does not speak TLS.",
                "Port 802 is usual for it; 502 is plain Modbus TCP.",
            )
        return _refused(f"no safe connection to {self.address}: {reason or error}.", _THEIRS)


def tls_context(link: Link) -> ssl.SSLContext:
    """What we show and what we demand: TLS 1.2 at least, a certificate that we can follow.

    Raises RequestFailed when a file of ours cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority = link.option("ca_file")
    certificate = link.option("certificate_file")
    key = link.option("key_file")
    for what, name in (
        ("authority", authority), ("certificate", certificate), ("key", key)
    ):  # fmt: skip
        if name and not Path(name).is_file():
            raise _refused(f"our {what} file {name} does not exist.", "Choose the file again.")
    try:
        if authority:
            context.load_verify_locations(authority)
        else:
            context.load_default_certs()
    except (ssl.SSLError, OSError):
        raise _refused(
            f"{authority} holds no certificate of an authority.", "It must be a PEM file."
        ) from None
    if certificate:
        _load_own(context, certificate, key)
    return context


def _load_own(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        # Without a password a locked key would be asked for on a terminal that nobody sees.
        context.load_cert_chain(certificate, key or None, password=lambda: "")
    except ssl.SSLError as error:
        if "KEY_VALUES_MISMATCH" in (error.reason or ""):
            what = f"the key in {key or certificate} does not belong to {certificate}."
            remedy = "Choose the key with which the certificate was requested."
        else:
            what = f"{certificate} and its key cannot be read."
            remedy = "Both must be PEM files, the key without a password."
        raise _refused(what, remedy) from None
    except OSError as error:
        raise _refused(f"{certificate} cannot be read: {error.strerror}.", "Check it.") from None


def _refused(what: str, remedy: str) -> RequestFailed:
    return RequestFailed(FailureKind.NO_CONNECTION, what, remedy)

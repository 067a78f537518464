"""TLS as a layer of bytes in and bytes out, without a socket."""

import ssl
from contextlib import suppress
from functools import lru_cache

from tidegate.control.health.request import ProbeError, ProbeRequest

CHUNK = 16 * 1024


class TlsLayer:
    """The client's side of one TLS connection. Raises ProbeError for errors of the peer."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._from_peer, self._to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._from_peer, self._to_peer, server_hostname=server_name)

    def take(self, data: bytes) -> None:
        """Take bytes received from the peer; empty means the end of the stream."""
        if data:
            self._from_peer.write(data)
        else:
            self._from_peer.write_eof()

    def pending(self) -> bytes:
        """The bytes to send to the peer now, maybe none."""
        return self._to_peer.read()

    def handshake(self) -> bool:
        """Continue the handshake. Returns whether it is complete."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            raise ProbeError(f"certificate not accepted: {error.verify_message}") from None
        except ssl.SSLEOFError:
            raise ProbeError("connection closed during the TLS handshake") from None
        except ssl.SSLError as error:
            raise ProbeError(f"TLS handshake failed: {_in_words(error)}") from None
        return True

    def encrypted(self, data: bytes) -> bytes:
        """Encrypt bytes. Returns the bytes to send."""
        self._object.write(data)
        return self.pending()

    def decrypted(self) -> bytes | None:
        """The decrypted bytes of the peer, empty at the end of the stream. None if more must be received first."""
        try:
            return self._object.read(CHUNK)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise ProbeError(f"TLS failed: {_in_words(error)}") from None

    def last_words(self) -> bytes:
        """The bytes to send at the end: close_notify, or the alert of a failed handshake."""
        with suppress(ssl.SSLError):
            self._object.unwrap()
        return self.pending()


@lru_cache(maxsize=256)
def client_context(*, verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """The context of all probes with these settings. The CA file is read once. Raises ProbeError."""
    try:
        context = ssl.create_default_context(cafile=ca_file) if verify else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    except (OSError, ValueError):
        raise ProbeError("the CA file cannot be read any more") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def context_of(request: ProbeRequest) -> ssl.SSLContext:
    """The context for the settings of a pool. Raises ProbeError."""
    return client_context(verify=request.settings.verify, ca_file=request.settings.ca_file)


def _in_words(error: ssl.SSLError) -> str:
    return (error.reason or "unknown reason").replace("_", " ").lower()

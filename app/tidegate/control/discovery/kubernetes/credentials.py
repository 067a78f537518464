"""What a request to the API server needs, and a pod's own: the files of its service account."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError

LOAD_TIMEOUT = 20.0  # seconds; a kubeconfig may name a program to run
HOST_VARIABLE, PORT_VARIABLE = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True)
class Credentials:
    """The URL of the API server, our `authorization` (a header's value) and further headers, and the files for TLS."""

    server: str
    authorization: str = ""
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    verify: bool = True
    server_name: str | None = None
    proxy: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """The secret part of `authorization`."""
        return self.authorization.rpartition(" ")[2]

    def tls(self) -> ssl.SSLContext:
        """Read the files. Raises UnusableCredentialsError that names the one that TLS cannot use."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise UnusableCredentialsError(
                f"the CA certificate of the API server cannot be used: {_in_words(error)}"
            ) from error
        try:
            if self.certificate_file:
                # The empty password keeps an encrypted key from asking on a terminal.
                context.load_cert_chain(self.certificate_file, self.key_file, password="")
        except OSError as error:
            raise UnusableCredentialsError(f"our certificate and key cannot be used: {_in_words(error)}") from error
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class CredentialsSource(Protocol):
    """A source of credentials."""

    @property
    def name(self) -> str:
        """The name of the source in messages for people."""

    async def __call__(self) -> Credentials:
        """Read the credentials. Raises UnusableCredentialsError, or another error if the source has not the right shape."""


@dataclass(frozen=True)
class ServiceAccount:
    """The files that kubelet puts into a pod, and the variables that it sets. Tokens there rotate."""

    environ: Mapping[str, str]
    token_file: str = f"{SERVICE_ACCOUNT}/token"
    certificate_file: str = f"{SERVICE_ACCOUNT}/ca.crt"

    @property
    def name(self) -> str:
        """The names of the files."""
        return f"the service account ({self.token_file}, {self.certificate_file})"

    async def __call__(self) -> Credentials:
        """See CredentialsSource."""
        host, port = self.environ.get(HOST_VARIABLE), self.environ.get(PORT_VARIABLE)
        if not host or not port:
            missing = PORT_VARIABLE if host else HOST_VARIABLE
            hint = "give a kubeconfig (TIDEGATE_KUBERNETES__KUBECONFIG)"
            raise UnusableCredentialsError(f"this is no pod of a cluster: {missing} is not set: {hint}")
        server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        return Credentials(server, f"Bearer {_token_in(self.token_file)}", self.certificate_file)


def _token_in(file: str) -> str:
    token = Path(file).read_text(encoding="utf-8").strip()
    if not token:
        raise UnusableCredentialsError(f"{file} is empty")
    return token


async def load(source: CredentialsSource) -> Credentials:
    """Load the credentials and try them. Raises UnusableCredentialsError, whose text contains no secret."""
    try:
        async with asyncio.timeout(LOAD_TIMEOUT):
            credentials = await source()
        if not (credentials.token.isascii() and credentials.token.isprintable()):
            raise UnusableCredentialsError("the token has characters that no token has")
        credentials.tls()
    except Exception as error:  # noqa: BLE001  (nothing has checked the shape of the files)
        raise UnusableCredentialsError(f"{source.name} cannot be used: {_reason(error)}") from None
    return credentials


def _reason(error: Exception) -> str:
    match error:
        case UnusableCredentialsError():
            return str(error)
        case TimeoutError():
            return f"it took longer than {LOAD_TIMEOUT:g} seconds"
        case OSError():
            return f"{error.filename}: {_in_words(error)}" if error.filename else _in_words(error)
        case _:
            return f"it does not have the right shape ({type(error).__name__})"


def _in_words(error: OSError) -> str:
    """The reason without the text of the exception, which may name temporary files. It still says, for example, that there
    is no folder for them."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is not in PEM format").lower().replace("_", " ")
    return (error.strerror or type(error).__name__).lower()

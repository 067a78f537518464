"""Where the API server is and who we are: a service account's files, or a kubeconfig."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.incluster_config import (
    SERVICE_CERT_FILENAME,
    SERVICE_HOST_ENV_NAME,
    SERVICE_TOKEN_FILENAME,
    InClusterConfigLoader,
)
from kubernetes.aio.config.kube_config import FileOrData, KubeConfigLoader, KubeConfigMerger

from app.control.discovery.kubernetes.program import ask_program
from app.control.discovery.kubernetes.trouble import UnusableCredentialsError

LOAD_TIMEOUT = 20.0  # seconds; a kubeconfig may name a program to run

Load = Callable[[Configuration], Awaitable[None]]


@dataclass(frozen=True)
class ServiceAccount:
    """The files that kubelet puts into a pod, and the variables that it sets. Tokens there rotate."""

    environ: Mapping[str, str]
    token_file: str = SERVICE_TOKEN_FILENAME
    certificate_file: str = SERVICE_CERT_FILENAME

    async def __call__(self, configuration: Configuration) -> None:
        """Fill in the configuration."""
        if not self.environ.get(SERVICE_HOST_ENV_NAME):
            hint = "give a kubeconfig (TIDEGATE_KUBERNETES__KUBECONFIG)"
            raise UnusableCredentialsError(f"this is no pod of a cluster: {SERVICE_HOST_ENV_NAME} is not set: {hint}")
        loader = InClusterConfigLoader(self.token_file, self.certificate_file, try_refresh_token=False, environ=self.environ)
        loader.load_and_set(configuration)


@dataclass(frozen=True)
class Kubeconfig:
    """A kubeconfig and one of its contexts, by default the current one."""

    path: str
    context: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, configuration: Configuration) -> None:
        """Fill in the configuration. The file is never written."""
        loader = _Loader(KubeConfigMerger(self.path).config, self.context, self.environ)
        await loader.load_and_set(configuration)  # type: ignore[no-untyped-call]


class _Loader(KubeConfigLoader):
    """The package's loader, but for the program that a kubeconfig may name for credentials."""

    def __init__(self, config: object, context: str | None, environ: Mapping[str, str]) -> None:
        super().__init__(config, context, config_base_path=None)  # type: ignore[no-untyped-call]
        self._environ = environ

    async def load_from_exec_plugin(self) -> bool:
        """Take over what the program says; the package would log it where it fails, and go on without."""
        user = self._user
        assert user is not None
        folder = self._get_base_path(user.path)  # type: ignore[no-untyped-call]
        status = await ask_program(user["exec"].value, self._environ, folder)
        if status.get("token"):
            self.token = f"Bearer {status['token']}"
        elif status.get("clientCertificateData") and status.get("clientKeyData"):
            self.cert_file = FileOrData(status, "", "clientCertificateData", base64_file_content=False).as_file()
            self.key_file = FileOrData(status, "", "clientKeyData", base64_file_content=False).as_file()
        else:
            raise UnusableCredentialsError("the program of the kubeconfig gives no token, and no certificate with its key")
        return True


async def load(source: Load) -> Configuration:
    """A new configuration. Raises UnusableCredentialsError, whose text has no secret in it."""
    configuration = Configuration()
    try:
        async with asyncio.timeout(LOAD_TIMEOUT):
            await source(configuration)
    except UnusableCredentialsError:
        raise
    except ConfigException as error:
        reason = str(error).partition("{")[0]  # what follows quotes the file, with its secrets
        raise UnusableCredentialsError(f"the credentials cannot be used: {reason}") from None
    except TimeoutError as error:
        raise UnusableCredentialsError("the credentials could not be had in time") from error
    except OSError as error:
        raise UnusableCredentialsError(f"{error.filename or 'the credentials'}: {_in_words(error)}") from error
    except Exception as error:  # noqa: BLE001  (the loaders trust that the files have the right shape)
        raise UnusableCredentialsError(f"the credentials cannot be read: {type(error).__name__}") from None
    _try_certificates(configuration)
    if token := configuration.api_key.get("BearerToken"):
        configuration.api_key["BearerToken"] = token.strip()
    return configuration


def _try_certificates(configuration: Configuration) -> None:
    """Say which file it is that TLS cannot use; a key must not ask for its password on a terminal."""
    try:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    except OSError as error:
        raise UnusableCredentialsError(f"the CA certificate of the API server cannot be used: {_in_words(error)}") from error
    if not configuration.cert_file:
        return
    try:
        context.load_cert_chain(configuration.cert_file, configuration.key_file, password="")
    except OSError as error:
        raise UnusableCredentialsError(f"our certificate and key cannot be used: {_in_words(error)}") from error


def _in_words(error: OSError) -> str:
    """Without the text of the exception, which may name temporary files; that there is no folder for those is said."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is not in PEM format").lower().replace("_", " ")
    return (error.strerror or type(error).__name__).lower()

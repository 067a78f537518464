"""Reads the address of the API server and our credentials, from a service account's files or from a kubeconfig."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, kube_config
from kubernetes.aio.config.incluster_config import (
    SERVICE_CERT_FILENAME,
    SERVICE_HOST_ENV_NAME,
    SERVICE_TOKEN_FILENAME,
    InClusterConfigLoader,
)
from kubernetes.aio.config.kube_config import KubeConfigMerger

from tidegate.control.discovery.kubernetes.kubeconfig import Loader
from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError

LOAD_TIMEOUT = 20.0  # seconds; a kubeconfig may name a program to run


class CredentialsSource(Protocol):
    """A source of credentials: fills in a configuration."""

    @property
    def name(self) -> str:
        """The name of the source in messages for people."""

    async def __call__(self, configuration: Configuration) -> None:
        """Fill in the configuration."""


@dataclass(frozen=True)
class ServiceAccount:
    """The files that kubelet puts into a pod, and the variables that it sets. Tokens there rotate."""

    environ: Mapping[str, str]
    token_file: str = SERVICE_TOKEN_FILENAME
    certificate_file: str = SERVICE_CERT_FILENAME

    @property
    def name(self) -> str:
        """The names of the files."""
        return f"the service account ({self.token_file}, {self.certificate_file})"

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

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"the kubeconfig {self.path}"

    async def __call__(self, configuration: Configuration) -> None:
        """Fill in the configuration. Never writes the file."""
        _forget_lost_files()
        await Loader(KubeConfigMerger(self.path).config, self.context, self.environ).load_and_set(configuration)


async def load(source: CredentialsSource) -> Configuration:
    """Load a new configuration from the source. Raises UnusableCredentialsError, whose text contains no secret."""
    configuration = Configuration()
    try:
        async with asyncio.timeout(LOAD_TIMEOUT):
            await source(configuration)
        _try_certificates(configuration)
        _try_token(configuration)
    except Exception as error:  # noqa: BLE001  (the loaders do not check the shape of the files)
        raise UnusableCredentialsError(f"{source.name} cannot be used: {_reason(error)}") from None
    return configuration


def _reason(error: Exception) -> str:
    match error:
        case UnusableCredentialsError():
            return str(error)
        case ConfigException():
            return str(error).partition("{")[0]  # the rest quotes the file, with its secrets
        case TimeoutError():
            return f"it took longer than {LOAD_TIMEOUT:g} seconds"
        case yaml.MarkedYAMLError() if error.problem_mark is not None:
            return f"line {error.problem_mark.line + 1} is not YAML"
        case OSError():
            return f"{error.filename}: {_in_words(error)}" if error.filename else _in_words(error)
        case _:
            return f"it does not have the right shape ({type(error).__name__})"


def _try_token(configuration: Configuration) -> None:
    if token := configuration.api_key.get("BearerToken"):
        configuration.api_key["BearerToken"] = token = token.strip()
        if not (token.isascii() and token.isprintable()):
            raise UnusableCredentialsError("the token has characters that no token has")


def _forget_lost_files() -> None:
    """Make the package write its temporary key files again, if any of them has been deleted from outside."""
    if not all(map(os.path.exists, kube_config._temp_files.values())):  # noqa: SLF001
        kube_config._cleanup_temp_files()  # noqa: SLF001


def _try_certificates(configuration: Configuration) -> None:
    """Name the file that TLS cannot use. The empty password keeps an encrypted key from asking on a terminal."""
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
    """The reason without the text of the exception, which may name temporary files. It still says, for example, that there
    is no folder for them."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is not in PEM format").lower().replace("_", " ")
    return (error.strerror or type(error).__name__).lower()

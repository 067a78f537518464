"""Where the API server is and who we are: a service account's files, or a kubeconfig."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.incluster_config import (
    SERVICE_CERT_FILENAME,
    SERVICE_HOST_ENV_NAME,
    SERVICE_TOKEN_FILENAME,
    InClusterConfigLoader,
)
from kubernetes.aio.config.kube_config import load_kube_config

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

    async def __call__(self, configuration: Configuration) -> None:
        """Fill in the configuration. The file is never written."""
        await load_kube_config(self.path, self.context, configuration, persist_config=False)


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
        reason = os.strerror(error.errno).lower() if error.errno else type(error).__name__
        raise UnusableCredentialsError(f"{error.filename or 'the credentials'}: {reason}") from error
    except Exception as error:  # noqa: BLE001  (the loaders trust that the files have the right shape)
        raise UnusableCredentialsError(f"the credentials cannot be read: {type(error).__name__}") from None
    if token := configuration.api_key.get("BearerToken"):
        configuration.api_key["BearerToken"] = token.strip()
    return configuration

"""Reads one context of a kubeconfig as client-go does. Every entry about trust and rights is followed, or refused by name.

The kubernetes package alone would run programs without limits, contact identity providers without verifying their
certificate, and ignore entries that it does not know.
"""

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

import yaml
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, kube_config
from kubernetes.aio.config.kube_config import ConfigNode, FileOrData, KubeConfigLoader, KubeConfigMerger

from tidegate.control.discovery.kubernetes.credentials import Credentials
from tidegate.control.discovery.kubernetes.impersonation import impersonation, one_line
from tidegate.control.discovery.kubernetes.program import ask_program
from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError

FOR_PROGRAMS = "client.authentication.k8s.io/exec"
"""The extension of a cluster that is passed to its users' programs."""
CLUSTER_INFO_KEYS = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")


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

    async def __call__(self) -> Credentials:
        """See CredentialsSource. Never writes the file."""
        _forget_lost_files()
        try:
            return await Loader(KubeConfigMerger(self.path).config, self.context, self.environ).load()
        except ConfigException as error:
            raise UnusableCredentialsError(
                str(error).partition("{")[0]
            ) from None  # the rest quotes the file and its secrets
        except yaml.MarkedYAMLError as error:
            if error.problem_mark is None:
                raise
            raise UnusableCredentialsError(f"line {error.problem_mark.line + 1} is not YAML") from None


def _forget_lost_files() -> None:
    """Make the package write its temporary key files again, if any of them has been deleted from outside."""
    if not all(map(os.path.exists, kube_config._temp_files.values())):  # noqa: SLF001
        kube_config._cleanup_temp_files()  # noqa: SLF001


class Loader(KubeConfigLoader):
    """The package's loader, with our limits and checks. Raises UnusableCredentialsError."""

    def __init__(self, config: object, context: str | None, environ: Mapping[str, str]) -> None:
        super().__init__(config, context, config_base_path=None)  # type: ignore[no-untyped-call]
        self._environ = environ
        name = self.current_context["context"].get("user")
        if name and self._user is None:
            raise UnusableCredentialsError(f"its context names the user {name!r}, which is not there")
        assert self._cluster is not None
        self._cluster_settings = _without_empty(self._cluster.value)
        self._user_settings = _without_empty(self._user.value) if self._user is not None else {}
        _check_cluster(self._cluster_settings, self._cluster["server"])
        _check_user(self._user_settings)
        self._user = self._user or ConfigNode("user", {})

    async def load(self) -> Credentials:
        """The credentials, including the headers of all requests."""
        read = Configuration()
        await self.load_and_set(read)  # type: ignore[no-untyped-call]
        return Credentials(
            server=read.host,
            authorization=str(read.api_key.get("BearerToken", "")).strip(),
            ca_file=read.ssl_ca_cert,
            certificate_file=read.cert_file,
            key_file=read.key_file,
            verify=read.verify_ssl,
            server_name=read.tls_server_name,
            proxy=read.proxy,
            headers=impersonation(self._user_settings),
        )

    async def load_from_exec_plugin(self) -> bool:
        """Take over the credentials that the program prints. The package would only log a failure, and go on without."""
        settings, folder = self._user_settings["exec"], self._folder_of(self._user)
        assert isinstance(settings, Mapping)
        status = await ask_program(settings, self._environ, folder, self._cluster_info())
        has_certificate = status.get("clientCertificateData") and status.get("clientKeyData")
        if not status.get("token") and not has_certificate:
            raise UnusableCredentialsError("its program gives no token, and no certificate with its key")
        if status.get("token"):
            self.token = f"Bearer {status['token']}"
        if has_certificate:
            self.cert_file = FileOrData(status, "", "clientCertificateData", base64_file_content=False).as_file()
            self.key_file = FileOrData(status, "", "clientKeyData", base64_file_content=False).as_file()
        return True

    async def _load_oid_token(self) -> str:
        """Use the token in the file. It is not renewed here: another program writes a new one, and the file is read again
        each minute."""
        provider = self._user_settings["auth-provider"]
        config = provider.get("config") if isinstance(provider, Mapping) else None
        token = config.get("id-token") if isinstance(config, Mapping) else None
        if not token:
            reason = "its user's auth-provider has no id-token, and Tidegate asks for none: use a program (exec)"
            raise UnusableCredentialsError(reason)
        self.token = f"Bearer {token}"
        return self.token

    def _cluster_info(self) -> Mapping[str, object]:
        """The description of the cluster for a program: the type `Cluster` of `client.authentication.k8s.io/v1`."""
        cluster = self._cluster_settings
        info = {key: cluster[key] for key in CLUSTER_INFO_KEYS if key in cluster}
        authority = FileOrData(cluster, "certificate-authority", file_base_path=self._folder_of(self._cluster))
        if data := authority.as_data():
            info["certificate-authority-data"] = data
        extensions = cluster.get("extensions")
        for extension in extensions if isinstance(extensions, list) else []:
            if extension.get("name") == FOR_PROGRAMS:
                info["config"] = extension.get("extension")
        return info

    def _folder_of(self, node: ConfigNode | None) -> str:
        """The base of relative paths in a node: the folder of its file."""
        assert node is not None
        return str(self._get_base_path(node.path))  # type: ignore[no-untyped-call]


def _without_empty(part: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Remove entries without a value from a part of a kubeconfig, because client-go ignores them. Returns the same part."""
    for key in [key for key, value in part.items() if value in (None, "")]:
        del part[key]
    return part


def _check_cluster(cluster: Mapping[str, object], server: str) -> None:
    if not server.startswith(("http://", "https://")):
        raise UnusableCredentialsError("the server of its cluster is no http or https URL")
    is_blind = cluster.get("insecure-skip-tls-verify", False)
    if not isinstance(is_blind, bool):
        raise UnusableCredentialsError("its cluster's insecure-skip-tls-verify: expected true or false")
    if is_blind and {"certificate-authority", "certificate-authority-data"} & cluster.keys():
        reason = "its cluster has a certificate authority and insecure-skip-tls-verify: expected one of them"
        raise UnusableCredentialsError(reason)
    one_line("cluster", "tls-server-name", cluster.get("tls-server-name", ""))
    if not str(cluster.get("proxy-url", "http://")).startswith(("http://", "https://")):
        raise UnusableCredentialsError("its cluster's proxy-url: expected an http or https URL")


def _check_user(user: MutableMapping[str, object]) -> None:
    """Refuse entries that are not supported. A `tokenFile` wins over a `token`, which is removed."""
    impersonation(user)
    if "auth-provider" in user and "exec" in user:
        raise UnusableCredentialsError("its user has both an auth-provider and exec: expected one of them")
    provider = user.get("auth-provider")
    name = provider.get("name") if isinstance(provider, Mapping) else None
    if provider is not None and name != "oidc":
        reason = f"its user's auth-provider {name!r} is not supported: use a program (exec), as kubectl does"
        raise UnusableCredentialsError(reason)
    if "tokenFile" in user:
        user.pop("token", None)

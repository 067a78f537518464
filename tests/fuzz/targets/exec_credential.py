"""What the credential program of a kubeconfig prints."""

import yaml
from kubernetes.aio.config import kube_config

from tests.fuzz.files import written
from tests.fuzz.loop import run
from tests.fuzz.reasons import check_reason
from tidegate.control.discovery.kubernetes.credentials import Credentials, load
from tidegate.control.discovery.kubernetes.kubeconfig import Kubeconfig
from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError


def target(data: bytes) -> None:
    """Run a program that prints this, and read the credentials from it."""
    config = written("kubeconfig", _config(written("printed", data)))
    try:
        credentials = run(load(Kubeconfig(config, environ={"PATH": "/bin:/usr/bin"})))
    except UnusableCredentialsError as error:
        check_reason(error)
    else:
        assert isinstance(credentials, Credentials)
    finally:
        kube_config._cleanup_temp_files()


def _config(printed: str) -> bytes:
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "cat", "args": [printed]}
    config = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "one", "user": {"exec": program}}],
    }
    return yaml.safe_dump(config).encode()

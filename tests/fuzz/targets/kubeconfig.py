"""A kubeconfig. One that names a program is left out: it would be run."""

import yaml
from kubernetes.aio.config import kube_config

from tests.fuzz.files import written
from tests.fuzz.loop import run
from tests.fuzz.reasons import check_reason
from tidegate.control.discovery.kubernetes.credentials import Credentials, load
from tidegate.control.discovery.kubernetes.kubeconfig import Kubeconfig
from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError


def target(data: bytes) -> None:
    """Read the credentials of the current context, and try them."""
    if _names_a_program(data):
        return
    try:
        credentials = run(load(Kubeconfig(written("kubeconfig", data))))
    except UnusableCredentialsError as error:
        check_reason(error)
    else:
        assert isinstance(credentials, Credentials)
        assert credentials.server.startswith(("http://", "https://"))
    finally:
        kube_config._cleanup_temp_files()


def _names_a_program(data: bytes) -> bool:
    try:
        return "exec" in str(yaml.safe_load(data))
    except Exception:  # noqa: BLE001  what cannot be read names none
        return False

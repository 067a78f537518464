"""Settings of discovery by Kubernetes: backends from the endpoints of a Service."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from tidegate.settings.notation.values import Notation, choice, number_schema, text, whole_number
from tidegate.settings.parts.section import Section
from tidegate.settings.words import KubernetesApi, ServiceName

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SERVICE = re.compile(rf"({_LABEL})/({_LABEL})")
_EXPECTED_SERVICE = (
    "expected namespace/name, like chat/socketio; the name alone only inside a cluster, for the namespace of the pod"
)


def _read_service(value: object) -> ServiceName:
    if isinstance(value, ServiceName):
        return value
    match = _SERVICE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(_EXPECTED_SERVICE)
    return ServiceName(match[1], match[2])


def _read_port(value: object) -> str | int:
    if isinstance(value, str) and re.fullmatch(_LABEL, value.strip()) and not value.strip().isdecimal():
        return value.strip()
    try:
        port = whole_number(1, 65535).read(value)
    except ValueError:
        raise ValueError("expected the name of a port of the Service, or the pods' port number from 1 to 65535") from None
    assert isinstance(port, int)
    return port


def _read_file(value: object) -> str:
    path = value.strip() if isinstance(value, str) else ""
    try:
        is_file = Path(path).is_file()
    except OSError as error:  # its folder may not be searched, or its name is too long
        raise ValueError(f"cannot be read: {error.strerror}: expected the path of a kubeconfig") from None
    if not is_file:
        raise ValueError("no such file: expected the path of a kubeconfig")
    return path


SERVICE = Notation(_read_service, str, {"type": "string", "pattern": rf"^(?:{_LABEL}/)?{_LABEL}$"})
PORT = Notation(_read_port, str, number_schema("integer", 1, 65535, _LABEL))


class KubernetesSettings(Section):
    """The Service whose endpoints are the backends of a pool, and how to reach its cluster."""

    service: Annotated[ServiceName | None, SERVICE.or_none()] = Field(
        default=None,
        description="`namespace/name`, or `name` in the pod's own namespace: backends are the endpoints of this Service",
    )
    port: Annotated[str | int | None, PORT.or_none()] = Field(
        default=None,
        description="name of a port of the Service, or number of a port of the pods",
        json_schema_extra={"default_text": "the only port"},
    )
    api: Annotated[KubernetesApi, choice(KubernetesApi)] = Field(
        default=KubernetesApi.ENDPOINTSLICES, description="objects to read: `endpointslices`, `endpoints` (deprecated)"
    )
    node: Annotated[str | None, text(r"[a-z0-9][a-z0-9.-]{0,252}", "the name of a node").or_none()] = Field(
        default=None, description="node that the proxy runs on, for the hints of `trafficDistribution`"
    )
    zone: Annotated[str | None, text(r"[A-Za-z0-9][\w.-]{0,62}", "the name of a zone").or_none()] = Field(
        default=None, description="zone that the proxy runs in, for the hints of `trafficDistribution`"
    )
    kubeconfig: Annotated[str | None, Notation(_read_file, str).or_none()] = Field(
        default=None,
        description="file that says where the cluster is",
        json_schema_extra={"default_text": "the pod's service account"},
    )
    context: Annotated[str | None, text(r"[ -~]{1,253}", "the name of a context of the kubeconfig").or_none()] = Field(
        default=None,
        description="context of the kubeconfig",
        json_schema_extra={"default_text": "its current one"},
    )

    @field_validator("port", "api", "node", "zone", "kubeconfig", "context")
    @classmethod
    def _of_a_service(cls, value: object, info: ValidationInfo) -> object:
        if value not in (None, KubernetesApi.ENDPOINTSLICES) and info.data.get("service", "") is None:
            raise ValueError("there is no Service: give kubernetes.service, too")
        return value

    @field_validator("context")
    @classmethod
    def _of_a_kubeconfig(cls, context: str | None, info: ValidationInfo) -> str | None:
        if context is not None and info.data.get("kubeconfig", "") is None:
            raise ValueError("there is no kubeconfig: give kubernetes.kubeconfig, too")
        return context

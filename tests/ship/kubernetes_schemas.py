"""Kubernetes' own schemas of its objects, from the package `kubernetes-validate`, each read once."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from kubernetes_validate.utils import all_versions, schema_contents  # type: ignore[import-untyped]
from referencing import Registry, Resource

OLDEST = (1, 29)
CUSTOM = "monitoring.coreos.com/v1"
VERSIONS = tuple(
    dict.fromkeys(each for each in all_versions() if tuple(int(part) for part in each.split(".")[:2]) >= OLDEST)
)


def problems(manifest: dict[str, Any], version: str) -> Iterator[str]:
    """What a version of Kubernetes would not take; unknown fields, too. Raises FileNotFoundError for an unknown kind."""
    for error in _validator(manifest["apiVersion"], manifest["kind"], version).iter_errors(manifest):
        yield f"{manifest['kind']} {manifest['metadata']['name']} in {version}: {error.json_path}: {error.message}"


@cache
def _validator(api_version: str, kind: str, version: str) -> Draft202012Validator:
    group, _, number = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.split(".")[0], number) if part)
    schema = schema_contents(f"kubernetes-json-schema/v{version}-local-strict/{name}.json", version)
    registry: Registry[Any] = Resource.from_contents(schema) @ _definitions(version)
    return Draft202012Validator(schema, registry=registry)


@cache
def _definitions(version: str) -> Registry[Any]:
    definitions = schema_contents(f"kubernetes-json-schema/v{version}-local-strict/_definitions.json", version)
    registry: Registry[Any] = Resource.from_contents(definitions) @ Registry()
    return registry

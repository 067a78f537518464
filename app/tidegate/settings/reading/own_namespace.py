"""Completes the name of a Service without a namespace by the namespace of the own pod."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tidegate.settings.reading.entry import Entry, GivenEntries

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def with_own_namespace(entries: list[Entry], written: GivenEntries, namespace: str) -> list[Entry]:
    """Return the entries with the pod's namespace added to each Service without one, if it is in the pod's own cluster."""

    def completed(entry: Entry) -> Entry:
        is_service = entry.path[0] == "pools" and entry.path[2:] == ("kubernetes", "service")
        if not is_service or not isinstance(entry.value, str) or "/" in entry.value:
            return entry
        elsewhere = (*entry.path[:-1], "kubeconfig") in written.by_path
        return entry if elsewhere else replace(entry, value=f"{namespace}/{entry.value.strip()}")

    return [completed(entry) for entry in entries] if namespace else entries


def own_namespace(environ: Mapping[str, str], file: Path) -> str:
    """Return the namespace of the own pod, empty outside a cluster."""
    if "KUBERNETES_SERVICE_HOST" not in environ:
        return ""
    try:
        return file.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""

"""EndpointSlices and Endpoints as the Kubernetes API writes them."""

from typing import Any

Json = dict[str, Any]
LABEL = "kubernetes.io/service-name"


def endpoint(address: str, **fields: Any) -> Json:
    """An endpoint of a slice. Conditions are given by their names, `pod` makes a reference, `zones` and `nodes` hints."""
    conditions = {name: fields.pop(name) for name in ("ready", "serving", "terminating") if name in fields}
    pod, zones, nodes = fields.pop("pod", None), fields.pop("zones", None), fields.pop("nodes", None)
    hints = {key: [{"name": name} for name in names] for key, names in (("forZones", zones), ("forNodes", nodes)) if names}
    reference = {"targetRef": {"kind": "Pod", "namespace": "chat", "name": pod, "uid": f"uid-of-{pod}"}} if pod else {}
    return {"addresses": [address], "conditions": conditions, **reference, **({"hints": hints} if hints else {}), **fields}


def draining(address: str, **fields: Any) -> Json:
    """An endpoint whose pod was told to end and still answers."""
    return endpoint(address, ready=False, serving=True, terminating=True, **fields)


def endpoint_slice(
    name: str, *endpoints: Json, service: str = "socketio", family: str = "IPv4", ports: list[Json] | None = None
) -> Json:
    """A slice of a Service, with one port named `http` unless told otherwise."""
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {"name": name, "namespace": "chat", "labels": {LABEL: service}},
        "addressType": family,
        "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}] if ports is None else ports,
        "endpoints": list(endpoints),
    }


def endpoints_object(service: str, *subsets: Json) -> Json:
    """A `v1 Endpoints` object."""
    return {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {"name": service, "namespace": "chat"},
        "subsets": [*subsets],
    }

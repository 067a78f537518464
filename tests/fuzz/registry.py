"""All targets. A new one is a file in `targets/` and a line here."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

Target = Callable[[bytes], None]

TARGETS: Mapping[str, str] = {
    "environment": "settings in the environment",
    "settings_file": "settings in a YAML file",
    "notations": "notations of single values",
    "control_group": "the CPU limit of a container",
    "proxy_header": "the PROXY header before a client's bytes",
    "client_hello": "the ClientHello of a client of TLS",
    "request_head": "the head of a client's HTTP request",
    "admin_request": "requests to the admin port",
    "status_answer": "answers to `tidegate status`",
    "api_server": "answers of the API server, over HTTP",
    "object_list": "a list of objects of Kubernetes",
    "watch_stream": "the stream of a watch",
    "endpoint_slices": "EndpointSlices",
    "endpoints_objects": "v1 Endpoints",
    "retry_after": "the header Retry-After",
    "kubeconfig": "a kubeconfig",
    "exec_credential": "output of a credential program",
    "dns_answer": "answers of a DNS server",
    "resolv_conf": "a resolv.conf",
    "link_line": "lines of the link",
    "link_channel": "the stream of the link, with descriptors",
    "probe_http": "answers to the probe http",
    "probe_tls": "answers to the probe tls",
    "probe_websocket": "answers to the probe websocket",
    "probe_socketio": "answers to the probe socketio",
    "probe_send_expect": "answers to the probe send_expect",
    "probe_grpc": "answers to the probe grpc",
    "probe_redis": "answers to the probe redis",
    "probe_postgres": "answers to the probe postgres",
    "probe_mysql": "answers to the probe mysql",
    "probe_smtp": "answers to the probe smtp",
    "probe_pop3": "answers to the probe pop3",
    "probe_imap": "answers to the probe imap",
}
"""The module of each target, and what it reads."""


class Loaded(NamedTuple):
    """A target, and words that its inputs are made of."""

    target: Target
    words: Sequence[bytes]


def load(name: str) -> Loaded:
    """Import a target. A target without `WORDS` has none."""
    module = import_module(f"tests.fuzz.targets.{name}")
    return Loaded(module.target, getattr(module, "WORDS", ()))

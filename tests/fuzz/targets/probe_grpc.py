"""The frames of a gRPC server: HTTP/2, headers, and a HealthCheckResponse."""

from tests.fuzz.probing import probe


def target(data: bytes) -> None:
    """Probe a peer that says this."""
    probe("grpc", data)

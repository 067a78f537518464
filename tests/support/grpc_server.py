"""Two gRPC servers on loopback, one with the standard health service; prints their ports and runs until it is killed.

The server as a whole is serving, and so is the service `ready`; the service `drained` is not.
"""

from concurrent.futures import ThreadPoolExecutor

import grpc  # type: ignore[import-untyped]
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]


def main() -> None:
    """Serve."""
    healthy, bare = grpc.server(ThreadPoolExecutor(2)), grpc.server(ThreadPoolExecutor(1))
    servicer = health.HealthServicer()
    servicer.set("ready", health_pb2.HealthCheckResponse.SERVING)
    servicer.set("drained", health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, healthy)
    ports = [server.add_insecure_port("127.0.0.1:0") for server in (healthy, bare)]
    healthy.start()
    bare.start()
    print(*ports, flush=True)  # noqa: T201
    healthy.wait_for_termination()


if __name__ == "__main__":
    main()

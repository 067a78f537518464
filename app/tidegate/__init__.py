"""Tidegate: a TCP stream proxy for long-lived connections. This page is the map of its source.

- `__main__` reads the command line and connects the rest; `cli/` has one file per subcommand.
- `settings/` turns environment variables and a YAML file into frozen, validated values.
- `control/` is the process that never touches a client's bytes: it binds the listening sockets, starts and watches the
  workers, resolves and probes the backends, and serves the status page, the metrics and the probes of the kubelet.
- `dataplane/` is a worker process: it accepts, picks a backend, dials, relays and logs, and does nothing else.
- `link/` is everything the two share: messages over a socket pair, and the stats board in shared memory.
- `core/` decides: plain values and pure functions without loop, socket, clock, randomness, environment or log.

Imports go one way: `__main__` -> `cli` -> `control` | `dataplane` -> `settings` | `link` -> `core`.
"""

__version__ = "0.1.0"

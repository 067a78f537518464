"""How far one machine carries a proxy: each curve grows until something refuses or breaks, and says what then happens.

`python -m tests.scale` measures all curves, prints their tables and keeps them in `results/`, from which `make docs` writes
them into docs/performance.md. `--curve sessions` measures one; its sessions stay for `--minutes`.

A curve (`curves/`, one file each) is an asynchronous function that fills a `Curve` (`curve.py`): `rows`, one for each step;
`breaks`, sentences about what happens beyond the last step; and `faults`, which are what must not happen. It runs the proxy
as `tidegate run` (`tests/support/proxy.py`), and measures it from outside (`subject.py`): processor time rather than wall
time, proportional memory, descriptors, and the slowest answer of `/healthz` meanwhile.

What holds many descriptors, or would share a loop with what measures, is a process of its own that takes commands
(`parts/`): clients, backends, what is probed, and a cluster. Clients and backends check every byte of a session against
patterns that both know (`tests/faults/pattern.py`).

- A new curve: a file in `curves/`, its line in `CURVES` of `__main__.py`, and its mark in docs/performance.md.
- A new part: a module in `parts/` that obeys commands; `running_part` starts it.
"""

"""Tries to break a proxy: random sessions whose every byte is checked, while all around them fails.

A run is a row of rounds (`rounds.py`). A round draws a mix from its seed (`mix.py`: workers, policy, transport, load, source
of backends) and disturbances that go with it (`schedule.py`, `disturbances/`), starts a real proxy with all around it
(`world.py`), plays sessions while the disturbances strike, and at the end holds what the driver saw against what the proxy
says (`ledger.py`, `invariants.py`).

A session is a `Script`, drawn from its seed alone. The client writes the seed first, so the backend knows the script, too,
and each peer checks what it receives against a text that both know (`pattern.py`): nothing is stored, and a byte that is
lost, doubled or swapped shows at once.

- A new way to reach a listener or a backend: a line in `TRANSPORTS`.
- A new setting: a line in `EXTRAS`, which says what sessions may notice of it.
- Something else that clients say first, or another route: `opening.py`.
- A new fault, or a change while it runs: a class in `disturbances/` and its line in `registry.py`. Its `excuses` are the
  only close reasons that it may cause, its `signs` show that it was felt.

`python -m tests.faults --seed N --minutes 0.1` plays the first round of that seed again, as far as chance allows.
"""

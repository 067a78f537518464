"""Whether what runs is the compiled data plane, as it is shipped."""

import os
import re

COMPILED = "COMPILED" in os.environ
"""The environment variable COMPILED; the Makefile sets it where it runs the compiled data plane."""


def runs_compiled(maps: str) -> bool:
    """Whether a worker does, by what /proc/PID/maps says of it: what has been compiled together shares one library, which
    is loaded by the module that a worker starts with."""
    return bool(re.search(r"/tidegate/dataplane/worker\.[^/]*\.so$", maps, re.MULTILINE)) and "__mypyc." in maps

"""How the workers of all tests move bytes, unless a test says otherwise."""

import os

from tidegate.core.splice import Splice

SPLICE = Splice(os.environ.get("SPLICE", Splice.ADAPTIVE))
"""The environment variable SPLICE; `make test-splice` runs what concerns the data plane with `always` and with `never`."""

"""Settings of hypothesis for all tests: `HYPOTHESIS_PROFILE=deep` searches longer than the default `fast`."""

import os

from hypothesis import HealthCheck, settings

for profile, examples in (("fast", 50), ("deep", 2_000)):
    # A slow machine is no failure: no deadline per example, and no complaint about slow generation.
    settings.register_profile(
        profile, max_examples=examples, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

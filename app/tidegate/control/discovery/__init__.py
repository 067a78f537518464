"""Discovery: finds the backends of a pool, in its settings, in DNS or in Kubernetes. `sources` chooses the source."""

from collections.abc import Mapping

from tidegate.core.health.rise_fall import Verdict
from tidegate.core.pools.backend import State

INITIAL: Mapping[str, Verdict] = {"static": State.CHECKING, "dns": State.CHECKING, "kubernetes": State.UP}
"""The state of a backend before its first probe, by source, unless `health.initial` is given. A list or a DNS record does
not say whether the backend runs, so these backends are used only after a probe has passed. An endpoint that Kubernetes
calls ready has been probed by kubelet."""

"""Where backends come from: one source per file, chosen by `sources`."""

from collections.abc import Mapping

from tidegate.core.health.rise_fall import Verdict
from tidegate.core.pools.backend import State

INITIAL: Mapping[str, Verdict] = {"static": State.CHECKING, "dns": State.CHECKING, "kubernetes": State.UP}
"""What a backend is before its first probe, by source, where `health.initial` does not say: lists and records promise
nothing about who runs, so their backends are not used before a probe has passed; what Kubernetes calls ready has been
probed by kubelet."""

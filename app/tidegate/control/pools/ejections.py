"""The ejections of a pool: what real traffic says about each backend, and whether it may be ejected for it."""

from collections import Counter
from typing import TYPE_CHECKING

from tidegate.core.health.outlier import Ejection, Failures, Outlier, most_ejected

if TYPE_CHECKING:
    from tidegate.settings.parts.pool import PoolSettings

NOTHING_KNOWN = Outlier()


class Ejections:
    """The outlier machine of each backend by name. Times are of the monotonic clock, in seconds. `configure` comes first."""

    def __init__(self) -> None:
        self._outliers: dict[str, Outlier] = {}
        self.current: dict[str, Ejection] = {}
        self.totals: Counter[str] = Counter()

    def configure(self, settings: "PoolSettings") -> None:
        """Take over new settings. An ejection keeps its end."""
        self._settings = settings

    def of(self, name: str) -> Outlier:
        """The outlier machine of a backend."""
        return self._outliers.get(name, NOTHING_KNOWN)

    def failed(self, name: str, failures: Failures, good: int) -> bool:
        """Count failures; `good` sessions had come before. Answers whether there are enough in a row to eject."""
        outlier = self.of(name).after_failures(failures, good)
        self._keep(name, outlier)
        return outlier.ejection is None and outlier.failures.count >= self._settings.outliers.failures > 0

    def may_eject(self, backends: int, up: int) -> bool:
        """Whether one more of these backends may be ejected while so many are up. The last one that is up never is."""
        return up > 1 and len(self.current) < most_ejected(backends, self._settings.outliers.max_ejected_percent)

    def eject(self, name: str, now: float) -> Ejection:
        """Begin an ejection."""
        outliers = self._settings.outliers
        outlier = self.of(name).ejected(now, outliers.ejection, outliers.max_ejection)
        assert outlier.ejection is not None
        self._keep(name, outlier)
        self.totals[name] += 1
        return outlier.ejection

    def probed(self, name: str, *, passed: bool, elsewhere: bool) -> bool:
        """Take a probe's result over; `elsewhere` says that it went to another port or address than the traffic does.

        Whether enough have passed in a row to end the ejection. A probe that only connects proves nothing about a backend
        that accepts and then resets, and one that went elsewhere nothing at all. One that got an answer takes the failures
        that clients may have caused out of the row.
        """
        if elsewhere:
            return False
        reads_answer = self._settings.health.type.reads_answer
        ejection = self.current.get(name)
        if ejection is None:
            if passed and reads_answer and self.of(name).failures.disputed:
                self._keep(name, self.of(name).after_answer())
            return False
        if ejection.failures.after_accepting and not reads_answer:
            return False
        outlier = self.of(name).after_probe(passed=passed)
        assert outlier.ejection is not None
        self._keep(name, outlier)
        return outlier.ejection.passes >= self._settings.health.rise

    def due(self, now: float) -> list[str]:
        """The backends whose ejection is over."""
        return [name for name, ejection in self.current.items() if now >= ejection.until]

    def excess(self, backends: int) -> list[str]:
        """The backends to restore, soonest due first, because the pool has become too small for so many ejections."""
        excess = len(self.current) - most_ejected(backends, self._settings.outliers.max_ejected_percent)
        return sorted(self.current, key=lambda name: self.current[name].until)[: max(0, excess)]

    def restore(self, name: str, now: float) -> float:
        """End an ejection, if there is one; answers how long it lasted."""
        ejection = self.current.get(name)
        self._keep(name, self.of(name).restored(now))
        return now - ejection.since if ejection else 0.0

    def forget(self, name: str) -> None:
        """Forget a backend that has left, or has got another address."""
        self._outliers.pop(name, None)
        self.current.pop(name, None)

    def forget_total(self, name: str) -> None:
        """Forget how often a backend was ejected whose last connection has closed after it had left."""
        del self.totals[name]

    def _keep(self, name: str, outlier: Outlier) -> None:
        self._outliers[name] = outlier
        if outlier.ejection:
            self.current[name] = outlier.ejection
        else:
            self.current.pop(name, None)

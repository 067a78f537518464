"""The limits per client of one listener."""

from tidegate.core.listener_options import ListenerOptions
from tidegate.core.network import Networks
from tidegate.core.reasons import RejectReason
from tidegate.dataplane.accept.client_counts import ClientCounts
from tidegate.dataplane.accept.client_rates import ClientRates
from tidegate.dataplane.accept.client_table import ClientTable
from tidegate.dataplane.report.counters import Counters


class ClientLimits:
    """Judges each new session by what its client has and does in all workers together."""

    def __init__(self, counters: Counters, listener_slot: int) -> None:
        self._table = ClientTable(counters, listener_slot)
        self.counts = ClientCounts(self._table)
        self._rates = ClientRates(self._table)

    def configure(self, options: ListenerOptions) -> None:
        """Take over options; they decide about new sessions."""
        self._table.configure(Networks(ipv6_prefix=options.client_ipv6_prefix))
        self.counts.configure(options.max_connections_per_client)
        self._rates.configure(options.accept_rate_per_client, options.accept_burst_per_client)

    def refusal(self, session: object, client: str, now: float) -> RejectReason | None:
        """Why this client may not have one more session, if so. Otherwise it is counted until it leaves `counts`."""
        if not self._rates.take(client, now):
            return RejectReason.ACCEPT_RATE_PER_CLIENT
        if not self.counts.enter(session, client, now):
            return RejectReason.MAX_CONNECTIONS_PER_CLIENT
        return None

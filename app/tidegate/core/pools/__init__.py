"""Pools as values: backends, snapshots, their changes, and the decisions on panic, slow start, rebalance and affinity."""

"""Pools as values: backends, snapshots and their changes, and what is fair, full, warm or leads back."""

"""The data plane: one worker process that accepts, picks a backend, dials, relays and logs, and does nothing else."""

"""Which backend a session gets: the pool as a worker sees it."""

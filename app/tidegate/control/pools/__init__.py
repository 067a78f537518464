"""The pools while they run: states, ejections, affinity, and which live sessions are to be closed."""

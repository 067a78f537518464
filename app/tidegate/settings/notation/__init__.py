"""How single values are written, and written back: durations, sizes, addresses, statuses, probe text."""

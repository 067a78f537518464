"""Reads single values from text and writes them back: durations, sizes, addresses, statuses, headers, probe text."""

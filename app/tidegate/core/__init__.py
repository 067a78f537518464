"""Decisions as plain values and pure functions: no loop, socket, clock, randomness, environment or log in here."""

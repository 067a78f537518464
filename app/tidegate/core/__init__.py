"""Decisions as plain values and pure functions, without loop, socket, clock, randomness, environment or log."""

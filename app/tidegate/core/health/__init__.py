"""Decides whether a backend is up, down or ejected, and when it is probed."""

"""Checks of settings against each other, and the messages about everything that is wrong."""

"""Listeners: accepting clients, their limits, and standing in for workers that do not accept."""

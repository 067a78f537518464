"""Processes of their own: what holds many descriptors, or would share a loop with what measures."""

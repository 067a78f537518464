"""Backends from the answers of DNS and of the Kubernetes API: pure parsing and choice, without requests."""

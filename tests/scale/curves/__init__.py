"""The curves, one file each."""

"""What is done to a proxy while its sessions go on: a file per theme; `registry.py` has them all."""

"""What DNS and Kubernetes say, as backends."""

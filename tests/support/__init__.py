"""What tests share: running proxies and workers, peers to talk to, and ways to wait for what they do."""

"""What a worker says of itself: counters on the stats board, and the lines of its sessions."""

"""What makes a backend up, down or ejected, and when it is probed."""

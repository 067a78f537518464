"""A session from accept to its log line, and how it ends."""

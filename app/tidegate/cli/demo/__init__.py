"""`tidegate demo`: embedded WebSocket backends behind a proxy, and a page to connect with."""

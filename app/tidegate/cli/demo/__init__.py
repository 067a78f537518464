"""`tidegate demo`: embedded WebSocket backends behind a proxy, and a page that connects to them."""

"""How bytes move between two sockets."""

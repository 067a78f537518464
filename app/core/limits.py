"""How many of each there can be at most: the stats board has a place for each, and settings refuse more."""

MOST_LISTENERS = 256
MOST_POOLS = 256
MOST_BACKENDS = 16384

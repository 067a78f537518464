"""How many of each there can be at most: the stats board has a place for each, and settings refuse more.

Only of counted clients there may be more: those that find no place on the board have no limit of their own.
"""

MOST_LISTENERS = 256
MOST_POOLS = 256
MOST_BACKENDS = 16384
MOST_COUNTED_CLIENTS = 65536

"""Everything that control and workers share: messages over a socket pair, the stats board, the log, and socket options."""

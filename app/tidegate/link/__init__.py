"""All that control and the workers share: messages over a socket pair, the stats board, and the stream of log lines."""

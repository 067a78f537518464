"""Start of a worker process: `python -m app.dataplane NUMBER WORKERS LINK_FD BOARD_FD`, run by control only."""

import sys

from app.dataplane.worker import run

if __name__ == "__main__":
    number, workers, link, board = map(int, sys.argv[1:])
    run(number, workers, link, board)

"""Start of a worker process: `python -m tidegate.dataplane NUMBER WORKERS LINK_FD BOARD_FD`, run by control only."""

import sys

from tidegate.link.process_title import set_title
from tidegate.link.signals import leave_to_control

if __name__ == "__main__":
    leave_to_control()  # before the modules of a worker are loaded, which takes a while
    from tidegate.dataplane.worker import run

    number, workers, link, board = map(int, sys.argv[1:])
    set_title(f"tidegate: worker {number}", f"tidegate: w{number}")
    run(number, workers, link, board)

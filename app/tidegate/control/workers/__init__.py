"""The worker processes: started, told what to do, given the listening sockets, and started again."""

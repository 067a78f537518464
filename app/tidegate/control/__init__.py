"""Control: the one process that knows everything and touches no client byte."""

"""Reading the state of other processes and of the host."""

"""Leader and follower of one partition: pure machines, no clock and no I/O."""

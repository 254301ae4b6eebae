"""Trials: a cluster, its clients and its faults from one seed, run, judged and reproduced."""

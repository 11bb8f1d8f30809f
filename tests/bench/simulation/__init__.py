"""Simulates a build with distcc 3.4, for clusters that are too large to start here.

`kernel` simulates time, processes and processor cores, `model` distcc's client and distccd. `scenarios` has
the clusters. `cases` compares the model with real builds, for `make bench`. `test_model` tests the model.
`python -m tests.bench.simulation` prints each scenario in detail.
"""

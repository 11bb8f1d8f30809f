"""A build over workers as distcc 3.4 runs it, simulated: for clusters that no bench can start.

`kernel` knows time, processes and processor cores, `model` distcc's client and distccd,
`scenarios` the clusters to look at. `cases` are for `make bench`: they hold the model to real
builds. `python -m tests.bench.simulation` prints more of each scenario.
"""

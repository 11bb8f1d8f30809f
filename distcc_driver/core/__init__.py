"""Computes, and does nothing else: no module here reads a file, asks the network or looks at a clock."""

"""Pure computation: no module of this folder reads a file, uses the network or reads the clock."""

"""The machine that builds: capacity, processes and compilers, and the files of distcc and ccache on it."""

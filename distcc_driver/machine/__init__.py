"""The machine that builds: its room, processes and compilers, and what distcc and ccache keep on it."""

"""Tells what distcc does with a compile command, and what has another effect on a worker than here."""

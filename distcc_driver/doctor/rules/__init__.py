"""Tells what distcc does with a compile command, and which options have another effect on a worker."""

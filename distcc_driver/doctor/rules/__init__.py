"""Tells what distcc does with a compile command, and what a worker does in another way than this machine."""

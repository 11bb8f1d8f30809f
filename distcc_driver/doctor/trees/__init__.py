"""Reads the files of a build directory, and runs nothing: which compilers it calls, with which options."""

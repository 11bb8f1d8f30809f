"""Reads the files of a build directory, runs nothing: which compilers it calls, with which options."""

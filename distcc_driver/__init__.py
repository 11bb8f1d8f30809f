"""Spread a C or C++ build over every distccd worker that is alive."""

__version__ = "0.1.0"
